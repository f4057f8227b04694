"""R14: alerts. The process is killed around its sends; nothing is missed, and a crash repeats one message at most."""

from __future__ import annotations

import asyncio
import os
import random
import signal
import sys
from asyncio.subprocess import PIPE, Process
from collections import Counter
from contextlib import closing, suppress
from pathlib import Path

import msgspec
import pytest
from aiohttp import web
from tests.fault.alerts_child import MANNERS, MUTANTS
from tests.helpers.alerts import an_alert
from tests.helpers.faults import ROOT, SEED, by_length, record
from tests.helpers.site import serving

from tocsin.state import State

CRASHES = by_length(30, 300, 1000)
TOO_OFTEN = 40
"""Times that a message may come before the process is stopped: it would go on for ever."""
pytestmark = pytest.mark.timeout(by_length(300, 1_800, 7_200))


class Other:
    """The other side. It kills whoever speaks to it: before it has taken the message, after, a moment later, or not."""

    def __init__(self, chance: random.Random) -> None:
        self.chance, self.child, self.crashes = chance, 0, 0
        self.got = {name: Counter[str]() for name in MANNERS}
        """Destination -> how often each key came."""
        self.told = {name: set[str]() for name in MANNERS}
        """Destination -> the incidents that it was told of."""

    async def take(self, request: web.Request) -> web.StreamResponse:
        name, body = request.path.strip("/"), msgspec.json.decode(await request.read())
        fate = self.chance.choice(["before", "after", "later", "none", "none"])
        if fate == "before":
            self.kill()
            return web.Response(status=503)
        self.got[name][body["key"]] += 1
        incidents = [body["incident"]] if "incident" in body else body["digest"]["incidents"]
        self.told[name] |= {one["id"] for one in incidents}
        if fate == "after" or self.got[name][body["key"]] > TOO_OFTEN:
            self.kill()
        elif fate == "later":
            asyncio.get_running_loop().call_later(self.chance.uniform(0, 0.02), self.kill)
        return web.Response(status=204)

    def kill(self) -> None:
        if self.child:
            with suppress(ProcessLookupError):
                os.kill(self.child, signal.SIGKILL)

    async def run(self, parent: Process, hours: int) -> int:
        """One life of the process; how it ended."""
        assert parent.stdin is not None
        assert parent.stdout is not None
        parent.stdin.write(b"%d\n" % hours)
        self.child = int(await parent.stdout.readline())
        ended = int(await parent.stdout.readline())
        self.child = 0
        self.crashes += ended == -signal.SIGKILL
        return ended

    def repeats(self) -> int:
        """The most that any destination got twice."""
        return max(sum(got.values()) - len(got) for got in self.got.values())


async def played(folder: Path, crashes: int, mutant: str = "") -> tuple[Other, set[str]]:
    """Alerts posted in small lots until it has crashed often enough; their incidents, and what the other side got."""
    folder.mkdir()
    other, posted = Other(random.Random(SEED)), set[str]()
    async with serving() as site:
        site.handler = other.take
        command = ["-m", "tests.fault.alerts_child", str(folder), f"http://{site.host}", mutant]
        environ = {**os.environ, "PYTHONPATH": str(ROOT)}
        parent = await asyncio.create_subprocess_exec(sys.executable, *command, stdin=PIPE, stdout=PIPE, env=environ)
        with closing(State(folder / "state.db")) as state:
            hours = 0
            while other.crashes < crashes and other.repeats() <= other.crashes:
                hours += 1
                if not state.waiting():
                    post(state, posted)
                if await other.run(parent, hours) == 1:
                    break
            other.chance = Never()
            post(state, posted)
            while state.waiting() and other.repeats() <= other.crashes and hours < 40 * crashes:
                hours += 1
                if await other.run(parent, hours) == 1:
                    break
        assert parent.stdin is not None
        parent.stdin.close()
        await parent.wait()
    return other, posted


def post(state: State, posted: set[str]) -> None:
    """Six more alerts for each destination."""
    with state.transaction() as tx:
        for number in range(len(posted), len(posted) + 6):
            tx.post_alert(an_alert(number), list(MANNERS), 0.0)
            posted.add(an_alert(number).incident.id)


class Never(random.Random):
    """Kills nobody."""

    def choice(self, _: object) -> str:  # type: ignore[override]
        return "none"


async def test_a_crash_around_a_send_misses_nothing_and_repeats_one_message_at_most(tmp_path: Path) -> None:
    other, posted = await played(tmp_path / "right", CRASHES)
    missed = sum(len(posted - told) for told in other.told.values())
    figure = f"{other.crashes} crashes around {len(posted)} alerts: {missed} missed, {other.repeats()} repeats"
    record("R14", figure, "0 missed, a repeat a crash at most", not missed and other.repeats() <= other.crashes, SEED)
    assert other.crashes >= CRASHES
    assert missed == 0
    assert other.repeats() <= other.crashes
    assert any(key.startswith("held.") for key in other.got["calm"])


@pytest.mark.parametrize("mutant", MUTANTS)
async def test_a_planted_fault_is_seen(tmp_path: Path, mutant: str) -> None:
    other, posted = await played(tmp_path / "wrong", 8, mutant)
    missed = sum(len(posted - told) for told in other.told.values())
    assert missed or other.repeats() > other.crashes, f"nobody saw: {mutant}"
