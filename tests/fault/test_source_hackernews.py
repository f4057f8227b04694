"""Hacker News under faults: whatever an answer is, every item arrives once."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.helpers.faults import SEED, by_length
from tests.helpers.intake import ids, kill, take
from tests.helpers.serving import Serving

from tocsin.component import Context
from tocsin.model import Event, Gap
from tocsin.simulators import hackernews as simulators
from tocsin.simulators._faults import Fault, script
from tocsin.simulators.hackernews import KINDS, story
from tocsin.sources.hackernews import Config, Hackernews

ITEMS = 80
KILLED = by_length(1, 100, 100)
RANDOM = by_length(8, 200, 1000)
SCRIPTS = [
    *([Fault(kind, 30, 0.05)] for kind in KINDS),
    *([Fault(kind, 0, 0.05)] for kind in ("reset", "503", "null", "garbage")),
    [Fault("503", 0), Fault("503", 1), Fault("503", 2)],
    [Fault("null", number) for number in range(10, 40, 3)],
    [Fault("half", 10), Fault("half", 11), Fault("garbage", 12)],
    [Fault("backwards", 5), Fault("backwards", 30), Fault("reset", 31)],
    [Fault("slow", 5, 0.3), Fault("slow", 6, 0.3)],
    [Fault("429", 20), Fault("500", 21), Fault("null", 22)],
    [Fault(kind, 5 * number, 0.02) for number, kind in enumerate(KINDS, 1)],
]


def source(folder: Path, url: str, **options: object) -> Hackernews:
    values = {"url": url, "every": "20ms", "timeout": "200ms", "patience": "5s", "history": 1} | options
    return Hackernews(Config.model_validate(values), Context("feed", folder))


def check(events: list[Event], simulator: simulators.Hackernews) -> None:
    found = ids(events)
    assert {id for id, _ in found} == simulator.matched
    assert max(found.values()) == 1


async def plays(folder: Path, faults: list[Fault], seed: int = SEED) -> None:
    with Serving(simulators.Hackernews(story(seed, ITEMS), faults)) as serving:
        simulator = serving.simulator
        check(await take(source(folder, simulator.url), folder, simulator.matched.issubset), simulator)


@pytest.mark.parametrize("number", range(len(SCRIPTS)))
async def test_every_item_arrives_once(tmp_path: Path, number: int) -> None:
    await plays(tmp_path, SCRIPTS[number])


@pytest.mark.parametrize("number", range(RANDOM))
async def test_every_item_arrives_once_in_any_script(tmp_path: Path, number: int) -> None:
    await plays(tmp_path, script(SEED + number, KINDS, ITEMS), SEED + number)


async def test_what_is_too_far_behind_is_a_gap(tmp_path: Path) -> None:
    with Serving(simulators.Hackernews(story(SEED, ITEMS), first=2, pace=60)) as serving:
        simulator = serving.simulator
        reader = source(tmp_path, simulator.url, most_behind=20)
        await take(reader, tmp_path, bool)
        simulator._shown = ITEMS
        last = max(simulator.matched)
        events = await take(reader, tmp_path, lambda seen: last in seen)
    (gap,) = [event for event in events if isinstance(event, Gap)]
    assert gap.state == "lost"
    lost = simulator.matched - {id for id, _ in ids(events)}
    assert lost
    assert gap.note is not None
    assert max(map(int, lost)) <= int(gap.note.split(" up to ")[1].split()[0])


async def read_on(folder: Path, url: str) -> None:
    await take(source(folder, url), folder, lambda seen: False)


@pytest.mark.parametrize("faults", [[Fault("reset", 60)], *SCRIPTS][:KILLED])
async def test_killed_in_the_middle_it_goes_on(tmp_path: Path, faults: list[Fault]) -> None:
    with Serving(simulators.Hackernews(story(SEED, 150), faults, pace=0.02)) as serving:
        simulator = serving.simulator
        for least in (5, 50):
            kill(__name__, tmp_path, simulator, least)
        check(await take(source(tmp_path, simulator.url), tmp_path, simulator.matched.issubset), simulator)
