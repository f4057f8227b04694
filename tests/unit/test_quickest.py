"""Delays beside the best possible: the bound, the optimum on the same counts, and the detector after both."""

from __future__ import annotations

from itertools import pairwise

import pytest

from tocsin.evaluate import quickest
from tocsin.evaluate.quickest import Case

WEEK = 7 * 86_400


def test_the_bound_falls_with_the_size_of_the_change_and_grows_with_the_time_between_false_alarms() -> None:
    bounds = [quickest._bound(Case(60), factor, 10 * WEEK) for factor in (2, 4, 10)]
    assert all(later > sooner for later, sooner in pairwise(bounds))
    assert quickest._bound(Case(60), 4, 100 * WEEK) - bounds[1] == pytest.approx(2.303 / 2.545, rel=1e-2)
    assert quickest._bound(Case(6), 4, 100 * WEEK) == pytest.approx(
        10 * quickest._bound(Case(60), 4, 10 * WEEK), rel=1e-6
    )


def test_the_detector_comes_soon_after_the_optimum_and_the_optimum_near_the_bound() -> None:
    rows = quickest.delays(Case(12, bucket=900, look=150), series=24, weeks=1, seed=1)
    assert [row.factor for row in rows] == [2, 4, 10]
    for row in rows:
        assert row.cusum_minutes <= row.tocsin_minutes
        assert row.cusum_minutes == pytest.approx(row.bound_minutes, rel=0.6)
    large = rows[-1]
    assert large.found == 1
    assert large.median_minutes < large.median_closed_minutes
    assert large.ratio <= 6
    assert rows == quickest.delays(Case(12, bucket=900, look=150), series=24, weeks=1, seed=1)
