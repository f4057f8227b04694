"""Mastodon: what statuses become, whose are taken, what is said of gaps, and what is done when it refuses."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from contextlib import aclosing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest
from pydantic import ValidationError
from tests.helpers.clocks import FlyingClock
from tests.helpers.serving import Serving

from tocsin.component import Context
from tocsin.errors import Permanent, Transient
from tocsin.model import Author, Delete, Event, Gap, Media, Post, Ref
from tocsin.simulators.mastodon import TOKEN, Told, story
from tocsin.simulators.mastodon import Mastodon as Simulator
from tocsin.sources._ear import Ear
from tocsin.sources._mastodon_post import post, statuses
from tocsin.sources._mastodon_session import Wanted
from tocsin.sources.mastodon import BLOCKED, Config, Mastodon

NOW = datetime(2026, 3, 1, 13, 0, tzinfo=UTC)
URI = "https://social.example/users/sam/statuses/1"
STATUS: dict[str, Any] = {
    "id": "113000000000000001", "uri": URI, "url": "https://social.example/@sam/1",
    "created_at": "2026-03-01T12:59:00Z", "edited_at": "2026-03-01T12:59:30Z", "spoiler_text": "trains",
    "language": "en",
    "content": '<p>Stuck <a href="https://social.example/tags/acme" class="mention hashtag">#<span>acme</span></a>'
               '<br>see <a href="https://acme.example/x"><span class="invisible">https://</span>acme.example/x</a>'
               " &amp; cry</p>",
    "visibility": "public", "sensitive": True, "in_reply_to_id": "112", "in_reply_to_account_id": "9",
    "account": {
        "id": "1", "acct": "sam@social.example", "uri": "https://social.example/users/sam", "url": "https://social.example/@sam",
        "display_name": "Sam", "note": "<p>hello</p>", "followers_count": 3, "following_count": 4, "statuses_count": 5,
        "bot": False, "fields": [{"name": "Pronouns", "value": "any"}, {"name": "📍 Lives in", "value": "<b>Łódź</b>"}],
    },
    "tags": [{"name": "acme", "url": "https://social.example/tags/acme"}],
    "mentions": [{"acct": "acme@shop.example", "url": "https://shop.example/@acme"}],
    "media_attachments": [{"type": "gifv", "url": "https://files.example/1", "description": "a train"}],
    "card": {"url": "https://acme.example/x", "title": "Acme"},
    "quote": {"state": "accepted", "quoted_status": {"id": "7", "uri": "https://b.example/7", "content": "<p>other</p>",
                                                     "account": {"acct": "b", "url": "https://b.example/@b"}}},
    "replies_count": 1, "reblogs_count": 2, "favourites_count": 3,
}  # fmt: skip


def made(**more: Any) -> Post:
    return post(statuses.decode(msgspec.json.encode(STATUS | more)), "feed", NOW, backfilled=False)


def test_a_status_becomes_a_post_with_all_that_it_has() -> None:
    found = made()
    assert (found.uid, found.id, found.url) == (f"feed:{URI}", URI, "https://social.example/@sam/1")
    assert found.text == "trains\n\nStuck #acme\nsee acme.example/x & cry"
    assert (found.lang, found.hashtags, found.mentions) == ("en", ("acme",), ("acme@shop.example",))
    assert found.urls == ("https://acme.example/x",)
    assert found.labels == ("sensitive", "spoiler")
    assert (found.version, found.edited_at) == (32, datetime(2026, 3, 1, 12, 59, 30, tzinfo=UTC))
    assert found.author == Author(
        id="https://social.example/users/sam", handle="sam@social.example", name="Sam", url="https://social.example/@sam",
        description="hello", followers=3, following=4, posts=5, location="Łódź", bot=False,
    )  # fmt: skip
    assert found.refs == (
        Ref("quote", "feed:https://b.example/7", "https://b.example/@b", "other"), Ref("reply", "feed:112", "9"),
    )  # fmt: skip
    assert found.media == (
        Media("gif", "https://files.example/1", "a train"), Media("link", "https://acme.example/x", None, "Acme"),
    )  # fmt: skip
    assert found.metrics == {"replies": 1, "reposts": 2, "likes": 3}


def test_a_boost_has_the_text_of_the_other() -> None:
    other = {"id": "8", "uri": "https://b.example/8", "content": "<p>said once</p>", "account": {"acct": "b"}}
    found = made(reblog=other, quote=None, in_reply_to_id=None, spoiler_text="")
    assert (found.text, found.refs) == ("said once", (Ref("repost", "feed:https://b.example/8", None, "said once"),))


@pytest.mark.parametrize(
    ("name", "found"),
    [("Location", True), ("Ort:", True), ("📍", True), ("Ubicación", True), ("Website", False), ("Sport", False)],
)
def test_the_line_of_a_profile_that_is_a_place_is_known(name: str, found: bool) -> None:
    author = made(account={"acct": "sam", "fields": [{"name": name, "value": "Leeds"}]}).author
    assert author is not None
    assert (author.location == "Leeds") == found


@pytest.mark.parametrize(
    ("account", "respect", "bots", "taken"),
    [
        ({}, "noindex", True, True),
        ({"noindex": True}, "noindex", True, False),
        ({"noindex": True}, "nothing", True, True),
        ({"indexable": False}, "noindex", True, True),
        ({"indexable": False}, "indexable", True, False),
        ({"indexable": True}, "indexable", True, True),
        ({"bot": True}, "noindex", False, False),
    ],
)
def test_whoever_does_not_want_to_be_found_is_let_go(
    account: dict[str, Any], respect: Any, bots: bool, taken: bool
) -> None:
    status = statuses.decode(msgspec.json.encode(STATUS | {"account": account}))
    assert Wanted(Ear((), "feed"), respect, bots).takes(status) == taken


@pytest.mark.parametrize("visibility", ["unlisted", "private", "direct"])
def test_only_what_is_public_is_taken(visibility: str) -> None:
    status = statuses.decode(msgspec.json.encode(STATUS | {"visibility": visibility}))
    assert not Wanted(Ear((), "feed"), "nothing", True).takes(status)


class Reader:
    """A source and what it has said; each `read` is a connection of its own, from the last cursor on."""

    def __init__(self, folder: Path, simulator: Simulator, **options: Any) -> None:
        self.clock = FlyingClock(time.time(), 50)
        simulator._clock = self.clock
        values = {"url": simulator.url, "token": TOKEN, "streams": ["public"], "heartbeat": "5s"} | options
        self.source = Mastodon(Config.model_validate(values), Context("feed", folder, clock=self.clock))
        self.cursor: str | None = None
        self.fault: Transient | None = None

    async def read(self, enough: Callable[[list[Event]], bool]) -> list[Event]:
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
        return fresh


def posts(events: Sequence[Event]) -> list[Post]:
    return [event for event in events if isinstance(event, Post)]


def gaps(events: Sequence[Event]) -> list[Gap]:
    return [event for event in events if isinstance(event, Gap)]


def has(count: int) -> Callable[[list[Event]], bool]:
    return lambda events: len(posts(events)) >= count


async def test_after_a_long_break_the_timelines_are_read_and_a_gap_says_so(tmp_path: Path) -> None:
    with Serving(Simulator(story(1, 200), pace=0.005)) as serving:
        reader = Reader(tmp_path, serving.simulator)
        await reader.read(has(3))
        await asyncio.sleep(0.8)
        events = await reader.read(lambda events: any(gap.state == "filled" for gap in gaps(events)))
    assert [gap.state for gap in gaps(events)] == ["open", "filled"]
    assert posts(events)
    assert all(one.backfilled for one in posts(events))


async def test_what_is_too_much_to_read_again_leaves_the_gap_partial(tmp_path: Path) -> None:
    with Serving(Simulator(story(1, 300), pace=0.003)) as serving:
        reader = Reader(tmp_path, serving.simulator, most_behind=40)
        await reader.read(has(3))
        await asyncio.sleep(0.8)
        events = await reader.read(lambda events: any(gap.state != "open" for gap in gaps(events)))
    assert [(gap.state, gap.note) for gap in gaps(events)][1] == ("partial", "more than 40 statuses were missed")


async def test_timelines_that_are_closed_leave_the_gap_lost(tmp_path: Path) -> None:
    with Serving(Simulator(story(1, 300), pace=0.003)) as serving:
        reader = Reader(tmp_path, serving.simulator)
        await reader.read(has(3))
        serving.simulator.timelines_open = False
        await asyncio.sleep(0.8)
        events = await reader.read(lambda events: any(gap.state != "open" for gap in gaps(events)))
    assert [gap.state for gap in gaps(events)] == ["open", "lost"]


async def test_a_server_with_closed_timelines_is_heard_all_the_same(tmp_path: Path) -> None:
    with Serving(Simulator(story(1, 60), pace=0.003)) as serving:
        serving.simulator.timelines_open = False
        assert len(posts(await Reader(tmp_path, serving.simulator).read(has(3)))) >= 3


async def test_a_subscription_that_takes_a_moment_loses_nothing(tmp_path: Path) -> None:
    with Serving(Simulator(story(1, 60), pace=0.005, late=0.15)) as serving:
        simulator = serving.simulator
        reader = Reader(tmp_path, simulator)

        def enough(events: list[Event]) -> bool:
            return simulator.over and simulator.matched <= {one.id for one in posts(events)}

        await reader.read(enough)
        assert reader.fault is None


async def test_a_hashtag_is_asked_for_at_the_server(tmp_path: Path) -> None:
    with Serving(Simulator(story(1, 60), pace=0.002)) as serving:
        events = await Reader(tmp_path, serving.simulator, streams=["hashtag:#acme"]).read(has(5))
    assert {one.hashtags for one in posts(events)} == {("acme",)}


async def test_a_delete_of_what_was_taken_names_the_post(tmp_path: Path) -> None:
    told = [Told("acme"), Told("a quiet day"), Told(deletes=1), Told(deletes=0)]
    with Serving(Simulator(told, pace=0.01)) as serving:
        reader = Reader(tmp_path, serving.simulator, watches=[{"name": "acme", "match": "acme"}])
        events = await reader.read(lambda events: any(isinstance(event, Delete) for event in events))
    (first,) = posts(events)
    assert [event.uid for event in events if isinstance(event, Delete)] == [first.uid]


async def test_a_token_that_is_refused_is_one_line_and_is_tried_rarely(tmp_path: Path) -> None:
    with Serving(Simulator(story(1, 5))) as serving:
        serving.simulator.revoked = True
        reader = Reader(tmp_path, serving.simulator)
        await reader.read(has(1))
    assert reader.fault is not None
    assert "the token is refused" in str(reader.fault)
    assert reader.fault.retry_after == BLOCKED


@pytest.mark.parametrize("streams", [[], ["home"], ["hashtag:"], ["public:nearby"]])
def test_a_stream_that_there_is_not_is_refused(streams: list[str]) -> None:
    with pytest.raises(ValidationError):
        Config.model_validate({"url": "https://social.example", "token": "x", "streams": streams})


def test_an_address_that_is_none_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Permanent):
        Mastodon(Config.model_validate({"url": "social", "token": "x"}), Context("feed", tmp_path))
