"""How long a change goes unseen, beside the best that is possible at the same rate of false alarms.

Poisson posts, each series for itself, go from a known rate to a multiple of it and stay there. No procedure that alarms
falsely once in a mean time ARL has, in the worst case, a mean delay under about ln(ARL)/KL(after||before) (Lorden,
"Procedures for reacting to a change in distribution", Annals of Mathematical Statistics 1971), and the cumulative sum
(Page 1954) is the best there is (Moustakides, Annals of Statistics 1986). With a threshold h its ARL is about
exp(h)/KL(before||after) and its delay (h - 1)/KL(after||before), divergences of a unit of time; that is the bound here.
It also runs on the same counts, with a threshold at which it alarms as often as the detector. It is told both rates:
the detector is not.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import log
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from tocsin.detectors.volume import Config, Volume
from tocsin.evaluate.judging import APART, DAY, HOUR, WEEK, Bools, armed, threshold
from tocsin.evaluate.rules import page

LATENESS = 120
"""Seconds that a bucket stays open after its end."""
FACTORS = (2, 4, 10)
TEN_MINUTES = 600
HISTORY = WEEK
HORIZON = DAY
CHANGES = (3.0, 9.25, 15.5, 21.75)
"""Changes begin at these hours of the eighth day, within a bucket at 0, 1/4, 1/2 and 3/4 of it."""

Counts = npt.NDArray[np.float64]
Counts32 = npt.NDArray[np.float32]


class Case(NamedTuple):
    """`per_hour` posts, which swing by so much over the day; seconds of a bucket, and from look to look."""

    per_hour: float
    swing: float = 0.0
    bucket: int = 60
    look: int = 10


CASES = (Case(60), Case(60, 0.7), Case(6, bucket=300, look=30))


@dataclass(frozen=True)
class Delay:
    """Minutes from the change to the alert: means (what is not found within a day counts as a day), of the detector
    with looks, of the cumulative sum, the bound, and detector over bound. Medians with and without looks; the share
    found; false alarms a week of a series."""

    per_hour: float
    swing: float
    factor: int
    tocsin_minutes: float
    cusum_minutes: float
    bound_minutes: float
    ratio: float
    median_minutes: float
    median_closed_minutes: float
    found: float
    false_alarms_per_week: float


def delays(
    case: Case, sensitivity: str = "balanced", *, series: int = 96, weeks: int = 2, seed: int = 0
) -> list[Delay]:
    """A row for each of `FACTORS`; false alarms are counted over so many weeks after the first."""
    random = np.random.default_rng([seed, int(case.per_hour), int(100 * case.swing)])
    volume = armed(Config.model_validate({"bucket": case.bucket, "sensitivity": sensitivity}), series)
    past = random.poisson(_rates(case, 0, HISTORY, case.bucket)[:, None], (HISTORY // case.bucket, series))
    for number, row in enumerate(past.astype(np.float32)):
        volume.step(number * case.bucket, row, np.ones(series, np.bool_))
    saved = volume.save()
    rates = _rates(case, HISTORY, weeks * WEEK, case.look)[:, None]
    calm = random.poisson(rates, (len(rates), series)).astype(np.float32)
    false = int(_alerts(volume, calm, case.look).sum())
    found = []
    for factor in FACTORS:
        least = _threshold(page(calm, rates, factor), max(false, 1), case.look)
        seen = [_seen(case, volume, saved, at, factor, least, random) for at in CHANGES]
        row = _row(
            case,
            factor,
            np.concatenate(seen, axis=1) / 60,
            _bound(case, factor, series * weeks * WEEK / max(false, 0.5)),
        )
        found.append(Delay(**row, false_alarms_per_week=round(false / series / weeks, 3)))
    return found


def _row(case: Case, factor: int, minutes: Counts, bound: float) -> dict[str, Any]:
    mine, closed, cusum = minutes
    return {
        "per_hour": case.per_hour,
        "swing": case.swing,
        "factor": factor,
        "tocsin_minutes": round(float(mine.mean()), 2),
        "cusum_minutes": round(float(cusum.mean()), 2),
        "bound_minutes": round(bound, 2),
        "ratio": round(float(mine.mean()) / bound, 2),
        "median_minutes": round(float(np.median(mine)), 2),
        "median_closed_minutes": round(float(np.median(closed)), 2),
        "found": round(float((mine < HORIZON / 60).mean()), 3),
    }


def _rates(case: Case, start: int, seconds: int, step: int) -> Counts:
    """Mean counts of each step."""
    hour = (start + np.arange(0, seconds, step)) / HOUR
    rates: Counts = case.per_hour * step / HOUR * (1 + case.swing * np.cos(2 * np.pi * (hour - 15) / 24))
    return rates


def _bound(case: Case, factor: int, apart: float) -> float:
    """Minutes, at the mean rate of the day; `apart` is the mean time between false alarms in seconds."""
    rate = case.per_hour / HOUR
    before, after = rate * (factor - 1 - log(factor)), rate * (factor * log(factor) - (factor - 1))
    return (log(apart * before) - 1) / after / 60


def _threshold(sums: Counts, most: int, look: int) -> float:
    """At which the sums alarm at most so often, looked at in parts of ten minutes."""
    part = TEN_MINUTES // look
    return threshold(sums.reshape(-1, part, sums.shape[1]).max(axis=1), APART // TEN_MINUTES, most)


def _seen(
    case: Case, volume: Volume, saved: bytes, hour: float, factor: int, least: float, random: np.random.Generator
) -> Counts:
    """Seconds from a change on the eighth day to the alert, (3, series): with looks, without, cumulative sum."""
    series, look = volume.members.parent.size, case.look
    begins = int(hour * HOUR) // case.bucket * case.bucket + int(hour % 1 * case.bucket)
    at = begins // look
    rates = _rates(case, HISTORY, at * look + HORIZON, look)[:, None]
    changed = rates * np.where(np.arange(len(rates)) < at, 1, factor)[:, None]
    counts = random.poisson(changed, (len(changed), series)).astype(np.float32)
    found = []
    for looks in (True, False):
        fresh = Volume(volume.config, volume.context)
        fresh.load(saved)
        found.append(_alerts(fresh, counts, look, looks=looks, until=at))
    found.append(page(counts, rates, factor) >= least)
    return np.stack([_first(over[at:], look) for over in found])


def _first(over: Bools, look: int) -> Counts:
    """Seconds to the first look that is over, or the horizon."""
    return np.where(over.any(axis=0), (over.argmax(axis=0) + 1.0) * look, HORIZON)


def _alerts(volume: Volume, counts: Counts32, look: int, *, looks: bool = True, until: int | None = None) -> Bools:
    """Rises that the detector alerts on (look, series), after the history, in counts of each look.

    With `until` it ends when every series has alerted after that look.
    """
    bucket, visible = volume.bucket, np.ones(counts.shape[1], np.bool_)
    per_bucket, found, closed = bucket // look, np.zeros(counts.shape, np.bool_), 0
    opened = np.zeros(counts.shape[1], np.float32)
    for number, new in enumerate(counts):
        opened += new
        seconds = (number + 1) * look
        if seconds >= (closed + 1) * bucket + LATENESS:
            over = counts[closed * per_bucket : (closed + 1) * per_bucket].sum(axis=0)
            readings = volume.step(HISTORY + closed * bucket, over, visible)
            found[number] |= readings.alert & ~readings.down
            opened -= over
            closed += 1
        if looks and (seen := volume.look(HISTORY + seconds, opened, visible)) is not None:
            found[number] |= seen.alert
        if until is not None and number >= until and number % 60 == 0 and found[until:number].any(axis=0).all():
            break
    return found
