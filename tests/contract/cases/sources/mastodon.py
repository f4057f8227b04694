"""Mastodon of a simulator that tells its story to every new listener anew, by a clock that stands."""

from __future__ import annotations

import atexit
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

from aiohttp import web
from tests.helpers.clocks import Standing
from tests.helpers.serving import Serving

from tocsin.component import Context
from tocsin.simulators.mastodon import TOKEN, Told
from tocsin.simulators.mastodon import Mastodon as Simulator
from tocsin.sources.mastodon import Config, Mastodon

NOW = datetime(2026, 3, 1, 13, 0, tzinfo=UTC)
POSTS = 40


class Again(Simulator):
    """Whoever connects hears all of it."""

    async def _socket(self, request: web.Request) -> web.StreamResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        await socket.receive()
        for number, one in enumerate(self._told):
            one.at = NOW - timedelta(seconds=POSTS - number)
            one.id = str((int(one.at.timestamp() * 1000) << 16) + number)
            kind, payload = self.event(one)
            await socket.send_json({"stream": ["public"], "event": kind, "payload": payload})
        async for _ in socket:
            pass
        return socket


@cache
def served() -> Serving[Again]:
    serving = Serving(Again([Told(f"acme {number}", author=number % 7) for number in range(POSTS)]))
    serving.__enter__()
    atexit.register(serving.__exit__, None, None, None)
    return serving


def options(tmp_path: Path) -> dict[str, Any]:
    return {"url": served().simulator.url, "token": TOKEN, "streams": ["public"], "heartbeat": "60s"}


def make(tmp_path: Path) -> Mastodon:
    return Mastodon(Config.model_validate(options(tmp_path)), Context("feed", tmp_path, clock=Standing(NOW)))
