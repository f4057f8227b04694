"""What geocoders have answered, "nowhere" included, in a small database beside the data: no question is paid for twice.

Questions are kept as hashes, so the file does not hold what people wrote. The same file says when each host may be
asked again, so that its limit holds for all processes together and across restarts.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path

import msgspec

from tocsin.clock import Clock
from tocsin.model import Place
from tocsin.models._database import Database

FILE = "places.db"
LONGEST_QUEUE = 1_000
"""Turns that may be taken ahead of now: more of them mean that the machine's clock was set back."""
_ANSWERS = """CREATE TABLE IF NOT EXISTS answers (
    service TEXT, question BLOB, place BLOB, at REAL, PRIMARY KEY (service, question)
) WITHOUT ROWID"""
_TURNS = "CREATE TABLE IF NOT EXISTS turns (host TEXT PRIMARY KEY, next REAL) WITHOUT ROWID"
_place: msgspec.json.Decoder[Place | None] = msgspec.json.Decoder(Place | None)


class Stored:
    """The answers of one service. `keep`: seconds after which they are dropped; None: never."""

    def __init__(self, folder: Path, service: str, keep: float | None, clock: Clock) -> None:
        self._service, self._keep, self._clock = service, keep, clock
        self._database = Database(folder / FILE, "the answers of geocoders", _ANSWERS, _TURNS)

    def get(self, questions: Iterable[str]) -> dict[str, Place | None]:
        """The answers to those questions that have one. Raises Permanent if the file cannot be used."""
        known: dict[str, Place | None] = {}
        with self._database.transaction() as database:
            if self._keep is not None:
                oldest = self._now() - self._keep
                database.execute("DELETE FROM answers WHERE service = ? AND at <= ?", (self._service, oldest))
            for question in questions:
                query = "SELECT place FROM answers WHERE service = ? AND question = ?"
                row = database.execute(query, (self._service, _hashed(question))).fetchone()
                if row is not None:
                    known[question] = _place.decode(row[0])
        return known

    def put(self, question: str, place: Place | None) -> None:
        """Raises Permanent if the file cannot be used."""
        row = self._service, _hashed(question), msgspec.json.encode(place), self._now()
        with self._database.transaction() as database:
            database.execute("INSERT OR REPLACE INTO answers VALUES (?, ?, ?, ?)", row)

    def turn(self, host: str, interval: float) -> float:
        """Take the next turn to ask a host, `interval` seconds after the last one; gives the seconds until then."""
        now = self._now()
        with self._database.transaction() as database:
            row = database.execute("SELECT next FROM turns WHERE host = ?", (host,)).fetchone()
            wait = row[0] - now if row is not None else 0.0
            if not 0 < wait <= LONGEST_QUEUE * interval:
                wait = 0.0
            database.execute("INSERT OR REPLACE INTO turns VALUES (?, ?)", (host, now + wait + interval))
        return wait

    def _now(self) -> float:
        return self._clock.now().timestamp()


def _hashed(question: str) -> bytes:
    return hashlib.blake2b(question.encode(), digest_size=16).digest()
