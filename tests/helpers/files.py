"""Files of invented posts, and a file source read to its end."""

from __future__ import annotations

import asyncio
import csv
import io
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from tocsin.clock import Clock, ManualClock
from tocsin.component import Context
from tocsin.model import Batch, DeadLetter, Event, Heartbeat, Post
from tocsin.sources.file import Config, File

NOW = datetime(2026, 6, 1, tzinfo=UTC)
START = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
HEADER = ("id", "created_at", "author", "text")


def source(path: Path | str, clock: Clock | None = None, *, base: Path | None = None, **options: Any) -> File:
    """A source of these files; `base` is the folder of the config."""
    base = base or Path(str(path).partition("*")[0]).parent
    context = Context("archive", base / "scratch", clock=clock or ManualClock(NOW), base_dir=base)
    return File(Config(path=str(path), **options), context)


async def batches_of(path: Path | str, cursor: str | None = None, **options: Any) -> list[Batch]:
    return [batch async for batch in source(path, **options).read(cursor)]


def read_all(path: Path | str, cursor: str | None = None, **options: Any) -> tuple[list[Post], list[DeadLetter]]:
    """All posts and dead letters, in the order of delivery."""
    return split(asyncio.run(batches_of(path, cursor, **options)))


def split(batches: Sequence[Batch]) -> tuple[list[Post], list[DeadLetter]]:
    events = [event for batch in batches for event in batch.events]
    assert all(isinstance(event, Post | Heartbeat) for event in events)
    return [event for event in events if isinstance(event, Post)], [dead for batch in batches for dead in batch.dead]


def events_of(batches: Sequence[Batch]) -> list[Event]:
    return [event for batch in batches for event in batch.events]


def row(number: int, text: str | None = None, seconds: int | None = None) -> tuple[str, str, str, str]:
    time = START + timedelta(seconds=number if seconds is None else seconds)
    words = f"row {number} says, hello" if text is None else text
    return str(number), time.strftime("%Y-%m-%d %H:%M:%S"), f"ann{number % 5}", words


def csv_text(rows: Sequence[Sequence[str]], header: Sequence[str] = HEADER, **how: Any) -> str:
    out = io.StringIO()
    csv.writer(out, **({"lineterminator": "\n"} | how)).writerows([header, *rows])
    return out.getvalue()


def write(path: Path, content: str | bytes) -> Path:
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path
