"""R8: the calendar jumps, stalls and goes back; nothing crashes, nothing is told that did not happen."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from tests.helpers.world import NOW, World
from tests.unit.test_detect import EVENTS, YAML

from tocsin.model import Batch, Post
from tocsin.pipeline.ingest import admit

JUMPS = [3600, -3600, 86_400, -86_400, 1, -1, 30 * 86_400, -30 * 86_400, 0]


def told(world: World) -> list[str]:
    return sorted(str(row["key"]) for row in world.state.outbox())


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    with World(tmp_path_factory.mktemp("undisturbed"), YAML) as world:
        world.put(EVENTS)
        world.process_all()
        world.detect_all()
        return told(world)


@pytest.mark.parametrize("seed", [1, 2])
def test_jumps_of_the_calendar_change_no_alert(tmp_path: Path, undisturbed: list[str], seed: int) -> None:
    chance = random.Random(seed)
    with World(tmp_path, YAML) as world:
        for start in range(0, len(EVENTS), 100):
            world.put(EVENTS[start : start + 100])
            world.clock.jump(chance.choice(JUMPS))
            world.process_all()
            world.clock.jump(chance.choice(JUMPS))
            world.detect_all()
            world.process.maintain()
        assert told(world) == undisturbed
        buckets = [(row["policy"], row["series"], row["bucket"]) for row in world.state.tables()["series"].to_pylist()]
        assert len(buckets) == len(set(buckets))
        assert world.kinds() == {"post": len(EVENTS) - 1, "heartbeat": 1}


def test_alerts_go_out_after_the_clock_went_back_a_day(tmp_path: Path) -> None:
    with World(tmp_path, YAML) as world:
        world.put(EVENTS)
        world.process_all()
        world.detect_all()
        world.clock.jump(-86_400)
        sent = 0
        for _ in range(5):
            sent += world.notify_all()
            world.clock.advance(60)
        assert sent == len(world.state.outbox())
        assert {row["state"] for row in world.state.outbox()} == {"sent"}


@pytest.mark.parametrize(
    "moment",
    [
        datetime(2026, 3, 29, 1, 30, tzinfo=UTC),
        datetime(2026, 10, 25, 0, 30, tzinfo=UTC),
        datetime(2016, 12, 31, 23, 59, 59, tzinfo=UTC),
    ],
    ids=["clocks go forward", "clocks go back", "leap second"],
)  # fmt: skip
def test_odd_moments_are_moments_like_others(moment: datetime) -> None:
    posts = [
        Post(uid="a:1", source="a", id="1", text="x", received_at=moment, created_at=moment + timedelta(seconds=n))
        for n in range(-2, 3)
    ]
    batch = admit(Batch(events=posts), moment, live=True)
    assert [event.event_time for event in batch.events if isinstance(event, Post)] == [None] * 5


def test_a_machine_whose_clock_is_years_off_loses_no_live_post() -> None:
    wrong = datetime(1999, 1, 1, tzinfo=UTC)
    post = Post(uid="a:1", source="a", id="1", text="x", received_at=wrong, created_at=NOW)
    (event,) = admit(Batch(events=[post]), wrong, live=True).events
    assert isinstance(event, Post)
    assert event.event_time == wrong
