"""The events of a scenario in the order in which they arrive, with its gaps and heartbeats."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from tocsin.model import Event, Gap, Heartbeat, Post
from tocsin.sources._scenario.options import Config
from tocsin.sources._scenario.posts import STREAM, Block, Writer
from tocsin.sources._scenario.rhythm import SECOND, Rhythm, microseconds, moment


class Stretch(NamedTuple):
    """The events that arrive during block `number`, each with its arrival time (microseconds), in order."""

    number: int
    events: list[tuple[int, Event]]
    block: Block


def stretches(config: Config, name: str, first: int = 0) -> Iterator[Stretch]:
    """All stretches from number `first` on; for the first of them only two blocks before it are made."""
    writer = Writer(config, name)
    previous = _before(writer, first)
    for number in range(first, writer.rhythm.blocks):
        block = writer.block(number, previous.originals)
        events = _seen(writer.rhythm, number, [*previous.later, *block.events])
        events += _signs(config, writer.rhythm, name, number)
        events.sort(key=lambda event: event[0])
        yield Stretch(number, events, block)
        previous = block


def _before(writer: Writer, number: int) -> Block:
    """The block before this one. Its late posts answer and repeat posts of the block before that."""
    earlier = writer.block(number - 2, []).originals if number > 1 else []
    return writer.block(number - 1, earlier) if number else Block.empty()


def _seen(rhythm: Rhythm, number: int, events: list[tuple[int, Event]]) -> list[tuple[int, Event]]:
    """What of these no outage swallows: neither what arrives in one nor what was written in one."""
    edges = rhythm.bins(number)
    for start, end in rhythm.outages:
        if start < edges[-1] and edges[0] - rhythm.block < end:
            events = [(time, event) for time, event in events if not _within(start, end, time, event)]
    return events


def _within(start: int, end: int, time: int, event: Event) -> bool:
    if start <= time < end:
        return True
    return isinstance(event, Post) and event.created_at is not None and start <= microseconds(event.created_at) < end


def _signs(config: Config, rhythm: Rhythm, name: str, number: int) -> list[tuple[int, Event]]:
    """The source's own word in this block: gaps as they end, heartbeats but in outages, one at the very end."""
    edges = rhythm.bins(number)
    begin, end = int(edges[0]), int(edges[-1])
    last = end == rhythm.end
    signs: list[tuple[int, Event]] = [
        (until, Gap(source=name, stream=STREAM, start=moment(since), end=moment(until), state="lost"))
        for since, until in rhythm.outages
        if begin <= until < end or (last and until == end)
    ]
    step, lag = round(config.heartbeat * SECOND), round(config.disorder * SECOND)
    for time in range(begin + (rhythm.start - begin) % step, end, step):
        at = time - lag
        if at > rhythm.start and not any(since <= time and at < until for since, until in rhythm.outages):
            signs.append((time, Heartbeat(source=name, stream=STREAM, at=moment(at))))
    if last:
        signs.append((end, Heartbeat(source=name, stream=STREAM, at=moment(end))))
    return signs
