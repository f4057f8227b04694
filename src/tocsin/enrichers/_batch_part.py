"""Rows of a batch that can be compared with what is remembered all at once."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

import numpy as np
import pyarrow as pa

from tocsin.enrichers._first_posts import NOBODY, FirstPosts, Keys, agreeing, keys_of, sharing
from tocsin.enrichers._near_copies import SIGNATURE_BYTES, Bytes, Flags, Ints

_ROWS = 500
"""So many rows a part at most: the more, the more of them meet one another."""


class Rows:
    """A batch as lists, and as arrays of its numbers, times (microseconds), and keys and places in the index.

    `worded` rows have a signature; keys and places mean nothing elsewhere. `agree` is how many of its bytes a first
    post must share. `cluster` and `first` are the answers.
    """

    def __init__(self, batch: pa.RecordBatch, marks: Bytes, worded: Flags, index: FirstPosts) -> None:
        self.uid: list[str | None] = batch.column("uid").to_pylist()
        self.seqs: Ints = batch.column("seq").to_numpy(zero_copy_only=False)
        self.times: Ints = batch.column("event_time").cast(pa.int64()).to_numpy(zero_copy_only=False)
        self.seq: list[int] = self.seqs.tolist()
        self.marks = marks
        self.worded = worded
        self.keys = keys_of(marks)
        self.places = index.places(self.keys)
        self.agree = np.full(batch.num_rows, SIGNATURE_BYTES)
        self.original: list[str | None] = [None] * batch.num_rows
        self.cluster: list[str | None] = [None] * batch.num_rows
        self.first = [False] * batch.num_rows

    def at(self, rows: Any) -> tuple[Ints, Ints, Keys, Ints]:
        return self.seqs[rows], self.times[rows], self.keys[rows], self.places[rows]


_Stake = tuple[int, int, bool]
"""A place that a row shares with others of its part, the row's key for it, and whether the place is free."""


class Part:
    """Rows from `start` to `stop`, such that none changes what another finds among the posts before `start`.

    What they find among themselves, `leader` answers in their order, after `enter` for each new first post.
    """

    def __init__(self, index: FirstPosts, rows: Rows, start: int) -> None:
        self._index, self._rows = index, rows
        stop = min(_slots_apart(rows, start, index.capacity), _times_apart(rows, start, index.window))
        worded = start + np.flatnonzero(rows.worded[start:stop])
        found = index.search(*rows.at(worded), rows.agree[worded])
        new = worded[found == NOBODY]
        free, displaced = index.free(rows.seqs[new], rows.times[new], rows.places[new])
        shaken = worded[np.isin(found, displaced) & (worded > start)]
        self.start = start
        self.stop = int(shaken[0]) if len(shaken) else stop
        self._found: dict[int, int] = dict(zip(worded.tolist(), found.tolist(), strict=True))
        self._stakes = self._staked(new, free)
        self._holders: dict[int, tuple[int, int]] = {}
        self.entered: list[int] = []
        """The rows that are new first posts."""

    def _staked(self, new: Ints, free: Flags) -> dict[int, list[_Stake]]:
        places, keys = self._rows.places[new], self._rows.keys[new]
        shared = sharing(places)
        staked: dict[int, list[_Stake]] = defaultdict(list)
        rows = new[np.nonzero(shared)[0]].tolist()
        stakes = zip(places[shared].tolist(), keys[shared].tolist(), free[shared].tolist(), strict=True)
        for row, stake in zip(rows, stakes, strict=True):
            staked[row].append(stake)
        return staked

    def leader(self, row: int) -> int:
        """The seq of the earliest first post that this row is similar to, or NOBODY."""
        if row not in self._stakes:
            return self._found.get(row, NOBODY)
        met = set()
        for place, key, _ in self._stakes[row]:
            holder = self._holders.get(place)
            if holder is not None and holder[1] == key:
                met.add(holder[0])
        if not met:
            return NOBODY
        others = sorted(met)
        common = agreeing(self._rows.keys[[row]], self._rows.keys[others])
        similar = np.flatnonzero(common >= self._rows.agree[row])
        return self._rows.seq[others[similar[0]]] if len(similar) else NOBODY

    def enter(self, row: int) -> None:
        """This row is a first post, and later ones are compared with it."""
        self.entered.append(row)
        for place, key, free in self._stakes.get(row, ()):
            if free:
                self._holders.setdefault(place, (row, key))


def _slots_apart(rows: Rows, start: int, capacity: int) -> int:
    """Where the rows from `start` on begin to need the same slots of memory again."""
    return start + int(np.searchsorted(rows.seqs[start:], rows.seqs[start] + capacity))


def _times_apart(rows: Rows, start: int, window: int) -> int:
    """Where the next _ROWS rows end, or begin to be out of date for one another."""
    times = rows.times[start : start + _ROWS]
    apart = np.maximum.accumulate(times) - np.minimum.accumulate(times) > window
    return start + (int(np.argmax(apart)) if apart.any() else len(times))
