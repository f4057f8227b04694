"""What X may cost a day, and has cost: every post that it sends is billed, once a day (UTC)."""

from __future__ import annotations

from collections.abc import Set
from datetime import UTC, datetime, timedelta

from tocsin.clock import Clock
from tocsin.costs import Bill, Costs
from tocsin.errors import Transient

ROUNDING = 1e-9
COUNT_PRICE = 0.005
"""Dollars for asking how many posts there were."""


class Account:
    """`price` and `cap` in US dollars, of a post and of a day."""

    def __init__(self, costs: Costs, price: float, cap: float, clock: Clock) -> None:
        self._costs, self._price, self._cap, self._clock = costs, price, cap, clock
        self._day = ""
        self._billed: set[str] = set()

    @property
    def spent(self) -> float:
        """Dollars since midnight, UTC."""
        return self._costs.usage().cost

    def check(self, capped: datetime | None) -> None:
        """Raises Transient, until midnight, when no money is left, or reading stopped today (`capped`)."""
        now, spent = self._clock.now(), self.spent
        if spent + self._price > self._cap + ROUNDING or (capped is not None and capped.date() == now.date()):
            raise Transient(self._says(spent), until_midnight(now))

    def asked(self, queries: int) -> None:
        """So many questions for numbers of posts are sent."""
        self._costs.book(Bill(queries, COUNT_PRICE * queries), 0)

    def book(self, sent: Set[str]) -> str | None:
        """These posts have come. Where as many again might cost too much, what to say."""
        day = self._clock.now().date().isoformat()
        if self._day != day:
            self._day, self._billed = day, set()
        fresh = sent - self._billed
        if not fresh:
            return None
        self._billed |= fresh
        cost = len(fresh) * self._price
        self._costs.settle(day, Bill(), Bill(len(fresh), cost))
        spent = self.spent
        return self._says(spent) if spent + cost > self._cap + ROUNDING else None

    def _says(self, spent: float) -> str:
        return f"X has cost ${spent:.2f} today, max_cost_per_day is ${self._cap:.2f}: it is not asked before 00:00 UTC"


def until_midnight(now: datetime) -> float:
    """Seconds until the day of X's bills ends."""
    tomorrow = (now.astimezone(UTC) + timedelta(days=1)).replace(hour=0, minute=0, second=1, microsecond=0)
    return (tomorrow - now).total_seconds()
