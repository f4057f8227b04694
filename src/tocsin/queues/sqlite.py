"""The embedded queue: an append log in one SQLite file, `<data_dir>/queue.db`.

What `put` has returned survives a kill and a power cut (WAL, `synchronous=FULL`, answers checked), and an offset is
read whole or its loss is reported: offsets are dense and every event carries a checksum. docs/reference/queue.md says
what is promised and what is not.
"""

from __future__ import annotations

import sqlite3
from bisect import bisect_left
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import replace
from itertools import accumulate
from threading import Lock
from typing import Annotated, Any, Literal, TypeVar, cast

from pydantic import Field

from tocsin.component import Context
from tocsin.errors import Corrupt, Locked, LowSpace, Permanent
from tocsin.model import Batch, DeadLetter
from tocsin.options import Options, Size
from tocsin.queues._group_commit import GroupCommit, Work
from tocsin.queues._intake import Events, Intake, prepare, tidy
from tocsin.queues._space import FreeSpace, Space, free_space
from tocsin.queues._sqlite_file import (
    BURY,
    CHECKPOINT_BYTES,
    PAGE_BYTES,
    REPAIR,
    DiskFull,
    Log,
    checksum,
    cursor_checksum,
    errors,
    in_our_words,
    letter_of,
    letter_row,
    open_files,
    read_log,
    wal_of,
    write_log,
)
from tocsin.queues._sqlite_repair import check, repair

__all__ = ["Config", "Sqlite", "check", "repair"]

Result = TypeVar("Result")

FILE_NAME = "queue.db"
WAL_BYTES = 3 * CHECKPOINT_BYTES
"""A write-ahead log longer than this is moved into the file at once, readers waiting."""
READ_BYTES = 64 * 2**20
TRIM_BYTES, TRIM_EVENTS = 4 * 2**20, 5_000
"""How much one transaction deletes at most: writers never wait for more."""
SPARE_PAGES, RETURN_PAGES = 64 * 2**20 // PAGE_BYTES, 8 * 2**20 // PAGE_BYTES
"""Free pages kept for use again, and how many above that one transaction gives back to the disk."""
LETTERS_AT_ONCE = 100
SURROGATES = "surrogatepass"

_PUT = "INSERT INTO events VALUES (?, ?, ?, ?)"
_CURSOR = "REPLACE INTO cursors VALUES (?, ?, ?)"
_READ = "SELECT offset, checksum, body FROM events WHERE offset > ? ORDER BY offset LIMIT ?"
_OLDEST = "SELECT offset, length(body) FROM events WHERE offset <= ? ORDER BY offset LIMIT ?"
_LETTERS = "SELECT number, checksum, letter FROM dead_letters WHERE number > ? ORDER BY number LIMIT ?"


class Config(Options):
    """Options of the embedded queue."""

    type: Literal["sqlite"] = "sqlite"
    keep: Annotated[int, Field(ge=0)] = 10_000
    """How many events stay in the file behind those that are safe in the lake."""
    max_events: Annotated[int, Field(ge=1)] = 5_000_000
    """Intake pauses while this many events wait to be processed."""
    max_event_bytes: Annotated[Size, Field(ge=1, le=2**28)] = 2**20
    """An event longer than this goes to the dead letters."""
    low_space: Annotated[Size, Field(ge=0)] = 256 * 2**20
    """Intake pauses while the disk has less than this free."""
    ballast: Annotated[Size, Field(ge=0)] = 16 * 2**20
    """Room set aside in the file `ballast`, given back when the disk is full so that the queue can drain."""


class Sqlite:
    """A `Queue` (component.py). Raises, beyond what the protocol says: Permanent when the disk fails or does not keep
    its promises, Corrupt when the file is damaged, Locked when another process writes to it."""

    def __init__(self, config: Config, context: Context, *, free_space: FreeSpace = free_space) -> None:
        self._config, self._clock = config, context.clock
        self._path = context.data_dir / FILE_NAME
        self._space = Space(context.data_dir, config.low_space, config.ballast, free_space)
        self._writer, self._reader = open_files(self._path)
        self._group = GroupCommit(self._transact)
        self._reading = Lock()
        self._failure: Permanent | None = None
        self._wal_bytes = WAL_BYTES
        self._uuid = self._read_log().uuid

    @property
    def uuid(self) -> str:
        return self._uuid

    def put(self, source: str, batch: Batch) -> int:
        intake = prepare(source, batch, self._config.max_event_bytes, self._clock.now())
        self._space.admit()
        try:
            return self._group.run(lambda: self._append(intake))
        except DiskFull:
            self._space.release()
            raise

    def cursor(self, source: str) -> str | None:
        with self._reading, errors(self._path):
            row = self._reader.execute("SELECT cursor, checksum FROM cursors WHERE source = ?", (source,)).fetchone()
        if row is None:
            return None
        if row[1] != cursor_checksum(source, row[0]):
            raise Corrupt(f"{self._path}: the cursor of the source {source} is damaged: {REPAIR}")
        return cast(bytes, row[0]).decode("utf-8", SURROGATES)

    def read(self, after: int, limit: int) -> Events:
        offsets: list[int] = []
        bodies: list[bytes] = []
        room = READ_BYTES
        with self._reading, errors(self._path), _snapshot(self._reader):
            log = read_log(self._reader, self._path)
            due = max(after, log.deleted) + 1
            with closing(self._reader.execute(_READ, (due - 1, limit))) as rows:
                for offset, guard, body in rows:
                    if offset != due:
                        self._explain(due, offset)
                    if checksum(offset, body) != guard:
                        raise Corrupt(f"{self._path}: event {offset} is not what was written: {REPAIR}")
                    offsets.append(offset)
                    bodies.append(body)
                    due, room = offset + 1, room - len(body)
                    if room <= 0:
                        break
            if room > 0 and len(offsets) < limit:
                self._explain(due, log.last + 1)
        return Events(offsets, bodies)

    def end(self) -> int:
        return self._read_log().last

    def length(self) -> int:
        """How many events wait: given an offset, and not yet trimmed."""
        with self._reading, errors(self._path), _snapshot(self._reader):
            return _waiting(self._reader, read_log(self._reader, self._path))

    def start_after(self, offset: int) -> None:
        def skip() -> None:
            log = read_log(self._writer, self._path)
            if offset > log.last:
                write_log(self._writer, self._skip(log, offset))

        self._drain(skip)

    def trim(self, upto: int) -> None:
        more = True
        while more:
            more = self._drain(lambda: self._trim_some(upto, self._config.keep))
            self._return_pages()

    def drop_tail(self) -> None:
        more = True
        while more:
            more = self._drain(lambda: self._trim_some(0, keep=0))
        with self._group.writing, self._reading, errors(self._path):
            self._writer.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()

    def bury(self, letters: Sequence[DeadLetter]) -> None:
        tidied = tidy(letters, self._clock.now())
        self._drain(lambda: self._keep_letters(tidied))

    def dead_letters(self) -> Iterator[tuple[int, DeadLetter]]:
        number = 0
        while page := self._page_of_letters(number):
            yield from page
            number = page[-1][0]

    def forget(self, numbers: Collection[int]) -> int:
        def remove() -> int:
            statement = "DELETE FROM dead_letters WHERE number = ?"
            return self._writer.executemany(statement, [(number,) for number in numbers]).rowcount

        return self._drain(remove) if numbers else 0

    def close(self) -> None:
        with self._group.writing, self._reading:
            self._reader.close()
            self._writer.close()

    # Writing: each of these runs inside a transaction of the group.

    def _append(self, intake: Intake) -> int:
        log = read_log(self._writer, self._path)
        waiting = _waiting(self._writer, log)
        if waiting >= self._config.max_events:
            raise LowSpace(
                f"{self._path}: {waiting:,} events wait to be processed (queue: max_events): nothing new is taken in "
                "until there are fewer"
            )
        if intake.bodies and log.leap:
            log = replace(self._skip(log, log.last + log.leap), leap=0)
        rows = [
            (offset, intake.source, checksum(offset, body), body)
            for offset, body in enumerate(intake.bodies, log.last + 1)
        ]
        self._writer.executemany(_PUT, rows)
        self._keep_letters(intake.letters)
        if intake.cursor is not None:
            cursor = intake.cursor.encode("utf-8", SURROGATES)
            self._writer.execute(_CURSOR, (intake.source, cursor, cursor_checksum(intake.source, cursor)))
        if rows:
            write_log(self._writer, replace(log, last=log.last + len(rows)))
        return log.last + len(rows)

    def _skip(self, log: Log, offset: int) -> Log:
        self._writer.execute("INSERT INTO skipped VALUES (?, ?)", (log.last + 1, offset))
        return replace(log, last=offset)

    def _keep_letters(self, letters: Sequence[DeadLetter]) -> None:
        self._writer.executemany(BURY, map(letter_row, letters))

    def _trim_some(self, upto: int, keep: int) -> bool:
        """Note what is safe and delete some of it; whether more is to be deleted."""
        log = read_log(self._writer, self._path)
        trimmed = max(log.trimmed, min(upto, log.last))
        goal = max(log.deleted, trimmed - keep)
        oldest = self._writer.execute(_OLDEST, (goal, TRIM_EVENTS)).fetchall()
        some = oldest[: 1 + bisect_left(list(accumulate(size for _, size in oldest)), TRIM_BYTES)]
        deleted = goal if len(some) == len(oldest) < TRIM_EVENTS else some[-1][0]
        if (trimmed, deleted) != (log.trimmed, log.deleted):
            self._writer.execute("DELETE FROM events WHERE offset <= ?", (deleted,))
            write_log(self._writer, replace(log, trimmed=trimmed, deleted=deleted))
        return deleted < goal

    def _drain(self, work: Callable[[], Result]) -> Result:
        """Work that makes room, or that making room depends on: a full disk gives up its ballast for it."""
        try:
            return self._group.run(work)
        except DiskFull:
            self._space.release()
            return self._group.run(work)

    def _return_pages(self) -> None:
        """Give free pages back to the disk, or a backlog once grown would fill it for ever."""
        with self._group.writing:
            try:
                with errors(self._path):
                    free: int = self._writer.execute("PRAGMA freelist_count").fetchone()[0]
                    if free > SPARE_PAGES:
                        pages = min(RETURN_PAGES, free - SPARE_PAGES)
                        self._writer.executescript(f"PRAGMA incremental_vacuum({pages})")  # execute stops at one page
            except DiskFull:  # it needs room itself; the next time will do
                self._space.release()
            except Permanent as error:
                self._note(error)
                raise

    def _transact(self, works: Sequence[Work]) -> list[Any]:
        if self._failure is not None:
            raise Permanent(str(self._failure)) from self._failure
        try:
            with errors(self._path):
                self._writer.execute("BEGIN IMMEDIATE")
                results = [work() for work in works]
                self._writer.execute("COMMIT")
        except BaseException as error:
            with suppress(sqlite3.Error):
                self._writer.rollback()
            self._note(error)
            raise
        self._bound_wal()
        return results

    def _note(self, error: BaseException) -> None:
        """After a failed flush nobody knows what the disk holds, so nothing is acknowledged again until a restart."""
        if isinstance(error, Permanent) and not isinstance(error, Locked):
            self._failure = error

    def _bound_wal(self) -> None:
        """What was just committed is safe, so nothing here may fail it."""
        wal = wal_of(self._path)
        try:
            size = wal.stat().st_size
            if size > self._wal_bytes:
                with self._reading:
                    self._writer.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
                left = wal.stat().st_size  # a reader in another process may have held it
                self._wal_bytes = WAL_BYTES + left
        except OSError as error:
            self._note(Permanent(f"{wal} is gone ({error.strerror}): stop whatever deletes it, then start again"))
        except sqlite3.Error as error:
            self._note(in_our_words(error, self._path))

    # Reading, on a connection of its own.

    def _read_log(self) -> Log:
        with self._reading, errors(self._path):
            return read_log(self._reader, self._path)

    def _page_of_letters(self, after: int) -> list[tuple[int, DeadLetter]]:
        with self._reading, errors(self._path):
            rows = self._reader.execute(_LETTERS, (after, LETTERS_AT_ONCE)).fetchall()
        return [(number, self._letter(number, guard, packed)) for number, guard, packed in rows]

    def _letter(self, number: int, guard: object, packed: object) -> DeadLetter:
        letter = letter_of(guard, packed)
        if letter is None:
            raise Corrupt(f"{self._path}: dead letter {number} is not what was written: {REPAIR}")
        return letter

    def _explain(self, due: int, found: int) -> None:
        """Offsets from `due` to before `found` are not there: fine if they were never given."""
        if due < found:
            for first, last in self._reader.execute("SELECT first, last FROM skipped ORDER BY first").fetchall():
                if first <= due <= last:
                    due = last + 1
        if due < found:
            raise Corrupt(f"{self._path}: events {due} to {found - 1} are missing: {REPAIR}")


@contextmanager
def _snapshot(connection: sqlite3.Connection) -> Iterator[None]:
    connection.execute("BEGIN")
    try:
        yield
    finally:
        connection.rollback()


def _waiting(connection: sqlite3.Connection, log: Log) -> int:
    """How many events were given an offset and not trimmed."""
    statement = "SELECT coalesce(sum(last - max(first - 1, ?)), 0) FROM skipped WHERE last > ?"
    skipped: int = connection.execute(statement, (log.trimmed, log.trimmed)).fetchone()[0]
    return log.last - log.trimmed - skipped
