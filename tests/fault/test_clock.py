"""R8: the calendar jumps, stalls and goes back; nothing crashes, nothing is told that did not happen."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from tests.helpers.faults import by_length, record
from tests.helpers.world import NOW, World
from tests.unit.test_detect import EVENTS, YAML

from tocsin.clock import ManualClock
from tocsin.model import Batch, Event, Post
from tocsin.pipeline.ingest import admit
from tocsin.sources._pulse import Pulse

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


@pytest.mark.parametrize("seed", range(by_length(2, 4, 40)))
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
        record("R8", f"{2 * len(EVENTS) // 100} jumps: alerts as without", "same", told(world) == undisturbed, seed)
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


LIVE = """
data_dir: data
sources: {}
watches:
  - {name: acme, match: acme}
alerts:
  policies: [{name: volume, by: [watch], bucket: 5m}]
"""
MINUTE, HOUR, DAY = 60, 3600, 86_400
DISTURBED = {
    "nothing": {},
    "an hour forward": {40 * 60: HOUR},
    "an hour back": {40 * 60: -HOUR},
    "a day forward": {40 * 60: DAY},
    "a day back": {40 * 60: -DAY},
    "a day forward, and right again": {40 * 60: DAY, 42 * 60: -DAY},
    "an hour back, and right again": {40 * 60: -HOUR, 42 * 60: HOUR},
}
HOURS = 48


def listened(clock: ManualClock, jumps: dict[int, int], deaf: range = range(0)) -> Iterator[Batch]:
    """What a live source hears of a steady talk, a minute at a time, while somebody turns its clock."""
    chance, number = random.Random(3), 0
    pulse = Pulse("hook", MINUTE, None)
    for minute in range(HOURS * 60):
        true = NOW + timedelta(minutes=minute)
        clock.advance(MINUTE)
        clock.jump(jumps.get(minute, 0))
        events: list[Event] = []
        for _ in range(chance.choice((1, 2, 3))):
            number += 1
            posted = true + timedelta(seconds=chance.uniform(0, 60))
            events.append(
                Post(uid=f"hook:{number}", source="hook", id=str(number), text=f"acme {number}", created_at=posted,
                     received_at=clock.now())
            )  # fmt: skip
        if minute not in deaf:
            pulse.heard(events)
            said = [*pulse.awake(clock.now()), *events, pulse.beat(clock.now())]
            yield admit(Batch(events=said, cursor=pulse.cursor), clock.now(), live=True)


def alerted(folder: Path, jumps: dict[int, int], deaf: range = range(0)) -> list[str]:
    with World(folder, LIVE) as world:
        for turn, batch in enumerate(listened(world.clock, jumps, deaf)):
            world.queue.put("hook", batch)
            if turn % 500 == 0:
                world.process_all()
        world.process_all()
        world.detect_all()
        return [incident.headline for incident in world.state.incidents()]


@pytest.mark.parametrize(
    "name", by_length(["a day forward", "an hour back, and right again"], [*DISTURBED], [*DISTURBED])
)
def test_a_live_source_whose_clock_is_turned_rings_no_bell(tmp_path: Path, name: str) -> None:
    headlines = alerted(tmp_path, DISTURBED[name])
    record("R8", f"live source, clock {name}: {len(headlines)} false alerts", "0", not headlines)
    assert headlines == []


def test_an_hour_in_which_nobody_listened_is_not_silence(tmp_path: Path) -> None:
    """A machine that slept, or a Tocsin that was stopped: nothing fell, nothing rings."""
    assert alerted(tmp_path, {}, deaf=range(40 * 60, 41 * 60)) == []


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
