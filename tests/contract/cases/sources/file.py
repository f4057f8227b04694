"""A CSV that is out of order, with quoted newlines and two rows that are no posts."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tocsin.clock import ManualClock
from tocsin.component import Context
from tocsin.sources.file import Config, File

POSTS = 23
_ROWS = [f'{n},2026-03-01 12:{n * 7 % 25:02}:00,ann{n % 4},"row {n},\nof two lines",Ghent' for n in range(POSTS)]
_DAMAGED = [*_ROWS[:5], "5,too,few", *_ROWS[5:20], "late,2199-01-01 00:00:00,ann,not yet,Ghent", *_ROWS[20:]]


def options(tmp_path: Path) -> dict[str, Any]:
    path = tmp_path / "posts.csv"
    path.write_text("\n".join(["id,created_at,author,text,author_location", *_DAMAGED, ""]), encoding="utf-8")
    return {"path": str(path), "batch": 4}


def make(tmp_path: Path) -> File:
    clock = ManualClock(datetime(2026, 3, 2, tzinfo=UTC))
    return File(Config(**options(tmp_path)), Context("feed", tmp_path / "data", clock=clock, base_dir=tmp_path))
