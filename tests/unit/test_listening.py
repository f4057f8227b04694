"""A live source that says nothing at all is blind, and the log says so; a source that beats is not."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncGenerator
from contextlib import aclosing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import ClassVar

import pytest

from tocsin.clock import ManualClock
from tocsin.component import Context
from tocsin.errors import Permanent, Transient
from tocsin.model import Batch, Gap, Heartbeat, decoder
from tocsin.pipeline.ingest import ingest
from tocsin.pipeline.listening import BLIND_SECONDS, Listening, attentive
from tocsin.queues.memory import Config, Memory
from tocsin.telemetry import Telemetry

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)


def test_a_gap_is_told_once_when_it_begins_and_once_when_it_ends() -> None:
    listening = Listening("news", NOW)
    assert listening.silent(NOW + timedelta(seconds=BLIND_SECONDS - 1)) == []
    (begun,) = listening.silent(NOW + timedelta(seconds=BLIND_SECONDS))
    assert listening.silent(NOW + timedelta(seconds=2 * BLIND_SECONDS)) == []
    (ended,) = listening.heard(NOW + timedelta(seconds=3 * BLIND_SECONDS))
    assert isinstance(begun, Gap)
    assert isinstance(ended, Gap)
    assert (begun.state, ended.state, begun.start, ended.start) == ("open", "lost", NOW, NOW)
    assert ended.end == NOW + timedelta(seconds=3 * BLIND_SECONDS)
    assert listening.heard(NOW + timedelta(seconds=3 * BLIND_SECONDS + 1)) == []


def test_a_source_that_mends_says_itself_what_was_lost() -> None:
    listening = Listening("news", NOW, mends=True)
    listening.silent(NOW + timedelta(seconds=BLIND_SECONDS))
    (ended,) = listening.heard(NOW + timedelta(seconds=2 * BLIND_SECONDS))
    assert isinstance(ended, Gap)
    assert ended.state == "partial"


def test_a_clock_that_goes_back_makes_no_gap_that_ends_before_it_begins() -> None:
    listening = Listening("news", NOW)
    listening.silent(NOW + timedelta(seconds=BLIND_SECONDS))
    assert listening.heard(NOW - timedelta(hours=1)) == []


class Quiet:
    """A live source that says nothing for some waits of `BLIND_SECONDS`, then beats, then fails."""

    finite: ClassVar[bool] = False
    live: ClassVar[bool] = True

    def __init__(self, clock: ManualClock, waits: int) -> None:
        self.clock, self.waits, self.closed = clock, waits, False

    async def read(self, cursor: str | None) -> AsyncGenerator[Batch, None]:
        try:
            until = self.clock.monotonic() + self.waits * BLIND_SECONDS
            while self.clock.monotonic() < until:
                await asyncio.sleep(0)
            yield Batch(events=[Heartbeat(source="news", stream="news", at=self.clock.now())], cursor="1")
            raise Permanent("the end of the test")
        finally:
            self.closed = True


async def test_the_words_are_in_the_log_and_the_source_is_closed(tmp_path: Path) -> None:
    context = Context("news", tmp_path, ManualClock(NOW), random.Random(1))
    queue, source = Memory(Config(), context), Quiet(context.clock, waits=3)  # type: ignore[arg-type]
    with pytest.raises(Permanent, match="end of the test"):
        await ingest(source, queue, context, Telemetry())
    events = [decoder.decode(body) for body in queue.read(0, 100).bodies]
    gaps = [event.state for event in events if isinstance(event, Gap)]
    assert gaps == ["open", "lost"]
    assert isinstance(events[-1], Heartbeat)
    assert (source.closed, queue.cursor("news")) == (True, "1")


class Unreachable:
    finite: ClassVar[bool] = False
    live: ClassVar[bool] = True

    def __init__(self, tries: int) -> None:
        self.tries = tries

    async def read(self, cursor: str | None) -> AsyncGenerator[Batch, None]:
        self.tries -= 1
        if self.tries:
            raise Transient("no route", retry_after=100)
        raise Permanent("the end of the test")
        yield Batch()


async def test_a_source_that_cannot_be_reached_is_blind_too(tmp_path: Path) -> None:
    context = Context("news", tmp_path, ManualClock(NOW), random.Random(1))
    queue = Memory(Config(), context)
    with pytest.raises(Permanent, match="end of the test"):
        await ingest(Unreachable(6), queue, context, Telemetry())
    (gap,) = [decoder.decode(body) for body in queue.read(0, 100).bodies]
    assert isinstance(gap, Gap)
    assert (gap.state, gap.start) == ("open", NOW)


async def test_what_is_stopped_while_it_waits_is_closed() -> None:
    closed = asyncio.Event()

    async def never() -> AsyncGenerator[Batch, None]:
        try:
            await asyncio.sleep(3600)
            yield Batch()
        finally:
            closed.set()

    async with aclosing(never()) as batches, aclosing(attentive(batches, ManualClock(NOW))) as listened:
        assert await anext(listened) is None
    assert closed.is_set()
