"""The first loop: a source, from its cursor, into the queue.

Events and the source's cursor go into the queue in one transaction; the source is resumed only then.
"""

from __future__ import annotations

import asyncio
import logging
from contextlib import aclosing
from datetime import datetime

import msgspec

from tocsin.capabilities import Mending, Priced
from tocsin.component import Context, Queue, Source
from tocsin.errors import Transient
from tocsin.model import Batch, DeadLetter, Event, Post, encoder
from tocsin.net import backoff
from tocsin.pipeline.listening import Listening, attentive
from tocsin.records import event_time
from tocsin.telemetry import Telemetry
from tocsin.text import storable

log = logging.getLogger(__name__)

BASE_SECONDS, CAP_SECONDS = 0.5, 60.0
PAUSE_SECONDS = 2.0
"""How long a source may stand still, at most, after the queue has room again."""


async def ingest(source: Source, queue: Queue, context: Context, telemetry: Telemetry) -> None:
    """Read `source` until it ends, or for ever if it is not finite. Raises Permanent if it cannot be read at all.

    A Transient fault of the source is waited out and the source opened again at its cursor.
    """
    attempt = 0
    listening = Listening(context.name, context.clock.now(), mends=isinstance(source, Mending))
    clock = context.clock if source.live and not source.finite else None
    while True:
        try:
            cursor = await asyncio.to_thread(queue.cursor, context.name)
            async with aclosing(source.read(cursor)) as read, aclosing(attentive(read, clock)) as batches:
                async for batch in batches:
                    now = context.clock.now()
                    words = listening.silent(now) if batch is None else listening.heard(now)
                    if words:
                        await _put(queue, Batch(events=words), context, telemetry)
                    if batch is not None:
                        await _put(queue, admit(batch, now, live=source.live), context, telemetry)
                        attempt = 0
                        if isinstance(source, Priced):
                            telemetry.cost(context.name, source.spent_today)
            return
        except Transient as fault:
            attempt += 1
            wait = fault.retry_after or backoff(attempt, context.random, BASE_SECONDS, CAP_SECONDS)
            telemetry.retried("ingest", context.name)
            if clock and (words := listening.silent(context.clock.now())):
                await _put(queue, Batch(events=words), context, telemetry)
            log.warning("Source %s: %s. Trying again in %.1f s.", context.name, fault, wait)
            await context.clock.sleep(wait)


async def _put(queue: Queue, batch: Batch, context: Context, telemetry: Telemetry) -> None:
    """Wait until the queue has room, then put; the source stands still meanwhile."""
    attempt = 0
    while True:
        try:
            await asyncio.to_thread(queue.put, context.name, batch)
            break
        except Transient as fault:
            attempt += 1
            if attempt == 1:
                log.warning("Source %s is paused: %s.", context.name, fault)
            wait = backoff(attempt, context.random, BASE_SECONDS, PAUSE_SECONDS)
            telemetry.paused(context.name, wait)
            await context.clock.sleep(wait)
    if attempt:
        log.info("Source %s goes on.", context.name)
    telemetry.received(context.name, batch)


def admit(batch: Batch, now: datetime, *, live: bool) -> Batch:
    """The batch as it may enter: text that can be stored, times that can be believed; the rest as dead letters."""
    events: list[Event] = []
    dead: list[DeadLetter] = list(batch.dead)
    for event in batch.events:
        if not isinstance(event, Post):
            events.append(event)
            continue
        post = _storable(event)
        time = event_time(post.created_at, post.received_at, live=live)
        if time is None:
            dead.append(_implausible(post, now))
        else:
            events.append(post if time == post.created_at else msgspec.structs.replace(post, event_time=time))
    return Batch(events=events, cursor=batch.cursor, dead=dead)


def _storable(post: Post) -> Post:
    text = storable(post.text)
    return post if text == post.text else msgspec.structs.replace(post, text=text)


def _implausible(post: Post, now: datetime) -> DeadLetter:
    when = "no time" if post.created_at is None else f"the time {post.created_at.isoformat()}"
    return DeadLetter(
        source=post.source,
        stage="ingest",
        reason=f"the post has {when}; a replayed post needs one between 1990 and now",
        place=post.uid,
        body=encoder.encode(post),
        at=now,
    )
