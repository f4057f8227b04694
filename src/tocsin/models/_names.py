"""What lists of names know of words and of short phrases, as bits behind hashes (models/build/lists.py).

A word is looked up by the CRC-32 of its folded spelling, a phrase of two or three words by a hash made of theirs. A
word that is in no list is taken for one that is with a chance of about 3 in 100,000.
"""

from __future__ import annotations

import unicodedata
import zlib
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

Keys = npt.NDArray[np.uint32]

BITS: dict[str, tuple[int, int]] = {
    "place": (0, 3),
    "in_place": (2, 1),
    "person": (3, 1),
    "organisation": (4, 3),
    "in_organisation": (6, 1),
    "first": (7, 3),
    "last": (9, 3),
    "like_person": (11, 3),
    "like_place": (13, 3),
    "like_organisation": (15, 3),
    "cased": (17, 7),
    "begins": (20, 1),
}
"""Where each fact of a word is in its number: how far to the left, and its highest value."""
LONGEST_PHRASE = 3
_MIX = (1, 0x9E3779B1, 0x85EBCA77)
_WHOLE_IN_FLOAT = 0xFFFFFF  # so many bits of a hash are exact in float32


def folded(word: str) -> str:
    """Lower case, without accents."""
    lower = word.lower()
    if lower.isascii():
        return lower
    return "".join(sign for sign in unicodedata.normalize("NFKD", lower) if unicodedata.category(sign) != "Mn")


def hashed(word: str) -> int:
    """Of a folded word."""
    return zlib.crc32(word.encode("utf-8", "surrogatepass"))


def phrase_key(hashes: Sequence[int]) -> int:
    """Of the hashes of two or three words."""
    total = sum((value & _WHOLE_IN_FLOAT) * mix for value, mix in zip(hashes, _MIX, strict=False))
    return (total + len(hashes)) & 0xFFFFFFFF


class Names:
    """`weights` are `name_keys` (sorted), `name_facts`, `phrase_keys` (sorted) and `phrase_kinds`."""

    def __init__(self, weights: Mapping[str, Any]) -> None:
        self._keys, self._facts = weights["name_keys"], weights["name_facts"]
        self._phrase_keys, self._phrase_kinds = weights["phrase_keys"], weights["phrase_kinds"]

    def facts(self, hashes: Keys) -> Keys:
        """(k,) what is known of words, as numbers made of `BITS`; 0 of words in no list."""
        return _looked_up(self._keys, self._facts, hashes)

    def phrases(
        self, hashes: Keys, begins: npt.NDArray[np.bool_], last: npt.NDArray[np.int64]
    ) -> npt.NDArray[np.int64]:
        """(m,) the kind of the longest listed phrase that each word is in: 0 none, 1 PER, 2 LOC, 3 ORG.

        `begins[i]` tells whether any phrase begins with word i, `last[i]` is the last word of its text.
        """
        kinds = np.zeros(len(hashes), np.int64)
        heads = np.flatnonzero(begins)
        low = (hashes & np.uint32(_WHOLE_IN_FLOAT)).astype(np.uint64)
        for length in range(2, LONGEST_PHRASE + 1):
            heads = heads[heads + length - 1 <= last[heads]]
            key = np.full(len(heads), length, np.uint64)
            for place in range(length):
                key += low[heads + place] * np.uint64(_MIX[place])
            kind = _looked_up(self._phrase_keys, self._phrase_kinds, (key & np.uint64(0xFFFFFFFF)).astype(np.uint32))
            found = np.flatnonzero(kind)
            for place in range(length):
                kinds[heads[found] + place] = kind[found]
        return kinds


def _looked_up(keys: Keys, values: npt.NDArray[Any], wanted: Keys) -> npt.NDArray[Any]:
    if not len(keys):
        return np.zeros(len(wanted), values.dtype)
    places = np.minimum(np.searchsorted(keys, wanted), len(keys) - 1)
    return np.where(keys[places] == wanted, values[places], 0).astype(values.dtype)
