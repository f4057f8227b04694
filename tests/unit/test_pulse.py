"""A live source's heartbeats and gaps."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from tocsin.model import Gap, Heartbeat, Post
from tocsin.sources._pulse import Pulse

NOW = datetime(2026, 3, 20, 12, tzinfo=UTC)


def after(seconds: float) -> datetime:
    return NOW + timedelta(seconds=seconds)


def test_beats_close_together_leave_no_gap() -> None:
    pulse = Pulse("hook", 10, None)
    assert [pulse.awake(after(seconds)) for seconds in (0, 10, 40, 41)] == [[], [], [], []]
    assert pulse.beat(after(41)) == Heartbeat(source="hook", stream="hook", at=after(41))


def test_a_stretch_in_which_nobody_listened_is_a_gap() -> None:
    pulse = Pulse("hook", 10, None)
    pulse.awake(NOW)
    (gap,) = pulse.awake(after(31))
    assert gap == Gap(source="hook", stream="hook", start=NOW, end=after(31), state="lost", note="not listening")
    assert pulse.awake(after(32)) == []


def test_the_time_between_two_runs_is_a_gap() -> None:
    before = Pulse("hook", 10, None)
    before.awake(NOW)
    (gap,) = Pulse("hook", 10, before.cursor).awake(after(3600))
    assert isinstance(gap, Gap)
    assert (gap.start, gap.end) == (NOW, after(3600))


def test_a_clock_put_back_is_no_gap_and_put_right_again_is_one() -> None:
    pulse = Pulse("hook", 10, None)
    pulse.awake(NOW)
    assert pulse.awake(after(-3600)) == []
    (gap,) = pulse.awake(after(10))
    assert isinstance(gap, Gap)
    assert (gap.start, gap.end) == (after(-3600), after(10))


def posts(*delays: float) -> list[Post]:
    return [
        Post(uid=f"hook:{n}", source="hook", id=str(n), text="a", received_at=NOW, created_at=after(-delay))
        for n, delay in enumerate(delays)
    ]


def test_a_beat_vouches_for_the_time_by_which_nine_in_ten_posts_have_come() -> None:
    pulse = Pulse("hook", 10, None)
    pulse.heard(posts(*range(10)))
    assert pulse.beat(NOW).at == after(-9)
    pulse.heard(posts(*[3600] * 5, *[0] * 95))
    assert pulse.beat(NOW).at == NOW


def test_posts_that_come_from_the_future_or_a_long_time_ago_teach_nothing() -> None:
    pulse = Pulse("hook", 10, None)
    pulse.heard([*posts(-60, 8 * 86_400), Heartbeat(source="hook", stream="hook", at=NOW)])
    assert pulse.beat(NOW).at == NOW


@pytest.mark.parametrize("cursor", ["", '{"row": 7}', "2026-03-20", "77:0"])
def test_the_cursor_of_another_source_means_nothing(cursor: str) -> None:
    pulse = Pulse("hook", 10, cursor)
    assert pulse.cursor is None
    assert pulse.awake(NOW) == []
