"""Clocks for sources: one that flies, since they wait as long as their platform wants, and one that stands."""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, datetime

from tocsin.clock import ManualClock


class FlyingClock:
    """`factor` seconds pass in one, from the real Unix second `since` on, which all processes of a test share."""

    def __init__(self, since: float, factor: float = 200.0) -> None:
        self._since, self._factor = since, factor

    def now(self) -> datetime:
        return datetime.fromtimestamp(self._since + self.monotonic(), UTC)

    def monotonic(self) -> float:
        return (time.time() - self._since) * self._factor

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds / self._factor)


class Standing(ManualClock):
    """A clock on which sleeping takes a moment and no time passes."""

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(0.02)
