"""How right and how honest a sentiment model is, on labelled texts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from tocsin.component import Model
from tocsin.models._sentiment import MIXED, SENTIMENTS, label

Floats = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int64]
BINS = 15
_AT_ONCE = 1000


@dataclass(frozen=True)
class Quality:
    """Shares from 0 to 1."""

    texts: int
    macro_recall: float
    """Mean over negative, neutral and positive of the share found; SemEval-2017 task 4A's measure."""
    macro_f1: float
    accuracy: float
    calibration_error: float
    """Expected calibration error of the likeliest label, 15 bins (Guo et al. 2017, arXiv:1706.04599)."""


def judge(model: Model, texts: Sequence[str], labels: Sequence[int]) -> dict[str, Any]:
    """`labels`: 0 negative, 1 neutral, 2 positive. Raises ValueError where a label or all texts of one are missing.

    A text that the model has no answer for counts as neutral; `mixed` is the share that would be called so.
    """
    if len(labels) != len(texts) or len(set(labels)) != len(SENTIMENTS):
        raise ValueError("every text needs a label, and each of the three labels a text")
    found = np.concatenate([model.sentiment(texts[at : at + _AT_ONCE]) for at in range(0, len(texts), _AT_ONCE)])
    found = np.where(np.isnan(found), np.array([0.0, 1.0, 0.0], np.float32), found)
    mixed = sum(name == MIXED for name in label(found)) / len(texts)
    return asdict(quality(found, np.asarray(labels, np.int64))) | {"mixed": mixed}


def quality(probabilities: Floats, labels: Ints) -> Quality:
    """Of (n, 3) probabilities for n labels."""
    found = probabilities.argmax(axis=1)
    counts = np.zeros((3, 3))
    np.add.at(counts, (labels, found), 1)
    hits = counts.diagonal()
    return Quality(
        texts=len(labels),
        macro_recall=float(np.mean(hits / counts.sum(axis=1))),
        macro_f1=float(np.mean(2 * hits / np.maximum(counts.sum(axis=0) + counts.sum(axis=1), 1))),
        accuracy=float(hits.sum() / len(labels)),
        calibration_error=calibration_error(probabilities, labels),
    )


def calibration_error(probabilities: Floats, labels: Ints) -> float:
    confidence = probabilities.max(axis=1)
    right = probabilities.argmax(axis=1) == labels
    bins = np.minimum((confidence * BINS).astype(np.int64), BINS - 1)
    gaps = np.bincount(bins, weights=right - confidence.astype(np.float64), minlength=BINS)
    return float(np.abs(gaps).sum() / len(labels))
