"""A category's direction once people have shown posts that belong to it, and posts that do not.

Logistic regression (Cox 1958) on the directions of texts, held towards the direction of the description by an L2
penalty: with few posts it stays near to what the description says, with many it follows them. Posts that do not
belong, and the descriptions of the other categories, are what it turns away from: what all posts of a stream have in
common then counts for nothing. docs/reference/labels.md compares it with prototypes.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from tocsin.models._table import Floats, directions

REACH = 8.0
"""How long the description's direction is: cosines times this are log odds."""
PENALTY = 0.5
LEAST = 16
"""Fewer texts weigh together as much as so many."""
STEPS, HALVINGS = 12, 10
"""Newton's method has converged long before."""

_Doubles = npt.NDArray[np.float64]


def learned_direction(description: Floats, belong: Floats, others: Floats) -> Floats:
    """(width,) from the direction of the description, (n, width) texts that belong, (m, width) that do not.

    Both sides weigh the same, however many they are; without one of them it is the description's own.
    """
    if not len(belong) or not len(others):
        return description
    texts = np.concatenate([belong, others]).astype(np.float64)
    sides = np.concatenate([np.ones(len(belong)), -np.ones(len(others))])
    shares = np.where(sides > 0, 0.5 / len(belong), 0.5 / len(others)) * max(len(sides), LEAST)
    found: Floats = directions(_fitted(description.astype(np.float64), texts, sides, shares)[None].astype(np.float32))[
        0
    ]
    return found


def _fitted(description: _Doubles, texts: _Doubles, sides: _Doubles, shares: _Doubles) -> _Doubles:
    """Newton's method; each step is halved until it is one down the hill."""
    inputs = np.column_stack([texts, np.ones(len(texts))])
    held = np.append(REACH * description, 0.0)
    penalty = np.append(np.full(len(description), PENALTY), 1e-3)

    def loss(weights: _Doubles) -> float:
        missed = np.logaddexp(0.0, -sides * (inputs @ weights))
        return float(shares @ missed + 0.5 * penalty @ np.square(weights - held))

    weights = np.append(held[:-1], -float(np.mean(texts @ held[:-1])))
    for _ in range(STEPS):
        wrong = 1 / (1 + np.exp(np.clip(sides * (inputs @ weights), -30, 30)))
        slope = penalty * (weights - held) - inputs.T @ (shares * sides * wrong)
        bend = (inputs.T * (shares * wrong * (1 - wrong))) @ inputs + np.diag(penalty)
        step = np.linalg.solve(bend, slope)
        now = loss(weights)
        for _ in range(HALVINGS):
            if loss(weights - step) <= now:
                weights = weights - step
                break
            step = step / 2
    return weights[:-1]
