"""What share of each series could be seen when: gaps of its sources, as far as the rows had told by then.

A series of which a source brings a third is seen to two thirds while that source is blind. Shares are those of the
last days, older ones weighing half as much each day.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tocsin.component import Floats
from tocsin.series.dimensions import Key

KNOWN = 50.0
"""Posts of a series from which on it is known what its sources bring."""
LEAST = 0.25
"""A series of which less could be seen counts as not seen."""
FORGOTTEN = 0.5
"""A source that brought fewer posts is forgotten."""


class Stretch(msgspec.Struct):
    """A source's stream was blind from `start` (Unix seconds) to `end` (None: still is), as row `seq` told."""

    source: str
    stream: str
    start: int
    end: int | None
    seq: int


class _Saved(msgspec.Struct):
    told: list[Stretch]
    brought: list[tuple[Key, list[tuple[str, float]]]]
    day: int | None


class Blind:
    """The gaps that matter still. A later word on a gap replaces an earlier one; a sign of life ends an open one."""

    def __init__(self, dimensions: Sequence[str], sources: Mapping[str, frozenset[str]]) -> None:
        self._dimensions, self._sources = tuple(dimensions), sources
        self._told: list[Stretch] = []
        self._brought: dict[Key, dict[str, float]] = {}
        self._day: int | None = None
        self.shares = "source" not in self._dimensions
        """Whether it is worth telling it what comes: each series has its own source, where they are by source."""

    def count(self, key: Key, source: str) -> None:
        """A source has brought a post of a series."""
        own = self._brought.setdefault(key, {})
        own[source] = own.get(source, 0.0) + 1.0

    def turn(self, time: int) -> None:
        """What was brought before the day of this time (Unix seconds) weighs half as much from now on."""
        day = time // 86_400
        if self._day is not None and day > self._day:
            weight = 0.5 ** min(day - self._day, 30)
            for key, own in list(self._brought.items()):
                kept = {source: count * weight for source, count in own.items() if count * weight >= FORGOTTEN}
                if kept:
                    self._brought[key] = kept
                else:
                    del self._brought[key]
        self._day = day

    def note(self, rows: pa.Table, kind: pa.Array) -> None:
        """Take in what rows say of gaps."""
        for row in rows.filter(pc.equal(kind, "gap")).to_pylist():
            start, until = int(row["event_time"].timestamp()), row["until"]
            is_open = (row["note"] or "").startswith("open") or until is None
            end = None if is_open else int(until.timestamp())
            self._told.append(Stretch(row["source"], row["stream"] or "", start, end, row["seq"]))
        if any(stretch.end is None for stretch in self._told):
            self._told += self._ended(rows.filter(pc.equal(kind, "heartbeat")))

    def _ended(self, beats: pa.Table) -> Iterator[Stretch]:
        """The first heartbeat of a stream after the word that it is blind says that it sees again."""
        last = {(one.source, one.stream, one.start): one for one in sorted(self._told, key=lambda one: one.seq)}
        waiting = {place: one for place, one in last.items() if one.end is None}
        for row in beats.select(["seq", "source", "stream", "event_time"]).to_pylist():
            at = int(row["event_time"].timestamp())
            for place, one in list(waiting.items()):
                same = (row["source"], row["stream"] or "") == place[:2]
                if same and row["seq"] > one.seq and at > one.start:
                    yield Stretch(one.source, one.stream, one.start, at, row["seq"])
                    del waiting[place]

    def visible(self, keys: Sequence[Key], start: int, end: int, seq: int) -> Floats:
        """What share of each series could be seen in [start, end), as far as row `seq` knew: 0 to 1."""
        seen = np.ones(len(keys), dtype=np.float32)
        dark = {one.source for one in self._lasting(start, seq) if one.start < end} if self._told else set()
        if dark:
            seen[:] = [self._seen(key, dark) for key in keys]
        return seen

    def _lasting(self, since: int, seq: int) -> list[Stretch]:
        known = {(one.source, one.stream, one.start): one for one in self._told if one.seq <= seq}
        return [one for one in known.values() if one.end is None or one.end > since]

    def forget(self, before: int, seq: int) -> None:
        """What was over before this time, as row `seq` knew, matters no more."""
        if self._told:
            self._told = [*self._lasting(before, seq), *(one for one in self._told if one.seq > seq)]

    def _seen(self, key: Key, dark: set[str]) -> float:
        names = dict(zip(self._dimensions, key, strict=False))
        if "source" in names:
            return float(names["source"] not in dark)
        listens = self._sources.get(names.get("watch", ""))
        if not (dark if listens is None else dark & listens):
            return 1.0
        brought = self._brought.get(key, {})
        total = sum(brought.values())
        if total < KNOWN:
            return 0.0
        seen = 1 - sum(count for source, count in brought.items() if source in dark) / total
        return seen if seen >= LEAST else 0.0

    def save(self) -> bytes:
        return msgspec.json.encode(
            _Saved(self._told, [(key, sorted(own.items())) for key, own in sorted(self._brought.items())], self._day)
        )

    def load(self, saved: bytes) -> None:
        state = msgspec.json.decode(saved, type=_Saved)
        self._told, self._day = state.told, state.day
        self._brought = {key: dict(own) for key, own in state.brought}
