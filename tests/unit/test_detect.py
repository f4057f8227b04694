"""The detect loop: incidents from the lake's commits, the same however the run was cut."""

from __future__ import annotations

import math
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
from tests.helpers.world import NOW, World

from tocsin.alerts.ringing import Ringing
from tocsin.model import Alert, Author, Delete, Gap, Heartbeat, Incident, Post
from tocsin.people import Done
from tocsin.runners.replay import replay
from tocsin.severity import far_worse

YAML = """
data_dir: data
sources: {}
watches:
  - {name: acme, match: acme}
categories:
  - {name: outage, match: down OR outage}
alerts:
  policies:
    - {name: volume, by: [watch, category], bucket: 5m}
"""
TWO_POLICIES = YAML + "    - {name: whole, by: [watch], bucket: 5m}\n"
START = NOW - timedelta(days=4)


def story(before: int | None = None, outage: int = 12) -> Iterator[Post | Heartbeat]:
    """Three quiet days of a few posts an hour, then an outage of two hours, then quiet again.

    In the two hours before there may be some more posts about it than usual: `before` in ten minutes, `outage` in it.
    """
    number = 0
    for minute in range(0, 4 * 24 * 60, 10):
        hour = minute / 60
        many = 1 + (math.sin(hour) > 0)
        trouble = 80 <= hour < 82
        if trouble:
            many = outage
        elif before is not None and 78 <= hour < 80:
            many, trouble = before, True
        for turn in range(many):
            number += 1
            bad = trouble or number % 5 == 0
            text = f"acme login is down again {number}" if bad else f"acme wrote to me about number {number}"
            time = START + timedelta(minutes=minute, seconds=20 * turn)
            author = Author(id=f"a{number % 50}", handle=f"user{number % 50}")
            yield Post(
                uid=f"news:{number}", source="news", id=str(number), text=text, author=author, received_at=time,
                created_at=time,
            )  # fmt: skip
    yield Heartbeat(source="news", stream="main", at=START + timedelta(days=4))


EVENTS = list(story())
OUTAGE = timedelta(hours=2)
END = START + timedelta(hours=82)
"""Of the outage."""


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with World(tmp_path_factory.mktemp("played"), YAML) as world:
        world.put(EVENTS)
        world.process_all()
        world.detect_all()
        yield world


def shown(incidents: list[Incident]) -> bytes:
    """All of them but the name of the lake that they are of."""
    return msgspec.json.encode([msgspec.structs.replace(one, receipt={}) for one in incidents])


def test_the_outage_is_one_incident_with_everything_in_it(played: World) -> None:
    (incident,) = [one for one in played.state.incidents() if one.series["category"] == "outage"]
    began = START + timedelta(hours=80)
    assert incident.series == {"watch": "acme", "category": "outage"}
    assert began - timedelta(minutes=10) <= incident.start <= began + timedelta(minutes=20)
    assert began < incident.detected_at <= began + timedelta(hours=1)
    assert incident.state == "resolved"
    assert incident.observed >= incident.high >= incident.expected >= incident.low >= 0
    assert incident.headline.startswith("outage (acme): ")
    assert 3 <= len(incident.explanation["posts"]) <= 5
    assert all("down" in post["text"] for post in incident.explanation["posts"])
    assert sum(row["share"] for row in incident.explanation["slices"]) == pytest.approx(100, abs=0.2)
    assert incident.explanation["coverage"] == {"share": 1.0, "gaps": []}


def test_what_grows_is_told_with_what_is_true_then(tmp_path: Path) -> None:
    """Posts somewhat above the usual open an incident; the outage two hours later is the news, and is told as it is."""
    with World(tmp_path, YAML) as world:
        world.put(list(story(before=2)))
        world.process_all()
        world.detect_all()
        (incident,) = [one for one in world.state.incidents() if one.series["category"] == "outage"]
        told = [row.message for row in reversed(world.state.due(world.clock.now().timestamp()))]
        (last, *_) = [alert for alert in told if isinstance(alert, Alert) and alert.event == "escalated"]
        assert incident.detected_at < START + timedelta(hours=80)
        assert last.incident.observed > 2 * 12
        assert last.incident.headline == incident.headline
        assert f"{last.incident.observed:g} mentions" in incident.headline
        assert last.incident.detected_at == incident.detected_at
        stored = world.state.evidence(incident.id)
        assert stored is not None
        assert replay(world.assembly, world.lake, incident, stored).same


@pytest.mark.parametrize(("outage", "rings"), [(5, False), (40, True)])
def test_what_is_snoozed_rings_when_it_is_far_worse_than_when_it_was_told(
    tmp_path: Path, outage: int, rings: bool
) -> None:
    events = list(story(before=2, outage=outage))
    cut = next(n for n, event in enumerate(events) if isinstance(event, Post) and event.received_at >= END - OUTAGE)
    with World(tmp_path, YAML) as world:
        world.put(events[:cut])
        world.process_all()
        world.detect_all()
        (incident,) = [one for one in world.state.incidents() if one.series["category"] == "outage"]
        before, until = keys(world), (world.clock.now() + timedelta(days=1)).isoformat()
        world.state.did(Done(incident.id, "snooze", until, "ann", world.clock.now()))
        world.put(events[cut:])
        world.process_all()
        world.detect_all()
        (grown,) = [one for one in world.state.incidents() if one.id == incident.id]
        assert grown.severity > incident.severity
        assert far_worse(grown.score, incident.score) == rings
        assert any(".escalated." in key for key in keys(world) - before) == rings


def test_a_source_that_goes_blind_does_not_end_an_incident(tmp_path: Path) -> None:
    """Silence is never all-clear: it ends 45 calm minutes after somebody can see again."""
    blind, until = START + timedelta(hours=81), START + timedelta(hours=86)
    before = [event for event in EVENTS if isinstance(event, Post) and event.received_at < blind]
    gap = Gap(source="news", stream="main", start=blind, end=until, state="lost")
    with World(tmp_path, YAML) as world:
        world.put([*before, gap, Heartbeat(source="news", stream="main", at=until)])
        world.process_all()
        world.detect_all()
        (incident,) = [one for one in world.state.incidents() if one.series["category"] == "outage"]
        assert incident.state == "open"
        world.put([Heartbeat(source="news", stream="main", at=until + timedelta(hours=1))])
        world.process_all()
        world.detect_all()
        (incident,) = [one for one in world.state.incidents() if one.series["category"] == "outage"]
        assert (incident.state, incident.end) == ("resolved", until + timedelta(minutes=50))


def test_its_sql_counts_it_again(played: World) -> None:
    from tocsin.sql import query

    for incident in played.state.incidents():
        (row,) = query(incident.sql, played.lake.snapshot).rows.to_pylist()
        assert row["mentions"] == incident.observed


def test_opening_and_end_are_in_the_outbox_once_a_destination(played: World) -> None:
    keys = [row["key"] for row in played.state.outbox()]
    assert len(keys) == len(set(keys))
    assert {key.split(".")[1] for key in keys} >= {"opened", "resolved"}


def test_series_hold_every_mention(played: World) -> None:
    counts = played.state.tables()["series"].to_pylist()
    total = sum(row["count"] for row in counts if row["series"] == '["acme"]')
    assert total == sum(isinstance(event, Post) for event in EVENTS)


@pytest.mark.parametrize("size", [37, 500])
def test_other_commits_and_restarts_give_the_same_bytes(tmp_path: Path, played: World, size: int) -> None:
    for start in range(0, len(EVENTS), size * 4):
        with World(tmp_path, YAML) as world:
            for part in range(start, min(start + size * 4, len(EVENTS)), size):
                world.put(EVENTS[part : part + size])
                world.process_all()
                if part % 2:
                    world.detect_all()
            world.detect_all()
            if start % 3 == 0:
                world.detect.save()
    with World(tmp_path) as world:
        assert shown(world.state.incidents()) == shown(played.state.incidents())
        assert (
            world.state.tables()["series"]
            .sort_by([("bucket", "ascending"), ("series", "ascending")])
            .equals(played.state.tables()["series"].sort_by([("bucket", "ascending"), ("series", "ascending")]))
        )
        assert len(world.state.outbox()) == len(played.state.outbox())


def keys(world: World) -> set[str]:
    return {row["key"] for row in world.state.outbox()}


def test_a_kill_before_the_first_checkpoint_leaves_what_rings_as_it_was(tmp_path: Path) -> None:
    with World(tmp_path, TWO_POLICIES) as world:
        world.detect.step()
        world.put(EVENTS)
        world.process_all()
        world.detect_all()
        before = world.detect._ringing.save()
    with World(tmp_path, TWO_POLICIES) as world:
        assert world.detect._ringing.save() == before


def test_another_budget_forgets_nothing_that_was_told(tmp_path: Path) -> None:
    middle = next(n for n, event in enumerate(EVENTS) if isinstance(event, Post) and event.received_at > END) - 2
    with World(tmp_path, TWO_POLICIES) as world:
        world.put(EVENTS[:middle])
        world.process_all()
        world.detect_all()
        before = world.state.incidents()
        assert {one.state for one in before if one.told} == {"open"}
    with World(tmp_path, TWO_POLICIES.replace("alerts:", "alerts:\n  budget: 1 per month")) as world:
        world.put(EVENTS[middle:])
        world.process_all()
        world.detect_all()
        ended = {one.id: one for one in world.state.incidents()}
        assert all((ended[one.id].told, ended[one.id].part_of) == (one.told, one.part_of) for one in before)
        told = {key.split(".")[0] for key in keys(world) if ".resolved." in key}
        assert {one.id for one in before if one.told and one.part_of is None} <= told


def test_the_end_is_told_of_what_was_told_and_of_nothing_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A part of an incident that grew beyond it was told by itself: whoever was woken hears the end."""
    monkeypatch.setattr(Ringing, "grown", lambda *_: True)
    with World(tmp_path, TWO_POLICIES) as world:
        world.put(EVENTS)
        world.process_all()
        world.detect_all()
        begun = {key.split(".")[0] for key in keys(world) if key.split(".")[1] in {"opened", "escalated"}}
        ended = {key.split(".")[0] for key in keys(world) if key.split(".")[1] == "resolved"}
        assert begun == ended
        assert begun & {one.id for one in world.state.incidents() if one.part_of}


def test_a_lost_state_database_is_made_again_from_the_lake(tmp_path: Path, played: World) -> None:
    with World(tmp_path, YAML) as world:
        world.put(EVENTS)
        world.process_all()
        world.detect_all()
    for file in (tmp_path / "data").glob("state.db*"):
        file.unlink()
    with World(tmp_path) as world:
        world.detect_all()
        assert shown(world.state.incidents()) == shown(played.state.incidents())


def test_a_changed_policy_is_armed_from_the_past_without_a_sound(tmp_path: Path) -> None:
    with World(tmp_path, YAML) as world:
        world.put(EVENTS)
        world.process_all()
        world.detect_all()
        told = len(world.state.outbox())
    with World(tmp_path, YAML.replace("bucket: 5m", "bucket: 10m")) as world:
        world.detect_all()
        assert len(world.state.outbox()) == told
        buckets = {row["bucket"].minute % 10 for row in world.state.tables()["series"].to_pylist()}
        assert buckets == {0}


def test_history_that_was_rewritten_is_counted_again(tmp_path: Path, played: World) -> None:
    with World(tmp_path, YAML) as world:
        world.put(EVENTS)
        world.process_all()
        world.detect_all()
        position = world.state.position(world.lake.table_id)
        assert position is not None
        with world.state.transaction() as tx:
            tx.move(
                msgspec.structs.replace(position)
                if False
                else type(position)(position.lake, position.version, position.seq, "other")
            )
    with World(tmp_path) as world:
        world.detect_all()
        assert shown(world.state.incidents()) == shown(played.state.incidents())
        series = world.state.tables()["series"].to_pylist()
        assert sum(row["count"] for row in series if row["series"] == '["acme"]') == len(EVENTS) - 1


def test_erasing_a_post_takes_it_out_of_incidents_and_keeps_the_counts(tmp_path: Path, played: World) -> None:
    with World(tmp_path, YAML) as world:
        world.put(EVENTS)
        world.process_all()
        world.detect_all()
        (incident,) = [one for one in world.state.incidents() if one.series["category"] == "outage"]
        uid = incident.explanation["posts"][0]["uid"]
        world.put([Delete(source="news", uid=uid, at=NOW)])
        world.process_all()
        world.process.maintain()
        world.detect_all()
        after: dict[str, Any] = {one.id: one for one in world.state.incidents()}
        assert uid not in [post["uid"] for post in after[incident.id].explanation["posts"]]
    for file in (tmp_path / "data").glob("state.db*"):
        file.unlink()
    with World(tmp_path) as world:
        world.detect_all()
        again = {one.id: one for one in world.state.incidents()}
        assert {one.id: one.observed for one in again.values()} == {
            one.id: one.observed for one in played.state.incidents()
        }


def test_without_watches_an_incident_has_its_posts_and_its_sql_counts(tmp_path: Path) -> None:
    from tocsin.sql import query

    with World(tmp_path, YAML.replace("watches:\n  - {name: acme, match: acme}\n", "")) as world:
        world.put(EVENTS)
        world.process_all()
        world.detect_all()
        (incident,) = [one for one in world.state.incidents() if one.series["category"] == "outage"]
        assert incident.series["watch"] == "all"
        assert len(incident.explanation["posts"]) >= 3
        (row,) = query(incident.sql, world.lake.snapshot).rows.to_pylist()
        assert row["mentions"] == incident.observed
