"""What a weighted sample of answers says of a category: how right its labels are, and how many posts there really are.

The share of a stratum's posts that belong has a Beta posterior, its prior worth so many answers as `PRIORS` says, the
answers counted at their effective number (Kish 1965; for proportions of weighted samples Korn and Graubard 1998, Survey
Methodology 24:193). Precision, recall and corrected counts are functions of these shares and of how many posts lie in
each stratum; their intervals come from draws of the shares.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tocsin.labels.sampling import ABOVE, FAR, NEAR

Floats = npt.NDArray[np.float64]

PRIORS = ((0.5, 0.5), (0.5, 2.0), (0.25, 4.75))
"""Beta(a, b) of the share that belongs, by stratum: Jeffreys' for what is labelled; for the rest what labelled sets
show (docs/reference/labels.md)."""
DRAWS = 4000
LEVEL = 0.95
LEAST_DIFFERENCE = 0.1
"""A true label must be at least so much likelier than a false one, or counts say nothing."""


@dataclass(frozen=True)
class Estimate:
    """`value` is the median of what is possible; `low` to `high` holds 95 % of it."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Answers:
    """The answers about one category: stratum of the post (as labelled now), whether it belongs, weight."""

    strata: npt.NDArray[np.int64]
    belongs: npt.NDArray[np.bool_]
    weights: Floats


def shares(answers: Answers, random: np.random.Generator, draws: int = DRAWS) -> Floats:
    """(3, draws) the possible shares of posts that belong, by stratum."""
    found = np.zeros((3, draws), np.float64)
    for stratum, (a, b) in enumerate(PRIORS):
        here = answers.strata == stratum
        weights, belongs = answers.weights[here], answers.belongs[here]
        total = weights.sum()
        effective = total**2 / np.square(weights).sum() if total else 0.0
        hits = effective * (weights[belongs].sum() / total) if total else 0.0
        found[stratum] = random.beta(a + hits, b + effective - hits, draws)
    return found


def precision(shares: Floats) -> Estimate:
    """The share of the posts given to the category that belong to it."""
    return summary(shares[ABOVE])


def recall(shares: Floats, sizes: Floats) -> Estimate:
    """The share of the posts that belong which were given to it; `sizes` (3,) how many posts each stratum has."""
    return summary(_hit_rate(shares, sizes))


def _hit_rate(shares: Floats, sizes: Floats) -> Floats:
    belong = shares * np.asarray(sizes, np.float64)[:, None]
    found: Floats = belong[ABOVE] / np.maximum(belong.sum(axis=0), 1e-12)
    return found


def _false_alarm_rate(shares: Floats, sizes: Floats) -> Floats:
    do_not = (1.0 - shares) * np.asarray(sizes, np.float64)[:, None]
    found: Floats = do_not[ABOVE] / np.maximum(do_not.sum(axis=0), 1e-12)
    return found


def counts(
    observed: npt.NDArray[np.int64],
    totals: npt.NDArray[np.int64],
    shares: Floats,
    sizes: Floats,
    random: np.random.Generator,
) -> list[Estimate | None]:
    """How many posts of each period really belong: adjusted classify and count (Forman 2008, Data Mining and Knowledge
    Discovery 17:164, doi:10.1007/s10618-008-0097-y), with the uncertainty of both rates and of the period's own count.

    `observed` of `totals` posts were given to the category. It holds while the posts that belong, and those that do
    not, are as easily mistaken in each period as in all. None where the labels cannot tell them apart.
    """
    hit, false = _hit_rate(shares, sizes), _false_alarm_rate(shares, sizes)
    if float(np.median(hit - false)) < LEAST_DIFFERENCE:
        return [None] * len(totals)
    found: list[Estimate | None] = []
    for count, total in zip(observed.tolist(), totals.tolist(), strict=True):
        rate = random.beta(count + 0.5, total - count + 0.5, shares.shape[1])
        share = np.clip((rate - false) / np.maximum(hit - false, 1e-3), 0.0, 1.0)
        found.append(summary(share * total))
    return found


def summary(draws: Floats) -> Estimate:
    low, value, high = np.quantile(draws, ((1 - LEVEL) / 2, 0.5, (1 + LEVEL) / 2)).tolist()
    return Estimate(value, low, high)


__all__ = ["ABOVE", "FAR", "NEAR", "Answers", "Estimate", "counts", "precision", "recall", "shares", "summary"]
