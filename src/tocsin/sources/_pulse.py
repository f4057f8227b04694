"""A live source's word up to when it is complete, and that for a while it heard nothing."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime, timedelta

from tocsin.model import Event, Gap, Heartbeat, Post
from tocsin.records import BEHIND

MISSED = 3
"""So many beats that were missed in a row are a gap."""
RECENT, SHARE = 100, 0.9
"""A beat vouches for the time by which this share of the recent posts would have come."""


class Pulse:
    """Beats `every` so many seconds. `cursor` is when it was awake last, in this run or the one before.

    A process that was stopped, a machine that slept, a clock that was put forward and a queue without room look the
    same: nobody listened. What was not heard then is not silence.
    """

    def __init__(self, source: str, every: float, cursor: str | None) -> None:
        self._source, self._longest = source, timedelta(seconds=MISSED * every)
        self._last = None if cursor is None else _moment(cursor)
        self._delays: deque[timedelta] = deque(maxlen=RECENT)

    @property
    def cursor(self) -> str | None:
        return None if self._last is None else self._last.isoformat()

    def awake(self, now: datetime) -> list[Event]:
        """The gap that ends now, if there was one; to be queued before anything else that came since."""
        last, self._last = self._last, now
        if last is None or now - last <= self._longest:
            return []
        return [Gap(source=self._source, stream=self._source, start=last, end=now, state="lost", note="not listening")]

    def heard(self, events: Sequence[Event]) -> None:
        """Learn from posts how long after their writing they come."""
        for event in events:
            if isinstance(event, Post) and event.created_at is not None:
                delay = event.received_at - event.created_at
                if timedelta() <= delay <= BEHIND:
                    self._delays.append(delay)

    def beat(self, now: datetime) -> Heartbeat:
        delays = sorted(self._delays)
        delay = delays[int(SHARE * len(delays))] if delays else timedelta()
        return Heartbeat(source=self._source, stream=self._source, at=now - delay)


def _moment(cursor: str) -> datetime | None:
    """None for a cursor that a source of another type has left behind."""
    with suppress(ValueError):
        moment = datetime.fromisoformat(cursor)
        return moment if moment.tzinfo else None
    return None
