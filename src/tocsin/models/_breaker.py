"""A circuit breaker (Nygard, Release It!, 2007): a service that keeps failing is left alone for a while."""

from __future__ import annotations

from tocsin.clock import Clock
from tocsin.errors import TocsinError, Transient

LIMIT = 3
"""Requests in a row that fail, retries included, before the service is left alone."""
REST, LONGEST_REST = 15.0, 600.0
"""Seconds that it is left alone for: at first, and at most. Each time that it still fails they double."""


class Breaker:
    """After a rest one request is let through; if it goes well, so are all others."""

    def __init__(self, service: str, clock: Clock) -> None:
        self._service, self._clock = service, clock
        self._reason = ""
        self._until = 0.0
        self._probing = False
        self.ok()

    def check(self) -> None:
        """Raises Transient while the service is left alone."""
        now = self._clock.monotonic()
        if now < self._until:
            left = self._until - now
            raise Transient(f"{self._service} is left alone for {left:.0f} s, since {self._reason}", left)
        if self._failures >= LIMIT:
            self._probing, self._until = True, now + self._rest

    @property
    def rests(self) -> bool:
        """Whether the service is left alone now."""
        return self._clock.monotonic() < self._until

    def ok(self) -> None:
        self._failures, self._rest, self._until, self._probing = 0, REST, 0.0, False

    def failed(self, error: TocsinError) -> None:
        """A request was given up. A Retry-After is kept from the first on."""
        if self._failures >= LIMIT and not self._probing:
            return  # it was already under way when the service was left alone
        if self._probing:
            self._rest = min(2 * self._rest, LONGEST_REST)
        self._failures += 1
        self._probing = False
        self._reason = str(error)
        asked = getattr(error, "retry_after", None) or 0.0
        rest = max(self._rest if self._failures >= LIMIT else 0.0, asked)
        self._until = max(self._until, self._clock.monotonic() + rest)
