"""The share of the parent: a rise that the parent does not have too, free of any rhythm that the two have in common.

With n of the parent's N mentions in the last hour, and q what that share was in hours before it (exponentially
weighted over 7 days, of Q mentions in all),

    d = 2 sqrt(N + 0.5) (asin sqrt((n + 0.375)/(N + 0.75)) - asin sqrt(q)) / sqrt(1 + N/Q)
    z = d / sqrt(max((3 * 1.16 + w v)/(3 + w), 1))

where v is the mean of 2 d^2 over past rises (0 for falls), an hour ago and more, and w their number of windows.
Only rises count, and only where N is 20 or more. A bucket counts if both series' sources were visible.
Source: Freeman and Tukey, "Transformations related to the angular and the square root", Ann. Math. Stat. 21, 1950.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import pi

import numpy as np

from tocsin.detectors._bank import (
    DAY,
    EXPECTED,
    HELD_BACK,
    HIGH,
    HOUR,
    MIN_EXCESS,
    MIN_RATIO,
    SCORE,
    SLOTS,
    VALUE,
    Windows,
)
from tocsin.detectors._columns import Columns, Floats, floats
from tocsin.detectors._tail import Tail, decay

THRESHOLD = 4.2
MEMORY = 7 * DAY
MIN_PARENT = 20.0
FIRST = np.array([0])
PRIOR_WINDOWS, PRIOR_VARIANCE = 3.0, 1.16


@dataclass
class Past(Columns):
    """`square` and `score` wait until they are a window old; `own` and `parent` are decayed sums of mentions."""

    square: Floats
    score: Floats
    own: Floats
    parent: Floats
    variance: Floats
    learned: Floats


class Share:
    """Judges n series against their parents, each time a sub-window is full."""

    def __init__(self, bucket: int, strength: float, min_count: int) -> None:
        self.stride = max(1, HOUR // (SLOTS * bucket))
        self.slots = max(1, round(HOUR / (self.stride * bucket)))
        self.seconds = self.slots * self.stride * bucket
        self.threshold, self.min_count = np.float32(THRESHOLD * strength), np.float32(min_count)
        self.step = np.array([self.stride * bucket], np.float32)
        self.part = np.array([1 / self.slots], np.float32)
        self.rate = decay(self.step, np.array([MEMORY], np.float32))
        self.windows = Windows.of(1, self.slots, 2)
        self.past = Past(floats(self.slots), floats(self.slots), floats(), floats(), floats(), floats())
        self.tail = Tail.of(1)

    def due(self, turn: int) -> bool:
        return turn % self.stride == 0

    def close(self, turn: int, reading: Floats) -> None:
        """Learn what has become old enough, judge, and write readings (FIELDS, n)."""
        past, slot = self.past, turn // self.stride % self.slots
        ((own, parent),) = self.windows.close(FIRST, np.array([slot]))
        past.own += own - past.own * self.rate
        past.parent += parent - past.parent * self.rate
        known = past.square[slot] > 0
        past.learned += known
        rate = np.maximum(self.rate, 1 / np.maximum(past.learned, 1)) * known
        past.variance += rate * (past.square[slot] - past.variance)
        self.tail.learn(1, past.score[slot : slot + 1], self.step, self.part)
        self._judge(slot, reading)

    def _judge(self, slot: int, reading: Floats) -> None:
        past = self.past
        count, total = self.windows.sums[0].astype(np.float32)
        judged = (total >= MIN_PARENT) & (past.parent >= MIN_PARENT)
        share = np.minimum(past.own / np.maximum(past.parent, 1), 1)
        usual = np.arcsin(np.sqrt(share))
        unit = 2 * np.sqrt((total + np.float32(0.5)) / (1 + total / np.maximum(past.parent, 1)))
        seen = np.minimum(past.learned * self.step, MEMORY) / np.float32(self.seconds)
        variance = (seen * past.variance + np.float32(PRIOR_WINDOWS * PRIOR_VARIANCE)) / (
            seen + np.float32(PRIOR_WINDOWS)
        )
        deviation = np.sqrt(np.maximum(variance, 1))
        now = np.arcsin(np.sqrt(np.minimum((count + np.float32(0.375)) / (total + np.float32(0.75)), 1)))
        d = (now - usual) * unit * judged
        z = d / deviation
        past.square[slot] = np.where(d > 0, 2 * d * d, np.float32(1e-9)) * judged
        past.score[slot] = z
        limit = self.threshold / self.tail.factor[0]
        expected = share * total
        least = np.maximum(
            np.maximum(expected + np.float32(MIN_EXCESS), expected * np.float32(MIN_RATIO)), self.min_count
        )
        rise = z / limit
        np.minimum(rise, np.float32(HELD_BACK), out=rise, where=count < least)
        top = np.sin(np.minimum(usual + limit * deviation / unit, np.float32(pi / 2)))
        reading[SCORE] = np.maximum(rise, 0)
        reading[VALUE] = count
        reading[EXPECTED] = expected
        reading[HIGH] = np.maximum(top * top * total, least)
