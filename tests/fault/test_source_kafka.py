"""Kafka under faults: every message is a post or a dead letter, once, and what the brokers dropped is a gap."""

from __future__ import annotations

import json
import time
from itertools import pairwise
from pathlib import Path

import pytest
from tests.helpers.clocks import FlyingClock
from tests.helpers.faults import SEED, by_length
from tests.helpers.intake import ids, kill, take
from tests.helpers.kafka_broker import KINDS, TOPIC, Broker
from tests.helpers.serving import Serving

from tocsin.component import Context
from tocsin.model import Event, Gap
from tocsin.simulators._faults import Fault, script
from tocsin.sources.kafka import Config, Kafka

# aiokafka leaves a connection that was being made to the garbage collector when it is stopped.
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")

MESSAGES, PARTITIONS = 40, 2
CLOCK = FlyingClock(time.time(), 20)
KILLED = by_length(1, 100, 100)
RANDOM = by_length(5, 200, 1000)
SCRIPTS = [
    *([Fault(kind, 30, 0.1)] for kind in KINDS),
    [Fault("reset", 0), Fault("reset", 1), Fault("half", 2)],
    [Fault("not leader", 10), Fault("slow", 20, 0.2), Fault("restart", 30, 0.3)],
    [Fault(kind, 10 * number, 0.05) for number, kind in enumerate(KINDS, 1)],
    *([Fault(kind, 20, 0.02), Fault(other, 25, 0.02)] for kind, other in pairwise((*KINDS, KINDS[0]))),
    *([Fault(kind, at, 0.02) for at in (5, 6, 40)] for kind in KINDS),
    *([Fault(kind, 20, 0.02), Fault(other, 45, 0.02)] for kind, other in pairwise((*KINDS[::2], *KINDS[1::2]))),
]


def messages(count: int) -> list[list[bytes]]:
    return [
        [json.dumps({"id": f"{partition}-{number}", "text": f"acme {number}"}).encode() for number in range(count)]
        for partition in range(PARTITIONS)
    ]


def matched(count: int) -> set[str]:
    return {f"{partition}-{number}" for partition in range(PARTITIONS) for number in range(count)}


def source(folder: Path, url: str, **options: object) -> Kafka:
    values = {"brokers": [url], "topic": TOPIC, "start": "oldest", "timeout": "3s"} | options
    return Kafka(Config.model_validate(values), Context("feed", folder, clock=CLOCK))


def check(events: list[Event], count: int) -> None:
    found = ids(events)
    assert {id for id, _ in found} == matched(count)
    assert max(found.values()) == 1


async def plays(folder: Path, faults: list[Fault]) -> None:
    with Serving(Broker(messages(MESSAGES), faults)) as serving:
        reader = source(folder, serving.simulator.url)
        check(await take(reader, folder, matched(MESSAGES).issubset, clock=CLOCK), MESSAGES)


@pytest.mark.parametrize("number", range(len(SCRIPTS)))
async def test_every_message_arrives_once(tmp_path: Path, number: int) -> None:
    await plays(tmp_path, SCRIPTS[number])


@pytest.mark.parametrize("number", range(RANDOM))
async def test_every_message_arrives_once_in_any_script(tmp_path: Path, number: int) -> None:
    await plays(tmp_path, script(SEED + number, KINDS, MESSAGES * PARTITIONS))


async def test_what_the_brokers_dropped_is_a_gap(tmp_path: Path) -> None:
    with Serving(Broker(messages(MESSAGES), first=10, pace=60)) as serving:
        broker = serving.simulator
        await take(source(tmp_path, broker.url), tmp_path, matched(10).issubset)
        broker.shown, broker.starts = 40, [25, 25]
        events = await take(source(tmp_path, broker.url), tmp_path, lambda seen: {"0-39", "1-39"} <= seen)
    (gap,) = [event for event in events if isinstance(event, Gap)]
    assert (gap.state, gap.note) == ("lost", "30 messages that the brokers do not keep any more")
    assert matched(40) - {id for id, _ in ids(events)} == matched(25) - matched(10)


async def read_on(folder: Path, url: str) -> None:
    await take(source(folder, url), folder, lambda seen: False)


@pytest.mark.parametrize("faults", [[Fault("reset", 60)], *SCRIPTS][:KILLED])
async def test_killed_in_the_middle_it_goes_on(tmp_path: Path, faults: list[Fault]) -> None:
    with Serving(Broker(messages(150), faults, pace=0.01)) as serving:
        broker = serving.simulator
        for least in (20, 120):
            kill(__name__, tmp_path, broker, least)
        check(await take(source(tmp_path, broker.url), tmp_path, matched(150).issubset, clock=CLOCK), 150)
