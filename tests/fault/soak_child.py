"""Run by test_soak.py: a day of Bluesky into a real queue that somebody empties; prints its memory as it goes."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from contextlib import closing
from pathlib import Path

from tests.helpers.clocks import FlyingClock

from tocsin.component import Context
from tocsin.model import Post, decoder
from tocsin.pipeline.ingest import ingest
from tocsin.queues.sqlite import Config as QueueConfig
from tocsin.queues.sqlite import Sqlite
from tocsin.sources.jetstream import Config, Jetstream
from tocsin.telemetry import Telemetry

WATCHES = [{"name": "acme", "match": "acme OR #acme"}]
LAST = "the day is over, acme"


def memory() -> int:
    """Bytes that this process has resident."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


async def main(folder: Path, url: str, since: float, factor: float) -> None:
    clock = FlyingClock(since, factor)
    context = Context("bluesky", folder, clock=clock)
    source = Jetstream(Config.model_validate({"hosts": [url], "wire": "v1", "watches": WATCHES}), context)
    with closing(Sqlite(QueueConfig(low_space=0, ballast=0), Context("queue", folder))) as queue:
        running = asyncio.ensure_future(ingest(source, queue, context, Telemetry()))
        at = posts = 0
        over = False
        sizes = []
        while not over:
            await asyncio.sleep(0.1)
            found = await asyncio.to_thread(queue.read, at, 5000)
            for body in found.bodies:
                event = decoder.decode(body)
                if isinstance(event, Post):
                    posts += 1
                    over = over or event.text == LAST
            if found.offsets:
                at = found.offsets[-1]
                await asyncio.to_thread(queue.trim, at)
            sizes.append(memory())
            if running.done():
                running.result()
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
    print(json.dumps({"posts": posts, "memory": sizes}))


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), sys.argv[2], float(sys.argv[3]), float(sys.argv[4])))
