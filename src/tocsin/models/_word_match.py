"""How much of a description a text answers, word by word.

Each word of the description looks for the word of the text that means most nearly the same; what it finds counts by
the word's weight (late interaction: Khattab and Zaharia 2020, arXiv:2004.12832). A text about many things has no
clear direction, but still says the decisive word.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tocsin.models._table import Floats, Table, directions
from tocsin.models._words import Ints, split

LEAST = 0.3
"""Words that are less alike than this have nothing to do with one another."""
_STEPS = 1024.0  # likeness and weight are multiples of 1 / _STEPS, so that their products add up exactly
_CELLS_AT_ONCE = 2**21


class WordMatch:
    """The descriptions' words, and what share of its description each one is."""

    def __init__(self, descriptions: Sequence[str], table: Table) -> None:
        words = split(descriptions)
        spelled = [words.spelled(number) for number in range(len(words.keys))]
        vectors = table.words(spelled, words.tagged.tolist())
        lengths = np.linalg.norm(vectors, axis=1)
        self._words = directions(vectors)
        self._shares = np.zeros((len(words.keys), len(descriptions)), np.float32)
        self._shares[np.arange(len(words.keys)), words.owners] = lengths
        self._shares /= np.maximum(self._shares.sum(axis=0), 1e-9)
        self._shares = np.rint(self._shares * _STEPS) / np.float32(_STEPS)
        known = lengths[lengths > 0]
        self._usual = np.float32(np.median(known)) if len(known) else np.float32(1.0)

    def of(self, rows: Ints, vectors: Floats, bounds: Ints) -> Floats:
        """(n, descriptions) from 0 to 1, for n texts whose words are `rows` of `vectors` (see `_table.sums`)."""
        found = np.zeros((len(bounds) - 1, self._shares.shape[1]), np.float32)
        full = np.flatnonzero(np.diff(bounds))
        most = max(_CELLS_AT_ONCE // max(len(self._words), 1), 1)
        start = 0
        while start < len(full) and len(self._words):
            first = bounds[full[start]]
            stop = max(start + 1, int(np.searchsorted(bounds[full + 1], first + most, side="right")))
            part = full[start:stop]
            used, places = np.unique(rows[first : bounds[part[-1] + 1]], return_inverse=True)
            nearest = np.maximum.reduceat(self._likeness(vectors[used])[places], bounds[part] - first, axis=0)
            found[part] = nearest @ self._shares
            start = stop
        return found

    def _likeness(self, vectors: Floats) -> Floats:
        """(k, words of the descriptions): how alike each two words are, less for words that hardly mean anything."""
        alike = np.maximum(directions(vectors) @ self._words.T - np.float32(LEAST), 0)
        weight = np.minimum(np.linalg.norm(vectors, axis=1) / self._usual, 1).astype(np.float32)
        rounded: Floats = np.rint(alike * weight[:, None] * _STEPS) / np.float32(_STEPS)
        return rounded
