"""Who and what is named in a text: a small convolutional tagger (models/build/tagger.py), for many posts at once.

What a word contributes depends on how it is written alone, and is a code of `WIDTH` whole numbers from 0 to 127 that
can be kept. Two convolutions over the codes of a post's words, and what the lists know of phrases, give the scores
of the labels.

All activations and weights are whole numbers of 8 bits or less, and so every sum is one below 2^24, exact in float32:
the order of additions, and so the size of a batch, cannot change a result (Jacob et al. 2018, arXiv:1712.05877).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from tocsin.component import Span
from tocsin.models import _names, _shapes
from tocsin.models._decoding import best_labels
from tocsin.models._words import LINK, NAME, Words

Floats = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int64]

KINDS = ("PER", "LOC", "ORG")
HIGHEST = 127.0
"""Activations are whole numbers from 0 to this."""
_PHRASE = 64.0
"""How the kind of a phrase is shown to the first convolution."""
_GAP = 3  # empty words between two posts, so that no convolution sees the next
_AT_ONCE = 768  # words; what a processor's cache holds of them
_ABBREVIATED = re.compile(r"\.\w\.(?!\.)")  # the end of U.S., whose last full stop is the name's
_NEVER = np.float32(-1e9)
_HASH, _BEGINS, _SILENT = range(3)  # columns behind the code


class Tagger:
    """`weights` are arrays as models/build/tagger.py writes them."""

    def __init__(self, weights: Mapping[str, Any]) -> None:
        self._names = _names.Names(weights)
        self._vector_step = np.float32(weights["vector_step"])
        self._of_vectors = _Layer(weights, "vectors")
        self._of_flags = _Layer(weights, "flags")
        self._affixes, self._affix_scales = weights["affixes"], weights["affixes_scales"].astype(np.float32)
        self._first, self._second = _Layer(weights, "first"), _Layer(weights, "second")
        self._out = _Layer(weights, "out")
        self.width = self._affixes.shape[1]

    def codes(self, spelled: Sequence[str], tagged: Sequence[bool], vectors: Floats) -> Floats:
        """(k, width + 3) what there is to know of each word. `vectors` are the words' own, of `_table.Table.words`."""
        if not spelled:
            return np.zeros((0, self.width + 3), np.float32)
        hashes = np.array([_names.hashed(_names.folded(word)) for word in spelled], np.uint32)
        facts = self._names.facts(hashes)
        flags = _shapes.flags(spelled, np.asarray(tagged, np.bool_), facts).astype(np.float32)
        rows = _shapes.affixes(spelled) % np.uint32(len(self._affixes))
        near = np.clip(np.rint(vectors * self._vector_step), -HIGHEST, HIGHEST)
        total = self._of_vectors(near) + self._of_flags(flags)
        total += self._affixes[rows].sum(axis=1, dtype=np.float32) * self._affix_scales
        found: Floats = np.empty((len(spelled), self.width + 3), np.float32)
        found[:, : self.width] = _activated(total)
        found[:, self.width + _HASH] = hashes & np.uint32(0xFFFFFF)
        found[:, self.width + _BEGINS] = (facts >> np.uint32(_names.BITS["begins"][0])) & np.uint32(1)
        found[:, self.width + _SILENT] = [word in (LINK, NAME) for word in spelled]
        return found

    def spans(self, words: Words, codes: Floats) -> list[list[Span]]:
        """The entities of each text. `codes` are those of the m words in their order, (m, width + 3)."""
        return self.chosen(words, codes, self.scores(words.bounds, codes))

    def chosen(self, words: Words, codes: Floats, scores: Floats) -> list[list[Span]]:
        """The entities that the scores of the labels amount to."""
        scores[codes[:, self.width + _SILENT] > 0, 1:] = _NEVER
        return _spans(words, best_labels(scores, words.bounds))

    def scores(self, bounds: Ints, codes: Floats) -> Floats:
        """(m, 1 + 2 kinds) scores of O, and of B and I of each kind."""
        count = len(codes)
        texts = len(bounds) - 1
        places = np.arange(count) + _GAP * (1 + np.repeat(np.arange(texts), np.diff(bounds)))
        spread = np.zeros((count + _GAP * (texts + 1), self.width + len(KINDS)), np.float32)
        spread[places, : self.width] = codes[:, : self.width]
        last = np.repeat(bounds[1:] - 1, np.diff(bounds))
        hashes = codes[:, self.width + _HASH].astype(np.uint32)
        kinds = self._names.phrases(hashes, codes[:, self.width + _BEGINS] > 0, last)
        listed = np.flatnonzero(kinds)
        spread[places[listed], self.width - 1 + kinds[listed]] = _PHRASE
        inside = np.zeros((len(spread), 1), np.float32)
        inside[places] = 1
        found: Floats = np.empty((len(spread), 1 + 2 * len(KINDS)), np.float32)
        for start in range(_GAP, len(spread) - _GAP, _AT_ONCE):
            stop = min(start + _AT_ONCE, len(spread) - _GAP)
            hidden = _activated(self._first(_windows(spread[start - 3 : stop + 3], 5)))
            hidden *= inside[start - 1 : stop + 1]
            hidden = _activated(self._second(_windows(hidden, 3)))
            found[start:stop] = self._out(hidden)
        at: Floats = found[places]
        return at


class _Layer:
    """A matrix of whole numbers, and what makes of its products the next layer's input."""

    def __init__(self, weights: Mapping[str, Any], name: str) -> None:
        self._matrix = weights[name].astype(np.float32)
        self._scales = weights[f"{name}_scales"].astype(np.float32)
        self._bias = weights[f"{name}_bias"].astype(np.float32)

    def __call__(self, rows: Floats) -> Floats:
        found: Floats = rows @ self._matrix
        found *= self._scales
        found += self._bias
        return found


def _activated(values: Floats) -> Floats:
    np.rint(values, out=values)
    return np.clip(values, 0, HIGHEST, out=values)


def _windows(rows: Floats, size: int) -> Floats:
    """(n - size + 1, size * width): each row with its neighbours, side by side."""
    width = rows.shape[1]
    flat = np.ascontiguousarray(rows)
    shape, strides = (len(rows) - size + 1, size * width), (flat.strides[0], flat.strides[1])
    return np.ascontiguousarray(np.lib.stride_tricks.as_strided(flat, shape, strides, writeable=False))


def _spans(words: Words, labels: Ints) -> list[list[Span]]:
    found: list[list[Span]] = [[] for _ in words.texts]
    begins = np.flatnonzero(labels % 2 == 1)
    if not len(begins):
        return found
    goes_on = np.append((labels > 0) & (labels % 2 == 0), False)
    stops = np.flatnonzero(~goes_on)
    ends = stops[np.searchsorted(stops, begins + 1)] - 1
    owners = np.searchsorted(words.bounds, begins, side="right") - 1
    rows = (owners, (labels[begins] - 1) // 2, words.starts[begins], words.ends[ends])
    for owner, kind, start, end in zip(*(row.tolist() for row in rows), strict=True):
        abbreviated = _ABBREVIATED.match(words.texts[owner], max(end - 2, start)) is not None
        found[owner].append(Span(KINDS[kind], start, end + abbreviated))
    return found
