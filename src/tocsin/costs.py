"""What a paid service (a remote model, a source) has cost, day by day (UTC), in a small database beside the data.

What a request may cost at most is booked before it is sent and corrected after, in transactions: so a day's cap holds
across restarts, kills and several processes, and what was under way at a kill counts as spent. A power cut may lose
the last bookings (WAL without a flush for each), never the account.
"""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from datetime import UTC
from pathlib import Path

from tocsin.clock import Clock
from tocsin.database import Database
from tocsin.errors import TocsinError

FILE = "costs.db"
_TABLE = """CREATE TABLE IF NOT EXISTS costs (
    day TEXT, name TEXT, requests INTEGER, texts INTEGER, units REAL, cost REAL, PRIMARY KEY (day, name)
) WITHOUT ROWID"""
_ADD = """INSERT INTO costs VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (day, name) DO UPDATE SET
    requests = requests + excluded.requests, texts = texts + excluded.texts,
    units = units + excluded.units, cost = cost + excluded.cost"""
_ROUNDING = 1e-9


class Spent(TocsinError):
    """The day's cap would be passed."""


@dataclass(frozen=True)
class Bill:
    """What a service bills: its own units (characters by the hundred, seconds, tokens), and US dollars."""

    units: float = 0.0
    cost: float = 0.0


@dataclass(frozen=True)
class Usage:
    """What a service was asked on one UTC day, and the estimated cost in US dollars. `cap` None: there is none."""

    day: str
    requests: int
    texts: int
    units: float
    cost: float
    cap: float | None


class Costs:
    """The account of one service, by its name in the config. Nothing is written before the first booking."""

    def __init__(self, folder: Path, name: str, cap: float | None, clock: Clock) -> None:
        self._name, self._cap, self._clock = name, cap, clock
        self._database = Database(folder / FILE, "the account of costs", _TABLE)

    def book(self, bill: Bill, texts: int) -> str:
        """Count one request and what it may cost; gives the day it is booked on. Raises Spent, or Permanent if the
        account cannot be kept: then nothing may be sent."""
        with self._database.transaction() as database:
            day = self._today()
            spent = self._row(database, day)[3]
            if self._cap is not None and spent + bill.cost > self._cap + _ROUNDING:
                raise Spent(f"{self._name}: ${spent:.2f} of ${self._cap:.2f} are spent on {day} (UTC)")
            database.execute(_ADD, (day, self._name, 1, texts, bill.units, bill.cost))
        return day

    def settle(self, day: str, booked: Bill, bill: Bill) -> None:
        """Put what the request did cost in the place of what was booked."""
        with self._database.transaction() as database:
            database.execute(_ADD, (day, self._name, 0, 0, bill.units - booked.units, bill.cost - booked.cost))

    def usage(self) -> Usage:
        """Today's."""
        day = self._today()
        if not self._database.file.exists():
            return Usage(day, 0, 0, 0.0, 0.0, self._cap)
        with self._database.transaction() as database:
            return Usage(day, *self._row(database, day), self._cap)

    def _row(self, database: sqlite3.Connection, day: str) -> tuple[int, int, float, float]:
        query = "SELECT requests, texts, units, cost FROM costs WHERE day = ? AND name = ?"
        row: tuple[int, int, float, float] | None = database.execute(query, (day, self._name)).fetchone()
        return row or (0, 0, 0.0, 0.0)

    def _today(self) -> str:
        return self._clock.now().astimezone(UTC).date().isoformat()
