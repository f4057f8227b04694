"""Why: slices that sum to the excess, new words, posts to read, voices, coverage."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tocsin.alerts import explain

START = datetime(2026, 3, 2, 8, tzinfo=UTC)


def row(number: int, text: str = "my parcel is late", **values: Any) -> dict[str, Any]:
    base = {
        "uid": f"news:{number}", "event_time": START + timedelta(seconds=number), "source": "news", "language": "en",
        "country": None, "author_id": f"a{number}", "author_handle": f"user{number}", "cluster_id": f"news:{number}",
        "is_repost": False, "text": text, "url": None,
    }  # fmt: skip
    return base | values


def usual(count: int = 200, seed: int = 0) -> list[dict[str, Any]]:
    chance = random.Random(seed)
    words = ["parcel", "late", "thanks", "price", "staff", "today", "order", "where", "help", "again"]
    return [
        row(n, " ".join(chance.sample(words, 4)), source=chance.choice(["news", "blogs"]),
            language=chance.choice(["en", "de"]))
        for n in range(count)
    ]  # fmt: skip


def slices(rows: list[dict[str, Any]], before: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return explain.slices(rows, before, observed=len(rows), expected=20)


def test_a_sample_of_the_posts_gives_the_shares_of_all() -> None:
    burst = [row(1000 + n, source="forum", language=["en", "de"][n % 2]) for n in range(600)]
    everything = [*usual(200, 1), *burst]
    whole = explain.slices(everything, usual(), observed=800, expected=200)
    part = explain.slices(everything[::8], usual(), observed=800, expected=200)
    assert [found["value"] for found in part] == [found["value"] for found in whole] == ["forum", ""]
    assert part[0]["share"] == pytest.approx(whole[0]["share"], abs=1)
    assert part[0]["posts"] == pytest.approx(600, abs=10)


def test_the_cause_is_named_first_and_the_shares_sum_to_a_hundred() -> None:
    burst = [row(1000 + n, "cannot log in", source="forum", language="en" if n % 2 else "de") for n in range(60)]
    found = slices([*usual(20, 1), *burst], usual())
    assert (found[0]["dimension"], found[0]["value"], found[0]["lift"]) == ("source", "forum", None)
    assert sum(part["share"] for part in found) == pytest.approx(100, abs=0.11)
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
    loud = [
        row(1000 + n, author_handle="bot", source=["news", "blogs"][n % 2], language=["en", "de"][n // 2 % 2])
        for n in range(50)
    ]
    found = slices([*usual(20, 1), *loud], usual())
    assert (found[0]["dimension"], found[0]["value"]) == ("author_handle", "bot")


def test_a_fall_has_no_slices_but_the_rest() -> None:
    assert slices(usual(5), usual()) == [{"dimension": "rest", "value": "", "share": 100.0, "posts": 5, "lift": None}]


def test_new_words_are_found_and_usual_ones_are_not() -> None:
    burst = [row(1000 + n, f"cannot log in {'again' if n % 3 else 'today'}") for n in range(40)]
    found = [part["phrase"] for part in explain.phrases([*usual(20, 1), *burst], usual())]
    assert "log in" in found or "cannot log" in found
    assert "parcel" not in found
    assert len(found) == len(set(found)) <= 8


def test_an_author_counts_once_for_a_word() -> None:
    shouting = [row(1000 + n, "buy cheap watches", author_id="a1") for n in range(50)]
    assert explain.phrases([*usual(20, 1), *shouting], usual()) == []


def test_posts_to_read_fold_copies_and_vary() -> None:
    copies = [row(n, "cannot log in at all", cluster_id="news:1") for n in range(1, 31)]
    others = [
        row(100 + n, text) for n, text in enumerate(["status page is down", "cannot log in since noon", "nice weather"])
    ]
    found = explain.representative([*others, *copies], ["cannot log", "status page"])
    assert found[0]["uid"] == "news:1"
    assert found[0]["copies"] == 30
    assert len(found) == 4
    assert {"news:100", "news:101"} <= {post["uid"] for post in found}


def test_shown_posts_are_safe_to_show() -> None:
    (post,) = explain.representative([row(1, "down\u202e\x1b[31m\n\nagain" + "x" * 500, author_handle="e\x00vil")], [])
    assert "\u202e" not in post["text"]
    assert "\x1b" not in post["text"]
    assert len(post["text"]) <= 280
    assert post["author"] == "evil"


def test_voices_count_people_not_posts() -> None:
    rows = [row(n, author_id=f"a{n % 2}", cluster_id="c") for n in range(10)]
    assert explain.voices(rows) == {"posts": 10, "authors": 2, "texts": 1, "copies": 9, "busiest_four_share": 1.0}
    assert explain.voices([])["busiest_four_share"] == 0.0


def test_coverage_counts_overlapping_gaps_once() -> None:
    def gap(start: int, end: int | None, source: str = "news") -> dict[str, Any]:
        until = None if end is None else START + timedelta(minutes=end)
        return {"event_time": START + timedelta(minutes=start), "until": until, "source": source}

    gaps = [gap(10, 20), gap(15, 30, "blogs"), gap(-30, 5)]
    found = explain.coverage(gaps, START, START + timedelta(hours=1))
    assert found["share"] == pytest.approx(1 - 25 / 60, abs=1e-4)
    assert len(found["gaps"]) == 3
    assert explain.coverage([gap(30, None)], START, START + timedelta(hours=1))["share"] == 0.5
    assert explain.coverage([], START, START + timedelta(hours=1)) == {"share": 1.0, "gaps": []}


def test_the_posts_told_are_those_since_it_began() -> None:
    calm = [row(n, "cannot log in either") for n in range(10)]
    burst = [row(1000 + n, f"cannot log in {n}") for n in range(20)]
    began = START + timedelta(seconds=1000)
    told = explain.explain([*calm, *burst], usual(), 30, 5, began, {})["posts"]
    assert all(post["uid"] >= "news:1000" for post in told)
    few = explain.explain([*calm, *burst[:2]], usual(), 12, 5, began, {})["posts"]
    assert len(few) == 5
