"""Categories from descriptions alone, on labelled sets: which part chose and which part judges is said by each."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from tocsin.component import Label, Model
from tocsin.evaluate import _corpora, _definitions

OTHER = "other"


@dataclass(frozen=True)
class LabelledSet:
    """Posts, the categories that there are, and the right one of each post (`OTHER`: none)."""

    name: str
    texts: list[str]
    labels: tuple[Label, ...]
    right: list[str]


def _labels(definitions: dict[str, str]) -> tuple[Label, ...]:
    return tuple(Label(name, description) for name, description in definitions.items())


def new_year(data: Path) -> LabelledSet:
    pairs = _corpora.new_year(data)[1::2]
    return LabelledSet("newyear", [t for _, t in pairs], _labels(_definitions.NEW_YEAR), [c for c, _ in pairs])


def intents(data: Path, part: str = "test") -> LabelledSet:
    """150 requests of CLINC150, and those that are out of scope; labels are the names alone."""
    inside, outside = list(_corpora.clinc(data, part))[::3], list(_corpora.clinc(data, f"oos_{part}"))
    names = sorted({intent for intent, _ in inside})
    right = [intent for intent, _ in inside] + [OTHER] * len(outside)
    return LabelledSet("clinc", [text for _, text in (*inside, *outside)], tuple(map(Label, names)), right)


def crisis(data: Path) -> LabelledSet:
    """Information types of CrisisLexT26; posts that are not related to the disaster are in no category."""
    pairs = list(_corpora.crisis_types(data))
    other = list(_corpora.crisis_unrelated(data))
    known = [(kind, text) for kind, text in pairs if kind in _definitions.CRISIS]
    right = [kind for kind, _ in known] + [OTHER] * len(other)
    return LabelledSet("crisis", [text for _, text in known] + other, _labels(_definitions.CRISIS), right)


def emotions(data: Path, part: str = "test") -> LabelledSet:
    """Ten feelings of GoEmotions; neutral comments are in no category."""
    owner = {member: name for name, members in _definitions.EMOTION_MEMBERS.items() for member in members}
    owner["neutral"] = OTHER
    pairs = [(owner[e[0]], text) for e, text in _corpora.goemotions(data, part) if len(e) == 1 and e[0] in owner]
    return LabelledSet("emotions", [t for _, t in pairs], _labels(_definitions.EMOTIONS), [label for label, _ in pairs])


def airline(data: Path) -> LabelledSet:
    """Reasons of complaint of the airline posts; posts without a complaint are in no category."""
    rows = _corpora.airline(data)
    known = [row for row in rows if row["negativereason"] in ("", *_definitions.AIRLINE)]
    right = [row["negativereason"] or OTHER for row in known]
    return LabelledSet("airline", [row["text"] for row in known], _labels(_definitions.AIRLINE), right)


SETS: dict[str, Callable[[Path], LabelledSet]] = {
    "newyear": new_year,
    "clinc": intents,
    "crisis": crisis,
    "emotions": emotions,
    "airline": airline,
}


def judge(model: Model, labelled: LabelledSet) -> dict[str, Any]:
    """`best`: macro-F1 of the best label over posts that have one. `with_other`: with thresholds, over all posts.

    `other_auroc`: how well the best score tells posts with a category from those without.
    """
    classifier = model.classifier(labelled.labels)
    scores = classifier.scores(labelled.texts)
    names = np.array([label.name for label in labelled.labels])
    best = names[scores.argmax(axis=1)]
    right = np.array(labelled.right)
    inside = right != OTHER
    figures: dict[str, Any] = {"posts": len(right), "labels": len(names), "best": macro_f1(best[inside], right[inside])}
    if not inside.all():
        fits = (scores - classifier.thresholds).max(axis=1) >= 0
        top = np.where(scores >= classifier.thresholds, scores, -1.0).argmax(axis=1)
        found = np.where(fits, names[top], OTHER)
        figures["with_other"] = macro_f1(found, right)
        figures["other_precision"], figures["other_recall"] = _precision_recall(found, right, OTHER)
        figures["other_auroc"] = auroc(scores.max(axis=1), inside)
    return figures


def macro_f1(found: npt.NDArray[np.str_], right: npt.NDArray[np.str_]) -> float:
    """The mean over the labels in `right` of the harmonic mean of precision and recall."""
    scores = []
    for label in np.unique(right):
        precision, recall = _precision_recall(found, right, label)
        scores.append(2 * precision * recall / (precision + recall) if precision + recall else 0.0)
    return float(np.mean(scores))


def _precision_recall(found: npt.NDArray[np.str_], right: npt.NDArray[np.str_], label: str) -> tuple[float, float]:
    both = float(np.sum((found == label) & (right == label)))
    return both / max(float(np.sum(found == label)), 1.0), both / max(float(np.sum(right == label)), 1.0)


def auroc(scores: npt.NDArray[np.float32], positive: Sequence[bool] | npt.NDArray[np.bool_]) -> float:
    """The chance that a positive one scores higher than a negative one."""
    marks = np.asarray(positive)
    ranks = np.empty(len(scores))
    _, inverse, counts = np.unique(scores, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(counts) - (counts - 1) / 2)[inverse]
    inside, outside = marks.sum(), (~marks).sum()
    return float((ranks[marks].sum() - inside * (inside + 1) / 2) / max(inside * outside, 1))
