"""Posts of two stretches of time, counted by value: those of the window, and those of the time before it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

Longs = npt.NDArray[np.int64]
Doubles = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Codes:
    """A column as numbers: `now` and `then` hold each row's place in `values`, or -1 where it has no value."""

    now: Longs
    then: Longs
    values: pa.Array

    @classmethod
    def of(cls, now: pa.ChunkedArray, then: pa.ChunkedArray) -> Codes:
        both = pa.chunked_array([*now.chunks, *then.chunks], now.type).dictionary_encode()
        parts = [pc.fill_null(part.indices, -1).to_numpy() for part in both.chunks]
        numbers = np.concatenate(parts).astype(np.int64) if parts else np.zeros(0, np.int64)
        values = both.chunk(0).dictionary if parts else pa.array([], now.type)
        return cls(numbers[: len(now)], numbers[len(now) :], values)

    @cached_property
    def names(self) -> list[str]:
        return [str(value) for value in self.values.to_pylist()]

    @cached_property
    def counts(self) -> tuple[Longs, Longs]:
        """Rows of each value, now and then."""
        size = len(self.values)
        return tuple(np.bincount(side[side >= 0], minlength=size) for side in (self.now, self.then))  # type: ignore[return-value]


def gain(now: Doubles, then: Doubles, ratio: Doubles | float) -> Doubles:
    """How much better two counts are told by a ratio of their own than by `ratio` (now to then): a log-likelihood.

    Both are Poisson counts, so what little is known of a rare value weighs little.
    """
    total = now + then
    usual = total * (ratio / (1 + ratio))
    with np.errstate(divide="ignore", invalid="ignore"):
        above = np.where(now > 0, now * np.log(now / usual), 0.0)
        below = np.where(then > 0, then * np.log(then / (total - usual)), 0.0)
    found: Doubles = np.nan_to_num(above + below, nan=0.0, posinf=0.0)
    return found


def authors(now: pa.Table, then: pa.Table) -> Codes:
    """Who wrote each row; the same name in another source is somebody else, a post without an author its own."""
    names = ("author_id", "author_handle", "uid")
    who = Codes.of(*(pc.coalesce(*(rows.column(name) for name in names), pa.scalar("")) for rows in (now, then)))
    where = Codes.of(now.column("source"), then.column("source"))
    people, sources = np.concatenate((who.now, who.then)), np.concatenate((where.now, where.then))
    last: Longs = np.zeros(len(who.values), np.int64)
    last[people] = sources
    if (last[people] == sources).all():
        return who
    pairs, codes = np.unique(people * (len(where.values) + 1) + sources + 1, return_inverse=True)
    values = who.values.take(pa.array(pairs // (len(where.values) + 1)))
    return Codes(codes[: len(who.now)], codes[len(who.now) :], values)


def copies(rows: pa.Table) -> pa.ChunkedArray:
    """The text that each row is a copy of: the cluster, or the post itself."""
    return pc.coalesce(rows.column("cluster_id"), rows.column("uid"), pa.scalar(""))


def ordered(rows: pa.Table) -> pa.Table:
    """The rows in the order of `seq`, as the lake gives them."""
    seq = rows.column("seq").to_numpy()
    return rows if (seq[1:] >= seq[:-1]).all() else rows.sort_by([("seq", "ascending"), ("uid", "ascending")])


def once_an_hour(rows: pa.Table) -> pa.Table:
    """The first row of each author and hour."""
    who = authors(rows, rows.slice(0, 0)).now
    hours = rows.column("event_time").cast(pa.int64()).to_numpy() // 3_600_000_000
    _, first = np.unique(who * (1 << 32) + hours, return_index=True)
    return rows.take(pa.array(np.sort(first)))


def echoes(rows: pa.Table) -> Bools:
    """Which rows repeat a phrase that somebody else of them said first, less than a day before.

    Rows in the order of `seq`, with their `phrases`.
    """
    lists = rows.column("phrases").combine_chunks()
    owners = pc.list_parent_indices(lists).to_numpy().astype(np.int64)
    said = pc.list_flatten(lists).dictionary_encode().indices.to_numpy()
    who, time = authors(rows, rows.slice(0, 0)).now, rows.column("event_time").cast(pa.int64()).to_numpy()
    _, first = np.unique(said, return_index=True)
    source = owners[first[said]]
    echo = (who[owners] != who[source]) & (time[owners] - time[source] < 86_400_000_000)
    found: Bools = np.zeros(rows.num_rows, np.bool_)
    found[owners[echo]] = True
    return found


def folded(rows: pa.Table, text: Longs, places: Longs) -> tuple[Longs, Longs]:
    """Of the rows at these places, of which `text` says which have the same: the place of each text's first post, in
    the order of time, and how many posts have it."""
    time = rows.column("event_time").cast(pa.int64()).to_numpy()
    order = places[np.argsort(time[places], kind="stable")]
    _, first, many = np.unique(text[order], return_index=True, return_counts=True)
    by_age = np.argsort(first)
    return order[first[by_age]], many[by_age]


def taken(rows: pa.Table, places: Longs, most: int) -> list[dict[str, Any]]:
    """The rows at these places; of more than so many, so many, evenly."""
    found: list[dict[str, Any]] = rows.take(pa.array(places[evenly(len(places), most)])).to_pylist()
    return found


def evenly(many: int, most: int) -> Longs:
    """At most so many of `many` places.

    >>> evenly(6, 3).tolist(), evenly(2, 3).tolist()
    ([0, 2, 4], [0, 1])
    """
    return (np.arange(min(many, most)) * max(many / most, 1.0)).astype(np.int64)
