"""The words on the wire, golden: queues and scripts hold them for years."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import msgspec
import pytest
from tests.helpers.alerts import START, an_alert

from tocsin.model import Author, Delete, Event, Gap, Heartbeat, Media, Place, Post, Ref, decoder, encoder

NOW = datetime(2026, 3, 2, 12, 0, 0, 500_000, tzinfo=UTC)

GOLDEN: list[tuple[Event, str]] = [
    (
        Post(uid="news:1", source="news", id="1", text="bell", received_at=NOW),
        '{"kind":"post","uid":"news:1","source":"news","id":"1","text":"bell","received_at":"2026-03-02T12:00:00.500000Z"}',
    ),
    (
        Post(
            uid="news:1", source="news", id="1", text="bell", received_at=NOW, created_at=NOW, url="u",
            author=Author(id="a1", handle="ann", followers=3, verified=False, location="Oslo"), title="t", lang="en",
            langs=("en",), place=Place(name="Oslo", country="NO", lat=59.9, lon=10.7, bbox=(1.0, 2.0, 3.0, 4.0),
                                       level="city", origin="post_place", confidence=0.5),
            hashtags=("h",), mentions=("m",), urls=("l",), cashtags=("c",), refs=(Ref("reply", "news:0", "a0"),),
            conversation="news:0", metrics={"likes": 2}, media=(Media("image", alt="a bell"),), labels=("l",),
            topics=("t",), version=2, edited_at=NOW, stream="main", backfilled=True, raw="{}", event_time=NOW,
        ),
        '{"kind":"post","uid":"news:1","source":"news","id":"1","text":"bell","received_at":"2026-03-02T12:00:00.500000Z",'
        '"created_at":"2026-03-02T12:00:00.500000Z","url":"u","author":{"id":"a1","handle":"ann","followers":3,'
        '"location":"Oslo","verified":false},"title":"t","lang":"en","langs":["en"],"place":{"name":"Oslo",'
        '"country":"NO","lat":59.9,"lon":10.7,"bbox":[1.0,2.0,3.0,4.0],"level":"city","origin":"post_place",'
        '"confidence":0.5},"hashtags":["h"],"mentions":["m"],"urls":["l"],"cashtags":["c"],"refs":[{"type":"reply",'
        '"id":"news:0","author_id":"a0"}],"conversation":"news:0","metrics":{"likes":2},"media":[{"type":"image",'
        '"alt":"a bell"}],"labels":["l"],"topics":["t"],"version":2,"edited_at":"2026-03-02T12:00:00.500000Z",'
        '"stream":"main","backfilled":true,"raw":"{}","event_time":"2026-03-02T12:00:00.500000Z"}',
    ),
    (
        Delete(source="news", uid="news:1"),
        '{"kind":"delete","source":"news","uid":"news:1"}',
    ),
    (
        Delete(source="news", author_id="a1", up_to_id="9", scope="author", reason="asked", reversible=True, at=NOW),
        '{"kind":"delete","source":"news","author_id":"a1","up_to_id":"9","scope":"author","reason":"asked",'
        '"reversible":true,"at":"2026-03-02T12:00:00.500000Z"}',
    ),
    (
        Gap(source="news", stream="main", start=NOW, end=NOW + timedelta(hours=1), state="lost", note="cable"),
        '{"kind":"gap","source":"news","stream":"main","start":"2026-03-02T12:00:00.500000Z",'
        '"end":"2026-03-02T13:00:00.500000Z","state":"lost","note":"cable"}',
    ),
    (
        Heartbeat(source="news", stream="main", at=NOW),
        '{"kind":"heartbeat","source":"news","stream":"main","at":"2026-03-02T12:00:00.500000Z"}',
    ),
]  # fmt: skip

INCIDENT = (
    '{"id":"incident-1","policy":"volume","series":{"watch":"acme","category":"outage"},"state":"open",'
    '"direction":"up","start":"2026-11-22T12:00:00Z","detected_at":"2026-11-22T12:05:00Z","end":null,"observed":42.0,'
    '"expected":6.5,"low":2.0,"high":12.0,"severity":3,"headline":"bell","explanation":{"phrases":["the bell rings"],'
    '"posts":[{"text":"bell"}]},"sql":"SELECT 1","peak":0.0,"scale":0,"measure":"mentions","score":0.0,'
    '"threshold":1.0,"told":true,"part_of":null,"total_excess":null,"receipt":{},"acked_at":null,"acked_by":null,'
    '"assigned_to":null,"snoozed_until":null,"feedback":null,"notes":[]}'
)


@pytest.mark.parametrize(("event", "golden"), GOLDEN)
def test_an_event_on_the_wire_and_back(event: Event, golden: str) -> None:
    assert encoder.encode(event).decode() == golden
    assert decoder.decode(golden) == event


def test_an_incident_and_an_alert_on_the_wire() -> None:
    alert = an_alert(headline="bell")
    assert msgspec.json.encode(alert.incident).decode() == INCIDENT
    golden = f'{{"type":"alert","key":"incident-1:opened:1","event":"opened","incident":{INCIDENT},"also":[]}}'
    assert msgspec.json.encode(alert).decode() == golden
    assert msgspec.json.decode(golden, type=type(alert)) == alert


def test_what_a_newer_tocsin_adds_is_passed_over() -> None:
    newer = '{"kind":"heartbeat","source":"news","stream":"main","at":"2026-03-02T12:00:00.5Z","mood":{"fine":true}}'
    assert decoder.decode(newer) == Heartbeat(source="news", stream="main", at=NOW)


@pytest.mark.parametrize(
    "wrong",
    [
        '{"kind":"sonnet"}',
        '{"source":"news","stream":"main","at":"2026-03-02T12:00:00Z"}',
        '{"kind":"heartbeat","source":"news","stream":"main"}',
        '{"kind":"heartbeat","source":"news","stream":"main","at":"soon"}',
        '{"kind":"gap","source":"n","stream":"m","start":"2026-03-02T12:00:00Z","end":"2026-03-02T12:00:00Z","state":"x"}',
        "[]",
        "",
    ],
)
def test_what_is_no_event_is_refused(wrong: str) -> None:
    with pytest.raises(msgspec.MsgspecError):
        decoder.decode(wrong)


def test_times_of_other_zones_are_the_same_moment() -> None:
    there = NOW.astimezone(timezone(timedelta(hours=2)))
    beat = decoder.decode(encoder.encode(Heartbeat(source="news", stream="main", at=there)))
    assert isinstance(beat, Heartbeat)
    assert (beat.at, beat.at.utcoffset()) == (NOW, timedelta(hours=2))


def test_words_are_frozen() -> None:
    with pytest.raises(AttributeError):
        an_alert().incident.state = "resolved"  # type: ignore[misc]
    assert an_alert().incident.start == START
