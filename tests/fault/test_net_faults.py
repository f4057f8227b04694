"""The network fails: the client and the webhook notifier say so in time, by the right name, and go on afterwards.

Style notes B4, R9. Every fault is made by a TCP proxy on loopback; time-outs are small.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from aiohttp import web
from tests.helpers.alerts import an_alert
from tests.helpers.site import Site, serving
from tests.helpers.tcp_proxy import Fault, Proxy, proxying

from tocsin.clock import ManualClock
from tocsin.component import Context
from tocsin.errors import Permanent, Transient
from tocsin.net import Client, Timeouts, backoff, pieces
from tocsin.notifiers.webhook import Config, Webhook

NOW = datetime(2026, 11, 22, tzinfo=UTC)
BODY = bytes(range(256)) * 400
QUICK = Timeouts(connect=0.4, read=0.4, total=1.2)

FAULTS = {
    "reset before the answer": Fault(refuse=True),
    "reset within the head": Fault(cut=10, reset=True),
    "closed within the head": Fault(cut=10),
    "closed before the answer": Fault(cut=0),
    "reset within the body": Fault(cut=5_000, reset=True),
    "closed within the body": Fault(cut=5_000),
    "black hole": Fault(deaf=True),
    "half-open within the head": Fault(silent=10),
    "half-open within the body": Fault(silent=5_000),
    "too late": Fault(latency=5.0),
    "drips for ever": Fault(drip=1, pause=0.05),
}
HEAD = {name: fault for name, fault in FAULTS.items() if "body" not in name}


@pytest.fixture
async def site() -> AsyncIterator[Site]:
    async with serving() as site:
        site.answers(200, BODY)
        yield site


@pytest.fixture
async def proxy(site: Site) -> AsyncIterator[Proxy]:
    async with proxying(site.port) as proxy:
        yield proxy


def _client(proxy: Proxy, timeouts: Timeouts = QUICK) -> Client:
    return Client(ManualClock(NOW), allow=frozenset({f"127.0.0.1:{proxy.port}"}), timeouts=timeouts)


def _url(proxy: Proxy) -> str:
    return f"http://127.0.0.1:{proxy.port}/hook?token=canary"


async def test_without_faults_the_proxy_changes_nothing(proxy: Proxy) -> None:
    async with _client(proxy) as client:
        assert (await client.request("GET", _url(proxy))).body == BODY


@pytest.mark.parametrize("name", FAULTS)
async def test_every_fault_is_transient_in_time_and_then_over(proxy: Proxy, name: str) -> None:
    proxy.faults = [FAULTS[name]]
    async with _client(proxy) as client:
        async with asyncio.timeout(5):
            with pytest.raises(Transient) as caught:
                await client.request("POST", _url(proxy), body=b"{}")
        assert caught.value.retry_after is None
        assert "canary" not in str(caught.value)
        assert str(caught.value).startswith(f"http://127.0.0.1:{proxy.port} ")
        assert (await client.request("POST", _url(proxy), body=b"{}")).body == BODY


@pytest.mark.parametrize("fault", [Fault(latency=0.05), Fault(drip=20_000, pause=0.01), Fault(drip=1_000)])
async def test_a_slow_answer_is_still_an_answer(proxy: Proxy, fault: Fault) -> None:
    proxy.faults = [fault]
    async with _client(proxy) as client:
        assert (await client.request("GET", _url(proxy))).body == BODY


async def test_nobody_at_home(site: Site) -> None:
    async with Client(ManualClock(NOW), allow=frozenset({"127.0.0.1:1"}), timeouts=QUICK) as client:
        with pytest.raises(Transient, match="could not be reached"):
            await client.request("GET", "http://127.0.0.1:1/")


async def test_a_stream_may_last_but_not_stall(site: Site, proxy: Proxy) -> None:
    """No total time, but a time between two pieces: 40 pieces in 0.8 s are well, then silence is not."""

    async def handler(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        for number in range(40):
            await response.write(b"%d\n" % number)
            await asyncio.sleep(0.02)
        await asyncio.sleep(60)
        return response

    site.handler = handler
    seen = b""
    async with _client(proxy, Timeouts(connect=0.6, read=0.6, total=None)) as client:
        with pytest.raises(Transient, match="in time"):  # noqa: PT012 - the stream fails while it is read
            async with client.stream("GET", _url(proxy)) as response:
                async for piece in pieces(response, None):
                    seen += piece
    assert seen.splitlines() == [b"%d" % number for number in range(40)]


async def test_connections_do_not_leak(proxy: Proxy) -> None:
    proxy.faults = [
        FAULTS[name]
        for name in ("reset within the body", "closed within the head", "black hole", "half-open within the body")
    ] * 3
    async with _client(proxy, Timeouts(connect=0.05, read=0.05, total=0.2)) as client:
        for _ in range(12):
            with pytest.raises(Transient):
                await client.request("POST", _url(proxy), body=b"{}")
        session = client._session(trusted=True)
        assert session.connector is not None
        assert not session.connector._acquired
    assert session.closed


# --- the notifier


def _hook(proxy: Proxy, timeout: float = 0.3) -> Webhook:
    config = Config(url=_url(proxy), allow_private=True, timeout=timeout)
    return Webhook(config, Context("hook", Path("unused"), clock=ManualClock(NOW)))


@pytest.mark.parametrize("name", HEAD)
async def test_an_alert_whose_answer_did_not_come_is_sent_again_with_the_same_key(
    site: Site, proxy: Proxy, name: str
) -> None:
    proxy.faults = [HEAD[name]]
    hook = _hook(proxy)
    with pytest.raises(Transient):
        await hook.send(an_alert())
    await hook.send(an_alert())
    assert len(site.requests) >= 1
    assert {request.headers["Idempotency-Key"] for request in site.requests} == {an_alert().key}


@pytest.mark.parametrize("name", [name for name in FAULTS if "body" in name])
async def test_an_answer_of_200_counts_even_if_its_body_is_spoilt(site: Site, proxy: Proxy, name: str) -> None:
    proxy.faults = [FAULTS[name]]
    await _hook(proxy).send(an_alert())
    assert len(site.requests) == 1


async def test_random_faults_lose_no_alert(site: Site, proxy: Proxy) -> None:
    """Random faults at random places, sent again with back-off: each alert arrives, repeats only with its own key."""
    chance = random.Random(9)
    site.answers(204)
    clock = ManualClock(NOW)
    hook = _hook(proxy, timeout=0.1)
    choices = [
        Fault(refuse=True),
        Fault(cut=0),
        Fault(cut=5, reset=True),
        Fault(cut=20),
        Fault(deaf=True),
        Fault(silent=9),
        Fault(),
    ]
    wanted = [an_alert(number) for number in range(30)]
    failures = 0
    for alert in wanted:
        for attempt in range(50):
            proxy.faults = chance.choices(choices, weights=[6, 6, 6, 6, 1, 1, 6], k=1)
            try:
                await hook.send(alert)
                break
            except Transient as fault:
                failures += 1
                await clock.sleep(fault.retry_after or backoff(attempt, chance, 5.0, 3600.0))
        else:
            pytest.fail(f"{alert.key} was never taken")
    arrived = [request.headers["Idempotency-Key"] for request in site.requests]
    assert list(dict.fromkeys(arrived)) == [alert.key for alert in wanted]
    assert failures > 30


async def test_a_server_that_never_takes_it_is_permanent_through_a_bad_line(site: Site, proxy: Proxy) -> None:
    site.answers(410, BODY)
    proxy.faults = [Fault(silent=3_000)]
    with pytest.raises(Permanent, match="answered 410"):
        await _hook(proxy).send(an_alert())
