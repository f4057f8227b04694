"""Why: slices that sum to the excess, new words, posts to read, voices, coverage."""

from __future__ import annotations

import random
from datetime import timedelta
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.helpers.explained import START, case, read, row, sides, slices, usual

from tocsin.alerts.explain import Case, Sides, explain
from tocsin.alerts.explain.context import chart, coverage, together
from tocsin.alerts.explain.phrases import phrases
from tocsin.alerts.explain.slices import slices as found_slices
from tocsin.evaluate import explanation


def test_a_sample_of_the_posts_gives_the_shares_of_all() -> None:
    burst = [row(1000 + n, source="forum", language=["en", "de"][n % 2]) for n in range(600)]
    everything = [*usual(200, 1), *burst]
    whole = slices(everything, usual(), 200)
    some = sides(everything[::8], usual(), 200)
    part, _ = found_slices(Sides(some.now, some.then, 800, 200))
    assert [found["value"] for found in part] == [found["value"] for found in whole] == ["forum", ""]
    assert part[0]["share"] == pytest.approx(whole[0]["share"], abs=1)
    assert part[0]["posts"] == pytest.approx(600, abs=10)


def test_the_cause_is_named_first_and_the_shares_sum_to_a_hundred() -> None:
    burst = [row(1000 + n, "cannot log in", source="forum", language="en" if n % 2 else "de") for n in range(60)]
    found = slices([*usual(20, 1), *burst], usual())
    assert (found[0]["dimension"], found[0]["value"], found[0]["lift"]) == ("source", "forum", None)
    assert round(sum(part["share"] for part in found), 6) == 100
    assert found[-1]["dimension"] == "rest"


def test_what_is_always_there_explains_nothing() -> None:
    before = [row(n) for n in range(100)]
    found = slices([row(1000 + n) for n in range(60)], before)
    assert [part["dimension"] for part in found] == ["rest"]
    assert found[0]["share"] == 100


def test_two_causes_are_both_named() -> None:
    forum = [row(1000 + n, source="forum", language=["en", "de"][n % 2]) for n in range(40)]
    french = [row(2000 + n, source=["news", "blogs"][n % 2], language="fr") for n in range(40)]
    found = slices([*usual(20, 1), *forum, *french], usual())
    assert {(part["dimension"], part["value"]) for part in found[:2]} == {("source", "forum"), ("language", "fr")}


def test_one_loud_account_is_named() -> None:
    loud = [row(1000 + n, author_handle="bot", author_id="b", source=["news", "blogs"][n % 2]) for n in range(50)]
    found = slices([*usual(20, 1), *loud], usual())
    assert (found[0]["dimension"], found[0]["value"]) == ("author_handle", "bot")
    assert found[0]["where"] == {"author_handle": "bot"}


def test_a_text_that_is_copied_is_named_and_would_not_have_been_a_spike_without_its_copies() -> None:
    copied = [row(1000 + n, "the same text", cluster_id="news:1000") for n in range(60)]
    found = explain(case([*usual(20, 1), *copied], usual()))
    assert (found["slices"][0]["dimension"], found["slices"][0]["value"]) == ("cluster_id", "news:1000")
    assert found["counterfactual"] == {
        "without": "copies", "uid": "news:1000", "source": "news", "author": "user1000", "author_id": "a1000",
        "accounts": 1, "posts": 59, "left": 21,
    }  # fmt: skip
    assert found["why"].startswith("Without the 59 copies of a post by @user1000 there would be no spike.")


def test_where_two_attributes_are_the_cause_both_are_named_together() -> None:
    burst = [row(1000 + n, source="blogs", language="de", country=["DE", "AT"][n % 2]) for n in range(60)]
    before = [one | {"country": ["DE", "AT"][n % 2]} for n, one in enumerate(usual())]
    found = slices([*before[:20], *burst], before)
    assert found[0]["where"] == {"source": "blogs", "language": "de"}
    assert (found[0]["dimension"], found[0]["value"]) == ("source+language", "blogs + de")


def test_a_broad_rise_blames_no_slice() -> None:
    found = explain(case(usual(300, 1), usual(400, 2), high=30))
    assert (found["broad"], [part["share"] for part in found["slices"]]) == (True, [100.0])
    assert "A broad rise" in found["why"]


def test_what_is_missing_from_a_fall_is_told_the_same_way() -> None:
    before = [row(n, source=["news", "blogs"][n % 2], language=["en", "de"][n // 2 % 2]) for n in range(400)]
    left = [row(1000 + n, source="news", language=["en", "de"][n % 2]) for n in range(50)]
    found = slices(left, before, 100)
    assert (found[0]["where"], found[0]["share"], found[0]["posts"]) == ({"source": "blogs"}, 100.0, 0)


def test_a_fall_is_told_in_words_of_its_own() -> None:
    before = [row(n, source=["news", "blogs"][n % 2]) for n in range(400)]
    left = [row(1000 + n, source="news") for n in range(50)]
    told = explain(Case(sides(left, before, 100), 30, START, "down", {}))
    assert told["why"].startswith("All of the fall is source blogs.")
    assert told["counterfactual"] is None


def test_three_posts_of_one_stranger_among_hundreds_are_no_cause() -> None:
    talkative = [row(1000 + n, author_id="ann", author_handle="ann") for n in range(3)]
    found = explain(case([*usual(6, 1), *talkative], usual(300), high=8))
    assert [part["dimension"] for part in found["slices"]] == ["rest"]
    assert "ann" not in found["why"]


def test_what_is_named_more_often_and_how_the_mood_has_shifted() -> None:
    name = {"text": "Springfield Station", "type": "LOC", "start": 0, "end": 1}
    before = [row(n, sentiment=["neutral", "positive"][n % 2], place_name="Ulm") for n in range(200)]
    burst = [row(1000 + n, entities=[name, name], sentiment="negative", place_name="Bonn") for n in range(40)]
    found = explain(case([*before[:10], *burst], before))
    msgspec.json.encode(found)
    assert found["entities"] == [{"value": "Springfield Station", "share": 80.0, "usual": 0.0}]
    assert found["places"][0]["value"] == "Bonn"
    assert found["sentiment"] == {"negative": 80.0, "usual_negative": 0.0}


def test_a_broad_fall_has_no_slices_but_the_rest() -> None:
    (rest,) = slices(usual(5), usual())
    assert rest == {"dimension": "rest", "value": "", "where": {}, "share": 100.0, "posts": 5} | dict.fromkeys(
        ("lift", "surprise")
    )


def test_without_a_past_nothing_is_blamed() -> None:
    assert [part["share"] for part in slices(usual(50), [])] == [100.0]
    assert explain(case([], usual()))["posts"] == []


def test_new_words_are_found_and_usual_ones_are_not() -> None:
    burst = [row(1000 + n, f"cannot log in {'again' if n % 3 else 'today'}") for n in range(40)]
    found = [part["phrase"] for part in phrases([*usual(20, 1), *burst], usual())]
    assert "log in" in found or "cannot log" in found
    assert "parcel" not in found
    assert len(found) == len(set(found)) <= 8


def test_words_of_one_text_with_many_copies_are_new_for_nobody_but_its_author() -> None:
    copied = [row(1000 + n, "buy cheap watches", cluster_id="news:1000") for n in range(50)]
    assert explain(case([*usual(20, 1), *copied], usual()))["phrases"] == []


def test_sources_and_languages_that_stand_out_are_named_but_for_what_the_series_is_of() -> None:
    burst = [row(1000 + n, source="forum", language="fr") for n in range(60)]
    both = sides([*usual(20, 1), *burst], usual())
    found = explain(Case(both, 30, START, "up", {}))
    assert [found["sources"][0]["value"], found["languages"][0]["value"]] == ["forum", "fr"]
    fixed = Sides(both.now, both.then, both.observed, both.expected, frozenset({"source"}))
    assert explain(Case(fixed, 30, START, "up", {}))["sources"] == []


def test_a_place_that_one_author_goes_on_about_is_not_what_people_speak_of() -> None:
    loud = [row(1000 + n, author_id="ann", place_name="Bonn") for n in range(20)]
    crowd = [row(2000 + n, place_name="Ulm") for n in range(20)]
    assert [one["value"] for one in explain(case([*usual(20, 1), *loud, *crowd], usual()))["places"]] == ["Ulm"]


def test_a_slice_says_how_much_it_surprises() -> None:
    burst = [row(1000 + n, source="forum") for n in range(60)]
    forum, rest = slices([*usual(20, 1), *burst], usual())
    assert forum["surprise"] == pytest.approx(0.5 * 0.75 * np.log(2), abs=1e-3)
    assert rest["surprise"] is None


def test_an_author_counts_once_for_a_word() -> None:
    shouting = [row(1000 + n, "buy cheap watches", author_id="a1") for n in range(50)]
    assert phrases([*usual(20, 1), *shouting], usual()) == []


def test_posts_to_read_fold_copies_and_vary() -> None:
    copies = [row(n, "cannot log in at all", cluster_id="news:1") for n in range(1, 31)]
    others = [
        row(100 + n, text) for n, text in enumerate(["status page is down", "cannot log in since noon", "nice weather"])
    ]
    found = read([*others, *copies], ["cannot log", "status page"])
    assert found[0]["uid"] == "news:1"
    assert found[0]["copies"] == 30
    assert len(found) == 4
    assert {"news:100", "news:101"} <= {post["uid"] for post in found}


def test_of_very_many_posts_the_first_and_the_number_of_copies_are_still_exact() -> None:
    told = [row(n, f"text {n}") for n in range(3000)]
    told[1501] |= {"text": "cannot log in"}
    copies = [row(3000 + n, "it is down", cluster_id="news:3000") for n in range(777)]
    found = {post["role"]: post for post in read([*told, *copies], ["cannot log"])}
    assert (found["first"]["uid"], found["most_copied"]["copies"]) == ("news:1501", 777)


def test_shown_posts_are_safe_to_show() -> None:
    (post,) = read([row(1, "down\u202e\x1b[31m\n\nagain" + "x" * 500, author_handle="e\x00vil")], [])
    assert "\u202e" not in post["text"]
    assert "\x1b" not in post["text"]
    assert len(post["text"]) <= 280
    assert post["author"] == "evil"


def test_coverage_counts_overlapping_gaps_once() -> None:
    def gap(start: int, end: int | None, source: str = "news") -> dict[str, Any]:
        until = None if end is None else START + timedelta(minutes=end)
        return {"event_time": START + timedelta(minutes=start), "until": until, "source": source}

    gaps = [gap(10, 20), gap(15, 30, "blogs"), gap(-30, 5)]
    found = coverage(gaps, START, START + timedelta(hours=1))
    assert found["share"] == pytest.approx(1 - 25 / 60, abs=1e-4)
    assert len(found["gaps"]) == 3
    assert coverage([gap(30, None)], START, START + timedelta(hours=1))["share"] == 0.5
    assert coverage([], START, START + timedelta(hours=1)) == {"share": 1.0, "gaps": []}


def test_the_posts_told_are_those_since_it_began() -> None:
    calm = [row(n, "cannot log in either") for n in range(10)]
    burst = [row(1000 + n, f"cannot log in {n}") for n in range(20)]
    began = START + timedelta(seconds=1000)
    told = explain(case([*calm, *burst], usual(), began))["posts"]
    assert all(post["uid"] >= "news:1000" for post in told)
    few = explain(case([*calm, *burst[:2]], usual(), began))["posts"]
    assert len(few) == 5


def test_categories_that_rise_too_are_named_and_those_that_do_not_are_not() -> None:
    found = together({"outage": 90, "billing": 40, "praise": 5}, {"billing": 100, "praise": 110}, 1 / 24, "outage")
    assert found == [{"category": "billing", "observed": 40, "usual": 4.2}]


def test_of_a_fall_those_are_named_that_fall_too() -> None:
    found = together({"billing": 5}, {"billing": 960, "praise": 120, "other": 48}, 1 / 24, "outage", "down")
    assert [(one["category"], one["observed"], one["usual"]) for one in found] == [("billing", 5, 40.0)]


def test_the_chart_holds_every_post_in_bars_of_whole_buckets() -> None:
    times = np.array([0, 59, 60, 86_399, 86_400, 89_999])
    found = chart(times, 0, 90_000, 300, 1 / 300)
    assert (found["start"], found["bucket"], sum(found["counts"]), found["expected"]) == (0, 900, 6, 3.0)
    assert chart(np.array([7, 95]), 0, 120, 10, 1.0)["counts"] == [1, 1]


def test_what_comes_out_depends_on_the_posts_and_not_on_their_order() -> None:
    burst = [row(1000 + n, f"cannot log in {n % 9}", cluster_id=f"news:{1000 + n % 40}", source="forum",
                 author_id=f"a{n % 30}", sentiment=["negative", None][n % 2]) for n in range(80)]  # fmt: skip
    now, then = [*usual(20, 1), *burst], usual()
    whole = msgspec.json.encode(explain(case(now, then)))
    for seed in range(5):
        chance = random.Random(seed)
        mixed = [chance.sample(some, len(some)) for some in (now, then)]
        assert msgspec.json.encode(explain(case(*mixed))) == whole


def test_an_explanation_is_small_whatever_people_write() -> None:
    long = "cannot log in \U0001f600 " * 200
    burst = [
        row(
            1000 + n, f"{n} {long}", source=f"forum{n % 3}", url=f"https://example.com/{'x' * 300}", place_name="y" * 80
        )
        for n in range(400)
    ]
    assert len(msgspec.json.encode(explain(case([*usual(20, 1), *burst], usual())))) < 20_000


@given(st.data())
@settings(max_examples=60)
def test_shares_sum_to_a_hundred_and_nothing_breaks_whatever_the_posts_lack(data: st.DataObject) -> None:
    def some(first: int, least: int) -> list[dict[str, Any]]:
        values = {
            "source": st.sampled_from(["a", "b"]), "language": st.sampled_from([None, "en"]),
            "country": st.sampled_from([None, "DE", "FR"]), "author_id": st.sampled_from([None, "x", "y"]),
            "author_handle": st.sampled_from([None, "x"]), "cluster_id": st.sampled_from([None, "c"]),
            "text": st.sampled_from([None, "", "cannot log in", "\u2028\U0001f600"]),
            "is_repost": st.sampled_from([None, True]),
        }  # fmt: skip
        posts = data.draw(st.lists(st.fixed_dictionaries(values), min_size=least, max_size=30))
        return [row(first + number, **post) for number, post in enumerate(posts)]

    rows, before = some(1000, 0), some(0, 0)
    direction = data.draw(st.sampled_from(["up", "down"]))
    sided = sides(rows, before, data.draw(st.floats(0.5, 40)))
    found = explain(Case(sided, 5, START, direction, {}))
    msgspec.json.encode(found)
    assert round(sum(part["share"] for part in found["slices"]), 6) == 100
    assert len(found["posts"]) == len({post["uid"] for post in found["posts"]}) <= 5


def test_planted_causes_are_named_first() -> None:
    found = explanation.run(cases=40, seed=7)
    assert found["named_first"] >= 0.95
    assert found["shares_sum_to_100"] == 1
    assert found["named_first"] > found["greatest_single_share"]["named_first"] + 0.3
