"""What all simulators share: a server on loopback, a story to tell, faults on the way, and the truth about it."""

from __future__ import annotations

import asyncio
from collections import Counter, deque
from collections.abc import Sequence
from typing import Self

from aiohttp import web

from tocsin.simulators._faults import Fault

HOUR = 3600


class Simulator:
    """Serves one platform's API at `url` between `start` and `close`. Subclasses give the routes.

    `matched` are the native ids that a faithful client must end up with, `sent` how often each was sent.
    """

    def __init__(self, faults: Sequence[Fault] = ()) -> None:
        self._faults = deque(sorted(faults, key=lambda fault: fault.after))
        self._runner: web.AppRunner | None = None
        self._telling: asyncio.Task[None] | None = None
        self.matched: set[str] = set()
        self.sent: Counter[str] = Counter()
        self.connects = 0
        self.url = ""

    def routes(self) -> list[web.AbstractRouteDef]:
        raise NotImplementedError

    def due(self, *kinds: str) -> Fault | None:
        """The next fault of the script if its time has come and it is of these kinds; each is given once."""
        if self._faults and self._faults[0].kind in kinds and self.sent.total() >= self._faults[0].after:
            return self._faults.popleft()
        return None

    def begin(self) -> None:
        """Time goes on, from the first client on."""
        if self._telling is None:
            self._telling = asyncio.create_task(self._tell())

    async def _tell(self) -> None:
        """The story, event by event, whoever listens."""
        raise NotImplementedError

    async def start(self, port: int = 0) -> None:
        """Listen at 127.0.0.1; port 0 takes a free one."""
        app = web.Application()
        app.add_routes(self.routes())
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", port).start()
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}"

    async def close(self) -> None:
        if self._telling is not None:
            self._telling.cancel()
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()
