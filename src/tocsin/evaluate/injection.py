"""Planted events and planted calm: what the detector finds of the one, and makes of the other. All seeded.

`tickers` plants bursts, ramps and shifts into real counts (section 4 of the measurements that the defaults rest on);
`synthetic_silence` and `synthetic_power` use counts of a known rate with a daily rhythm.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tocsin.detectors.volume import Config
from tocsin.evaluate.judging import Bools, judge
from tocsin.evaluate.nab import File, grid

DAY, HOUR, WEEK = 86_400, 3600, 7 * 86_400
Counts = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Event:
    """`seconds` long; `times` as many mentions as usual, reached at once or (`ramp`) evenly over its length."""

    name: str
    seconds: int
    times: float
    ramp: bool = False


TABLE = (
    Event("15 min x4", 900, 4),
    Event("15 min x8", 900, 8),
    Event("2 h x2", 2 * HOUR, 2),
    Event("2 h x4", 2 * HOUR, 4),
    Event("2 h x8", 2 * HOUR, 8),
    Event("6 h ramp to x4", 6 * HOUR, 4, ramp=True),
    Event("6 h ramp to x8", 6 * HOUR, 8, ramp=True),
    Event("24 h x2", DAY, 2),
    Event("24 h x4", DAY, 4),
    Event("nothing, 15 min", 900, 1),
    Event("nothing, 2 h", 2 * HOUR, 1),
    Event("nothing, 24 h", DAY, 1),
)
SYNTHETIC = (
    Event("2 h x4", 2 * HOUR, 4),
    Event("6 h x3", 6 * HOUR, 3),
    Event("24 h x2", DAY, 2),
    Event("nothing, 24 h", DAY, 1),
)


@dataclass(frozen=True)
class Power:
    """Share of `planted` events found within their length and an hour, and the median delay in minutes."""

    event: str
    planted: int
    found: float
    delay: float | None


def _power(event: str, rises: Bools, starts: Sequence[int], length: int, bucket: int) -> Power:
    """`rises` (bucket, planted): one column an event, which starts at `starts` and lasts `length` buckets."""
    delays = []
    for column, start in zip(rises.T, starts, strict=True):
        at = np.flatnonzero(column[start : start + length + HOUR // bucket])
        delays += [(int(at[0]) + 1) * bucket / 60] if at.size else []
    return Power(event, len(starts), len(delays) / len(starts), float(np.median(delays)) if delays else None)


def _quiet(file: File, start: int, counts: Counts, alerts: Bools, config: Config) -> npt.NDArray[np.int64]:
    """Buckets where nothing is labelled a day before or two after, and no alert came in the day before or after."""
    day = DAY // int(config.bucket)
    free = np.ones(len(counts), np.bool_)
    free[: 8 * day] = free[-2 * day :] = False
    for first, last in file.windows:
        low, high = ((int(file.times[row]) - start) // int(config.bucket) for row in (first, last))
        free[max(low - 2 * day, 0) : high + day] = False
    for alert in np.flatnonzero(alerts):
        free[max(alert - day, 0) : alert + day] = False
    return np.flatnonzero(free)


def tickers(files: Sequence[File], config: Config, *, positions: int = 8, seed: int = 0) -> list[Power]:
    """Plant each event of `TABLE` at random quiet positions of every file: its mean is a multiple of the day before.

    What is planted is negative binomial of size 2. All files together, one position and one event, are siblings.
    """
    random, bucket = np.random.default_rng(seed), int(config.bucket)
    start, counts = grid(files, bucket)
    own = judge(counts, config, start=start)
    quiet = [
        random.choice(_quiet(file, start, counts, (own.rise | own.fall)[:, number], config), positions, replace=False)
        for number, file in enumerate(files)
    ]
    planted = []
    for event in TABLE:
        for position in range(positions):
            copy = counts.copy()
            for number in range(len(files)):
                _plant(copy[:, number], int(quiet[number][position]), event, bucket, random)
            planted.append(copy)
    groups = [number // len(files) for number in range(len(planted) * len(files))]
    judged = judge(np.concatenate(planted, axis=1), config, start=start, groups=groups)
    at = [int(quiet[number][position]) for position in range(positions) for number in range(len(files))]
    width = len(at)
    return [
        _power(event.name, judged.rise[:, number * width : (number + 1) * width], at, event.seconds // bucket, bucket)
        for number, event in enumerate(TABLE)
    ]


def _plant(counts: Counts, at: int, event: Event, bucket: int, random: np.random.Generator) -> None:
    """Add the event to one column of counts."""
    length = event.seconds // bucket
    usual = counts[at - DAY // bucket : at].mean()
    shape = np.arange(1, length + 1) / length if event.ramp else np.ones(length)
    mean = usual * (event.times - 1) * shape
    counts[at : at + length] += random.poisson(random.gamma(2, mean / 2))


def _rhythm(days: int, per_hour: Counts, phase: Counts, bucket: int) -> Counts:
    """Mean counts (bucket, series) that swing by 70 % around their rate, with the peak at 15 h + phase."""
    hour = np.arange(days * DAY // bucket)[:, None] * bucket / HOUR
    rates: Counts = per_hour * bucket / HOUR * (1 + 0.7 * np.cos(2 * np.pi * (hour - 15 - phase) / 24))
    return rates


def synthetic_silence(config: Config, *, days: int = 28, copies: int = 15, seed: int = 0) -> dict[str, float]:
    """False alerts a week of a series in counts without events: Poisson, and negative binomial of size 1.

    Means are 0.01 to 50 in 5 minutes, `copies` series of each, in a day's rhythm with phases within 1.5 hours.
    """
    random, bucket = np.random.default_rng(seed), int(config.bucket)
    per_hour = np.repeat([0.12, 0.6, 2.4, 12.0, 60.0, 600.0], copies)
    weeks = len(per_hour) * (days - 1) * DAY / WEEK
    found = {}
    for name in ("poisson", "negative_binomial"):
        rates = _rhythm(days, per_hour, random.uniform(-1.5, 1.5, len(per_hour)), bucket)
        if name == "negative_binomial":
            fives = random.gamma(1, 1, (len(rates) * bucket // 300 + 1, len(per_hour)))
            rates *= fives[np.arange(len(rates)) * bucket // 300]
        judged = judge(random.poisson(rates), config)
        found[name] = float((judged.rise | judged.fall).sum() / weeks)
    return found


def synthetic_power(config: Config, *, history: int = 7, copies: int = 6, seed: int = 0) -> list[Power]:
    """Events after `history` days of Poisson counts, 2 to 60 an hour, at 3, 9, 15 and 21 h; eight siblings each."""
    random, bucket = np.random.default_rng(seed), int(config.bucket)
    cells = [(rate, hour) for rate in (2, 6, 12, 60) for hour in (3, 9, 15, 21) for _ in range(copies)]
    starts = [(history * DAY + hour * HOUR) // bucket for _, hour in cells]
    found = []
    for event in SYNTHETIC:
        per_hour, phase = np.array([rate for rate, _ in cells], float), random.uniform(-1.5, 1.5, len(cells))
        rates = _rhythm(history + 3, per_hour, phase, bucket)
        for column, start in zip(rates.T, starts, strict=True):
            column[start : start + event.seconds // bucket] *= event.times
        judged = judge(random.poisson(rates), config, groups=[number // 8 for number in range(len(cells))])
        found.append(_power(event.name, judged.rise, starts, event.seconds // bucket, bucket))
    return found
