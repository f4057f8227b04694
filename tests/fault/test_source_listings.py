"""GDELT, YouTube and Reddit under faults: whatever an answer is, every post arrives once."""

from __future__ import annotations

import time
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from tests.helpers.clocks import FlyingClock
from tests.helpers.faults import SEED, by_length
from tests.helpers.intake import ids, kill, take
from tests.helpers.listings import KINDS, Listings, story
from tests.helpers.serving import Serving

from tocsin import load
from tocsin.component import Context, Source
from tocsin.model import Event
from tocsin.simulators._faults import Fault, script

POSTS = 80
KILLED = by_length(1, 100, 100)
RANDOM = by_length(5, 200, 1000)
OPTIONS: dict[str, dict[str, Any]] = {
    "gdelt": {"queries": ["acme"], "every": "20s"},
    "youtube": {"key": "invented", "channels": ["UC1"], "every": "2s"},
    "reddit": {"client_id": "a", "client_secret": "b", "user_agent": "linux:tocsin:1 (by /u/x)", "subreddits": ["acme"],
               "every": "2s"},
}  # fmt: skip
SCRIPTS = [
    *([Fault(kind, 30, 0.05)] for kind in KINDS),
    [Fault("503", 0), Fault("reset", 0), Fault("garbage", 0)],
    [Fault("429", 10), Fault("500", 11), Fault("slow", 12, 0.1)],
    [Fault(kind, 10 * number, 0.02) for number, kind in enumerate(KINDS, 1)],
    *([Fault(kind, 20, 0.02), Fault(other, 25, 0.02)] for kind, other in pairwise((*KINDS, KINDS[0]))),
    *([Fault(kind, at, 0.02) for at in (5, 6, 40)] for kind in KINDS),
]


def source(name: str, folder: Path, url: str, clock: FlyingClock) -> Source:
    values = OPTIONS[name] | {"url": url} | ({"auth_url": url} if name == "reddit" else {})
    loaded = load.component("sources", name)
    made: Source = loaded.component_class(
        loaded.config_class.model_validate(values), Context("feed", folder, clock=clock)
    )
    return made


def number(id: str) -> str:
    return id.rpartition("/")[2].rpartition("_")[2]


def check(events: list[Event], server: Listings) -> None:
    found = ids(events)
    assert {number(id) for id, _ in found} == server.matched
    assert max(found.values()) == 1


async def plays(name: str, folder: Path, faults: list[Fault]) -> None:
    clock = FlyingClock(time.time(), 50)
    server = Listings(story(POSTS), clock, faults)
    with Serving(server):
        reader = source(name, folder, server.url, clock)
        events = await take(reader, folder, lambda seen: server.matched <= set(map(number, seen)), clock=clock)
        check(events, server)


@pytest.mark.parametrize("name", OPTIONS)
@pytest.mark.parametrize("number", range(len(SCRIPTS)))
async def test_every_post_arrives_once(tmp_path: Path, name: str, number: int) -> None:
    await plays(name, tmp_path, SCRIPTS[number])


@pytest.mark.parametrize("name", OPTIONS)
@pytest.mark.parametrize("number", range(RANDOM))
async def test_every_post_arrives_once_in_any_script(tmp_path: Path, name: str, number: int) -> None:
    await plays(name, tmp_path, script(SEED + number, KINDS, POSTS))


async def read_on(folder: Path, url: str, name: str, since: str) -> None:
    clock = FlyingClock(float(since), 50)
    await take(source(name, folder, url, clock), folder, lambda seen: False, clock=clock)


@pytest.mark.parametrize("name", OPTIONS)
@pytest.mark.parametrize("faults", [[Fault("reset", 60)], *SCRIPTS][:KILLED])
async def test_killed_in_the_middle_it_goes_on(tmp_path: Path, name: str, faults: list[Fault]) -> None:
    since = time.time()
    clock = FlyingClock(since, 50)
    server = Listings(story(POSTS), clock, faults, pace=0.02)
    with Serving(server):
        for least in (10, 200):
            kill(__name__, tmp_path, server, least, name, since)
        reader = source(name, tmp_path, server.url, clock)
        events = await take(reader, tmp_path, lambda seen: server.matched <= set(map(number, seen)), clock=clock)
        check(events, server)
