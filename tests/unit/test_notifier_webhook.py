"""The webhook notifier: what it sends, to whom, and that one Tocsin can watch another."""

from __future__ import annotations

import asyncio
import gzip
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr, ValidationError
from tests.helpers.alerts import START, an_alert
from tests.helpers.site import Site, serving

from tocsin.clock import ManualClock
from tocsin.component import Context
from tocsin.errors import ConfigError, Permanent, Transient
from tocsin.model import Post
from tocsin.notifiers.webhook import Config, Webhook
from tocsin.secrets import verify
from tocsin.sources import webhook as source

NOW = datetime(2026, 11, 22, 12, 6, tzinfo=UTC)
SECRET = "a canary in the mine"


@pytest.fixture
async def site() -> AsyncIterator[Site]:
    async with serving() as site:
        yield site


def _hook(url: str, **options: Any) -> Webhook:
    config = Config(url=url, **{"allow_private": True, "secret": SecretStr(SECRET), **options})
    return Webhook(config, Context("hook", Path("unused"), clock=ManualClock(NOW)))


async def test_a_request_is_signed_and_carries_its_key(site: Site) -> None:
    await _hook(site.url, headers={"Authorization": SecretStr("Bearer x")}).send(an_alert())
    (request,) = site.requests
    headers, body = request.headers, await request.read()
    assert (request.method, request.path_qs) == ("POST", "/path?token=canary")
    assert headers["Content-Type"] == "application/json"
    assert headers["Idempotency-Key"] == an_alert().key
    assert headers["Authorization"] == "Bearer x"
    assert headers["X-Tocsin-Timestamp"] == str(int(NOW.timestamp()))
    assert verify(SECRET, headers["X-Tocsin-Timestamp"], body, headers["X-Tocsin-Signature"])


async def test_without_a_secret_nothing_is_signed(site: Site) -> None:
    await _hook(site.url, secret=None).send(an_alert())
    assert "X-Tocsin-Signature" not in site.requests[0].headers


async def test_a_repeat_is_the_same_but_for_its_time(site: Site) -> None:
    hook = _hook(site.url)
    await hook.send(an_alert())
    await hook.send(an_alert())
    first, second = site.requests
    assert await first.read() == await second.read()
    assert first.headers["Idempotency-Key"] == second.headers["Idempotency-Key"]


async def test_a_key_of_any_text_is_a_header(site: Site) -> None:
    alert = an_alert()
    await _hook(site.url).send(type(alert)(key="a\r\nX-Evil: 1\u202eé", event="opened", incident=alert.incident))
    assert "X-Evil" not in site.requests[0].headers
    assert site.requests[0].headers["Idempotency-Key"] == "a%0D%0AX-Evil:%201%E2%80%AE%C3%A9"


@pytest.mark.parametrize("answer", [
    {"status": 200, "body": b"x" * 20_000_000}, {"status": 200, "body": b"not gzip", "Content_Encoding": "gzip"},
    {"status": 202}, {"status": 204},
    {"status": 200, "body": gzip.compress(bytes(50_000_000)), "Content_Encoding": "gzip"},
    {"status": 200, "body": b"x", "Content_Encoding": "br"},
])  # fmt: skip
async def test_any_good_status_counts_whatever_the_body(site: Site, answer: dict[str, Any]) -> None:
    site.answers(**answer)
    await _hook(site.url).send(an_alert())
    assert len(site.requests) == 1


async def test_a_wait_that_was_asked_for_is_passed_on(site: Site) -> None:
    site.answers(429, Retry_After="Sun, 22 Nov 2026 12:07:30 GMT")
    with pytest.raises(Transient, match=f"POST http://{site.host} answered 429") as caught:
        await _hook(site.url).send(an_alert())
    assert caught.value.retry_after == 90


@pytest.mark.parametrize("status", [301, 307, 308])
async def test_redirects_are_not_followed(site: Site, status: int) -> None:
    site.answers(status, Location=f"http://{site.host}/elsewhere?token=canary")
    with pytest.raises(Permanent, match="change the url") as caught:
        await _hook(site.url).send(an_alert())
    assert len(site.requests) == 1
    assert "canary" not in str(caught.value)


async def test_private_hosts_must_be_allowed(site: Site) -> None:
    for url in (
        site.url,
        f"http://localhost:{site.port}/",
        f"http://[::ffff:127.0.0.1]:{site.port}/",
        f"http://0x7f000001:{site.port}/",
    ):
        with pytest.raises(Permanent) as caught:
            await _hook(url, allow_private=False).send(an_alert())
        assert "canary" not in str(caught.value)
    assert site.requests == []


@pytest.mark.parametrize(
    "url",
    [
        "",
        "example.com/hook",
        "ftp://example.com",
        "javascript:x",
        "https://user:canary@example.com/",
        "http://",
        "https://example.com/\u202e",
    ],
)
def test_bad_urls_are_config_errors(url: str) -> None:
    with pytest.raises(ConfigError, match="'hook' is not one that can be posted to") as caught:
        _hook(url)
    assert "canary" not in str(caught.value)


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"url": "https://x.example", "secret": ""},
        {"url": "https://x.example", "secret": "canary"},
        {"url": "https://x.example", "sekret": "x"},
    ],
)
def test_bad_options(options: dict[str, Any]) -> None:
    with pytest.raises(ValidationError) as caught:
        Config(**options)
    assert "canary" not in str(caught.value)


def test_nothing_secret_shows() -> None:
    config = Config(
        url="https://h.example/canary", secret=SecretStr("the canary"), headers={"Authorization": SecretStr("canary")}
    )
    assert "canary" not in repr(config)
    assert "canary" not in repr(Webhook(config, Context("hook", Path("unused"))).__dict__)


async def test_one_tocsin_can_watch_another() -> None:
    listening = source.Webhook(
        source.Config(port=0, secret=SecretStr(SECRET)), Context("other", Path("unused"), clock=ManualClock(NOW))
    )
    batches = listening.read(None)
    waiting = asyncio.ensure_future(anext(batches))
    while listening.port is None:
        await asyncio.sleep(0.001)
    sending = asyncio.ensure_future(_hook(f"http://127.0.0.1:{listening.port}/events").send(an_alert()))
    posts: list[Post] = []
    while not posts:
        posts = [event for event in (await waiting).events if isinstance(event, Post)]
        waiting = asyncio.ensure_future(anext(batches))
    await sending
    assert [(post.uid, post.text, post.created_at) for post in posts] == [
        (f"other:{an_alert().key}", an_alert().incident.headline, an_alert().incident.detected_at)
    ]  # fmt: skip
    assert posts[0].created_at > START
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)
    await batches.aclose()  # type: ignore[attr-defined]
