"""Echoes: what somebody says with words that were unheard of a day before, and that somebody else said first."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from itertools import islice

import pyarrow as pa

from tocsin.series.dimensions import Key

DAY = 86_400
"""Seconds for which a phrase is new."""
MOST = 200_000
"""Phrases that are remembered, over all series of a policy; beyond it, those that were heard least lately go."""

First = tuple[int, int]
"""When a phrase was first heard (Unix seconds), and the number of its author."""
Saved = tuple[list[tuple[Key, int]], list[tuple[Key, int, First]]]


def phrases(rows: pa.Table) -> list[list[int]]:
    """A number for each phrase of each row, the same in every run."""
    lists = rows.column("phrases").to_pylist()
    known: dict[str, int] = {}
    for said in lists:
        for phrase in said or ():
            if phrase not in known:
                known[phrase] = int.from_bytes(hashlib.blake2b(phrase.encode(), digest_size=6).digest())
    return [[known[phrase] for phrase in said or ()] for said in lists]


class Echoes:
    """Who said what first, in each series; the least lately heard first.

    In the first day of a series nothing is an echo: what was said before is not known.
    """

    def __init__(self, most: int = MOST) -> None:
        self._first: dict[tuple[Key, int], First] = {}
        self._began: dict[Key, int] = {}
        self._most = most

    def heard(self, key: Key, author: int, time: int, said: Sequence[int]) -> bool:
        """Whether one of the phrases is new in the series, and another author's; all of them are noted."""
        echo, began = False, self._began.setdefault(key, time)
        for phrase in said:
            first = self._first.pop((key, phrase), (time, author))
            self._first[key, phrase] = first
            echo |= first[1] != author and time - first[0] < DAY
        if len(self._first) > self._most:
            for old in list(islice(self._first, len(self._first) - self._most)):
                del self._first[old]
        return echo and time - began >= DAY

    def saved(self) -> Saved:
        return list(self._began.items()), [(key, phrase, first) for (key, phrase), first in self._first.items()]

    def load(self, saved: Saved) -> None:
        began, firsts = saved
        self._began, self._first = dict(began), {(key, phrase): first for key, phrase, first in firsts}
