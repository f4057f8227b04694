"""Counts of a known rate with a daily rhythm: what is found in them, and what rings where nothing happens. Seeded."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from tocsin.detectors.volume import Config
from tocsin.evaluate.injection import Event, Power, power
from tocsin.evaluate.judging import DAY, HOUR, WEEK, Judged, judge, series_weeks

Counts = npt.NDArray[np.float64]

RATES = (0.01, 0.05, 0.2, 1.0, 5.0, 50.0)
"""Mean counts in five minutes."""
LIVELY = (2, 6, 12, 60)
"""Mean counts an hour."""
HOURS = (3, 9, 15, 21)
EVENTS = (
    Event("2 h x4", 2 * HOUR, 4),
    Event("6 h x3", 6 * HOUR, 3),
    Event("24 h x2", DAY, 2),
    Event("nothing, 24 h", DAY, 1),
)
LOW = (
    Event("2 h x4", 2 * HOUR, 4),
    Event("2 h x10", 2 * HOUR, 10),
    Event("24 h x4", DAY, 4),
    Event("24 h x0", DAY, 0, "dip"),
)
POSTS = Event("20 posts in 1 h", HOUR, 0)


def rhythm(days: int, per_hour: Counts, phase: Counts, bucket: int) -> Counts:
    """Mean counts (bucket, series) that swing by 70 % around their rate, with the peak at 15 h + phase."""
    hour = np.arange(days * DAY // bucket)[:, None] * bucket / HOUR
    rates: Counts = per_hour * bucket / HOUR * (1 + 0.7 * np.cos(2 * np.pi * (hour - 15 - phase) / 24))
    return rates


def silence(config: Config, *, days: int = 28, copies: int = 15, seed: int = 0) -> dict[str, float]:
    """False alerts a week of a series in counts without events: Poisson, and negative binomial of size 1.

    `copies` series of each of `RATES`, in a day's rhythm with phases within 1.5 hours.
    """
    random, bucket = np.random.default_rng(seed), int(config.bucket)
    per_hour = np.repeat(np.array(RATES) * 12, copies)
    found = {}
    for name in ("poisson", "negative_binomial"):
        rates = rhythm(days, per_hour, random.uniform(-1.5, 1.5, len(per_hour)), bucket)
        if name == "negative_binomial":
            fives = random.gamma(1, 1, (len(rates) * bucket // 300 + 1, len(per_hour)))
            rates *= fives[np.arange(len(rates)) * bucket // 300]
        judged = judge(random.poisson(rates), config)
        found[name] = float((judged.rise | judged.fall).sum() / series_weeks(rates, bucket))
    return found


def powers(config: Config, *, history: int = 7, copies: int = 6, seed: int = 0) -> list[Power]:
    """Events after `history` days of Poisson counts, 2 to 60 an hour, at 3, 9, 15 and 21 h; eight siblings each."""
    random = np.random.default_rng(seed)
    cells = [(rate, hour) for rate in LIVELY for hour in HOURS for _ in range(copies)]
    per_hour, hours = np.array(cells, float).T
    groups = [number // 8 for number in range(len(cells))]
    found = []
    for event in EVENTS:
        judged, at = _judged(config, event, per_hour, hours, history, groups, random)
        found.append(power(event, judged.rise, at, int(config.bucket)))
    return found


def low_volumes(config: Config, *, history: int = 7, copies: int = 6, seed: int = 0) -> list[dict[str, float | None]]:
    """By mean count in five minutes: alerts a week of a series before anything happens, and of each event the share
    found and the median delay in minutes. Series of one rate are siblings."""
    random, bucket = np.random.default_rng(seed), int(config.bucket)
    per_hour = np.repeat(np.array(RATES) * 12, len(HOURS) * copies)
    hours = np.tile(np.repeat(np.array(HOURS, float), copies), len(RATES))
    groups = np.repeat(np.arange(len(RATES)), len(HOURS) * copies)
    rows: list[dict[str, float | None]] = [{"per_five_minutes": rate} for rate in RATES]
    alerts = np.zeros(len(RATES))
    for event in (*LOW, POSTS):
        judged, at = _judged(config, event, per_hour, hours, history, groups.tolist(), random)
        own_kind = judged.fall if event.kind == "dip" else judged.rise
        for number, row in enumerate(rows):
            own = groups == number
            found = power(event, own_kind[:, own], at[own], bucket)
            row |= {event.name: found.found, f"{event.name}, minutes": found.delay}
            alerts[number] += (judged.rise | judged.fall)[: history * DAY // bucket, own].sum()
    weeks = (len(LOW) + 1) * len(HOURS) * copies * (history - 1) * DAY / WEEK
    return [{**row, "alerts_per_week": float(number / weeks)} for row, number in zip(rows, alerts, strict=True)]


def _judged(
    config: Config,
    event: Event,
    per_hour: Counts,
    hours: Counts,
    history: int,
    groups: list[int],
    random: np.random.Generator,
) -> tuple[Judged, npt.NDArray[np.int64]]:
    """The event in every series, after `history` days at these hours: what is said, and the buckets it begins at."""
    bucket = int(config.bucket)
    at = ((history * DAY + hours * HOUR) // bucket).astype(np.int64)
    rates = rhythm(history + 3, per_hour, random.uniform(-1.5, 1.5, len(per_hour)), bucket)
    for column, start in zip(rates.T, at, strict=True):
        part = slice(start, start + event.seconds // bucket)
        if event is POSTS:
            column[part] += 20 * bucket / HOUR
        else:
            column[part] *= event.times
    return judge(random.poisson(rates), config, groups=groups), at
