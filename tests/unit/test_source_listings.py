"""GDELT, YouTube and Reddit: what becomes of what they show, of gaps, of quotas, and of what is gone."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import aclosing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from pydantic import ValidationError
from tests.fault.test_source_listings import OPTIONS, number
from tests.helpers.listings import Listings, Told, story
from tests.helpers.serving import Serving

from tocsin import load
from tocsin.clock import ManualClock
from tocsin.component import Context, Source
from tocsin.errors import Transient
from tocsin.model import Batch, Delete, Event, Gap, Post, Ref

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


class Reader:
    """A source and what it says, round by round, each from the last cursor on."""

    def __init__(self, folder: Path, name: str, server: Listings, clock: ManualClock, **options: Any) -> None:
        values = OPTIONS[name] | {"url": server.url} | ({"auth_url": server.url} if name == "reddit" else {}) | options
        loaded = load.component("sources", name)
        context = Context("feed", folder, clock=clock)
        self.source: Source = loaded.component_class(loaded.config_class.model_validate(values), context)
        self.cursor: str | None = None
        self.batches: list[Batch] = []

    async def round(self) -> list[Event]:
        events: list[Event] = []
        async with aclosing(self.source.read(self.cursor)) as batches:
            async for batch in batches:
                self.batches.append(batch)
                self.cursor = batch.cursor
                events += batch.events
                if any(type(event).__name__ == "Heartbeat" for event in batch.events):
                    break
        return events


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(NOW)


@pytest.fixture
async def server(clock: ManualClock) -> AsyncIterator[Listings]:
    with Serving(Listings(story(400), clock, first=4, pace=3600)) as serving:
        yield serving.simulator


def posts(events: list[Event]) -> list[Post]:
    return [event for event in events if isinstance(event, Post)]


def gaps(events: list[Event]) -> list[Gap]:
    return [event for event in events if isinstance(event, Gap)]


async def test_an_article_becomes_a_post(tmp_path: Path, server: Listings, clock: ManualClock) -> None:
    (first, *_) = posts(await Reader(tmp_path, "gdelt", server, clock).round())
    assert (first.uid, first.url, first.text) == (
        "feed:https://news.example/0", "https://news.example/0", "acme & co, part 0 größer",
    )  # fmt: skip
    assert first.author is not None
    assert (first.author.name, first.author.location, first.lang) == ("news.example", "Poland", "en")
    assert first.created_at == NOW - timedelta(minutes=4)


async def test_a_comment_of_youtube_becomes_a_post(tmp_path: Path, server: Listings, clock: ManualClock) -> None:
    (first, *_) = posts(await Reader(tmp_path, "youtube", server, clock).round())
    assert (first.uid, first.conversation, first.metrics) == ("feed:0", "v", {"likes": 3})
    assert first.url == "https://www.youtube.com/watch?v=v&lc=0"
    assert first.author is not None
    assert (first.author.id, first.author.handle) == ("UC1", "@sam")


async def test_posts_and_comments_of_reddit_become_posts(tmp_path: Path, server: Listings, clock: ManualClock) -> None:
    (first, second, *_) = posts(await Reader(tmp_path, "reddit", server, clock).round())
    assert (first.uid, first.title, first.topics) == ("feed:t3_0", "Title", ("r/acme",))
    assert (second.uid, second.refs) == ("feed:t1_1", (Ref("reply", "feed:t3_0"),))
    assert second.url == "https://www.reddit.com/r/acme/1"
    assert second.author is not None
    assert (second.author.id, second.author.handle) == ("t2_1", "sam")


@pytest.mark.parametrize("name", OPTIONS)
async def test_what_is_there_at_first_is_history_and_comes_once(
    tmp_path: Path, server: Listings, clock: ManualClock, name: str
) -> None:
    reader = Reader(tmp_path, name, server, clock)
    assert [post.backfilled for post in posts(await reader.round())] == [True] * 4
    server.told[4].at = clock.now()
    server.shown = 5
    (fresh,) = posts(await reader.round())
    assert (number(fresh.id), fresh.backfilled) == ("4", False)


@pytest.mark.parametrize("name", OPTIONS)
async def test_after_a_long_break_what_is_still_shown_fills_the_gap(
    tmp_path: Path, server: Listings, clock: ManualClock, name: str
) -> None:
    reader = Reader(tmp_path, name, server, clock)
    await reader.round()
    clock.advance(3600)
    for one in range(4, 30):
        server.told[one].at = clock.now() - timedelta(minutes=30 - one)
    server.shown = 30
    events = await reader.round()
    assert [gap.state for gap in gaps(events)] == ["open", "filled"]
    assert [post.backfilled for post in posts(events)] == [True] * 26


@pytest.mark.parametrize(("name", "options"), [("gdelt", {}), ("youtube", {"pages": 2})])
async def test_more_than_the_platform_shows_is_a_gap(
    tmp_path: Path, server: Listings, clock: ManualClock, name: str, options: dict[str, Any]
) -> None:
    reader = Reader(tmp_path, name, server, clock, **options)
    await reader.round()
    for one in range(4, 400):
        server.told[one].at = clock.now()
    server.shown = 400
    assert [gap.state for gap in gaps(await reader.round())] == ["partial"]


async def test_what_is_deleted_on_reddit_within_two_days_is_deleted_here(
    tmp_path: Path, server: Listings, clock: ManualClock
) -> None:
    reader = Reader(tmp_path, "reddit", server, clock)
    await reader.round()
    server.told[1].gone = True
    assert not [event for event in await reader.round() if isinstance(event, Delete)]
    clock.advance(3600)
    (delete,) = [event for event in await reader.round() if isinstance(event, Delete)]
    assert (delete.uid, delete.reason) == ("feed:t1_1", "deleted")
    clock.advance(3600)
    assert not [event for event in await reader.round() if isinstance(event, Delete)]


async def test_reddit_is_asked_for_another_token_when_one_has_ended(
    tmp_path: Path, server: Listings, clock: ManualClock
) -> None:
    reader = Reader(tmp_path, "reddit", server, clock)
    await reader.round()
    server.tokens += 1
    with pytest.raises(Transient, match="token has ended"):
        await reader.round()
    assert await reader.round()


async def test_only_what_a_watch_might_match_is_taken_of_reddit(
    tmp_path: Path, server: Listings, clock: ManualClock
) -> None:
    server.told[2] = Told("a quiet day", server.told[2].at)
    reader = Reader(tmp_path, "reddit", server, clock, watches=[{"name": "acme", "match": "acme"}])
    assert len(posts(await reader.round())) == 3
    assert posts(await reader.round()) == []


def refused(status: int, reason: str) -> web.Response:
    return web.json_response({"error": {"errors": [{"reason": reason}]}}, status=status)


async def test_youtubes_quota_is_kept_and_waited_for(tmp_path: Path, server: Listings, clock: ManualClock) -> None:
    reader = Reader(tmp_path, "youtube", server, clock, units_per_day=2)
    await reader.round()
    await reader.round()
    with pytest.raises(Transient, match="2 units of YouTube's quota are used today") as caught:
        await reader.round()
    assert caught.value.retry_after == pytest.approx(20 * 3600, abs=60), "midnight in California"
    clock.advance(21 * 3600)
    await reader.round()


async def test_youtubes_own_word_that_the_quota_is_used(tmp_path: Path, server: Listings, clock: ManualClock) -> None:
    server.refuse = refused(403, "quotaExceeded")
    with pytest.raises(Transient, match="quota for today is used"):
        await Reader(tmp_path, "youtube", server, clock).round()


async def test_a_video_without_comments_is_a_dead_letter_once(
    tmp_path: Path, server: Listings, clock: ManualClock
) -> None:
    server.refuse = refused(403, "commentsDisabled")
    reader = Reader(tmp_path, "youtube", server, clock)
    await reader.round()
    await reader.round()
    assert [letter.place for batch in reader.batches for letter in batch.dead] == ["UC1"]


async def test_a_query_that_gdelt_does_not_take_is_one_line(
    tmp_path: Path, server: Listings, clock: ManualClock
) -> None:
    server.refuse = web.Response(text="Your query was too short or too long.")
    with pytest.raises(Transient, match="GDELT does not take the query 'acme': Your query was too short"):
        await Reader(tmp_path, "gdelt", server, clock).round()


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("youtube", {"key": "x"}),
        ("gdelt", {"queries": []}),
        ("reddit", {"client_id": "a", "client_secret": "b", "user_agent": "linux:tocsin:1", "subreddits": ["r/acme"]}),
    ],
)
def test_options_that_cannot_be_are_refused(name: str, options: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        load.component("sources", name).config_class.model_validate(options)
