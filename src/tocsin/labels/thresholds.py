"""From which score on a post belongs to a category, learned from the user's own posts.

Without answers: most posts of a stream do not belong to a given category, so the lower half of its scores shows how
far chance goes there; the upper half, where the posts that belong are, is not looked at. The model's own threshold,
from posts in general, is believed as much: neither knows how many posts of the stream belong. With answers: the
threshold with the best F1 among them, the nearer to the other the fewer they are.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

LEAST_POSTS = 1000
"""Fewer posts say nothing of a stream."""
SPREADS = 2.5
"""How many lower half-spreads above the median chance goes."""
PATIENCE = 20.0
"""So many answers of the rarer side weigh as much as the stream's own quantiles."""
LOWEST, HIGHEST = 0.1, 0.9


def of_stream(scores: npt.NDArray[np.float32], usual: float) -> float:
    """Half-way between the `usual` threshold and the stream's: its median and SPREADS times the way down from there to
    the 16th percentile, a standard deviation of a normal distribution."""
    low, middle = np.quantile(scores.astype(np.float64), (0.16, 0.5))
    return float(np.clip((usual + middle + SPREADS * (middle - low)) / 2, LOWEST, HIGHEST))


def of_answers(scores: Floats, belongs: npt.NDArray[np.bool_], weights: Floats, otherwise: float) -> float:
    """The threshold with the best weighted F1, drawn towards `otherwise` where there are few answers of one side."""
    few = float(min(np.count_nonzero(belongs), np.count_nonzero(~belongs)))
    if not few:
        return otherwise
    best = _best(scores, belongs, weights)
    return float(np.clip((few * best + PATIENCE * otherwise) / (few + PATIENCE), LOWEST, HIGHEST))


def _best(scores: Floats, belongs: npt.NDArray[np.bool_], weights: Floats) -> float:
    """Half-way between the last post that should be labelled and the first that should not."""
    order = np.argsort(-scores, kind="stable")
    ranked = scores[order]
    hits = np.cumsum(np.where(belongs, weights, 0.0)[order])
    labelled = np.cumsum(weights[order])
    f1 = 2 * hits / (labelled + hits[-1])
    f1[:-1][ranked[:-1] == ranked[1:]] = -1.0  # posts with one score are labelled together
    last = int(np.argmax(f1))
    return float(ranked[last] if last + 1 == len(ranked) else (ranked[last] + ranked[last + 1]) / 2)
