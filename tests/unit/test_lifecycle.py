"""Incidents open once, escalate, resolve, expire, and stay quiet afterwards."""

from __future__ import annotations

import numpy as np
import pytest

from tocsin.alerts.lifecycle import COOLDOWN_SECONDS, EXPIRE_SECONDS, Change, Lifecycle
from tocsin.component import Readings
from tocsin.series import Key

KEYS: list[Key] = [("acme",), ("acme", "outage"), ("acme", "billing")]
INDEX = {key: number for number, key in enumerate(KEYS)}


def readings(scores: list[float], *, alert: list[bool] | None = None, down: bool = False) -> Readings:
    floats = np.array(scores, dtype=np.float32)
    return Readings(
        score=floats, value=floats * 10, expected=np.full(3, 4, np.float32), low=np.zeros(3, np.float32),
        high=np.full(3, 9, np.float32), scale=np.full(3, 900, np.int32), down=np.full(3, down),
        alert=np.array(alert if alert is not None else [score >= 1 for score in scores]),
    )  # fmt: skip


class Played:
    """A lifecycle fed with scores of (acme, outage), minute by minute."""

    def __init__(self) -> None:
        self.life, self.at = Lifecycle(depth=2), 0

    def feed(self, *scores: float, down: bool = False) -> list[Change]:
        found: list[Change] = []
        for score in scores:
            self.at += 60
            saved, self.life = self.life.save(), Lifecycle(depth=2)
            self.life.load(saved)
            found += self.life.step(self.at, KEYS, INDEX, readings([0, score, 0], down=down))
        return found

    def events(self, *scores: float, down: bool = False) -> list[str]:
        return [change.event for change in self.feed(*scores, down=down)]


def test_an_alert_opens_one_incident_however_long_it_lasts() -> None:
    played = Played()
    (opened,) = played.feed(0.4, 1.1, 1.2, 1.1, 1.2)
    assert (opened.event, opened.key, opened.at, opened.opened, opened.turn) == (
        "opened",
        ("acme", "outage"),
        120,
        120,
        0,
    )
    assert (opened.observed, opened.scale) == (pytest.approx(11), 900)


def test_parents_do_not_alert() -> None:
    life = Lifecycle(depth=2)
    assert list(life.step(60, KEYS, INDEX, readings([5, 0, 0]))) == []


def test_it_escalates_when_it_is_worse_by_twenty_and_only_then() -> None:
    played = Played()
    assert played.events(1.0, 1.2, 1.3) == ["opened"]
    (worse,) = played.feed(1.5)
    assert (worse.event, worse.turn, worse.severity) == ("escalated", 1, 63)
    assert played.events(1.6, 1.5) == []
    assert played.events(3.0) == ["escalated"]


def test_it_resolves_after_three_quarters_of_an_hour_of_calm() -> None:
    played = Played()
    played.feed(1.2, 2.0)
    assert played.events(*[0.4] * 45) == []
    (end,) = played.feed(0.4)
    assert (end.event, end.opened, end.peak) == ("resolved", 60, pytest.approx(20))


def test_calm_must_last_without_a_break() -> None:
    played = Played()
    played.feed(1.2)
    assert played.events(*[0.4] * 40, 0.6, *[0.4] * 45) == []
    assert played.events(0.4) == ["resolved"]


def test_it_expires_as_the_new_normal() -> None:
    played = Played()
    assert played.events(*[1.2] * (EXPIRE_SECONDS // 60 + 1)) == ["opened", "expired"]


def test_a_flapping_series_is_one_incident() -> None:
    played = Played()
    events = played.events(*([1.2] + [0.2] * 60) * 4)
    assert events == ["opened", "resolved"]


def test_after_the_cooldown_it_may_open_again() -> None:
    played = Played()
    assert played.events(1.2, *[0.1] * 46) == ["opened", "resolved"]
    assert played.events(*[0.1] * (COOLDOWN_SECONDS // 60), 1.2) == ["opened"]


def test_something_much_worse_opens_within_the_cooldown() -> None:
    played = Played()
    played.feed(1.0, *[0.1] * 46)
    assert played.events(1.2) == []
    assert played.events(2.0) == ["opened"]


def test_up_and_down_are_two_incidents() -> None:
    played = Played()
    assert played.events(1.2) == ["opened"]
    (fall,) = played.feed(1.2, down=True)
    assert (fall.event, fall.direction) == ("opened", "down")


def test_the_excess_is_that_of_the_first_window_and_of_every_bucket_after_it() -> None:
    life = Lifecycle(depth=2, bucket=900)
    counts = np.array([0, 20, 0], np.float32)
    (opened,) = life.look(450, KEYS, readings([0, 1.5, 0]))
    assert opened.excess == pytest.approx(15 - 4)
    found = [
        change
        for at in range(900, 900 * 9, 900)
        for change in life.step(at, KEYS, INDEX, readings([0, 0.1, 0]), None, counts)
    ]
    (resolved,) = found
    buckets = (resolved.at - 900) / 900 + 0.5
    assert resolved.event == "resolved"
    assert resolved.excess == pytest.approx(11 + buckets * (20 - 4))


def test_a_blind_bucket_adds_no_excess() -> None:
    life = Lifecycle(depth=2)
    list(life.look(60, KEYS, readings([0, 1.5, 0])))
    list(life.step(120, KEYS, INDEX, readings([0, 1.5, 0]), np.array([True, False, True]), np.zeros(3, np.float32)))
    found = [
        change
        for at in range(180, 180 + 60 * 60, 60)
        for change in life.step(at, KEYS, INDEX, readings([0, 0.1, 0]), None, np.full(3, 4 / 15, np.float32))
    ]
    assert found[0].excess == pytest.approx(11, abs=0.001)
