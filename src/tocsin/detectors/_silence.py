"""After an alert: six hours of silence, and on its own scale and all slower ones at least as long as their windows.

So a shift that lasts for days does not alert every six hours, and one burst does not alert again a day long on the
scale that still contains it. Rises and falls are silent apart from one another.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tocsin.detectors._columns import Bools, Columns, Integers

SILENCE = 6 * 3600


@dataclass
class Until(Columns):
    """Unix seconds: for rises of each channel, and for falls."""

    rise: Integers
    fall: Integers


class Silence:
    """`seconds` are the windows of the channels."""

    def __init__(self, seconds: Sequence[int]) -> None:
        windows = np.array(seconds)
        slower = windows[None, :] >= windows[:, None]
        self.rise = np.where(slower, np.maximum(SILENCE, windows[None, :]), SILENCE)
        self.fall = np.maximum(SILENCE, windows)
        self.until = Until(np.zeros((len(seconds), 0), np.int64), np.zeros(0, np.int64))

    def alerts(self, now: int, over: Bools, down: Bools) -> Bools:
        """Which series alert, of those whose channels (channel, n) are over their thresholds; silences them."""
        until = self.until
        rise = over & ~down & (now >= until.rise)
        fall = over & down & (now >= until.fall)
        alert: Bools = np.logical_or.reduce(rise | fall)
        for channel in np.flatnonzero((rise | fall).any(axis=1)):
            longer = np.where(rise[channel], now + self.rise[channel][:, None], 0)
            np.maximum(until.rise, longer, out=until.rise)
            np.maximum(until.fall, np.where(fall[channel], now + self.fall[channel], 0), out=until.fall)
        return alert
