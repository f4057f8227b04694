"""A small SQLite file beside the data that several processes may use: each step is one transaction."""

from __future__ import annotations

import sqlite3
import threading
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tocsin.alone import alone
from tocsin.errors import Permanent

WAIT_SECONDS = 10.0


class Database:
    """`tables` are made where they are missing, at the first transaction. `what` is kept there, for errors: "the costs
    of remote models". A power cut may lose the last transactions (WAL without a flush for each), never the file."""

    def __init__(self, file: Path, what: str, *tables: str) -> None:
        self.file = file
        self._what, self._tables = what, tables
        self._connection: sqlite3.Connection | None = None
        self._lock = threading.Lock()

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """Raises Permanent if the file cannot be used."""
        try:
            with self._lock:
                if self._connection is None:
                    self._connection = self._open()
                self._connection.execute("BEGIN IMMEDIATE")
                try:
                    yield self._connection
                except BaseException:
                    self._connection.execute("ROLLBACK")
                    raise
                self._connection.execute("COMMIT")
        except (sqlite3.Error, OSError) as error:
            raise Permanent(
                f"{self._what} cannot be kept in {self.file} ({error}), so none is asked: "
                "make it writable, or move it away if it is damaged"
            ) from error

    def _open(self) -> sqlite3.Connection:
        folder = self.file.parent
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        with alone(folder):
            connection = sqlite3.connect(self.file, timeout=WAIT_SECONDS, isolation_level=None, check_same_thread=False)
            weakref.finalize(self, connection.close)
            for statement in ("PRAGMA journal_mode = WAL", "PRAGMA synchronous = NORMAL", *self._tables):
                connection.execute(statement)
        return connection
