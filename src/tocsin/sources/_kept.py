"""Which posts of a platform were taken: of the network's deletes only those matter.

Written before the posts are handed over, so that after a crash it may know more than the queue, never less.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Iterable
from pathlib import Path
from types import TracebackType
from typing import Self

_SCHEMA = """
CREATE TABLE IF NOT EXISTS kept (id TEXT PRIMARY KEY, author TEXT, at INTEGER NOT NULL) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS kept_author ON kept (author);
CREATE INDEX IF NOT EXISTS kept_at ON kept (at);
"""
_PIECE = 500


class Kept:
    """Native ids of posts, and beside each its author's id or another name of its own, in one file. A context manager;
    one process at a time."""

    def __init__(self, file: Path) -> None:
        file.parent.mkdir(parents=True, exist_ok=True)
        self._db = sqlite3.connect(file, isolation_level=None, check_same_thread=False)
        self._db.execute("PRAGMA journal_mode=WAL")
        self._db.execute("PRAGMA synchronous=FULL")
        self._db.executescript(_SCHEMA)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._db.close()

    def add(self, posts: Collection[tuple[str, str]], at: int) -> None:
        """Posts (id, author's id) are about to be handed over, at this Unix second. Durable on return."""
        if posts:
            with self._db:
                self._db.execute("BEGIN")
                self._db.executemany("INSERT OR IGNORE INTO kept VALUES (?, ?, ?)", [(*post, at) for post in posts])

    def drop(self, ids: Iterable[str]) -> None:
        """These posts are no more."""
        self._db.executemany("DELETE FROM kept WHERE id = ?", [(id,) for id in ids])

    def posts(self, ids: Iterable[str]) -> set[str]:
        """Those of the ids that were taken."""
        return self._find("id", ids)

    def authors(self, ids: Iterable[str]) -> set[str]:
        """Those authors of whom something was taken."""
        return self._find("author", ids)

    def beside(self, id: str) -> str | None:
        """What was kept beside a post's id; None if it was not taken."""
        row = self._db.execute("SELECT author FROM kept WHERE id = ?", (id,)).fetchone()
        return None if row is None else str(row[0])

    def since(self, at: int) -> list[str]:
        """The ids that were taken from this Unix second on."""
        return [id for (id,) in self._db.execute("SELECT id FROM kept WHERE at >= ? ORDER BY at, id", (at,))]

    def beginning(self, start: str) -> list[str]:
        """The ids that begin so."""
        query = "SELECT id FROM kept WHERE id >= ? AND id < ? ORDER BY id"
        return [id for (id,) in self._db.execute(query, (start, f"{start}\U0010ffff"))]

    def forget(self, before: int) -> None:
        """What was taken before this Unix second will not be asked for again."""
        self._db.execute("DELETE FROM kept WHERE at < ?", (before,))

    def _find(self, column: str, ids: Iterable[str]) -> set[str]:
        wanted = list(dict.fromkeys(ids))
        found: set[str] = set()
        for start in range(0, len(wanted), _PIECE):
            piece = wanted[start : start + _PIECE]
            marks = ",".join("?" * len(piece))
            query = f"SELECT DISTINCT {column} FROM kept WHERE {column} IN ({marks})"
            found.update(value for (value,) in self._db.execute(query, piece))
        return found
