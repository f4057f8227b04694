"""Posts from files: CSV, JSON lines, JSON arrays and Parquet, plain or packed, replayed at any speed.

A row that cannot be a post becomes a dead letter with its file and line, and costs no other row anything.
"""

from __future__ import annotations

import asyncio
import codecs
import contextlib
import logging
from collections.abc import AsyncGenerator, AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Annotated, ClassVar, Literal

import msgspec
from pydantic import Field, field_validator

from tocsin import times
from tocsin.clock import Clock
from tocsin.component import Context
from tocsin.errors import Transient
from tocsin.model import Batch, DeadLetter, Event, Heartbeat, Post
from tocsin.options import Options
from tocsin.sources._fields import Field as FieldName
from tocsin.sources._orders import Cursor, FileOrder, Mark, Record, TimeOrder
from tocsin.sources._parts import Shape, microseconds, open_parts
from tocsin.sources._readers import Format
from tocsin.sources._unpack import KEPT

log = logging.getLogger(__name__)

STREAM = "file"
"""The stream that the heartbeat at the end names."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_SHORTEST_WAIT = 0.05
"""Seconds; at high speeds several posts go together."""


class Config(Options):
    """Posts from files."""

    path: str = Field(min_length=1)
    """A file or a glob, starting at the config file's folder: `posts.csv`, `2026-*/posts.jsonl.zst`."""
    format: Format | None = None
    """How the files are written; without it their first bytes say."""
    delimiter: str | None = Field(default=None, pattern=r"^[\x01-\x7f]$")
    """What separates columns of CSV; without it comma, tab, semicolon or bar, whichever the header has most of."""
    encoding: str = "utf-8-sig"
    """Of CSV and JSON, by its Python name; it must hold ASCII as single bytes."""
    fields: dict[FieldName, str | None] = Field(default={})
    """Which column each field is taken from; null: from none. Fields not named here use columns with usual names."""
    time_format: str | None = None
    """A name like `unix_ms` or `day_first`, or a strptime pattern. Default: what a sample shows."""
    zone: str | None = None
    """IANA name of the zone of times without an offset. Default: UTC."""
    speed: Literal["max"] | Annotated[float, Field(gt=0, allow_inf_nan=False)] = "max"
    """`max`, or how many times faster than it was."""
    order: Literal["time", "file"] = "time"
    """`time` sorts all rows by their time; `file` takes them as they lie and finds appended rows at the next start."""
    batch: int = Field(default=1000, ge=1, le=10_000)
    """Rows handed over together."""

    @field_validator("encoding")
    @classmethod
    def _holds_ascii(cls, value: str) -> str:
        try:
            plain = codecs.lookup(value).name in ("utf-8-sig",) or '"\n,'.encode(value) == b'"\n,'
        except (LookupError, ValueError):
            plain = False
        if not plain:
            raise ValueError(f"{value!r} is no encoding that keeps ASCII as it is; convert the file to UTF-8 first")
        return value

    @field_validator("time_format")
    @classmethod
    def _names_form(cls, value: str | None) -> str | None:
        if value is not None:
            times.Form(value)
        return value

    @field_validator("zone")
    @classmethod
    def _names_zone(cls, value: str | None) -> str | None:
        if value is not None:
            times.zone(value)
        return value


class File:
    """Delivers every row of the files once, as a Post or a DeadLetter, then a Heartbeat at the latest time.

    `read` raises ConfigError where the files cannot be found or understood, Transient where reading them fails.
    """

    finite: ClassVar[bool] = True
    live: ClassVar[bool] = False

    def __init__(self, config: Config, context: Context) -> None:
        self._config, self._context = config, context

    async def read(self, cursor: str | None) -> AsyncIterator[Batch]:
        order = self._order()
        try:
            saved = _cursor(cursor, order, self._context.name)
            if saved.ended and order.name == "time":
                return
            for _ in order.prepare():
                await asyncio.sleep(0)
            async with contextlib.aclosing(self._batches(order, saved)) as batches:
                async for batch in batches:
                    yield batch
        except OSError as error:
            raise Transient(f"{error.filename or self._config.path} cannot be read: {error.strerror}") from error
        finally:
            order.close()

    def _order(self) -> FileOrder | TimeOrder:
        config = self._config
        shape = Shape(
            self._context.name,
            config.format,
            config.delimiter,
            config.encoding,
            config.fields,
            config.time_format,
            config.zone,
        )
        parts = open_parts(config.path, self._context.base_dir, shape)
        if config.order == "file":
            return FileOrder(parts)
        return TimeOrder(parts, self._context.data_dir, msgspec.json.encode(shape))

    async def _batches(self, order: FileOrder | TimeOrder, saved: Cursor) -> AsyncGenerator[Batch]:
        clock, size = self._context.clock, self._config.batch
        pace = _Pace(self._config.speed, clock)
        draft = _Draft(order, saved)
        now, any_row = clock.now(), False
        for record in order.records(saved.mark):
            outcome = self._outcome(record, now)
            wait = pace.wait(outcome)
            if wait > 0:
                if draft:
                    yield draft.finish()
                await clock.sleep(max(wait, _SHORTEST_WAIT))
                now = clock.now()
                if isinstance(outcome, Post):
                    outcome = msgspec.structs.replace(outcome, received_at=now)
            draft.add(outcome, record.mark)
            any_row = True
            if len(draft) >= size:
                yield draft.finish()
                await asyncio.sleep(0)
                now = clock.now()
        if draft.latest is not None and (any_row or not saved.ended):
            yield draft.finish(Heartbeat(source=self._context.name, stream=STREAM, at=draft.latest))
        elif draft:
            yield draft.finish()

    def _outcome(self, record: Record, now: datetime) -> Post | DeadLetter:
        part, raw = record.part, record.raw
        reason = raw.fault
        if reason is None:
            try:
                return part.mapper.post(part.pick(raw.body), now)
            except ValueError as error:
                reason = str(error)
        return DeadLetter(
            source=self._context.name,
            stage="ingest",
            reason=reason,
            place=part.place(raw.line),
            body=raw.body[:KEPT],
            at=now,
        )


def _cursor(text: str | None, order: FileOrder | TimeOrder, name: str) -> Cursor:
    """The saved position if it still means something in these files, else the beginning."""
    beginning = Cursor(order=order.name, files="", mark=order.start)
    if text is None:
        return beginning
    try:
        saved = msgspec.json.decode(text, type=Cursor)
    except (msgspec.DecodeError, UnicodeError):
        saved = None
    if saved is not None and order.accepts(saved):
        return saved
    log.warning("source %s: its files have changed, or are read in another way: starting at their beginning", name)
    return beginning


class _Draft:
    """The batch being filled, and the position behind it."""

    def __init__(self, order: FileOrder | TimeOrder, saved: Cursor) -> None:
        self._order = order
        self._mark: Mark = saved.mark
        self.latest = None if saved.latest is None else _EPOCH + timedelta(microseconds=saved.latest)
        self._events: list[Event] = []
        self._dead: list[DeadLetter] = []

    def __len__(self) -> int:
        return len(self._events) + len(self._dead)

    def add(self, outcome: Post | DeadLetter, mark: Mark) -> None:
        self._mark = mark
        if isinstance(outcome, DeadLetter):
            self._dead.append(outcome)
            return
        self._events.append(outcome)
        created = outcome.created_at
        if created is not None and (self.latest is None or created > self.latest):
            self.latest = created

    def finish(self, last: Heartbeat | None = None) -> Batch:
        """The batch so far; a new one begins. With `last`, everything has been delivered."""
        if last is not None:
            self._events.append(last)
        files, head = self._order.fingerprints(self._mark)
        latest = None if self.latest is None else microseconds(self.latest)
        cursor = Cursor(self._order.name, files, self._mark, head, latest, last is not None)
        batch = Batch(self._events, msgspec.json.encode(cursor).decode(), self._dead)
        self._events, self._dead = [], []
        return batch


class _Pace:
    """When a post is due: as long after the first one as it was, divided by the speed."""

    def __init__(self, speed: float | Literal["max"], clock: Clock) -> None:
        self._speed, self._clock = speed, clock
        self._start: tuple[float, datetime] | None = None

    def wait(self, outcome: Post | DeadLetter) -> float:
        """Seconds until it is due; 0 or less: now."""
        if self._speed == "max" or isinstance(outcome, DeadLetter) or outcome.created_at is None:
            return 0.0
        now = self._clock.monotonic()
        if self._start is None:
            self._start = (now, outcome.created_at)
        began, first = self._start
        return (outcome.created_at - first).total_seconds() / self._speed - (now - began)
