"""Looks a queue file over, and saves what can be read of a damaged one: for `tocsin doctor`.

The repaired log keeps its uuid and its offsets, so that positions in it go on to mean what they meant; what was lost is
named in the dead letters. New events get offsets far above any that was ever given (`LEAP`): where the record of the
last offset is too old, none is given twice, which would let the lake skip an event in silence. Where the uuid itself
cannot be read there is a new one, the saved events get new offsets too, and the lake sees the newest as duplicates.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing, suppress
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import Any

from tocsin.errors import Corrupt, Permanent
from tocsin.model import DeadLetter
from tocsin.queues._sqlite_file import (
    BURY,
    Log,
    checksum,
    create,
    cursor_checksum,
    errors,
    letter_of,
    letter_row,
    new_log,
    read_log,
    sync_folder,
    wal_of,
)
from tocsin.queues._wal import find_damage

LEAP = 2**32
WINDOW = 1_000
PATIENCE = 100_000
"""So many failed readings, and the rest is given up."""
_FAR = 2**62

Row = tuple[Any, ...]
Range = tuple[int, int]
_EVENTS = "SELECT offset, source, checksum, body FROM events WHERE offset BETWEEN ? AND ? ORDER BY offset LIMIT ?"
_LETTERS = "SELECT number, checksum, letter FROM dead_letters WHERE number BETWEEN ? AND ? ORDER BY number LIMIT ?"


@dataclass(frozen=True, slots=True)
class _Survey:
    """What of a log can be read: offsets `first` to `last`; `missing` are those that were once there, too."""

    log: Log | None
    first: int
    last: int
    missing: tuple[Range, ...]
    cursors: tuple[Row, ...]
    damaged_cursors: tuple[str, ...]


def check(path: Path) -> list[str]:
    """What is wrong with the queue file, in words; empty if nothing is. Reads the whole file and changes nothing."""
    if not path.exists():
        return [f"{path} is missing"]
    damage = find_damage(wal_of(path))
    problems = [f"{wal_of(path)}: {damage}"] if damage else []
    try:
        with errors(path), closing(_open(path)) as connection:
            problems += [row[0] for row in connection.execute("PRAGMA quick_check(20)") if row[0] != "ok"]
            read_log(connection, path)
            survey = _survey(connection, path)
    except Permanent as error:
        return [*problems, str(error)]
    return [*problems, *_losses(survey)]


def repair(path: Path) -> list[str]:
    """Save what can be read into a new file and put it in the old one's place; what was done, in words.

    The old file stays beside it as `<name>.damaged-<n>`. A repair that was cut short is taken up again.
    No process may use the queue meanwhile. Raises LowSpace if the disk has no room for the new file.
    """
    with errors(path):
        damaged = _set_aside(path)
    done = [f"the old file is kept as {damaged.name}"]
    if damage := find_damage(wal_of(damaged)):
        done.append(f"{wal_of(damaged).name}: {damage}; sources go on from where they were before that")
    with errors(damaged), closing(_open(damaged)) as connection:
        survey = _survey(connection, damaged)
        log, shift = _continued(survey)
        create(path, log, lambda new: _copy(connection, new, survey, shift))
    damaged.with_name(damaged.name + "-shm").unlink(missing_ok=True)
    if survey.log is None:
        done.append("the record of offsets was lost: the log has a new identity, and its events are processed again")
    return [*done, *_losses(survey)]


def _losses(survey: _Survey) -> list[str]:
    lost = [f"events {first} to {last} cannot be read" for first, last in survey.missing]
    cursors = [f"the cursor of the source {source} cannot be read" for source in survey.damaged_cursors]
    return lost + cursors


def _open(path: Path) -> sqlite3.Connection:
    """Read-only, and without what `connect` checks; a file without its WAL is opened as one that nobody changes."""
    mode = "mode=ro" if wal_of(path).exists() else "mode=ro&immutable=1"
    return sqlite3.connect(f"{path.resolve().as_uri()}?{mode}", uri=True, isolation_level=None)


def _survey(connection: sqlite3.Connection, path: Path) -> _Survey:
    log: Log | None = None
    with suppress(sqlite3.DatabaseError, Corrupt):
        log = read_log(connection, path)
    low, high = (log.deleted + 1, log.last) if log else (1, _FAR)
    first, last, missing = 0, low - 1, []
    for offset, *_ in _whole_events(connection, low, high):
        if offset > last + 1 and (first or log):
            missing.append((last + 1, offset - 1))
        first, last = first or offset, offset
    if log and last < log.last:
        missing.append((last + 1, log.last))
    never_given = _rows(connection, "SELECT first, last FROM skipped ORDER BY first") or []
    lost = tuple(part for span in missing for part in _without(span, never_given))
    return _Survey(log, first or low, last, lost, *_cursors(connection))


def _continued(survey: _Survey) -> tuple[Log, int]:
    """The facts of the repaired log, and by how much the offsets of its events move."""
    last = survey.last
    if survey.log is not None:
        given = survey.log.last - last
        return replace(survey.log, last=last, trimmed=min(survey.log.trimmed, last), leap=given + LEAP), 0
    shift = (last // LEAP + 1) * LEAP
    before = survey.first - 1 + shift
    return replace(new_log(), last=last + shift, trimmed=before, deleted=before, leap=LEAP), shift


def _copy(old: sqlite3.Connection, new: sqlite3.Connection, survey: _Survey, shift: int) -> None:
    facts, _ = _continued(survey)
    due = facts.deleted + 1
    new.execute("BEGIN")
    for count, (offset, source, _, body) in enumerate(_whole_events(old, due - shift, survey.last)):
        moved = offset + shift
        if moved > due:
            new.execute("INSERT INTO skipped VALUES (?, ?)", (due, moved - 1))
        new.execute("INSERT INTO events VALUES (?, ?, ?, ?)", (moved, source, checksum(moved, body), body))
        due = moved + 1
        if count % WINDOW == 0:
            new.execute("COMMIT")
            new.execute("BEGIN")
    new.executemany("INSERT INTO cursors VALUES (?, ?, ?)", survey.cursors)
    salvaged = (letter_of(guard, packed) for _, guard, packed in _salvage(old, _LETTERS, 1, _FAR))
    new.executemany(BURY, (letter_row(letter) for letter in [*salvaged, *map(_lost, survey.missing)] if letter))
    new.execute("COMMIT")


def _lost(span: Range) -> DeadLetter:
    place = f"queue:{span[0]}-{span[1]}"
    return DeadLetter(source="queue", stage="process", reason="lost from a damaged queue file", place=place)


def _whole_events(connection: sqlite3.Connection, low: int, high: int) -> Iterator[Row]:
    """Events with offsets in a range that are what was written, in order."""
    return (row for row in _salvage(connection, _EVENTS, low, high) if checksum(row[0], row[3]) == row[2])


def _salvage(connection: sqlite3.Connection, statement: str, low: int, high: int) -> Iterator[Row]:
    """Rows by number, in order, around what cannot be read: a range that fails is halved until it is one number."""
    ranges, patience = [(low, high)], PATIENCE
    while ranges and patience:
        first, last = ranges.pop()
        rows = _rows(connection, statement, first, last, WINDOW)
        if rows is None or not _ascending(rows, first, last):
            patience -= 1
            if first < last:
                middle = (first + last) // 2
                ranges += [(middle + 1, last), (first, middle)]
            continue
        yield from rows
        if len(rows) == WINDOW and rows[-1][0] < last:
            ranges.append((rows[-1][0] + 1, last))


def _rows(connection: sqlite3.Connection, statement: str, *values: int) -> list[Row] | None:
    """None if they cannot be read."""
    try:
        return connection.execute(statement, values).fetchall()
    except sqlite3.DatabaseError:
        return None


def _ascending(rows: list[Row], first: int, last: int) -> bool:
    numbers = [first - 1, *(row[0] for row in rows), last + 1]
    return all(a < b for a, b in pairwise(numbers))


def _cursors(connection: sqlite3.Connection) -> tuple[tuple[Row, ...], tuple[str, ...]]:
    """Whole cursors, and the sources of damaged ones."""
    rows = _rows(connection, "SELECT source, cursor, checksum FROM cursors")
    if rows is None:
        return (), ("(every one)",)
    whole = [isinstance(source, str) and cursor_checksum(source, cursor) == guard for source, cursor, guard in rows]
    return (
        tuple(row for row, good in zip(rows, whole, strict=True) if good),
        tuple(str(row[0]) for row, good in zip(rows, whole, strict=True) if not good),
    )


def _without(span: Range, others: Iterable[Row]) -> Iterator[Range]:
    """The parts of a range that are in none of the others, which are in order."""
    first, last = span
    for start, end in others:
        if start > last or end < first:
            continue
        if first < start:
            yield first, start - 1
        first = end + 1
    if first <= last:
        yield first, last


def _set_aside(path: Path) -> Path:
    """Move the damaged file and its WAL out of the way; gives where it is now."""
    earlier = [int(other.suffix.partition("-")[2]) for other in path.parent.glob(f"{path.name}.damaged-*[0-9]")]
    if not path.exists() and not earlier:
        raise Permanent(f"{path} is missing, so there is nothing to repair")
    number = max(earlier, default=0) + path.exists()
    damaged = path.with_name(f"{path.name}.damaged-{number}")
    for old, new in ((path, damaged), (wal_of(path), wal_of(damaged))):
        if old.exists():
            os.replace(old, new)
    path.with_name(path.name + "-shm").unlink(missing_ok=True)
    sync_folder(path.parent)
    return damaged
