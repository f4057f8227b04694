"""A backtest is the live code over stored counts: it finds what rang, says what would, and changes nothing."""

from __future__ import annotations

import json
import random
import re
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.helpers.world import NOW, World
from typer.testing import CliRunner

from tocsin import config as configs
from tocsin.alerts.budget import WEEK, Rate
from tocsin.alerts.lifecycle import Change, Lifecycle
from tocsin.cli import app
from tocsin.clock import ManualClock
from tocsin.component import Context
from tocsin.detectors.volume import Config, Volume
from tocsin.errors import ConfigError, Permanent
from tocsin.model import Gap, Heartbeat, Post
from tocsin.people import Done
from tocsin.pipeline.policy import Policy, name_of
from tocsin.runners import past
from tocsin.runners.assemble import Assembly
from tocsin.runners.backtest import Candidate, Trial, Wish, changes, run
from tocsin.runners.backtest_report import Report, curve, holds_at
from tocsin.runners.trials import backtest
from tocsin.series import SKIP_AFTER, Fold, Key
from tocsin.state import State

BUCKET = 300
DAYS = 6
START = NOW - timedelta(days=DAYS)
OUTAGE = START + timedelta(hours=80)
YAML = """
data_dir: data
sources: {}
watches:
  - {name: acme, match: acme}
alerts:
  budget: 1 per day
  policies:
    - {name: volume, by: [watch, source], bucket: BUCKET}
"""


def yaml(bucket: str = "5m", sensitivity: str = "balanced") -> str:
    return YAML.replace("BUCKET", f"{bucket}, sensitivity: {sensitivity}")


def story() -> Iterator[Post | Gap | Heartbeat]:
    """Days of two posts every ten minutes; twelve for two hours; and at the end a source that went blind for a day."""
    number = 0
    for minute in range(0, DAYS * 24 * 60, 10):
        time = START + timedelta(minutes=minute)
        if time >= NOW - timedelta(days=1):
            break
        for turn in range(12 if OUTAGE <= time < OUTAGE + timedelta(hours=2) else 2):
            number += 1
            at = time + timedelta(seconds=20 * turn)
            yield Post(
                uid=f"news:{number}", source="news", id=str(number), text=f"acme again {number}", lang="en",
                received_at=at, created_at=at,
            )  # fmt: skip
    yield Gap(source="news", stream="main", start=NOW - timedelta(days=1), end=NOW, state="lost")
    for minute in range(0, 60, 10):
        number, at = number + 1, NOW + timedelta(minutes=minute)
        yield Post(
            uid=f"news:{number}", source="news", id=str(number), text="acme", lang="en", received_at=at, created_at=at
        )
    yield Heartbeat(source="news", stream="main", at=NOW + timedelta(hours=1))


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with World(tmp_path_factory.mktemp("played"), yaml()) as world:
        world.put(list(story()))
        world.process_all()
        world.detect_all()
        world.detect.save()
        yield world


def again(world: World, text: str) -> Assembly:
    """The same data under another config."""
    file = world.folder / "other.yaml"
    file.write_text(text)
    return Assembly(configs.load(file, {}), ManualClock(NOW), seed=1)


def test_what_rang_would_have_rung(played: World) -> None:
    (incident,) = played.state.incidents()
    report = backtest(played.assembly, Wish(30, "1 per day"))
    (found,) = report.incidents
    assert (found.now, found.now_told, found.told, found.direction) == (incident.id, True, True, "up")
    assert found.series == incident.series
    assert abs(found.start - incident.start) <= timedelta(seconds=BUCKET)
    assert timedelta(0) <= found.detected_at - incident.detected_at <= timedelta(seconds=BUCKET + 10)
    assert found.headline.endswith(f"since {found.start:%H:%M} UTC")
    assert (report.falls_away, report.added) == ([], [])
    assert report.policies[0].alerts == report.promises[0].alerts == 1


def test_a_backtest_changes_nothing(played: World) -> None:
    before = played.state.tables()
    backtest(played.assembly, Wish(30, "1 per week"))
    assert played.state.tables() == before


@pytest.mark.parametrize("bucket", ["5m", "10m"])
def test_a_new_policy_is_tried_on_the_lake_before_it_is_saved(played: World, bucket: str) -> None:
    text = yaml(bucket).replace("name: volume", "name: fresh")
    report = backtest(again(played, text), Wish(30, "1 per day"))
    (found,) = report.incidents
    assert (found.policy, found.now, found.told, report.added) == ("fresh", None, True, [])
    assert OUTAGE < found.detected_at < OUTAGE + timedelta(hours=1)


def test_stored_counts_and_the_lake_say_the_same(played: World) -> None:
    stored = backtest(played.assembly, Wish(30, "1 per day"))
    folded = backtest(again(played, yaml().replace("name: volume", "name: fresh")), Wish(30, "1 per day"))
    assert [one.detected_at for one in stored.incidents] == [one.detected_at for one in folded.incidents]
    assert [one.worst for one in stored.incidents] == [one.worst for one in folded.incidents]
    assert stored.policies[0].series == folded.policies[0].series == 2


def test_another_sensitivity_needs_no_other_counts(played: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(past, "of_lake", lambda *_: pytest.fail("the lake was folded"))
    strict = backtest(again(played, yaml(sensitivity="strict")), Wish(30, "1 per day"))
    usual = backtest(played.assembly, Wish(30, "1 per day"))
    assert strict.policies[0].sensitivity == "strict"
    assert strict.incidents[0].worst < usual.incidents[0].worst


def test_feedback_moves_the_threshold_and_gives_precision(played: World) -> None:
    (incident,) = played.state.incidents()
    usual = backtest(played.assembly, Wish(30, "1 per day")).incidents[0]
    played.state.did(Done(incident.id, "feedback", "not_useful", "ann", NOW))
    report = backtest(played.assembly, Wish(30, "1 per day"))
    played.state.did(Done(incident.id, "no_feedback", None, "ann", NOW))
    (policy,), (found,) = report.policies, report.incidents
    assert (policy.factor, policy.not_useful, policy.precision) == (1.1, 1, 0.0)
    assert found.feedback == "not_useful"
    assert found.score == pytest.approx(usual.score / 1.1, abs=1e-3)
    assert backtest(played.assembly, Wish(30, "1 per day")).policies[0].precision is None


def shown_by(world: World, *options: str) -> str:
    return CliRunner().invoke(app, ["backtest", "--config", str(world.folder / "tocsin.yaml"), *options]).stdout


def test_feedback_and_the_live_run_are_marked(played: World) -> None:
    (incident,) = played.state.incidents()
    played.state.did(Done(incident.id, "feedback", "not_useful", "ann", NOW))
    try:
        shown = shown_by(played)
        told = shown_by(played, "--sensitivity", "strict", "--json")
    finally:
        played.state.did(Done(incident.id, "no_feedback", None, "ann", NOW))
    assert re.search(r"^volume +balanced +1.10x +2 +1 +1 +\S+ +0% of 1$", shown, re.MULTILINE)
    assert "[not useful]" in shown
    assert "rang live" in shown
    assert json.loads(told)["policies"][0]["sensitivity"] == "strict"


def test_what_could_not_be_seen_is_no_fall(played: World, monkeypatch: pytest.MonkeyPatch) -> None:
    assert all(one.direction == "up" for one in backtest(played.assembly, Wish(30, "1 per day")).incidents)
    monkeypatch.setattr(past, "unseen", lambda *_: None)
    assert any(one.direction == "down" for one in backtest(played.assembly, Wish(30, "1 per day")).incidents)


@pytest.mark.parametrize(("told", "seen"), [("beat", True), ("word", True), ("nothing", False)])
def test_a_gap_that_was_open_lasts_until_a_sign_of_life_or_another_word(tmp_path: Path, told: str, seen: bool) -> None:
    hour = timedelta(hours=1)
    events: dict[str, list[Post | Gap | Heartbeat]] = {
        "beat": [Heartbeat(source="news", stream="main", at=NOW + hour)],
        "word": [Gap(source="news", stream="main", start=NOW, end=NOW + hour, state="lost")],
        "nothing": [],
    }
    with World(tmp_path, yaml()) as world:
        world.put([Gap(source="news", stream="main", start=NOW, end=NOW + hour / 2, state="open"), *events[told]])
        world.process_all()
        sight = past.unseen(world.lake, world.assembly.policies()[0])
    assert sight is not None
    key, at = ("acme", "news"), int(NOW.timestamp())
    assert [bool(sight.visible([key], at + after, at + after + 60)[0]) for after in (-60, 0, 3540)] == [
        True,
        False,
        False,
    ]
    assert bool(sight.visible([key], at + 3600, at + 3660)[0]) is seen
    assert sight.visible([("acme", "other")], at, at + 60).all()


def test_only_the_last_days_are_reported(played: World) -> None:
    report = backtest(played.assembly, Wish(1.5, "1 per day"))
    assert report.incidents == []
    assert report.until - report.since == timedelta(days=1.5)


def test_a_policy_that_is_not_there_is_named(played: World) -> None:
    with pytest.raises(ConfigError, match="no policy 'nothing'; there are volume"):
        backtest(played.assembly, Wish(30, "1 per day", ["nothing"]))


def test_nothing_stored_is_one_clear_error(tmp_path: Path) -> None:
    with World(tmp_path, yaml()) as world, pytest.raises(Permanent, match="nothing is stored"):
        backtest(world.assembly, Wish(30, "1 per day"))


def policy(bucket: int = BUCKET) -> Policy:
    fold = Fold(dimensions=("watch", "category"), bucket=bucket, lateness=0)
    detector = Volume(Config(bucket=bucket), Context(name="test", data_dir=Path()))
    return Policy("volume", "", "mentions", fold, detector, Lifecycle(2))


def restless(seed: int, days: int = 3) -> dict[Key, dict[int, float]]:
    """Three series of which one is born later, with bursts."""
    draw = np.random.default_rng(seed)
    size = days * 86_400 // BUCKET
    sums: dict[Key, dict[int, float]] = {}
    for name, born in (("a", 0), ("b", 0), ("c", size // 3)):
        counts = draw.poisson(1.5, size)
        for begins in draw.integers(0, size, 3):
            counts[begins : begins + 12] *= 15
        sums["acme", name] = {n * BUCKET: float(counts[n]) for n in range(born, size) if counts[n]}
    total: dict[int, float] = {}
    for own in sums.values():
        for time, count in own.items():
            total[time] = total.get(time, 0) + count
    return {("acme",): total, **sums}


@pytest.mark.parametrize("seed", range(3))
def test_the_cut_of_the_past_into_stretches_makes_no_difference(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    sums = restless(seed)
    whole = list(changes(policy(), past.of_sums(sums, BUCKET)))
    monkeypatch.setattr(past, "CELLS", 4 * random.Random(seed).randint(1, 300))
    assert list(changes(policy(), past.of_sums(sums, BUCKET))) == whole
    assert whole


def test_a_long_stretch_of_nothing_is_skipped_as_unseen() -> None:
    steady = dict.fromkeys(range(0, 4 * 86400, BUCKET), 5.0)
    after = dict.fromkeys(range(4 * 86400 + SKIP_AFTER + BUCKET, 9 * 86400, BUCKET), 5.0)
    falls = [change for change in judged(steady | after) if change.direction == "down"]
    assert falls == []
    short = dict.fromkeys(range(4 * 86400 + 43200, 6 * 86400, BUCKET), 5.0)
    assert [change.event for change in judged(steady | short) if change.direction == "down"][:1] == ["opened"]


def judged(counts: dict[int, float]) -> list[Change]:
    return list(changes(policy(), past.of_sums({("acme",): counts, ("acme", "a"): counts}, BUCKET)))


SUMS = st.dictionaries(
    st.sampled_from([("a",), ("a", "x"), ("a", "y\"'é"), ("b",), ("b", "x")]),
    st.dictionaries(st.integers(0, 400).map(lambda n: n * BUCKET), st.integers(1, 10**6), min_size=1),
    min_size=1,
)


@given(sums=SUMS, since=st.integers(0, 400), cut=st.integers(1, 400))
@settings(deadline=None, max_examples=25)
def test_stored_counts_are_read_as_they_were_written(
    tmp_path_factory: pytest.TempPathFactory, sums: dict[Key, dict[int, int]], since: int, cut: int
) -> None:
    state = State(tmp_path_factory.mktemp("state") / "state.db")
    with state.transaction() as tx:
        tx.add_counts({("volume", name_of(key), time): n for key, own in sums.items() for time, n in own.items()}, {})
        tx.add_counts({("other", name_of(("a",)), 0): 7}, {("volume", name_of(("late",)), 600): 1})
    stored = past.of_state(state, policy(), since * BUCKET)
    late = {key: {time: n for time, n in own.items() if time >= since * BUCKET} for key, own in sums.items()}
    held = past.of_sums(late, BUCKET)
    assert (stored.keys, stored.born) == (held.keys, held.born)
    if held.keys:
        assert stored.end == held.end
        start = min(held.born)
        for first, until in ((start, held.end), (start, min(start + cut * BUCKET, held.end))):
            assert np.array_equal(stored.read(first, until), held.read(first, until))
        assert stored.counts(held.keys[0], start, held.end) == held.counts(held.keys[0], start, held.end)
    assert state.counted.last("volume") == max(600, *(max(own) for own in sums.values()))
    state.close()


@given(seed=st.integers(0, 5), text=st.sampled_from(["1 per day", "3 per week", "1 per week", "1 per month"]))
@settings(deadline=None, max_examples=10)
def test_the_curve_falls_and_the_budget_holds_where_it_says(seed: int, text: str) -> None:
    rate, seconds = Rate.parse(text), 3 * 86_400
    found = run([Trial(policy(), past.of_sums(restless(seed), BUCKET))], Wish(3, text))
    assert found == sorted(found, key=lambda one: one.opened.at)
    heights = [point.alerts_per_week for point in curve(found, seconds / WEEK)]
    assert heights == sorted(heights, reverse=True)
    at = holds_at(found, rate, seconds)
    room = rate.number * max(seconds, rate.window) // rate.seconds
    assert over(found, at) <= room
    assert at == 1 or over(found, at - 0.011) > room


def over(found: list[Candidate], threshold: float) -> int:
    return sum(one.leads and one.worst >= threshold for one in found)


def test_weeks_add_up(played: World) -> None:
    report: Report = backtest(played.assembly, Wish(30, "1 per day"))
    (promise,) = report.promises
    assert sum(week.alerts for week in promise.weeks) == sum(one.told for one in report.incidents)
    assert sum(week.incidents for week in promise.weeks) == len(report.incidents)
    assert sum(week.rang for week in promise.weeks) == sum(one.told for one in played.state.incidents()) == 1
    assert promise.weeks[0].start == report.since
    assert datetime.fromtimestamp(report.until.timestamp(), NOW.tzinfo) == report.until
    assert promise.weeks_kept == 1


def test_a_policy_with_a_budget_of_its_own_has_a_promise_of_its_own(played: World) -> None:
    two = yaml() + "    - {name: apart, by: [watch, source], bucket: 5m, budget: 2 per week}\n"
    report = backtest(again(played, two), Wish(30, "1 per day", own={"apart": "2 per week"}))
    assert [(one.budget, one.policies) for one in report.promises] == [
        ("1 per day", ["volume"]),
        ("2 per week", ["apart"]),
    ]
    assert sum(one.alerts for one in report.promises) == 1  # one is told with the other


def test_a_fall_that_nothing_is_counted_after_is_found() -> None:
    steady = dict.fromkeys(range(0, 4 * 86_400, BUCKET), 5.0)
    counted = past.of_sums({("acme",): steady, ("acme", "a"): steady}, BUCKET)
    assert not [change for change in changes(policy(), counted) if change.direction == "down"]
    after = counted.end + 6 * 3600 + 1
    fall = next(change for change in changes(policy(), counted, after) if change.direction == "down")
    assert (fall.event, counted.end < fall.at <= after) == ("opened", True)
