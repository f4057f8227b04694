"""Which posts are asked about, what the answers say, thresholds, drift: on invented scores whose truth is known."""

from __future__ import annotations

import random

import numpy as np
import pytest

from tocsin.labels import drift, estimates, sampling, thresholds


def stream(posts: int, share: float, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Scores of a category, and whether posts belong: those that do score higher by two standard deviations."""
    chance = np.random.default_rng(seed)
    belongs = chance.random(posts) < share
    return (0.3 + 0.1 * chance.standard_normal(posts) + 0.2 * belongs).astype(np.float32), belongs


def f1(labelled: np.ndarray, belongs: np.ndarray) -> float:
    return float(2 * (labelled & belongs).sum() / (labelled.sum() + belongs.sum()))


@pytest.mark.parametrize("share", [0.02, 0.05, 0.1])
def test_a_stream_s_own_threshold_is_not_led_astray_by_the_posts_that_belong(share: float) -> None:
    scores, belongs = stream(20_000, share)
    value = thresholds.of_stream(scores, usual=0.55)
    assert 0.5 < value < 0.62
    assert f1(scores >= value, belongs) > 0.6 * max(f1(scores >= one, belongs) for one in np.arange(0.3, 0.8, 0.01))


def test_answers_move_the_threshold_and_few_of_them_little() -> None:
    scores, belongs = stream(20_000, 0.1)
    ones = np.ones(len(scores))
    best = thresholds.of_answers(scores.astype(float), belongs, ones, otherwise=0.8)
    assert f1(scores >= best, belongs) > 0.95 * max(f1(scores >= one, belongs) for one in np.arange(0.3, 0.8, 0.01))
    few = thresholds.of_answers(np.array([0.4, 0.3]), np.array([True, False]), np.ones(2), otherwise=0.8)
    assert 0.75 < few < 0.8
    assert thresholds.of_answers(np.array([0.4]), np.array([True]), np.ones(1), otherwise=0.8) == 0.8


def test_near_posts_are_those_just_below_and_every_stratum_is_asked_about() -> None:
    scores, _ = stream(5_000, 0.1)
    column = scores[:, None]
    labelled = column >= 0.5
    near = sampling.near_from(column, labelled)
    strata = sampling.strata(column, labelled, near)[:, 0]
    sizes = np.bincount(strata, minlength=3)
    assert sizes[sampling.NEAR] == pytest.approx(2 * sizes[sampling.ABOVE], abs=2)
    assert scores[strata == sampling.FAR].max() < scores[strata == sampling.NEAR].min()
    drawn = sampling.draw(sampling.chances(strata[:, None], 100), random.Random(1))
    assert np.bincount(strata[drawn], minlength=3).tolist() == pytest.approx([40, 40, 20], abs=10)


def test_of_many_categories_a_post_is_asked_about_the_likeliest_and_some_others() -> None:
    strata = [sampling.FAR] * 50
    strata[7], strata[9] = sampling.ABOVE, sampling.NEAR
    asked = [sampling.ask(strata, [0.1] * 50, random.Random(seed)) for seed in range(300)]
    assert all(len(one) == sampling.MOST_CATEGORIES and one[7] == one[9] == 1.0 for one in asked)
    times = sum(0 in one for one in asked)
    assert times / 300 == pytest.approx(asked[0].get(0, 4 / 48), abs=0.05)


def test_the_numbers_of_a_sample_that_says_everything() -> None:
    """With every post asked about, the estimates are the truth, within what the prior weighs."""
    scores, belongs = stream(4_000, 0.1)
    labelled = scores >= 0.5
    strata = np.where(labelled, sampling.ABOVE, sampling.FAR)
    answers = estimates.Answers(strata, belongs, np.ones(len(scores)))
    shares = estimates.shares(answers, np.random.default_rng(0))
    sizes = np.bincount(strata, minlength=3).astype(float)
    assert estimates.precision(shares).value == pytest.approx(belongs[labelled].mean(), abs=0.01)
    assert estimates.recall(shares, sizes).value == pytest.approx(labelled[belongs].mean(), abs=0.02)


def test_labels_that_tell_nothing_correct_nothing() -> None:
    shares = np.full((3, 100), 0.1)
    sizes = np.array([500.0, 0.0, 500.0])
    assert estimates.counts(np.array([5]), np.array([10]), shares, sizes, np.random.default_rng(0)) == [None]


def test_a_stream_that_stays_has_not_moved_and_one_that_changes_has() -> None:
    then, _ = stream(5_000, 0.05, seed=1)
    again, _ = stream(1_000, 0.05, seed=2)
    other = again + np.float32(0.1)
    learned = drift.deciles(then)
    assert drift.stability_index(learned, again) < 0.05
    assert drift.stability_index(learned, other) > drift.MOVED


def test_scores_that_are_all_alike_do_not_look_like_drift() -> None:
    zeros = np.zeros(1_000, np.float32)
    assert drift.stability_index(drift.deciles(zeros), zeros) < 0.05
