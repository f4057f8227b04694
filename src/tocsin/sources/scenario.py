"""Invented posts about invented brands: a seeded stream with everything that a real one has.

Days and weeks have their rhythm, people copy and answer one another, bots repeat themselves, posts are edited and
deleted, the source goes blind for a while, and something happens that ought to be noticed. The same options give the
same events in the same order, at any speed and from any cursor.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Iterator
from datetime import datetime, timedelta
from typing import Any, ClassVar

import msgspec
import xxhash

from tocsin.component import Context
from tocsin.errors import Permanent
from tocsin.model import Batch, Event
from tocsin.sources._scenario import truth as _truth
from tocsin.sources._scenario.options import Config, Incident, Outage
from tocsin.sources._scenario.rhythm import SECOND, Rhythm
from tocsin.sources._scenario.stream import stretches

__all__ = ["Config", "Incident", "Outage", "Scenario", "copies", "demo_config", "generate", "truth"]

_EVENTS_A_BATCH = 500
_STEP = 0.2
"""How many seconds of real time a paced batch spans at most."""


class Scenario:
    finite: ClassVar[bool] = True
    live: ClassVar[bool] = False

    def __init__(self, config: Config, context: Context) -> None:
        self._config = config
        self._name = context.name
        self._clock = context.clock
        self._truth = None if config.truth is None else context.base_dir / config.truth

    async def read(self, cursor: str | None) -> AsyncGenerator[Batch, None]:
        config = self._config
        if cursor is None and self._truth is not None:
            happened = await asyncio.to_thread(truth, config, self._name)
            self._truth.write_bytes(msgspec.json.format(msgspec.json.encode(happened)))
        if config.speed == "max":
            for batch in generate(config, self._name, cursor):
                yield batch
            return
        paced_from = Rhythm(config).start + config.paced_from * SECOND
        began: tuple[float, float] | None = None
        for time, batch in _batches(config, self._name, cursor, round(config.speed * _STEP * SECOND)):
            if time > paced_from:
                if began is None:
                    began = self._clock.monotonic(), max(paced_from, time - config.speed * _STEP * SECOND)
                due = began[0] + (time - began[1]) / SECOND / config.speed
                await self._clock.sleep(max(due - self._clock.monotonic(), 0.0))
            yield batch


def generate(config: Config, name: str = "scenario", cursor: str | None = None) -> Iterator[Batch]:
    """All batches of a scenario, unpaced; `name` is the source's. From `cursor` on, if given.

    Raises Permanent if the cursor belongs to other options.
    """
    for _, batch in _batches(config, name, cursor, None):
        yield batch


def truth(config: Config, name: str = "scenario") -> dict[str, Any]:
    """What really happens in a scenario, for JSON: incidents with the ids of their posts, bots, gaps, counts."""
    return _truth.truth(config, name)


def copies(config: Config, name: str = "scenario") -> dict[str, str]:
    """For each post's uid what it repeats: the uid of a post (its own if nothing), or the text of a bot."""
    return {uid: same for stretch in stretches(config, name) for uid, same in stretch.block.same.items()}


def demo_config(now: datetime) -> Config:
    """A week of history, then the last 30 minutes before `now` a minute a second; two minutes in, acme goes down."""
    history, played = timedelta(days=7), timedelta(minutes=30)
    at = history + timedelta(minutes=2)
    incident = Incident(watch="acme", at=at.total_seconds(), duration=1500, factor=10)
    return Config(
        seed=11,
        start=now - history - played,
        duration=(history + played).total_seconds(),
        rate=90,
        watches=("acme", "borealis", "cumulo"),
        incidents=(incident,),
        speed=60,
        paced_from=history.total_seconds(),
    )


def _batches(config: Config, name: str, cursor: str | None, span: int | None) -> Iterator[tuple[int, Batch]]:
    """Batches with the arrival time of their last event, each within `span` microseconds if given."""
    mark = _fingerprint(config, name)
    first, skipped = (0, 0) if cursor is None else _position(cursor, mark)
    for stretch in stretches(config, name, first):
        start = skipped if stretch.number == first else 0
        while start < len(stretch.events):
            stop = _stop(stretch.events, start, span)
            done = stop == len(stretch.events)
            position = f"{stretch.number + 1}:0" if done else f"{stretch.number}:{stop}"
            events = [event for _, event in stretch.events[start:stop]]
            yield stretch.events[stop - 1][0], Batch(events=events, cursor=f"{mark}:{position}")
            start = stop


def _stop(events: list[tuple[int, Event]], start: int, span: int | None) -> int:
    """Where the batch that begins at `start` ends."""
    stop = min(start + _EVENTS_A_BATCH, len(events))
    if span is not None:
        while stop > start + 1 and events[stop - 1][0] - events[start][0] > span:
            stop -= 1
    return stop


def _fingerprint(config: Config, name: str) -> str:
    """Of everything that shapes the events, so that a cursor is only used where it means something."""
    shape = config.model_dump_json(exclude={"speed", "paced_from", "truth"})
    return xxhash.xxh3_64_hexdigest(f"{name} {shape}".encode())


def _position(cursor: str, mark: str) -> tuple[int, int]:
    made, _, position = cursor.partition(":")
    block, _, event = position.partition(":")
    if made != mark or not (block.isdecimal() and event.isdecimal()):
        raise Permanent(
            f"scenario: the cursor {cursor!r} was made with other options; give back those, or use a new data_dir"
        )
    return int(block), int(event)
