"""The fourth loop: the outbox, to people. Twice rather than never; the message's key makes a repeat harmless.

Each destination is served by itself, so that one that hangs delays no other. A send that fails for now is tried again
after a growing, jittered wait, and a destination that keeps failing is left alone for a while; after 24 hours, or when
the other side says that it will never take it, the message becomes a dead letter. What comes in quiet hours, under a
silence, or faster than a destination wants, is held back and told together (sorting.py). The messages of an incident
come in order.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

import msgspec

from tocsin.alerts.manners import Manners
from tocsin.component import Notifier
from tocsin.errors import Permanent, Transient
from tocsin.model import DeadLetter
from tocsin.models._breaker import Breaker
from tocsin.net import backoff
from tocsin.pipeline.sorting import Office, Sorting
from tocsin.state_outbox import Outgoing

__all__ = ["Courier", "Couriers", "Office"]

log = logging.getLogger(__name__)

BASE_SECONDS, CAP_SECONDS = 5.0, 3600.0
GIVE_UP_SECONDS, GIVE_UP_TRIES = 24 * 3600.0, 10
"""Both: a clock that is set forward a day gives nothing up."""
SEND_SECONDS = 60.0


class Courier:
    """Serves one destination."""

    def __init__(self, name: str, notifier: Notifier | None, manners: Manners, office: Office) -> None:
        self.name, self._notifier, self._office = name, notifier, office
        self._sorting = Sorting(name, manners, office, folds=getattr(notifier, "takes_digests", True))
        self._breaker = Breaker(name, office.clock)

    async def deliver(self) -> int:
        """Send what is due; how many messages were tried. Raises nothing of a send: every outcome is in the outbox."""
        office = self._office
        office.alive(self.name)
        await asyncio.to_thread(self._sorting.prepare)
        tried, stuck = 0, set[str]()
        for row in await asyncio.to_thread(office.state.due, office.now, self.name):
            if row.incident in stuck or not await asyncio.to_thread(self._sorting.may_go, row):
                continue
            if await self._rests():
                break
            tried += 1
            if not await self._send(row) and row.incident is not None:
                stuck.add(row.incident)
            office.alive(self.name)
        return tried

    async def _rests(self) -> bool:
        """Whether the destination is left alone; what is due then waits for its end."""
        try:
            self._breaker.check()
        except Transient as rest:
            until = self._office.now + (rest.retry_after or 1.0)
            await asyncio.to_thread(self._office.state.postpone, self.name, until)
            return True
        return False

    async def _send(self, row: Outgoing) -> bool:
        """Whether the message has come to its end: taken, or dead."""
        try:
            if self._notifier is None:
                raise Permanent(f"the config has no destination {self.name!r} any more")
            await asyncio.wait_for(self._notifier.send(row.message), SEND_SECONDS)
        except Permanent as fault:
            self._breaker.ok()
            await self._give_up(row, str(fault))
        except Transient as fault:
            return await self._again(row, fault)
        except TimeoutError:
            return await self._again(row, Transient(f"no answer within {SEND_SECONDS:g} s"))
        except Exception as bug:
            log.exception("The notifier of %s failed.", self.name)
            return await self._again(row, Transient(f"the notifier failed: {type(bug).__name__}"))
        else:
            self._breaker.ok()
            await asyncio.to_thread(self._office.state.sent, row.number, self._office.now)
            self._office.telemetry.sent(self.name, "delivered")
        self._office.telemetry.resting(self.name, rests=False)
        return True

    async def _again(self, row: Outgoing, fault: Transient) -> bool:
        """Whether it has failed for too long."""
        office, key = self._office, row.message.key
        self._breaker.failed(fault)
        office.telemetry.resting(self.name, rests=self._breaker.rests)
        waited = office.now - max(row.created, row.held or 0.0)
        if waited >= GIVE_UP_SECONDS and row.attempts + 1 >= GIVE_UP_TRIES:
            await self._give_up(row, f"not delivered for 24 hours; last: {fault}")
            return True
        wait = fault.retry_after or backoff(row.attempts + 1, office.chance, BASE_SECONDS, CAP_SECONDS)
        log.warning("Alert %s to %s: %s. Trying again in %.0f s.", key, self.name, fault, wait)
        await asyncio.to_thread(office.state.failed, row.number, str(fault), office.now + wait)
        office.telemetry.sent(self.name, "retry")
        return False

    async def _give_up(self, row: Outgoing, reason: str) -> None:
        office, key = self._office, row.message.key
        log.error("Alert %s to %s is undeliverable: %s.", key, self.name, reason)
        letter = DeadLetter(
            source=self.name,
            stage="notify",
            reason=reason,
            place=f"{key} to {self.name}",
            body=msgspec.json.encode(row.message),
            at=datetime.fromtimestamp(office.now, UTC),
        )
        await asyncio.to_thread(office.queue.bury, [letter])
        await asyncio.to_thread(office.state.failed, row.number, reason, None)
        office.telemetry.sent(self.name, "dead")
        office.telemetry.dead("notify", 1)


@dataclass
class Couriers:
    """One for each destination, and for those that messages wait for though the config has them no more."""

    notifiers: Mapping[str, Notifier]
    office: Office
    manners: Mapping[str, Manners] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.each = [self._one(name, notifier) for name, notifier in self.notifiers.items()]
        self._gone: dict[str, Courier] = {}

    def _one(self, name: str, notifier: Notifier | None) -> Courier:
        return Courier(name, notifier, self.manners.get(name, Manners()), self.office)

    async def round(self) -> int:
        """Let each deliver once, all at the same time; how many messages were tried."""
        return sum(await asyncio.gather(self.clear(), *(courier.deliver() for courier in self.each)))

    async def clear(self) -> int:
        """What is addressed to destinations that are no more becomes dead letters; what waits is measured."""
        waiting = await asyncio.to_thread(self.office.state.waiting)
        for name in self.notifiers:
            since = waiting[name].since if name in waiting else self.office.now
            self.office.telemetry.outbox(name, waiting[name].number if name in waiting else 0, self.office.now - since)
        gone = sorted(set(waiting) - set(self.notifiers))
        return sum([await self._gone.setdefault(name, self._one(name, None)).deliver() for name in gone])
