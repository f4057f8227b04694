"""Runs a rule over counts that are all there already, as a live run would see them: bucket by bucket."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from tocsin.component import Context, Floats
from tocsin.detectors.volume import Config, Volume

HOUR, DAY, WEEK = 3600, 86_400, 7 * 86_400
APART = 6 * HOUR
"""Alerts of a series less than this apart are one."""

Bools = npt.NDArray[np.bool_]
Counts = npt.NDArray[np.integer] | npt.NDArray[np.floating]


@dataclass(frozen=True)
class Judged:
    """What a rule said, (bucket, series). 1 or more is what alerts by itself; `rise` and `fall` are its alerts, `down`
    where the score is of a fall."""

    score: Floats
    down: Bools
    rise: Bools
    fall: Bools

    def begins(self, threshold: float, bucket: int, *, down: bool = False) -> Bools:
        """Alerts at another threshold of the score, six hours apart."""
        return starts((self.score >= threshold) & (self.down == down), APART // bucket)


@dataclass(frozen=True)
class Family:
    """Of each series: the number of its parent (or -1), and of its group of siblings."""

    parents: Sequence[int]
    groups: Sequence[int]


Rule = Callable[[Counts, int, Family | None], Judged]
"""Judges counts (bucket, series) from a start (Unix seconds); without a family all are siblings without parents."""


def detector(config: Config) -> Rule:
    """The volume detector as a rule."""

    def rule(counts: Counts, start: int, family: Family | None) -> Judged:
        parents, groups = (family.parents, family.groups) if family else (None, None)
        return judge(counts, config, start=start, parents=parents, groups=groups)

    return rule


def judge(
    counts: Counts,
    config: Config,
    *,
    start: int = 0,
    parents: Sequence[int] | None = None,
    groups: Sequence[int] | None = None,
) -> Judged:
    """Judge `counts` (bucket, series), of which the first bucket starts at `start` (Unix seconds).

    Without `groups` all series are siblings, without `parents` none has one.
    """
    volume = armed(config, counts.shape[1], parents=parents, groups=groups)
    marks = np.zeros((3, *counts.shape), np.bool_)
    found = Judged(np.zeros(counts.shape, np.float32), *marks)
    visible = np.ones(counts.shape[1], np.bool_)
    for number, row in enumerate(counts):
        readings = volume.step(start + number * int(config.bucket), row.astype(np.float32), visible)
        found.score[number], found.down[number] = readings.score, readings.down
        found.rise[number] = readings.alert & ~readings.down
        found.fall[number] = readings.alert & readings.down
    return found


def armed(
    config: Config, series: int, *, parents: Sequence[int] | None = None, groups: Sequence[int] | None = None
) -> Volume:
    """A new detector for so many series."""
    volume = Volume(config, Context(name="evaluate", data_dir=Path()))
    volume.add([-1] * series if parents is None else parents, [0] * series if groups is None else groups)
    return volume


def starts(over: Bools, apart: int) -> Bools:
    """Where a series (column) begins to be over; what comes at most `apart` buckets after it last was is the same."""
    rows = np.arange(1, len(over) + 1)[:, None]
    last = np.full((len(over) + 1, over.shape[1]), -apart)
    np.maximum.accumulate(np.where(over, rows, -apart), axis=0, out=last[1:])
    begun: Bools = over & (rows - last[:-1] > apart)
    return begun


def episodes(over: Bools, apart: int) -> int:
    """How often a series (column) begins to be over."""
    return int(starts(over, apart).sum())


def threshold(score: Floats, apart: int, most: float) -> float:
    """The lowest threshold, in steps of a hundredth, from which on series begin to be over at most `most` times."""
    highest = max(float(score.max(initial=0)), 1e-6) * 1.01
    found = highest
    for step in np.geomspace(highest, highest / 1000, 695):
        if episodes(score >= step, apart) > most:
            break
        found = float(step)
    return found


def series_weeks(counts: Counts, bucket: int) -> float:
    """Weeks of all series together, less the first day of each, which is for learning."""
    return float(counts.shape[1] * (len(counts) * bucket - DAY) / WEEK)
