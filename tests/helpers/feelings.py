"""The sentiment weights that ship, asked without the other models."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from pathlib import Path

import numpy as np
import numpy.typing as npt

import tocsin.models
from tocsin.models._lexicon import CAPACITY, Lexicon
from tocsin.models._sentiment import Sentiment
from tocsin.models._table import Table, directions, sums
from tocsin.models._words import split

WEIGHTS = Path(tocsin.models.__file__).parent / "weights"
Floats = npt.NDArray[np.float32]


@cache
def loaded() -> tuple[Table, Sentiment]:
    table = Table(np.load(WEIGHTS / "table.npz"))
    return table, Sentiment(np.load(WEIGHTS / "sentiment.npz"), table.pieces)


def scores(texts: Sequence[str], capacity: int = CAPACITY) -> Floats:
    """(n, 3) of negative, neutral, positive."""
    table, sentiment = loaded()

    def facts(spelled: Sequence[str], tagged: Sequence[bool]) -> dict[str, Floats]:
        vectors = table.words(spelled, tagged)
        return {"vector": vectors, "feeling": sentiment.facts(spelled, tagged, vectors)}

    lexicon = Lexicon(facts, capacity)
    words = split(texts)
    rows = lexicon.rows(words) if len(words.keys) else np.zeros(0, np.int64)
    if not len(rows):
        empty = facts([], [])
        return sentiment.probabilities(words, empty["feeling"], np.zeros((len(texts), 256), np.float32))
    vectors = directions(sums(rows, lexicon.facts("vector"), words.bounds))
    return sentiment.probabilities(words, lexicon.facts("feeling")[rows], vectors)
