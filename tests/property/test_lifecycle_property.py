"""R17: the life of an incident follows its rules, whatever the readings say, and through any restart."""

from __future__ import annotations

from itertools import groupby

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.helpers.faults import by_length

from tocsin.alerts.lifecycle import (
    CALM_SCORE,
    CALM_SECONDS,
    COOLDOWN_SECONDS,
    EXPIRE_SECONDS,
    Change,
    Lifecycle,
)
from tocsin.component import Readings
from tocsin.severity import worse

KEYS = [("acme",), ("acme", "outage"), ("acme", "billing")]
INDEX = {key: number for number, key in enumerate(KEYS)}
BUCKET = 900
often = settings(deadline=None, max_examples=by_length(80, 300, 20_000))

reading = st.tuples(st.sampled_from([0.0, 0.2, 0.6, 1.0, 1.4, 3.0]), st.booleans(), st.booleans())
buckets = st.lists(st.tuples(reading, reading, st.integers(1, 40)), max_size=30)


def ticks(found: list) -> list[tuple]:
    """A few different buckets, each so many times in a row."""
    return [(first, second) for first, second, times in found for _ in range(times)]


def play(ticks: list[tuple], restart: int = 0) -> list[list[Change]]:
    """The changes of each bucket; after every `restart` buckets (0: never) by another object that was loaded."""
    life, found = Lifecycle(depth=2), []
    for number, series in enumerate(ticks):
        if restart and number % restart == 0:
            saved, life = life.save(), Lifecycle(depth=2)
            life.load(saved)
        score, down, visible = (np.array([values[0], *values]) for values in zip(*series, strict=True))
        score = (score * visible).astype(np.float32)
        readings = Readings(
            score=score, value=10 * score, expected=score, low=score, high=score, scale=np.full(3, BUCKET, np.int32),
            down=down, alert=score >= 1,
        )  # fmt: skip
        found.append(list(life.step(number * BUCKET, KEYS, INDEX, readings, visible)))
    return found


@often
@given(buckets)
def test_every_incident_opens_once_escalates_in_turns_and_ends_once(found: list) -> None:
    changes = [change for tick in play(ticks(found)) for change in tick]
    assert all(len(change.key) == 2 for change in changes)
    by_series = sorted(changes, key=lambda change: (change.key, change.direction))
    for _, same in groupby(by_series, key=lambda change: (change.key, change.direction)):
        for opened, incident in groupby(same, key=lambda change: change.opened):
            life = list(incident)
            events = [change.event for change in life]
            assert events[0] == "opened"
            assert life[0].at == opened
            assert set(events[1:-1]) <= {"escalated"}
            assert events[-1] in ("opened", "escalated", "resolved", "expired")
            turns = [change.turn for change in life if change.event in ("opened", "escalated")]
            assert turns == list(range(len(turns)))


@often
@given(buckets)
def test_ends_keep_their_times_and_a_bell_rests_after_it_rang(found: list) -> None:
    seen = ticks(found)
    ended: dict[tuple, Change] = {}
    rang: dict[tuple, float] = {}
    for number, tick in enumerate(play(seen)):
        for change in tick:
            series = (change.key, change.direction)
            if change.event == "resolved":
                calm = [bucket[INDEX[change.key] - 1] for bucket in seen[number - CALM_SECONDS // BUCKET : number + 1]]
                up = [score for score, down, visible in calm if down == (change.direction == "down")]
                assert all(visible for _, _, visible in calm), "nothing seen is not calm"
                assert all(score < CALM_SCORE for score in up)
            if change.event == "expired":
                assert change.at - change.opened >= EXPIRE_SECONDS
            if change.event == "opened" and series in ended and change.at < ended[series].at + COOLDOWN_SECONDS:
                assert worse(change.score, rang[series])
            if change.event in ("opened", "escalated"):
                rang[series] = change.score
            if change.event in ("resolved", "expired"):
                ended[series] = change


@often
@given(buckets, st.integers(1, 9))
def test_a_restart_leaves_no_trace(found: list, every: int) -> None:
    assert play(ticks(found), every) == play(ticks(found))
