"""Plain rules that people use instead of a detector, to be measured beside it: on the same counts, in the same run.

They alert at scores of 1 or more, not again within six hours, and as the detector does not on fewer than 10 mentions in
the last hour or in the first day. They know rises only.
"""

from __future__ import annotations

from math import log

import numpy as np
import numpy.typing as npt

from tocsin.evaluate.judging import APART, DAY, HOUR, WEEK, Counts, Family, Judged, Rule, starts

MIN_COUNT = 10

Floats = npt.NDArray[np.float64]


def rules(bucket: int) -> dict[str, Rule]:
    """By name: the mean and three standard deviations of a week, and Page's cumulative sum."""

    def mean_and_deviation(counts: Counts, start: int, family: Family | None) -> Judged:
        return _judged(_mean_and_deviation(counts, bucket), counts, bucket)

    def cusum(counts: Counts, start: int, family: Family | None) -> Judged:
        level = np.maximum(_before(counts, DAY // bucket * 7), 1e-3)
        return _judged(page(counts, level, 2.0) / log(WEEK / bucket), counts, bucket)

    return {"mean and 3 deviations": mean_and_deviation, "cumulative sum": cusum}


def page(counts: Counts, level: Floats, factor: float) -> Floats:
    """The cumulative sum of log-likelihood ratios for Poisson counts that go from `level` to `factor` times as many.

    Source: Page, "Continuous inspection schemes", Biometrika 1954.
    """
    gains = counts * log(factor) - level * (factor - 1)
    sums, total = np.empty(counts.shape), np.zeros(counts.shape[1])
    for number, gain in enumerate(gains):
        total = np.maximum(total + gain, 0)
        sums[number] = total
    return sums


def _mean_and_deviation(counts: Counts, bucket: int) -> Floats:
    """How far the last hour is above the week's mean, in thrice the deviation of the week's hours."""
    hour, week = HOUR // bucket, WEEK // bucket
    recent = _last(counts, hour)
    mean, square = _before(recent, week), _before(recent**2, week)
    score: Floats = (recent - mean) / (3 * np.sqrt(np.maximum(square - mean**2, 1e-3)))
    return score


def _last(values: Counts, length: int) -> Floats:
    """Sums over the last `length` rows, the present one among them."""
    sums = np.vstack([np.zeros(values.shape[1]), values.cumsum(axis=0, dtype=float)])
    first = np.maximum(np.arange(1, len(sums)) - length, 0)
    found: Floats = sums[1:] - sums[first]
    return found


def _before(values: Counts, length: int) -> Floats:
    """Means over the `length` rows before each, or as many as there are."""
    seen = np.minimum(np.arange(1, len(values) + 1), length)[:, None]
    means = _last(values, length) / seen
    found: Floats = np.vstack([means[:1], means[:-1]])
    return found


def _judged(score: Floats, counts: Counts, bucket: int) -> Judged:
    score = np.where(_last(counts, HOUR // bucket) >= MIN_COUNT, np.maximum(score, 0), 0)
    score[: DAY // bucket] = 0
    none = np.zeros(score.shape, np.bool_)
    return Judged(score.astype(np.float32), none, starts(score >= 1, APART // bucket), none)
