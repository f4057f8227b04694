"""The time scales of the bank: the rate of the last W seconds against its own past, on the square-root scale.

With C mentions in a window of L buckets and F the sum of the rhythm's factors over it, r = 2 sqrt(C/F + 0.375/L)
(Anscombe's root, which makes Poisson noise 1/F whatever the rate). m and v are mean and variance of r, exponentially
weighted, bursts included, over windows that ended at least W ago; p is the mean of 1/F. Then

    Var = (1/F + (3 u0 + n max(v - p, 0))/(3 + n)) (1 + 1/n),   u0 = alpha m^2/4,   n = windows seen
    z   = (r - m - pull y)/sqrt(Var)

where y is what r was off from m in the last half day (up to W ago): a part of it, `pull`, is expected to go on, and v
is the variance about that expectation. Poisson noise of this window, the rest of what the past varied by (shrunk to a
usual dispersion while little is known), and the uncertainty of a prediction. A bucket in which the source was blind
adds nothing to C, F or L: the band widens by itself, and below a quarter of its buckets a window is neither judged nor
learned.

All scales of all series are one array, so that a tick costs the same few calls for one series as for a thousand.
Source: Anscombe, "The transformation of Poisson, binomial and negative-binomial data", Biometrika 35, 1948.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from tocsin.detectors._columns import Columns, Doubles, Floats, Integers, floats
from tocsin.detectors._tail import Tail, decay

HOUR, DAY = 3600, 86_400
SLOTS = 30
MIN_EXPOSURE = 0.25
PRIOR_WINDOWS = 3.0
MIN_EXCESS, MIN_RATIO = 5.0, 1.5
FALL_EXPECTED, FALL_THRESHOLD, FALL_WINDOWS = 20.0, 5.0, 3.0
SETTLED = DAY
HELD_BACK = 0.99
"""The highest score of what a guard or the learning time holds back."""

CALM, OVER = 0.5, 0.49
"""Where the next shorter window is this calm (z), what a slow window still holds is over: its highest score."""

SCORE, VALUE, EXPECTED, LOW, HIGH, DOWN = range(6)
FIELDS = 6
"""What a reading holds: the score and, as counts of the window, value, expected, low, high; 1 for a fall."""


class Scale(NamedTuple):
    """Window and memory in seconds; threshold of z at strength 1; usual dispersion alpha.

    `pull` is how much of what the last `recent` seconds were off is expected to go on.
    """

    window: int
    memory: int
    threshold: float
    dispersion: float
    pull: float
    recent: int


SCALES = (
    Scale(HOUR // 4, 14 * DAY, 4.3, 0.10, 0.8, 12 * HOUR),
    Scale(HOUR, 7 * DAY, 3.8, 0.08, 0.0, HOUR),
    Scale(2 * HOUR, 7 * DAY, 3.5, 0.08, 0.8, 12 * HOUR),
    Scale(DAY, 28 * DAY, 4.1, 0.04, 0.0, DAY),
)


@dataclass
class Windows(Columns):
    """Sums over the last `slots` sub-windows: `ring` (scale, slot, what, series), `sums` of it, and the one that fills.

    The sums do not drift: they are float64 sums of float32 values, each subtracted as it was added.
    """

    pending: Floats
    ring: Floats
    sums: Doubles

    @classmethod
    def of(cls, scales: int, slots: int, things: int) -> Windows:
        return cls(floats(scales, things), floats(scales, slots, things), np.zeros((scales, things, 0)))

    def close(self, rows: Integers, slots: Integers) -> Floats:
        """The sub-windows that filled take the places of the oldest, which are handed back."""
        due = len(rows)
        pending, sums, leaving = self.pending[:due], self.sums[:due], self.ring[rows, slots]
        sums += pending
        sums -= leaving
        self.ring[rows, slots] = pending
        pending[:] = 0
        return leaving


@dataclass
class Past(Columns):
    """What the past says. `root`, `off` and `score` keep r, what was expected beside m, and z for one window, until
    they are old enough to learn from; `recent` is what the last hours were off.
    """

    root: Floats
    off: Floats
    score: Floats
    recent: Floats
    mean: Floats
    variance: Floats
    noise: Floats
    learned: Floats
    filled: Floats
    fallen: Floats

    @classmethod
    def of(cls, scales: int, slots: int) -> Past:
        rings = (floats(scales, slots) for _ in range(3))
        return cls(*rings, *(floats(scales) for _ in range(7)))


class Bank:
    """Judges n series on every scale, each time one of its sub-windows is full."""

    def __init__(self, bucket: int, strength: float, min_count: int) -> None:
        scales = [scale for scale in SCALES if scale.window >= bucket]
        self.bucket, self.min_count = bucket, np.float32(min_count)
        self.strides: list[int] = []
        for scale in scales:
            nested = self.strides[-1] if self.strides else 1
            self.strides.append(nested * max(1, scale.window // (SLOTS * bucket * nested)))
        self.quick = max(1, sum(scale.window <= HOUR for scale in scales))
        self.slots = [
            max(1, round(scale.window / (stride * bucket))) for scale, stride in zip(scales, self.strides, strict=True)
        ]
        lengths = [slots * stride for slots, stride in zip(self.slots, self.strides, strict=True)]
        self.seconds = [length * bucket for length in lengths]
        self.length, self.step = _column(lengths), _column([stride * bucket for stride in self.strides])
        self.part: Floats = np.reciprocal(_column(self.slots))
        self.memory = _column([scale.memory for scale in scales])
        self.capacity = self.memory / _column(self.seconds)
        self.rate = decay(self.step, self.memory)
        self.threshold = _column([scale.threshold * strength for scale in scales])
        self.prior = _column([PRIOR_WINDOWS * scale.dispersion / 4 for scale in scales])
        self.pull = _column([scale.pull for scale in scales])
        self.recent = decay(self.step, _column([scale.recent for scale in scales]))
        self.small = 0.375 / self.length
        self.full, self.least_exposure = _column(self.slots), self.length * np.float32(MIN_EXPOSURE)
        self.rows, self.stride, self.slot_count = np.arange(len(scales)), np.array(self.strides), np.array(self.slots)
        self.windows = Windows.of(len(scales), max(self.slots), 3)
        self.past = Past.of(len(scales), max(self.slots))
        self.tail = Tail.of(len(scales))

    def due(self, turn: int) -> int:
        """How many scales, from the shortest on, have a sub-window that ends with the bucket number `turn`."""
        return sum(turn % stride == 0 for stride in self.strides)

    def close(self, turn: int, due: int, reading: Floats) -> None:
        """Learn what has become old enough, judge the first `due` scales, and write their readings (due, FIELDS, n)."""
        past, rows = self.past, self.rows[:due]
        slots = turn // self.stride[:due] % self.slot_count[:due]
        past.filled[:due] += self.windows.pending[:due, 2] > 0
        self.windows.close(rows, slots)
        count, weight, exposure = self.windows.sums[:due].astype(np.float32).swapaxes(0, 1)
        whole = (exposure >= self.least_exposure[:due]) & (past.filled[:due] >= self.full[:due])
        weight = np.where(whole, weight, np.float32(1))
        noise = np.reciprocal(weight)
        root = np.sqrt(count * noise + self.small[:due]) * np.float32(2)
        self._learn(due, past.root[rows, slots], past.off[rows, slots], noise)
        self.tail.learn(due, past.score[rows, slots], self.step[:due], self.part[:due])
        deviation = np.sqrt(self._variance(due, noise))
        known = whole & (past.learned[:due] > 0)
        center = self._center(due)
        z = (root - center) / deviation * known
        past.root[rows, slots] = root * whole
        past.off[rows, slots] = center - past.mean[:due]
        past.score[rows, slots] = z
        self._read(z, count, weight, center, deviation, reading)
        if due == len(self.strides):
            self._settle(root[-1], z[-1])

    def look(self, turn: int, seen: Floats, reading: Floats) -> list[int]:
        """Judge the windows that end now, with buckets in them that are still open; nothing is learned.

        `seen` (3, n): what is in the open buckets so far, their rhythm and exposure as if they were over. `turn` is
        that of the last full bucket; the readings are those of the scales of up to an hour. Gives the windows' starts
        (Unix seconds).
        """
        due, past = self.quick, self.past
        sums = self.windows.sums[:due] + self.windows.pending[:due] + seen
        starts = []
        for scale, (stride, slots) in enumerate(zip(self.strides[:due], self.slots[:due], strict=True)):
            beyond = min(int(seen[2].max()) // stride, slots - 1)
            oldest = (turn // stride + 1 + np.arange(beyond)) % slots
            sums[scale] -= self.windows.ring[scale, oldest].sum(axis=0)
            starts.append((turn // stride - slots + beyond) * stride * self.bucket)
        count, weight, exposure = np.maximum(sums, 0).astype(np.float32).swapaxes(0, 1)
        whole = (exposure >= self.least_exposure[:due]) & (past.filled[:due] >= self.full[:due])
        weight = np.where(whole, weight, np.float32(1))
        noise = np.reciprocal(weight)
        root = np.sqrt(count * noise + self.small[:due]) * np.float32(2)
        center, deviation = self._center(due), np.sqrt(self._variance(due, noise))
        z = np.maximum(root - center, 0) / deviation * (whole & (past.learned[:due] > 0))
        self._read(z, count, weight, center, deviation, reading)
        return starts

    def _center(self, due: int) -> Floats:
        center: Floats = np.maximum(self.past.mean[:due] + self.pull[:due] * self.past.recent[:due], 0)
        return center

    def _learn(self, due: int, root: Floats, expected_off: Floats, noise: Floats) -> None:
        """Mean of the roots and variance of what they were off from what was expected; a root of 0 was not judged."""
        past = self.past
        known, mean, variance, learned = root > 0, past.mean[:due], past.variance[:due], past.learned[:due]
        learned += known
        rate = np.maximum(self.rate[:due], 1 / np.maximum(learned, 1)) * known
        off = root - mean
        surprise = off - expected_off
        past.recent[:due] += self.recent[:due] * known * (off - past.recent[:due])
        mean += rate * off
        variance += rate * surprise * surprise
        variance *= 1 - rate
        past.noise[:due] += rate * (noise - past.noise[:due])

    def _variance(self, due: int, noise: Floats) -> Floats:
        """Of a root with this Poisson noise, predicted from the past."""
        past, mean = self.past, self.past.mean[:due]
        seen = np.minimum((past.learned[:due] - 1) * self.part[:due] + 1, self.capacity[:due])
        np.maximum(seen, np.float32(0.5), out=seen)
        extra = np.maximum(past.variance[:due] - past.noise[:due], 0)
        extra = (self.prior[:due] * mean * mean + seen * extra) / (seen + np.float32(PRIOR_WINDOWS))
        variance: Floats = (noise + extra) * (1 + 1 / seen)
        return variance

    def _expected(self, root: Floats, weight: Floats) -> Floats:
        """The mean count of a window whose root has this mean."""
        due, past = len(root), self.past
        typical = (root * root + np.minimum(past.noise[:due], past.variance[:due])) / 4 - self.small[:due]
        expected: Floats = weight * np.maximum(typical, 0)
        return expected

    def _read(
        self, z: Floats, count: Floats, weight: Floats, center: Floats, deviation: Floats, reading: Floats
    ) -> None:
        due, past = len(z), self.past
        small, mean = self.small[:due], past.mean[:due]
        limit = self.threshold[:due] / self.tail.factor[:due]
        expected = self._expected(center, weight)
        usual = np.maximum(expected, self._expected(mean, weight))
        least = np.maximum(np.maximum(usual + np.float32(MIN_EXCESS), usual * np.float32(MIN_RATIO)), self.min_count)
        top, bottom = center + limit * deviation, np.maximum(center - np.float32(FALL_THRESHOLD) * deviation, 0)
        rise = z / limit
        rise = np.where(count < least, np.minimum(rise, np.float32(HELD_BACK)), rise)
        fallible = (expected >= FALL_EXPECTED) & (past.learned[:due] * self.part[:due] >= FALL_WINDOWS)
        fall = z * np.float32(-1 / FALL_THRESHOLD) * fallible
        for slow in range(self.quick, due):
            off = z[slow - 1] + (center[slow - 1] - mean[slow - 1]) / deviation[slow - 1]
            np.minimum(rise[slow], np.float32(OVER), out=rise[slow], where=off < np.float32(CALM))
            np.minimum(fall[slow], np.float32(OVER), out=fall[slow], where=off > np.float32(-CALM))
        reading[:, SCORE] = np.maximum(np.maximum(rise, fall), 0)
        reading[:, VALUE] = count
        reading[:, EXPECTED] = expected
        reading[:, LOW] = np.maximum(weight * (bottom * bottom / 4 - small), 0) * fallible
        reading[:, HIGH] = np.maximum(weight * (top * top / 4 - small), least)
        reading[:, DOWN] = fall > rise

    def _settle(self, root: Floats, z: Floats) -> None:
        """A fall that began on the longest scale and lasts a day is the new normal: forget the level before it.

        A rise needs no such rule: it is in the variance at once and in the mean within days. After a fall the mean
        would stay too high for weeks, and nothing would be noticed.
        """
        past, threshold = self.past, self.threshold[-1, 0]
        deep = (z <= -threshold / 2) & ((past.fallen[-1] > 0) | (z <= -threshold))
        past.fallen[-1] = (past.fallen[-1] + self.step[-1]) * deep
        settled = past.fallen[-1] > SETTLED
        if settled.any():
            past.mean[:, settled] = root[settled]
            past.root[:, :, settled] = 0
            past.fallen[-1, settled] = 0


def _column(values: Sequence[float]) -> Floats:
    return np.array(values, np.float32)[:, None]
