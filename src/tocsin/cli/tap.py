"""See what passes a stage: the queue, the lake, the series or the outbox.

The last things that are already there, oldest first. With --follow it goes on with what comes, until Ctrl-C.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any

import msgspec
import typer

from tocsin import text
from tocsin.cli._common import (
    ConfigOption,
    DataDirOption,
    JsonOption,
    existing,
    open_lake,
    open_queue,
    open_state,
    print_json,
)
from tocsin.clock import Clock, SystemClock

if TYPE_CHECKING:
    from tocsin.config import Config

Item = dict[str, Any]
Tail = Iterator[list[Item]]
"""The last things of a log, then what has come since; an empty list where nothing has."""

AT_ONCE = 1_000
POLL_SECONDS = 1.0
COLUMNS = (
    "seq", "kind", "event_time", "source", "uid", "author_handle", "watches", "category", "sentiment", "language",
    "country", "text",
)  # fmt: skip


class Stage(StrEnum):
    queue = "queue"
    lake = "lake"
    series = "series"
    outbox = "outbox"


StageArgument = Annotated[Stage, typer.Argument(help="Where to look.")]
LastOption = Annotated[int, typer.Option("--last", "-n", min=0, help="How many of those already there.")]
FollowOption = Annotated[bool, typer.Option("--follow", "-f", help="Go on with what comes.")]


def command(
    stage: StageArgument,
    config: ConfigOption = None,
    data_dir: DataDirOption = None,
    last: LastOption = 10,
    follow: FollowOption = False,
    json: JsonOption = False,
) -> None:
    tail = _TAILS[stage](existing(config, data_dir), last)
    asyncio.run(show(tail, print_json if json else _print_line, SystemClock() if follow else None))


async def show(tail: Tail, show_one: Callable[[Item], None], clock: Clock | None) -> None:
    """Show all that is there; with a clock, wait for more for ever."""
    for items in tail:
        for item in items:
            show_one(item)
        if not items and clock is None:
            return
        if not items and clock is not None:
            await clock.sleep(POLL_SECONDS)


def _queue(config: Config, last: int) -> Tail:
    queue = open_queue(config)
    after = max(queue.end() - last, 0)
    while True:
        events = queue.read(after, AT_ONCE)
        yield [
            {"offset": at} | msgspec.json.decode(body) for at, body in zip(events.offsets, events.bodies, strict=True)
        ]
        after = events.offsets[-1] if events.offsets else after


def _lake(config: Config, last: int) -> Tail:
    lake = open_lake(config)
    after = max(lake.last_seq() - last, 0)
    while True:
        for batch in lake.rows(COLUMNS, after_seq=after):
            rows: list[Item] = batch.to_pylist()
            if rows:
                yield rows
                after = rows[-1]["seq"]
        yield []


def _series(config: Config, last: int) -> Tail:
    state = open_state(config)

    def rows() -> list[Item]:
        counts: list[Item] = state.tables()["series"].to_pylist()
        return counts

    return _changing(rows, last)


def _outbox(config: Config, last: int) -> Tail:
    state = open_state(config)
    return _changing(lambda: [dict(row) for row in reversed(state.outbox())], last)


def _changing(read: Callable[[], list[Item]], last: int) -> Tail:
    """Rows of a table: the last ones, then those that are new or not what they were."""
    rows = read()
    yield rows[len(rows) - min(last, len(rows)) :]
    while True:
        known = {tuple(row.values()) for row in rows}
        rows = read()
        yield [row for row in rows if tuple(row.values()) not in known]


_TAILS: dict[Stage, Callable[[Config, int], Tail]] = {
    Stage.queue: _queue,
    Stage.lake: _lake,
    Stage.series: _series,
    Stage.outbox: _outbox,
}


def _print_line(item: Item) -> None:
    """One thing in one line: an event with where it stands, when it was, what it is, and its text."""
    words = _event(item) if "kind" in item else [value for value in item.values() if value is not None]
    typer.echo("  ".join(text.clean(str(word)).replace("\n", " ") for word in words))


def _event(item: Item) -> list[Any]:
    number = item.get("offset", item.get("seq"))
    time = item.get("event_time") or item.get("created_at") or item.get("received_at") or item.get("at") or ""
    labels = [*(item.get("watches") or ()), item.get("category"), item.get("sentiment"), item.get("country")]
    words = [f"{number:>8}", f"{time!s:.19}", item["kind"], item.get("source"), *labels, item.get("text")]
    return [word for word in words if word]
