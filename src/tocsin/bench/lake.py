"""How fast the lake takes commits and gives them back, against the floor: the same rows as one flushed Parquet file."""

from __future__ import annotations

import os
import random
import statistics
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from tocsin import records
from tocsin.clock import Clock, SystemClock
from tocsin.component import Context
from tocsin.lakes.delta import Config, Delta
from tocsin.model import Author, Post
from tocsin.sql import query

SIZES = (100, 1000, 20_000)
START = datetime(2026, 3, 2, tzinfo=UTC)


def run(commits: int = 60, folder: Path | None = None, seed: int = 0, clock: Clock | None = None) -> dict[str, Any]:
    """Milliseconds by rows a commit: `commit`, `flush`, the floor and the `ratio` of commit and flush to it.

    `growth` is the commit's p50 of the last 20 commits over that of the first 20, with `commits` commits a size (at
    20,000 rows a tenth). Then rows a second of `commits()`, `rows()` before and after maintenance, its seconds, and
    milliseconds of one SQL query. Made-up posts of about 250 characters; `folder` is where the lake is made.
    """
    clock = clock or SystemClock()
    found: dict[str, Any] = {"commits": commits, "by_rows": []}
    with TemporaryDirectory(prefix="tocsin-bench-", dir=folder) as name:
        lake = Delta(Config(), Context("lake", Path(name)))
        posts = _posts(random.Random(seed))
        seq = 0
        for size in SIZES:
            count = max(10, commits // 10) if size > 10_000 else commits
            figures, seq = _committing(lake, posts, size, count, seq, clock)
            found["by_rows"].append(figures | _floor(Path(name) / "floor", posts, size, figures, clock))
        found |= _reading(lake, seq, clock)
    return found


def _committing(
    lake: Delta, posts: Iterator[Post], size: int, count: int, seq: int, clock: Clock
) -> tuple[dict[str, Any], int]:
    commit, flush = [], []
    for _ in range(count):
        rows = _rows(posts, seq, size)
        seq += size
        commit.append(_seconds(clock, partial(lake.append, rows, "bench", seq)))
        flush.append(_seconds(clock, lake.flush))
    figures = {
        "rows": size,
        "commit_p50_ms": _ms(statistics.median(commit)),
        "commit_p99_ms": _ms(sorted(commit)[int(len(commit) * 0.99)]),
        "flush_p50_ms": _ms(statistics.median(flush)),
        "growth": round(statistics.median(commit[-20:]) / statistics.median(commit[:20]), 2),
    }
    return figures, seq


def _floor(folder: Path, posts: Iterator[Post], size: int, figures: dict[str, Any], clock: Clock) -> dict[str, Any]:
    folder.mkdir(exist_ok=True)
    rows = _rows(posts, 0, size)

    def write() -> None:
        file = folder / "rows.parquet"
        pq.write_table(rows, file, compression="zstd", compression_level=1)
        for path in (file, folder):
            handle = os.open(path, os.O_RDONLY)
            os.fsync(handle)
            os.close(handle)

    floor = _ms(statistics.median(_seconds(clock, write) for _ in range(10)))
    together = figures["commit_p50_ms"] + figures["flush_p50_ms"]
    return {"floor_p50_ms": floor, "ratio": round(together / floor, 2)}


def _reading(lake: Delta, seq: int, clock: Clock) -> dict[str, Any]:
    def fold() -> None:
        for _ in lake.commits(0, ["seq", "event_time", "watches"]):
            pass

    def scan() -> None:
        for _ in lake.rows(["seq", "event_time", "watches"]):
            pass

    def ask() -> None:
        query("SELECT date_trunc('minute', event_time) AS minute, count(*) FROM posts GROUP BY ALL", lake.snapshot)

    found: dict[str, Any] = {"files": len(lake.snapshot().files), "total_rows": seq}
    found["commits_rows_per_second"] = round(seq / _seconds(clock, fold))
    found["rows_per_second"] = round(seq / _seconds(clock, scan))
    found["sql_ms"] = _ms(_seconds(clock, ask))
    found["maintain_seconds"] = round(_seconds(clock, lambda: lake.maintain(START + timedelta(days=9))), 2)
    found["files_after"] = len(lake.snapshot().files)
    found["rows_per_second_after"] = round(seq / _seconds(clock, scan))
    found["sql_ms_after"] = _ms(_seconds(clock, ask))
    return found


def _seconds(clock: Clock, work: Callable[[], Any]) -> float:
    start = clock.monotonic()
    work()
    return max(clock.monotonic() - start, 1e-9)


def _ms(seconds: float) -> float:
    return round(seconds * 1000, 1)


def _posts(rng: random.Random) -> Iterator[Post]:
    """Posts of one author in a hundred thousand each, ten a second, for ever."""
    words = ["".join(rng.choices("abcdefghijklmnopqrstuvwxyz", k=rng.randint(2, 9))) for _ in range(5000)]
    number = 0
    while True:
        number += 1
        time = START + timedelta(seconds=number / 10)
        author = rng.randrange(100_000)
        yield Post(
            uid=f"bench:{rng.getrandbits(64):x}/{number}",
            source="bench",
            id=str(number),
            text=" ".join(rng.choices(words, k=38)),
            received_at=time,
            created_at=time,
            url=f"https://bench.example/{author}/{number}",
            author=Author(id=f"author:{author}", handle=f"handle{author}", location="Bern"),
            hashtags=("acme",),
        )


def _rows(posts: Iterator[Post], seq: int, size: int) -> pa.Table:
    batch = records.to_batch([records.post_row(seq + n + 1, next(posts)) for n in range(size)])
    watches = pa.array([["acme"]] * size, records.SCHEMA.field("watches").type)
    return records.complete(batch.append_column("watches", watches))
