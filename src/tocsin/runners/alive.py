"""The sign of life for a service that rings when it stays away: sent only while all loops do their work."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Iterable

from tocsin.clock import Clock
from tocsin.errors import TocsinError
from tocsin.net import Client, host_and_port
from tocsin.settings import Heartbeat

log = logging.getLogger(__name__)

LATE_SECONDS = 300.0
"""A loop that has not come round for so long is stuck: a slow model and a slow destination take less."""


class Alive:
    """Knows when each loop last came round. Beats may come from any thread."""

    def __init__(self, loops: Iterable[str], clock: Clock) -> None:
        self._clock = clock
        self._beats = dict.fromkeys(loops, clock.monotonic())

    def beat(self, loop: str) -> None:
        """The loop has come round."""
        self._beats[loop] = self._clock.monotonic()

    def stuck(self) -> list[str]:
        """The loops that have not come round for long."""
        now = self._clock.monotonic()
        return [loop for loop, last in self._beats.items() if now - last > LATE_SECONDS]

    async def keep(self, heartbeat: Heartbeat, stop: threading.Event) -> None:
        """Send the sign every so often until stopped; not while a loop is stuck."""
        while not stop.is_set():
            if stuck := self.stuck():
                log.error("No sign of life is sent: the %s loop is stuck.", ", ".join(stuck))
            else:
                await self.send(heartbeat)
            await asyncio.to_thread(stop.wait, heartbeat.every)

    async def send(self, heartbeat: Heartbeat) -> bool:
        """Whether the sign was taken; a failure is logged, and costs nothing else."""
        allow = frozenset({host_and_port(heartbeat.url)} if heartbeat.allow_private else ())
        try:
            async with Client(self._clock, allow=allow) as client:
                await client.request("GET", heartbeat.url, limit=65_536)
        except TocsinError as fault:
            log.warning("The sign of life was not taken: %s.", fault)
            return False
        return True
