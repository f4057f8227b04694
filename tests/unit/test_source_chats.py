"""Telegram and Discord: what messages become, edits, deletes, gaps, and what is said when they refuse."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import aclosing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from tests.fault.test_source_chats import OPTIONS
from tests.helpers.chats import CHANNEL, Chats, story
from tests.helpers.serving import Serving

from tocsin import load
from tocsin.capabilities import Probed
from tocsin.clock import ManualClock
from tocsin.component import Context, Source
from tocsin.config import Config
from tocsin.errors import ConfigError, Transient
from tocsin.model import Author, Batch, Delete, Event, Gap, Heartbeat, Post, Ref
from tocsin.runners.assemble import Assembly
from tocsin.runners.listen import listen
from tocsin.settings import Part

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


class Reader:
    """A source and what it says, round by round, each from the last cursor on."""

    def __init__(self, folder: Path, name: str, server: Chats, clock: ManualClock, **options: Any) -> None:
        loaded = load.component("sources", name)
        values = OPTIONS[name] | {"url": server.url} | options
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
                if any(isinstance(event, Heartbeat) for event in batch.events):
                    break
        return events


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(NOW)


@pytest.fixture
async def server(clock: ManualClock) -> AsyncIterator[Chats]:
    with Serving(Chats(story(400), clock, first=3, pace=3600)) as serving:
        yield serving.simulator


def posts(events: list[Event]) -> list[Post]:
    return [event for event in events if isinstance(event, Post)]


def update(number: int, **message: Any) -> dict[str, Any]:
    base = {"message_id": 9, "date": int(NOW.timestamp()), "chat": {"id": -5, "title": "Friends", "type": "group"}}
    return {"update_id": number, "message": base | message}


async def test_a_post_of_a_channel_on_telegram(tmp_path: Path, server: Chats, clock: ManualClock) -> None:
    (first, *_) = posts(await Reader(tmp_path, "telegram", server, clock).round())
    assert (first.uid, first.url, first.topics) == ("feed:-100/1", "https://t.me/acmenews/1", ("Acme news",))
    assert first.author == Author(id="-100", handle="acmenews", name="Acme news")


async def test_a_message_of_a_group_on_telegram_with_its_marks(
    tmp_path: Path, server: Chats, clock: ManualClock
) -> None:
    text = "🔔 #acme by @sam, see here https://acme.example"
    entities = [
        {"type": "hashtag", "offset": 3, "length": 5}, {"type": "mention", "offset": 12, "length": 4},
        {"type": "text_link", "offset": 22, "length": 4, "url": "https://a.example/x"},
        {"type": "url", "offset": 27, "length": 20},
    ]  # fmt: skip
    sender = {"id": 5, "username": "ann", "first_name": "Ann", "is_bot": False}
    server.extra = [update(10, text=text, entities=entities, reply_to_message={"message_id": 8}, **{"from": sender})]
    found = posts(await Reader(tmp_path, "telegram", server, clock).round())[-1]
    assert (found.hashtags, found.mentions) == (("acme",), ("sam",))
    assert found.urls == ("https://a.example/x", "https://acme.example")
    assert found.refs == (Ref("reply", "feed:-5/8"),)
    assert found.author == Author(id="5", handle="ann", name="Ann", bot=False)


async def test_an_edit_on_telegram_is_a_higher_version(tmp_path: Path, server: Chats, clock: ManualClock) -> None:
    late = {"text": "acme, mended", "edit_date": int(NOW.timestamp()) + 60}
    server.extra = [{"update_id": 10, "edited_message": update(10, **late)["message"]}]
    found = posts(await Reader(tmp_path, "telegram", server, clock).round())[-1]
    assert (found.uid, found.version, found.edited_at) == ("feed:-5/9", 61, NOW + timedelta(seconds=60))


async def test_only_named_chats_of_telegram_are_heard(tmp_path: Path, server: Chats, clock: ManualClock) -> None:
    server.extra = [update(10, text="acme elsewhere")]
    found = posts(await Reader(tmp_path, "telegram", server, clock, chats=["@AcmeNews"]).round())
    assert {post.topics for post in found} == {("Acme news",)}


async def test_an_update_of_telegram_that_cannot_be_read_is_a_dead_letter(
    tmp_path: Path, server: Chats, clock: ManualClock
) -> None:
    server.extra = [{"update_id": 10, "message": {"message_id": "x"}}, update(11, text="acme goes on")]
    reader = Reader(tmp_path, "telegram", server, clock)
    found = posts(await reader.round())
    assert found[-1].text == "acme goes on"
    assert len([letter for batch in reader.batches for letter in batch.dead]) == 1


async def test_a_break_longer_than_telegram_keeps_updates_is_a_partial_gap(
    tmp_path: Path, server: Chats, clock: ManualClock
) -> None:
    reader = Reader(tmp_path, "telegram", server, clock)
    await reader.round()
    clock.advance(3600)
    server.shown = 5
    assert [event.state for event in await reader.round() if isinstance(event, Gap)] == ["open", "filled"]
    clock.advance(25 * 3600)
    assert [event.state for event in await reader.round() if isinstance(event, Gap)] == ["open", "partial"]


async def test_two_who_read_the_same_bot_is_one_line(tmp_path: Path, server: Chats, clock: ManualClock) -> None:
    server.refuse = web.json_response({"ok": False, "description": "Conflict: terminated"}, status=409)
    with pytest.raises(Transient, match="something else reads this bot's updates"):
        await Reader(tmp_path, "telegram", server, clock).round()


async def test_telegram_is_left_alone_for_as_long_as_it_says(tmp_path: Path, server: Chats, clock: ManualClock) -> None:
    said = {"ok": False, "description": "Too Many Requests", "parameters": {"retry_after": 17}}
    server.refuse = web.json_response(said, status=429)
    with pytest.raises(Transient) as caught:
        await Reader(tmp_path, "telegram", server, clock).round()
    assert caught.value.retry_after == 17


async def test_a_bot_is_probed_and_never_tried(tmp_path: Path, server: Chats, clock: ManualClock) -> None:
    source = Reader(tmp_path, "telegram", server, clock).source
    assert isinstance(source, Probed)
    assert await source.probe() == "Telegram knows the bot @acmebot"
    options = source._config  # type: ignore[attr-defined]
    config = Config(sources={"telegram": Part(name="telegram", type="telegram", options=options)})
    with pytest.raises(ConfigError, match="would be lost to a run"):
        await listen(Assembly(config, clock), "telegram", 1.0, lambda _: None)
    assert not server.sent


async def test_a_message_on_discord(tmp_path: Path, server: Chats, clock: ManualClock) -> None:
    (first, second, _) = posts(await Reader(tmp_path, "discord", server, clock).round())
    assert (first.uid, first.url) == (f"feed:{CHANNEL}/1", f"https://discord.com/channels/77/{CHANNEL}/1")
    assert (first.topics, first.mentions) == (("#help",), ("ann",))
    assert first.author == Author(id="5", handle="sam", name="Sam", bot=False)
    assert second.refs == (Ref("reply", f"feed:{CHANNEL}/1"),)


async def test_edits_and_deletes_on_discord_are_noticed(tmp_path: Path, server: Chats, clock: ManualClock) -> None:
    reader = Reader(tmp_path, "discord", server, clock)
    await reader.round()
    server.told[0].text, server.told[0].edited = "acme, mended", NOW + timedelta(seconds=30)
    server.told[1].gone = True
    assert not [event for event in await reader.round() if isinstance(event, Delete)]
    clock.advance(600)
    events = await reader.round()
    assert [(post.text, post.version) for post in posts(events)] == [("acme, mended", 32)]
    assert [event.uid for event in events if isinstance(event, Delete)] == [f"feed:{CHANNEL}/2"]
    clock.advance(600)
    assert not [event for event in await reader.round() if isinstance(event, Delete | Post)]


@pytest.mark.parametrize("name", OPTIONS)
async def test_after_a_break_what_came_meanwhile_is_history_and_fills_the_gap(
    tmp_path: Path, server: Chats, clock: ManualClock, name: str
) -> None:
    reader = Reader(tmp_path, name, server, clock)
    await reader.round()
    clock.advance(3600)
    server.shown = 10
    events = await reader.round()
    assert [event.state for event in events if isinstance(event, Gap)] == ["open", "filled"]
    assert [post.backfilled for post in posts(events)] == [True] * 7


@pytest.mark.parametrize(
    ("status", "advice"), [(401, "is the token good"), (403, "may the bot read"), (404, "is there such a channel")]
)
async def test_what_only_a_person_can_mend_on_discord_is_one_line(
    tmp_path: Path, server: Chats, clock: ManualClock, status: int, advice: str
) -> None:
    server.refuse = web.json_response({}, status=status)
    with pytest.raises(Transient, match=advice) as caught:
        await Reader(tmp_path, "discord", server, clock).round()
    assert caught.value.retry_after == 900
