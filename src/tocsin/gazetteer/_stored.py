"""What geocoders have answered, "nowhere" included, in a small database beside the data: no question is paid for twice.

Questions are kept as hashes, so the file does not hold what people wrote. The same file says when each host may be
asked again, so that its limit holds for all processes together and across restarts.
"""

from __future__ import annotations

import hashlib
import math
import sqlite3
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

import msgspec

from tocsin.clock import Clock
from tocsin.database import Database
from tocsin.model import Place

FILE = "places.db"
CLEANED_EVERY = 3600.0
"""Seconds between two times that old answers are deleted."""
DUE = 1e-5
"""Seconds before its time that a turn may be taken: clocks are not finer."""
_ANSWERS = """CREATE TABLE IF NOT EXISTS answers (
    service TEXT, question BLOB, place BLOB, at REAL, PRIMARY KEY (service, question)
) WITHOUT ROWID"""
_BY_AGE = "CREATE INDEX IF NOT EXISTS answers_by_age ON answers (service, at)"
_TURNS = "CREATE TABLE IF NOT EXISTS turns (host TEXT PRIMARY KEY, next REAL) WITHOUT ROWID"
_place: msgspec.json.Decoder[Place | None] = msgspec.json.Decoder(Place | None)


class Stored:
    """The answers of one service. `keep`: seconds after which they are not used, and soon dropped; None: never."""

    def __init__(self, folder: Path, service: str, keep: float | None, clock: Clock) -> None:
        self._service, self._keep, self._clock = service, keep, clock
        self._database = Database(folder / FILE, "the answers of geocoders", _ANSWERS, _BY_AGE, _TURNS)
        self._cleaning = -math.inf

    def get(self, questions: Iterable[str]) -> dict[str, Place | None]:
        """The answers to those questions that have one. Raises Permanent if the file cannot be used."""
        known: dict[str, Place | None] = {}
        with self._database.transaction() as database:
            oldest = self._now() - self._keep if self._keep is not None else -math.inf
            self._clean(database, oldest)
            for question in questions:
                query = "SELECT place FROM answers WHERE service = ? AND question = ? AND at > ?"
                row = database.execute(query, (self._service, _hashed(question), oldest)).fetchone()
                if row is not None:
                    with suppress(msgspec.DecodeError, TypeError, ValueError):  # a damaged row is asked about anew
                        known[question] = _place.decode(row[0])
        return known

    def _clean(self, database: sqlite3.Connection, oldest: float) -> None:
        now = self._clock.monotonic()
        if self._keep is not None and now >= self._cleaning:
            database.execute("DELETE FROM answers WHERE service = ? AND at <= ?", (self._service, oldest))
            self._cleaning = now + CLEANED_EVERY

    def put(self, question: str, place: Place | None) -> None:
        """Raises Permanent if the file cannot be used."""
        row = self._service, _hashed(question), msgspec.json.encode(place), self._now()
        with self._database.transaction() as database:
            database.execute("INSERT OR REPLACE INTO answers VALUES (?, ?, ?, ?)", row)

    def turn(self, host: str, interval: float) -> float:
        """Takes the turn to ask a host if it is due, `interval` seconds after the last one: 0. Else nothing is taken:
        the seconds until it may be."""
        now = self._now()
        with self._database.transaction() as database:
            row = database.execute("SELECT next FROM turns WHERE host = ?", (host,)).fetchone()
            wait = max(row[0] - now, 0.0) if row is not None else 0.0
            if wait > 2 * interval:  # the machine's clock was set back
                wait = 0.0
            if wait > DUE:
                return float(wait)
            database.execute("INSERT OR REPLACE INTO turns VALUES (?, ?)", (host, now + wait + interval))
        return 0.0

    def _now(self) -> float:
        return self._clock.now().timestamp()


def _hashed(question: str) -> bytes:
    return hashlib.blake2b(question.encode(), digest_size=16).digest()
