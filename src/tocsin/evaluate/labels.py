"""How well thresholds learned without answers do, how often intervals hold the truth, and when drift is cried.

SPREADS and PRIORS were chosen on these sets, so none of them is a judge.
"""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from tocsin.component import Floats
from tocsin.evaluate import _zero_shot
from tocsin.labels import drift, estimates, sampling, thresholds
from tocsin.models._classifier import EmbeddedClassifier
from tocsin.models.embedded import mind

ASKED = (20, 60)
MOST_CATEGORIES = 6
WINDOW = 1000

Flags = npt.NDArray[np.bool_]


def run(data: str = "../shared/data", repeats: int = 25, sets: str = "newyear,crisis,emotions,airline") -> Any:
    """By set: mean F1 over categories with the model's thresholds, with those learned from the set as a stream, and
    with the best there are; for 20 and 60 posts asked about, how often the 95 % intervals of precision and recall hold
    the truth and how wide they are; the stability index between random thousands of the set, and to another set."""
    read = {name: _read(Path(data), name) for name in sets.split(",")}
    return {name: _judged(*read[name], repeats) | _drift(read, name) for name in read}


def _read(data: Path, name: str) -> tuple[Floats, Floats, Flags]:
    """Scores (n, k), the model's thresholds (k,), and the truth (n, k) of at most six categories."""
    labelled = _zero_shot.SETS[name](data)
    labels = labelled.labels[:MOST_CATEGORIES]
    classifier = EmbeddedClassifier(labels, lambda texts: mind().read(list(texts)).vectors, mind().background)
    truth = np.array([[right == label.name for label in labels] for right in labelled.right])
    kept = np.array([number for number in range(len(labels)) if truth[:, number].sum() >= 10])
    return classifier.scores(labelled.texts)[:, kept], classifier.thresholds[kept], truth[:, kept]


def _judged(scores: Floats, usual: Floats, truth: Flags, repeats: int) -> dict[str, Any]:
    learned = np.array([thresholds.of_stream(column, float(own)) for column, own in zip(scores.T, usual, strict=True)])
    best = [max(_f1(column >= one, right) for one in np.unique(column)[::5]) for column, right in _pairs(scores, truth)]
    found: dict[str, Any] = {
        "f1_model": _mean(_f1(scores[:, n] >= usual[n], truth[:, n]) for n in range(len(usual))),
        "f1_learned": _mean(_f1(scores[:, n] >= learned[n], truth[:, n]) for n in range(len(usual))),
        "f1_best": _mean(best),
    }
    labelled = scores >= learned
    strata = sampling.strata(scores, labelled, sampling.near_from(scores, labelled))
    for count in ASKED:
        rows = [row for turn in range(repeats) for row in _asked(strata, labelled, truth, count, turn)]
        names = ("precision_held", "recall_held", "precision_width", "recall_width")
        found[f"asked_{count}"] = {
            name: _mean(column) for name, column in zip(names, zip(*rows, strict=True), strict=True)
        }
    return found


def _pairs(scores: Floats, truth: Flags) -> Any:
    return zip(scores.T, truth.T, strict=True)


def _asked(strata: Any, labelled: Flags, truth: Flags, count: int, turn: int) -> list[tuple[float, ...]]:
    chances = sampling.chances(strata, count)
    drawn = sampling.draw(chances, random.Random(turn))
    rows = []
    for number in range(strata.shape[1]):
        given, right = labelled[:, number], truth[:, number]
        answers = estimates.Answers(strata[drawn, number], right[drawn], 1 / chances[drawn])
        shares = estimates.shares(answers, np.random.default_rng(turn), 1000)
        sizes = np.bincount(strata[:, number], minlength=3).astype(np.float64)
        precision, recall = estimates.precision(shares), estimates.recall(shares, sizes)
        both = float((given & right).sum())
        real = both / max(float(given.sum()), 1.0), both / float(right.sum())
        held = [float(one.low <= value <= one.high) for one, value in zip((precision, recall), real, strict=True)]
        rows.append((*held, precision.high - precision.low, recall.high - recall.low))
    return rows


def _drift(read: dict[str, tuple[Floats, Floats, Flags]], name: str) -> dict[str, float]:
    """`drift_never`: the highest index among 50 random thousands; `drift_halves`: the first half against the second."""
    scores = read[name][0]
    chance = np.random.default_rng(0)
    half = drift.deciles(scores[: len(scores) // 2, 0])
    then = drift.deciles(scores[:, 0])
    draws = [chance.choice(scores[:, 0], min(WINDOW, len(scores)), replace=False) for _ in range(50)]
    return {
        "drift_never": round(max(drift.stability_index(then, draw) for draw in draws), 3),
        "drift_halves": round(drift.stability_index(half, scores[len(scores) // 2 :, 0]), 3),
    }


def _f1(labelled: Flags, right: Flags) -> float:
    return 2 * float((labelled & right).sum()) / max(float(labelled.sum() + right.sum()), 1.0)


def _mean(values: Any) -> float:
    return round(float(np.mean(list(values))), 3)
