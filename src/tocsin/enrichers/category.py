"""What a post is about: the categories whose description fits it, or whose rule it matches.

A model scores every category that has a description or examples (`models/`); a post belongs to each whose score is
at its threshold or above, to none of them (`other`), or to several. A rule holds or not, and scores 1.0.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from pydantic import Field

from tocsin import posts, records, rules
from tocsin.component import Classifier, Context, Label, Model, Patience
from tocsin.enrichers._answers import Answers, Refine, rows
from tocsin.options import ModelChoice, Options

OTHER = "other"
"""The category of a post that is in none of the config's."""
BESIDE = 0.8
"""A second category counts only if it scores this share of the best: descriptions that are alike score alike."""
MATCH = "match"
"""What `model` says where only rules were asked."""


class Definition(Options):
    name: str
    description: str | None = None
    """What belongs to it, in plain words."""
    match: str | None = None
    """A rule of the watch language."""
    examples: tuple[str, ...] = ()
    """Posts that belong to it."""
    counterexamples: tuple[str, ...] = ()
    """Posts that do not, though they look like it: what was said to be wrongly labelled."""
    threshold: float | None = None
    """The score from which on a post belongs to it."""
    learned: dict[str, float] = Field(default_factory=dict)
    """What was learned of that score from the posts in the lake, by the id of the model that gives the scores."""

    @property
    def described(self) -> bool:
        """Whether a model is asked; a category with nothing but a name is understood by its name."""
        return bool(self.description or self.examples) or self.match is None

    def from_on(self, model: str) -> float | None:
        """The score of this model from which on a post belongs to it, where that was set or learned."""
        return self.learned.get(model) if self.threshold is None else self.threshold


class Config(Options):
    """The categories, from the config's own list."""

    takes: ClassVar[frozenset[str]] = frozenset({"categories"})

    categories: tuple[Definition, ...] = ()
    model: ModelChoice = ModelChoice()
    """What understands descriptions: `embedded`, a model of the Hugging Face Hub, or a remote service."""
    refine: Refine | None = None
    """Let the embedded model answer first, and the model above only where that one is unsure."""


Scores = npt.NDArray[np.float32]


class Scored(NamedTuple):
    """How well each described category fits a post, and from where on it does, by the model that said so."""

    scores: Scores
    thresholds: Scores


class Category:
    """Fills `categories` with all that fit, best first, `category` with the first, and `category_scores`."""

    fills: ClassVar[frozenset[str]] = frozenset({"category", "categories", "category_scores", "model"})
    needs: ClassVar[frozenset[str]] = posts.NEEDS

    def __init__(self, config: Config, context: Context) -> None:
        """Raises RuleError for a rule that cannot be read, ConfigError for a model that cannot be had."""
        self._matcher = rules.Matcher(
            {definition.name: rules.parse(definition.match) for definition in config.categories if definition.match}
        )
        self.described = [definition for definition in config.categories if definition.described]
        self._names = [definition.name for definition in self.described]
        self._order = {definition.name: number for number, definition in enumerate(config.categories)}
        self._own = np.array([definition.threshold for definition in self.described], np.float32)
        self._answers = Answers("classifier", config.model, config.refine, context) if self.described else None
        self._classifiers: dict[str, Classifier] = {}
        if self._answers is not None:
            self._classifier(self._answers.model)  # what it cannot do is said now, not at the first post

    @property
    def patience(self) -> Patience:
        """How long the model may take."""
        return Patience() if self._answers is None else self._answers.patience

    def enrich(self, batch: pa.RecordBatch) -> dict[str, pa.Array]:
        matched = [self._matcher.match(document) for document in posts.documents(batch)]
        scored, made = self.scores(posts.texts(batch), batch.column("language").to_pylist())
        fitting = [self._fitting(*row) for row in zip(matched, scored, strict=True)]
        filled = {
            "category": [row[0][0] if row else OTHER for row in fitting],
            "categories": [[name for name, _ in row] for row in fitting],
            "category_scores": fitting,
            "model": made,
        }
        return {name: pa.array(values, records.SCHEMA.field(name).type) for name, values in filled.items()}

    def all_scores(self, batch: pa.RecordBatch) -> list[dict[str, float]]:
        """For each post the score of every category, in the order of the config."""
        matched = [frozenset(self._matcher.match(document)) for document in posts.documents(batch)]
        scored, _ = self.scores(posts.texts(batch), batch.column("language").to_pylist())
        return [self._all_of(*row) for row in zip(matched, scored, strict=True)]

    def _all_of(self, matched: frozenset[str], scored: Scored | None) -> dict[str, float]:
        found = dict.fromkeys(self._order, 0.0)
        if scored is not None:
            found |= dict(zip(self._names, (round(score, 4) for score in scored.scores.tolist()), strict=True))
        return found | dict.fromkeys(matched, 1.0)

    def scores(self, texts: Sequence[str], languages: Sequence[str | None]) -> tuple[list[Scored | None], list[str]]:
        """For each text the scores of the `described` categories (None: not known), and what gave them."""
        if self._answers is None:
            return [None] * len(texts), [MATCH] * len(texts)
        return self._answers.of(texts, languages, self._ask, _sureness)

    def _classifier(self, model: Model) -> Classifier:
        if model.id not in self._classifiers:
            self._classifiers[model.id] = model.classifier([_label(definition) for definition in self.described])
        return self._classifiers[model.id]

    def _ask(self, model: Model, texts: Sequence[str]) -> list[Scored | None]:
        classifier = self._classifier(model)
        own = [definition.from_on(model.id) for definition in self.described]
        thresholds = np.where([value is None for value in own], classifier.thresholds, np.array(own, np.float32))
        return [row if row is None else Scored(row, thresholds) for row in rows(classifier.scores(texts))]

    def _fitting(self, matched: Sequence[str], scored: Scored | None) -> list[tuple[str, float]]:
        """The categories of one post with their scores, best first."""
        if scored is None:
            return [(name, 1.0) for name in matched]
        scores, thresholds = scored
        near = ~np.isnan(self._own) | (scores >= BESIDE * scores.max(initial=0.0))
        fits = np.flatnonzero(near & (scores >= thresholds)).tolist()
        if not fits and not matched:
            return []
        found = {self._names[number]: round(float(scores[number]), 4) for number in fits}
        found |= dict.fromkeys(matched, 1.0)
        return sorted(found.items(), key=lambda item: (-item[1], self._order[item[0]]))


def _label(definition: Definition) -> Label:
    return Label(definition.name, definition.description or "", definition.examples, definition.counterexamples)


def _sureness(scored: Scored) -> float:
    """How far the score nearest to its threshold is from it, as a share of the way to 0 or to 1."""
    scores, thresholds = scored
    away = np.where(scores < thresholds, (thresholds - scores) / thresholds, (scores - thresholds) / (1 - thresholds))
    return float(away.min()) if len(away) else 1.0
