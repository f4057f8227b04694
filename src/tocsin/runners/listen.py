"""A source tried out: opened as a run would, for a while, without keeping anything."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import aclosing, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

from tocsin import load
from tocsin.capabilities import Consuming
from tocsin.component import Source
from tocsin.errors import ConfigError, Transient
from tocsin.model import Batch, Delete, Gap, Heartbeat, Post
from tocsin.net import backoff
from tocsin.runners.assemble import Assembly

BASE, CAP = 0.5, 10.0


@dataclass
class Heard:
    """What came: events by kind, dead letters, faults; `first` is seconds until the first event, `lag` the median
    seconds from a post's time to its arrival."""

    posts: int = 0
    deletes: int = 0
    gaps: int = 0
    heartbeats: int = 0
    dead: int = 0
    faults: int = 0
    first: float | None = None
    lag: float | None = None


async def listen(
    assembly: Assembly, name: str, seconds: float, tell: Callable[[Batch | Transient], None], enough: int | None = None
) -> Heard:
    """Read the source as if for the first time, until the time is over, it ends, or so many batches have come.

    `tell` hears of all that comes. The data directory is a temporary one: no cursor moves and nothing is stored but
    what it cost.
    Raises ConfigError for a source that takes away what it reads, Permanent, and Transient where all that was heard
    was one fault after the other.
    """
    with TemporaryDirectory(prefix="tocsin-try-") as folder:
        part = assembly.source_part(name)
        own = assembly.context(name)
        context = replace(own, data_dir=Path(folder), accounts=own.data_dir)
        source: Source = load.build("sources", part.type, part.options, context)
        if isinstance(source, Consuming):
            hint = "`tocsin doctor` asks whether it would work"
            raise ConfigError(f"what '{name}' gives is gone once it is read, and would be lost to a run", hint=hint)
        trial = _Trial(assembly, tell)
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await trial.run(source, enough)
    if trial.fault is not None and trial.heard.first is None:
        raise trial.fault
    return trial.heard


class _Trial:
    def __init__(self, assembly: Assembly, tell: Callable[[Batch | Transient], None]) -> None:
        self._clock, self._random, self._tell = assembly.clock, assembly.random, tell
        self._began = self._clock.monotonic()
        self._lags: list[float] = []
        self.heard = Heard()
        self.fault: Transient | None = None

    async def run(self, source: Source, enough: int | None) -> None:
        cursor: str | None = None
        taken = 0
        while True:
            try:
                async with aclosing(source.read(cursor)) as batches:
                    async for batch in batches:
                        cursor = batch.cursor
                        self._count(batch)
                        self._tell(batch)
                        taken += bool(batch.events or batch.dead)  # a place alone is no word
                        if taken == enough:
                            return
                return
            except Transient as fault:
                self.fault = fault
                self.heard.faults += 1
                self._tell(fault)
                wait = fault.retry_after or backoff(self.heard.faults, self._random, BASE, CAP)
                await self._clock.sleep(wait)

    def _count(self, batch: Batch) -> None:
        heard = self.heard
        if heard.first is None and (batch.events or batch.dead):
            heard.first = round(self._clock.monotonic() - self._began, 3)
        heard.dead += len(batch.dead)
        for event in batch.events:
            heard.posts += isinstance(event, Post)
            heard.deletes += isinstance(event, Delete)
            heard.gaps += isinstance(event, Gap)
            heard.heartbeats += isinstance(event, Heartbeat)
            if isinstance(event, Post) and event.created_at is not None:
                self._lags.append((event.received_at - event.created_at).total_seconds())
        if self._lags:
            heard.lag = round(sorted(self._lags)[len(self._lags) // 2], 3)
