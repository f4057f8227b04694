"""Categories told apart by what they are said to be about: the cosine of a post and a description.

With examples, a category's direction is learned from them (`_head.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from tocsin.component import Label
from tocsin.models._head import learned_direction
from tocsin.models._table import WIDTH, Floats, directions

SIGMAS = 2.0
"""How far above what any post scores a post must be to belong: standard deviations of the score of posts in general."""
LOWEST, HIGHEST = 0.2, 0.6


class EmbeddedClassifier:
    """`encode` gives the direction of each text; `background` is the mean and covariance of those of posts in general.

    Scores of a category with examples are shifted and stretched so that posts in general score as they do by its
    description: categories stay comparable.
    """

    def __init__(
        self, labels: Sequence[Label], encode: Callable[[Sequence[str]], Floats], background: Mapping[str, Any]
    ) -> None:
        self._encode = encode
        described = encode([prompt(label) for label in labels]) if labels else np.zeros((0, WIDTH), np.float32)
        usual = directions(background["mean"].astype(np.float32)[None])
        self.directions = (
            np.stack([_direction(number, label, described, usual, encode) for number, label in enumerate(labels)])
            if labels
            else described
        )
        mean, spread = _background(described, background)
        learned_mean, learned_spread = _background(self.directions, background)
        self._stretch: Floats = (spread / np.maximum(learned_spread, 1e-6)).astype(np.float32)
        self._shift: Floats = (mean - learned_mean * self._stretch).astype(np.float32)
        self.thresholds: Floats = np.clip(mean + SIGMAS * spread, LOWEST, HIGHEST).astype(np.float32)

    def scores(self, texts: Sequence[str]) -> Floats:
        """(n, labels): the cosine, from 0 to 1."""
        cosines: Floats = self._encode(texts) @ self.directions.T
        found: Floats = np.clip(cosines * self._stretch + self._shift, 0.0, 1.0)
        return found


def prompt(label: Label) -> str:
    name = label.name.replace("_", " ")
    return f"{name}: {label.description}" if label.description else name


def _direction(
    number: int, label: Label, described: Floats, usual: Floats, encode: Callable[[Sequence[str]], Floats]
) -> Floats:
    if not label.examples:
        own: Floats = described[number]
        return own
    others = [usual, np.delete(described, number, axis=0)]
    if label.counterexamples:
        others.append(encode(label.counterexamples))
    return learned_direction(described[number], encode(label.examples), np.concatenate(others))


def _background(vectors: Floats, background: Mapping[str, Any]) -> tuple[Floats, Floats]:
    """Mean and standard deviation of the cosines of posts in general."""
    covariance = background["covariance"].astype(np.float32)
    mean: Floats = vectors @ background["mean"].astype(np.float32)
    variance = np.einsum("ij,jk,ik->i", vectors, covariance, vectors)
    return mean, np.sqrt(np.maximum(variance, 0.0)).astype(np.float32)
