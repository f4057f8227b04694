"""How many people speak, whether a few make the excess, and what would not have been a spike without them."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.helpers.explained import case, row, sides, usual

from tocsin.alerts.explain import explain
from tocsin.alerts.explain.voices import counterfactual, voices

HIGH = 40


def told(rows: list[dict[str, Any]], before: list[dict[str, Any]] | None = None, high: float = HIGH) -> Any:
    return counterfactual(sides([*usual(20, 1), *rows], usual() if before is None else before), high)


def why(rows: list[dict[str, Any]], high: float = HIGH) -> str:
    return str(explain(case([*usual(20, 1), *rows], usual(), high=high))["why"])


def test_voices_count_people_not_posts() -> None:
    rows = [row(n, author_id=f"a{n % 2}", cluster_id="c") for n in range(10)]
    assert voices(sides(rows, usual(), 4)) == {
        "posts": 10, "authors": 2, "texts": 1, "copies": 9, "busiest_four_share": 1.0, "busiest_four_excess": 1.0,
    }  # fmt: skip
    assert voices(sides([], usual()))["busiest_four_share"] == 0.0


def test_a_few_accounts_that_make_the_excess_are_told_of() -> None:
    loud = [row(1000 + n, f"text {n}", author_id=f"loud{n % 4}", author_handle=f"loud{n % 4}") for n in range(32)]
    told = explain(case([*usual(60, 1), *loud], usual(), high=92))
    assert told["voices"]["busiest_four_excess"] == pytest.approx(32 / 72, abs=0.03)


def test_copies_of_a_post_from_before_the_window_are_all_left_out_and_its_author_is_known() -> None:
    before = [*usual(), row(900, author_id="ann", author_handle="ann")]
    found = told([row(1000 + n, cluster_id="news:900") for n in range(60)], before)
    assert (found["without"], found["author"], found["posts"], found["left"]) == ("copies", "ann", 60, 20)


def test_copies_of_a_post_that_nobody_saw_are_not_laid_at_the_door_of_who_copied_first() -> None:
    found = told([row(1000 + n, cluster_id="x:1") for n in range(60)])
    assert (found["author"], found["uid"], found["posts"], found["left"]) == (None, "x:1", 59, 21)
    assert "the 59 copies of one post there" in why([row(1000 + n, cluster_id="x:1") for n in range(60)])


def test_reposts_of_several_posts_of_one_account_are_told_together() -> None:
    own = [row(1000 + n, f"text {n}", author_id="x", author_handle="x") for n in range(5)]
    copies = [row(2000 + n, f"text {n % 5}", cluster_id=f"news:{1000 + n % 5}") for n in range(60)]
    found = told([*own, *copies])
    assert (found["without"], found["author"], found["posts"], found["left"]) == ("reposts", "x", 60, 25)
    assert why([*own, *copies]).startswith("Without the 60 copies of posts by @x there would be no spike.")


def test_a_loud_account_is_told_once() -> None:
    loud = [row(1000 + n, f"text {n}", author_id="bot", author_handle="bot") for n in range(50)]
    assert (told(loud)["without"], told(loud)["left"]) == ("account", 20)
    assert why(loud).count("@bot") == 1


def test_a_few_loud_accounts_are_as_few_as_it_takes() -> None:
    loud = [row(1000 + n, f"text {n}", author_id=f"bot{n % 3}") for n in range(75)]
    found = told(loud)
    assert (found["without"], found["accounts"], found["posts"], found["author"]) == ("accounts", 3, 75, None)
    assert why(loud).startswith("Without the 75 posts of the 3 busiest accounts there would be no spike.")


def test_a_few_posts_each_of_many_are_nobody_in_particular() -> None:
    crowd = [row(1000 + n, f"text {n}", author_id=f"b{n % 12}") for n in range(24)]
    assert told(crowd) is None
    assert "accounts" not in why(crowd)


def test_the_share_of_a_few_is_told_where_they_make_most_of_it() -> None:
    loud = [row(1000 + n, f"text {n}", author_id=f"loud{n % 4}") for n in range(60)]
    crowd = [row(2000 + n, f"words {n}") for n in range(30)]
    assert why([*loud, *crowd], high=40).startswith("67% of the excess comes from 4 accounts.")


def test_what_is_usual_needs_no_excuse() -> None:
    loud = [row(1000 + n, author_id="bot") for n in range(15)]
    assert told(loud) is None
    assert told([], high=10) is None


@given(st.lists(st.tuples(st.integers(0, 4), st.sampled_from([None, "news:1000", "x"])), min_size=1, max_size=60))
def test_what_is_left_out_and_what_is_left_are_all(posts: list[tuple[int, str | None]]) -> None:
    rows = [row(1000 + n, author_id=f"a{who}", cluster_id=copy) for n, (who, copy) in enumerate(posts)]
    both = sides(rows, usual(), 2)
    found = counterfactual(both, 5)
    if found is not None:
        assert found["posts"] + found["left"] == len(rows)
        assert 0 <= found["left"] < 5
