"""Malformed bodies at the webhook: refused with 4xx, never 500; and what is taken can go all the way to the lake."""

from __future__ import annotations

import asyncio
import gzip
import json
import random
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import aiohttp
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tocsin import records
from tocsin.clock import ManualClock
from tocsin.component import Context
from tocsin.model import Event, Post, decoder, encoder
from tocsin.sources._submission import Body, Rejected, parse
from tocsin.sources.webhook import Config, Webhook

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
FORMS: tuple[Body, ...] = ("json", "lines", "either")
CASES = 10_000

SEEDS = [
    {
        "id": "1",
        "text": "the bell rings",
        "created_at": "2026-11-22T11:00:00Z",
        "author": {"id": "a", "handle": "ann", "location": "Berlin"},
    },
    {
        "id": 2,
        "text": "日本語 👩‍👩‍👧 \u202e",
        "created_at": 1795348800,
        "author": "ann",
        "place": {"country": "DE", "lat": 1.5, "lon": 2},
    },
    {
        "text": "no id",
        "language": "en",
        "hashtags": ["a"],
        "metrics": {"likes": 1},
        "refs": [{"type": "reply", "id": "1"}],
        "version": 3,
    },
    {"delete": "1"},
    {"kind": "delete", "author_id": 7, "scope": "author", "at": 1795348800000},
]
SPLINTERS = [
    b"{", b"}", b"[", b"]", b",", b":", b'"', b"\\", b"\\u0000", b"\\ud800", b"\x00", b"\xff", b"\xed\xa0\x80", b"\n",
    b"\r", b"\xe2\x80\xa8", b"null", b"true", b"-", b"1e999",
    b"1" * 30, b"9" * 5_000, b"NaN", b"Infinity", b'{"text":', b'"kind":"gap",', b'"id":null,', b'"created_at":-1e300,',
    b'"created_at":"9999-12-31T23:59:59-14:00",', b"[" * 2_000,
    b'{"a":' * 2_000, b'"version":2147483648,', b'"lat":91,', b'"text":"\\u0000",', b'"id":"\\u0000",', b"\xef\xbb\xbf",
    b"//", b"'",
]  # fmt: skip


def _malformed(count: int) -> Iterator[bytes]:
    """Good bodies with bytes cut out, turned over, doubled, and splinters put in; and plain noise."""
    chance = random.Random(20261122)
    for number in range(count):
        if number % 20 == 0:
            yield chance.randbytes(chance.randrange(200))
            continue
        items = [chance.choice(SEEDS) for _ in range(chance.randrange(1, 4))]
        if chance.random() < 0.5:
            body = bytearray(json.dumps(items, ensure_ascii=chance.random() < 0.5).encode())
        else:
            body = bytearray("\n".join(json.dumps(item) for item in items).encode())
        for _ in range(chance.randrange(1, 4)):
            start = chance.randrange(len(body) + 1)
            end = min(len(body), start + chance.randrange(12))
            body[start:end] = chance.choice(
                [b"", bytes(body[start:end]) * 2, chance.randbytes(1), chance.choice(SPLINTERS)]
            )
        yield bytes(body)


def _outcome(body: bytes, form: Body) -> int | list[Event]:
    try:
        return parse(body, form, "hook", NOW)
    except Rejected as error:
        refusal = error
    assert len(refusal.reason) < 300
    assert all("\n" not in reason and len(reason) <= 200 for _, reason in refusal.items)
    return refusal.status


def _goes_all_the_way(event: Event) -> None:
    """The queue can write it and read it again, and it can be a row of the lake."""
    assert decoder.decode(encoder.encode(event)) == event
    row = records.post_row(1, event) if isinstance(event, Post) else records.other_row(1, event, NOW)
    batch = records.to_batch([row])
    assert batch.column("uid")[0].as_py() == getattr(event, "uid", None)


def test_ten_thousand_malformed_bodies_are_4xx_or_good() -> None:
    refused: dict[int, int] = {}
    taken = 0
    for number, body in enumerate(_malformed(CASES)):
        outcome = _outcome(body, FORMS[number % 3])
        if isinstance(outcome, int):
            refused[outcome] = refused.get(outcome, 0) + 1
            continue
        taken += 1
        for event in outcome:
            _goes_all_the_way(event)
    assert set(refused) <= {400, 413, 422}
    assert sum(refused.values()) > CASES * 0.7
    assert taken > CASES * 0.02


KEYS = [*"abc", "id", "name", "lat", "lon", "country", "created_at"]
WORDS = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | WORDS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=3),
    max_leaves=6,
)
FIELDS = [
    "id", "text", "title", "created_at", "url", "author", "language", "langs", "place", "hashtags", "mentions", "refs",
    "metrics", "media", "version", "delete", "kind", "uid",
    "author_id", "up_to_id", "scope", "at", "reversible", "edited_at", "labels", "backfilled",
]  # fmt: skip


@given(
    st.lists(
        st.dictionaries(st.sampled_from(FIELDS), JSON, max_size=6).map(lambda item: {"text": "x", **item}), max_size=3
    )
)
@settings(max_examples=400, deadline=None)
def test_any_values_in_any_fields(items: list[dict[str, object]]) -> None:
    outcome = _outcome(json.dumps(items).encode(), "json")
    if isinstance(outcome, int):
        assert outcome in (400, 422)
    else:
        for event in outcome:
            _goes_all_the_way(event)


@pytest.mark.parametrize("packed", [False, True])
async def test_a_few_hundred_over_http(packed: bool) -> None:
    source = Webhook(Config(port=0), Context("hook", Path("unused"), clock=ManualClock(NOW)))
    stored = asyncio.ensure_future(_store(source))
    while source.port is None:
        await asyncio.sleep(0.001)
    url = f"http://127.0.0.1:{source.port}/events"
    chance = random.Random(3)
    kinds = ["application/json", "application/x-ndjson", "text/plain", "application/octet-stream"]
    statuses = []
    async with aiohttp.ClientSession() as session:
        for body in _malformed(200):
            data = gzip.compress(body)[: chance.randrange(1, 200)] if packed else body
            headers = {"Content-Type": chance.choice(kinds), **({"Content-Encoding": "gzip"} if packed else {})}
            async with session.post(url, data=data, headers=headers) as response:
                statuses.append(response.status)
                await response.json()
    assert set(statuses) <= {202, 400, 413, 422}
    stored.cancel()
    await asyncio.gather(stored, return_exceptions=True)


async def _store(source: Webhook) -> None:
    batches = source.read(None)
    try:
        async for _ in batches:
            await asyncio.sleep(0)
    finally:
        await batches.aclose()  # type: ignore[attr-defined]
