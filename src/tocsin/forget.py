"""Taking erased posts out of what was written about them."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any


def scrub(body: dict[str, Any], uids: Collection[str], authors: Collection[tuple[str, str]]) -> bool:
    """Remove posts from an incident or an alert, as read from JSON; whether there was one to remove.

    `authors` are (source, author id).

    >>> alert = {"incident": {"explanation": {"posts": [{"uid": "news:1"}, {"uid": "news:2"}]}}}
    >>> scrub(alert, {"news:1"}, ()), alert["incident"]["explanation"]["posts"]
    (True, [{'uid': 'news:2'}])
    """
    explanation = body.get("incident", body).get("explanation", {})
    posts = explanation.get("posts", [])
    kept = [
        post
        for post in posts
        if post.get("uid") not in uids and (post.get("source"), post.get("author_id")) not in authors
    ]
    if len(kept) == len(posts):
        return False
    explanation["posts"] = kept
    return True
