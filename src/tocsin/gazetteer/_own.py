"""The user's own names for places, and what they correct."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from tocsin.errors import ConfigError
from tocsin.gazetteer import _text
from tocsin.gazetteer._text import Words


@dataclass(frozen=True)
class Alias:
    """A name of the user's for a position in degrees."""

    name: str
    latitude: float
    longitude: float


class Names:
    """`aliases`: names with latitude and longitude; `corrections`: texts with what to read in their stead, or None."""

    def __init__(self, aliases: Mapping[str, tuple[float, float]], corrections: Mapping[str, str | None]) -> None:
        spelled = list(aliases)
        keys = _keys(spelled, "alias")
        order = np.argsort(keys, kind="stable")
        self._keys = keys[order]
        self._aliases = [Alias(spelled[number], *aliases[spelled[number]]) for number in order]
        written = list(corrections)
        self._corrections = {
            int(key): corrections[text] or "" for text, key in zip(written, _keys(written, "correction"), strict=True)
        }

    def corrected(self, texts: Sequence[str]) -> Sequence[str]:
        """The texts, with what they mean by the corrections where these name one of them as a whole."""
        if not self._corrections:
            return texts
        meant = list(texts)
        for row, key in zip(*_text.names(texts), strict=True):
            meant[row] = self._corrections.get(int(key), texts[row])
        return meant

    def found(self, words: Words) -> Iterator[tuple[int, Alias]]:
        """The texts that hold an alias, by number, and which; of several the one with the most words."""
        if not len(self._keys):
            return
        for begins, keys in _text.runs(words):
            spots = np.minimum(np.searchsorted(self._keys, keys), len(self._keys) - 1)
            for hit in np.flatnonzero(self._keys[spots] == keys):
                yield int(words.owners[begins[hit]]), self._aliases[spots[hit]]


def _keys(spelled: list[str], kind: str) -> _text.Keys:
    """The keys of the user's names. Raises ConfigError for one that could never be found, or is there twice."""
    kept, keys = _text.names(spelled)
    for number in sorted({*range(len(spelled))} - {*kept.tolist()}):
        message = f"the {kind} '{spelled[number]}' can never be found: it has no word, or more than {_text.MOST_WORDS}"
        raise ConfigError(message, hint="write a name of a few words")
    seen: dict[int, str] = {}
    for text, key in zip(spelled, keys.tolist(), strict=True):
        if key in seen:
            message = f"the {kind} '{text}' is the same as '{seen[key]}': case, accents and signs do not count"
            raise ConfigError(message, hint="leave one of them out")
        seen[key] = text
    return keys
