"""The demo rings for what was planted whatever the time at which it is started: its posts follow the clock."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import yaml
from tests.helpers.faults import by_length
from tests.helpers.world import World

from tocsin.cli import demo
from tocsin.sources.scenario import demo_config

FIRST = datetime(2026, 11, 29, 14, 51, tzinfo=UTC)
"""At this one a budget that the history had used up once left the planted outage to the digest."""
TIMES = by_length(short=1, full=16, long=16)
STARTS = [FIRST + timedelta(hours=11 * number) for number in range(TIMES)]


@pytest.mark.parametrize("now", STARTS, ids=str)
def test_it_rings_within_ten_minutes(tmp_path: Path, now: datetime) -> None:
    config = demo_config(now).model_copy(update={"speed": "max", "paced_from": 0.0})
    source = {"type": "scenario", **config.model_dump(mode="json", exclude_defaults=True), "speed": "max"}
    rest = Path(demo.__file__).with_name("_demo.yaml").read_text(encoding="utf-8")
    planted = config.start + timedelta(seconds=config.incidents[0].at)
    with World(tmp_path, f"{rest}{yaml.safe_dump({'sources': {'stream': source}})}") as world:
        world.ingest()
        world.process_all()
        world.detect_all()
        found = [one for one in world.state.incidents() if one.detected_at >= planted]
        (rang, *_) = [one for one in reversed(found) if one.told and one.part_of is None]
    assert rang.series == {"watch": "acme", "category": "outage"}
    assert rang.detected_at - planted <= timedelta(minutes=10)
