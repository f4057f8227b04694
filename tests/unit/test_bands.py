"""A band told for another length of window."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from tocsin.bands import rescaled

counts = st.floats(0, 1e6)


@given(counts, st.floats(0, 1), st.floats(1, 5), st.floats(0.01, 1000))
def test_what_is_expected_lies_in_the_band_and_grows_with_the_length(
    expected: float, below: float, above: float, ratio: float
) -> None:
    band = np.array([[expected], [expected * below], [expected * above + 1]], np.float32)
    low, middle, high = (float(found) for found in rescaled(band, ratio)[[1, 0, 2], 0])
    assert low <= middle * 1.001 + 1e-3
    assert middle <= high * 1.001 + 1e-3
    assert abs(middle - expected * ratio) <= 1e-3 * (1 + expected * ratio)


@given(counts, st.floats(1, 3))
def test_the_same_length_gives_the_same_band(expected: float, above: float) -> None:
    band = np.array([[expected], [expected / above], [expected * above]], np.float32)
    assert np.allclose(rescaled(band, 1.0), band, rtol=1e-3, atol=1e-2)


def test_a_shorter_window_is_relatively_wider() -> None:
    band = np.array([[100.0], [64.0], [150.0]], np.float32)
    spans = [float(one[2, 0] / one[0, 0]) for one in (rescaled(band, 0.1), band, rescaled(band, 10.0))]
    assert spans == sorted(spans, reverse=True)
