"""X: what its posts become, whose rules are touched, what it may cost, and what is done when it refuses."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Sequence
from contextlib import aclosing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
from tests.helpers.serving import Serving

from tocsin.clock import ManualClock
from tocsin.component import Context
from tocsin.errors import ConfigError, Permanent, Transient
from tocsin.model import Author, Delete, Event, Gap, Place, Post, Ref
from tocsin.simulators._faults import Fault
from tocsin.simulators.x import X as Simulator
from tocsin.simulators.x import story
from tocsin.sources._x_api import BLOCKED, Refusal, Waits
from tocsin.sources._x_connection import Cursor
from tocsin.sources._x_post import lines, post
from tocsin.sources._x_rules import Rule, plan
from tocsin.sources.x import Config, X

NOW = datetime(2026, 3, 1, 13, 0, tzinfo=UTC)
WATCHES = [{"name": "acme", "match": "acme"}]


class Brief(ManualClock):
    """A clock on which everybody who sleeps waits a little, and time passes as it says."""

    async def sleep(self, seconds: float) -> None:
        self.advance(seconds)
        await asyncio.sleep(0.002)


class Reader:
    """A source and what it has said; each `read` is a connection of its own, from the last cursor on."""

    def __init__(self, folder: Path, simulator: Simulator, **options: Any) -> None:
        self.clock = Brief(NOW)
        values = {
            "token": "invented",
            "url": simulator.url,
            "max_cost_per_day": 10,
            "watches": WATCHES,
            "heartbeat": "5s",
        }
        self.source = X(Config.model_validate(values | options), Context("feed", folder, clock=self.clock))
        self.cursor: str | None = None
        self.events: list[Event] = []
        self.fault: Transient | None = None

    async def read(self, enough: Callable[[list[Event]], bool]) -> list[Event]:
        """Until there is enough, or the connection is over; a refusal is kept in `fault`."""
        fresh: list[Event] = []
        self.fault = None
        try:
            async with asyncio.timeout(20), aclosing(self.source.read(self.cursor)) as batches:
                async for batch in batches:
                    self.cursor = batch.cursor
                    fresh += batch.events
                    if enough(fresh):
                        break
        except Transient as fault:
            self.fault = fault
        self.events += fresh
        return fresh


def has(count: int) -> Callable[[list[Event]], bool]:
    return lambda events: len(posts(events)) >= count


def posts(events: Sequence[Event]) -> list[Post]:
    return [event for event in events if isinstance(event, Post)]


def gaps(events: Sequence[Event]) -> list[Gap]:
    return [event for event in events if isinstance(event, Gap)]


TWEET: dict[str, Any] = {
    "id": "1990000000000000002", "text": "cut off… https://t.co/1", "author_id": "7",
    "created_at": "2026-03-01T12:59:58.000Z", "lang": "iw", "conversation_id": "1",
    "edit_history_tweet_ids": ["1990000000000000001", "1990000000000000002"],
    "geo": {"place_id": "p"}, "possibly_sensitive": True,
    "note_tweet": {
        "text": "AT&amp;T and $ACME: all of it https://t.co/1 https://t.co/2",
        "entities": {
            "urls": [{"url": "https://t.co/1", "expanded_url": "https://acme.example/x"},
                     {"url": "https://t.co/2", "expanded_url": "https://x.com/i/photo/1", "media_key": "3_1"}],
            "hashtags": [{"tag": "Down"}], "mentions": [{"username": "acme"}], "cashtags": [{"tag": "ACME"}],
        },
    },
    "public_metrics": {"retweet_count": 1, "reply_count": 2, "like_count": 3, "quote_count": 4, "impression_count": 5},
    "referenced_tweets": [{"type": "replied_to", "id": "1"}, {"type": "quoted", "id": "2"}],
    "context_annotations": [{"domain": {"id": "46", "name": "Business"}, "entity": {"id": "1", "name": "Travel"}}],
}  # fmt: skip
INCLUDES: dict[str, Any] = {
    "users": [{"id": "8", "username": "other"},
              {"id": "7", "username": "sam", "name": "Sam", "location": "Leeds", "verified": True,
               "public_metrics": {"followers_count": 9, "following_count": 8, "tweet_count": 7}}],
    "places": [{"id": "p", "full_name": "Manchester, England", "country_code": "GB", "place_type": "city",
                "geo": {"bbox": [-2.4, 53.2, -2.0, 53.6]}}],
    "tweets": [{"id": "2", "text": "the other one", "author_id": "8"}],
}  # fmt: skip


def made(tweet: dict[str, Any], includes: dict[str, Any]) -> Post:
    found = lines.decode(msgspec.json.encode({"data": tweet, "includes": includes}))
    assert found.data is not None
    return post(found.data, found.includes, "feed", NOW, backfilled=False)


def test_a_tweet_becomes_a_post_with_all_that_it_has() -> None:
    found = made(TWEET, INCLUDES)
    assert (found.uid, found.id, found.version) == ("feed:1990000000000000001", TWEET["id"], 2)
    assert found.edited_at is not None
    assert found.text == "AT&T and $ACME: all of it https://acme.example/x"
    assert (found.lang, found.labels, found.topics, found.conversation) == ("he", ("sensitive",), ("Travel",), "1")
    assert (found.hashtags, found.mentions, found.cashtags) == (("Down",), ("acme",), ("ACME",))
    assert found.urls == ("https://acme.example/x",)
    assert found.url == f"https://x.com/sam/status/{TWEET['id']}"
    assert found.author == Author(
        id="7", handle="sam", name="Sam", url="https://x.com/sam", followers=9, following=8, posts=7, location="Leeds",
        verified=True,
    )  # fmt: skip
    assert found.place == Place(
        name="Manchester, England", country="GB", lat=pytest.approx(53.4), lon=pytest.approx(-2.2),
        bbox=(-2.4, 53.2, -2.0, 53.6), level="city", origin="post_place",
    )  # fmt: skip
    assert found.refs == (Ref("reply", "feed:1"), Ref("quote", "feed:2", "8", "the other one"))
    assert found.metrics == {"reposts": 1, "replies": 2, "likes": 3, "quotes": 4, "views": 5}


def test_the_new_words_for_a_tweet_mean_the_same() -> None:
    def renamed(value: Any) -> Any:
        return msgspec.json.decode(msgspec.json.encode(value).replace(b"tweet", b"post").replace(b"retweet", b"repost"))

    assert made(renamed(TWEET), renamed(INCLUDES)) == made(TWEET, INCLUDES)


def test_a_repost_has_the_whole_text_of_the_other() -> None:
    tweet = {
        "id": "3",
        "text": "RT @other: the oth…",
        "author_id": "7",
        "referenced_tweets": [{"type": "retweeted", "id": "2"}],
    }
    found = made(tweet, INCLUDES)
    assert (found.text, found.refs) == ("the other one", (Ref("repost", "feed:2", "8", "the other one"),))


def test_an_exact_point_is_a_place() -> None:
    found = made({"id": "3", "text": "x", "geo": {"coordinates": {"type": "Point", "coordinates": [13.4, 52.5]}}}, {})
    assert found.place == Place(lat=52.5, lon=13.4, level="point", origin="post_geo")


# -- rules --


def test_rules_of_others_stay_and_ours_become_what_is_wanted() -> None:
    there = [Rule("acme", "tocsin:feed:acme", "1"), Rule("old", "tocsin:feed:old", "2"), Rule("cats", "mine", "3")]
    there += [Rule("borealis", "mine", "4"), Rule("more", "tocsin:other:more", "5")]
    want = [Rule("acme", "tocsin:feed:acme"), Rule("borealis", "tocsin:feed:b"), Rule("cumulo", "tocsin:feed:c")]
    found = plan(there, want, "feed")
    assert [rule.value for rule in found.add] == ["cumulo"]
    assert [rule.id for rule in found.remove] == ["2"]
    assert (found.foreign, found.ids) == (3, {"1", "4"})


async def test_x_is_asked_first_whether_it_would_and_what_is_new_goes_first(tmp_path: Path) -> None:
    simulator = Simulator(story(1, 20))
    simulator.rules = {"1": ("old", "tocsin:feed:old"), "2": ("cats", "mine"), "3": ("acme", "tocsin:feed:before")}
    with Serving(simulator):
        watches = [
            *WATCHES,
            {"name": "b", "match": "borealis"},
            {"name": "not here", "match": "x", "sources": ["other"]},
        ]
        await Reader(tmp_path, simulator, watches=watches).read(has(1))
    assert set(simulator.rules.values()) == {
        ("cats", "mine"), ("acme", "tocsin:feed:acme"), ("borealis", "tocsin:feed:b"),
    }  # fmt: skip
    calls = simulator.rule_calls
    assert [(call["dry"], "add" in call) for call in calls] == [
        (True, True),
        (False, False),
        (False, True),
        (False, False),
    ]
    assert calls[1]["delete"]["ids"] == ["3"], "a text may be there once only"
    assert calls[3]["delete"]["ids"] == ["1"]


async def test_a_rule_that_x_does_not_take_is_one_clear_line_and_nothing_is_changed(tmp_path: Path) -> None:
    simulator = Simulator(story(1, 20))
    simulator.rules = {"1": ("old", "tocsin:feed:old")}
    with Serving(simulator):
        reader = Reader(tmp_path, simulator)
        reader.source._rules = [Rule("acme AND x", "tocsin:feed:acme")]
        with pytest.raises(Permanent, match="X does not take the rule 'acme AND x': Rule cannot be parsed"):
            await reader.read(has(1))
    assert simulator.rules == {"1": ("old", "tocsin:feed:old")}


async def test_posts_that_only_rules_of_others_matched_are_let_go(tmp_path: Path) -> None:
    told = [*story(1, 6, ["cats only"], reposts=False), *story(2, 6, ["acme and cats"], reposts=False)]
    simulator = Simulator(told)
    simulator.rules = {"2": ("cats", "mine")}
    with Serving(simulator):
        events = await Reader(tmp_path, simulator).read(has(6))
    assert {one.text.removesuffix(" (edited)") for one in posts(events)} == {"acme and cats"}


def test_a_watch_that_x_cannot_be_asked_for_is_refused(tmp_path: Path) -> None:
    values = {"token": "x", "max_cost_per_day": 1, "watches": [{"name": "german", "match": "lang:de"}]}
    with pytest.raises(ConfigError, match="nothing but lang:de"):
        X(Config.model_validate(values), Context("feed", tmp_path))


async def test_without_a_watch_there_is_nothing_to_ask_for(tmp_path: Path) -> None:
    source = X(Config.model_validate({"token": "x", "max_cost_per_day": 1}), Context("feed", tmp_path))
    with pytest.raises(Permanent, match="name one under watches:"):
        await anext(source.read(None))


# -- money --


async def test_it_stops_before_the_cap_says_so_and_goes_on_the_next_day(tmp_path: Path) -> None:
    with Serving(Simulator(story(1, 200, reposts=False), pace=0.002)) as serving:
        reader = Reader(tmp_path, serving.simulator, max_cost_per_day=0.25, refuse=False)
        events = await reader.read(has(1000))
        assert reader.fault is not None
        assert "max_cost_per_day is $0.25: it is not asked before 00:00 UTC" in str(reader.fault)
        assert reader.fault.retry_after == pytest.approx(11 * 3600, abs=60)
        assert reader.source.spent_today <= 0.25 + 1e-9
        assert reader.source.spent_today == pytest.approx(0.005 * serving.simulator.sent.total(), abs=0.05)
        assert [(gap.state, gap.note) for gap in gaps(events)] == [("open", "max_cost_per_day is reached")]
        connects = serving.simulator.connects
        assert await reader.read(has(1)) == []
        assert serving.simulator.connects == connects
        reader.clock.advance(12 * 3600)
        events = await reader.read(has(1))
    (gap,) = gaps(events)
    assert (gap.state, gap.note) == ("lost", "max_cost_per_day was reached")
    assert timedelta(hours=11.5) < gap.end - gap.start < timedelta(hours=12.5)
    assert posts(events)


async def test_it_does_not_start_where_the_watches_would_cost_too_much(tmp_path: Path) -> None:
    with Serving(Simulator(story(1, 200))) as serving:
        with pytest.raises(Permanent, match=r"200 posts on X in the last 24 hours, \$1\.00 at \$0\.005 each; max_cost"):
            await Reader(tmp_path, serving.simulator, max_cost_per_day=0.5).read(has(1))
        assert serving.simulator.connects == 0
        assert await Reader(tmp_path, serving.simulator, max_cost_per_day=0.5, refuse=False).read(has(1))


async def test_what_a_day_has_cost_is_known_after_a_restart(tmp_path: Path) -> None:
    with Serving(Simulator(story(1, 50))) as serving:
        first = Reader(tmp_path, serving.simulator)
        await first.read(has(10))
        again = Reader(tmp_path, serving.simulator)
        assert again.source.spent_today == first.source.spent_today >= 0.05


# -- when it refuses --


async def test_a_connection_that_is_in_the_way_is_ended(tmp_path: Path) -> None:
    with Serving(Simulator(story(1, 50), [Fault("crowded", 0)])) as serving:
        reader = Reader(tmp_path, serving.simulator)
        assert await reader.read(has(1)) == []
        assert reader.fault is not None
        assert reader.fault.retry_after is not None
        assert 30 <= reader.fault.retry_after <= 40
        assert posts(await reader.read(has(1)))
        assert serving.simulator.kills == 1


@pytest.mark.parametrize(
    ("status", "advice"), [("401", "bearer token"), ("402", "no credits left"), ("403", "may not use")]
)
async def test_what_only_a_person_can_mend_is_said_and_tried_rarely(tmp_path: Path, status: str, advice: str) -> None:
    with Serving(Simulator(story(1, 50), [Fault(status, 0)])) as serving:
        reader = Reader(tmp_path, serving.simulator)
        await reader.read(has(1))
    assert reader.fault is not None
    assert advice in str(reader.fault)
    assert reader.fault.retry_after == BLOCKED


async def test_the_other_vocabulary_is_spoken_where_x_wants_it(tmp_path: Path) -> None:
    with Serving(Simulator(story(1, 50), words="post")) as serving:
        reader = Reader(tmp_path, serving.simulator)
        await reader.read(has(1))
        assert "now those for a post" in str(reader.fault)
        assert posts(await reader.read(has(3)))


def refusal(status: int, headers: dict[str, str] | None = None) -> Refusal:
    return Refusal(status, b"{}", headers or {})


def test_waits_are_those_that_x_asks_for() -> None:
    clock = ManualClock(NOW)
    waits = Waits(clock, random.Random(1))
    assert [waits.dropped() for _ in range(4)] == [0.01, 0.25, 0.5, 0.75]
    assert [waits.refused(refusal(503)) for _ in range(8)] == [5, 10, 20, 40, 80, 160, 320, 320]
    assert [waits.refused(refusal(429)) for _ in range(3)] == [60, 120, 240]
    reset = str(int(NOW.timestamp()) + 700)
    waits.heard()
    assert waits.refused(refusal(429, {"X-Rate-Limit-Reset": reset})) == 700
    assert waits.dropped() == 0.01


def test_it_does_not_connect_more_often_than_x_allows() -> None:
    clock = ManualClock(NOW)
    waits = Waits(clock, random.Random(1))
    for _ in range(45):
        waits.connecting()
        clock.advance(1)
    with pytest.raises(Transient) as caught:
        waits.connecting()
    assert caught.value.retry_after == 900 - 45
    clock.advance(900 - 45)
    waits.connecting()


async def test_what_was_missed_is_searched_for_and_is_history(tmp_path: Path) -> None:
    with Serving(Simulator(story(1, 60, reposts=False), [Fault("end", 10)], pace=0.01, clock=Brief(NOW))) as serving:
        simulator = serving.simulator
        reader = Reader(tmp_path, simulator, watches=[{"name": "acme", "match": "acme -is:repost"}])
        simulator._clock = reader.clock
        await reader.read(has(1000))
        reader.clock.advance(600)
        await asyncio.sleep(0.1)
        await reader.read(lambda events: any(gap.state == "filled" for gap in gaps(events)))
    first, last = gaps(reader.events)
    assert (first.state, last.state, first.start == last.start) == ("open", "filled", True)
    assert last.end - last.start >= timedelta(seconds=600)
    found = posts(reader.events)
    assert any(one.backfilled for one in found)
    assert {one.id for one in found} >= {one.id for one in simulator._told if one.at and one.at < first.end}


async def test_a_search_that_is_not_allowed_leaves_the_gap_lost(tmp_path: Path) -> None:
    with Serving(Simulator(story(1, 60), pace=0.01)) as serving:
        reader = Reader(tmp_path, serving.simulator, repair=False)
        await reader.read(has(1))
        events = await reader.read(has(1))
    (gap,) = gaps(events)
    assert (gap.state, gap.note) == ("lost", "not connected, and repair is off")


# -- forgetting --


async def test_what_x_wants_forgotten_is_forgotten(tmp_path: Path) -> None:
    with Serving(Simulator(story(1, 30, reposts=False), pace=0.002)) as serving:
        simulator = serving.simulator
        reader = Reader(tmp_path, simulator, compliance="60s")
        first = posts(await reader.read(has(4)))
        roots = [one.uid.partition(":")[2] for one in first]
        simulator.gone = {roots[0]: "deleted", roots[1]: "scrub_geo", roots[2]: "suspended"}
        reader.clock.advance(60)
        events = await reader.read(lambda events: any(isinstance(event, Delete) for event in events))
    told = {event.uid: event for event in events if isinstance(event, Delete)}
    assert {uid: (one.scope, one.reason, one.reversible) for uid, one in told.items()} == {
        f"feed:{roots[0]}": ("post", "deleted", False),
        f"feed:{roots[1]}": ("geo", "scrub_geo", False),
        f"feed:{roots[2]}": ("post", "suspended", True),
    }
    assert reader.cursor is not None
    assert msgspec.json.decode(reader.cursor, type=Cursor).checked >= NOW + timedelta(seconds=60)
