"""How far the benchmark's score can be trusted with so few files: what it is without each, and with a threshold that
other files chose."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tocsin.evaluate import nab
from tocsin.evaluate.judging import Bools, Judged

THRESHOLDS = np.geomspace(0.5, 3, 40)


@dataclass(frozen=True)
class Spread:
    """`without` each file in turn the score is between these, and has this standard error (jackknife). `one_out` and
    `two_folds`: each file scored with the threshold that is best on the others, or on the other half."""

    lowest_without_one: float
    highest_without_one: float
    standard_error: float
    one_out: float
    two_folds: float


def spread(
    files: Sequence[nab.File], judged: Judged, rows: Sequence[Bools], profile: nab.Profile, bucket: int
) -> Spread:
    """`rows` are the alerts at the rows of each file, `judged` is what they came from."""
    numbers = range(len(files))
    without = np.array([_score(files, rows, [n for n in numbers if n != out], profile) for out in numbers])
    tried = [
        nab.at_rows(files, judged.begins(at, bucket) | judged.begins(at, bucket, down=True), bucket)
        for at in THRESHOLDS.tolist()
    ]

    def chosen(folds: Sequence[Sequence[int]]) -> float:
        picked = list(rows)
        for fold in folds:
            others = [number for number in numbers if number not in fold]
            best = max(tried, key=lambda one: _score(files, one, others, profile))
            for number in fold:
                picked[number] = best[number]
        return nab.score(files, picked, profile).score

    error = np.sqrt((len(files) - 1) * without.var())
    return Spread(
        lowest_without_one=float(without.min()),
        highest_without_one=float(without.max()),
        standard_error=float(error),
        one_out=chosen([[number] for number in numbers]),
        two_folds=chosen([numbers[::2], numbers[1::2]]),
    )


def _score(files: Sequence[nab.File], rows: Sequence[Bools], some: Sequence[int], profile: nab.Profile) -> float:
    return nab.score([files[number] for number in some], [rows[number] for number in some], profile).score
