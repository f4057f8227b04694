"""Words for error messages: what was probably meant, and text from outside shown as it is."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


def did_you_mean(word: str, known: Iterable[str]) -> str | None:
    """A hint that names the nearest known word, if one is near.

    >>> did_you_mean("webhok", ["file", "webhook"])
    "did you mean 'webhook'?"
    """
    nearest = difflib.get_close_matches(word.lower(), list(known), n=1, cutoff=0.6)
    return f"did you mean '{nearest[0]}'?" if nearest else None


def printable(text: str, limit: int = 60) -> str:
    """Text from outside, fit to stand in one line of a message."""
    shown = "".join(sign if sign.isprintable() else sign.encode("unicode_escape").decode("ascii") for sign in text)
    return shown if len(shown) <= limit else shown[: limit - 1] + "…"
