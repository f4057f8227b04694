"""How far a series' own scores usually run out: one with a fat tail needs more to alert, a calm one never less.

Scores z above 2 are taken to have an exponential tail. With n and e the (decayed) number and sum of what is above,
in windows, beta = (5 * 0.5 + e)/(5 + n) is its mean and lambda = (1 + n)/(1 + weeks) how often it happens. A tenth
of an exceedance a week is then at 2 + beta ln(lambda / 0.1). A series for which that is more than 3.6 (a usual one: 2 +
0.5 ln(10) = 3.2) has its z divided by the ratio, but never by more than 3.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tocsin.detectors._columns import Columns, Floats, floats

ONSET, CAP = 2.0, 6.0
MEMORY, WEEK = 28 * 86_400, 7 * 86_400
BUDGET = 0.1
POOL_NUMBER, POOL_MEAN = 5.0, 0.5
LIMIT = 3.6
"""Up to here a series has to do no more than others."""
LEAST = 1 / 3


@dataclass
class Tail(Columns):
    """Rows are scales. `factor` is what to multiply z by: a third to 1."""

    number: Floats
    excess: Floats
    seconds: Floats
    factor: Floats

    @classmethod
    def of(cls, rows: int) -> Tail:
        return cls(floats(rows), floats(rows), floats(rows), floats(rows))

    def grow(self, more: int) -> None:
        super().grow(more)
        self.factor[:, self.factor.shape[1] - more :] = 1

    def learn(self, due: int, z: Floats, step: Floats, part: Floats) -> None:
        """Take in the scores of the first `due` scales (due, n), each of `step` seconds, `part` of a window.

        A score of 0 was not judged.
        """
        number, excess, seconds = self.number[:due], self.excess[:due], self.seconds[:due]
        over = np.minimum(z - np.float32(ONSET), np.float32(CAP))
        hit = over > 0
        keep = np.exp(-step / np.float32(MEMORY))
        number *= keep
        excess *= keep
        number += hit * part
        excess += np.maximum(over, 0) * part
        seconds += (z != 0) * step
        beta = (excess + np.float32(POOL_NUMBER * POOL_MEAN)) / (number + np.float32(POOL_NUMBER))
        rate = (number + 1) / (np.minimum(seconds, MEMORY) * np.float32(1 / WEEK) + 1)
        own = beta * np.log(np.maximum(rate * np.float32(1 / BUDGET), np.float32(1.5))) + np.float32(ONSET)
        self.factor[:due] = np.minimum(np.maximum(np.float32(LIMIT) / own, np.float32(LEAST)), np.float32(1))


def decay(step: Floats, memory: Floats) -> Floats:
    """Weight of a new value in an exponentially weighted mean over `memory` seconds, one value each `step`."""
    return (1 - np.exp(-step.astype(np.float64) / memory)).astype(np.float32)
