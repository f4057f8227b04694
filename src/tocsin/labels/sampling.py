"""Which posts to ask a person about: a sample from which precision and recall can be told, and much be learned.

A category cuts the posts into three strata: those that it was given to (`ABOVE`), those just `NEAR`
below, where a mistake is likely, and the `FAR` rest. Every post has a known chance to be asked about, and 1 / that
chance is its weight in every estimate (Horvitz and Thompson 1952, doi:10.1080/01621459.1952.10483446), also in one
about other definitions than those the posts were drawn under.
"""

from __future__ import annotations

import random
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Scores = npt.NDArray[np.float32]
Flags = npt.NDArray[np.bool_]

ABOVE, NEAR, FAR = 0, 1, 2
SHARES = (0.4, 0.4, 0.2)
"""How much of the questions a category wants in each stratum."""
NEAR_TIMES, NEAR_SHARE = 2.0, 0.02
"""NEAR is so many times as large as ABOVE, and this share of all posts at least."""
MOST_CATEGORIES, SURE_CATEGORIES = 6, 4
"""A post is asked about so many categories at most; so many of them are the likeliest, the others are drawn."""


def near_from(scores: Scores, labelled: Flags) -> Scores:
    """(k,) the scores from which on posts that were not labelled are NEAR; `scores` and `labelled` (n, k)."""
    found = np.full(scores.shape[1], np.inf, np.float32)
    for number, (column, given) in enumerate(zip(scores.T, labelled.T, strict=True)):
        below = np.sort(column[~given])[::-1]
        wanted = int(max(NEAR_TIMES * (len(column) - len(below)), NEAR_SHARE * len(column), 1))
        if len(below):
            found[number] = below[min(wanted, len(below)) - 1]
    return found


def strata(scores: Scores, labelled: Flags, near: Scores) -> Ints:
    """(n, k) the stratum of each post in each category."""
    return np.where(labelled, ABOVE, np.where(scores >= near, NEAR, FAR)).astype(np.int64)


def chances(strata: Ints, count: int) -> Floats:
    """(n,) how likely each post is drawn, so that about `count` are; `strata` (n, k)."""
    wanted = np.zeros(len(strata), np.float64)
    for column in strata.T:
        sizes = np.bincount(column, minlength=3)
        share = np.where(sizes > 0, np.array(SHARES), 0.0)
        each: Floats = share / share.sum() / np.maximum(sizes, 1)
        wanted += each[column]
    return _capped(wanted, min(count, len(strata)))


def _capped(wanted: Floats, count: int) -> Floats:
    """Proportional to `wanted`, at most 1, summing to `count`."""
    found = np.zeros_like(wanted)
    free = wanted > 0
    while free.any():
        left = max(count - int(np.count_nonzero(found == 1.0)), 0)
        found[free] = wanted[free] * left / wanted[free].sum()
        over = free & (found >= 1.0)
        if not over.any():
            break
        found[over] = 1.0
        free &= ~over
    return found


def draw(chances: Floats, chance: random.Random) -> list[int]:
    """Posts drawn with exactly these chances: systematic sampling in random order (Madow 1949)."""
    order = list(range(len(chances)))
    chance.shuffle(order)
    ends = np.cumsum(chances[order])
    marks = np.floor(ends + chance.random()).astype(np.int64)
    return [order[place] for place in np.flatnonzero(np.diff(marks, prepend=0)).tolist()]


def ask(strata: Sequence[int], scores: Sequence[float], chance: random.Random) -> dict[int, float]:
    """The categories to ask about one post, and how likely each was to be asked about; both are (k,)."""
    if len(scores) <= MOST_CATEGORIES:
        return dict.fromkeys(range(len(scores)), 1.0)
    likely = [number for number, stratum in enumerate(strata) if stratum != FAR]
    sure = sorted(likely, key=lambda number: (strata[number], -scores[number]))[:SURE_CATEGORIES]
    others = [number for number in range(len(scores)) if number not in sure]
    drawn = chance.sample(others, MOST_CATEGORIES - len(sure))
    asked = dict.fromkeys(sure, 1.0) | dict.fromkeys(drawn, len(drawn) / len(others))
    return dict(sorted(asked.items()))
