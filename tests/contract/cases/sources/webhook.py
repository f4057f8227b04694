"""A webhook that is sent one post, an array and JSON lines, signed."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import aiohttp

from tocsin.clock import ManualClock
from tocsin.component import Context
from tocsin.secrets import SIGNATURE, TIMESTAMP, sign
from tocsin.sources.webhook import Config, Webhook

POSTS = 6
NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
_SECRET = "an invented secret"


def options(tmp_path: Path) -> dict[str, Any]:
    return {"host": "127.0.0.1", "port": 0, "secret": _SECRET, "heartbeat": "10s", "max_body": "1 MiB"}


class Waiting(ManualClock):
    """A clock on which nobody's sleep ends."""

    async def sleep(self, seconds: float) -> None:
        await asyncio.Event().wait()


def make(tmp_path: Path) -> Webhook:
    return Webhook(Config(**options(tmp_path)), Context("feed", tmp_path, clock=Waiting(NOW)))


async def drive(source: Webhook) -> None:
    while source.port is None:
        await asyncio.sleep(0.001)
    items = [{"id": str(number), "text": f"the bell rings {number} times", "author": "ann"} for number in range(POSTS)]
    bodies = [
        ("application/json", json.dumps(items[0])),
        ("application/json", json.dumps(items[1:4])),
        ("application/x-ndjson", "\n".join(json.dumps(item) for item in items[4:])),
    ]
    async with aiohttp.ClientSession() as session:
        await asyncio.gather(*(_send(session, source.port, kind, text.encode()) for kind, text in bodies))


async def _send(session: aiohttp.ClientSession, port: int, kind: str, body: bytes) -> None:
    timestamp = str(int(NOW.timestamp()))
    headers = {"Content-Type": kind, TIMESTAMP: timestamp, SIGNATURE: sign(_SECRET, timestamp, body)}
    async with session.post(f"http://127.0.0.1:{port}/events", data=body, headers=headers) as response:
        response.raise_for_status()
