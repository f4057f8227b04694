"""The webhook source: what it takes, when it says so, and whom it refuses."""

from __future__ import annotations

import asyncio
import gzip
import hashlib
import io
import json
import re
import socket
import threading
from collections.abc import AsyncIterator, Mapping
from contextlib import aclosing, asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from pydantic import SecretStr, ValidationError

from tocsin.clock import ManualClock
from tocsin.component import Context
from tocsin.errors import ConfigError, Permanent, Transient
from tocsin.model import Batch, Delete, Event, Gap, Heartbeat, Place, Post, encoder
from tocsin.secrets import sign
from tocsin.sources import webhook
from tocsin.sources._submission import MAX_ITEMS, MAX_REASONS, Rejected, parse
from tocsin.sources.webhook import Config, Webhook

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
SECRET = "a canary in the mine"


class StillClock(ManualClock):
    """A clock whose sleepers wait until the test wakes them."""

    def __init__(self, start: datetime) -> None:
        super().__init__(start)
        self._alarm = asyncio.Event()

    async def sleep(self, seconds: float) -> None:
        await self._alarm.wait()

    def wake(self, seconds: float) -> None:
        """Let time pass and wake all sleepers."""
        self.advance(seconds)
        self._alarm.set()
        self._alarm = asyncio.Event()


class Listening:
    """A webhook source at work. The test plays the queue: `batch` takes a batch, `store` acknowledges it."""

    def __init__(self, source: Webhook, session: aiohttp.ClientSession, clock: StillClock) -> None:
        self.source, self.session, self.clock = source, session, clock
        self.batches = source.read(None)
        self._next: asyncio.Future[Batch] = asyncio.ensure_future(anext(self.batches))

    async def batch(self) -> Batch:
        return await asyncio.wait_for(asyncio.shield(self._next), 5)

    async def store(self) -> Batch:
        """Take a batch, and go on to the next: now it is durable."""
        batch = await self.batch()
        self._next = asyncio.ensure_future(anext(self.batches))
        return batch

    async def stop(self) -> None:
        self._next.cancel()
        await asyncio.gather(self._next, return_exceptions=True)
        await self.batches.aclose()  # type: ignore[attr-defined]

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.source.port}/events"

    def post(self, body: Any, headers: Mapping[str, str] | None = None) -> asyncio.Task[tuple[int, Any]]:
        """Send a body (JSON unless bytes); the answer is its status and JSON."""
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        return asyncio.ensure_future(self._post(data, {"Content-Type": "application/json", **(headers or {})}))

    async def _post(self, data: bytes, headers: Mapping[str, str]) -> tuple[int, Any]:
        async with self.session.post(self.url, data=io.BytesIO(data), headers=headers) as response:
            return response.status, await response.json()

    async def delivered(self, body: Any, headers: Mapping[str, str] | None = None) -> list[Event]:
        answer = self.post(body, headers)
        batch = await self.store()
        assert await answer == (202, {"accepted": len(batch.events)})
        return list(batch.events)


@asynccontextmanager
async def listening(**options: Any) -> AsyncIterator[Listening]:
    clock = StillClock(NOW)
    source = Webhook(Config(port=0, **options), Context("hook", Path("unused"), clock=clock))
    async with aiohttp.ClientSession() as session:
        at_work = Listening(source, session, clock)
        while source.port is None:
            await asyncio.sleep(0.001)
        try:
            yield at_work
        finally:
            await at_work.stop()


@pytest.fixture
async def hook() -> AsyncIterator[Listening]:
    async with listening() as at_work:
        yield at_work


async def _settle() -> None:
    """Let everything that can run without time passing run."""
    for _ in range(50):
        await asyncio.sleep(0.001)


# --- the promise


async def test_a_sender_hears_202_only_once_the_queue_has_its_post(hook: Listening) -> None:
    answer = hook.post({"id": "1", "text": "the bell rings"})
    batch = await hook.batch()
    await _settle()
    assert not answer.done()
    await hook.store()
    assert await answer == (202, {"accepted": 1})
    (event,) = batch.events
    assert event == Post(uid="hook:1", source="hook", id="1", text="the bell rings", received_at=NOW, stream="hook")
    assert batch.cursor == NOW.isoformat()


async def test_what_waits_together_is_stored_together(hook: Listening) -> None:
    first = hook.post({"id": "1", "text": "a"})
    await hook.batch()
    others = [hook.post({"id": str(number), "text": "b"}) for number in (2, 3, 4)]
    await _settle()
    await hook.store()
    batch = await hook.store()
    assert {event.id for event in batch.events if isinstance(event, Post)} == {"2", "3", "4"}
    assert {(await answer)[0] for answer in (first, *others)} == {202}


async def test_senders_hear_503_when_the_source_stops(hook: Listening) -> None:
    handed_over = hook.post({"id": "1", "text": "a"})
    await hook.batch()
    waiting = hook.post({"id": "2", "text": "b"})
    await _settle()
    await hook.stop()
    for answer in (handed_over, waiting):
        status, body = await answer
        assert (status, body["error"]) == (503, "the source is stopping; send again later")


async def test_a_stored_post_stays_stored_when_the_source_stops_later(hook: Listening) -> None:
    answer = hook.post({"id": "1", "text": "a"})
    await hook.store()
    await _settle()
    await hook.stop()
    assert (await answer)[0] == 202


async def test_the_port_is_free_after_stopping_and_the_source_can_be_read_again(hook: Listening) -> None:
    url = hook.url
    await hook.stop()
    with pytest.raises(aiohttp.ClientConnectorError):
        await hook.session.post(url, json={"id": "1", "text": "a"})
    again = hook.source.read(None)
    waiting = asyncio.ensure_future(anext(again))
    await _settle()
    answer = hook.post({"id": "1", "text": "a"})
    assert len((await waiting).events) == 1
    await again.aclose()  # type: ignore[attr-defined]
    assert (await answer)[0] == 503


async def test_a_sender_that_hangs_up_loses_nothing(hook: Listening) -> None:
    answer = hook.post({"id": "1", "text": "a"})
    await hook.batch()
    answer.cancel()
    await asyncio.gather(answer, return_exceptions=True)
    assert len((await hook.store()).events) == 1
    assert len(await hook.delivered({"id": "2", "text": "b"})) == 1


async def test_an_empty_array_is_taken_at_once(hook: Listening) -> None:
    assert await hook.post([]) == (202, {"accepted": 0})


async def test_stopping_is_never_missed_however_busy_it_is() -> None:
    """A cancellation that falls anywhere in the waiting ends the source."""
    for steps in range(1, 40):
        source = Webhook(Config(port=0), Context("hook", Path("unused"), clock=ManualClock(NOW)))
        reading = asyncio.ensure_future(_read_all(source))
        while source.port is None:
            await asyncio.sleep(0)
        for _ in range(steps):
            await asyncio.sleep(0)
        reading.cancel()
        done, _ = await asyncio.wait([reading], timeout=5)
        assert done, steps


async def _read_all(source: Webhook) -> None:
    async with aclosing(source.read(None)) as batches:  # type: ignore[type-var]
        async for _ in batches:
            await asyncio.sleep(0)


# --- heartbeats


async def test_a_quiet_source_says_that_it_is_well(hook: Listening) -> None:
    hook.clock.wake(10)
    assert (await hook.store()).events == [Heartbeat(source="hook", stream="hook", at=NOW + timedelta(seconds=10))]
    hook.clock.wake(9.9)
    await _settle()
    assert not hook._next.done()
    hook.clock.wake(0.1)
    assert (await hook.batch()).events == [Heartbeat(source="hook", stream="hook", at=NOW + timedelta(seconds=20))]


async def test_a_busy_source_says_so_too_after_all_that_came_before(hook: Listening) -> None:
    hook.clock.advance(11)
    hook.post({"id": "1", "text": "a"})
    kinds = [type(event) for event in (await hook.store()).events]
    assert kinds == [Post, Heartbeat]


async def test_a_source_that_has_more_in_hand_does_not_say_that_it_is_complete(
    hook: Listening, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(webhook, "BATCH", 1)
    hook.post({"id": "0", "text": "a"})
    await hook.batch()
    for number in (1, 2):
        hook.post({"id": str(number), "text": "a"})
    await _settle()
    hook.clock.advance(11)
    await hook.store()
    kinds = [[type(event) for event in (await hook.store()).events] for _ in range(2)]
    assert kinds == [[Post], [Post, Heartbeat]]


async def test_the_time_before_a_restart_is_a_gap_that_comes_before_everything(hook: Listening) -> None:
    source = Webhook(Config(port=0), Context("hook", Path("unused"), clock=hook.clock))
    async with aclosing(source.read((NOW - timedelta(hours=1)).isoformat())) as batches:  # type: ignore[type-var]
        first = await anext(batches)
    assert [type(event) for event in first.events] == [Gap]
    assert first.cursor == NOW.isoformat()


async def test_a_machine_that_slept_says_so_before_what_came_since(hook: Listening) -> None:
    hook.clock.advance(3600)
    hook.post({"id": "1", "text": "a"})
    kinds = [type(event) for event in (await hook.store()).events]
    assert kinds == [Gap, Post, Heartbeat]


async def test_a_paused_source_does_not_say_that_it_is_well(hook: Listening) -> None:
    hook.post({"id": "1", "text": "a"})
    await hook.batch()
    for _ in range(5):
        hook.clock.wake(10)
    assert [type(event) for event in (await hook.batch()).events] == [Post]


# --- what is taken


async def test_one_an_array_and_lines(hook: Listening) -> None:
    one, two = {"id": 1, "text": "a\u2028b\u0085c"}, {"id": 2, "text": "c"}
    lines = "\n".join(json.dumps(item, ensure_ascii=False) for item in (one, two)).encode()
    for body, headers in [
        ([one, two], {}),
        (lines, {"Content-Type": "application/x-ndjson"}),
        (b"\n" + lines + b"\r\n\n", {"Content-Type": "application/jsonl; charset=utf-8"}),
        (lines, {"Content-Type": "text/plain"}),
        (json.dumps([one, two], indent=2).encode(), {"Content-Type": "text/plain"}),
        (b"\xef\xbb\xbf" + json.dumps([one, two]).encode(), {"Content-Type": "application/cloudevents-batch+json"}),
    ]:
        events = await hook.delivered(body, headers)
        assert [(event.uid, event.text) for event in events if isinstance(event, Post)] == [
            ("hook:1", one["text"]),
            ("hook:2", "c"),
        ]
    assert (
        len(await hook.delivered(json.dumps(one, indent=2).encode(), {"Content-Type": "application/octet-stream"})) == 1
    )


async def test_large_bodies_arrive_too(hook: Listening) -> None:
    items = [{"id": str(number), "text": "the bell rings " * 20} for number in range(5000)]
    assert len(await hook.delivered(items)) == 5000


async def test_packed_bodies(hook: Listening) -> None:
    body = gzip.compress(json.dumps([{"id": n, "text": "x"} for n in range(1000)]).encode())
    assert len(await hook.delivered(body, {"Content-Encoding": "gzip"})) == 1000


FULL = {
    "id": "p1", "text": "Down again", "title": "Acme", "created_at": "2026-11-22T12:59:00+01:00",
    "edited_at": 1795348800, "url": "https://example.com/p1",
    "author": {"id": 7, "handle": "ann", "name": "Ann", "followers": 3, "created_at": 1600000000000,
               "location": "Berlin", "verified": True, "shoe_size": 38},
    "language": "en", "langs": ["en", "de"],
    "place": {"name": "Berlin", "country": "de", "lat": 52.5, "lon": 13.4, "level": "city"},
    "hashtags": ["acme"], "mentions": ["bob"], "urls": ["https://example.com"], "cashtags": ["ACME"],
    "refs": [{"type": "repost", "id": "x:1"}],
    "conversation": "c", "metrics": {"likes": 3}, "media": [{"type": "image", "alt": "a bell"}], "labels": ["l"],
    "topics": ["t"], "version": 2, "backfilled": True,
    "unknown": {"deep": [1, 2]},
}  # fmt: skip


def _parsed(item: Any) -> Any:
    (event,) = parse(json.dumps(item).encode(), "json", "hook", NOW)
    return event


def test_every_field_arrives() -> None:
    post = _parsed(FULL)
    plain = json.loads(encoder.encode(post))
    assert plain.pop("author") == {
        "id": "7", "handle": "ann", "name": "Ann", "followers": 3, "created_at": "2020-09-13T12:26:40Z",
        "location": "Berlin", "verified": True,
    }  # fmt: skip
    assert plain.pop("place") == {
        "name": "Berlin",
        "country": "DE",
        "lat": 52.5,
        "lon": 13.4,
        "level": "city",
        "origin": "post_geo",
    }
    assert (post.created_at, post.lang) == (NOW - timedelta(minutes=1), "en")
    for name in (
        "langs",
        "hashtags",
        "mentions",
        "urls",
        "cashtags",
        "refs",
        "conversation",
        "metrics",
        "media",
        "labels",
        "topics",
        "version",
        "backfilled",
    ):
        assert plain[name] == FULL[name], name


def test_tocsins_own_posts_and_deletes_are_taken() -> None:
    original = Post(
        uid="bluesky:at://x/1", source="bluesky", id="at://x/1", text="t", received_at=NOW, created_at=NOW, lang="en",
        place=Place(name="X", origin="text")
    )  # fmt: skip
    post = _parsed(json.loads(encoder.encode(original)))
    assert (post.uid, post.source, post.id, post.lang, post.place) == (
        "hook:at://x/1",
        "hook",
        "at://x/1",
        "en",
        original.place,
    )
    delete = _parsed(json.loads(encoder.encode(Delete(source="bluesky", uid=original.uid, reason="deleted"))))
    assert (delete.uid, delete.source, delete.reason) == (post.uid, "hook", "deleted")


@pytest.mark.parametrize(("item", "expected"), [
    ({"delete": "p1"}, Delete(source="hook", uid="hook:p1", at=NOW)),
    ({"delete": 7, "at": 1795348800}, Delete(source="hook", uid="hook:7", at=datetime(2026, 11, 22, 12, tzinfo=UTC))),
    ({"kind": "delete", "id": "p1", "scope": "geo"}, Delete(source="hook", uid="hook:p1", scope="geo", at=NOW)),
    ({"kind": "delete", "uid": "other:p1"}, Delete(source="hook", uid="hook:p1", at=NOW)),
    ({"kind": "delete", "author_id": 7, "up_to_id": 9},
     Delete(source="hook", author_id="7", up_to_id="9", scope="author", at=NOW)),
])  # fmt: skip
def test_deletes(item: Any, expected: Delete) -> None:
    assert _parsed(item) == expected


@pytest.mark.parametrize(("created", "expected"), [
    ("2026-11-22T12:00:00Z", NOW), ("2026-11-22 13:00:00+01:00", NOW), ("2026-11-22T12:00:00", NOW), (1795348800, NOW),
    (1795348800.0, NOW), (1795348800000, NOW),
    (None, None),
])  # fmt: skip
def test_times(created: Any, expected: datetime | None) -> None:
    assert _parsed({"id": "1", "text": "x", "created_at": created}).created_at == expected


@pytest.mark.parametrize(
    ("author", "native"),
    [("ann", "ann"), ({"handle": "ann"}, "ann"), ({"name": "Ann"}, "Ann"), ({"id": 1, "name": "A"}, "1")],
)
def test_authors(author: Any, native: str) -> None:
    assert _parsed({"id": "1", "text": "x", "author": author}).author.id == native


@pytest.mark.parametrize("author", [None, "", {}, {"id": ""}, {"followers": 3}])
def test_nobody_in_particular(author: Any) -> None:
    assert _parsed({"id": "1", "text": "x", "author": author}).author is None


def test_a_post_without_an_id_is_known_by_what_it_says() -> None:
    item = {"text": "x", "author": "ann", "created_at": "2026-11-22T12:00:00Z"}
    post = _parsed(item)
    expected = hashlib.sha256(json.dumps(["hook", "ann", NOW.isoformat(), "x"]).encode()).hexdigest()[:32]
    assert (post.id, post.uid) == (expected, f"hook:{expected}")
    assert _parsed({**item, "created_at": 1795348800, "url": "https://example.com"}).uid == post.uid
    others = [{**item, "text": "y"}, {**item, "author": "bob"}, {**item, "created_at": "2026-11-22T12:00:01Z"}]
    assert len({post.uid, *(_parsed(other).uid for other in others)}) == 4


def test_hostile_strings_are_made_storable_everywhere() -> None:
    event = _parsed({
        "id": "1", "text": "a\x00b", "title": "\x00", "url": "\x00", "author": {"id": "a", "name": "\x00"},
        "hashtags": ["\x00"] * 100_000, "metrics": {"\x00": 1},
        "place": "\x00", "refs": [{"type": "reply", "id": "\x00"}], "media": [{"type": "image", "alt": "\x00"}],
        "language": "x" * 200_000,
    })  # fmt: skip
    assert b"\\u0000" not in encoder.encode(event)
    assert (event.text, len(event.hashtags)) == ("a\ufffdb", 1000)
    assert len(event.lang) == 100_000


# --- what is refused


@pytest.mark.parametrize(("item", "says"), [
    ({}, "no text"), ({"text": " "}, "no text"), ({"id": "1"}, "no text"), (1, "object"), ("x", "object"),
    (None, "object"), ([], "object"),
    ({"text": 1}, r"\$\.text"), ({"text": "x", "id": True}, r"\$\.id"), ({"text": "x", "id": 1.5}, r"\$\.id"),
    ({"text": "x", "id": ""}, "id must have"),
    ({"text": "x", "id": "i" * 513}, "id must have"), ({"text": "x", "created_at": "soon"}, "created_at"),
    ({"text": "x", "created_at": 1e300}, "created_at"),
    ({"text": "x", "created_at": "0001-01-01T00:00:00+14:00"}, "created_at"),
    ({"text": "x", "created_at": 10**18}, "created_at"),
    ({"text": "x", "created_at": True}, "created_at"),
    ({"text": "x", "author": {"id": "a", "created_at": "?"}}, "author.created_at"),
    ({"text": "x", "author": 5}, "author"), ({"text": "x", "kind": "gap"}, "kind must be"),
    ({"text": "x", "kind": 1}, "kind"), ({"kind": "delete"}, "must name"),
    ({"delete": ""}, "id must have"), ({"text": "x", "version": 0}, "version"),
    ({"text": "x", "version": 2**31}, "version"), ({"text": "x", "metrics": {"a": 2**70}}, "metrics"),
    ({"text": "x", "author": {"id": "a", "followers": 2**70}}, "followers"),
    ({"text": "x", "place": {"lat": 91, "lon": 0}}, "lat"), ({"text": "x", "place": {"lat": 1}}, "both lat and lon"),
    ({"text": "x", "place": {"country": "Germany"}}, "two letters"),
    ({"text": "x", "refs": [{"type": "x", "id": "1"}]}, "refs"), ({"text": "x", "hashtags": "a"}, "hashtags"),
])  # fmt: skip
def test_items_that_cannot_be_used_say_why(item: Any, says: str) -> None:
    with pytest.raises(Rejected, match="1 of 2 items cannot be used; nothing was kept") as caught:
        parse(json.dumps([{"id": "good", "text": "x"}, item]).encode(), "json", "hook", NOW)
    ((index, reason),) = caught.value.items
    assert (caught.value.status, index) == (422, 1)
    assert re.search(says, reason), reason
    assert "\n" not in reason
    assert len(reason) <= 200


async def test_a_request_is_taken_whole_or_not_at_all(hook: Listening) -> None:
    items = [{"id": "1", "text": "good"}, {"id": "2"}, {"text": 3}]
    status, body = await hook.post(items)
    assert (status, body["error"]) == (422, "2 of 3 items cannot be used; nothing was kept")
    assert [item["index"] for item in body["items"]] == [1, 2]
    assert body["items"][0]["reason"] == "it has no text"
    hook.clock.wake(10)
    assert [type(event) for event in (await hook.store()).events] == [Heartbeat]


async def test_reasons_are_few(hook: Listening) -> None:
    status, body = await hook.post([{}] * 5000)
    assert (status, len(body["items"])) == (422, MAX_REASONS)
    assert body["error"].startswith("5000 of 5000")


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"  ",
        b"{",
        b"[",
        b"[1,]",
        b'{"text": "x"} {"text": "y"}',
        b"\xff\xfe",
        b'"\\ud800"',
        b"[" * 100_000,
        b'{"a":' * 100_000,
        b"nan",
        b'{"text":"\x00"}',
    ],
)
async def test_what_is_not_json_is_400_or_422(hook: Listening, body: bytes) -> None:
    for kind in ("application/json", "application/x-ndjson", "text/plain"):
        answer = hook.post(body, {"Content-Type": kind})
        if kind != "application/json" and not body.strip():
            assert (await answer)[0] in (202, 400)
        else:
            assert (await answer)[0] in (400, 422), kind


@pytest.mark.parametrize(("headers", "status"), [
    ({"Content-Type": "application/xml"}, 415), ({"Content-Type": "application/x-www-form-urlencoded"}, 415),
    ({"Content-Type": "multipart/form-data; boundary=x"}, 415),
    ({"Content-Type": "application/json; charset=utf-16"}, 415), ({"Content-Encoding": "br"}, 415),
    ({"Content-Encoding": "gzip, gzip"}, 415), ({"Content-Encoding": "gzip"}, 400),
    ({"Origin": "https://evil.example"}, 403), ({"Sec-Fetch-Site": "cross-site"}, 403),
])  # fmt: skip
async def test_refusals_by_header(hook: Listening, headers: dict[str, str], status: int) -> None:
    answer, body = await hook.post({"id": "1", "text": "x"}, headers)
    assert answer == status
    assert body["error"]


async def test_other_methods_and_paths(hook: Listening) -> None:
    async with hook.session.get(hook.url) as response:
        assert (response.status, await response.text()) == (200, "ok\n")
    for method in ("PUT", "DELETE", "PATCH", "OPTIONS"):
        async with hook.session.request(method, hook.url) as response:
            assert response.status == 405
    async with hook.session.post(hook.url + "/x", data=b"{}") as response:
        assert response.status == 404


async def test_large_bodies_are_refused_packed_or_not() -> None:
    async with listening(max_body=10_000) as hook:
        large = json.dumps([{"id": "1", "text": "x" * 10_000}]).encode()
        assert (await hook.post(large))[0] == 413
        assert (await hook.post(gzip.compress(large), {"Content-Encoding": "gzip"}))[0] == 413
        assert len(gzip.compress(bytes(50_000_000))) < 50_000
        assert (await hook.post(gzip.compress(bytes(5_000_000)), {"Content-Encoding": "gzip"}))[0] == 413
        assert (await _chunked(hook, large)) == 413
        assert len(await hook.delivered({"id": "1", "text": "x" * 9_900})) == 1


async def test_an_endless_body_is_refused_before_it_ends() -> None:
    async with listening(max_body=10_000) as hook:
        reader, writer = await asyncio.open_connection("127.0.0.1", hook.source.port)
        head = (
            b"POST /events HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
        )
        writer.write(head + b"2ee0\r\n" + b" " * 12_000 + b"\r\n")
        assert b" 413 " in await asyncio.wait_for(reader.readline(), 5)
        writer.close()


async def test_a_packed_body_without_its_end_is_refused(hook: Listening) -> None:
    packed = gzip.compress(json.dumps({"id": "1", "text": "x"}).encode())[:-4]
    assert await hook.post(packed, {"Content-Encoding": "gzip"}) == (400, {"error": "the gzip body ends early"})


async def test_a_body_that_was_cut_is_not_taken(hook: Listening) -> None:
    _, writer = await asyncio.open_connection("127.0.0.1", hook.source.port)
    head = b"POST /events HTTP/1.1\r\nHost: x\r\nContent-Type: text/plain\r\nContent-Length: 99\r\n\r\n"
    writer.write(head + b'{"id":"1","text":"x"}\n')
    await writer.drain()
    await _settle()
    writer.close()
    await _settle()
    hook.clock.wake(10)
    assert [type(event) for event in (await hook.batch()).events] == [Heartbeat]
    assert hook.source._held == 0


async def test_what_is_still_being_read_when_the_source_stops_is_503(monkeypatch: pytest.MonkeyPatch) -> None:
    gate, begun = threading.Event(), threading.Event()

    def slow(*given: Any) -> list[Event]:
        begun.set()
        gate.wait(5)
        return parse(*given)

    monkeypatch.setattr(webhook, "_SMALL", 0)
    monkeypatch.setattr(webhook, "parse", slow)
    async with listening() as hook:
        answer = hook.post({"id": "1", "text": "x"})
        assert await asyncio.to_thread(begun.wait, 5)
        stopping = asyncio.ensure_future(hook.stop())
        await _settle()
        gate.set()
        assert (await answer)[0] == 503
        await stopping


async def _chunked(hook: Listening, data: bytes) -> int:
    async def pieces() -> AsyncIterator[bytes]:
        for start in range(0, len(data), 1000):
            yield data[start : start + 1000]

    async with hook.session.post(hook.url, data=pieces(), headers={"Content-Type": "application/json"}) as response:
        return response.status


@pytest.mark.parametrize("body", [
    b"[" + b"0," * 600_000 + b"0]", b"[" + b'{"text":"x"},' * MAX_ITEMS + b'{"text":"x"}]',
    b'{"text":"x"}\n' * (MAX_ITEMS + 1), b'{"text":"x","hashtags":[' + b'"a",' * 600_000 + b'"a"]}',
])  # fmt: skip
def test_too_many_values_are_refused(body: bytes) -> None:
    with pytest.raises(Rejected) as caught:
        parse(body, "either", "hook", NOW)
    assert caught.value.status == 413


def test_as_many_items_as_allowed_are_taken() -> None:
    assert len(parse(b'{"text":"x"}\n' * MAX_ITEMS, "lines", "hook", NOW)) == MAX_ITEMS


async def test_too_much_waiting_is_429_until_the_queue_goes_on() -> None:
    async with listening(max_waiting=20_000) as hook:
        first = hook.post({"id": "0", "text": "x"})
        await hook.batch()  # the queue has stopped here
        body = json.dumps({"id": "1", "text": "x" * 9_000}).encode()
        second = hook.post(body)
        await _settle()
        async with hook.session.post(hook.url, data=body, headers={"Content-Type": "application/json"}) as response:
            assert (response.status, response.headers["Retry-After"]) == (429, "5")
        await hook.store()
        await hook.store()
        assert [(await answer)[0] for answer in (first, second)] == [202, 202]
        assert len(await hook.delivered(body)) == 1


async def test_refused_requests_do_not_use_up_the_room() -> None:
    async with listening(max_waiting=20_000) as hook:
        for _ in range(10):
            assert (await hook.post(b"x" * 9_000))[0] == 400
        assert len(await hook.delivered({"id": "1", "text": "x" * 9_000})) == 1
        assert hook.source._held == 0


async def test_a_body_that_does_not_come_is_408() -> None:
    async with listening(timeout=0.05) as hook:
        reader, writer = await asyncio.open_connection("127.0.0.1", hook.source.port)
        writer.write(
            b"POST /events HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{"
        )
        assert b" 408 " in await reader.readline()
        writer.close()
        assert hook.source._held == 0


# --- signatures


def _signed(body: bytes, at: datetime = NOW, secret: str = SECRET) -> dict[str, str]:
    timestamp = str(int(at.timestamp()))
    return {"X-Tocsin-Timestamp": timestamp, "X-Tocsin-Signature": sign(secret, timestamp, body)}


async def test_signed_requests_are_taken_also_packed_and_from_a_page() -> None:
    async with listening(secret=SecretStr(SECRET)) as hook:
        plain = json.dumps({"id": "1", "text": "x"}).encode()
        packed = gzip.compress(plain)
        for at in (NOW, NOW - timedelta(seconds=300), NOW + timedelta(seconds=300)):
            assert len(await hook.delivered(plain, _signed(plain, at))) == 1
        assert len(await hook.delivered(packed, {**_signed(packed), "Content-Encoding": "gzip"})) == 1
        assert len(await hook.delivered(plain, {**_signed(plain), "Origin": "https://intranet.example"})) == 1


async def test_what_is_not_signed_right_is_401() -> None:
    body = json.dumps({"id": "1", "text": "x"}).encode()
    good = _signed(body)
    async with listening(secret=SecretStr(SECRET)) as hook:
        for headers in [
            {},
            {"X-Tocsin-Signature": good["X-Tocsin-Signature"]},
            {"X-Tocsin-Timestamp": good["X-Tocsin-Timestamp"]},
            {**good, "X-Tocsin-Timestamp": "soon"},
            {**good, "X-Tocsin-Timestamp": "9" * 400},
            {**good, "X-Tocsin-Timestamp": str(int(good["X-Tocsin-Timestamp"]) + 1)},
            {**good, "X-Tocsin-Signature": "sha256=" + "0" * 64},
            {**good, "X-Tocsin-Signature": good["X-Tocsin-Signature"].removeprefix("sha256=")},
            _signed(body, secret="another secret"),
            _signed(body + b" "),
            _signed(body, NOW - timedelta(seconds=301)),
            _signed(body, NOW + timedelta(seconds=301)),
        ]:
            status, answer = await hook.post(body, headers)
            assert status == 401, headers
            assert SECRET not in json.dumps(answer)


async def test_strangers_cannot_make_it_unpack_or_parse() -> None:
    async with listening(secret=SecretStr(SECRET)) as hook:
        assert (await hook.post(gzip.compress(bytes(50_000_000)), {"Content-Encoding": "gzip"}))[0] == 401
        assert (await hook.post(b"not json"))[0] == 401


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.5", "example.com", "127.0.0.1.example.com", "8.8.8.8"])
def test_only_this_machine_is_served_without_a_secret(host: str) -> None:
    context = Context("hook", Path("unused"), clock=ManualClock(NOW))
    with pytest.raises(ConfigError, match=f"anybody at {host}"):
        Webhook(Config(host=host), context)
    Webhook(Config(host=host, secret=SecretStr(SECRET)), context)


@pytest.mark.parametrize("host", ["127.0.0.1", "127.9.9.9", "::1", "localhost"])
def test_this_machine_may_do_without(host: str) -> None:
    Webhook(Config(host=host), Context("hook", Path("unused"), clock=ManualClock(NOW)))


@pytest.mark.parametrize(
    "options",
    [{"secret": ""}, {"secret": "short"}, {"path": "events"}, {"path": "/{x}"}, {"port": 70_000}, {"unknown": 1}],
)
def test_bad_options(options: dict[str, Any]) -> None:
    with pytest.raises(ValidationError) as caught:
        Config(**options)
    assert "'short'" not in str(caught.value)


def test_the_secret_does_not_show() -> None:
    config = Config(secret=SecretStr(SECRET))
    source = Webhook(config, Context("hook", Path("unused"), clock=ManualClock(NOW)))
    assert SECRET not in f"{config!r}{source!r}{config.model_dump_json()}"


# --- the port


async def test_a_taken_port_may_become_free() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        source = Webhook(Config(port=port), Context("hook", Path("unused"), clock=ManualClock(NOW)))
        with pytest.raises(Transient, match=f"cannot listen at 127.0.0.1:{port}"):
            await anext(source.read(None))


async def test_an_address_of_another_machine_is_permanent() -> None:
    config = Config(host="192.0.2.1", port=0, secret=SecretStr(SECRET))
    source = Webhook(config, Context("hook", Path("unused"), clock=ManualClock(NOW)))
    with pytest.raises(Permanent, match="cannot listen at 192"):
        await anext(source.read(None))
