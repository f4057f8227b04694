"""Telegram and Discord under faults: every message arrives once."""

from __future__ import annotations

import time
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from tests.helpers.chats import CHANNEL, KINDS, TOKEN, Chats, story
from tests.helpers.clocks import FlyingClock
from tests.helpers.faults import SEED, by_length
from tests.helpers.intake import ids, kill, take
from tests.helpers.serving import Serving

from tocsin import load
from tocsin.component import Context, Source
from tocsin.simulators._faults import Fault, script

MESSAGES = 80
KILLED = by_length(1, 100, 100)
RANDOM = by_length(5, 200, 1000)
OPTIONS: dict[str, dict[str, Any]] = {
    "telegram": {"token": TOKEN, "wait": "2s"},
    "discord": {"token": TOKEN, "channels": [CHANNEL], "every": "2s"},
}
SCRIPTS = [
    *([Fault(kind, 30, 0.05)] for kind in KINDS),
    [Fault("503", 0), Fault("reset", 0), Fault("garbage", 0)],
    [Fault("429", 10), Fault("500", 11), Fault("slow", 12, 0.1)],
    [Fault(kind, 10 * number, 0.02) for number, kind in enumerate(KINDS, 1)],
    *([Fault(kind, 20, 0.02), Fault(other, 25, 0.02)] for kind, other in pairwise((*KINDS, KINDS[0]))),
    *([Fault(kind, at, 0.02) for at in (5, 6, 40)] for kind in KINDS),
]


def source(name: str, folder: Path, url: str, clock: FlyingClock) -> Source:
    loaded = load.component("sources", name)
    context = Context("feed", folder, clock=clock)
    made: Source = loaded.component_class(loaded.config_class.model_validate(OPTIONS[name] | {"url": url}), context)
    return made


async def reads_all(name: str, folder: Path, server: Chats, clock: FlyingClock) -> None:
    reader = source(name, folder, server.url, clock)

    def enough(seen: set[str]) -> bool:
        return server.matched <= {id.rpartition("/")[2] for id in seen}

    found = ids(await take(reader, folder, enough, clock=clock))
    assert {id.rpartition("/")[2] for id, _ in found} == server.matched
    assert max(found.values()) == 1


async def plays(name: str, folder: Path, faults: list[Fault]) -> None:
    clock = FlyingClock(time.time(), 50)
    server = Chats(story(MESSAGES), clock, faults)
    with Serving(server):
        await reads_all(name, folder, server, clock)


@pytest.mark.parametrize("name", OPTIONS)
@pytest.mark.parametrize("number", range(len(SCRIPTS)))
async def test_every_message_arrives_once(tmp_path: Path, name: str, number: int) -> None:
    await plays(name, tmp_path, SCRIPTS[number])


@pytest.mark.parametrize("name", OPTIONS)
@pytest.mark.parametrize("number", range(RANDOM))
async def test_every_message_arrives_once_in_any_script(tmp_path: Path, name: str, number: int) -> None:
    await plays(name, tmp_path, script(SEED + number, KINDS, MESSAGES))


async def read_on(folder: Path, url: str, name: str, since: str) -> None:
    clock = FlyingClock(float(since), 50)
    await take(source(name, folder, url, clock), folder, lambda seen: False, clock=clock)


@pytest.mark.parametrize("name", OPTIONS)
@pytest.mark.parametrize("faults", [[Fault("reset", 60)], *SCRIPTS][:KILLED])
async def test_killed_in_the_middle_it_goes_on(tmp_path: Path, name: str, faults: list[Fault]) -> None:
    since = time.time()
    server = Chats(story(150), FlyingClock(since, 50), faults, pace=0.02)
    with Serving(server):
        for least in (10, 60):
            kill(__name__, tmp_path, server, least, name, since)
        await reads_all(name, tmp_path, server, FlyingClock(since, 50))
