"""A detector's score in the units that people read: 0 to 100, and how often it is that high."""

from __future__ import annotations

from bisect import bisect_right
from math import exp, log

WEEK = 7 * 86_400

_MEASURED = ((0.5, 3.5), (0.75, 1.7), (1.0, 0.89), (1.5, 0.28), (2.0, 0.18), (3.0, 0.08))
"""Score -> times a week that a series reaches it, 6 hours apart: five brands, real events included (`tocsin bench
detect`, `episodes_per_week`)."""


def severity(score: float) -> int:
    """0 to 100 for a reading over its threshold.

    >>> [severity(score) for score in (0.5, 1, 1.5, 2, 3)]
    [0, 39, 63, 78, 92]
    """
    return round(100 * (1 - exp(-max(0.0, score - 0.5))))


def worse(score: float, told: float) -> bool:
    """Whether a score is so far beyond the one last told that people want to know: 20 more of severity, or twice it,
    as severity ends at 100.

    >>> worse(1.3, told=1.0), worse(1.5, told=1.0), worse(3.5, told=2.0), worse(4.0, told=2.0)
    (False, True, False, True)
    """
    return severity(score) >= severity(told) + 20 or far_worse(score, told)


def far_worse(score: float, told: float) -> bool:
    """Whether a score is so far beyond the one last told that even those want to know who asked for rest."""
    return score >= 2 * told


def score(severity: int) -> float:
    """The other way round, about: the reading over its threshold of a severity from 0 to 99.

    >>> [round(score(one), 1) for one in (39, 63, 78, 92)]
    [1.0, 1.5, 2.0, 3.0]
    """
    return 0.5 - log(1 - min(severity, 99) / 100)


def once_in(score: float) -> float:
    """Seconds from one reading this high to the next, for a series as lively as a well-known brand.

    Between and beyond the measured scores it is log-linear. A calm series gets there less often.

    >>> round(once_in(1.0) / 86_400), round(once_in(3.0) / 86_400)
    (8, 88)
    """
    scores = [known for known, _ in _MEASURED]
    low = min(max(bisect_right(scores, score), 1), len(scores) - 1) - 1
    (x0, y0), (x1, y1) = _MEASURED[low], _MEASURED[low + 1]
    slope = log(y1 / y0) / (x1 - x0)
    return WEEK / (y0 * exp(slope * (min(score, 10.0) - x0)))
