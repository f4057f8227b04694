"""The sign of life: sent while all loops come round, and only then."""

from __future__ import annotations

import logging
import threading
from datetime import UTC, datetime

import pytest
from aiohttp import web
from tests.helpers.site import Site, serving

from tocsin.clock import ManualClock
from tocsin.runners.alive import LATE_SECONDS, Alive
from tocsin.settings import Heartbeat

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
LOOPS = ("ingest", "process", "detect", "notify")


def ends_after(signs: int, site: Site, stop: threading.Event) -> None:
    """Stop once so many signs have come."""

    async def take(_: web.Request) -> web.StreamResponse:
        if len(site.requests) >= signs:
            stop.set()
        return web.Response(text="OK")

    site.handler = take


def heartbeat(site: Site) -> Heartbeat:
    return Heartbeat(url=site.url, every=10, allow_private=True)


async def test_it_is_sent_again_and_again_until_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    stop = threading.Event()
    monkeypatch.setattr(stop, "wait", lambda _: stop.is_set())
    async with serving() as site:
        ends_after(3, site, stop)
        await Alive(LOOPS, ManualClock(NOW)).keep(heartbeat(site), stop)
    assert [request.method for request in site.requests] == ["GET"] * 3


@pytest.mark.parametrize("loop", [*LOOPS, "notify ops"])
async def test_it_stays_away_while_one_loop_is_stuck(
    loop: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    clock, stop = ManualClock(NOW), threading.Event()
    alive = Alive(LOOPS, clock)
    alive.beat(loop)
    clock.advance(LATE_SECONDS + 1)
    for other in LOOPS:
        if other != loop:
            alive.beat(other)
    assert alive.stuck() == [loop]
    monkeypatch.setattr(stop, "wait", lambda _: stop.set())
    async with serving() as site:
        await alive.keep(heartbeat(site), stop)
        assert site.requests == []
        assert f"the {loop} loop is stuck" in caplog.text
        alive.beat(loop)
        assert alive.stuck() == []
        assert await alive.send(heartbeat(site))


async def test_a_service_that_does_not_take_it_is_said_and_costs_nothing(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING)
    async with serving() as site:
        site.answers(500)
        assert not await Alive(LOOPS, ManualClock(NOW)).send(heartbeat(site))
    assert "The sign of life was not taken" in caplog.text
    assert "canary" not in caplog.text
