"""The volume detector under counts, gaps and cuts that nobody would think of."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path

import numpy as np
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tocsin.component import Context, Readings
from tocsin.detectors.volume import Config, Volume

NAMES = [field.name for field in fields(Readings)]
PARENTS, GROUPS = [-1, 0, 0, 1], [0, 0, 0, 1]

counts = st.one_of(st.integers(0, 5), st.integers(0, 2000), st.sampled_from([0.0, 0.5, 1e6, 1e9, 1e12]))
rows = st.tuples(*[counts] * 4, *[st.booleans()] * 4, st.sampled_from([1, 1, 1, 1, 1, 2, 9]))
runs = st.lists(rows, min_size=1, max_size=12).flatmap(
    lambda pattern: st.integers(1, 50 // len(pattern) + 1).map(lambda times: pattern * times)
)


def made(bucket: int = 3600) -> Volume:
    detector = Volume(Config(bucket=bucket), Context("volume", Path()))
    detector.add(PARENTS, GROUPS)
    return detector


def play(detector: Volume, run: list, time: int = 0) -> tuple[list[Readings], int]:
    """The readings, and the time after them."""
    readings = []
    for *values, skip in run:
        time += skip * detector.bucket
        visible = np.array(values[4:], np.bool_)
        readings.append(detector.step(time, np.array(values[:4], np.float32), visible))
    return readings, time


def same(left: list[Readings], right: list[Readings]) -> None:
    for one, other in zip(left, right, strict=True):
        for name in NAMES:
            np.testing.assert_array_equal(getattr(one, name), getattr(other, name), err_msg=name)


@settings(deadline=None, max_examples=30)
@given(run=runs)
def test_readings_are_finite_ordered_and_silent_where_blind(run: list) -> None:
    readings, _ = play(made(), run)
    for reading, row in zip(readings, run, strict=True):
        for name in NAMES:
            assert np.isfinite(getattr(reading, name)).all(), name
        assert (reading.score >= 0).all()
        assert (reading.low <= reading.expected * 1.001 + 0.01).all()
        assert (reading.expected <= reading.high * 1.001 + 0.01).all()
        blind = ~np.array(row[4:8], np.bool_)
        assert not reading.alert[blind].any()
        assert not reading.score[blind].any()
        assert (reading.score[reading.alert] >= 1).all()


@settings(deadline=None, max_examples=20)
@given(run=runs, data=st.data())
def test_a_cut_with_save_and_load_changes_nothing(run: list, data: st.DataObject) -> None:
    cut = data.draw(st.integers(0, len(run)))
    whole, _ = play(made(), run)
    first, second = made(), Volume(Config(bucket=3600), Context("volume", Path()))
    before, time = play(first, run[:cut])
    second.load(first.save())
    after, _ = play(second, run[cut:], time)
    same(before + after, whole)


@settings(deadline=None, max_examples=20)
@given(run=runs, seen=st.integers(0, 3))
def test_a_series_without_family_does_not_depend_on_others(run: list, seen: int) -> None:
    whole = Volume(Config(bucket=3600), Context("volume", Path()))
    whole.add([-1] * 4, [0, 1, 2, 3])
    alone = Volume(Config(bucket=3600), Context("volume", Path()))
    alone.add([-1], [0])
    together, _ = play(whole, run)
    time = 0
    for reading, (*values, skip) in zip(together, run, strict=True):
        time += skip * 3600
        own = alone.step(time, np.array([values[seen]], np.float32), np.array([values[4 + seen]], np.bool_))
        for name in NAMES:
            assert getattr(own, name)[0] == getattr(reading, name)[seen], name


@settings(deadline=None, max_examples=100)
@given(junk=st.binary(max_size=200), flip=st.integers(0, 10**6))
@example(junk=b"", flip=1643)
def test_damaged_state_is_refused_or_usable(junk: bytes, flip: int) -> None:
    """One flipped byte may hit a number, but never brings anything but a refusal or a detector that works."""
    from tocsin.errors import Corrupt

    saved = bytearray(made().save())
    saved[flip % len(saved)] ^= 1 + flip % 255
    for damaged in (junk, bytes(saved)):
        detector = made()
        try:
            detector.load(damaged)
        except Corrupt:
            detector.step(0, np.ones(4, np.float32), np.ones(4, np.bool_))
