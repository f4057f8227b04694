"""The sentiment of a text: a small convolutional network over hashed words (Kim 2014, arXiv:1408.5882) beside a
linear model of words, of words after a negation and of word pairs (Joulin et al. 2016, arXiv:1607.01759).

Distilled from a fine-tuned all-MiniLM-L6-v2 (models/build/). All numbers until the last step are whole and so small
that every sum and product is exact: the order of additions, and so the size of a batch, cannot change a result.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from tocsin.models._pieces import Pieces
from tocsin.models._sentiment_words import Hashes, features
from tocsin.models._words import LINK, NAME, Flags, Ints, Words

SENTIMENTS = ("negative", "neutral", "positive")
MIXED = "mixed"
BOTH = 0.38
"""A text is called mixed if it is both positive and negative with this probability; a rule, learned from no labels."""
NOTHING = (0.3, 0.4, 0.3)
"""The scores of a text without words; links and @names tell nothing."""
PART = 64
"""Words that are judged at once. A longer text is the mean of its parts."""

_SILENT = (LINK, NAME, "#")
_SCOPE = 4  # words after a negation that it turns
LARGEST = 511
"""Of a code: the sum of its products with a filter, of weights up to 255, is exact in float32."""
HIDDEN = 64.0
"""Of the products' steps make one of an activation."""
_CEILING = float(2**18)  # PART activations of this size add up exactly in float32
_WORDS_AT_ONCE = 2048
_ONE, _OTHER = np.uint64(0x9E3779B1), np.uint64(0x85EBCA77)

Floats = npt.NDArray[np.float32]
Doubles = npt.NDArray[np.float64]


class Sentiment:
    """`weights` as models/build/sentiment.py writes them; `pieces` cut hashtags into words."""

    def __init__(self, weights: Mapping[str, Any], pieces: Pieces) -> None:
        self._pieces = pieces
        self._codes, self._linear, self._pairs = weights["codes"], weights["linear"], weights["pairs"]
        self._projection = weights["projection"].astype(np.float64)
        self._filters = weights["filters"].astype(np.float32)
        self._filter_bias = weights["filter_bias"].astype(np.float32)
        self._output = weights["output"].astype(np.float64)
        self._direction = weights["direction"].astype(np.float64)
        self._bias = weights["bias"].astype(np.float64)
        self._flag = float(weights["flag"])
        self._steps = {
            name: float(weights[f"{name}_step"]) for name in ("codes", "projection", "linear", "output", "direction")
        }
        self._width = self._codes.shape[1]
        self._silent = _pairable(features(_SILENT, [False] * len(_SILENT), pieces).forms)

    def facts(self, spelled: Sequence[str], tagged: Sequence[bool], vectors: Floats) -> Floats:
        """(k, width + 9) of k words with their (k, 256) vectors: code, what it adds, form, negates, ends."""
        found = features(spelled, tagged, self._pieces)
        facts = np.empty((len(spelled), self._width + 9), np.float32)
        if len(spelled):
            rows = found.hashes % np.uint64(len(self._codes))
            codes = np.add.reduceat(self._codes[rows], found.bounds[:-1], axis=0, dtype=np.float64)
            codes *= self._steps["codes"]
            codes += vectors.astype(np.float64) @ self._projection * self._steps["projection"]
            facts[:, : self._width] = np.clip(np.rint(codes), -LARGEST, LARGEST)
            rows = found.hashes % np.uint64(len(self._linear))
            facts[:, self._width : -3] = np.add.reduceat(self._linear[rows], found.bounds[:-1], axis=0, dtype=np.int64)
        facts[:, -3] = _pairable(found.forms)
        facts[:, -2] = found.negates
        facts[:, -1] = found.ends
        return facts

    def probabilities(self, words: Words, facts: Floats, directions: Floats) -> Floats:
        """(n, 3) of negative, neutral, positive, in steps of 0.0001, for n texts.

        `facts` are of each word, (m, width + 9); `directions` are the texts' vectors, (n, 256).
        """
        bounds, owners = _parts(words.bounds)
        logits = np.empty((len(owners), 3))
        start = 0
        while start < len(owners):
            stop = max(start + 1, int(np.searchsorted(bounds, bounds[start] + _WORDS_AT_ONCE, side="right")) - 1)
            inside = bounds[start : stop + 1] - bounds[start]
            logits[start:stop] = self._logits(facts[bounds[start] : bounds[stop]], inside)
            start = stop
        logits += (directions.astype(np.float64) @ self._direction * self._steps["direction"])[owners] + self._bias
        found = np.tile(np.array(NOTHING), (len(words.texts), 1))
        telling = ~np.isin(facts[:, -3], self._silent)
        filled = np.bincount(words.owners[telling], minlength=len(found)) > 0
        if filled.any():
            kept = filled[owners]
            owners = owners[kept]
            first = np.searchsorted(owners, np.flatnonzero(filled))
            scores = np.add.reduceat(np.rint(_softmax(logits[kept]) * 1e6), first, axis=0)
            found[filled] = np.rint(scores / scores.sum(axis=1, keepdims=True) * 1e4) / 1e4
        found[:, 1] = 1.0 - found[:, 0] - found[:, 2]
        return found.round(4).astype(np.float32)

    def _logits(self, facts: Floats, bounds: Ints) -> Doubles:
        """(p, 3) of p stretches of words, none empty."""
        firsts = np.zeros(len(facts), np.bool_)
        firsts[bounds[:-1]] = True
        negates = facts[:, -2] > 0
        after_negation = turned(negates, facts[:, -1] > 0, firsts)
        lengths = np.sqrt(np.maximum(np.diff(bounds), 4))[:, None]
        hidden = self._hidden(facts[:, : self._width], after_negation, negates, firsts)
        highest = np.maximum.reduceat(hidden, bounds[:-1], axis=0)
        mean = np.rint(np.add.reduceat(hidden, bounds[:-1], axis=0) / lengths)
        pooled = np.concatenate([highest, mean], axis=1).astype(np.float64)
        added = np.where(after_negation[:, None], facts[:, -6:-3], facts[:, -9:-6])
        added[:-1] += self._pairs[paired(facts[:, -3], len(self._pairs))] * ~firsts[1:, None]
        sums = np.add.reduceat(added, bounds[:-1], axis=0).astype(np.float64)
        logits: Doubles = pooled @ self._output * self._steps["output"] + sums * self._steps["linear"]
        return logits

    def _hidden(self, codes: Floats, after_negation: Flags, negates: Flags, firsts: Flags) -> Floats:
        """(m, filters) of each word between its neighbours."""
        wide = self._width + 2
        seen = np.zeros((len(codes) + 2, wide), np.float32)
        seen[1:-1, :-2] = codes
        seen[1:-1, -2] = after_negation * self._flag
        seen[1:-1, -1] = negates * self._flag
        window = np.concatenate([seen[:-2], seen[1:-1], seen[2:]], axis=1)
        window[firsts, :wide] = 0
        window[:-1][firsts[1:], -wide:] = 0
        hidden: Floats = window @ self._filters
        hidden += self._filter_bias
        hidden *= 1 / HIDDEN
        np.rint(hidden, out=hidden)
        np.clip(hidden, 0, _CEILING, out=hidden)
        return hidden


def label(probabilities: Floats) -> list[str]:
    """The likeliest sentiment of each row, or `MIXED`."""
    best = np.argmax(probabilities, axis=1).tolist()
    mixed = (np.minimum(probabilities[:, 0], probabilities[:, 2]) >= BOTH).tolist()
    return [MIXED if both else SENTIMENTS[place] for place, both in zip(best, mixed, strict=True)]


def _parts(bounds: Ints) -> tuple[Ints, Ints]:
    """The words of each text in parts of about one size, at most PART: (p + 1,) bounds and (p,) whose they are."""
    counts = np.diff(bounds)
    parts = -(-counts // PART)
    owners = np.repeat(np.arange(len(counts)), parts)
    within = np.arange(len(owners)) - np.repeat(np.cumsum(parts) - parts, parts)
    starts = bounds[:-1][owners] + within * counts[owners] // parts[owners]
    return np.append(starts, bounds[-1]), owners


def turned(negates: Flags, ends: Flags, firsts: Flags) -> Flags:
    """Which words come after a negation, in its scope."""
    found = np.zeros(len(negates), np.bool_)
    reached = negates
    open_ = ~ends[1:] & ~firsts[1:]
    for _ in range(_SCOPE):
        reached = np.append(False, reached[:-1] & open_)
        found |= reached
    return found


def _pairable(forms: Hashes) -> Hashes:
    """So small that float32 holds it."""
    return forms & np.uint64(2**24 - 1)


def paired(forms: Floats, buckets: int) -> npt.NDArray[np.uint64]:
    """(m - 1,) where in the table of pairs each word with the next is."""
    hashes = forms.astype(np.uint64)
    return ((hashes[:-1] * _ONE + hashes[1:] * _OTHER) >> np.uint64(7)) % np.uint64(buckets)


def _softmax(logits: Doubles) -> Doubles:
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    scaled: Doubles = powers / powers.sum(axis=1, keepdims=True)
    return scaled
