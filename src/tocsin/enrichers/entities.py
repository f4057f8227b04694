"""Who and what a post names: people, organisations and places that a model finds, and the names that the config lists.

A listed name is found in every language and however it is written (`models/_lists.py`); where it overlaps with what
the model found, the listed name stays. `start` and `end` count characters of the text; in a post with a title, of the
title, a line end, and the text.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import pyarrow as pa

from tocsin import records
from tocsin.component import Context, Model, Patience, Span
from tocsin.enrichers._answers import Answers
from tocsin.models import _lists
from tocsin.options import ModelChoice, Options
from tocsin.posts import texts


class Config(Options):
    model: ModelChoice = ModelChoice()
    """The model that finds names in running text."""
    products: tuple[str, ...] = ()
    """Names to find and call PRODUCT. "iPhone 15 Pro" is also found as iphone15pro, #iPhone15Pro and in the plural."""
    organisations: tuple[str, ...] = ()
    """Names to find and call ORG."""
    people: tuple[str, ...] = ()
    """Names to find and call PER."""
    places: tuple[str, ...] = ()
    """Names to find and call LOC."""
    events: tuple[str, ...] = ()
    """Names to find and call EVENT."""
    fuzzy: bool = True
    """Whether a listed name of six letters or more is also found with one typo."""


class Entities:
    """Fills `entities` from left to right, without overlap, and `entities_model`."""

    fills: ClassVar[frozenset[str]] = frozenset({"entities", "entities_model"})
    needs: ClassVar[frozenset[str]] = frozenset({"language"})

    def __init__(self, config: Config, context: Context) -> None:
        self._answers = Answers("entities", config.model, None, context)
        listed = {
            "PRODUCT": config.products,
            "ORG": config.organisations,
            "PER": config.people,
            "LOC": config.places,
            "EVENT": config.events,
        }
        self._lists = _lists.Lists(listed, fuzzy=config.fuzzy, is_word=_is_word if config.fuzzy else None)

    @property
    def patience(self) -> Patience:
        """How long the model may take."""
        return self._answers.patience

    def enrich(self, batch: pa.RecordBatch) -> dict[str, pa.Array]:
        written = texts(batch)
        found, made = self._answers.of(written, batch.column("language").to_pylist(), _ask, lambda answer: 1.0)
        listed = self._lists.spans(written)
        rows = [
            [_entity(text, span) for span in _lists.merged(own, spans or ())]
            for text, own, spans in zip(written, listed, found, strict=True)
        ]
        filled = {"entities": rows, "entities_model": made}
        return {name: pa.array(column, records.SCHEMA.field(name).type) for name, column in filled.items()}


def _ask(model: Model, written: Sequence[str]) -> Sequence[list[Span] | None]:
    return model.entities(written)


def _entity(text: str, span: Span) -> dict[str, str | int]:
    return {"text": text[span.start : span.end], "type": span.type, "start": span.start, "end": span.end}


def _is_word(word: str) -> bool:
    """Whether a word is whole in the vocabulary of the embedded model: what is one is no typo of something else."""
    from tocsin.models.embedded import mind

    return len(mind().table.pieces.of(word)) == 1
