"""Wrong implementations of the spine, one rule broken in each. The fault tests must catch every one of them.

Planted in a child process, where they replace what is right for good.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa

from tocsin import records
from tocsin.alerts.lifecycle import Lifecycle
from tocsin.component import Queue
from tocsin.lakes import _delta_log
from tocsin.lakes.delta import Delta
from tocsin.model import Batch
from tocsin.notifiers.log import Log
from tocsin.pipeline.detect import Detect, Policy
from tocsin.pipeline.process import Chain, Process
from tocsin.queues.sqlite import Sqlite
from tocsin.series import Fold
from tocsin.state import Position, State


@dataclass(frozen=True)
class Mutant:
    """`rule` is what it breaks; `near` names the seams (spine.py) at which a kill shows it best.

    `test` must see it: `kill` (test_kill.py) or `order` (test_order.py).
    """

    rule: str
    plant: Callable[[], None]
    near: tuple[str, ...] = ()
    test: str = "kill"


MUTANTS: dict[str, Mutant] = {}


def mutant(rule: str, *near: str, test: str = "kill") -> Callable[[Callable[[], None]], Callable[[], None]]:
    def register(plant: Callable[[], None]) -> Callable[[], None]:
        MUTANTS[plant.__name__] = Mutant(rule, plant, near, test)
        return plant

    return register


@mutant("an event is acknowledged when it is on the disk", "put")
def acknowledged_before_written() -> None:
    """Events wait in memory until somebody asks for something."""
    waiting: list[tuple[str, Batch]] = []
    put = Sqlite.put

    def put_off(self: Sqlite, source: str, batch: Batch) -> int:
        waiting.append((source, batch))
        return 0

    def catching_up(real: Callable[..., Any]) -> Callable[..., Any]:
        def caught_up(self: Sqlite, *args: Any) -> Any:
            while waiting:
                put(self, *waiting.pop(0))
            return real(self, *args)

        return caught_up

    Sqlite.put, Sqlite.cursor, Sqlite.read = put_off, catching_up(Sqlite.cursor), catching_up(Sqlite.read)


@mutant("events and cursor are one transaction", "_transact")
def cursor_after_its_events() -> None:
    real = Sqlite.put

    def put(self: Sqlite, source: str, batch: Batch) -> int:
        real(self, source, Batch(events=batch.events, dead=batch.dead))
        return real(self, source, Batch(cursor=batch.cursor))

    Sqlite.put = put


@mutant("events and cursor are one transaction", "_transact")
def cursor_before_its_events() -> None:
    real = Sqlite.put

    def put(self: Sqlite, source: str, batch: Batch) -> int:
        real(self, source, Batch(cursor=batch.cursor))
        return real(self, source, Batch(events=batch.events, dead=batch.dead))

    Sqlite.put = put


@mutant("the offset is part of the lake's commit", "append", "_write", "flush")
def offset_after_the_commit() -> None:
    append = Delta.append

    def offset(self: Delta, queue: str) -> int:
        file = self._root.parent / "offset"
        return int(file.read_text() or 0) if file.exists() else 0

    def append_then_note(self: Delta, rows: pa.Table, queue: str, offset: int) -> int:
        version = append(self, rows, queue, offset)
        (self._root.parent / "offset").write_text(str(offset))
        return version

    Delta.offset, Delta.append = offset, append_then_note
    Delta._refuse_repeat = lambda *_: None


@mutant("the queue is trimmed after the commit", "trim", "_transact")
def trimmed_before_the_commit() -> None:
    append, queues = Delta.append, []
    prepare = Process._prepare

    def preparing(self: Process, taken: Any) -> Any:
        queues[:] = [self._queue]
        return prepare(self, taken)

    def trim_first(self: Delta, rows: pa.Table, queue: str, offset: int) -> int:
        queues[0].trim(offset)
        return append(self, rows, queue, offset)

    Process._prepare, Delta.append = preparing, trim_first


@mutant("a post that is in the lake is known again after a restart")
def identities_at_random() -> None:
    chance = random.Random()
    records.uid_hash = lambda *_: chance.randrange(-(2**63), 2**63)


@mutant("deletions are remembered after a restart")
def deletions_forgotten() -> None:
    real = Process.recover

    def recover(self: Process) -> None:
        real(self)
        self._deleted._runs.clear()

    Process.recover = recover


@mutant("enrichers see the lake's past again at start")
def nothing_recalled() -> None:
    Chain.recall = lambda *_: None


@mutant("counts and position are one transaction", "move")
def counts_before_the_position() -> None:
    def fold(self: Detect, position: Position, rows: pa.Table | None) -> int:
        if rows is not None:
            for policy in self._policies:
                changes = policy.advance(rows)
                with self._state.transaction() as tx:
                    tx.add_counts(*policy.counted())
                    self._write(tx, policy, changes, tell=True)
            self._since_checkpoint += rows.num_rows
        with self._state.transaction() as tx:
            tx.move(position)
        self._position = position
        return 0 if rows is None else rows.num_rows

    Detect._fold = fold


@mutant("outbox rows and position are one transaction", "move", "put_incident")
def outbox_after_the_position() -> None:
    write, fold = Detect._write, Detect._fold
    later: list[tuple[Policy, Sequence[Any]]] = []

    def put_off(self: Detect, tx: Any, policy: Policy, changes: Sequence[Any], *, tell: bool) -> None:
        later.append((policy, changes))

    def fold_then_tell(self: Detect, position: Position, rows: pa.Table | None) -> int:
        folded = fold(self, position, rows)
        with self._state.transaction() as tx:
            while later:
                write(self, tx, *later.pop(0), tell=True)
        return folded

    Detect._write, Detect._fold = put_off, fold_then_tell


@mutant("a checkpoint holds the open buckets")
def open_buckets_forgotten() -> None:
    real = Fold.save

    def save(self: Fold) -> bytes:
        return msgspec.json.encode(msgspec.json.decode(real(self)) | {"open": []})

    Fold.save = save


@mutant("a checkpoint holds the open incidents")
def open_incidents_forgotten() -> None:
    Lifecycle.save = lambda _: b'{"open": [], "cooldowns": []}'


@mutant("a row is late if its bucket was closed before it, however rows are cut into commits")
def lateness_by_commit() -> None:
    real = Fold._spots

    def spots(self: Fold, rows: pa.Table, kind: pa.Array, time: Any, watermarks: Any) -> Any:
        return real(self, rows, kind, time, np.full_like(watermarks, watermarks[-1]))

    Fold._spots = spots


@mutant("an alert that was told is known by its key", "sent", "_append")
def told_without_looking() -> None:
    real = Log._append

    def append(self: Log, alert: Any) -> None:
        self._keys = {}
        real(self, alert)

    Log._append = append


@mutant("an alert is marked as sent after it was sent", "_append")
def marked_before_told() -> None:
    sent, send, marks = State.sent, Log.send, []
    due = State.due

    def remember(self: State, *args: Any, **options: Any) -> Any:
        found = due(self, *args, **options)
        marks[:] = [(self, row.number) for row in found]
        return found

    async def mark_first(self: Log, alert: Any) -> None:
        sent(*marks.pop(0))
        await send(self, alert)

    State.due, State.sent, Log.send = remember, lambda *_: None, mark_first


@mutant("the lake is flushed before the queue is trimmed", test="order")
def trimmed_before_the_flush() -> None:
    flush = Delta.flush
    waiting: list[Delta] = []
    trim = Sqlite.trim

    def put_off(self: Delta) -> None:
        waiting.append(self)

    def trim_first(self: Queue, upto: int) -> None:
        trim(self, upto)
        while waiting:
            flush(waiting.pop())

    Delta.flush, Sqlite.trim = put_off, trim_first


@mutant("new names are flushed with their folder", test="order")
def folders_not_flushed() -> None:
    real = _delta_log._sync
    _delta_log._sync = lambda paths: real([path for path in paths if path.suffix])


@mutant("the log entry is flushed", test="order")
def entries_not_flushed() -> None:
    real = _delta_log._sync
    _delta_log._sync = lambda paths: real([path for path in paths if path.suffix != ".json"])
