"""Notices that a live source has gone blind: neither posts nor heartbeats nor a word of its own for minutes.

A live source beats every 10 to 60 seconds, whatever it hears. Where nothing at all comes, the line is dead although
it may look open; what is not heard then is not silence. The word on it is a `Gap` in the log, like any other.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Literal

from tocsin.clock import Clock
from tocsin.model import Batch, Event, Gap

BLIND_SECONDS = 180.0
"""Three of the longest beats that a live source may leave between."""


class Listening:
    """What is known of one live source: when it was heard last, and whether its gap has been told.

    What a source missed that `mends` it says by gaps of its own: such a one ends "partial", others "lost".
    """

    def __init__(self, source: str, now: datetime, *, mends: bool = False) -> None:
        self._source, self._last, self._mends = source, now, mends
        self._open = False

    def heard(self, now: datetime) -> list[Event]:
        """The gap that ends now, if one was told; to be queued before what came."""
        was_blind, start, self._open, self._last = self._open, self._last, False, now
        state: Literal["partial", "lost"] = "partial" if self._mends else "lost"
        return [self._gap(start, now, state)] if was_blind and start < now else []

    def silent(self, now: datetime) -> list[Event]:
        """The gap that has begun, told once, when nothing was heard for `BLIND_SECONDS`."""
        if self._open or now - self._last < timedelta(seconds=BLIND_SECONDS):
            return []
        self._open = True
        return [self._gap(self._last, now, "open")]

    def _gap(self, start: datetime, end: datetime, state: Literal["open", "partial", "lost"]) -> Gap:
        name = self._source
        return Gap(
            source=name, stream=name, start=start, end=end, state=state, note="nothing heard, not even a heartbeat"
        )


async def attentive(batches: AsyncGenerator[Batch, None], clock: Clock | None) -> AsyncGenerator[Batch | None, None]:
    """The batches, and None each time that for `BLIND_SECONDS` there was none (never without a clock)."""
    if clock is None:
        async for batch in batches:
            yield batch
        return
    coming = asyncio.ensure_future(anext(batches))
    try:
        while True:
            waiting = asyncio.ensure_future(clock.sleep(BLIND_SECONDS))
            await asyncio.wait({coming, waiting}, return_when=asyncio.FIRST_COMPLETED)
            waiting.cancel()
            if not coming.done():
                yield None
                continue
            try:
                batch = coming.result()
            except StopAsyncIteration:
                return
            yield batch
            coming = asyncio.ensure_future(anext(batches))
    finally:
        coming.cancel()
        with suppress(asyncio.CancelledError, StopAsyncIteration):
            await coming
