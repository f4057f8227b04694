"""A whole Tocsin in a temporary folder, driven step by step: real queue, lake and state, no threads, no waiting."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tocsin import config as configs
from tocsin.clock import ManualClock
from tocsin.component import Enricher, Lake, Queue
from tocsin.model import Batch, Event
from tocsin.pipeline import Detect, Process, ingest
from tocsin.pipeline.process import Chain
from tocsin.runners.assemble import Assembly
from tocsin.state import State
from tocsin.telemetry import Telemetry

NOW = datetime(2026, 3, 20, 12, tzinfo=UTC)


class World:
    """The parts of one data directory. Close it, and open another over the same folder: that is a restart."""

    def __init__(self, folder: Path, yaml: str = "", enrichers: Sequence[Enricher] | None = None) -> None:
        self.folder = folder
        file = folder / "tocsin.yaml"
        if yaml or not file.exists():
            file.write_text(yaml or "sources: {}\n")
        self.clock = ManualClock(NOW)
        self.assembly = Assembly(configs.load(file, os.environ), self.clock, seed=1)
        self.assembly.prepare()
        self.telemetry = Telemetry()
        self.queue: Queue = self.assembly.queue()
        self.lake: Lake = self.assembly.lake()
        self.state: State = self.assembly.state()
        self.queue.start_after(self.lake.last_seq())
        self._enrichers = enrichers
        self._process: Process | None = None
        self._detect: Detect | None = None

    def __enter__(self) -> World:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        for part in (self.queue, self.lake, self.state):
            part.close()

    def put(self, events: Sequence[Event], source: str = "news") -> None:
        self.queue.put(source, Batch(events=list(events)))

    def ingest(self) -> None:
        """Everything that the finite sources of the config have."""
        for name, source in self.assembly.sources().items():
            assert source.finite
            asyncio.run(ingest(source, self.queue, self.assembly.context(name), self.telemetry))

    @property
    def process(self) -> Process:
        if self._process is None:
            chain = Chain(self._enrichers if self._enrichers is not None else self.assembly.enrichers())
            self._process = Process(self.queue, self.lake, chain, self.clock, self.telemetry, 500)
            self._process.recover()
        return self._process

    @property
    def detect(self) -> Detect:
        if self._detect is None:
            self._detect = self.assembly.detect(self.lake, self.state, self.telemetry)
            self._detect.recover()
        return self._detect

    def process_all(self) -> None:
        while self.process.backlog:
            self.process.step()

    def detect_all(self) -> None:
        while not self.detect.at_end():
            self.detect.step()

    def notify_all(self) -> int:
        return asyncio.run(self.assembly.couriers(self.state, self.queue, self.telemetry).round())

    def rows(self, *columns: str) -> list[dict[str, Any]]:
        return [row for batch in self.lake.rows(list(columns) or None) for row in batch.to_pylist()]

    def kinds(self) -> dict[str, int]:
        found: dict[str, int] = {}
        for row in self.rows("kind"):
            found[row["kind"]] = found.get(row["kind"], 0) + 1
        return found
