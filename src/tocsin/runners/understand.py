"""Texts understood one by one, by the same enrichers in the same order as in a run."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pyarrow as pa

from tocsin import load, records
from tocsin.config import Config
from tocsin.model import Post
from tocsin.pipeline.process import Chain
from tocsin.runners.assemble import Assembly
from tocsin.text import storable

STATEFUL = ("cluster", "watches")
"""Enrichers that say nothing of a text alone."""


class Understanding:
    """The enrichers of a config. `single`: of the categories only the best, even below its threshold."""

    def __init__(self, config: Config, *, single: bool = False) -> None:
        assembly = Assembly(config, seed=0)
        self._single = single
        self._clock = assembly.clock
        enrichers = {name: assembly.enricher(name) for name in load.names("enrichers") if name not in STATEFUL}
        self._category: Any = enrichers["category"]
        self._names = [category.name for category in config.categories]
        self._chain = Chain(list(enrichers.values()))

    def analyze(self, texts: Sequence[str]) -> list[dict[str, Any]]:
        """One object a text, as design and docs/reference/analyze.md have it; the same however texts are cut."""
        if not texts:
            return []
        batch = self._chain.enrich(self._batch(texts))
        scores = self._category.all_scores(batch)
        return [
            self._object(row, all_of)
            for row, all_of in zip(batch.to_pylist(maps_as_pydicts="lossy"), scores, strict=True)
        ]

    def _batch(self, texts: Sequence[str]) -> pa.RecordBatch:
        now = self._clock.now()
        kept = map(storable, texts)
        made = [
            Post(uid=f"text:{n}", source="text", id=str(n), text=text, received_at=now) for n, text in enumerate(kept)
        ]
        return records.to_batch([records.post_row(seq, post) for seq, post in enumerate(made, start=1)])

    def _object(self, row: dict[str, Any], scores: dict[str, float]) -> dict[str, Any]:
        categories = [{"name": name, "score": _rounded(score)} for name, score in row["category_scores"].items()]
        categories.sort(key=lambda item: row["categories"].index(item["name"]))
        if self._single and scores:
            best = max(scores, key=lambda name: scores[name])
            categories = [{"name": best, "score": scores[best]}]
        return {
            "text": row["text"],
            "language": {"code": row["language"], "score": _rounded(row["language_score"])},
            "categories": categories,
            "scores": scores,
            "sentiment": _sentiment(row),
            "phrases": row["phrases"] or [],
            "entities": row["entities"] or [],
            "place": _place(row),
            "models": {
                "category": row["model"], "sentiment": row["sentiment_model"], "entities": row["entities_model"]
            },
        }  # fmt: skip


def _rounded(score: float | None) -> float | None:
    """The lake keeps 32 bits of it, of which four decimals mean something."""
    return None if score is None else round(score, 4)


def _sentiment(row: dict[str, Any]) -> dict[str, Any]:
    scores = row["sentiment_scores"] or {}
    return {
        "label": row["sentiment"],
        **{name: _rounded(scores.get(name)) for name in ("positive", "negative", "neutral")},
    }


def _place(row: dict[str, Any]) -> dict[str, Any] | None:
    if row["place_origin"] is None:
        return None
    return {
        "name": row["place_name"],
        "level": row["place_level"],
        "country": row["country"],
        "lat": row["lat"],
        "lon": row["lon"],
        "confidence": _rounded(row["place_confidence"]),
        "origin": row["place_origin"],
    }
