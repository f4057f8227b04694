"""What judged posts bring a category: average precision by how many of each side there are, on labelled sets.

All five sets were looked at in choosing the rule, which is best or level on each.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from tocsin.component import Floats, Label
from tocsin.evaluate import _zero_shot
from tocsin.models._classifier import EmbeddedClassifier, prompt
from tocsin.models._table import directions
from tocsin.models.embedded import mind

SIZES = (4, 8, 16, 32, 64)
MOST_CATEGORIES = 25

Way = Callable[[Floats, Floats, Floats], Floats]
Encode = Callable[[Sequence[str]], Floats]


def run(data: str = "../shared/data", seeds: int = 2, sets: str = "newyear,emotions,clinc,crisis,airline") -> Any:
    """By set and way, mean average precision over categories and seeds, with 4, 8, 16, 32 and 64 posts a side.

    `description` knows none of them, `prototype` is the direction of four descriptions and the posts that belong less
    half of those that do not, `learned` is what ships. Half of a set is learned from, the other half judges. Posts that
    do not belong are half the likeliest ones, as people are asked about, half any.
    """
    return {name: _one(_zero_shot.SETS[name](Path(data)), seeds) for name in sets.split(",")}


def _one(labelled: _zero_shot.LabelledSet, seeds: int) -> dict[str, list[float | None]]:
    vectors, right = mind().read(labelled.texts).vectors.copy(), np.array(labelled.right)
    found: dict[tuple[str, int], list[float]] = {}
    step = -(-len(labelled.labels) // MOST_CATEGORIES)
    for seed in range(seeds):
        chance = np.random.default_rng(seed)
        order = chance.permutation(len(right))
        pool, judge = order[: len(right) // 2], order[len(right) // 2 :]
        for number in range(0, len(labelled.labels), step):
            name = labelled.labels[number].name
            ranked = chance.permutation(pool[right[pool] == name])
            others = _mixed(vectors, right, pool, labelled, number, chance)
            for size in SIZES:
                if len(ranked) < 0.75 * size or not np.any(right[judge] == name):
                    continue
                posts = [labelled.texts[place] for place in ranked[:size]], [labelled.texts[i] for i in others[:size]]
                for way, scores in _scores(labelled.labels, number, *posts, vectors[judge]).items():
                    found.setdefault((way, size), []).append(average_precision(scores, right[judge] == name))
    ways = list(dict.fromkeys(way for way, _ in found))
    return {way: [_mean(found.get((way, size))) for size in SIZES] for way in ways}


def _mean(values: list[float] | None) -> float | None:
    return round(float(np.mean(values)), 3) if values else None


def _mixed(
    vectors: Floats,
    right: npt.NDArray[np.str_],
    pool: npt.NDArray[np.int64],
    labelled: _zero_shot.LabelledSet,
    number: int,
    chance: np.random.Generator,
) -> npt.NDArray[np.int64]:
    """Posts that do not belong: by turns one of the likeliest and any."""
    label = labelled.labels[number]
    other = pool[right[pool] != label.name]
    likely = other[np.argsort(-(vectors[other] @ _encode([prompt(label)])[0]))][:128]
    pairs = zip(chance.permutation(likely), chance.permutation(other), strict=False)
    return np.array([place for pair in pairs for place in pair])


def _encode(texts: Sequence[str]) -> Floats:
    return mind().read(list(texts)).vectors


def _scores(
    labels: Sequence[Label], number: int, belong: list[str], do_not: list[str], judged: Floats
) -> dict[str, npt.NDArray[np.float32]]:
    taught = [
        Label(one.name, one.description, tuple(belong), tuple(do_not)) if place == number else one
        for place, one in enumerate(labels)
    ]
    described = _encode([prompt(labels[number])])[0]
    prototype = 4 * described + _encode(belong).sum(axis=0) - _encode(do_not).sum(axis=0) / 2
    classifier = EmbeddedClassifier(taught, _encode, mind().background)
    found = {
        "description": judged @ described,
        "prototype": judged @ directions(prototype[None])[0],
        "learned": judged @ classifier.directions[number],
    }
    alone = [Label(one.name, one.description, one.examples) for one in taught]
    found["learned, without counterexamples"] = (
        judged @ EmbeddedClassifier(alone, _encode, mind().background).directions[number]
    )
    return found


def average_precision(scores: npt.NDArray[np.float32], right: npt.NDArray[np.bool_]) -> float:
    """The mean precision at each post that belongs, best score first."""
    ranked = right[np.argsort(-scores, kind="stable")]
    precision = np.cumsum(ranked) / np.arange(1, len(ranked) + 1)
    return float(precision[ranked].sum() / max(int(ranked.sum()), 1))
