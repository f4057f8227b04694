"""Jetstream: what its messages become, and what it says when it cannot listen."""

from __future__ import annotations

import json
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from tests.helpers.serving import Serving

from tocsin.component import Context
from tocsin.errors import Permanent, Transient
from tocsin.model import Post, Ref
from tocsin.simulators.jetstream import Jetstream as Simulator
from tocsin.simulators.jetstream import story, tid
from tocsin.sources._jetstream_place import Place
from tocsin.sources._jetstream_post import post
from tocsin.sources._jetstream_post import read as record_of
from tocsin.sources._jetstream_wire import Message, decode
from tocsin.sources.jetstream import Config, Jetstream

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
US = 1_772_366_400_000_000
DID = "did:plc:invented"


def facet(kind: str, start: int, end: int, **more: str) -> dict[str, Any]:
    features = [{"$type": f"app.bsky.richtext.facet#{kind}"} | more]
    return {"index": {"byteStart": start, "byteEnd": end}, "features": features}


RECORD: dict[str, Any] = {
    "$type": "app.bsky.feed.post",
    "text": "Größe: @sam.example stuck #acmetrain, see example.org/ve…",
    "createdAt": "2026-03-01T11:59:58.5Z",
    "langs": ["en", "de"],
    "tags": ["delay"],
    "facets": [
        facet("mention", 9, 21, did="did:plc:sam"),
        facet("tag", 28, 38, tag="acmetrain"),
        facet("link", 0, 0, uri="https://example.org/very/long"),
    ],
    "reply": {"root": {"uri": "at://did:plc:a/app.bsky.feed.post/1"}, "parent": {"uri": "at://did:plc:b/app.bsky.feed.post/2"}},
    "embed": {
        "$type": "app.bsky.embed.recordWithMedia",
        "record": {"record": {"uri": "at://did:plc:c/app.bsky.feed.post/3"}},
        "media": {"$type": "app.bsky.embed.images", "images": [{"alt": "a train"}]},
    },
    "labels": {"values": [{"val": "graphic-media"}]},
}  # fmt: skip


def message(record: Any = None, operation: str = "create", rkey: str = "3mfyov2onv222", rev: str = "") -> Message:
    commit = {"operation": operation, "collection": "app.bsky.feed.post", "rkey": rkey, "rev": rev}
    body = {"did": DID, "time_us": US, "kind": "commit", "commit": commit | {"record": record or RECORD}}
    return decode(json.dumps(body), "v1")


def read(record: Any = None, **more: Any) -> Post:
    return made(message(record, **more))


def made(message: Message) -> Post:
    return post(message, record_of(message), "feed", NOW, backfilled=False)


def test_a_record_becomes_a_post_with_all_that_it_has() -> None:
    found = read()
    assert found.uid == f"feed:at://{DID}/app.bsky.feed.post/3mfyov2onv222"
    assert found.url == f"https://bsky.app/profile/{DID}/post/3mfyov2onv222"
    assert found.text == RECORD["text"]
    assert (found.lang, found.langs, found.hashtags) == ("en", ("en", "de"), ("acmetrain", "delay"))
    assert found.mentions == ("sam.example",)
    assert found.urls == ("https://example.org/very/long",)
    assert found.refs == (
        Ref("reply", "feed:at://did:plc:b/app.bsky.feed.post/2", "did:plc:b"),
        Ref("quote", "feed:at://did:plc:c/app.bsky.feed.post/3", "did:plc:c"),
    )
    assert found.conversation == "at://did:plc:a/app.bsky.feed.post/1"
    assert ([media.alt for media in found.media], found.labels) == (["a train"], ("graphic-media",))
    assert found.created_at == datetime(2026, 3, 1, 11, 59, 58, 500_000, tzinfo=UTC)


@pytest.mark.parametrize(
    "time", ["1970-01-01T00:00:00Z", "2099-01-01T00:00:00Z", "yesterday", "", "2026-03-01T12:06:00Z"]
)
def test_a_time_that_cannot_be_is_the_networks(time: str) -> None:
    assert read(RECORD | {"createdAt": time}).created_at == NOW


def test_a_later_edit_has_a_higher_version_wherever_it_is_read() -> None:
    versions = [read(operation="update", rkey=tid(US), rev=tid(US + seconds * 10**6)).version for seconds in (0, 5, 60)]
    assert versions == [2, 7, 62]


def test_both_wires_say_the_same() -> None:
    commit = {"operation": "create", "collection": "app.bsky.feed.post", "rkey": "3mfyov2onv222", "rev": ""}
    payload = {"$type": "network.bsky.jetstream.subscribeEvents#commit", "seq": 7, "did": DID} | commit
    frame = {"$type": "message", "payload": payload | {"time": "2026-03-01T12:00:00Z", "record": RECORD}}
    assert made(decode(json.dumps(frame), "v2")) == read()
    told = {"$type": "error", "error": "ConsumerTooSlow", "message": "too slow"}
    assert decode(json.dumps(told), "v2").text == "ConsumerTooSlow: too slow"


@pytest.mark.parametrize("cursor", [None, "", "2026-03-01T12:00:00+00:00", "[1]", '{"time_us": "x"}', "{}"])
def test_a_cursor_of_another_source_counts_as_none(cursor: str | None) -> None:
    assert Place.load(cursor, "feed", 5.0).begin is None


def reader(folder: Path, *hosts: str, **options: Any) -> Jetstream:
    return Jetstream(Config.model_validate({"hosts": hosts, "timeout": "300ms"} | options), Context("feed", folder))


async def fault_of(source: Jetstream) -> Transient:
    with pytest.raises(Transient) as caught:
        async for _ in source.read(None):
            pass
    return caught.value


async def test_a_host_that_is_not_there_is_one_line_and_the_next_is_asked(tmp_path: Path) -> None:
    source = reader(tmp_path, "http://127.0.0.1:9", "http://127.0.0.1:99")
    fault = await fault_of(source)
    assert "127.0.0.1:9 could not be reached" in str(fault)
    assert "the next is 127.0.0.1:99" in str(fault)
    assert fault.retry_after is not None
    assert fault.retry_after <= 0.5
    assert "127.0.0.1:99 could not be reached" in str(await fault_of(source))


async def test_a_server_of_something_else_is_said_to_be_none(tmp_path: Path) -> None:
    class Other(Simulator):
        def routes(self) -> list[Any]:
            return []

    with Serving(Other([])) as serving:
        fault = await fault_of(reader(tmp_path, serving.simulator.url))
    assert "answered 404; is it a Jetstream server?" in str(fault)


@pytest.mark.parametrize("host", ["bsky.network", "ftp://bsky.network", "https://user:word@bsky.network"])
def test_a_host_that_is_no_address_is_refused_at_once(tmp_path: Path, host: str) -> None:
    with pytest.raises(Permanent):
        reader(tmp_path, host)


async def posts_until_cut(source: Jetstream) -> list[Post]:
    found: list[Post] = []
    with suppress(Transient):
        async for batch in source.read(None):
            found += [event for event in batch.events if isinstance(event, Post)]
    return found


async def test_only_what_a_watch_might_match_is_taken(tmp_path: Path) -> None:
    told = story(1, 60, texts=["acme is late", "borealis is late", "ACME!", "nothing"])
    options = {"history": "1000d", "watches": [{"name": "acme", "match": "acme -is:reply"}]}
    with Serving(Simulator(told, pace=0.0)) as serving:
        found = await posts_until_cut(reader(tmp_path, serving.simulator.url, **options))
    wanted = [one for one in told if one.record is not None and "acme" in one.record["text"].lower()]
    assert {one.id for one in found} == {one.uri for one in wanted if "like" not in one.collection}
