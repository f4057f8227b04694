"""Where a reader of Jetstream stands: the cursor, what it handed over lately, and the stretch that it has to repair."""

from __future__ import annotations

from contextlib import suppress
from datetime import timedelta
from typing import Literal, Self

import msgspec
import xxhash

from tocsin.model import Event, Gap
from tocsin.sources._jetstream_wire import moment

LONGEST = timedelta(seconds=30)
"""A stretch without a connection that is longer than this is a gap."""
HOLE = 60_000_000
"""Microseconds between the place that was asked for and the first message, from which on something is missing."""


class _Saved(msgspec.Struct):
    time_us: int
    until_us: int = 0
    recent: list[tuple[int, int]] = []
    gap: tuple[int, int] | None = None
    lost: int | None = None


class Place:
    """All times are the server's, in microseconds. `rewind` is how far back the next connection begins."""

    def __init__(self, source: str, rewind: float) -> None:
        self._source, self._rewind = source, round(rewind * 1e6)
        self._recent: dict[int, int] = {}
        self._gap: tuple[int, int] | None = None
        self._lost: int | None = None
        self._first = True
        self.time_us = 0
        """The latest time of a message; 0: none was ever heard."""
        self.until_us = 0
        """Up to when everything has come: the latest message, or the quiet after it."""

    @classmethod
    def load(cls, cursor: str | None, source: str, rewind: float) -> Self:
        """From a cursor; one of a source of another type counts as none."""
        place = cls(source, rewind)
        with suppress(msgspec.MsgspecError):
            saved = msgspec.json.decode(cursor or "", type=_Saved)
            place.time_us, place.until_us, place._gap, place._lost = (
                saved.time_us, saved.until_us, saved.gap, saved.lost,
            )  # fmt: skip
            place._recent = dict(saved.recent)
        return place

    def save(self) -> str:
        recent = sorted(self._recent.items(), key=lambda item: (item[1], item[0]))
        return msgspec.json.encode(_Saved(self.time_us, self.until_us, recent, self._gap, self._lost)).decode()

    @property
    def begin(self) -> int | None:
        """The time to ask the server for; None for what comes from now on."""
        return self.time_us - self._rewind if self.time_us else None

    @property
    def repairing(self) -> bool:
        return self._gap is not None

    def connected(self, now_us: int) -> list[Event]:
        """The gap since the last message, if it is one; it lasts until everything in it has come."""
        self._first = True
        if not self.time_us:
            return []
        start = self._gap[0] if self._gap is not None else self.until_us
        if self._gap is None and now_us - start <= LONGEST / timedelta(microseconds=1):
            return []
        self._gap = (start, max(now_us, start))
        return [self._told(self._gap, "open", "not connected")]

    def moved(self, time_us: int) -> None:
        """A message of this time has come."""
        if self._first and self.time_us and time_us - self.time_us > HOLE:
            self._gap, self._lost = self._gap or (self.time_us, time_us), time_us
        self._first = False
        self.time_us = max(self.time_us, time_us)
        self.until_us = max(self.until_us, time_us)

    def quiet(self, seconds: float, now_us: int) -> int:
        """Nothing has come for so long, and so nothing is missing: up to when everything has come."""
        self.until_us = max(self.until_us, self.time_us + round(seconds * 1e6) if self.time_us else now_us)
        return self.until_us

    def backfills(self, time_us: int) -> bool:
        """Whether what has this time belongs to the gap."""
        return self._gap is not None and time_us < self._gap[1]

    def repaired(self, *, caught_up: bool) -> list[Event]:
        """The end of the gap, once everything in it has come."""
        if self._gap is None or not (caught_up or self.time_us >= self._gap[1]):
            return []
        if self._lost is None:
            told = self._told(self._gap, "filled", "read again from the cursor")
        else:
            told = self._told(self._gap, "partial", f"the server had nothing before {moment(self._lost).isoformat()}")
        self._gap = self._lost = None
        return [told]

    def _told(self, gap: tuple[int, int], state: Literal["open", "filled", "partial"], note: str) -> Gap:
        start, end = map(moment, gap)
        return Gap(source=self._source, stream=self._source, start=start, end=end, state=state, note=note)

    def new(self, what: str, time_us: int) -> bool:
        """Whether this is handed over for the first time, as far as a rewind can bring it again."""
        mark = xxhash.xxh3_64_intdigest(what.encode()) & 0x1F_FFFF_FFFF_FFFF
        if mark in self._recent:
            return False
        self._recent[mark] = time_us
        return True

    def forget(self) -> None:
        """What no rewind can bring again."""
        oldest = self.time_us - 2 * self._rewind
        self._recent = {mark: time for mark, time in self._recent.items() if time >= oldest}
