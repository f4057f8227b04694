"""The explanation in two or three plain sentences, to stand under the headline."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from tocsin.alerts.explain.voices import FEW, LOUD
from tocsin.wording import described, lifted

MOST_SENTENCES = 3
HALF = 0.5
TELLING = 30
"""Per cent of the change that a cause must make to be told."""
SHIFT, ENOUGH = 15, 20
"""So many per cent of so many posts is a mood that has shifted."""


def why(explanation: Mapping[str, Any], direction: str) -> str:
    """What stands out, the strongest first; empty where nothing does."""
    return " ".join(list(_sentences(explanation, direction))[:MOST_SENTENCES])


def _sentences(explanation: Mapping[str, Any], direction: str) -> Iterator[str]:
    change = "rise" if direction == "up" else "fall"
    without, voices = explanation.get("counterfactual"), explanation["voices"]
    if without is not None:
        yield f"Without {_left_out(without)} there would be no spike."
    elif _few_make_it(voices):
        yield f"{voices['busiest_four_excess']:.0%} of the excess comes from {FEW} accounts."
    told = _told_already(without)
    causes = [one for one in explanation["slices"] if one["dimension"] not in {"rest", *told}]
    if causes and causes[0]["share"] >= TELLING:
        yield f"{_cause(causes[0], change)}."
    elif explanation.get("broad"):
        yield f"A broad {change}: no source, language, country or account stands out."
    if explanation["phrases"]:
        words = ", ".join(f"“{one['phrase']}”" for one in explanation["phrases"][:3])
        yield f"New words: {words}."
    if explanation.get("together"):
        mates = ", ".join(one["category"] for one in explanation["together"][:3])
        yield f"At the same time: {mates}." if direction == "up" else f"Fewer of these, too: {mates}."
    mood = explanation.get("sentiment")
    if mood and voices["posts"] >= ENOUGH and abs(mood["negative"] - mood["usual_negative"]) >= SHIFT:
        yield f"{mood['negative']:.0f}% of the posts are negative, usually {mood['usual_negative']:.0f}%."


def _left_out(without: Mapping[str, Any]) -> str:
    who = f"@{without['author']}" if without["author"] else "one author"
    posts = without["posts"]
    if without["without"] == "copies":
        return f"the {posts} copies of a post by {who}" if without["author"] else f"the {posts} copies of one post"
    if without["without"] == "reposts":
        return f"the {posts} copies of posts by {who}"
    if without["without"] == "account":
        return f"the {posts} posts by {who}"
    return f"the {posts} posts of the {without['accounts']} busiest accounts"


def _told_already(without: Mapping[str, Any] | None) -> set[str]:
    """What a sentence on what would be without it has said of the slices, too; copies are never a cause in words."""
    return {"cluster_id"} | ({"author_handle"} if without and without["without"] == "account" else set())


def _few_make_it(voices: Mapping[str, Any]) -> bool:
    """Whether a few among many make most of the excess, and not with a post or two each."""
    loud = voices["busiest_four_share"] * voices["posts"] >= LOUD * FEW
    return (voices.get("busiest_four_excess") or 0) >= HALF and voices["authors"] > FEW + 1 and loud


def _cause(cause: Mapping[str, Any], change: str) -> str:
    part = "All" if cause["share"] >= 99.5 else f"{cause['share']:.0f}%"
    said = f"{part} of the {change} is {described(cause)}"
    if change == "fall":
        return said
    return f"{said} ({lifted(cause['lift'])})"
