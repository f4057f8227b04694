"""The notify loop alone, until all is sent or held back: what test_alerts.py kills.

A warm parent: for each line that it reads, it forks a child that runs the loop so many hours later, says its number,
and then whether it ended (0), failed or was killed (-9). A mutant breaks a rule on purpose.
"""

from __future__ import annotations

import asyncio
import os
import random
import signal
import sys
from collections.abc import Callable, Collection
from contextlib import closing
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from tests.fault.killer import fork

from tocsin.alerts.budget import Rate
from tocsin.alerts.manners import Manners
from tocsin.clock import SystemClock
from tocsin.component import Context
from tocsin.notifiers.webhook import Config, Webhook
from tocsin.pipeline.notify import Courier, Couriers, Office
from tocsin.queues.memory import Config as MemoryConfig
from tocsin.queues.memory import Memory
from tocsin.state import State
from tocsin.state_outbox import Outbox, Outgoing
from tocsin.telemetry import Telemetry

MANNERS = {"hook": Manners(), "calm": Manners(rate=Rate.parse("2 per hour"))}
"""One gets each message, the other two an hour, and the rest together."""


class Later(SystemClock):
    """The machine's clock, some hours ahead."""

    def __init__(self, hours: int) -> None:
        self._ahead = timedelta(hours=hours)

    def now(self) -> datetime:
        return super().now() + self._ahead


def sent_before_the_send() -> None:
    """Marks a message as sent before it is: a kill in between loses it."""
    inner = Courier._send

    async def send(self: Courier, row: Outgoing) -> bool:
        self._office.state.sent(row.number, 0.0)
        return await inner(self, row)

    Courier._send = send  # type: ignore[method-assign]


def never_marked() -> None:
    """Forgets that a message was sent until the process ends: it comes again without end."""
    Outbox.sent = lambda *_: None  # type: ignore[method-assign]


def folded_in_two_steps() -> None:
    """Marks what was held back as told, and puts down what tells of it afterwards: a kill in between loses it."""

    def fold(self: Outbox, digest: Any, destination: str, rows: Collection[Outgoing], now: float) -> None:
        self._set([row.number for row in rows], state="folded")
        os.kill(os.getpid(), signal.SIGKILL)
        self.post(digest, destination, now)

    Outbox.fold = fold  # type: ignore[method-assign]


MUTANTS: dict[str, Callable[[], None]] = {
    "sent before the send": sent_before_the_send,
    "never marked": never_marked,
    "folded in two steps": folded_in_two_steps,
}


async def serve(folder: Path, url: str, hours: int) -> None:
    """Until nothing is left but what is held back."""
    clock = Later(hours)
    queue = Memory(MemoryConfig(), Context("queue", folder, clock))
    notifiers = {
        name: Webhook(Config(url=f"{url}/{name}", headers={}, allow_private=True), Context(name, folder, clock))
        for name in MANNERS
    }
    with closing(State(folder / "state.db")) as state:
        couriers = Couriers(notifiers, Office(state, queue, clock, random.Random(0), Telemetry()), MANNERS)
        await couriers.round()
        while any(one.number > one.held for one in state.waiting().values()):
            await couriers.round()


def main(folder: Path, url: str, mutant: str) -> None:
    for line in sys.stdin:
        hours = int(line)

        def work(hours: int = hours) -> None:
            if mutant:
                MUTANTS[mutant]()
            asyncio.run(serve(folder, url, hours))

        child = fork(work)
        print(child, flush=True)
        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], sys.argv[3])
