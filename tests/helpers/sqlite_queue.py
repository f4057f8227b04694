"""Embedded queues for tests: made in one folder with small options, closed at the end."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tocsin.clock import ManualClock
from tocsin.component import Context
from tocsin.model import Batch, Post
from tocsin.queues.sqlite import Config, Sqlite

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
MIB = 2**20


class Make:
    """Makes queues in one folder. `free`: how many bytes the disk says are free."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._made: list[Sqlite] = []

    def __call__(self, free: int = 2**40, **options: Any) -> Sqlite:
        config = Config(**({"low_space": 0, "ballast": 0} | options))
        context = Context("queue", self._folder, clock=ManualClock(NOW))
        self._made.append(Sqlite(config, context, free_space=lambda folder: free))
        return self._made[-1]

    def filled(self, count: int = 100, **options: Any) -> None:
        """A queue with some events and a cursor, closed again."""
        queue = self(**options)
        queue.put("a", Batch(events=events(count), cursor="c"))
        queue.close()

    def close(self) -> None:
        for queue in self._made:
            queue.close()


def events(count: int, size: int = 100) -> list[Post]:
    return [Post(uid=f"a:{n}", source="a", id=str(n), text="x" * size, received_at=NOW) for n in range(count)]


def execute(path: Path, statement: str) -> None:
    """Change a queue's file behind its back."""
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute(statement)
