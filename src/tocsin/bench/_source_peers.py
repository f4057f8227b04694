"""Run by the Python of the peers, with their libraries alone: what each makes of the same streams, per CPU second."""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import Callable, Coroutine
from typing import Any

import httpx
import tweepy
from tweepy.asynchronous import AsyncStreamingClient
from websockets.asyncio.client import connect

_SECONDS: dict[str, float] = {}
"""What a way took by its own count."""
STREAM = "/2/tweets/search/stream"


async def httpx_lines(url: str) -> int:
    """Received only; it cuts lines at U+2028 too."""
    count = 0
    async with httpx.AsyncClient(timeout=None) as client, client.stream("GET", f"{url}{STREAM}") as response:
        async for line in response.aiter_lines():
            count += bool(line)
    return count


async def httpx_parsed(url: str) -> int:
    count = 0
    async with httpx.AsyncClient(timeout=None) as client, client.stream("GET", f"{url}{STREAM}") as response:
        async for line in response.aiter_lines():
            count += bool(line and json.loads(line))
    return count


async def tweepy_parsed(url: str) -> int:
    """tweepy's own parser: `json.loads` and its objects, for each line of a stream that was received before."""

    class Counting(AsyncStreamingClient):  # type: ignore[misc]
        count = 0

        async def on_tweet(self, tweet: tweepy.Tweet) -> None:
            del tweet
            self.count += 1

    client = Counting("invented")
    async with httpx.AsyncClient(timeout=None) as session:
        body = (await session.get(f"{url}{STREAM}")).content
    began = time.process_time()
    for line in body.split(b"\r\n"):
        if line:
            await client.on_data(line)
    _SECONDS[tweepy_parsed.__name__] = time.process_time() - began
    return client.count


async def websockets_received(url: str) -> int:
    async with connect(f"{url.replace('http', 'ws', 1)}/subscribe", max_size=None) as socket:
        return sum([1 async for _ in socket])


async def websockets_parsed(url: str) -> int:
    async with connect(f"{url.replace('http', 'ws', 1)}/subscribe", max_size=None) as socket:
        return sum([bool(json.loads(message)) async for message in socket])


Way = Callable[[str], Coroutine[Any, Any, int]]
WAYS: dict[str, tuple[Way, ...]] = {
    "x": (httpx_lines, httpx_parsed, tweepy_parsed),
    "jetstream": (websockets_received, websockets_parsed),
}


def rate(way: Way, url: str) -> int:
    began = time.process_time()
    count = asyncio.run(way(url))
    seconds = _SECONDS.get(way.__name__) or time.process_time() - began
    return round(count / seconds)


def main(url: str, rounds: int) -> None:
    found = {
        name: {way.__name__: sorted(rate(way, url) for _ in range(rounds))[rounds // 2] for way in ways}
        for name, ways in WAYS.items()
    }
    print(json.dumps(found))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
