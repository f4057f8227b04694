"""Jetstream under faults: whatever breaks, every post arrives, once after de-duplication, or its loss is a gap."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.helpers.faults import SEED, by_length
from tests.helpers.intake import ids, kill, take
from tests.helpers.serving import Serving

from tocsin.component import Context
from tocsin.model import Delete, Event, Gap, Post
from tocsin.simulators import jetstream as simulators
from tocsin.simulators._faults import Fault, script
from tocsin.simulators.jetstream import KINDS, story
from tocsin.sources.jetstream import Config, Jetstream

EVENTS = 150
KILLED = by_length(1, 100, 100)
RANDOM = by_length(8, 200, 1000)
SCRIPTS = [
    *([Fault(kind, 40, 0.1)] for kind in KINDS),
    [Fault("reset", 0)],
    [Fault("end", 1), Fault("end", 2), Fault("end", 3)],
    [Fault("restart", 30, 0.3), Fault("503", 30), Fault("429", 31)],
    [Fault("garbage", 20), Fault("half", 21), Fault("broken post", 60)],
    [Fault("reorder", 50), Fault("reset", 52), Fault("duplicates", 60)],
    [Fault("stall", 10), Fault("stall", 70)],
    [Fault("slow", 10, 0.3), Fault("reorder", 20), Fault("restart", 90, 0.1)],
    [Fault(kind, 10 * number, 0.05) for number, kind in enumerate(KINDS, 1)],
]


def source(folder: Path, url: str, **options: object) -> Jetstream:
    values = {"hosts": [url], "timeout": "300ms", "heartbeat": "200ms", "history": "1h"} | options
    return Jetstream(Config.model_validate(values), Context("feed", folder))


def check(events: list[Event], simulator: simulators.Jetstream) -> None:
    found = ids(events)
    assert {id for id, _ in found} - {"at://did:plc:broken"} >= simulator.matched
    assert max(found.values()) == 1, "the cursor knows what came twice"
    deleted = {event.uid for event in events if isinstance(event, Delete) and event.uid}
    assert {uid.removeprefix("feed:") for uid in deleted} <= simulator.deleted


async def plays(folder: Path, faults: list[Fault], wire: str, seed: int = SEED) -> None:
    with Serving(simulators.Jetstream(story(seed, EVENTS), faults, pace=0.0005)) as serving:
        simulator = serving.simulator
        reader = source(folder, simulator.url, wire=wire)
        check(await take(reader, folder, simulator.matched.issubset), simulator)


@pytest.mark.parametrize("wire", ["v1", "v2"])
@pytest.mark.parametrize("number", range(len(SCRIPTS)))
async def test_every_post_arrives_once(tmp_path: Path, number: int, wire: str) -> None:
    await plays(tmp_path, SCRIPTS[number], wire)


@pytest.mark.parametrize("number", range(RANDOM))
async def test_every_post_arrives_once_in_any_script(tmp_path: Path, number: int) -> None:
    seed = SEED + number
    await plays(tmp_path, script(seed, KINDS, EVENTS), "v1" if number % 2 else "v2", seed)


@pytest.mark.parametrize("wire", ["v1", "v2"])
async def test_what_the_server_has_forgotten_is_a_gap(tmp_path: Path, wire: str) -> None:
    told = story(SEED, EVENTS, step_us=2_000_000)
    with Serving(simulators.Jetstream(told, [Fault("forgets", 30, 0.06)], pace=0.001)) as serving:
        simulator = serving.simulator
        last = max((one.time_us, one.uri) for one in told if one.uri in simulator.matched)[1]
        events = await take(source(tmp_path, simulator.url, wire=wire), tmp_path, lambda seen: last in seen, linger=1.5)
    found = {id for id, _ in ids(events)}
    lost = simulator.matched - found
    gaps = [event for event in events if isinstance(event, Gap) and event.state == "partial"]
    times = {one.uri: one.time_us for one in told if one.kind == "create"}
    assert lost, "the script loses posts"
    for uri in lost:
        assert any(gap.start.timestamp() * 1e6 <= times[uri] <= gap.end.timestamp() * 1e6 for gap in gaps), uri


async def test_a_long_break_is_a_gap_that_is_filled(tmp_path: Path) -> None:
    """The story's clock is months ago, so every break is long by the reader's clock."""
    with Serving(simulators.Jetstream(story(SEED, EVENTS), [Fault("reset", 50)], pace=0.0005)) as serving:
        simulator = serving.simulator
        reader = source(tmp_path, simulator.url, timeout="10s")
        events = await take(reader, tmp_path, simulator.matched.issubset, linger=1.5)
    states = [(event.start, event.state) for event in events if isinstance(event, Gap)]
    assert [state for _, state in states] == ["open", "filled"]
    assert len({start for start, _ in states}) == 1
    assert any(isinstance(event, Post) and event.backfilled for event in events)


async def read_on(folder: Path, url: str) -> None:
    await take(source(folder, url), folder, lambda seen: False)


@pytest.mark.parametrize("faults", [[Fault("reset", 100)], *SCRIPTS][:KILLED])
async def test_killed_in_the_middle_it_goes_on(tmp_path: Path, faults: list[Fault]) -> None:
    with Serving(simulators.Jetstream(story(SEED, 400), faults, pace=0.003)) as serving:
        simulator = serving.simulator
        for least in (60, 160):
            kill(__name__, tmp_path, simulator, least)
        check(await take(source(tmp_path, simulator.url), tmp_path, simulator.matched.issubset), simulator)
