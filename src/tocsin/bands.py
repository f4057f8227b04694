"""What is expected of a window, told for a window of another length."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]
NOISE = 2.0
"""Half of a threshold of 4: how far Poisson noise alone reaches on the square-root scale, whatever the count."""


def rescaled(band: Floats, ratio: float) -> Floats:
    """A band (3, …) of expected, low and high counts, for a window that is `ratio` times as long.

    On the square-root scale of counts the noise of counting is the same for every length (Anscombe, Biometrika 35,
    1948); what the past varied by beyond it is of the rate, and grows with the length.

    >>> rescaled(np.array([[100.0], [64.0], [144.0]], np.float32), 4.0).ravel().tolist()
    [400.0, 324.0, 484.0]
    """
    middle = np.sqrt(band[0])
    found = np.empty_like(band)
    found[0] = band[0] * ratio
    for row, sign in ((1, -1.0), (2, 1.0)):
        square = (np.sqrt(band[row]) - middle) ** 2
        off = np.sqrt(np.minimum(square, NOISE**2) + np.maximum(square - NOISE**2, 0) * ratio)
        found[row] = np.maximum(middle * np.sqrt(ratio) + sign * off, 0) ** 2
    return found
