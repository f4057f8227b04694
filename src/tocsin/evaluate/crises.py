"""Crises that come over something thin: how long after their onset they are found, and what rings before.

The posts of a crisis are laid over a base of a few posts an hour with a daily rhythm, a week of it before, beside
siblings without the crisis. The onset is the end of the first hour that holds at least max(5, k) posts of the crisis,
where k is the base an hour. The first day of a series is learning, so six days before the crisis count for false
alarms. Real crises: CrisisLexT26 (Olteanu, Vieweg and Castillo, CSCW 2015), whose ids tell when a post was written.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import numpy.typing as npt

from tocsin.detectors.volume import Config
from tocsin.errors import ConfigError
from tocsin.evaluate.judging import DAY, HOUR, WEEK, Judged, judge

BEFORE, AFTER = 7 * DAY, 8 * DAY
SIBLINGS = 8
BASES = (1, 4, 12)
"""Posts an hour."""
RISES = {"jump": 60, "over 1 h": HOUR, "over 3 h": 3 * HOUR, "over 12 h": 12 * HOUR}
"""Seconds that an invented crisis takes to its height."""
EPOCH = 1_288_834_974_657
"""Milliseconds that ids of posts count from: time = (id >> 22) + EPOCH."""
IN_TIME = 60
Times = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Found:
    """`delay` in minutes from the onset (None: not within 8 days; negative: before it, perhaps by chance); false alerts
    in the six days before, of all series together. `onset` is None where no hour holds enough posts."""

    name: str
    per_hour: int
    onset: int | None
    delay: float | None
    false_alerts: int
    series_weeks: float


def run(folder: Path, sensitivity: Path | str = "balanced", seed: int = 0) -> dict[str, Any]:
    """Crises in a folder of CrisisLexT26's form, and invented ones beside them.

    Raises ConfigError if there is none.
    """
    config = Config.model_validate({"bucket": 300, "sensitivity": str(sensitivity)})
    return {**real(folder, config, seed), "invented": imagined(config, seed=seed)}


def real(folder: Path, config: Config, seed: int = 0) -> dict[str, Any]:
    """Each crisis of the folder over each base, and by base all of them together."""
    times = load(folder)
    found = [one for per_hour in BASES for one in judged(times, config, per_hour, seed)]
    rows = [
        {"crisis": one.name, "per_hour": one.per_hour, "delay": one.delay, "false_alerts": one.false_alerts}
        for one in found
    ]
    return {"each": rows, "together": _by_base(found)}


def imagined(config: Config, *, number: int = 60, seed: int = 0) -> list[dict[str, Any]]:
    """By the way they begin and by base: `number` invented crises together."""
    times = {f"{name}: {one}": of for name, rise in RISES.items() for one, of in invented(rise, number, seed).items()}
    found = [one for per_hour in BASES for one in judged(times, config, per_hour, seed)]
    return [
        {"begins": name, **row}
        for name in RISES
        for row in _by_base([one for one in found if one.name.startswith(f"{name}: ")])
    ]


def _by_base(found: Sequence[Found]) -> list[dict[str, Any]]:
    return [{"per_hour": base, **summary([one for one in found if one.per_hour == base])} for base in BASES]


def load(folder: Path) -> dict[str, Times]:
    """Times (Unix seconds, ascending) of the posts of each crisis, from the folder of CrisisLexT26 or one in it.

    Raises ConfigError if there is none.
    """
    files = sorted(folder.rglob("*-tweetids_entire_period.csv"))
    if not files:
        raise ConfigError(f"{folder}: there is no crisis", hint="give the folder T26 of CrisisLex")
    return {file.parent.name: _times(file) for file in files}


def _times(file: Path) -> Times:
    with file.open(encoding="utf-8", newline="") as lines:
        cells = (cell.strip().strip("'\"") for row in csv.reader(lines) for cell in row)
        ids = np.array([int(cell) for cell in cells if cell.isdigit() and len(cell) > 10], np.int64)
    return np.sort(((ids >> 22) + EPOCH) // 1000)


def base(hours: Times, per_hour: float, phase: float) -> npt.NDArray[np.float64]:
    """Posts an hour at these hours: a rhythm that swings by 70 % with its peak at 15 h + phase."""
    rates: npt.NDArray[np.float64] = per_hour * (1 + 0.7 * np.cos(2 * np.pi * (hours / HOUR - 15 - phase) / 24))
    return rates


def onset(times: Times, per_hour: int) -> int | None:
    """When the last hour first holds max(5, per_hour) posts."""
    least = max(5, per_hour)
    close = np.flatnonzero(times[least - 1 :] - times[: len(times) - least + 1] < HOUR)
    return int(times[close[0] + least - 1]) if close.size else None


def judged(crises: Mapping[str, Times], config: Config, per_hour: int, seed: int = 0) -> list[Found]:
    """Judge each crisis, all in one go: moved by whole days to the same start, each with siblings of its own."""
    bucket, random = int(config.bucket), np.random.default_rng([seed, per_hour])
    size, width = (BEFORE + AFTER + DAY) // bucket, SIBLINGS + 1
    at = bucket * np.arange(size, dtype=np.int64)
    phases = random.uniform(-1.5, 1.5, (len(crises), width))
    rates = np.stack([base(at, per_hour, phase) for phase in phases.ravel()], axis=1) * (bucket / HOUR)
    counts = random.poisson(rates).astype(np.float64)
    starts = [(int(times[0]) - BEFORE) // DAY * DAY for times in crises.values()]
    for number, (times, start) in enumerate(zip(crises.values(), starts, strict=True)):
        places = (times - start) // bucket
        np.add.at(counts[:, number * width], places[places < size], 1)
    groups = [number // width for number in range(counts.shape[1])]
    found = judge(counts, config, groups=groups)
    return [
        _found(name, times, per_hour, found, slice(number * width, (number + 1) * width), start, bucket)
        for number, ((name, times), start) in enumerate(zip(crises.items(), starts, strict=True))
    ]


def _found(name: str, times: Times, per_hour: int, found: Judged, own: slice, start: int, bucket: int) -> Found:
    """`own` are the series of the crisis: that which has it, then its siblings."""
    first, begun = (int(times[0]) - start) // bucket, onset(times, per_hour)
    seen = np.flatnonzero(found.rise[first:, own.start])
    delay = None if begun is None or not seen.size else (start + (first + int(seen[0]) + 1) * bucket - begun) / 60
    before = (found.rise | found.fall)[:first, own]
    return Found(name, per_hour, begun, delay, int(before.sum()), before.shape[1] * (first * bucket - DAY) / WEEK)


def summary(found: Sequence[Found]) -> dict[str, float | int | None]:
    """All crises together: how many, found, found within an hour (and over an hour
    before, perhaps by chance), median delay of those found, false alerts a week."""
    delays = [one.delay for one in found if one.delay is not None]
    return {
        "crises": sum(one.onset is not None for one in found),
        "found": len(delays),
        "within_60_minutes": sum(delay <= IN_TIME for delay in delays),
        "hours_before": sum(delay < -IN_TIME for delay in delays),
        "median_minutes": round(median(delays), 1) if delays else None,
        "false_alerts_per_week": round(
            sum(one.false_alerts for one in found) / sum(one.series_weeks for one in found), 3
        ),
    }


def invented(rise: float, number: int = 60, seed: int = 0) -> dict[str, Times]:
    """Crises that take `rise` seconds to their height of 20 to 600 posts an hour, and fall by half each 6 to 48 hours;
    as sampled as CrisisLexT26 is. None has fewer than 20 posts."""
    random = np.random.default_rng([seed, int(rise)])
    at = np.arange(0, 4 * DAY, 60)
    found: dict[str, Times] = {}
    while len(found) < number:
        start = 1_400_000_000 + int(random.integers(0, 365 * DAY))
        height, half = float(np.exp(random.uniform(np.log(20), np.log(600)))), float(random.uniform(6, 48)) * HOUR
        rate = height * np.minimum(at / rise, 1) * np.exp2(-np.maximum(at - rise, 0) / half)
        minutes = np.repeat(at, random.poisson(rate / 60))
        if minutes.size >= 20:
            times = start + np.sort(minutes + random.integers(0, 60, minutes.size))
            found[f"{len(found)}, to {height:.0f} an hour"] = times
    return found
