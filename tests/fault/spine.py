"""The whole spine over one data directory, driven until somebody kills it: the victim of the kill test."""

from __future__ import annotations

import asyncio
import hashlib
import os
import random
import signal
import threading
from collections.abc import AsyncGenerator, Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, ClassVar

import msgspec
import pyarrow as pa
from tests.fault.script import SOURCE

from tocsin import load
from tocsin.clock import ManualClock
from tocsin.component import Enricher
from tocsin.lakes import _delta_log
from tocsin.lakes.delta import Delta
from tocsin.model import Batch, Event, Incident
from tocsin.notifiers.log import Log
from tocsin.pipeline import Bell, Detect, Process, ingest
from tocsin.pipeline.process import Chain
from tocsin.queues.sqlite import Sqlite
from tocsin.records import SCHEMA
from tocsin.runners.assemble import Assembly
from tocsin.settings import Config
from tocsin.state import State, Transaction
from tocsin.telemetry import Telemetry

NOW = datetime(2027, 1, 1, tzinfo=UTC)
ENRICHERS = ("Markup", "Watches", "Category", "Cluster")
Acknowledge = Callable[[int], object]

SEAMS: tuple[tuple[Any, str, int], ...] = (
    (Sqlite, "put", 6), (Sqlite, "_transact", 8), (Sqlite, "trim", 3), (Delta, "append", 3),
    (Delta, "_write", 3), (Delta, "flush", 4),
    (Delta, "_replace", 1), (_delta_log, "_sync", 20), (Transaction, "add_counts", 3), (Transaction, "move", 3),
    (Transaction, "put_incident", 2), (Transaction, "post_alert", 2), (Transaction, "save_checkpoint", 2),
    (Log, "_append", 2), (State, "sent", 2),
)  # fmt: skip
"""Where a kill may be aimed at, and at which call of these at the latest."""


class EnglishOnly:
    """Stands in for the language enricher, whose model takes longer to load than a cycle may last."""

    fills: ClassVar[frozenset[str]] = frozenset({"language"})
    needs: ClassVar[frozenset[str]] = frozenset()

    def enrich(self, batch: pa.RecordBatch) -> dict[str, pa.Array]:
        return {"language": pa.array(["en"] * batch.num_rows, pa.string())}


class Scripted:
    """A source of what is in the script. Its cursor is how many events it has delivered."""

    finite: ClassVar[bool] = True
    live: ClassVar[bool] = False

    def __init__(self, script: Sequence[Event], sizes: Iterator[int], acknowledge: Acknowledge) -> None:
        self._script, self._sizes, self._acknowledge = script, sizes, acknowledge

    async def read(self, cursor: str | None) -> AsyncGenerator[Batch, None]:
        done = int(cursor or 0)
        for size in self._sizes:
            part = self._script[done : done + size]
            if not part:
                return
            done += len(part)
            yield Batch(events=list(part), cursor=str(done))
            self._acknowledge(done)


@dataclass(frozen=True)
class Seam:
    """A place to be killed at: the `count`-th call of a function, before or after it."""

    owner: Any
    name: str
    count: int
    after: bool


def seam(chance: random.Random, near: Sequence[str] = ()) -> Seam:
    """Some seam; one of these names, if there are any."""
    owner, name, most = chance.choice([seam for seam in SEAMS if not near or seam[1] in near])
    return Seam(owner, name, chance.randint(1, most), chance.random() < 0.5)


def plant(seam: Seam) -> None:
    """Make this process die there."""
    inner, left = getattr(seam.owner, seam.name), seam.count

    def burning(*args: Any, **options: Any) -> Any:
        nonlocal left
        left -= 1
        if left == 0 and not seam.after:
            die()
        result = inner(*args, **options)
        if left == 0:
            die()
        return result

    setattr(seam.owner, seam.name, burning)


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def warm_up() -> None:
    """Import everything that a spine needs, without using it."""
    import pyarrow.parquet  # noqa: F401

    for stage in ("queues", "lakes", "detectors", "notifiers", "enrichers"):
        for name in load.names(stage):
            load.component(stage, name)


class Spine:
    """All four loops, made as after any start."""

    def __init__(self, config: Config, script: Sequence[Event], chance: random.Random) -> None:
        self._script, self._chance = script, chance
        self._clock = ManualClock(NOW)
        assembly = self._assembly = Assembly(config, self._clock, seed=1)
        assembly.prepare()
        self.telemetry = Telemetry()
        self.queue = assembly.queue()
        self.state = assembly.state()
        self.lake = assembly.lake()
        self.queue.start_after(self.lake.last_seq())
        self.process = Process(
            self.queue, self.lake, Chain(self._enrichers()), self._clock, self.telemetry, chance.choice((7, 60, 500))
        )
        self.process.recover()
        self.seen = assembly.lake()
        self.detect = Detect(
            self.seen, self.state, assembly.policies, Bell(["log"], "24 per day"), self._clock, self.telemetry
        )
        self.detect.recover()
        self.notifiers = assembly.notifiers()

    def _enrichers(self) -> list[Enricher]:
        return [EnglishOnly(), *(self._assembly.enricher(name.lower()) for name in ENRICHERS)]

    def ingest(self, acknowledge: Acknowledge, sizes: Sequence[int]) -> None:
        """Batches of these sizes, each acknowledged with how many events have been delivered."""
        source = Scripted(self._script, iter(sizes), acknowledge)
        asyncio.run(ingest(source, self.queue, self._assembly.context(SOURCE), self.telemetry))

    def _size(self) -> int:
        return self._chance.randint(1, 25)

    def notify(self) -> None:
        asyncio.run(self._assembly.couriers(self.state, self.queue, self.telemetry).round())

    def steps(self, acknowledge: Acknowledge) -> Iterator[Callable[[], object]]:
        """What is done next, at random, for ever."""
        known = [
            (lambda: self.ingest(acknowledge, [self._size()]), 5), (self.process.step, 4), (self.process.finish, 3),
            (self.detect.step, 4), (self.notify, 3), (self.detect.save, 2), (self.process.maintain, 0.4),
        ]  # fmt: skip
        choices, weights = zip(*known, strict=True)
        while True:
            yield self._chance.choices(choices, weights)[0]

    def run(self, acknowledge: Acknowledge, most: int) -> None:
        """One loop after the other, `most` steps at the most, then a kill by its own hand."""
        for _, step in zip(range(most), self.steps(acknowledge), strict=False):
            step()
        die()

    def run_together(self, acknowledge: Acknowledge, most: int) -> None:
        """Each loop in a thread of its own, as the runner does it."""
        seeds = [self._chance.randrange(2**32) for _ in range(4)]
        work: list[tuple[Callable[[], object], ...]] = [
            (lambda: self.ingest(acknowledge, [self._size() for _ in range(1_000)]),),
            (self.process.step, self.process.finish, self.process.finish, self.process.maintain),
            (self.detect.step, self.detect.step, self.detect.save),
            (self.notify,),
        ]
        threads = [
            threading.Thread(target=_often, args=(steps, most, random.Random(seed)), daemon=True)
            for steps, seed in zip(work, seeds, strict=True)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        die()

    def drain(self) -> None:
        """Let all of the script, and all that is queued, go all the way."""
        self.ingest(lambda done: None, [400] * len(self._script))
        while self.process.backlog:
            self.process.step()
        self.process.maintain()
        while not self.detect.at_end():
            self.detect.step()
        while self.state.untried(self._clock.now().timestamp()):
            self.notify()


def _often(steps: Sequence[Callable[[], object]], most: int, chance: random.Random) -> None:
    for _ in range(most):
        chance.choice(steps)()


def facts(config: Config) -> dict[str, Any]:
    """What a drained data directory holds, for comparison with another that saw the same events."""
    assembly = Assembly(config, ManualClock(NOW))
    queue, lake, state = assembly.queue(), assembly.lake(), assembly.state()
    rows = pa.Table.from_batches(list(lake.rows()), schema=SCHEMA)
    series = state.tables()["series"].sort_by([(name, "ascending") for name in ("policy", "series", "bucket")])
    incidents = state.incidents()
    told = (config.data_dir / "alerts.jsonl").read_bytes().splitlines() if incidents else []
    return {
        "events": queue.end(),
        "incidents": len(incidents),
        "bytes of incidents": hashlib.sha256(msgspec.json.encode([_anywhere(one) for one in incidents])).hexdigest(),
        "kinds": {row["values"]: row["counts"] for row in rows.column("kind").value_counts().to_pylist()},
        "rows": {name: _hash(rows.column(name).to_pylist()) for name in SCHEMA.names},
        "series": _hash(series.to_pylist()),
        "outbox": sorted((row["key"], row["destination"], row["state"]) for row in state.outbox()),
        "told": sorted(msgspec.json.decode(line)["key"] for line in told),
    }


def _anywhere(incident: Incident) -> Incident:
    """The incident without the id of the lake that it was found in, which no other lake has."""
    receipt = {name: value for name, value in incident.receipt.items() if name != "lake"}
    return msgspec.structs.replace(incident, receipt=receipt)


def _hash(values: object) -> str:
    return hashlib.sha256(msgspec.json.encode(values)).hexdigest()
