"""Feeds: what their items become, what is asked of hosts, and what is done about bad ones."""

from __future__ import annotations

import asyncio
from contextlib import aclosing, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
from aiohttp import web
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError
from tests.helpers.serving import Serving

from tocsin.clock import ManualClock
from tocsin.component import Context
from tocsin.errors import Permanent
from tocsin.model import Batch, Event, Gap, Heartbeat, Post
from tocsin.simulators import rss as simulators
from tocsin.simulators.rss import story
from tocsin.sources._html import plain
from tocsin.sources._rss_parse import NotAFeed, parse, when
from tocsin.sources.rss import Config, Cursor, Rss

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
URL = "https://news.example/feed.xml"
RSS = b"""<?xml version="1.0"?><rss version="2.0" xmlns:content="http://purl.org/rss/1.0/modules/content/"
 xmlns:dc="http://purl.org/dc/elements/1.1/"><channel><title>News</title><ttl>5</ttl><language>en-GB</language>
 <item><title>Acme&nbsp;down</title><link>/a/1</link><guid isPermaLink="false">g1</guid>
 <pubDate>Sun, 01 Mar 2026 13:00:00 +0100</pubDate><dc:creator>Sam</dc:creator><description>short</description>
 <category>rail</category><content:encoded><![CDATA[<p>All <b>of</b> it</p>]]></content:encoded></item>
 <item><title>two</title><link>https://news.example/2</link></item></channel></rss>"""
ATOM = b"""<feed xmlns="http://www.w3.org/2005/Atom"><title>A</title><entry><id>tag:1</id><title
 type="html">T &lt;b&gt;x</title><link rel="self" href="s"/>
 <link href="/p"/><updated>2026-03-01T12:00:00Z</updated><author><name>Ann</name></author>
 <content type="xhtml"><div xmlns="http://www.w3.org/1999/xhtml"><p>one</p><p>two</p></div></content>
 <category term="c"/></entry></feed>"""
RDF = b"""<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" xmlns="http://purl.org/rss/1.0/"
 xmlns:dc="http://purl.org/dc/elements/1.1/"><channel><title>R</title></channel>
 <item rdf:about="x"><title>t</title><link>https://l.example/1</link><dc:date>2026-03-01T12:00:00</dc:date></item></rdf:RDF>"""


def test_rss_has_all_that_it_says() -> None:
    feed = parse(RSS, URL)
    first, second = feed.items
    assert (feed.title, feed.language, feed.ttl, feed.broken) == ("News", "en-GB", 300.0, None)
    assert (first.id, first.link, first.author, first.published) == ("g1", "https://news.example/a/1", "Sam", NOON)
    assert (first.title, first.content, first.categories) == ("Acme\xa0down", "<p>All <b>of</b> it</p>", ["rail"])
    assert second.id == "https://news.example/2"


def test_atom_and_the_oldest_rss_too() -> None:
    (entry,) = parse(ATOM, URL).items
    assert (entry.id, entry.link, entry.author, entry.updated) == ("tag:1", "https://news.example/p", "Ann", NOON)
    assert (entry.title, entry.content, entry.categories) == ("T <b>x", "one\ntwo", ["c"])
    (item,) = parse(RDF, URL).items
    assert (item.title, item.link, item.published) == ("t", "https://l.example/1", NOON)


def test_a_json_feed_keeps_its_good_items() -> None:
    items = b'[{"id": 1, "content_text": "a<b", "url": "/x"}, {"id": []}]'
    feed = parse(b'{"version": "https://jsonfeed.org/version/1.1", "items": %s}' % items, URL)
    assert [(item.id, plain(item.content)[0], item.link) for item in feed.items] == [
        ("1", "a<b", "https://news.example/x")
    ]
    assert feed.broken is not None


def test_of_a_feed_that_breaks_off_the_items_before_are_kept() -> None:
    feed = parse(RSS[: RSS.index(b"two")], URL)
    assert [item.id for item in feed.items] == ["g1"]
    assert feed.broken is not None


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"", "not XML"),
        (b"junk", "not XML"),
        (b"<a/>", "neither RSS nor Atom"),
        (b"<!DOCTYPE html><html>", "a web page"),
        (b'<!DOCTYPE r [<!ENTITY a "aa"><!ENTITY b "&a;&a;">]><rss><channel/></rss>', "declares entities"),
        (
            b'<!DOCTYPE r [<!ENTITY x SYSTEM "file:///etc/passwd">]><rss><channel><title>&x;</title></channel></rss>',
            "entities",
        ),
        (b"<rss>" + b"<a>" * 10_000, "nested"),
        (b'{"items": []}', "not a JSON Feed"),
    ],
)
def test_what_is_no_feed_is_said_to_be_none(body: bytes, said: str) -> None:
    with pytest.raises(NotAFeed, match=said):
        parse(body, URL)


@given(st.binary(max_size=300), st.integers(0, len(RSS)))
def test_damage_is_a_feed_or_none_and_never_a_crash(junk: bytes, place: int) -> None:
    for body in (junk, RSS[:place] + junk + RSS[place:]):
        with suppress(NotAFeed):
            parse(body, URL)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("Sun, 01 Mar 2026 12:00:00 GMT", NOON),
        ("01 Mar 2026 07:00:00 EST", NOON),
        ("2026-03-01T12:00:00", NOON),
        ("2026-03-01 13:00:00+01:00", NOON),
        ("soon", None),
        ("", None),
        ("99999-01-01", None),
    ],
)
def test_times_in_all_their_forms(text: str, found: datetime | None) -> None:
    assert when(text) == found


@pytest.mark.parametrize(
    ("html", "text"),
    [
        ("a &amp; b", "a & b"),
        ("<p>one</p><p>two</p>", "one\n\ntwo"),
        ("one<br/>two<script>alert(1)</script>", "one\ntwo"),
        ("x <span class='invisible'>https://</span><span>acme.example</span>", "x acme.example"),
        ("<b>unclosed", "unclosed"),
        ("2 < 3 & 4 > 1", "2 < 3 & 4 > 1"),
    ],
)
def test_html_is_read_as_people_see_it(html: str, text: str) -> None:
    assert plain(html)[0] == text


class Host(simulators.Rss):
    """Answers with what a test says, in turn; the last for ever."""

    def __init__(self, *answers: tuple[int, dict[str, str], bytes]) -> None:
        super().__init__(story(1))
        self._answers, self.asked = list(answers), list[dict[str, str]]()

    async def _feed(self, request: web.Request) -> web.StreamResponse:
        self.asked.append({name.lower(): value for name, value in request.headers.items()} | {"path": request.path})
        status, headers, body = self._answers[min(len(self.asked), len(self._answers)) - 1]
        return web.Response(status=status, headers=headers, body=body)


class Quick(ManualClock):
    """Time that passes as it is slept."""

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(0)
        self.advance(seconds)


async def rounds(folder: Path, host: Host, count: int, cursor: str | None = None, **options: Any) -> list[Batch]:
    """The batches until the host was asked so often."""
    values = {"feeds": [f"{host.url}/feed.xml"], "every": "60s", "heartbeat": "1h"} | options
    source = Rss(Config.model_validate(values), Context("feed", folder, clock=Quick(NOON)))
    batches: list[Batch] = []

    async def take() -> None:
        async with aclosing(source.read(cursor)) as stream:
            async for batch in stream:
                batches.append(batch)

    task = asyncio.create_task(take())
    async with asyncio.timeout(10):
        while len(host.asked) <= count and not task.done():
            await asyncio.sleep(0.001)
        await asyncio.sleep(0.05)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    return batches


def posts(batches: list[Batch]) -> list[Post]:
    return [event for batch in batches for event in batch.events if isinstance(event, Post)]


async def test_an_item_becomes_a_post_and_is_history_at_first(tmp_path: Path) -> None:
    with Serving(Host((200, {}, RSS))) as serving:
        found = posts(await rounds(tmp_path, serving.simulator, 3))
    assert [post.id for post in found] == ["https://news.example/2", "g1"]
    last = found[-1]
    assert (last.title, last.text, last.author.name if last.author else "") == ("Acme down", "All of it", "Sam")
    assert (last.created_at, last.lang) == (NOON, "en")
    assert last.url == f"{serving.simulator.url}/a/1"
    assert (last.backfilled, last.version, last.topics) == (True, 1, ("rail",))


async def test_a_new_item_counts_and_another_text_is_an_edit(tmp_path: Path) -> None:
    more = RSS.replace(b"<item><title>two", b"<item><title>new</title><guid>g3</guid></item><item><title>two, again")
    with Serving(Host((200, {}, RSS), (200, {}, more))) as serving:
        found = posts(await rounds(tmp_path, serving.simulator, 4))
    assert [(post.id, post.version, post.backfilled) for post in found[2:]] == [
        ("https://news.example/2", 2, False),
        ("g3", 1, False),
    ]
    assert found[2].uid == found[0].uid


async def test_hosts_are_asked_with_what_they_said_of_themselves(tmp_path: Path) -> None:
    said = {"ETag": 'W/"odd, one"', "Last-Modified": "Sun, 01 Mar 2026 12:00:00 GMT"}
    with Serving(Host((200, said, RSS), (304, {}, b""))) as serving:
        await rounds(tmp_path, serving.simulator, 3)
        asked = serving.simulator.asked
    assert "if-none-match" not in asked[0]
    assert {one["if-none-match"] for one in asked[1:]} == {'W/"odd, one"'}
    assert {one["if-modified-since"] for one in asked[1:]} == {said["Last-Modified"]}


async def test_a_feed_that_is_gone_is_not_asked_again(tmp_path: Path) -> None:
    with Serving(Host((410, {}, b""))) as serving:
        host = serving.simulator
        batches = await rounds(tmp_path, host, 0)
        again = asyncio.create_task(rounds(tmp_path, host, 5, batches[-1].cursor))
        await asyncio.sleep(0.2)
        again.cancel()
        await asyncio.gather(again, return_exceptions=True)
    assert len(host.asked) == 1
    assert [letter.reason for batch in batches for letter in batch.dead] == [
        "the feed is gone for good (410) and is not asked any more: take it out of the config"
    ]


async def test_one_that_has_moved_for_good_is_asked_there(tmp_path: Path) -> None:
    with Serving(Host((301, {"Location": "/moved.xml"}, b""), (200, {}, RSS))) as serving:
        found = posts(await rounds(tmp_path, serving.simulator, 3))
        assert [one["path"] for one in serving.simulator.asked[:3]] == ["/feed.xml", "/moved.xml", "/moved.xml"]
    assert len(found) == 2


async def test_a_streak_of_failures_is_one_dead_letter_and_a_gap(tmp_path: Path) -> None:
    bad = (500, {}, b"sorry")
    with Serving(Host((200, {}, RSS), *[bad] * 6, (200, {}, RSS))) as serving:
        batches = await rounds(tmp_path, serving.simulator, 9, heartbeat="10s")
    events: list[Event] = [event for batch in batches for event in batch.events]
    gaps = [event for event in events if isinstance(event, Gap)]
    assert [letter.reason for batch in batches for letter in batch.dead] == ["it answered 500"]
    assert [gap.state for gap in gaps] == ["open", "filled"]
    assert gaps[0].start == gaps[1].start
    blind = slice(events.index(gaps[0]), events.index(gaps[1]))
    assert not [event for event in events[blind] if isinstance(event, Heartbeat)]
    assert [event for event in events if isinstance(event, Heartbeat)]


async def test_after_a_long_stop_what_it_missed_is_history(tmp_path: Path) -> None:
    with Serving(Host((200, {}, RSS))) as serving:
        host = serving.simulator
        cursor = (await rounds(tmp_path, host, 1))[-1].cursor
        assert cursor is not None
        place = msgspec.json.decode(cursor, type=Cursor)
        place.awake = NOON - timedelta(hours=5)
        old = msgspec.json.encode(place).decode()
        more = RSS.replace(b"<item><title>two", b"<item><title>new</title><guid>g3</guid></item><item><title>two")
        host._answers = [(200, {}, more)]
        batches = await rounds(tmp_path, host, 3, old)
    assert [(post.id, post.backfilled) for post in posts(batches)] == [("g3", True)]
    (gap,) = [event for batch in batches for event in batch.events if isinstance(event, Gap)]
    assert (gap.state, gap.start) == ("filled", NOON - timedelta(hours=5))


@pytest.mark.parametrize("feed", ["news.example/feed", "ftp://news.example/feed", "https://u:p@news.example/feed"])
def test_an_address_that_is_none_is_refused(tmp_path: Path, feed: str) -> None:
    with pytest.raises(Permanent):
        Rss(Config(feeds=(feed,)), Context("feed", tmp_path))


def test_a_source_without_feeds_is_refused() -> None:
    with pytest.raises(ValidationError):
        Config(feeds=())
