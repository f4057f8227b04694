"""The coverage ledger: what streams bring and should bring; sources that go blind; and what `tocsin sources` says."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.helpers.rows import START as ROWS_START
from tests.helpers.rows import row, table
from tests.helpers.world import NOW, World
from typer.testing import CliRunner

from tocsin.cli import app
from tocsin.model import Author, Gap, Heartbeat, Post
from tocsin.pipeline.coverage import Coverage, Hour
from tocsin.sql import query

HOUR = 3600
START = NOW - timedelta(days=3)
YAML = """
data_dir: data
sources: {hook: {type: webhook, host: 127.0.0.1, port: 0, secret: a-long-secret}}
watches:
  - {name: acme, match: acme}
"""


def rows(
    hours: float, *, rate: float = 30, silent: tuple[float, float] | None = None, seed: int = 0
) -> list[dict[str, Any]]:
    """Posts of one stream at random, none between two hours."""
    random = np.random.default_rng(seed)
    times = np.sort(random.uniform(0, hours, random.poisson(rate * hours)))
    kept = [time for time in times.tolist() if silent is None or not silent[0] <= time < silent[1]]
    return [row(number, time * HOUR, source="news", stream="main") for number, time in enumerate(kept, 1)]


def hours_of(posts: list[dict[str, Any]], step: int | None = None) -> list[Hour]:
    made, coverage, found = table(posts), Coverage(120), list[Hour]()
    for start in range(0, made.num_rows, step or made.num_rows):
        again = Coverage(120)
        again.load(coverage.save())
        coverage = again
        hours, _ = coverage.advance(made.slice(start, step or made.num_rows))
        found += hours
    return found


def test_a_stream_is_known_after_a_day_and_its_expectation_is_near_what_it_brings() -> None:
    found = hours_of(rows(72))
    assert [hour.state for hour in found[:24]] == ["learning"] * 24
    later = found[25:]
    assert {hour.state for hour in later} == {"ok"}
    assert all(20 <= (hour.expected or 0) <= 40 for hour in later)
    assert sum(hour.arrived for hour in found) == pytest.approx(30 * len(found), rel=0.1)


def test_an_hour_without_anything_is_silent_only_where_something_was_due() -> None:
    found = hours_of(rows(72, silent=(50, 53)))
    assert [(hour.start - int(ROWS_START.timestamp())) // HOUR for hour in found if hour.state == "silent"] == [
        50,
        51,
        52,
    ]
    assert "silent" not in {hour.state for hour in hours_of(rows(72, rate=2, silent=(50, 53)))}


def test_a_gap_is_told_by_how_much_of_the_hour_it_took() -> None:
    posts = rows(72, silent=(50, 51.25))
    place = next(number for number, one in enumerate(posts) if one["event_time"] >= ROWS_START + timedelta(hours=50))
    until = ROWS_START + timedelta(hours=51.25)
    posts.insert(place, row(0, 50 * HOUR, "gap", source="news", stream="main", until=until, note="lost"))
    found = hours_of([one | {"seq": number} for number, one in enumerate(posts, 1)])
    first = int(ROWS_START.timestamp())
    states = {(hour.start - first) // HOUR: (hour.state, hour.blind) for hour in found}
    assert (states[50], states[51], states[52]) == (("gap", 3600), ("partial", 900), ("ok", 0))


@pytest.mark.parametrize("step", [7, 100])
def test_it_goes_on_as_if_never_stopped(step: int) -> None:
    posts = rows(40)
    assert hours_of(posts, step) == hours_of(posts)


def post(number: int, hour: float, source: str = "news") -> Post:
    at = START + timedelta(hours=hour)
    name, text = f"{source}:{number}", f"acme and more {number}"
    return Post(name, source, str(number), text=text, author=Author(id=f"a{number}"), created_at=at, received_at=at)


@pytest.fixture
def blind(tmp_path: Path) -> Iterator[World]:
    """Three days of a source, which goes blind on the third and is heard again."""
    random = np.random.default_rng(1)
    with World(tmp_path, YAML) as world:
        hours = [hour for hour in np.sort(random.uniform(0, 72, 1500)).tolist() if not 60 <= hour < 63]
        before = [post(number, hour) for number, hour in enumerate(hours) if hour < 60]
        after = [post(10_000 + number, hour) for number, hour in enumerate(hours) if hour >= 63]
        opens, ends = (START + timedelta(hours=hour) for hour in (60, 63))
        world.put([*before, Gap("news", "main", opens, opens + timedelta(minutes=3), "open")])
        world.process_all()
        world.detect_all()
        world.put([Gap("news", "main", opens, ends, "lost"), Heartbeat("news", "main", ends), *after])
        world.process_all()
        world.detect_all()
        yield world


def test_a_source_that_goes_blind_is_an_incident_of_its_own_and_no_fall(blind: World) -> None:
    found = blind.state.incidents()
    assert [(one.policy, one.state, one.series["source"]) for one in found] == [("coverage", "resolved", "news")]
    (incident,) = found
    assert incident.told
    assert (incident.start, incident.end) == (START + timedelta(hours=60), START + timedelta(hours=63))
    keys = [row["key"].split(".")[1] for row in blind.state.outbox()]
    assert sorted(keys) == ["opened", "resolved"]


def test_the_table_and_the_command_show_it(blind: World, tmp_path: Path) -> None:
    asked = query("SELECT state, count(*) AS n FROM coverage GROUP BY 1", blind.lake.snapshot, blind.state.tables())
    states = {one["state"]: one["n"] for one in asked.rows.to_pylist()}
    assert states["gap"] == 3
    done = CliRunner().invoke(app, ["sources", "-c", str(tmp_path / "tocsin.yaml"), "--json"])
    assert done.exit_code == 0, done.output
    news, hook = json.loads(done.stdout)
    assert (news["source"], news["state"], hook["source"], hook["state"]) == ("news", "ok", "hook", "never heard")
    assert 0.8 < news["seen_day"] < 1
    shown = CliRunner().invoke(app, ["sources", "-c", str(tmp_path / "tocsin.yaml")]).stdout
    assert "seen 87.5% of a day" in shown
    assert "never heard" in shown
