"""Kafka: where reading begins and goes on, what is no post, and what is said when there is nothing to read."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import aclosing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from tests.helpers.kafka_broker import TOPIC, Broker
from tests.helpers.serving import Serving

from tocsin.clock import ManualClock
from tocsin.component import Context
from tocsin.errors import ConfigError, Transient
from tocsin.model import DeadLetter, Delete, Event, Gap, Post
from tocsin.sources.kafka import Config, Kafka

# aiokafka leaves a connection that was being made to the garbage collector when it is stopped.
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


def body(number: int) -> bytes:
    return json.dumps({"id": str(number), "text": f"acme {number}"}).encode()


class Reader:
    """A source and what it says, each `read` a connection of its own, from the last cursor on."""

    def __init__(self, folder: Path, url: str, **options: Any) -> None:
        self.clock = ManualClock(NOW)
        values = {"brokers": [url], "topic": TOPIC, "start": "oldest", "heartbeat": "0s", "timeout": "3s"} | options
        self.source = Kafka(Config.model_validate(values), Context("feed", folder, clock=self.clock))
        self.cursor: str | None = None
        self.dead: list[DeadLetter] = []

    async def read(self, enough: Callable[[list[Event]], bool]) -> list[Event]:
        events: list[Event] = []
        async with aclosing(self.source.read(self.cursor)) as batches:
            async for batch in batches:
                self.cursor = batch.cursor
                self.dead += batch.dead
                events += batch.events
                if enough(events):
                    return events
        return events


def posts(events: list[Event]) -> list[Post]:
    return [event for event in events if isinstance(event, Post)]


def gaps(events: list[Event]) -> list[Gap]:
    return [event for event in events if isinstance(event, Gap)]


def has(count: int) -> Callable[[list[Event]], bool]:
    return lambda events: len(posts(events)) >= count


async def test_a_message_is_a_post_a_delete_or_a_dead_letter(tmp_path: Path) -> None:
    bodies = [b"{not json", b'{"delete": "7"}', b'{"id": "8"}', body(1)]
    with Serving(Broker([bodies], first=4)) as serving:
        reader = Reader(tmp_path, serving.simulator.url)
        events = await reader.read(has(1))
    assert [post.uid for post in posts(events)] == ["feed:1"]
    assert [event.uid for event in events if isinstance(event, Delete)] == ["feed:7"]
    assert {letter.place for letter in reader.dead} == {f"{TOPIC}/0@0", f"{TOPIC}/0@2"}
    assert all(letter.body for letter in reader.dead)


async def test_it_begins_at_the_newest_and_goes_on_where_it_was(tmp_path: Path) -> None:
    with Serving(Broker([[body(number) for number in range(20)]], first=10, pace=60)) as serving:
        broker = serving.simulator
        reader = Reader(tmp_path, broker.url, start="newest")
        events = await reader.read(lambda events: any(type(event).__name__ == "Heartbeat" for event in events))
        assert posts(events) == []
        broker.shown = 15
        assert [post.id for post in posts(await reader.read(has(5)))] == ["10", "11", "12", "13", "14"]


async def test_after_a_long_break_what_came_meanwhile_is_history_and_fills_a_gap(tmp_path: Path) -> None:
    with Serving(Broker([[body(number) for number in range(20)]], first=5, pace=60)) as serving:
        broker = serving.simulator
        reader = Reader(tmp_path, broker.url)
        await reader.read(has(5))
        reader.clock.advance(3600)
        broker.shown = 12
        events = await reader.read(lambda events: any(gap.state == "filled" for gap in gaps(events)))
    assert [(post.id, post.backfilled) for post in posts(events)] == [(str(number), True) for number in range(5, 12)]
    assert [gap.state for gap in gaps(events)] == ["open", "filled"]


async def test_a_topic_that_there_is_not_is_one_line(tmp_path: Path) -> None:
    with Serving(Broker([[body(1)]])) as serving, pytest.raises(Transient, match="has no topic nothing"):
        await Reader(tmp_path, serving.simulator.url, topic="nothing").read(has(1))


async def test_brokers_that_are_not_there_are_one_line(tmp_path: Path) -> None:
    with pytest.raises(Transient, match=r"Kafka at 127\.0\.0\.1:9: ") as caught:
        await Reader(tmp_path, "127.0.0.1:9").read(has(1))
    assert "\n" not in str(caught.value)


def test_certificates_that_cannot_be_read_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"nothing\.pem cannot be used"):
        Reader(tmp_path, "127.0.0.1:9", security="ssl", ca=str(tmp_path / "nothing.pem"))
