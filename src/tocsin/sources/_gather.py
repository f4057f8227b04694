"""What a connection brings, read ahead by a task of its own: a queue that is slow does not stall the socket."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing, suppress
from typing import Any, TypeVar

from tocsin.clock import Clock

READ_AHEAD = 10_000
"""Messages that may wait; then the socket is not read any more, and the platform's own buffer fills."""
MOST = 500
PAUSE = 0.1
"""Seconds in which more may come: a list an instant would be a flush an instant."""
T = TypeVar("T")


async def gather(
    messages: AsyncGenerator[T, None], clock: Clock, every: float = 1.0, most: int = MOST
) -> AsyncGenerator[list[T], None]:
    """Lists of messages, as many as come within a moment, at most `most`; an empty one after `every` seconds of none.

    Ends as `messages` do, with their error where there is one, once everything before it has been given.
    """
    waiting: asyncio.Queue[T] = asyncio.Queue(READ_AHEAD)
    reading = asyncio.ensure_future(_read(messages, waiting))
    try:
        while not (reading.done() and waiting.empty()):
            yield await _some(waiting, reading, clock, every, most)
        await reading
    finally:
        reading.cancel()
        with suppress(asyncio.CancelledError, Exception):
            await reading


async def _read(messages: AsyncGenerator[T, None], waiting: asyncio.Queue[T]) -> None:
    async with aclosing(messages) as coming:
        async for message in coming:
            await waiting.put(message)


async def merged(several: Sequence[AsyncGenerator[T, None]]) -> AsyncGenerator[T, None]:
    """What several generators bring, as it comes. Ends with the first that ends, as that one does."""
    waiting: asyncio.Queue[T] = asyncio.Queue(1)
    reading = [asyncio.ensure_future(_read(one, waiting)) for one in several]
    try:
        while not any(one.done() for one in reading):
            coming = asyncio.ensure_future(waiting.get())
            await asyncio.wait([coming, *reading], return_when=asyncio.FIRST_COMPLETED)
            if coming.done():
                yield coming.result()
            else:
                coming.cancel()
        await next(one for one in reading if one.done())
    finally:
        for one in reading:
            one.cancel()
        await asyncio.gather(*reading, return_exceptions=True)


async def _some(
    waiting: asyncio.Queue[T], reading: asyncio.Future[None], clock: Clock, every: float, most: int
) -> list[T]:
    if waiting.empty():
        first = asyncio.ensure_future(waiting.get())
        sleep = asyncio.ensure_future(clock.sleep(every))
        tasks: list[asyncio.Future[Any]] = [first, sleep, reading]
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            found = [first.result()] if first.done() and not first.cancelled() else []
        finally:
            for task in (first, sleep):
                task.cancel()
            await asyncio.gather(first, sleep, return_exceptions=True)
    else:
        found = [waiting.get_nowait()]
    if found and waiting.qsize() < most and not reading.done():
        await clock.sleep(PAUSE)
    while not waiting.empty() and len(found) < most:
        found.append(waiting.get_nowait())
    return found
