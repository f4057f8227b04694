"""A day of all of Bluesky, in the rhythm of its hours: every post that is wanted arrives, and memory stays flat.

The server sends what Jetstream sends to a client that asks for posts: 40 of them a second on average, and accounts and
identities of everybody. In `make test` a tenth of that.
"""

from __future__ import annotations

import asyncio
import json
import math
import os
import random
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

from aiohttp import web
from tests.fault.soak_child import LAST
from tests.helpers.faults import ROOT, SEED, by_length, record

from tocsin.simulators.jetstream import tid

DAY = 86_400
RATE, OTHERS = 40.0, 10.0
"""Posts a second, and other events."""
SHARE = by_length(0.1, 1.0, 1.0)
SECONDS = by_length(6.0, 60.0, 60.0)
"""The real time that the day takes, if the machine can."""
WANTED = 50
"""One post in so many is about the watch."""
GROWTH = 12 * 2**20
"""Bytes by which the last quarter may exceed the second: allocators breathe."""


def rhythm(second: float) -> float:
    """The rate at a second of the day over the mean: twice as many in the evening as at night."""
    return 1.0 + 0.5 * math.sin(2 * math.pi * (second / DAY - 0.4))


def day(begin_us: int, seed: int) -> Iterator[tuple[float, list[str]]]:
    """For each minute of the day, its end (seconds) and its frames."""
    draw = random.Random(seed)
    for minute in range(DAY // 60):
        count = round((RATE + OTHERS) * 60 * SHARE * rhythm(60 * minute))
        frames = []
        for number in range(count):
            time_us = begin_us + int((60 * minute + 60 * number / count) * 1e6)
            frames.append(_post(draw, time_us) if draw.random() < RATE / (RATE + OTHERS) else _other(draw, time_us))
        yield 60.0 * (minute + 1), frames
    yield float(DAY), [_frame(1, begin_us + DAY * 10**6, LAST)]


def _post(draw: random.Random, time_us: int) -> str:
    about = "acme" if draw.randrange(WANTED) == 0 else "nothing"
    return _frame(draw.randrange(10**6), time_us, f"a post of the day about {about}, and the weather")


def _frame(author: int, time_us: int, text: str) -> str:
    return (
        f'{{"did":"did:plc:{author:024d}","time_us":{time_us},"kind":"commit","commit":{{"rev":"{tid(time_us)}",'
        f'"operation":"create","collection":"app.bsky.feed.post","rkey":"{tid(time_us)}","record":{{"$type":'
        f'"app.bsky.feed.post","text":"{text}","langs":["en"]}},"cid":"bafyinvented"}}}}'
    )


def _other(draw: random.Random, time_us: int) -> str:
    did = f"did:plc:{draw.randrange(10**6):024d}"
    return (
        f'{{"did":"{did}","time_us":{time_us},"kind":"identity","identity":{{"did":"{did}","handle":"sam.example"}}}}'
    )


class Server(threading.Thread):
    """Sends the day to whoever connects, by a clock that flies."""

    def __init__(self, since: float, factor: float) -> None:
        super().__init__(daemon=True)
        self._since, self._factor = since, factor
        self.wanted = 0
        self.url = ""
        self.ready = threading.Event()

    def run(self) -> None:
        asyncio.run(self._serve())

    async def _serve(self) -> None:
        app = web.Application()
        app.add_routes([web.get("/subscribe", self._send)])
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        self.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        self.ready.set()
        await asyncio.Event().wait()

    async def _send(self, request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        began = time.time()
        begin_us = round((self._since + (began - self._since) * self._factor) * 1e6)
        for end, frames in day(begin_us, SEED):
            for frame in frames:
                await socket.send_str(frame)
            self.wanted += sum(" acme" in frame for frame in frames)
            await asyncio.sleep(max(began + end / self._factor - time.time(), 0.0))
        async for _ in socket:
            pass
        return socket


def test_a_day_of_bluesky_arrives_and_memory_is_flat(tmp_path: Path) -> None:
    since, factor = time.time(), DAY / SECONDS
    server = Server(since, factor)
    server.start()
    server.ready.wait(10)
    child = Path(__file__).with_name("soak_child.py")
    done = subprocess.run(
        [sys.executable, str(child), str(tmp_path), server.url, str(since), str(factor)],
        env=os.environ | {"PYTHONPATH": str(ROOT)}, capture_output=True, text=True, timeout=600, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    found = json.loads(done.stdout.splitlines()[-1])
    sizes = found["memory"]
    quarter = len(sizes) // 4
    second, last = (max(sizes[start : start + quarter]) for start in (quarter, len(sizes) - quarter))
    figure = f"{found['posts']:,} posts kept of a day at {SHARE:g} of 40 a second, {(last - second) / 2**20:+.1f} MB"
    record("soak", figure, f"all, {GROWTH / 2**20:g} MB", ok=last - second <= GROWTH, seed=SEED)
    assert found["posts"] == server.wanted
    assert last - second <= GROWTH
