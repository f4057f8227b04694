"""The static embedding: a vector for each piece of a word, a text's vector the direction of their sum.

Distilled from all-MiniLM-L6-v2 (models/build/). All numbers are whole multiples of a step, so small that every sum
and product below is exact in float32: the order of additions, and so the size of a batch, cannot change a result.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from tocsin.models._pieces import Pieces
from tocsin.models._words import Ints

WIDTH = 256
STEPS = 2048.0
"""Unit vectors have whole multiples of 1 / STEPS as coordinates."""
_ROWS_AT_ONCE = 1024  # what a processor's cache holds of rows

Floats = npt.NDArray[np.float32]


class Table:
    """`weights`: `pieces` (lines of UTF-8), `rows` (int8) and `scales` (float16), as models/build/table.py has them."""

    def __init__(self, weights: Mapping[str, Any]) -> None:
        self.pieces = Pieces(weights["pieces"].tobytes().decode().split("\n"))
        self._rows = weights["rows"]
        self._scales = weights["scales"].astype(np.float32)

    def words(self, spelled: Sequence[str], tagged: Sequence[bool]) -> Floats:
        """(n, WIDTH) whole numbers: the sum of each word's pieces; zeros for a word without any."""
        found = np.zeros((len(spelled), WIDTH), np.float32)
        for place, (word, tag) in enumerate(zip(spelled, tagged, strict=True)):
            numbers = self.pieces.of(word, tagged=tag)
            if numbers:
                found[place] = np.rint(self._rows[numbers].astype(np.float32) * self._scales[numbers, None]).sum(axis=0)
        return found


def sums(rows: Ints, vectors: Floats, bounds: Ints) -> Floats:
    """(n, WIDTH) for n texts: the sum of `vectors[rows]` over each text's words, `rows[bounds[i]:bounds[i + 1]]`."""
    found = np.zeros((len(bounds) - 1, vectors.shape[1]), np.float32)
    full = np.flatnonzero(np.diff(bounds))
    start = 0
    while start < len(full):
        first = bounds[full[start]]
        stop = max(start + 1, int(np.searchsorted(bounds[full + 1], first + _ROWS_AT_ONCE, side="right")))
        part = full[start:stop]
        found[part] = np.add.reduceat(vectors[rows[first : bounds[part[-1] + 1]]], bounds[part] - first, axis=0)
        start = stop
    return found


def directions(sums_: Floats) -> Floats:
    """Each row at length 1, its coordinates multiples of 1 / STEPS; zeros stay zeros."""
    lengths = np.sqrt(np.einsum("ij,ij->i", sums_, sums_, dtype=np.float64))
    unit = sums_ / np.maximum(lengths, 1e-9)[:, None]
    rounded: Floats = (np.rint(unit * STEPS) / STEPS).astype(np.float32)
    return rounded
