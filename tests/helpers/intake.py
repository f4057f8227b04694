"""A source under the real intake loop, into a real queue, until the queue has what it must."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from tests.helpers.faults import ROOT
from tocsin.clock import Clock, SystemClock
from tocsin.component import Context, Source
from tocsin.model import Event, Post, decoder
from tocsin.pipeline import ingest
from tocsin.queues.sqlite import Config, Sqlite
from tocsin.simulators._simulator import Simulator
from tocsin.telemetry import Telemetry

NAME = "feed"
PATIENCE = 30.0


def queue_in(folder: Path) -> Sqlite:
    return Sqlite(Config(low_space=0, ballast=0), Context("queue", folder))


def queued(folder: Path) -> list[Event]:
    """Everything that the queue of a folder has, in order."""
    with closing(queue_in(folder)) as queue:
        found = queue.read(0, 1_000_000)
        return [decoder.decode(body) for body in found.bodies]


CHILD = """
import asyncio, importlib, sys
from pathlib import Path
asyncio.run(importlib.import_module(sys.argv[1]).read_on(Path(sys.argv[2]), *sys.argv[3:]))
"""


def kill(module: str, folder: Path, simulator: Simulator, least: int, *arguments: object) -> None:
    """Let the module's `read_on` read into this folder in a process of its own, and kill it once so much is sent."""
    command = [sys.executable, "-c", CHILD, module, str(folder), simulator.url, *map(str, arguments)]
    child = subprocess.Popen(command, env=os.environ | {"PYTHONPATH": str(ROOT)})
    end = time.monotonic() + PATIENCE
    while simulator.sent.total() < least and time.monotonic() < end:
        time.sleep(0.001)
    assert child.poll() is None, "it ended by itself"
    child.send_signal(signal.SIGKILL)
    child.wait(10)


def ids(events: list[Event]) -> Counter[tuple[str, int]]:
    """Native ids and versions of the posts among events."""
    return Counter((event.id, event.version) for event in events if isinstance(event, Post))


async def take(
    source: Source, folder: Path, enough: Callable[[set[str]], bool], linger: float = 0.0, clock: Clock | None = None
) -> list[Event]:
    """Read until `enough` says so of the native ids of posts that are queued, and so many seconds more.

    Raises TimeoutError.
    """
    with closing(queue_in(folder)) as queue:
        context = Context(NAME, folder, clock=clock or SystemClock())
        running = asyncio.ensure_future(ingest(source, queue, context, Telemetry()))
        try:
            async with asyncio.timeout(PATIENCE):
                seen, at = set[str](), 0
                while not enough(seen):
                    await asyncio.sleep(0.02)
                    found = queue.read(at, 10_000)
                    at = max(found.offsets, default=at)
                    events = [decoder.decode(body) for body in found.bodies]
                    seen |= {event.id for event in events if isinstance(event, Post)}
                    if running.done():
                        running.result()
                await asyncio.sleep(linger)
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)
    return queued(folder)
