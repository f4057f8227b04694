"""Independent authors: a person counts once an hour, whatever they post; copies and reposts are nobody's voice."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from tocsin.series.dimensions import Key

HOUR = 3600


def own_words(rows: pa.Table) -> npt.NDArray[np.bool_]:
    """Which rows are somebody's own words: no repost, no copy of an earlier post."""
    repeats = pc.or_(pc.fill_null(rows.column("is_repost"), False), pc.is_valid(rows.column("duplicate_of")))
    return ~np.asarray(repeats.to_numpy(zero_copy_only=False), dtype=np.bool_)


def authors(rows: pa.Table) -> list[int]:
    """A number for each row's author, the same in every run; a post without one is an author of its own."""
    names = pc.binary_join_element_wise(
        rows.column("source"), pc.coalesce(rows.column("author_id"), rows.column("uid"), pa.scalar("")), "\0"
    )
    return [int.from_bytes(hashlib.blake2b(name.encode(), digest_size=6).digest()) for name in names.to_pylist()]


class Voices:
    """Who was heard in which series in the hours that are still open."""

    def __init__(self) -> None:
        self._heard: dict[int, set[tuple[Key, int]]] = {}

    def new(self, key: Key, author: int, time: int) -> bool:
        """Whether this is the author's first post of the hour in the series; it is noted."""
        heard = self._heard.setdefault(time // HOUR, set())
        before = len(heard)
        heard.add((key, author))
        return len(heard) > before

    def forget(self, before: int) -> None:
        """Hours that ended before this time are over."""
        for hour in [hour for hour in self._heard if (hour + 1) * HOUR <= before]:
            del self._heard[hour]

    def saved(self) -> list[tuple[int, list[tuple[Key, int]]]]:
        return [(hour, sorted(heard)) for hour, heard in sorted(self._heard.items())]

    def load(self, saved: Iterator[tuple[int, list[tuple[Key, int]]]]) -> None:
        self._heard = {hour: set(heard) for hour, heard in saved}
