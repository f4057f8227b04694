"""How fast live sources take in what a platform sends, beside plain clients that only receive or parse.

Everything is on loopback and in memory: a server in a process of its own sends what was made beforehand. Peers (httpx,
websockets, tweepy) run in the same minutes by the Python that `peers` names; `make bench-sources` makes one.
"""

from __future__ import annotations

import asyncio
import json
import multiprocessing
import subprocess
import time
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing, closing
from multiprocessing.connection import Connection
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import aiohttp
import msgspec

from tocsin.component import Context, Source
from tocsin.errors import Transient
from tocsin.model import Batch
from tocsin.pipeline.ingest import admit
from tocsin.queues.sqlite import Config as QueueConfig
from tocsin.queues.sqlite import Sqlite
from tocsin.sources import jetstream, x

WATCHES = [{"name": "acme", "match": "acme OR #acme"}, {"name": "rail", "match": '"acme rail" lang:en'}]
SHARE = 50
"""One post in so many of Bluesky is about a watch. X sends nothing else."""
ROUNDS = 3
STREAM = "/2/tweets/search/stream"


def run(events: int = 100_000, seed: int = 0, peers: Path | None = None) -> dict[str, Any]:
    """Events per CPU second of this process, the median of three rounds in turn, and as ratios to ours.

    `jetstream` and `x`: received, decoded, matched against two watches (by X itself) and queued, every batch flushed.
    The others: `received` by aiohttp and not looked at; `json_loads` and `msgspec` parse only; and what `peers` has.
    """
    frames, lines = _frames(events, seed), _lines(events, seed)
    with _Server(frames, lines) as url:
        ways: dict[str, dict[str, Callable[[], int]]] = {
            "jetstream": {
                "ours": lambda: asyncio.run(_take(_jetstream, url, events)),
                "received": lambda: asyncio.run(_received_frames(url)),
                **_parsed(frames),
            },
            "x": {
                "ours": lambda: asyncio.run(_take(_x, url, events)),
                "received": lambda: asyncio.run(_received_lines(url)),
                **_parsed(lines),
            },
        }
        rounds = [
            {name: {way: _rate(go) for way, go in some.items()} for name, some in ways.items()} for _ in range(ROUNDS)
        ]
        rates = {
            name: {way: sorted(one[name][way] for one in rounds)[ROUNDS // 2] for way in some}
            for name, some in ways.items()
        }
        found: dict[str, Any] = {"events": events, "bytes": {"jetstream": len(frames[0]), "x": len(lines[0])}}
        if peers is not None and peers.is_file():
            for name, some in _peers(peers, url).items():
                rates[name] |= some
        elif peers is not None:
            found["peers"] = f"left out: there is no {peers}; make bench-sources makes it"
    against = {
        name: {way: round(some["ours"] / rate, 2) for way, rate in some.items() if way != "ours"}
        for name, some in rates.items()
    }
    return found | {"per_cpu_second": rates, "ours_against": against}


def _parsed(messages: list[bytes]) -> dict[str, Callable[[], int]]:
    return {
        "json_loads": lambda: sum(1 for message in messages if json.loads(message)),
        "msgspec": lambda: sum(1 for message in messages if msgspec.json.decode(message)),
    }


def _peers(python: Path, url: str) -> dict[str, dict[str, int]]:
    script = Path(__file__).parent / "_source_peers.py"
    done = subprocess.run(
        [str(python), "-P", str(script), url, str(ROUNDS)], capture_output=True, text=True, check=True
    )
    found: dict[str, dict[str, int]] = json.loads(done.stdout)
    return found


def _rate(way: Callable[[], int]) -> int:
    began = time.process_time()
    count = way()
    return round(count / (time.process_time() - began))


def _frames(events: int, seed: int) -> list[bytes]:
    from tocsin.simulators import jetstream

    texts = [
        "acme rail is late again, we are stuck",
        *["a quiet day in the garden, nothing to report here"] * (SHARE - 1),
    ]
    told = jetstream.story(seed, round(events * 1.4) + 10, texts=texts)
    made = [jetstream.frame(one, number, "v1") for number, one in enumerate(told) if one.kind == "create"]
    return made[:events]


def _lines(events: int, seed: int) -> list[bytes]:
    """Lines of X, of the size that they have with all that is asked for."""
    from datetime import UTC, datetime, timedelta

    from tocsin.simulators import x as simulators

    told = simulators.story(seed, min(events, 5_000), ["@acme rail is late again, we are stuck #fail https://t.co/x"])
    server = simulators.X(told)
    server.rules = {"1": ("acme OR #acme", "tocsin:bench:acme"), "2": ('"acme rail" lang:en', "tocsin:bench:rail")}
    start = datetime.now(UTC)  # noqa: TID251 - posts must be of about now to be believed
    topic = {"domain": {"id": "46", "name": "Business"}, "entity": {"id": "1", "name": "Travel"}}
    for number, one in enumerate(told):
        one.at, one.id = start - timedelta(milliseconds=len(told) - number), str(2 * 10**18 + number)
        one.history = [one.id]
    made = []
    for one in told:
        line = msgspec.json.decode(server.line(one))
        line["data"] |= {"conversation_id": one.id, "context_annotations": [topic] * 12}
        made.append(msgspec.json.encode(line))
    few = len(told)
    return [
        made[number % few].replace(told[number % few].id.encode(), str(2 * 10**18 + number).encode())
        for number in range(events)
    ]


class _Server:
    """A process that sends everything to whoever comes, and then closes."""

    def __init__(self, frames: list[bytes], lines: list[bytes]) -> None:
        self._here, there = multiprocessing.Pipe()
        context = multiprocessing.get_context("fork")
        self._process = context.Process(target=_serve, args=(there, frames, lines), daemon=True)

    def __enter__(self) -> str:
        self._process.start()
        return f"http://127.0.0.1:{self._here.recv()}"

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.join()


def _serve(there: Connection, frames: list[bytes], lines: list[bytes]) -> None:
    from aiohttp import web

    texts = [frame.decode() for frame in frames]
    ended = [line + b"\r\n" for line in lines]
    names = ("acme", "rail")
    rules = [
        {"id": str(number), "value": value, "tag": f"tocsin:bench:{name}"}
        for number, (name, value) in enumerate(zip(names, ("acme OR #acme", '"acme rail" lang:en'), strict=True), 1)
    ]

    async def subscribe(request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        for text in texts:
            await socket.send_str(text)
        await socket.close()
        return socket

    async def stream(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        for line in ended:
            await response.write(line)
        return response

    async def known(_: web.Request) -> web.Response:
        return web.json_response({"data": rules})

    async def serve() -> None:
        app = web.Application()
        app.add_routes([web.get("/subscribe", subscribe), web.get(STREAM, stream), web.get(f"{STREAM}/rules", known)])
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        there.send(runner.addresses[0][1])
        await asyncio.Event().wait()

    asyncio.run(serve())


def _jetstream(url: str, context: Context) -> Source:
    config = jetstream.Config.model_validate({"hosts": [url], "wire": "v1", "watches": WATCHES})
    return jetstream.Jetstream(config, context)


def _x(url: str, context: Context) -> Source:
    values = {"url": url, "token": "invented", "max_cost_per_day": 1e9, "refuse": False, "watches": WATCHES}
    return x.X(x.Config.model_validate(values), context)


async def _take(make: Callable[[str, Context], Source], url: str, events: int) -> int:
    """As the ingesting loop does it, into a real queue."""
    with TemporaryDirectory(prefix="tocsin-bench-") as folder:
        context = Context("bench", Path(folder))
        source = make(url, context)
        with closing(Sqlite(QueueConfig(low_space=0, ballast=0), Context("queue", Path(folder)))) as queue:
            async for batch in _until_cut(source):
                await asyncio.to_thread(queue.put, "bench", admit(batch, context.clock.now(), live=True))
    return events


async def _until_cut(source: Source) -> AsyncGenerator[Batch, None]:
    try:
        async with aclosing(source.read(None)) as batches:
            async for batch in batches:
                yield batch
    except Transient:
        return


async def _received_frames(url: str) -> int:
    async with aiohttp.ClientSession() as session, session.ws_connect(f"{url}/subscribe") as socket:
        return sum([1 async for _ in socket])


async def _received_lines(url: str) -> int:
    count = 0
    async with aiohttp.ClientSession() as session, session.get(f"{url}{STREAM}") as response:
        async for piece in response.content.iter_any():
            count += piece.count(b"\n")
    return count
