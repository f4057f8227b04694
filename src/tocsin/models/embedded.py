"""The embedded model: categories, sentiment and entities from small tables in the wheel, without a network.

A static embedding distilled from all-MiniLM-L6-v2, a sentiment head and an entity tagger, all in numpy
(`models/build/` makes them; docs/explanation/embedded-model.md says what they know). English only. What a text gives
does not depend on the texts beside it.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from tocsin.component import Classifier, Context, Label, Span
from tocsin.errors import ConfigError
from tocsin.models._classifier import EmbeddedClassifier, prompt
from tocsin.models._lexicon import Lexicon
from tocsin.models._reading import words_of
from tocsin.models._sentiment import Sentiment
from tocsin.models._table import Floats, Table, directions, sums
from tocsin.models._tagger import Tagger
from tocsin.models._word_match import WordMatch
from tocsin.models._words import Ints, Words
from tocsin.options import Options

WEIGHTS = Path(__file__).parent / "weights"
CENTRED = 0.4
"""The share of what all posts have in common that is taken from each."""
WORDS_WEIGHT = np.float32(0.2)
"""What a description that is answered word by word adds to a score; both chosen on dev sets (models/build/judge.py)."""


class Config(Options):
    """No options."""


class Embedded:
    """All instances of a process share the weights and what is known of words."""

    languages: frozenset[str] | None = frozenset({"en"})

    def __init__(self, target: str, config: Config, context: Context) -> None:
        if target:
            raise ConfigError(f"the embedded model has no variants, so nothing may stand behind 'embedded:' ({target})")
        self._mind = mind()
        self.id = self._mind.id

    def classifier(self, labels: Sequence[Label]) -> Classifier:
        return Described(labels, self._mind)

    def sentiment(self, texts: Sequence[str]) -> Floats:
        return self._mind.sentiment_of(texts)

    def entities(self, texts: Sequence[str]) -> list[list[Span] | None]:
        return list(self._mind.entities_of(texts))

    def vectors(self, texts: Sequence[str]) -> Floats:
        """(n, 256): where each text stands from posts in general, at length 1; zeros for one without a known word."""
        return self._mind.encode(texts)


class Described(EmbeddedClassifier):
    """Categories by their direction, and by the words of their description."""

    def __init__(self, labels: Sequence[Label], mind: Mind) -> None:
        super().__init__(labels, mind.encode, mind.background)
        self._mind, self._match = mind, WordMatch([prompt(label) for label in labels], mind.table)

    def scores(self, texts: Sequence[str]) -> Floats:
        """(n, labels) from 0 to 1."""
        alike = super().scores(texts)
        reading = self._mind.read(texts)
        answered = self._match.of(reading.rows, self._mind.word_vectors, reading.words.bounds)
        found: Floats = np.minimum(alike + WORDS_WEIGHT * answered, 1.0)
        return found


class Reading:
    """A batch of texts, cut into words that were looked up; its vectors are made when somebody asks."""

    def __init__(self, texts: Sequence[str], lexicon: Lexicon) -> None:
        self.words: Words = words_of(texts)
        self.rows: Ints = lexicon.rows(self.words)
        self._lexicon = lexicon
        self._vectors: Floats | None = None

    @property
    def vectors(self) -> Floats:
        if self._vectors is None:
            self._vectors = directions(sums(self.rows, self._lexicon.facts("vector"), self.words.bounds))
        return self._vectors

    def facts(self, name: str) -> Floats:
        """(words, width)"""
        return self._lexicon.facts(name)[self.rows]


class Mind:
    """The weights at work, and the last batch that was read: several enrichers ask about the same one."""

    def __init__(self, folder: Path) -> None:
        self.id = str(json.loads((folder / "manifest.json").read_text(encoding="utf-8"))["id"])
        self.table = Table(_weights(folder / "table.npz"))
        self.background = _weights(folder / "background.npz")
        self._centre = CENTRED * self.background["centre"].astype(np.float32)
        self._tagger = Tagger(_weights(folder / "tagger.npz"))
        self._sentiment = Sentiment(_weights(folder / "sentiment.npz"), self.table.pieces)
        self._lexicon = Lexicon(self._facts)
        self._last: tuple[Sequence[str], Reading] | None = None

    def _facts(self, spelled: Sequence[str], tagged: Sequence[bool]) -> dict[str, Floats]:
        vectors = self.table.words(spelled, tagged)
        return {
            "vector": vectors,
            "code": self._tagger.codes(spelled, tagged, vectors),
            "feeling": self._sentiment.facts(spelled, tagged, vectors),
        }

    def read(self, texts: Sequence[str]) -> Reading:
        if self._last is None or self._last[0] is not texts:
            self._last = texts, Reading(texts, self._lexicon)
        return self._last[1]

    @property
    def word_vectors(self) -> Floats:
        """Of the words met so far, (rows, 256); a `Reading` holds their rows."""
        return self._lexicon.facts("vector")

    def encode(self, texts: Sequence[str]) -> Floats:
        """(n, 256): where each text stands from posts in general, at length 1; zeros for one without a known word."""
        vectors = self.read(texts).vectors
        centred = directions(vectors - self._centre)
        centred[~vectors.any(axis=1)] = 0
        return centred

    def sentiment_of(self, texts: Sequence[str]) -> Floats:
        reading = self.read(texts)
        return self._sentiment.probabilities(reading.words, reading.facts("feeling"), reading.vectors)

    def entities_of(self, texts: Sequence[str]) -> list[list[Span]]:
        reading = self.read(texts)
        return self._tagger.spans(reading.words, reading.facts("code"))


@cache
def mind() -> Mind:
    return Mind(WEIGHTS)


def _weights(file: Path) -> dict[str, Any]:
    with np.load(file, allow_pickle=False) as loaded:
        return {name: loaded[name] for name in loaded.files}
