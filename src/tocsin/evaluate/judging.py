"""Runs the volume detector over counts that are all there already, as a live run would see them: bucket by bucket."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from tocsin.component import Context, Floats
from tocsin.detectors.volume import Config, Volume

Bools = npt.NDArray[np.bool_]
Counts = npt.NDArray[np.integer] | npt.NDArray[np.floating]


@dataclass(frozen=True)
class Judged:
    """What the detector said, (bucket, series). `rise` are alerts of rises, `fall` of falls."""

    score: Floats
    rise: Bools
    fall: Bools


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
    series = counts.shape[1]
    detector = Volume(config, Context(name="evaluate", data_dir=Path()))
    detector.add(parents or [-1] * series, groups or [0] * series)
    shape = counts.shape
    found = Judged(np.zeros(shape, np.float32), np.zeros(shape, np.bool_), np.zeros(shape, np.bool_))
    visible = np.ones(series, np.bool_)
    for number, row in enumerate(counts.astype(np.float32)):
        readings = detector.step(start + number * int(config.bucket), row, visible)
        found.score[number] = readings.score
        found.rise[number] = readings.alert & ~readings.down
        found.fall[number] = readings.alert & readings.down
    return found


def episodes(over: Bools, apart: int) -> int:
    """How often a series (column) begins to be over, where less than `apart` buckets between are the same time."""
    number = 0
    for column in over.T:
        at = np.flatnonzero(column)
        number += int((np.diff(at, prepend=-apart - 1) > apart).sum())
    return number
