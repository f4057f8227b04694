"""Time, injected."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from tocsin.clock import ManualClock, SystemClock

START = datetime(2026, 1, 1, tzinfo=UTC)


def test_the_machines_clock_is_aware_and_its_durations_do_not_go_back() -> None:
    clock = SystemClock()
    assert clock.now().tzinfo is UTC
    before = clock.monotonic()
    assert clock.monotonic() >= before


async def test_sleeping_on_the_machines_clock_takes_that_time() -> None:
    clock = SystemClock()
    before = clock.monotonic()
    await clock.sleep(0.02)
    assert clock.monotonic() - before >= 0.019


async def test_sleeping_on_the_manual_clock_moves_it_and_takes_no_time() -> None:
    clock = ManualClock(START)
    await clock.sleep(86_400)
    assert (clock.now(), clock.monotonic()) == (START + timedelta(days=1), 86_400)
    await clock.sleep(-5)
    assert clock.monotonic() == 86_400


def test_a_calendar_set_back_does_not_change_durations() -> None:
    clock = ManualClock(START)
    clock.advance(10)
    clock.jump(-3600)
    assert (clock.now(), clock.monotonic()) == (START + timedelta(seconds=10 - 3600), 10)
