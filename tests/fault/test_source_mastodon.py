"""Mastodon under faults, over both wires: every status arrives, however the streams break."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from tests.helpers.clocks import FlyingClock
from tests.helpers.faults import SEED, by_length
from tests.helpers.intake import ids, kill, take
from tests.helpers.serving import Serving

from tocsin.component import Context
from tocsin.model import Delete, Event, Gap
from tocsin.simulators import mastodon as simulators
from tocsin.simulators._faults import Fault, script
from tocsin.simulators.mastodon import ENDS, KINDS, ODD, TOKEN, story
from tocsin.sources.mastodon import Config, Mastodon

STATUSES = 100
KILLED = by_length(1, 100, 100)
RANDOM = by_length(8, 200, 1000)
SCRIPTS = [
    *([Fault(kind, 30, 0.05)] for kind in (*ENDS, *ODD)),
    [Fault("end", 20), Fault("503", 20), Fault("429", 20), Fault("500", 21)],
    [Fault("reset", 1), Fault("end", 2), Fault("half", 3)],
    [Fault("restart", 30, 0.2), Fault("503", 31)],
    [Fault("stall", 10), Fault("stall", 50)],
    [Fault("reorder", 30), Fault("reset", 31), Fault("duplicates", 60)],
    [Fault("garbage", 10), Fault("broken status", 11), Fault("unknown", 12), Fault("split", 13)],
    [Fault("slow", 10, 0.2), Fault("end", 11), Fault("slow", 40, 0.2)],
    [Fault(kind, 5 * number, 0.02) for number, kind in enumerate(KINDS, 1)],
]


def source(folder: Path, url: str, clock: FlyingClock, **options: object) -> Mastodon:
    values = {"url": url, "token": TOKEN, "streams": ["public"], "timeout": "300ms", "heartbeat": "20s"} | options
    return Mastodon(Config.model_validate(values), Context("feed", folder, clock=clock))


def check(events: list[Event], simulator: simulators.Mastodon) -> None:
    assert {id for id, _ in ids(events)} >= simulator.matched
    deleted = {event.uid for event in events if isinstance(event, Delete)}
    assert not {f"feed:{id}" for id in simulator.matched} & deleted
    gaps: dict[object, str] = {event.start: event.state for event in events if isinstance(event, Gap)}
    assert set(gaps.values()) <= {"filled"}


async def plays(folder: Path, faults: list[Fault], wire: str, seed: int = SEED) -> None:
    clock = FlyingClock(time.time(), 50)
    simulator = simulators.Mastodon(story(seed, STATUSES), faults, clock=clock, sockets=wire == "websocket")
    with Serving(simulator):

        def enough(seen: set[str]) -> bool:
            return simulator.over and simulator.matched <= seen

        check(await take(source(folder, simulator.url, clock), folder, enough, 0.3, clock), simulator)


@pytest.mark.parametrize("wire", ["websocket", "events"])
@pytest.mark.parametrize("number", range(len(SCRIPTS)))
async def test_every_status_arrives(tmp_path: Path, number: int, wire: str) -> None:
    await plays(tmp_path, SCRIPTS[number], wire)


@pytest.mark.parametrize("number", range(RANDOM))
async def test_every_status_arrives_in_any_script(tmp_path: Path, number: int) -> None:
    seed = SEED + number
    await plays(tmp_path, script(seed, KINDS, STATUSES), "events" if number % 2 else "websocket", seed)


async def read_on(folder: Path, url: str, since: str) -> None:
    clock = FlyingClock(float(since), 50)
    await take(source(folder, url, clock), folder, lambda seen: False, clock=clock)


@pytest.mark.parametrize("faults", [[Fault("reset", 100)], *SCRIPTS][:KILLED])
async def test_killed_in_the_middle_it_reads_what_it_missed(tmp_path: Path, faults: list[Fault]) -> None:
    since = time.time()
    clock = FlyingClock(since, 50)
    with Serving(simulators.Mastodon(story(SEED, 250), faults, pace=0.01, clock=clock)) as serving:
        simulator = serving.simulator
        for least in (30, 90):
            kill(__name__, tmp_path, simulator, least, since)

        def enough(seen: set[str]) -> bool:
            return simulator.over and simulator.matched <= seen

        check(await take(source(tmp_path, simulator.url, clock), tmp_path, enough, 0.5, clock), simulator)
