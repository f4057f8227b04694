"""How a post feels: positive, negative, neutral or mixed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np
import pyarrow as pa

from tocsin import records
from tocsin.component import Context, Model, Patience
from tocsin.enrichers._answers import Answers, Refine, rows
from tocsin.models._sentiment import SENTIMENTS, label
from tocsin.options import ModelChoice, Options
from tocsin.posts import texts


class Config(Options):
    model: ModelChoice = ModelChoice()
    """What judges the posts: `embedded`, a model of the Hugging Face Hub, or a remote service."""
    refine: Refine | None = None
    """Let the embedded model answer first, and the model above only where that one is unsure."""


class Sentiment:
    """Fills `sentiment` with the likeliest label and `sentiment_scores` with the probabilities of the three.

    Both are null where no model has an answer. `mixed` is told by a rule (`models/_sentiment.py`).
    """

    fills: ClassVar[frozenset[str]] = frozenset({"sentiment", "sentiment_scores", "sentiment_model"})
    needs: ClassVar[frozenset[str]] = frozenset({"text", "title", "language"})

    def __init__(self, config: Config, context: Context) -> None:
        self._answers = Answers("sentiment", config.model, config.refine, context)

    @property
    def patience(self) -> Patience:
        """How long the model may take."""
        return self._answers.patience

    def enrich(self, batch: pa.RecordBatch) -> dict[str, pa.Array]:
        found, made = self._answers.of(texts(batch), batch.column("language").to_pylist(), _ask, _sureness)
        answered = [row for row in found if row is not None]
        labels = iter(label(np.array(answered, np.float32).reshape(-1, len(SENTIMENTS))))
        filled = {
            "sentiment": [None if row is None else next(labels) for row in found],
            "sentiment_scores": [None if row is None else _named(row) for row in found],
            "sentiment_model": made,
        }
        return {name: pa.array(column, records.SCHEMA.field(name).type) for name, column in filled.items()}


def _ask(model: Model, written: Sequence[str]) -> list[Any]:
    return rows(model.sentiment(written))


def _named(row: Any) -> list[tuple[str, float]]:
    return [(name, round(float(score), 4)) for name, score in zip(SENTIMENTS, row, strict=True)]


def _sureness(row: Any) -> float:
    """How far the likeliest of the three is ahead of the next."""
    _, second, first = sorted(row.tolist())
    return float(first - second)
