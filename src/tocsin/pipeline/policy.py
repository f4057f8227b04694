"""A policy at work: rows folded into series, series judged, judgements turned into changes of incidents."""

from __future__ import annotations

from dataclasses import dataclass

import msgspec
import pyarrow as pa

from tocsin.alerts.lifecycle import Change, Lifecycle
from tocsin.component import Detector
from tocsin.series import Fold, Key, Look
from tocsin.state import CountKey


class _Saved(msgspec.Struct):
    fold: bytes
    detector: bytes
    lifecycle: bytes


@dataclass
class Policy:
    """A policy at work. `definition` is everything that, once changed, makes its past a different one."""

    name: str
    definition: str
    measure: str
    fold: Fold
    detector: Detector
    lifecycle: Lifecycle

    def advance(self, rows: pa.Table) -> list[tuple[int, Change]]:
        """Fold rows, judge the buckets they close and look at those they leave open: (row that showed it, change)."""
        changes: list[tuple[int, Change]] = []
        for told in self.fold.fold(rows):
            keys, index = self.fold.keys, self.fold.index
            if isinstance(told, Look):
                seen = self.detector.look(told.time, told.counts, told.visible)
                found = self.lifecycle.look(told.time, keys, seen) if seen is not None else ()
            else:
                if told.added:
                    self.detector.add(told.parents, told.groups)
                readings = self.detector.step(told.time, told.counts, told.visible)
                ends = told.time + self.fold.bucket
                found = self.lifecycle.step(ends, keys, index, readings, told.visible, told.counts)
            changes += [(told.seq, change) for change in found]
        return changes

    def counted(self) -> tuple[dict[CountKey, int], dict[CountKey, int]]:
        """What the last `advance` added: in time, and late."""
        books = (self.fold.counted, self.fold.late)
        return tuple({(self.name, name_of(key), time): n for (key, time), n in book.items()} for book in books)  # type: ignore[return-value]

    def save(self) -> bytes:
        """Everything that `load` needs to go on as if never stopped."""
        return msgspec.msgpack.encode(_Saved(self.fold.save(), self.detector.save(), self.lifecycle.save()))

    def load(self, saved: bytes) -> None:
        state = msgspec.msgpack.decode(saved, type=_Saved)
        self.fold.load(state.fold)
        self.detector.load(state.detector)
        self.lifecycle.load(state.lifecycle)


def name_of(key: Key) -> str:
    """A series' name in the state database: its values as a JSON array."""
    return msgspec.json.encode(key).decode()
