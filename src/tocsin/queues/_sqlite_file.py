"""The queue's file: its schema, connections whose promises were checked, SQLite's errors in our words.

Sources: sqlite.org/pragma.html, sqlite.org/wal.html, sqlite.org/rescode.html.
"""

from __future__ import annotations

import errno
import os
import sqlite3
import uuid
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import msgspec

from tocsin.alone import alone
from tocsin.errors import Corrupt, Locked, LowSpace, Permanent, TocsinError
from tocsin.model import DeadLetter
from tocsin.queues._wal import find_damage

FORMAT = 1
APPLICATION_ID = 0x746F6373  # "tocs": SQLite's place to say whose file this is
PAGE_BYTES = 8192
CHECKPOINT_BYTES = 16 * 2**20
"""SQLite moves the write-ahead log into the file when it is this long."""
REPAIR = "run: tocsin doctor --repair"

_SCHEMA = """
CREATE TABLE log (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    uuid TEXT NOT NULL, last INTEGER NOT NULL, trimmed INTEGER NOT NULL, deleted INTEGER NOT NULL,
    leap INTEGER NOT NULL, checksum INTEGER NOT NULL
);
CREATE TABLE events (offset INTEGER PRIMARY KEY, source TEXT NOT NULL, checksum INTEGER NOT NULL, body BLOB NOT NULL);
CREATE TABLE skipped (first INTEGER PRIMARY KEY, last INTEGER NOT NULL);
CREATE TABLE cursors (source TEXT PRIMARY KEY, cursor BLOB NOT NULL, checksum INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE dead_letters (
    number INTEGER PRIMARY KEY AUTOINCREMENT, source TEXT NOT NULL, stage TEXT NOT NULL, place TEXT NOT NULL,
    checksum INTEGER NOT NULL, letter BLOB NOT NULL
);
CREATE UNIQUE INDEX dead_letters_place ON dead_letters (source, stage, place) WHERE place != '';
"""


class DiskFull(LowSpace):
    """SQLite could not write for want of room."""


BURY = "REPLACE INTO dead_letters (source, stage, place, checksum, letter) VALUES (?, ?, ?, ?, ?)"
_letters = msgspec.msgpack.Decoder(DeadLetter)


@dataclass(frozen=True, slots=True)
class Log:
    """The log's one row of facts. Offsets up to `last` were given, up to `trimmed` are safe elsewhere, up to
    `deleted` are gone from the file. All between `deleted` and `last` are there, but for those in `skipped`.
    The next event leaves out `leap` offsets."""

    uuid: str
    last: int = 0
    trimmed: int = 0
    deleted: int = 0
    leap: int = 0


def new_log() -> Log:
    """A log's first facts. Its identity comes from the system: a seed would give two logs the same one."""
    return Log(str(uuid.uuid4()))


def letter_row(letter: DeadLetter) -> tuple[str, str, str, int, bytes]:
    """A dead letter as `BURY` wants it; msgpack keeps its bytes as they are."""
    packed = msgspec.msgpack.encode(letter)
    return letter.source, letter.stage, letter.place, zlib.crc32(packed), packed


def letter_of(guard: object, packed: object) -> DeadLetter | None:
    """The dead letter of a row, or None if it is not what was written."""
    if not isinstance(packed, bytes) or zlib.crc32(packed) != guard:
        return None
    return _letters.decode(packed)


def checksum(offset: int, body: object) -> int:
    """Guards an event against flipped bits, and against standing under another's offset.

    -1, which is never right, if the value is no longer bytes.
    """
    return zlib.crc32(body, offset & 0xFFFFFFFF) if isinstance(body, bytes) else -1


def cursor_checksum(source: str, cursor: object) -> int:
    """The same for the cursor of a source."""
    return zlib.crc32(cursor, zlib.crc32(source.encode())) if isinstance(cursor, bytes) else -1


def read_log(connection: sqlite3.Connection, path: Path) -> Log:
    """Raises Corrupt if the row is not what was written."""
    row = connection.execute("SELECT uuid, last, trimmed, deleted, leap, checksum FROM log").fetchone()
    if row is None or row[5] != _sum_of(row[:5]):
        raise Corrupt(f"{path}: the record of its offsets is damaged: {REPAIR}")
    return Log(*row[:5])


def write_log(connection: sqlite3.Connection, log: Log) -> None:
    facts = (log.uuid, log.last, log.trimmed, log.deleted, log.leap)
    connection.execute("REPLACE INTO log VALUES (1, ?, ?, ?, ?, ?, ?)", (*facts, _sum_of(facts)))


def _sum_of(facts: tuple[object, ...]) -> int:
    return zlib.crc32(repr(facts).encode())


def open_files(path: Path) -> tuple[sqlite3.Connection, sqlite3.Connection]:
    """A writer and a reader on the log at `path`, which is made if there is none."""
    if not path.exists():
        with errors(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            with alone(path.parent):
                if not path.exists():
                    _refuse_remains(path)
                    create(path, new_log())
    _refuse_damaged_wal(path)
    writer = connect(path)
    try:
        with errors(path):
            writer.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
            _check_ends(writer, path)
        reader = connect(path)
    except BaseException:
        writer.close()
        raise
    reader.execute("PRAGMA query_only = ON")
    return writer, reader


def _check_ends(connection: sqlite3.Connection, path: Path) -> None:
    """The first and last event against the record of offsets; never a scan."""
    log = read_log(connection, path)
    first, last = connection.execute(
        "SELECT (SELECT min(offset) FROM events), (SELECT max(offset) FROM events)"
    ).fetchone()
    if first is not None and not log.deleted < first <= last <= log.last:
        raise Corrupt(f"{path}: it holds offsets {first} to {last}, not {log.deleted + 1} to {log.last}: {REPAIR}")


def _refuse_damaged_wal(path: Path) -> None:
    """SQLite drops what lies behind a damaged frame without a word, acknowledged posts too."""
    damage = find_damage(wal_of(path))
    if damage is not None:
        raise Corrupt(f"{wal_of(path)}: {damage}: {REPAIR}")


def _refuse_remains(path: Path) -> None:
    """A queue file that is gone while its companions are here is a loss, not a first start."""
    remains = [wal_of(path), *path.parent.glob(f"{path.name}.damaged-*")]
    for other in remains:
        if other.exists():
            raise Corrupt(f"{path} is missing, but {other.name} is there: put it back, or {REPAIR}")


def wal_of(path: Path) -> Path:
    return path.with_name(path.name + "-wal")


def create(path: Path, log: Log, fill: Callable[[sqlite3.Connection], None] | None = None) -> None:
    """Make a new log beside `path` and move it there when it is whole and on the disk."""
    unfinished = path.with_name(path.name + ".new")
    with errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        for suffix in ("", "-wal", "-shm"):
            unfinished.with_name(unfinished.name + suffix).unlink(missing_ok=True)
        unfinished.touch()
        connection = _prepared(unfinished, f"page_size = {PAGE_BYTES}", "auto_vacuum = INCREMENTAL")
        try:
            connection.executescript(f"BEGIN IMMEDIATE; {_SCHEMA}")
            connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
            connection.execute(f"PRAGMA user_version = {FORMAT}")
            write_log(connection, log)
            connection.execute("COMMIT")
            if fill is not None:
                fill(connection)
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()  # closing does it too, but hides errors
        finally:
            connection.close()
        os.replace(unfinished, path)
        sync_folder(path.parent)
        sync_folder(path.parent.parent)


def sync_folder(folder: Path) -> None:
    """Make the names in a folder survive a power cut."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def connect(path: Path) -> sqlite3.Connection:
    """A connection to an existing log, its settings checked and its format known."""
    with errors(path):
        connection = _prepared(path)
        try:
            _check_format(connection, path)
            read_log(connection, path)
        except BaseException:
            connection.close()
            raise
        return connection


def _prepared(path: Path, *first: str) -> sqlite3.Connection:
    connection = sqlite3.connect(
        f"{path.resolve().as_uri()}?mode=rw", uri=True, isolation_level=None, check_same_thread=False, timeout=5.0
    )
    try:
        for setting in first:
            connection.execute(f"PRAGMA {setting}")
        for setting, answer in (
            ("journal_mode = WAL", "wal"),
            ("synchronous = FULL", 2),
            ("fullfsync = ON", 1),  # macOS: fsync alone stops at the drive's cache
            ("checkpoint_fullfsync = ON", 1),
            ("secure_delete = ON", 1),  # what is trimmed or forgotten leaves no bytes in the file
        ):
            _require(connection, path, setting, answer)
        connection.execute(f"PRAGMA wal_autocheckpoint = {CHECKPOINT_BYTES // PAGE_BYTES}")
        connection.execute(f"PRAGMA journal_size_limit = {2 * CHECKPOINT_BYTES}")
        connection.execute("PRAGMA cache_size = -16384")
    except BaseException:
        connection.close()
        raise
    return connection


def _require(connection: sqlite3.Connection, path: Path, setting: str, answer: object) -> None:
    """Ask for a setting and read it back: SQLite may quietly keep another one."""
    connection.execute(f"PRAGMA {setting}").fetchall()
    row = connection.execute(f"PRAGMA {setting.partition(' ')[0]}").fetchone()
    got = row[0] if row else None
    if got != answer:
        raise Permanent(
            f"{path}: SQLite refuses '{setting}' (it answers {got!r}), so an acknowledged post might not survive "
            "a power cut: put data_dir on a local disk that works"
        )


def _check_format(connection: sqlite3.Connection, path: Path) -> None:
    owner = connection.execute("PRAGMA application_id").fetchone()[0]
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    if owner != APPLICATION_ID:
        raise Corrupt(f"{path} is not a queue of Tocsin: put the right file back, or {REPAIR}")
    if version > FORMAT:
        raise Permanent(
            f"{path} was written by a newer Tocsin (queue format {version}, this one reads {FORMAT}): upgrade Tocsin"
        )


@contextmanager
def errors(path: Path) -> Iterator[None]:
    """Errors of SQLite and of the file system within become ours."""
    try:
        yield
    except OSError as error:
        if error.errno == errno.ENOSPC:
            raise DiskFull(f"{path}: {_FULL}") from error
        raise Permanent(f"{path}: cannot be made or moved ({error.strerror}): check the disk and its rights") from error
    except sqlite3.Error as error:
        raise in_our_words(error, path) from error


def in_our_words(error: sqlite3.Error, path: Path) -> Exception:
    """The exception to raise for an error of SQLite; wrong use of a connection is given back as it is."""
    code = getattr(error, "sqlite_errorcode", None)
    if code is None and isinstance(error, sqlite3.ProgrammingError):
        return error
    known = _ERRORS.get(code or 0, _ERRORS.get((code or 0) & 0xFF))
    if known is None:
        return Corrupt(f"{path} is damaged ({error}): {REPAIR}")
    kind, message = known
    return kind(f"{path}: {message} ({getattr(error, 'sqlite_errorname', error)})")


_READ_ONLY = "cannot be opened for writing: check the rights of the file and its folder"
_BUSY = "another process is writing to it: stop that one first"
_FULL = "the disk is full: make room"
_ERRORS: dict[int, tuple[type[TocsinError], str]] = {
    sqlite3.SQLITE_FULL: (DiskFull, _FULL),
    sqlite3.SQLITE_IOERR_SHMSIZE: (DiskFull, _FULL),
    sqlite3.SQLITE_BUSY: (Locked, _BUSY),
    sqlite3.SQLITE_LOCKED: (Locked, _BUSY),
    sqlite3.SQLITE_IOERR: (Permanent, "the disk answers with an error: check it, then start again"),
    sqlite3.SQLITE_NOLFS: (Permanent, "the file system cannot hold a file this long"),
    sqlite3.SQLITE_TOOBIG: (Permanent, "SQLite cannot hold a value this long"),
    **dict.fromkeys(
        (sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_PERM, sqlite3.SQLITE_AUTH),
        (Permanent, _READ_ONLY),
    ),
}
