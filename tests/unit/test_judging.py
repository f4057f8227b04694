"""Rules over counts that are all there: bucket by bucket, alerts apart, thresholds for a rate, plain rules."""

from __future__ import annotations

import numpy as np
import pytest

from tocsin.detectors.volume import Config
from tocsin.evaluate.judging import detector, episodes, judge, series_weeks, starts, threshold
from tocsin.evaluate.rules import page, rules

CONFIG = Config(bucket=900)
DAY = 96


def test_episodes_begin_anew_only_after_a_pause() -> None:
    over = np.zeros((100, 2), np.bool_)
    over[[5, 6, 7, 20, 90], 0] = True
    over[0, 1] = True
    assert episodes(over, 24) == 3
    assert episodes(over, 5) == 4
    assert episodes(over[:, :0], 5) == 0
    assert np.argwhere(starts(over, 5)).tolist() == [[0, 1], [5, 0], [20, 0], [90, 0]]


def test_a_threshold_gives_at_most_so_many_episodes() -> None:
    score = np.zeros((1000, 2), np.float32)
    score[::100, 0] = np.arange(10)
    score[50::100, 1] = 5
    assert episodes(score >= threshold(score, 10, 3), 10) == 3
    assert threshold(score, 10, 3) == pytest.approx(7, rel=0.2)
    assert episodes(score >= threshold(score, 10, 0), 10) == 0
    assert threshold(score[:0], 10, 1) > 0


def test_weeks_are_without_the_day_of_learning() -> None:
    assert series_weeks(np.zeros((8 * DAY, 3)), 900) == 3


def test_judging_is_the_detector_bucket_by_bucket() -> None:
    counts = np.random.default_rng(1).poisson(5, (300, 2))
    counts[250:] *= 10
    judged = judge(counts, CONFIG, start=900 * 7)
    assert judged.rise.any()
    assert (judged.score[judged.rise] >= 1).all()
    assert not (judged.rise & judged.down).any()
    np.testing.assert_array_equal(judge(counts[:260], CONFIG, start=900 * 7).score, judged.score[:260])
    np.testing.assert_array_equal(detector(CONFIG)(counts, 900 * 7, None).score, judged.score)


@pytest.mark.parametrize("name", ["mean and 3 deviations", "cumulative sum"])
def test_plain_rules_find_a_burst_and_use_nothing_later(name: str) -> None:
    counts = np.random.default_rng(3).poisson(10, (10 * DAY, 2))
    counts[9 * DAY : 9 * DAY + 8, 0] *= 6
    rule = rules(900)[name]
    judged = rule(counts, 0, None)
    found = np.argwhere(judged.rise[8 * DAY :])
    assert next(8 * DAY + at for at, series in found if series == 0) <= 9 * DAY + 2
    assert not judged.rise[:DAY].any()
    np.testing.assert_allclose(rule(counts[: 9 * DAY + 1], 0, None).score, judged.score[: 9 * DAY + 1], rtol=1e-5)


def test_the_cumulative_sum_grows_by_the_likelihood_ratio_and_never_falls_under_0() -> None:
    sums = page(np.array([[0.0], [10.0], [10.0]]), np.array([[2.0]] * 3), 2.0)
    gain = 10 * np.log(2) - 2
    assert sums.ravel() == pytest.approx([0, gain, 2 * gain])
