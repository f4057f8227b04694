"""The first posts of clusters, found again by what their signatures have in common.

Locality-sensitive hashing (P. Indyk, R. Motwani, STOC 1998): a post has a place in a table for each of the 16 bands
of 4 signature bytes and for all 64, and takes those that are free or out of date. It is kept in the slot
`seq % capacity`, so what is remembered follows from the numbers and times of the rows alone.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from tocsin.enrichers._near_copies import SIGNATURE_BYTES, Bytes, Flags, Ints

BANDS = SIGNATURE_BYTES // 4
KEYS = BANDS + 1
NOBODY = -1
_BAND = np.arange(KEYS)
_ODD = np.arange(1, SIGNATURE_BYTES // 4, 2, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)
_SPREAD = np.arange(1, 2 * KEYS, 2, dtype=np.uint32) * np.uint32(0x85EBCA6B)

Keys = npt.NDArray[np.uint32]


def keys_of(signatures: Bytes) -> Keys:
    """What a post is found by, (n, KEYS): the bands of its signature, and a hash of the whole."""
    signatures = np.ascontiguousarray(signatures)
    whole = (signatures.view(np.uint64) * _ODD).sum(axis=1, dtype=np.uint64)
    return np.column_stack([signatures.view(np.uint32), (whole >> np.uint64(32)).astype(np.uint32)])


class FirstPosts:
    """First posts among the last `capacity` rows, for others within `window` microseconds.

    Arguments of the same names below are: `seqs` and `times` (microseconds) of n rows, (n,); their `keys` and
    their `places` in the table, (n, KEYS).
    """

    def __init__(self, capacity: int, window: int) -> None:
        self.capacity = capacity
        self.window = window
        self._width = (capacity - 1).bit_length() + 1
        self._table = np.zeros(KEYS << self._width, np.int32)
        self._keys = np.zeros((capacity, KEYS), np.uint32)
        self._seqs = np.full(capacity, NOBODY, np.int64)
        self._times = np.zeros(capacity, np.int64)

    def places(self, keys: Keys) -> Ints:
        mixed = (keys ^ (keys >> np.uint32(15))) * _SPREAD
        mixed ^= mixed >> np.uint32(13)
        mixed *= np.uint32(0xC2B2AE35)
        found: Ints = (mixed >> np.uint32(32 - self._width)).astype(np.int64) + (_BAND << self._width)
        return found

    def search(self, seqs: Ints, times: Ints, keys: Keys, places: Ints, agree: Ints) -> Ints:
        """The seq of the earliest first post that is similar to each row, (n,); NOBODY where there is none.

        Similar is what has at least `agree`, (n,), signature bytes in common with the row.
        """
        slots = self._table[places]
        holders = self._seqs[slots]
        met = (self._keys[slots, _BAND] == keys) & self._remembered(holders, seqs)
        pairs = np.flatnonzero(met)
        rows, slots, holders = pairs // KEYS, slots.reshape(-1)[pairs], holders.reshape(-1)[pairs]
        similar = agreeing(keys[rows], self._keys[slots]) >= agree[rows]
        similar &= np.abs(times[rows] - self._times[slots]) <= self.window
        latest = np.iinfo(np.int64).max
        earliest = np.full(len(seqs), latest)
        np.minimum.at(earliest, rows[similar], holders[similar])
        earliest[earliest == latest] = NOBODY
        return earliest

    def add(self, seqs: Ints, times: Ints, keys: Keys, places: Ints) -> None:
        """Remember these first posts, none of which is out of date for another; the earlier row takes a place."""
        taken, outdated = self._occupied(seqs, times, places)
        free = (~taken | outdated)[::-1]
        slots = seqs % self.capacity
        self._keys[slots] = keys
        self._seqs[slots] = seqs
        self._times[slots] = times
        self._table[places[::-1][free]] = np.repeat(slots[::-1], np.count_nonzero(free, axis=1))

    def free(self, seqs: Ints, times: Ints, places: Ints) -> tuple[Flags, Ints]:
        """Which places `add` would take, (n, KEYS), and the seqs of those whom that makes harder to find."""
        taken, outdated = self._occupied(seqs, times, places)
        return ~taken | outdated, np.unique(self._seqs[self._table[places[taken & outdated]]])

    def holds(self, seq: int) -> bool:
        """Whether the row brought a first post that is compared with."""
        return bool(self._seqs[seq % self.capacity] == seq)

    def _remembered(self, holders: Ints, seqs: Ints) -> Flags:
        return (holders >= 0) & (seqs[:, None] - holders < self.capacity)

    def _occupied(self, seqs: Ints, times: Ints, places: Ints) -> tuple[Flags, Flags]:
        """Which places somebody holds, and where that one is too old for the row, (n, KEYS) each."""
        slots = self._table[places]
        there = self.places(self._keys[slots, _BAND]) == places
        outdated = self._times[slots] < times[:, None] - self.window
        return there & self._remembered(self._seqs[slots], seqs), outdated


def agreeing(keys: Keys, others: Keys) -> Ints:
    """How many signature bytes each pair of posts has in common, (n,)."""
    ours = np.ascontiguousarray(keys[:, :BANDS]).view(np.uint8)
    theirs = np.ascontiguousarray(others[:, :BANDS]).view(np.uint8)
    common: Ints = np.count_nonzero(ours == theirs, axis=1).astype(np.int64)
    return common


def sharing(places: Ints) -> Flags:
    """Which places are those of several rows, (n, KEYS)."""
    _, inverse, counts = np.unique(places, return_inverse=True, return_counts=True)
    shared: Flags = (counts > 1)[inverse].reshape(places.shape)
    return shared
