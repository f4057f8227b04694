"""Fits what each reason is worth (`_weights.json`) to labelled author locations.

    python places/build/fit.py [--folds 5] [--threshold 0.45]

Maximum likelihood of a softmax over the readings of a part of a text and "no place", drawn towards weights set by hand
(`prior.json`), so that reasons which the lists hardly show keep a sensible worth. Lists whose names begin with `held_`
are never read here. With --folds each row is judged by weights fitted without its fifth, and nothing is written.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
from curated import kilometres
from invented import contradictions, invented
from scipy.optimize import minimize

from tocsin.component import Context
from tocsin.evaluate._places import JUNK, Judged, Row, read
from tocsin.gazetteer._choice import Weights
from tocsin.gazetteer._evidence import REASONS
from tocsin.gazetteer._index import DEGREE, Tier
from tocsin.gazetteer._spans import Candidates
from tocsin.gazetteer._text import split
from tocsin.gazetteer.embedded import Config, Embedded

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
OUT = ROOT / "src" / "tocsin" / "gazetteer" / "_weights.json"
DEV = ROOT.parent / "shared" / "data" / "geo" / "locations_dev.csv"
DRAW = 0.02
"""How strongly a weight is drawn to its prior: a squared step of 1 costs this much for every hundred rows."""
THRESHOLD = 0.45
JUNK_COUNTS, INVENTED_COUNTS, CONTRADICTIONS_COUNT = 0.3, 0.2, 0.4
COUNTS = {"fit_d": 0.5}
"""What a line of junk, an invented row and a row of a list count of a labelled one: `fit_d` is all hard cases."""
UNSURE = 0.3
"""What a part counts that holds no right reading, where another part of its text does: it may name a place as well."""


@dataclass(frozen=True)
class Sample:
    """p parts of texts with c readings in all."""

    reasons: np.ndarray
    """(reasons, c)"""
    parts: np.ndarray
    right: np.ndarray
    """(c,) the part of each reading, and whether it is right."""
    counts: np.ndarray
    texts: np.ndarray
    """(p,) how much a part counts, and the number of its text."""

    def of(self, kept: np.ndarray) -> Sample:
        """The parts that are kept."""
        readings = kept[self.parts]
        numbers = np.cumsum(kept) - 1
        return Sample(
            self.reasons[:, readings],
            numbers[self.parts[readings]],
            self.right[readings],
            self.counts[kept],
            self.texts[kept],
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folds", type=int, default=0)
    parser.add_argument("--threshold", type=float, default=THRESHOLD)
    options = parser.parse_args()
    lists = dict(labelled())
    gazetteer = Embedded(Config(), Context("fit", HERE))
    prior = weights(HERE / "prior.json")
    if options.folds:
        judge(lists, prior, gazetteer, options.folds, options.threshold)
    else:
        write(fitted(sample(lists, gazetteer), prior), options.threshold)


def labelled() -> Iterator[tuple[str, tuple[list[Row], float]]]:
    """Each list by its name, with what a row of it counts."""
    for file in [*sorted((HERE.parent / "lists").glob("fit_*.csv")), *([DEV] if DEV.exists() else [])]:
        yield file.stem, (read(file), COUNTS.get(file.stem, 1.0))
    for file in sorted((HERE.parent / "curated").glob("junk_*.txt")):
        lines = [line.strip() for line in file.read_text(encoding="utf-8").splitlines() if line.strip()]
        yield file.stem, ([Row(str(number), line, JUNK) for number, line in enumerate(lines)], JUNK_COUNTS)
    yield "invented", (invented(1500), INVENTED_COUNTS)
    yield "contradictions", (contradictions(200), CONTRADICTIONS_COUNT)


def sample(lists: dict[str, tuple[list[Row], float]], gazetteer: Embedded) -> Sample:
    rows = [row for some, _ in lists.values() for row in some]
    counts = np.array([count for some, count in lists.values() for _ in some])
    parsed = gazetteer._parsed(split([row.text for row in rows]))
    readings = parsed.readings
    bounds = np.searchsorted(readings.owners, np.arange(len(rows) + 1))
    places = [readings.places[first:last] for first, last in pairwise(bounds)]
    right = np.concatenate([_right(row, some, gazetteer) for row, some in zip(rows, places, strict=True)])
    texts = readings.owners[readings.bounds[:-1]]
    counts = counts[texts] * np.where(_unsure(readings, right, texts), UNSURE, 1.0)
    return Sample(parsed.reasons.astype(np.float64), readings.parts, right, counts, texts)


def _right(row: Row, places: np.ndarray, gazetteer: Embedded) -> np.ndarray:
    """Which readings are right: the place itself; where there is none, what is close, or an area that holds it."""
    index = gazetteer._index
    if row.level == JUNK or not len(places):
        return np.zeros(len(places), bool)
    tiers = index.tiers[places]
    widths = np.where(tiers == Tier.COUNTRY, 2, np.where(tiers <= Tier.REGION, 1, 0))
    width = {"country": 2, "region": 1, "city": 0}[row.level]
    in_country = np.array([index.country(int(place)) == row.country for place in places])
    lats, lons = index.latitudes[places] / DEGREE, index.longitudes[places] / DEGREE
    close = np.any([kilometres(*point, lats, lons) <= row.within for point in row.points], axis=0)
    close |= (width == 2) & (widths == 2) & in_country
    for accepted in (close & (widths == width), close, in_country & (widths > width)):
        if accepted.any():
            return accepted
    return np.zeros(len(places), bool)


def _unsure(readings: Candidates, right: np.ndarray, texts: np.ndarray) -> np.ndarray:
    in_part = np.bincount(readings.parts, right) > 0
    in_text = np.bincount(readings.owners, right) > 0
    return ~in_part & in_text[texts]


def fitted(sample: Sample, prior: np.ndarray) -> np.ndarray:
    count = len(sample.counts)
    known = np.bincount(sample.parts, sample.right, minlength=count) > 0
    draw = DRAW * sample.counts.sum() / 100

    def loss(worth: np.ndarray) -> tuple[float, np.ndarray]:
        sums = worth @ sample.reasons
        top = np.zeros(count)
        np.maximum.at(top, sample.parts, sums)
        chances, nothing = np.exp(sums - top[sample.parts]), np.exp(-top)
        total = np.bincount(sample.parts, chances, minlength=count) + nothing
        good = np.bincount(sample.parts, chances * sample.right, minlength=count)
        target = np.where(known, good, nothing)
        value = -(sample.counts * np.log(np.maximum(target / total, 1e-12))).sum()
        wanted = np.where(sample.right, chances / np.maximum(good, 1e-300)[sample.parts], 0)
        slope = sample.reasons @ (sample.counts[sample.parts] * (chances / total[sample.parts] - wanted))
        away = worth - prior
        return value + draw * (away**2).sum(), slope + 2 * draw * away

    return minimize(loss, prior, jac=True, method="L-BFGS-B", options={"maxiter": 500}).x


def judge(lists: dict, prior: np.ndarray, gazetteer: Embedded, folds: int, threshold: float) -> None:
    """Prints how each list fares under weights fitted without the rows that are judged."""
    rows = [row for some, _ in lists.values() for row in some]
    whole = sample(lists, gazetteer)
    fold = np.random.default_rng(1).integers(0, folds, len(rows))
    answers: list = [None] * len(rows)
    for number in range(folds):
        worth = fitted(whole.of(fold[whole.texts] != number), prior)
        gazetteer.weights = Weights(worth.astype(np.float32), threshold)
        gazetteer._known.clear()
        held = np.flatnonzero(fold == number)
        for row, place in zip(held, gazetteer.locate([rows[row].text for row in held]), strict=True):
            answers[row] = place
    start = 0
    for name, (some, _) in lists.items():
        judged = Judged.of(some, answers[start : start + len(some)])
        print(f"{name:20}", len(some), judged.shares())
        start += len(some)


def weights(file: Path) -> np.ndarray:
    stored = json.loads(file.read_text())
    unknown = set(stored) - set(REASONS)
    if unknown:
        raise ValueError(f"no such reasons: {sorted(unknown)}")
    return np.array([stored.get(name, 0.0) for name in REASONS])


def write(worth: np.ndarray, threshold: float) -> None:
    stored = {name: round(float(value), 3) for name, value in zip(REASONS, worth, strict=True)}
    OUT.write_text(json.dumps({"threshold": threshold, "worth": stored}, indent=1) + "\n")
    print(json.dumps(stored))


if __name__ == "__main__":
    main()
