"""The words of the batch at hand, cut once for all who ask about it."""

from __future__ import annotations

from collections.abc import Sequence

from tocsin.models._words import Words, split

_last: tuple[Sequence[str], Words] | None = None


def words_of(texts: Sequence[str]) -> Words:
    """The words of these texts; asked again about the same list (the very object), the same words."""
    global _last  # noqa: PLW0603 - one batch is at work in a process at a time
    if _last is None or _last[0] is not texts:
        _last = texts, split(texts)
    return _last[1]
