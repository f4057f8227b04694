"""The contract of component.Detector, run over every detector found on disk.

A case file `cases/detectors/<type>.py` holds `make(tmp_path)`, a new detector without series, and `BUCKET`, its
bucket in seconds.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import tocsin.detectors
from tocsin.component import Detector, Readings
from tocsin.errors import Corrupt

TYPES = sorted(path.stem for path in Path(tocsin.detectors.__file__).parent.glob("[!_]*.py"))
DAY = 86_400
PARENTS, GROUPS = [-1, 0, 0, 0, -1, 4], [0, 0, 0, 0, 1, 1]
SERIES = len(PARENTS)
NAMES = [field.name for field in fields(Readings)]

Make = Callable[[], Any]


class Case:
    def __init__(self, module: Any, tmp_path: Path) -> None:
        self.bucket: int = module.BUCKET
        self._make, self._tmp_path = module.make, tmp_path

    def make(self, parents: list[int] | None = None, groups: list[int] | None = None) -> Detector:
        """A detector with series; the six of `PARENTS` unless told."""
        detector: Detector = self._make(self._tmp_path)
        detector.add(PARENTS if parents is None else parents, GROUPS if groups is None else groups)
        return detector

    def buckets(self, days: float) -> int:
        return int(days * DAY / self.bucket)

    def counts(self, days: float, seed: int = 7) -> np.ndarray:
        """Quiet counts (bucket, series) with a daily rhythm; parents hold the sum of their children."""
        random = np.random.default_rng(seed)
        hour = np.arange(self.buckets(days))[:, None] * self.bucket / 3600
        rates = np.array([0, 3.0, 1.0, 8.0, 0, 5.0]) * (1 + 0.6 * np.cos(2 * np.pi * (hour - 15) / 24))
        counts = random.poisson(rates)
        counts[:, 0], counts[:, 4] = counts[:, 1:4].sum(axis=1) + 2, counts[:, 5] + 1
        return counts.astype(np.float32)

    def run(self, detector: Detector, counts: np.ndarray, visible: np.ndarray | None = None, first: int = 0) -> list:
        """Step through the buckets, of which `first` is the number of the first."""
        seen = np.ones(counts.shape, np.bool_) if visible is None else visible
        return [
            detector.step((first + number) * self.bucket, row, mask)
            for number, (row, mask) in enumerate(zip(counts, seen, strict=True))
        ]


@pytest.fixture(params=TYPES)
def case(request: pytest.FixtureRequest, tmp_path: Path) -> Case:
    try:
        module = importlib.import_module(f"tests.contract.cases.detectors.{request.param}")
    except ModuleNotFoundError:
        pytest.fail(f"detectors/{request.param}.py has no tests/contract/cases/detectors/{request.param}.py")
    return Case(module, tmp_path)


def table(readings: list[Readings], name: str) -> np.ndarray:
    return np.array([getattr(reading, name) for reading in readings])


def same(left: list[Readings], right: list[Readings]) -> None:
    for name in NAMES:
        np.testing.assert_array_equal(table(left, name), table(right, name), err_msg=name)


def burst(
    case: Case, counts: np.ndarray, series: int, at_day: float, hours: float = 3, times: float = 12
) -> np.ndarray:
    """The counts with one series (and its parent) many times as high for some hours."""
    counts = counts.copy()
    rows = slice(case.buckets(at_day), case.buckets(at_day) + int(hours * 3600 / case.bucket))
    extra = counts[:, series].mean() * (times - 1)
    counts[rows, series] += np.float32(extra)
    if PARENTS[series] >= 0:
        counts[rows, PARENTS[series]] += np.float32(extra)
    return counts


def test_a_reading_has_one_finite_element_a_series_of_the_promised_type(case: Case) -> None:
    kinds = {"scale": np.int32, "down": np.bool_, "alert": np.bool_}
    for reading in case.run(case.make(), burst(case, case.counts(3), 3, 2.5)):
        for name in NAMES:
            array = getattr(reading, name)
            assert array.dtype == kinds.get(name, np.float32), name
            assert array.shape == (SERIES,), name
            assert np.isfinite(array).all(), name
        assert (reading.score >= 0).all()
        assert (reading.scale > 0).all()
        assert (reading.low >= 0).all()
        assert (reading.low <= reading.expected * 1.001 + 0.01).all()
        assert (reading.expected <= reading.high * 1.001 + 0.01).all()


def test_a_great_burst_alerts_and_goes_on_without_alerting_every_time(case: Case) -> None:
    counts = burst(case, case.counts(4), 3, 3.5, hours=6)
    alerts = table(case.run(case.make(), counts), "alert")
    start = case.buckets(3.5)
    assert not alerts[:start].any()
    assert alerts[start : start + 7200 // case.bucket, 3].any()
    assert alerts[start:, 3].sum() <= 3


def test_an_alert_has_a_score_of_one_or_more_and_lies_outside_its_band(case: Case) -> None:
    readings = case.run(case.make(), burst(case, case.counts(4), 3, 3.5))
    alerting = [(reading, at) for reading in readings for at in np.flatnonzero(reading.alert)]
    assert alerting
    for reading, at in alerting:
        assert reading.score[at] >= 1
        outside = reading.value[at] <= reading.low[at] if reading.down[at] else reading.value[at] >= reading.high[at]
        assert outside


def test_calm_counts_do_not_alert(case: Case) -> None:
    assert not table(case.run(case.make(), case.counts(5)), "alert").any()


def test_the_first_day_of_a_series_never_alerts(case: Case) -> None:
    counts = burst(case, case.counts(0.9), 3, 0.5, times=100)
    readings = case.run(case.make(), counts)
    assert not table(readings, "alert").any()
    assert (table(readings, "score") < 1).all()


def test_the_same_input_gives_the_same_readings_and_the_same_bytes(case: Case) -> None:
    counts, one, two = case.counts(2), case.make(), case.make()
    same(case.run(one, counts), case.run(two, counts))
    assert one.save() == two.save()


@pytest.mark.parametrize("days", [0.01, 0.37, 1.0, 2.2])
def test_save_and_load_in_between_change_nothing(case: Case, days: float) -> None:
    counts = burst(case, case.counts(3), 3, 2.5)
    random = np.random.default_rng(3)
    visible = random.random(counts.shape) > 0.05
    cut = case.buckets(days)
    through = case.make()
    whole = case.run(through, counts, visible)
    first, second = case.make(), case.make([], [])
    case.run(first, counts[:cut], visible[:cut])
    second.load(first.save())
    assert second.save() == first.save()
    same(case.run(second, counts[cut:], visible[cut:], first=cut), whole[cut:])
    assert second.save() == through.save()


def test_saving_disturbs_nothing_and_loading_replaces_everything(case: Case) -> None:
    counts = case.counts(1.5)
    detector, other = case.make(), case.make([-1] * 9, [0] * 9)
    case.run(other, np.full((20, 9), 50, np.float32))
    expected = case.run(case.make(), counts)
    readings = []
    for number, row in enumerate(counts):
        readings.append(detector.step(number * case.bucket, row, np.ones(SERIES, np.bool_)))
        if number % 50 == 0:
            detector.save()
    same(readings, expected)
    other.load(detector.save())
    assert other.save() == detector.save()


@pytest.mark.parametrize("how", ["empty", "noise", "cut", "text"])
def test_what_was_not_saved_by_it_is_refused_and_changes_nothing(case: Case, how: str) -> None:
    detector = case.make()
    case.run(detector, case.counts(0.5))
    saved = detector.save()
    wrong = {"empty": b"", "noise": bytes(range(256)), "cut": saved[: len(saved) // 2], "text": b'{"header": {}}'}[how]
    with pytest.raises(Corrupt):
        detector.load(wrong)
    assert detector.save() == saved


def test_what_comes_later_changes_nothing_before_it(case: Case) -> None:
    counts, cut = case.counts(3), case.buckets(2)
    other = counts.copy()
    other[cut:] = other[cut:] * 20 + 3
    same(case.run(case.make(), counts)[:cut], case.run(case.make(), other)[:cut])


def test_memory_does_not_grow_with_time(case: Case) -> None:
    detector, counts = case.make(), case.counts(6)
    half = len(counts) // 2
    case.run(detector, counts[:half])
    before = len(detector.save())
    case.run(detector, counts[half:], first=half)
    assert len(detector.save()) <= before * 1.01 + 64


def test_series_can_be_added_at_any_time_and_do_not_touch_others(case: Case) -> None:
    counts = case.counts(3)
    cut = case.buckets(1.5)
    alone = case.run(case.make(), counts)
    detector = case.make()
    before = case.run(detector, counts[:cut])
    detector.add([-1, SERIES], [5, 5])
    more = np.full((len(counts) - cut, 2), 40, np.float32)
    after = case.run(detector, np.concatenate([counts[cut:], more], axis=1), first=cut)
    same(before, alone[:cut])
    for name in NAMES:
        np.testing.assert_array_equal(table(after, name)[:, :SERIES], table(alone, name)[cut:], err_msg=name)
    new_day = after[: case.buckets(1) - 1]
    assert not table(new_day, "alert")[:, SERIES:].any()


def test_a_new_series_learns_as_it_would_alone(case: Case) -> None:
    counts = case.counts(2)
    late, alone = case.make(), case.make([-1], [9])
    case.run(late, counts[:100])
    late.add([-1], [9])
    own = np.full((len(counts) - 100, 1), 6, np.float32)
    mixed = case.run(late, np.concatenate([counts[100:], own], axis=1), first=100)
    single = case.run(alone, own, first=100)
    np.testing.assert_array_equal(table(mixed, "score")[:, -1], table(single, "score")[:, 0])


def test_what_is_counted_in_a_blind_bucket_has_no_effect(case: Case) -> None:
    counts = case.counts(3)
    visible = np.random.default_rng(5).random(counts.shape) > 0.2
    garbage = np.where(visible, counts, np.float32(1e6))
    one, two = case.make(), case.make()
    same(case.run(one, counts, visible), case.run(two, garbage, visible))
    assert one.save() == two.save()


def test_a_blind_series_is_not_judged(case: Case) -> None:
    counts = burst(case, case.counts(4), 3, 3.5, times=50)
    visible = np.ones(counts.shape, np.bool_)
    visible[case.buckets(3.5) :, 3] = False
    readings = case.run(case.make(), counts, visible)
    blind = ~visible
    assert not table(readings, "alert")[blind].any()
    assert (table(readings, "score")[blind] == 0).all()


@pytest.mark.parametrize("hours", [0.5, 2, 12, 30])
def test_an_outage_is_neither_a_fall_nor_a_rise_after_it(case: Case, hours: float) -> None:
    counts = case.counts(6)
    rows = slice(case.buckets(4), case.buckets(4) + int(hours * 3600 / case.bucket))
    visible = np.ones(counts.shape, np.bool_)
    visible[rows], counts[rows] = False, 0
    assert not table(case.run(case.make(), counts, visible), "alert").any()


def test_a_burst_during_a_flapping_source_is_still_found(case: Case) -> None:
    counts = burst(case, case.counts(4), 3, 3.5)
    visible = np.ones(counts.shape, np.bool_)
    visible[::2] = False
    assert table(case.run(case.make(), counts, visible), "alert")[case.buckets(3.5) :, 3].any()


def test_buckets_that_are_left_out_are_blind_ones(case: Case) -> None:
    counts, first, more = case.counts(2), case.buckets(1), 17
    visible = np.ones(counts.shape, np.bool_)
    visible[first : first + more] = False
    told, skipped = case.make(), case.make()
    expected = case.run(told, counts, visible)
    case.run(skipped, counts[:first])
    same(case.run(skipped, counts[first + more :], first=first + more), expected[first + more :])
    assert skipped.save() == told.save()


def test_a_leap_of_a_year_ends_at_once_and_does_not_alert(case: Case) -> None:
    detector, counts = case.make(), case.counts(2)
    case.run(detector, counts)
    later = case.run(detector, counts, first=case.buckets(365))
    assert not table(later, "alert").any()


@pytest.mark.parametrize("back", [0, 1, 40])
def test_a_bucket_that_is_not_after_the_last_is_refused(case: Case, back: int) -> None:
    detector, counts = case.make(), case.counts(0.5)
    case.run(detector, counts)
    saved = detector.save()
    with pytest.raises(ValueError, match="cannot follow"):
        detector.step((len(counts) - 1 - back) * case.bucket, counts[0], np.ones(SERIES, np.bool_))
    with pytest.raises(ValueError, match="cannot follow"):
        detector.step(len(counts) * case.bucket + 1, counts[0], np.ones(SERIES, np.bool_))
    assert detector.save() == saved


@pytest.mark.parametrize("wrong", [np.nan, np.inf, -1.0, 3e38])
def test_what_is_no_count_is_refused(case: Case, wrong: float) -> None:
    detector = case.make()
    counts = np.ones(SERIES, np.float32)
    counts[2] = wrong
    with pytest.raises(ValueError, match="counts"):
        detector.step(0, counts, np.ones(SERIES, np.bool_))
    with pytest.raises(ValueError, match="series"):
        detector.step(0, np.ones(SERIES + 1, np.float32), np.ones(SERIES + 1, np.bool_))


@pytest.mark.parametrize("counts", ["zeros", "constant", "huge", "one huge", "saw"])
def test_extreme_counts_give_finite_readings(case: Case, counts: str) -> None:
    rows = np.zeros((case.buckets(3), SERIES), np.float32)
    if counts == "constant":
        rows[:] = 100
    elif counts == "huge":
        rows[:] = 1e9
    elif counts == "one huge":
        rows[case.buckets(2)] = 1e9
    elif counts == "saw":
        rows[::2] = 1e9
    readings = case.run(case.make(), rows)
    for name in NAMES:
        assert np.isfinite(table(readings, name)).all(), name
    if counts in ("zeros", "constant", "huge"):
        assert not table(readings, "alert").any()


def test_the_order_of_series_does_not_matter(case: Case) -> None:
    counts = burst(case, case.counts(3), 3, 2.5)
    order = np.array([5, 3, 0, 4, 1, 2])
    place = np.argsort(order)
    parents = [int(place[PARENTS[old]]) if PARENTS[old] >= 0 else -1 for old in order]
    straight = case.run(case.make(), counts)
    turned = case.run(case.make(parents, [GROUPS[old] for old in order]), counts[:, order])
    np.testing.assert_array_equal(table(turned, "alert"), table(straight, "alert")[:, order])
    np.testing.assert_allclose(table(turned, "score"), table(straight, "score")[:, order], rtol=1e-3, atol=1e-4)


def test_no_series_is_no_trouble(case: Case) -> None:
    detector = case.make([], [])
    nothing = np.zeros(0, np.float32)
    assert detector.step(0, nothing, np.zeros(0, np.bool_)).score.shape == (0,)
    detector.load(detector.save())
    detector.add([-1], [0])
    assert detector.step(case.bucket, np.ones(1, np.float32), np.ones(1, np.bool_)).score.shape == (1,)


def test_a_parent_that_does_not_exist_is_refused(case: Case) -> None:
    for parents, groups in (([SERIES + 1], [0]), ([-2], [0]), ([-1, -1], [0])):
        with pytest.raises(ValueError, match="parent"):
            case.make().add(parents, groups)
