"""Words of well-known names with one letter left out, each with the word that it stands for.

What is looked up among them, and which mistakes that forgives, says `_spelling.py`.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from tocsin.gazetteer import _text
from tocsin.gazetteer._index import KEY_MASK, Kind, Tier

SHORTEST = 6
LARGE = 150_000


def of(names: pd.DataFrame, places: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    """(keys, keys of what is meant), by key; a key that two words share stands for that of the larger place."""
    population = places.population.to_numpy()[names.place]
    tier = places.tier.to_numpy()[names.place]
    known = (names.kind <= Kind.OFFICIAL) & ((population >= LARGE) | (tier <= Tier.FIRST))
    spelled: dict[str, int] = {}
    for name, people in zip(names.name[known], population[known], strict=True):
        for word in _text.folded_words(name):
            if len(word) >= SHORTEST and word.isalpha() and word != word.upper():
                spelled[word] = max(people, spelled.get(word, 0))
    ordered = sorted(spelled, key=lambda word: spelled[word])
    pairs = {form: word for word in ordered for form in enumerate(left_outs(word))}
    written = _keys([form for _, form in pairs]) | np.array([place for place, _ in pairs], np.uint64)
    meant = _text.split(list(pairs.values())).keys
    order = np.argsort(written, kind="stable")
    return written[order], meant[order]


def left_outs(word: str) -> list[str]:
    """The word, and it without its second letter, its third, …; the first letter is never wrong."""
    return [word, *(word[:place] + word[place + 1 :] for place in range(1, len(word)))]


def _keys(words: list[str]) -> np.ndarray:
    kept, keys = _text.names(words)
    if len(kept) != len(words):
        raise ValueError("a word without letters")
    return keys & KEY_MASK
