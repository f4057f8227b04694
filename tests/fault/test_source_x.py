"""X under faults: every post that it matched arrives, or its loss is a gap; money and rules are kept meanwhile."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from tests.helpers.clocks import FlyingClock
from tests.helpers.faults import SEED, by_length
from tests.helpers.intake import ids, kill, take
from tests.helpers.serving import Serving

from tocsin.component import Context
from tocsin.model import Event, Gap
from tocsin.simulators import x as simulators
from tocsin.simulators._faults import Fault, script
from tocsin.simulators.x import ENDS, KINDS, ODD, REFUSALS, story
from tocsin.sources._x_search import MARGIN
from tocsin.sources.x import Config, X

POSTS = 100
KILLED = by_length(1, 100, 100)
RANDOM = by_length(8, 200, 1000)
WATCHES = [{"name": "acme", "match": "acme"}]
SCRIPTS = [
    *([Fault(kind, 30, 0.05)] for kind in (*ENDS, *ODD)),
    *([Fault("end", 20), Fault(kind, 20)] for kind in REFUSALS),
    [Fault("end", 1), Fault("reset", 2), Fault("end", 3)],
    [Fault("half", 20), Fault("503", 20), Fault("503", 20), Fault("429", 20)],
    [Fault("reset", 30), Fault("crowded", 30), Fault("crowded", 31)],
    [Fault("stall", 10), Fault("operational", 50)],
    [Fault(kind, 4 * number, 0.02) for number, kind in enumerate(KINDS, 1)],
]


def source(folder: Path, url: str, clock: FlyingClock, **options: object) -> X:
    values = {"token": "invented", "url": url, "max_cost_per_day": 1000, "timeout": "300ms", "heartbeat": "20s"}
    return X(Config.model_validate(values | {"watches": WATCHES} | options), Context("feed", folder, clock=clock))


def check(events: list[Event], simulator: simulators.X) -> None:
    """Search knows no reposts: one that came while nobody listened is lost, and its gap says so."""
    lost = simulator.matched - {id for id, _ in ids(events)}
    gaps = [event for event in events if isinstance(event, Gap) and event.state == "partial"]
    times = {one.id: one.at for one in simulator._told}
    assert lost <= simulator.reposts
    for id in lost:
        at = times[id]
        assert at is not None
        assert any(gap.start - at <= MARGIN and at <= gap.end for gap in gaps), id


async def plays(folder: Path, faults: list[Fault], seed: int = SEED) -> None:
    clock = FlyingClock(time.time())
    with Serving(simulators.X(story(seed, POSTS), faults, clock=clock)) as serving:
        simulator = serving.simulator
        reader = source(folder, simulator.url, clock)

        def enough(seen: set[str]) -> bool:
            return simulator.over and simulator.matched - seen <= simulator.reposts

        check(await take(reader, folder, enough, 0.5, clock), simulator)
        assert {value for value, _ in simulator.rules.values()} == {"acme"}


@pytest.mark.parametrize("number", range(len(SCRIPTS)))
async def test_every_post_arrives_or_its_loss_is_a_gap(tmp_path: Path, number: int) -> None:
    await plays(tmp_path, SCRIPTS[number])


@pytest.mark.parametrize("number", range(RANDOM))
async def test_every_post_arrives_in_any_script(tmp_path: Path, number: int) -> None:
    await plays(tmp_path, script(SEED + number, KINDS, POSTS), SEED + number)


async def read_on(folder: Path, url: str, since: str) -> None:
    clock = FlyingClock(float(since))
    await take(source(folder, url, clock), folder, lambda seen: False, clock=clock)


@pytest.mark.parametrize("faults", [[Fault("reset", 100)], *SCRIPTS][:KILLED])
async def test_killed_in_the_middle_it_searches_for_what_it_missed(tmp_path: Path, faults: list[Fault]) -> None:
    since = time.time()
    clock = FlyingClock(since)
    with Serving(simulators.X(story(SEED, 250), faults, pace=0.01, clock=clock)) as serving:
        simulator = serving.simulator
        for least in (30, 90):
            kill(__name__, tmp_path, simulator, least, since)

        def enough(seen: set[str]) -> bool:
            return simulator.over and simulator.matched - seen <= simulator.reposts

        check(await take(source(tmp_path, simulator.url, clock), tmp_path, enough, 0.5, clock), simulator)
