"""The running fold: rows in, closed buckets out, and looks at what is still open."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tocsin.component import Floats
from tocsin.series.blind import Blind
from tocsin.series.dimensions import Dimensions, Key, Longs, mentions
from tocsin.series.echoes import Echoes, phrases
from tocsin.series.echoes import Saved as SavedEchoes
from tocsin.series.voices import Voices, authors, own_words

Counting = Literal["posts", "voices", "echoes"]

SKIP_AFTER = 3 * 86_400
"""Seconds without any row or heartbeat after which the stretch is skipped as unseen instead of counted as zero."""
LOOK = 10
"""Seconds of event time between two looks."""
MOST_SERIES = 50_000
"""Series that a policy may have; what would be one more is counted in its parents only."""
_SECOND = 1_000_000


@dataclass(frozen=True)
class Tick:
    """One closed bucket: `counts[i]` of series i, of which the share `visible[i]` was seen (0: its source was blind).

    `added` are the series born in this bucket, at the end of the arrays; `seq` is the row that closed it.
    """

    time: int
    seq: int
    added: list[Key]
    parents: list[int]
    groups: list[int]
    counts: Floats
    visible: Floats


@dataclass(frozen=True)
class Look:
    """What all open buckets hold at `time`, the first of every `LOOK` seconds that a row tells of, here row `seq`.

    For the series that there are; one that is new is not born before its bucket closes.
    """

    time: int
    seq: int
    counts: Floats
    visible: Floats


class _Saved(msgspec.Struct):
    seq: int
    watermark: int
    front: int
    next_bucket: int | None
    keys: list[Key]
    open: list[tuple[Key, int, int]]
    blind: bytes
    voices: list[tuple[int, list[tuple[Key, int]]]]
    echoes: SavedEchoes = ([], [])


@dataclass(frozen=True)
class _Spots:
    """What the rows of a commit count: in row order, one spot for each row and series."""

    rows: list[int]
    keys: list[Key]
    buckets: list[int]
    late: list[bool]
    times: list[int]
    authors: list[int]
    phrases: list[list[int]]
    sources: list[str]


@dataclass
class Fold:
    """The running fold of one policy. `bucket` and `lateness` in seconds."""

    dimensions: tuple[str, ...]
    bucket: int
    lateness: int
    all_watches: str | None = None
    sources: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """Watch -> the sources it listens to; a watch that is not there listens to all."""
    known: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """Dimension -> the values that count, where not all do."""
    counting: Counting = "posts"

    keys: list[Key] = field(default_factory=list)
    seq: int = 0
    watermark: int = -(1 << 62)
    """Microseconds: everything before it has been seen."""
    front: int = -(1 << 62)
    """Microseconds: the latest time that a row told."""
    next_bucket: int | None = None
    counted: dict[tuple[Key, int], int] = field(default_factory=dict)
    """What the last `fold` added, for the state database: (key, bucket) -> posts."""
    late: dict[tuple[Key, int], int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.index: dict[Key, int] = {key: number for number, key in enumerate(self.keys)}
        self._dimensions = Dimensions(self.dimensions, self.all_watches, self.known)
        self._groups: dict[str, int] = {}
        self._open: dict[int, dict[Key, int]] = {}
        self._live: dict[Key, int] = {}
        self._blind = Blind(self.dimensions, self.sources)
        self._voices = Voices()
        self._echoes = Echoes()

    @property
    def lag(self) -> float:
        """Seconds of event time between the newest row and the last bucket that was closed."""
        newest = self.watermark // _SECOND + self.lateness
        return float(max(newest - self.next_bucket, 0)) if self.next_bucket is not None else 0.0

    def fold(self, rows: pa.Table) -> Iterator[Tick | Look]:
        """Count rows (ascending `seq`, all above what was folded before): the buckets that they close, and looks.

        Exhaust the iterator. Rows already folded are passed over.
        """
        self.counted, self.late = {}, {}
        rows = rows.filter(pc.greater(rows.column("seq"), self.seq))
        if not rows.num_rows:
            return
        seq = rows.column("seq").to_numpy()
        time = rows.column("event_time").cast(pa.int64()).to_numpy()
        kind = rows.column("kind").combine_chunks()
        self._blind.note(rows, kind)
        watermarks, fronts = self._watermarks(time, kind)
        spots = self._spots(rows, kind, time, watermarks)
        done = 0
        for row in self._stops(fronts):
            looks = fronts[row] // (LOOK * _SECOND) > self.front // (LOOK * _SECOND)
            done = self._apply(spots, done, row)
            self.watermark, self.front = int(watermarks[row]), int(fronts[row])
            yield from self._close(watermarks, seq)
            if looks and self._live and self.next_bucket is not None:
                yield self._look(int(seq[row]))
        self.seq = int(seq[-1])

    def _stops(self, fronts: Longs) -> list[int]:
        """The rows after which something may be told: where the front passes `LOOK` seconds, and the last."""
        steps = fronts // (LOOK * _SECOND)
        moved = np.flatnonzero(np.diff(steps, prepend=self.front // (LOOK * _SECOND)))
        return sorted({*moved.tolist(), len(fronts) - 1})

    def _watermarks(self, time: Longs, kind: pa.Array) -> tuple[Longs, Longs]:
        """Watermark and front after each row. A heartbeat vouches for itself; a post only for what is older."""
        beats = pc.equal(kind, "heartbeat").to_numpy(zero_copy_only=False)
        moves = pc.is_in(kind, value_set=pa.array(["post", "erased", "heartbeat"])).to_numpy(zero_copy_only=False)
        vouched = np.where(moves, np.where(beats, time, time - self.lateness * _SECOND), self.watermark)
        reached = np.where(moves, time, self.front)
        return _running(vouched, self.watermark), _running(reached, self.front)

    def _spots(self, rows: pa.Table, kind: pa.Array, time: Longs, watermarks: Longs) -> _Spots:
        counts = mentions(rows, kind)
        by_voice, by_echo = self.counting != "posts", self.counting == "echoes"
        if by_voice:
            counts &= own_words(rows)
        picked = np.flatnonzero(counts)
        if not picked.size:
            return _Spots([], [], [], [], [], [], [], [])
        width = self.bucket * _SECOND
        buckets = time[picked] // width * self.bucket
        before = np.concatenate(([self.watermark], watermarks[:-1]))[picked]
        closed = before // width * self.bucket
        if self.next_bucket is None:
            self.next_bucket = int(max(buckets[0], closed[0]))
        late = buckets < np.maximum(closed, self.next_bucket)
        chosen = rows.take(pa.array(picked))
        found = [self._dimensions.combinations(chosen, level) for level in self._dimensions.levels]
        owners = np.concatenate([owner for owner, _, _ in found])
        keys = [names[code] for _, codes, names in found for code in codes.tolist()]
        order = np.argsort(owners, kind="stable")
        who = authors(chosen) if by_voice else []
        said = phrases(chosen) if by_echo else []
        sources = chosen.column("source").to_pylist() if self._blind.shares else []
        mine = owners[order].tolist()
        return _Spots(
            picked[owners[order]].tolist(),
            [keys[place] for place in order.tolist()],
            buckets[owners[order]].tolist(),
            late[owners[order]].tolist(),
            (time[picked] // _SECOND)[owners[order]].tolist(),
            [who[owner] for owner in mine] if who else mine,
            [said[owner] for owner in mine] if said else [],
            [sources[owner] for owner in mine] if sources else [],
        )

    def _apply(self, spots: _Spots, done: int, upto: int) -> int:
        """Count the spots from number `done` on that are of rows up to `upto`; the number of the next."""
        last = bisect_right(spots.rows, upto, done)
        by_voice, by_echo = self.counting != "posts", self.counting == "echoes"
        for place in range(done, last):
            key = spots.keys[place]
            if by_voice:
                who, time = spots.authors[place], spots.times[place]
                if by_echo and not self._echoes.heard(key, who, time, spots.phrases[place]):
                    continue
                if not self._voices.new(key, who, time):
                    continue
            self._add(key, spots.buckets[place], late=spots.late[place])
            if spots.sources:
                self._blind.count(key, spots.sources[place])
        return last

    def _add(self, key: Key, bucket: int, *, late: bool) -> None:
        book = self.late if late else self.counted
        book[key, bucket] = book.get((key, bucket), 0) + 1
        if not late:
            counts = self._open.setdefault(bucket, {})
            counts[key] = counts.get(key, 0) + 1
            self._live[key] = self._live.get(key, 0) + 1

    def _close(self, watermarks: Longs, seq: Longs) -> Iterator[Tick]:
        if self.next_bucket is None:
            return
        last = self.watermark // _SECOND // self.bucket * self.bucket
        while self.next_bucket < last:
            bucket = self.next_bucket
            closer = int(np.searchsorted(watermarks, (bucket + self.bucket) * _SECOND, "left"))
            reached = int(watermarks[closer]) // _SECOND // self.bucket * self.bucket
            if bucket not in self._open and reached - bucket > SKIP_AFTER:
                self.next_bucket = min([b for b in self._open if b < reached], default=reached)
                continue
            self.next_bucket = bucket + self.bucket
            yield self._tick(bucket, int(seq[closer]))

    def _tick(self, bucket: int, seq: int) -> Tick:
        found = self._open.pop(bucket, {})
        self._voices.forget(bucket)
        self._blind.forget(bucket, seq)
        self._blind.turn(bucket)
        added = sorted((key for key in found if key not in self.index), key=lambda key: (len(key), key))
        added = added[: max(MOST_SERIES - len(self.keys), 0)]
        for key in added:
            self.index[key] = len(self.keys)
            self.keys.append(key)
        counts = np.zeros(len(self.keys), dtype=np.float32)
        for key, count in found.items():
            if key in self.index:
                counts[self.index[key]] = count
            self._settle(key, count)
        return Tick(
            time=bucket,
            seq=seq,
            added=added,
            parents=[self.index.get(key[:-1], -1) if key else -1 for key in added],
            groups=[self.group(key) for key in added],
            counts=counts,
            visible=self._blind.visible(self.keys, bucket, bucket + self.bucket, seq),
        )

    def _settle(self, key: Key, count: int) -> None:
        """What was open is closed."""
        left = self._live[key] - count
        if left:
            self._live[key] = left
        else:
            del self._live[key]

    def _look(self, seq: int) -> Look:
        counts = np.zeros(len(self.keys), dtype=np.float32)
        for key, count in self._live.items():
            number = self.index.get(key)
            if number is not None:
                counts[number] = count
        now = self.front // _SECOND + 1
        return Look(now, seq, counts, self._blind.visible(self.keys, now - LOOK, now, seq))

    def group(self, key: Key) -> int:
        """The number of the series' family: those of one watch (or all, with one dimension) share a rhythm."""
        name = key[0] if len(self.dimensions) > 1 else ""
        return self._groups.setdefault(name, len(self._groups))

    def save(self) -> bytes:
        """Everything that `load` needs to go on as if never stopped."""
        waiting = [(key, b, count) for b, counts in sorted(self._open.items()) for key, count in counts.items()]
        return msgspec.json.encode(
            _Saved(
                self.seq,
                self.watermark,
                self.front,
                self.next_bucket,
                self.keys,
                waiting,
                self._blind.save(),
                self._voices.saved(),
                self._echoes.saved(),
            )
        )

    def load(self, saved: bytes) -> None:
        state = msgspec.json.decode(saved, type=_Saved)
        self.seq, self.watermark, self.front = state.seq, state.watermark, state.front
        self.next_bucket, self.keys = state.next_bucket, state.keys
        self._open, self._live, self._groups = {}, {}, {}
        self.index = {key: number for number, key in enumerate(self.keys)}
        for key in self.keys:
            self.group(key)
        for key, bucket, count in state.open:
            self._open.setdefault(bucket, {})[key] = count
            self._live[key] = self._live.get(key, 0) + count
        self._blind.load(state.blind)
        self._voices.load(iter(state.voices))
        self._echoes.load(state.echoes)


def _running(values: Longs, start: int) -> Longs:
    return np.asarray(np.maximum(np.maximum.accumulate(values), start), dtype=np.int64)
