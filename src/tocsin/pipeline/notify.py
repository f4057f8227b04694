"""The fourth loop: the outbox, to people. Twice rather than never; the alert's key makes a repeat harmless.

A send that fails for now is tried again after a growing, jittered wait; after 24 hours, or when the other side
says that it will never take it, the alert becomes a dead letter.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Mapping
from datetime import UTC, datetime

import msgspec

from tocsin.clock import Clock
from tocsin.component import Notifier, Queue
from tocsin.errors import Permanent, Transient
from tocsin.model import DeadLetter
from tocsin.net import backoff
from tocsin.state import Outgoing, State
from tocsin.telemetry import Telemetry

log = logging.getLogger(__name__)

BASE_SECONDS, CAP_SECONDS = 5.0, 3600.0
GIVE_UP_SECONDS = 24 * 3600.0
SEND_SECONDS = 60.0


async def notify(
    state: State,
    notifiers: Mapping[str, Notifier],
    queue: Queue,
    clock: Clock,
    chance: random.Random,
    telemetry: Telemetry,
) -> int:
    """Send what is due; how many alerts were tried. Raises nothing: every outcome is in the outbox."""
    due = await asyncio.to_thread(state.due, clock.now().timestamp())
    for row in due:
        await _send(row, state, notifiers, queue, clock, chance, telemetry)
    return len(due)


async def _send(
    row: Outgoing,
    state: State,
    notifiers: Mapping[str, Notifier],
    queue: Queue,
    clock: Clock,
    chance: random.Random,
    telemetry: Telemetry,
) -> None:
    now = clock.now().timestamp()
    try:
        notifier = notifiers.get(row.destination)
        if notifier is None:
            raise Permanent(f"the config has no destination {row.destination!r} any more")
        await asyncio.wait_for(notifier.send(row.alert), SEND_SECONDS)
    except (Transient, TimeoutError) as fault:
        reason = str(fault) or f"no answer within {SEND_SECONDS:g} s"
        if now - row.created < GIVE_UP_SECONDS:
            asked = fault.retry_after if isinstance(fault, Transient) else None
            wait = asked or backoff(row.attempts + 1, chance, BASE_SECONDS, CAP_SECONDS)
            log.warning("Alert %s to %s: %s. Trying again in %.0f s.", row.alert.key, row.destination, reason, wait)
            await asyncio.to_thread(state.failed, row.number, reason, now + wait)
            telemetry.sent(row.destination, "retry")
            return
        await _give_up(row, f"not delivered for 24 hours; last: {reason}", state, queue, now, telemetry)
    except Permanent as fault:
        await _give_up(row, str(fault), state, queue, now, telemetry)
    else:
        await asyncio.to_thread(state.sent, row.number)
        telemetry.sent(row.destination, "delivered")


async def _give_up(row: Outgoing, reason: str, state: State, queue: Queue, now: float, telemetry: Telemetry) -> None:
    log.error("Alert %s to %s is undeliverable: %s.", row.alert.key, row.destination, reason)
    letter = DeadLetter(
        source=row.destination,
        stage="notify",
        reason=reason,
        place=f"{row.alert.key} to {row.destination}",
        body=msgspec.json.encode(row.alert),
        at=datetime.fromtimestamp(now, UTC),
    )
    await asyncio.to_thread(queue.bury, [letter])
    await asyncio.to_thread(state.failed, row.number, reason, None)
    telemetry.sent(row.destination, "dead")
    telemetry.dead("notify", 1)
