"""Records folded into series: counts per event-time bucket, with watermark and lateness.

A series is one combination of a policy's dimensions, e.g. (acme, outage). Its parents are the combinations
without the last dimension: (acme,). Parents lend their rhythm and their share; only whole combinations alert.

What comes out depends on the rows and their order alone, not on how they are cut into commits: a bucket closes
at the row whose watermark passes its end, and a row is late if its bucket had closed before it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import msgspec
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from tocsin.component import Floats

Key = tuple[str, ...]
Longs = npt.NDArray[np.int64]

SKIP_AFTER = 3 * 86_400
"""Seconds without any row or heartbeat after which the stretch is skipped as unseen instead of counted as zero."""

COLUMNS = {
    "watch": "watches",
    "category": "categories",
    "source": "source",
    "language": "language",
    "country": "country",
}
"""Dimension -> column of the lake."""

ROW_COLUMNS = ["seq", "kind", "event_time", "source", "stream", "until", "note", "version", "backfilled"]
NOTHING = {"category": "other", "source": "unknown", "language": "unknown", "country": "unknown"}
"""Dimension -> what a post counts as that has no value there."""

ALL_POSTS = "all"
"""The watch that every post belongs to where the config names none."""


def columns(dimensions: Sequence[str]) -> list[str]:
    """The lake's columns that folding by these dimensions reads."""
    wanted = ROW_COLUMNS + [COLUMNS[dimension] for dimension in dimensions]
    return list(dict.fromkeys(wanted))


@dataclass(frozen=True)
class Tick:
    """One closed bucket: `counts[i]` of series i, `visible[i]` False where its source was blind.

    `added` are the series born in this bucket, at the end of the arrays; `seq` is the row that closed it.
    """

    time: int
    seq: int
    added: list[Key]
    parents: list[int]
    groups: list[int]
    counts: Floats
    visible: npt.NDArray[np.bool_]


class _Blind(msgspec.Struct):
    source: str
    stream: str
    start: int
    end: int | None
    seq: int


class _Saved(msgspec.Struct):
    seq: int
    watermark: int
    next_bucket: int | None
    keys: list[Key]
    open: list[tuple[Key, int, int]]
    blind: list[_Blind]


@dataclass
class Fold:
    """The running fold of one policy. `bucket` and `lateness` in seconds.

    `all_watches` is the watch that every post belongs to where the config names none.
    """

    dimensions: tuple[str, ...]
    bucket: int
    lateness: int
    all_watches: str | None = None
    sources: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """Watch -> the sources it listens to; a watch that is not there listens to all."""
    known: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """Dimension -> the values that count, where not all do: rows may name watches that the config has no more."""

    keys: list[Key] = field(default_factory=list)
    seq: int = 0
    watermark: int = -(1 << 62)
    """Microseconds: everything before it has been seen."""
    next_bucket: int | None = None
    counted: dict[tuple[Key, int], int] = field(default_factory=dict)
    """What the last `fold` added, for the state database: (key, bucket) -> posts."""
    late: dict[tuple[Key, int], int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.index: dict[Key, int] = {key: number for number, key in enumerate(self.keys)}
        self._groups: dict[str, int] = {}
        self._open: dict[int, dict[Key, int]] = {}
        self._blind: list[_Blind] = []

    @property
    def lag(self) -> float:
        """Seconds of event time between the newest row and the last bucket that was closed."""
        newest = self.watermark // 1_000_000 + self.lateness
        return float(max(newest - self.next_bucket, 0)) if self.next_bucket is not None else 0.0

    def fold(self, rows: pa.Table) -> Iterator[Tick]:
        """Count rows (ascending `seq`, all above what was folded before) and give the buckets that they close.

        Exhaust the iterator. Rows already folded are passed over.
        """
        self.counted, self.late = {}, {}
        rows = rows.filter(pc.greater(rows.column("seq"), self.seq))
        if not rows.num_rows:
            return
        seq = rows.column("seq").to_numpy()
        time = rows.column("event_time").cast(pa.int64()).to_numpy()
        kind = rows.column("kind").combine_chunks()
        self._note_gaps(rows.filter(pc.equal(rows.column("kind"), "gap")))
        watermarks = self._watermarks(time, kind)
        self._count(rows, kind, time, watermarks)
        self.watermark, self.seq = int(watermarks[-1]), int(seq[-1])
        yield from self._close(watermarks, seq)

    def _watermarks(self, time: Longs, kind: pa.Array) -> Longs:
        """The watermark after each row. A heartbeat vouches for itself; a post only for what is older than it."""
        vouched = np.where(
            pc.equal(kind, "heartbeat").to_numpy(zero_copy_only=False), time, time - self.lateness * 1_000_000
        )
        moves = pc.is_in(kind, value_set=pa.array(["post", "erased", "heartbeat"])).to_numpy(zero_copy_only=False)
        vouched = np.where(moves, vouched, self.watermark)
        return np.asarray(np.maximum(np.maximum.accumulate(vouched), self.watermark), dtype=np.int64)

    def _count(self, rows: pa.Table, kind: pa.Array, time: Longs, watermarks: Longs) -> None:
        picked = np.flatnonzero(_mentions(rows, kind))
        if not picked.size:
            return
        width = self.bucket * 1_000_000
        buckets = time[picked] // width * self.bucket
        before = np.concatenate(([self.watermark], watermarks[:-1]))[picked]
        closed = before // width * self.bucket
        if self.next_bucket is None:
            self.next_bucket = int(max(buckets[0], closed[0]))
        late = buckets < np.maximum(closed, self.next_bucket)
        rows = rows.take(pa.array(picked))
        for level in self._levels:
            owners, codes, keys = self._combinations(rows, level)
            spots = np.stack([buckets[owners], late[owners].astype(np.int64), codes], axis=1)
            found, counts = np.unique(spots, axis=0, return_counts=True)
            for (bucket, is_late, code), count in zip(found.tolist(), counts.tolist(), strict=True):
                self._add(keys[code], bucket, bool(is_late), count)

    def _add(self, key: Key, bucket: int, late: bool, count: int) -> None:
        book = self.late if late else self.counted
        book[key, bucket] = book.get((key, bucket), 0) + count
        if not late:
            counts = self._open.setdefault(bucket, {})
            counts[key] = counts.get(key, 0) + count

    @property
    def _levels(self) -> range:
        """How many dimensions the keys have: all of them, and those of the parents."""
        return range(1 if len(self.dimensions) > 1 else 0, len(self.dimensions) + 1)

    def _combinations(self, rows: pa.Table, level: int) -> tuple[Longs, Longs, list[Key]]:
        """Each row's combinations of the first `level` dimensions: row numbers, codes, and what the codes mean."""
        owners: Longs = np.arange(rows.num_rows)
        codes: Longs = np.zeros(rows.num_rows, dtype=np.int64)
        keys: list[Key] = [()]
        for dimension in self.dimensions[:level]:
            nothing = self.all_watches if dimension == "watch" else NOTHING[dimension]
            rows_of, values, names = _values(rows.column(COLUMNS[dimension]), nothing, self.known.get(dimension))
            starts = np.searchsorted(rows_of, owners, "left")
            many = np.searchsorted(rows_of, owners, "right") - starts
            picks = np.repeat(starts - np.concatenate(([0], np.cumsum(many)[:-1])), many) + np.arange(many.sum())
            owners = np.repeat(owners, many)
            mixed = np.repeat(codes, many) * len(names) + values[picks] if names else np.zeros(0, dtype=np.int64)
            seen, codes = np.unique(mixed, return_inverse=True)
            keys = [(*keys[code // len(names)], names[code % len(names)]) for code in seen.tolist()]
        return owners, codes, keys

    def _note_gaps(self, gaps: pa.Table) -> None:
        for row in gaps.to_pylist():
            start, until = int(row["event_time"].timestamp()), row["until"]
            ended = None if (row["note"] or "").startswith("open") or until is None else int(until.timestamp())
            self._blind.append(_Blind(row["source"], row["stream"] or "", start, ended, row["seq"]))

    def _close(self, watermarks: Longs, seq: Longs) -> Iterator[Tick]:
        if self.next_bucket is None:
            return
        last = self.watermark // 1_000_000 // self.bucket * self.bucket
        while self.next_bucket < last:
            bucket = self.next_bucket
            closer = int(np.searchsorted(watermarks, (bucket + self.bucket) * 1_000_000, "left"))
            reached = int(watermarks[closer]) // 1_000_000 // self.bucket * self.bucket
            if bucket not in self._open and reached - bucket > SKIP_AFTER:
                self.next_bucket = min([b for b in self._open if b < reached], default=reached)
                continue
            self.next_bucket = bucket + self.bucket
            yield self._tick(bucket, int(seq[closer]))

    def _tick(self, bucket: int, seq: int) -> Tick:
        found = self._open.pop(bucket, {})
        added = sorted(key for key in found if key not in self.index)
        for key in sorted(added, key=len):
            self.index[key] = len(self.keys)
            self.keys.append(key)
        added = self.keys[len(self.keys) - len(added) :]
        counts = np.zeros(len(self.keys), dtype=np.float32)
        for key, count in found.items():
            counts[self.index[key]] = count
        return Tick(
            time=bucket,
            seq=seq,
            added=added,
            parents=[self.index.get(key[:-1], -1) if key else -1 for key in added],
            groups=[self.group(key) for key in added],
            counts=counts,
            visible=self._visible(bucket, seq),
        )

    def group(self, key: Key) -> int:
        """The number of the series' family: those of one watch (or all, with one dimension) share a rhythm."""
        name = key[0] if len(self.dimensions) > 1 else ""
        return self._groups.setdefault(name, len(self._groups))

    def _visible(self, bucket: int, seq: int) -> npt.NDArray[np.bool_]:
        """Which series could be seen, as far as row `seq` knew: a later word on a gap replaces an earlier one."""
        known = {(gap.source, gap.stream, gap.start): gap for gap in self._blind if gap.seq <= seq}
        lasting = {place: gap for place, gap in known.items() if gap.end is None or gap.end > bucket}
        self._blind = [*lasting.values(), *(gap for gap in self._blind if gap.seq > seq)]
        dark = {gap.source for gap in lasting.values() if gap.start < bucket + self.bucket}
        if not dark:
            return np.ones(len(self.keys), dtype=np.bool_)
        return np.array([not self._is_blind(key, dark) for key in self.keys], dtype=np.bool_)

    def _is_blind(self, key: Key, dark: set[str]) -> bool:
        names = dict(zip(self.dimensions, key, strict=False))
        if "source" in names:
            return names["source"] in dark
        listens = self.sources.get(names.get("watch", ""))
        return bool(dark) if listens is None else bool(dark & listens)

    def save(self) -> bytes:
        """Everything that `load` needs to go on as if never stopped."""
        waiting = [(key, b, count) for b, counts in sorted(self._open.items()) for key, count in counts.items()]
        saved = _Saved(self.seq, self.watermark, self.next_bucket, self.keys, waiting, self._blind)
        return msgspec.json.encode(saved)

    def load(self, saved: bytes) -> None:
        state = msgspec.json.decode(saved, type=_Saved)
        self.seq, self.watermark, self.next_bucket = state.seq, state.watermark, state.next_bucket
        self.keys, self._blind, self._open, self._groups = state.keys, state.blind, {}, {}
        self.index = {key: number for number, key in enumerate(self.keys)}
        for key in self.keys:
            self.group(key)
        for key, bucket, count in state.open:
            self._open.setdefault(bucket, {})[key] = count


def _mentions(rows: pa.Table, kind: pa.Array) -> npt.NDArray[np.bool_]:
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
