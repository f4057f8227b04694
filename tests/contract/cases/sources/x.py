"""X of a simulator that tells its story to every new listener anew, by a clock that stands."""

from __future__ import annotations

import asyncio
import atexit
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

from aiohttp import web
from tests.helpers.clocks import Standing
from tests.helpers.serving import Serving

from tocsin.component import Context
from tocsin.simulators.x import X as Simulator
from tocsin.simulators.x import story
from tocsin.sources.x import Config, X

NOW = datetime(2026, 3, 1, 13, 0, tzinfo=UTC)
POSTS = 40


class Again(Simulator):
    """Whoever connects hears all of it."""

    async def _stream(self, request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        for number, one in enumerate(self._told):
            one.at = NOW - timedelta(seconds=POSTS - number)
            one.id = str(2_000_000_000_000_000_000 + number)
            one.history = [one.id]
        for one in self._told:
            await response.write(self.line(one) + b"\r\n")
        await asyncio.sleep(3600)
        return response


@cache
def served() -> Serving[Again]:
    serving = Serving(Again(story(1, POSTS, reposts=False)))
    serving.__enter__()
    atexit.register(serving.__exit__, None, None, None)
    return serving


def options(tmp_path: Path) -> dict[str, Any]:
    return {
        "url": served().simulator.url, "token": "invented", "max_cost_per_day": 1000, "heartbeat": "60s",
        "watches": [{"name": "acme", "match": "acme"}],
    }  # fmt: skip


def make(tmp_path: Path) -> X:
    return X(Config.model_validate(options(tmp_path)), Context("feed", tmp_path, clock=Standing(NOW)))
