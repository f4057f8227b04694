"""Feeds under faults: whatever an answer is, every item arrives, and each of its versions once."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.helpers.faults import SEED, by_length
from tests.helpers.intake import ids, kill, take
from tests.helpers.serving import Serving

from tocsin.component import Context
from tocsin.model import Event, Gap
from tocsin.simulators import rss as simulators
from tocsin.simulators._faults import Fault, script
from tocsin.simulators.rss import KINDS, story
from tocsin.sources.rss import Config, Rss

ITEMS = 25
KILLED = by_length(1, 100, 100)
RANDOM = by_length(8, 200, 1000)
SCRIPTS = [
    *([Fault(kind, 20, 0.1)] for kind in KINDS),
    [Fault("reset", 0)],
    [Fault("503", 0), Fault("503", 1), Fault("503", 2)],
    [Fault("half", 10), Fault("half", 11), Fault("garbage", 12)],
    [Fault("moved", 5), Fault("500", 30)],
    [Fault("slow", 5, 0.5), Fault("slow", 6, 0.5)],
    [Fault("no dates", 3), Fault("empty", 4), Fault("page", 5)],
    [Fault(kind, 3 * number, 0.05) for number, kind in enumerate(KINDS, 1)],
]


def source(folder: Path, url: str, **options: object) -> Rss:
    values = {"feeds": [f"{url}/feed.xml"], "every": "20ms", "timeout": "200ms", "heartbeat": "100ms"} | options
    return Rss(Config.model_validate(values), Context("feed", folder))


def check(events: list[Event], simulator: simulators.Rss) -> None:
    found = ids(events)
    assert {id for id, _ in found} == simulator.matched
    assert max(found.values()) == 1


async def plays(folder: Path, faults: list[Fault]) -> None:
    with Serving(simulators.Rss(story(ITEMS), faults)) as serving:
        simulator = serving.simulator
        check(await take(source(folder, simulator.url), folder, simulator.matched.issubset), simulator)


@pytest.mark.parametrize("number", range(len(SCRIPTS)))
async def test_every_item_arrives_once(tmp_path: Path, number: int) -> None:
    await plays(tmp_path, SCRIPTS[number])


@pytest.mark.parametrize("number", range(RANDOM))
async def test_every_item_arrives_once_in_any_script(tmp_path: Path, number: int) -> None:
    await plays(tmp_path, script(SEED + number, KINDS, 2 * ITEMS))


async def test_what_a_feed_no_longer_holds_is_a_gap(tmp_path: Path) -> None:
    """The feed holds three items and is read too late."""
    with Serving(simulators.Rss(story(ITEMS), [Fault("slow", 3, 0.15)], holds=3, pace=0.02, first=3)) as serving:
        simulator = serving.simulator
        last = f"item-{ITEMS - 1}"
        events = await take(
            source(tmp_path, simulator.url, timeout="5s", every="200ms"), tmp_path, lambda seen: last in seen
        )
    lost = simulator.matched - {id for id, _ in ids(events)}
    gaps = [event for event in events if isinstance(event, Gap) and event.state == "lost"]
    assert lost
    assert gaps


async def read_on(folder: Path, url: str) -> None:
    await take(source(folder, url), folder, lambda seen: False)


@pytest.mark.parametrize("faults", [[Fault("half", 100)], *SCRIPTS][:KILLED])
async def test_killed_in_the_middle_it_goes_on(tmp_path: Path, faults: list[Fault]) -> None:
    with Serving(simulators.Rss(story(60), faults, pace=0.05, holds=60)) as serving:
        simulator = serving.simulator
        for least in (1, 40):
            kill(__name__, tmp_path, simulator, least)
        check(await take(source(tmp_path, simulator.url), tmp_path, simulator.matched.issubset), simulator)
