"""The coverage ledger: what each stream brought in every hour, what it usually brings, and when nobody could see.

A stream's expectation follows its own rhythm of the day and its level of the last week, and is made before the hour
is learned. Hours close as the series do, on event time: the same rows give the same ledger.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tocsin.alerts import blindness
from tocsin.alerts.blindness import Blindness, Blindnesses
from tocsin.detectors._columns import Columns, Doubles, Integers, pack, unpack
from tocsin.detectors._rhythm import HOUR, Rhythm
from tocsin.series import Fold, Tick

BUCKET = 300
LEARNING_HOURS = 24
SILENT_EXPECTED = 10.0
"""A stream that brings nothing in an hour in which so many posts are usual is silent: chance once in 20,000 hours."""

State = Literal["ok", "learning", "partial", "gap", "silent"]


@dataclass(frozen=True)
class Hour:
    """One hour of one stream. `expected` is None while it is new; `blind` seconds were not seen."""

    source: str
    stream: str
    start: int
    arrived: int
    expected: float | None
    blind: int
    state: State


@dataclass
class Running(Columns):
    """The hour that is not over: one column a stream. `hours` were seen in all."""

    arrived: Doubles
    expected: Doubles
    blind: Integers
    hours: Integers


class _Saved(msgspec.Struct):
    fold: bytes
    arrays: bytes


class _SavedCoverage(msgspec.Struct):
    ledger: bytes
    blind: bytes


class Coverage:
    """What the rows of the lake say of who saw what: the ledger, and sources that have gone blind."""

    def __init__(self, lateness: int) -> None:
        self.ledger = Ledger(lateness)
        self._blind = Blindnesses()

    def advance(self, rows: pa.Table) -> tuple[list[Hour], list[Blindness]]:
        """Fold rows (ascending `seq`): hours that are over, and sources that went blind or see again."""
        new = rows.filter(pc.greater(rows.column("seq"), self.ledger.fold.seq))
        return self.ledger.advance(rows), list(self._blind.advance(self._telling(new)))

    def _telling(self, rows: pa.Table) -> list[dict[str, Any]]:
        kinds = rows.column("kind")
        if not self._blind.any and not pc.any(pc.equal(kinds, "gap")).as_py():
            return []
        telling = pc.is_in(kinds, value_set=pa.array(["gap", "heartbeat", "post"]))
        found: list[dict[str, Any]] = rows.filter(telling).select(blindness.COLUMNS).to_pylist()
        return found

    def save(self) -> bytes:
        """Everything that `load` needs to go on as if never stopped."""
        return msgspec.msgpack.encode(_SavedCoverage(self.ledger.save(), self._blind.save()))

    def load(self, saved: bytes) -> None:
        state = msgspec.msgpack.decode(saved, type=_SavedCoverage)
        self.ledger.load(state.ledger)
        self._blind.load(state.blind)


class Ledger:
    """The running ledger of all streams."""

    def __init__(self, lateness: int) -> None:
        self.fold = Fold(dimensions=("source", "stream"), bucket=BUCKET, lateness=lateness)
        self._rhythm = Rhythm("UTC", BUCKET)
        self._running = _nothing()
        self._hour: int | None = None

    def usual(self, source: str) -> float | None:
        """Posts an hour that a source usually brings; None while it is new."""
        number = self.fold.index.get((source,))
        if number is None or self._running.hours[number] < LEARNING_HOURS:
            return None
        return float(self._level()[number])

    def advance(self, rows: pa.Table) -> list[Hour]:
        """Fold rows (ascending `seq`); the hours that they close."""
        return [hour for tick in self.fold.fold(rows) if isinstance(tick, Tick) for hour in self._step(tick)]

    def _step(self, tick: Tick) -> Iterator[Hour]:
        if self._hour is not None and tick.time // HOUR != self._hour:
            yield from self._close(self._hour * HOUR)
        self._hour = tick.time // HOUR
        if tick.added:
            self._rhythm.add([0] * len(tick.added))
            self._running.grow(len(tick.added))
        running = self._running
        seen = np.asarray(tick.visible, dtype=np.float32)
        factors = self._rhythm.turn(tick.time)
        running.expected += factors * self._level() * (BUCKET / HOUR)
        running.arrived += tick.counts
        running.blind += np.where(seen > 0, 0, BUCKET)
        self._rhythm.learn(tick.counts * seen, seen)

    def _level(self) -> Doubles:
        """Posts an hour at a factor of 1."""
        hours = self._rhythm.hours
        level: Doubles = hours.level_mentions / np.maximum(hours.level_factor, 1e-9)
        return level

    def _close(self, start: int) -> Iterator[Hour]:
        running = self._running
        for number, key in enumerate(self.fold.keys):
            if len(key) == 2:
                yield _hour(key[0], key[1], start, running, number)
        running.hours += 1
        for total in (running.arrived, running.expected, running.blind):
            total[:] = 0

    def save(self) -> bytes:
        """Everything that `load` needs to go on as if never stopped."""
        header: dict[str, Any] = {"hour": self._hour, "local": self._rhythm.hour, "size": len(self.fold.keys)}
        arrays = pack(header, {"hours": self._rhythm.hours, "running": self._running})
        return msgspec.msgpack.encode(_Saved(self.fold.save(), arrays))

    def load(self, saved: bytes) -> None:
        state = msgspec.msgpack.decode(saved, type=_Saved)
        self.fold.load(state.fold)
        packed = unpack(state.arrays)
        self._rhythm, self._running = Rhythm("UTC", BUCKET), _nothing()
        packed.restore("hours", self._rhythm.hours, packed.header["size"])
        packed.restore("running", self._running, packed.header["size"])
        self._rhythm.restored([0], packed.header["local"])
        self._hour = packed.header["hour"]


def _nothing() -> Running:
    return Running(np.zeros(0), np.zeros(0), np.zeros(0, np.int64), np.zeros(0, np.int64))


def _hour(source: str, stream: str, start: int, running: Running, number: int) -> Hour:
    arrived, blind = int(running.arrived[number]), int(running.blind[number])
    known = running.hours[number] >= LEARNING_HOURS
    expected = round(float(running.expected[number]), 2) if known else None
    return Hour(source, stream, start, arrived, expected, blind, _state(arrived, expected, blind))


def _state(arrived: int, expected: float | None, blind: int) -> State:
    if blind:
        return "gap" if blind >= HOUR / 2 else "partial"
    if expected is None:
        return "learning"
    return "silent" if not arrived and expected >= SILENT_EXPECTED else "ok"
