"""Taking erased posts out of what was written about them."""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import Any

ERASED = "(erased)"


def scrub(body: dict[str, Any], uids: Collection[str], authors: Collection[tuple[str, str]]) -> bool:
    """Remove posts and people from an incident or an alert, as read from JSON; whether there was one to remove.

    `authors` are (source, author id).

    >>> alert = {"incident": {"explanation": {"posts": [{"uid": "news:1"}, {"uid": "news:2"}]}}}
    >>> scrub(alert, {"news:1"}, ()), alert["incident"]["explanation"]["posts"]
    (True, [{'uid': 'news:2'}])
    """
    bodies = [body.get("incident", body), *body.get("also", ()), *body.get("incidents", ())]
    return sum(_scrubbed(one.get("explanation", {}), uids, authors) for one in bodies) > 0


def _scrubbed(explanation: dict[str, Any], uids: Collection[str], authors: Collection[tuple[str, str]]) -> bool:
    def gone(found: dict[str, Any]) -> bool:
        return found.get("uid") in uids or (found.get("source"), found.get("author_id")) in authors

    posts = explanation.get("posts", [])
    kept = [post for post in posts if not gone(post)]
    named = [part for part in explanation.get("slices", ()) if gone(part) or part.get("value") in uids]
    without: dict[str, Any] = explanation.get("counterfactual") or {}
    blamed = bool(without) and gone(without)
    if len(kept) == len(posts) and not named and not blamed:
        return False
    explanation["posts"] = kept
    for part in named:
        explanation["why"] = _without(explanation.get("why"), part["value"])
        part |= {"value": ERASED, "author_id": None}
        part["where"] = dict.fromkeys(part.get("where", {}), ERASED)
    if blamed:
        explanation["why"] = _without(explanation.get("why"), without["author"])
        explanation["counterfactual"] = without | {"uid": None, "author": None, "author_id": None}
    return True


def _without(text: str | None, name: str | None) -> str | None:
    """The text without this name, where it does not merely begin another."""
    return re.sub(rf"@{re.escape(name)}(?![\w-]|\.\w)", ERASED, text) if text and name else text
