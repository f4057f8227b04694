"""Events planted into real counts: what a rule finds of them, at its own threshold and at one alert a week of a series.

Bursts, ramps, shifts, dips, and a child whose share of its parent changes while the parent does not. All seeded.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from tocsin.detectors.volume import Config
from tocsin.evaluate.judging import APART, DAY, HOUR, WEEK, Bools, Family, Rule, detector, series_weeks, threshold
from tocsin.evaluate.nab import File, grid

Counts = npt.NDArray[np.float64]
Kind = Literal["burst", "ramp", "dip", "share"]

SHARE = 0.1
"""What the child of a planted share usually has of its parent."""
WANTED = 1.0
"""Alerts a week of a series at which rules are compared."""


@dataclass(frozen=True)
class Event:
    """`seconds` long. `times` is, of a burst or (at its end) a ramp, how much comes on top in means of the day before;
    of a dip what is left; of a share how many times the usual one it is."""

    name: str
    seconds: int
    times: float
    kind: Kind = "burst"


TABLE = (
    Event("15 min x4", 900, 4),
    Event("15 min x8", 900, 8),
    Event("2 h x2", 2 * HOUR, 2),
    Event("2 h x4", 2 * HOUR, 4),
    Event("2 h x8", 2 * HOUR, 8),
    Event("6 h ramp to x4", 6 * HOUR, 4, "ramp"),
    Event("6 h ramp to x8", 6 * HOUR, 8, "ramp"),
    Event("24 h x2", DAY, 2),
    Event("24 h x4", DAY, 4),
    Event("nothing, 15 min", 900, 0),
    Event("nothing, 2 h", 2 * HOUR, 0),
    Event("nothing, 24 h", DAY, 0),
    Event("dip to 0, 2 h", 2 * HOUR, 0, "dip"),
    Event("dip to 0, 6 h", 6 * HOUR, 0, "dip"),
    Event("dip to 0, 24 h", DAY, 0, "dip"),
    Event("dip to .3, 6 h", 6 * HOUR, 0.3, "dip"),
    Event("dip to .3, 24 h", DAY, 0.3, "dip"),
    Event("no dip, 24 h", DAY, 1, "dip"),
    Event("share x2, 2 h", 2 * HOUR, 2, "share"),
    Event("share x4, 2 h", 2 * HOUR, 4, "share"),
    Event("share x2, 24 h", DAY, 2, "share"),
    Event("share x4, 24 h", DAY, 4, "share"),
    Event("same share, 24 h", DAY, 1, "share"),
)


@dataclass(frozen=True)
class Power:
    """Share of `planted` events found within their length and an hour, and the median delay in minutes."""

    event: str
    planted: int
    found: float
    delay: float | None


@dataclass(frozen=True)
class Compared(Power):
    """Also at the threshold of the score that gives one alert a week of a series; and how many alerts a week the rule's
    own has in the same series before the event, real events among them."""

    found_at_one_a_week: float
    delay_at_one_a_week: float | None
    alerts_per_week_before: float


@dataclass(frozen=True)
class Rate:
    """Alerts a week of a series where nothing is planted, real events among them; `one_a_week` is the threshold of the
    score (1 is the rule's own) at which it is one."""

    alerts_per_week: float
    one_a_week: float


@dataclass(frozen=True)
class Trial:
    """Counts (bucket, series) with one event planted in each series, at the bucket `at`; `family` says who belongs to
    whom. Parents of shares come last, and nothing is planted in them."""

    start: int
    bucket: int
    counts: Counts
    family: Family
    events: tuple[Event, ...]
    at: npt.NDArray[np.int64]


def calm(files: Sequence[File], rule: Rule, bucket: int) -> Rate:
    """How often the rule alerts on the files as they are."""
    start, counts = grid(files, bucket)
    judged, weeks = rule(counts, start, None), series_weeks(counts, bucket)
    alerts = float((judged.rise | judged.fall).sum())
    return Rate(alerts / weeks, threshold(judged.score, APART // bucket, WANTED * weeks))


def trial(files: Sequence[File], config: Config, *, positions: int = 8, seed: int = 0) -> Trial:
    """Each event of `TABLE` at random places of every file that are quiet for the detector.

    What a burst adds is negative binomial of size 2. All files together, one position and one event, are siblings.
    """
    random, bucket = np.random.default_rng(seed), int(config.bucket)
    start, counts = grid(files, bucket)
    own = detector(config)(counts, start, None)
    quiet = [
        random.choice(_quiet(file, start, (own.rise | own.fall)[:, number], bucket), positions, replace=False)
        for number, file in enumerate(files)
    ]
    columns, parents, events, at = [], [], [], []
    for event in TABLE:
        for position in range(positions):
            for number in range(len(files)):
                place, column = int(quiet[number][position]), counts[:, number].copy()
                if event.kind == "share":
                    parents.append(column)
                columns.append(_planted(column, place, event, bucket, random))
                events.append(event)
                at.append(place)
    groups = [number // len(files) for number in range(len(columns))]
    children = len(columns) - len(parents)
    family = Family(
        parents=[-1] * children + list(range(len(columns), len(columns) + len(parents))) + [-1] * len(parents),
        groups=groups + groups[children:],
    )
    return Trial(start, bucket, np.stack(columns + parents, axis=1), family, tuple(events), np.array(at))


def powers(planted: Trial, rule: Rule, one_a_week: float) -> list[Compared]:
    """What the rule finds of each event at its own threshold, and at another one of its score."""
    judged, bucket = rule(planted.counts, planted.start, planted.family), planted.bucket
    rises, falls = (judged.begins(one_a_week, bucket, down=down) for down in (False, True))
    alerts, numbers = judged.rise | judged.fall, np.array([TABLE.index(event) for event in planted.events])
    table = []
    for number, event in enumerate(TABLE):
        own = np.flatnonzero(numbers == number)
        at, down = planted.at[own], event.kind == "dip"
        by_itself = power(event, (judged.fall if down else judged.rise)[:, own], at, bucket)
        other = power(event, (falls if down else rises)[:, own], at, bucket)
        before = _rate_before(alerts[:, own], at, bucket)
        table.append(Compared(**asdict(by_itself), **_at_one_a_week(other), alerts_per_week_before=before))
    return table


def _at_one_a_week(power: Power) -> dict[str, Any]:
    return {"found_at_one_a_week": power.found, "delay_at_one_a_week": power.delay}


def _rate_before(alerts: Bools, at: npt.NDArray[np.int64], bucket: int) -> float:
    """Alerts a week of a series before the event in it."""
    number = sum(int(column[:start].sum()) for column, start in zip(alerts.T, at, strict=True))
    return round(number / (float((at * bucket - DAY).sum()) / WEEK), 2)


def power(event: Event, alerts: Bools, at: npt.NDArray[np.int64], bucket: int) -> Power:
    """Of one event, planted in each column of the alerts, from the buckets `at` on."""
    delays = _delays(alerts, at, event.seconds // bucket, bucket)
    return Power(event.name, len(at), len(delays) / len(at), float(np.median(delays)) if delays else None)


def _delays(alerts: Bools, at: npt.NDArray[np.int64], length: int, bucket: int) -> list[float]:
    """Minutes from the start to the first alert, of events that were found."""
    delays = []
    for column, start in zip(alerts.T, at, strict=True):
        seen = np.flatnonzero(column[start : start + length + HOUR // bucket])
        delays += [(int(seen[0]) + 1) * bucket / 60] if seen.size else []
    return delays


def _quiet(file: File, start: int, alerts: Bools, bucket: int) -> npt.NDArray[np.int64]:
    """Buckets where nothing is labelled a day before or two after, and no alert came in the day before or after."""
    day = DAY // bucket
    free = np.ones(len(alerts), np.bool_)
    free[: 8 * day] = free[-2 * day :] = False
    for first, last in file.windows:
        low, high = ((int(file.times[row]) - start) // bucket for row in (first, last))
        free[max(low - 2 * day, 0) : high + day] = False
    for alert in np.flatnonzero(alerts):
        free[max(alert - day, 0) : alert + day] = False
    return np.flatnonzero(free)


def _planted(counts: Counts, at: int, event: Event, bucket: int, random: np.random.Generator) -> Counts:
    """These counts with the event in them; of a share, the counts of the child."""
    length = event.seconds // bucket
    part = slice(at, at + length)
    if event.kind == "share":
        shares = np.full(len(counts), SHARE)
        shares[part] *= event.times
        return random.binomial(counts.astype(np.int64), shares).astype(np.float64)
    if event.kind == "dip":
        counts[part] = random.binomial(counts[part].astype(np.int64), event.times)
        return counts
    shape = np.arange(1, length + 1) / length if event.kind == "ramp" else np.ones(length)
    mean = counts[at - DAY // bucket : at].mean() * event.times * shape
    counts[part] += random.poisson(random.gamma(2, mean / 2))
    return counts
