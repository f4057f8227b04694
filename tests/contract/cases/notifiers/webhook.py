"""The webhook notifier for the contract suite: its other side is a server that knows repeats by their key."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from aiohttp import web
from pydantic import SecretStr
from tests.contract.test_notifier import CANARY, Case
from tests.helpers.site import serving

from tocsin.clock import ManualClock
from tocsin.component import Context
from tocsin.notifiers.webhook import Config, Webhook


@asynccontextmanager
async def make(tmp_path: Path) -> AsyncIterator[Case]:
    async with serving() as site:
        alerts: dict[str, dict[str, Any]] = {}
        status = 204

        async def handler(request: web.Request) -> web.StreamResponse:
            if status == 204:
                alert = await request.json(loads=json.loads)
                alerts.setdefault(alert["key"], alert)
            return web.Response(status=status)

        async def fail(kind: str | None) -> None:
            nonlocal status
            status = {"transient": 503, "permanent": 403, None: 204}[kind]

        def again() -> Webhook:
            config = Config(
                url=f"http://{site.host}/hook/{CANARY}",
                secret=SecretStr(CANARY),
                headers={"Authorization": SecretStr(CANARY)},
                allow_private=True,
            )
            return Webhook(config, Context("hook", tmp_path, clock=ManualClock(datetime(2026, 11, 22, tzinfo=UTC))))

        site.handler = handler
        yield Case(again(), lambda: list(alerts.values()), fail, again)
