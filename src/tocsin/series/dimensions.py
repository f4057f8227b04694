"""The dimensions of series, and which combination of their values each row belongs to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

Key = tuple[str, ...]
Longs = npt.NDArray[np.int64]

COLUMNS = {
    "watch": "watches",
    "category": "categories",
    "source": "source",
    "stream": "stream",
    "language": "language",
    "country": "country",
    "sentiment": "sentiment",
    "entity": "entities",
}
"""Dimension -> column of the lake."""

ROW_COLUMNS = ["seq", "kind", "event_time", "source", "stream", "until", "note", "version", "backfilled"]
VOICE_COLUMNS = ["author_id", "uid", "is_repost", "duplicate_of"]
NOTHING = {
    "category": "other",
    "source": "unknown",
    "stream": "unknown",
    "language": "unknown",
    "country": "unknown",
    "sentiment": "unknown",
}
"""Dimension -> what a post counts as that has no value there. Without an entity it is in no series by entity."""

ALL_POSTS = "all"
"""The watch that every post belongs to where the config names none."""


def columns(dimensions: Sequence[str], counting: str = "posts") -> list[str]:
    """The lake's columns that folding by these dimensions reads."""
    wanted = [*ROW_COLUMNS, *(COLUMNS[dimension] for dimension in dimensions)]
    wanted += VOICE_COLUMNS if counting != "posts" else []
    return list(dict.fromkeys([*wanted, "phrases"] if counting == "echoes" else wanted))


@dataclass(frozen=True)
class Dimensions:
    """The dimensions of one policy. `all_watches` is the watch that every post belongs to where the config names
    none; `known` are the values that count, where not all do: rows may name watches that the config has no more."""

    names: tuple[str, ...]
    all_watches: str | None = None
    known: Mapping[str, frozenset[str]] = field(default_factory=dict)

    @property
    def levels(self) -> range:
        """How many dimensions the keys have: all of them, and those of the parents."""
        return range(1 if len(self.names) > 1 else 0, len(self.names) + 1)

    def combinations(self, rows: pa.Table, level: int) -> tuple[Longs, Longs, list[Key]]:
        """Each row's combinations of the first `level` dimensions: row numbers, codes, and what the codes mean."""
        owners: Longs = np.arange(rows.num_rows)
        codes: Longs = np.zeros(rows.num_rows, dtype=np.int64)
        keys: list[Key] = [()]
        for dimension in self.names[:level]:
            nothing = self.all_watches if dimension == "watch" else NOTHING.get(dimension)
            rows_of, values, names = _values(rows.column(COLUMNS[dimension]), nothing, self.known.get(dimension))
            starts = np.searchsorted(rows_of, owners, "left")
            many = np.searchsorted(rows_of, owners, "right") - starts
            picks = np.repeat(starts - np.concatenate(([0], np.cumsum(many)[:-1])), many) + np.arange(many.sum())
            owners = np.repeat(owners, many)
            mixed = np.repeat(codes, many) * len(names) + values[picks] if names else np.zeros(0, dtype=np.int64)
            seen, codes = np.unique(mixed, return_inverse=True)
            keys = [(*keys[code // len(names)], names[code % len(names)]) for code in seen.tolist()]
        return owners, codes, keys


def mentions(rows: pa.Table, kind: pa.Array) -> npt.NDArray[np.bool_]:
    """Which rows count: first versions of posts, not those that a repair brought in later."""
    first = pc.and_(
        pc.is_in(kind, value_set=pa.array(["post", "erased"])), pc.fill_null(pc.equal(rows.column("version"), 1), False)
    )
    backfilled = pc.fill_null(rows.column("backfilled"), False)
    return np.asarray(pc.and_not(first, backfilled).to_numpy(zero_copy_only=False), dtype=np.bool_)


def _values(
    column: pa.ChunkedArray, nothing: str | None, known: frozenset[str] | None
) -> tuple[Longs, Longs, list[str]]:
    """A column's values as (row numbers ascending, codes, names).

    Only `known` values count, where that is given. A row without any has `nothing`, or no value.
    """
    flat = column.combine_chunks()
    if pa.types.is_list(flat.type):
        owners = pc.list_parent_indices(flat).to_numpy(zero_copy_only=False).astype(np.int64)
        flat = pc.list_flatten(flat)
        if pa.types.is_struct(flat.type):
            owners, flat = _once(owners, flat.field("text"))
    else:
        owners = np.flatnonzero(pc.is_valid(flat).to_numpy(zero_copy_only=False))
        flat = pc.drop_null(flat)
    if known is not None:
        counts = pc.is_in(flat, value_set=pa.array(sorted(known), pa.string()))
        owners, flat = owners[counts.to_numpy(zero_copy_only=False)], flat.filter(counts)
    encoded = flat.dictionary_encode()
    names = [str(name) for name in encoded.dictionary.to_pylist()]
    codes = encoded.indices.to_numpy(zero_copy_only=False).astype(np.int64)
    empty = np.setdiff1d(np.arange(len(column)), owners)
    if nothing is None or not empty.size:
        return owners, codes, names
    if nothing not in names:
        names.append(nothing)
    owners = np.concatenate((owners, empty))
    codes = np.concatenate((codes, np.full(empty.size, names.index(nothing), dtype=np.int64)))
    order = np.argsort(owners, kind="stable")
    return owners[order], codes[order], names


def _once(owners: Longs, values: pa.Array) -> tuple[Longs, pa.Array]:
    """Each value of a row once, however often the row names it."""
    encoded = values.dictionary_encode()
    codes = encoded.indices.to_numpy(zero_copy_only=False).astype(np.int64)
    _, first = np.unique(owners * (len(encoded.dictionary) + 1) + codes, return_index=True)
    picked = np.sort(first)
    return owners[picked], values.take(pa.array(picked))
