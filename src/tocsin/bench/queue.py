"""How fast the embedded queue takes in and gives out, against the floor: the same bytes appended and flushed."""

from __future__ import annotations

import os
import random
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from tocsin.clock import Clock, SystemClock
from tocsin.component import Context
from tocsin.model import Batch, Post, encoder
from tocsin.queues.sqlite import Config, Sqlite

BATCHES = (1, 50, 500, 1000)
FLUSHES = 300
"""So many flushes at most for one figure: small batches would take for ever."""


def run(
    events: int = 100_000, bytes: int = 1000, seed: int = 0, folder: Path | None = None, clock: Clock | None = None
) -> dict[str, Any]:
    """Events a second of `put` and of the floor by batch size, their ratio, and of `read`, `trim`; seconds to open.

    Made-up posts of about `bytes` bytes, one thread, every batch flushed to the disk of `folder` (default: the
    temporary folder). The floor is a file opened for appending, one `write` and one `fdatasync` a batch.
    """
    clock = clock or SystemClock()
    posts = _posts(random.Random(seed), min(events, 2_000), bytes)
    found: dict[str, Any] = {"events": events, "bytes": len(encoder.encode(posts[0])), "put": []}
    with TemporaryDirectory(prefix="tocsin-bench-", dir=folder) as name:
        for size in BATCHES:
            count = max(size, min(events, size * FLUSHES))
            batches = [[posts[(start + n) % len(posts)] for n in range(size)] for start in range(0, count, size)]
            put = count / _seconds(clock, _putting(Path(name) / str(size), batches))
            floor = count / _seconds(clock, _appending(Path(name) / f"floor-{size}", batches))
            found["put"].append(
                {"batch": size, "put": round(put), "floor": round(floor), "ratio": round(put / floor, 3)}
            )
        found |= _reading(Path(name) / "read", posts, events, clock)
    return found


def _putting(folder: Path, batches: Sequence[Sequence[Post]]) -> Callable[[], None]:
    queue = _queue(folder)

    def work() -> None:
        for number, batch in enumerate(batches):
            queue.put("bench", Batch(events=list(batch), cursor=str(number)))
        queue.close()

    return work


def _appending(file: Path, batches: Sequence[Sequence[Post]]) -> Callable[[], None]:
    bodies = [b"".join(map(encoder.encode, batch)) for batch in batches]

    def work() -> None:
        with file.open("ab", buffering=0) as floor:
            for body in bodies:
                floor.write(body)
                os.fdatasync(floor.fileno())

    return work


def _reading(folder: Path, posts: Sequence[Post], events: int, clock: Clock) -> dict[str, Any]:
    queue = _queue(folder)
    for start in range(0, events, 1_000):
        queue.put("bench", Batch(events=[posts[(start + n) % len(posts)] for n in range(min(1_000, events - start))]))
    queue.close()
    opened: list[Sqlite] = []
    opening = _seconds(clock, lambda: opened.append(_queue(folder)))
    (queue,) = opened

    def read() -> None:
        after = 0
        while offsets := queue.read(after, 1_000).offsets:
            after = offsets[-1]

    reading = _seconds(clock, read)
    trimming = _seconds(clock, lambda: queue.trim(events))
    queue.close()
    return {"read": round(events / reading), "trim": round(events / trimming), "open_seconds": round(opening, 4)}


def _queue(folder: Path) -> Sqlite:
    queue = Sqlite(Config(keep=0, low_space=0, ballast=0), Context("queue", folder))
    queue.put("warm up", Batch(cursor="0"))
    return queue


def _posts(rng: random.Random, count: int, size: int) -> list[Post]:
    at = datetime(2026, 3, 1, tzinfo=UTC)
    empty = len(encoder.encode(Post(uid="bench:0000", source="bench", id="0000", text="", received_at=at)))
    text = "".join(rng.choices("abcdefghij klmnop", k=max(size - empty, 1)))
    return [Post(uid=f"bench:{n:04}", source="bench", id=f"{n:04}", text=text, received_at=at) for n in range(count)]


def _seconds(clock: Clock, work: Callable[[], object]) -> float:
    start = clock.monotonic()
    work()
    return max(clock.monotonic() - start, 1e-9)
