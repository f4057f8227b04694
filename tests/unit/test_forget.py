"""Who was erased is in no explanation any more: not as a post, not as a slice, not in a sentence."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from tocsin.forget import ERASED, scrub


def alert() -> dict[str, Any]:
    loud = {"dimension": "author_handle", "value": "ann", "where": {"author_handle": "ann"}, "share": 60.0}
    copied = {"dimension": "cluster_id", "value": "news:1", "where": {"cluster_id": "news:1"}, "share": 20.0}
    why = {
        "why": "Without the 59 copies of a post by @ann there would be no spike. 60% of it is the account @ann.",
        "slices": [loud | {"source": "news", "author_id": "a1"}, copied, {"dimension": "rest", "share": 20.0}],
        "posts": [{"uid": "news:1", "source": "news", "author_id": "a1"}, {"uid": "news:2", "source": "news"}],
        "counterfactual": {"without": "copies", "uid": "news:1", "source": "news", "author": "ann", "author_id": "a1"},
    }  # fmt: skip
    return {"key": "k", "incident": {"explanation": why}, "also": [{"explanation": dict(why)}]}


@pytest.mark.parametrize(("uids", "authors"), [(set(), {("news", "a1")}), ({"news:1"}, {("news", "a1")})])
def test_an_author_is_nowhere_any_more(uids: set[str], authors: set[tuple[str, str]]) -> None:
    body = alert()
    assert scrub(body, uids, authors)
    left = msgspec.json.encode(body).decode()
    assert "ann" not in left
    assert '"a1"' not in left
    assert ERASED in left
    assert not scrub(body, uids, authors)


def test_a_text_of_an_erased_post_is_named_no_more_and_shares_still_sum_to_a_hundred() -> None:
    body = alert()
    assert scrub(body, {"news:1"}, set())
    why = body["incident"]["explanation"]
    assert "news:1" not in msgspec.json.encode(why).decode()
    assert sum(part["share"] for part in why["slices"]) == 100


def test_a_name_that_begins_with_an_erased_one_stays_whole() -> None:
    body = alert()
    body["incident"]["explanation"]["why"] = "Without the 9 posts by @ann, not @anna or @ann.example.com. It is @ann."
    assert scrub(body, set(), {("news", "a1")})
    why = body["incident"]["explanation"]["why"]
    assert why == f"Without the 9 posts by {ERASED}, not @anna or @ann.example.com. It is {ERASED}."


def test_whose_copies_they_were_is_not_told_any_more_and_how_many_is() -> None:
    body = alert()
    why = body["incident"]["explanation"]
    why["counterfactual"] |= {"without": "reposts", "uid": None, "accounts": 1, "posts": 60, "left": 20}
    assert scrub(body, set(), {("news", "a1")})
    left = why["counterfactual"]
    assert (left["author"], left["author_id"], left["posts"], left["left"]) == (None, None, 60, 20)


def test_what_is_about_others_stays() -> None:
    body = alert()
    assert not scrub(body, {"news:9"}, {("blogs", "a1")})
    assert body == alert()
