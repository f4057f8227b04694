"""What is known of each distinct word, worked out once: a social stream repeats nearly all of its words.

What is known of a word depends on the word alone, so one that was forgotten and comes again is the same.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import numpy.typing as npt

from tocsin.models._words import Ints, Words

Floats = npt.NDArray[np.float32]
Maker = Callable[[Sequence[str], Sequence[bool]], Mapping[str, Floats]]
"""Gives facts of k words by name, (k, width) each; the second argument tells which words are of a hashtag."""
CAPACITY = 65_536


class Lexicon:
    """Facts of words, by name. Forgets all when it is full."""

    def __init__(self, make: Maker, capacity: int = CAPACITY) -> None:
        self._make, self._capacity = make, capacity
        self._numbers: dict[int, int] = {}
        self._facts: dict[str, Floats] = dict(make((), ()))

    def rows(self, words: Words) -> Ints:
        """(m,) where in the facts each word is."""
        keys = words.keys.tolist()
        try:
            return np.fromiter(map(self._numbers.__getitem__, keys), np.int64, len(keys))
        except KeyError:
            self._learn(words)
        return np.fromiter(map(self._numbers.__getitem__, keys), np.int64, len(keys))

    def facts(self, name: str) -> Floats:
        """All facts of this name, (rows, width); valid until the next call of `rows`."""
        return self._facts[name]

    def _learn(self, words: Words) -> None:
        unique, first = np.unique(words.keys, return_index=True)
        new = [place for key, place in zip(unique.tolist(), first.tolist(), strict=True) if key not in self._numbers]
        if len(self._numbers) + len(new) > self._capacity:
            self._numbers.clear()
            new = first.tolist()
        spelled = [words.spelled(place) for place in new]
        tagged = words.tagged[new].tolist()
        begin = len(self._numbers)
        for name, facts in self._make(spelled, tagged).items():
            self._put(name, begin, facts)
        self._numbers.update(zip(words.keys[new].tolist(), range(begin, begin + len(new)), strict=True))

    def _put(self, name: str, begin: int, facts: Floats) -> None:
        end = begin + len(facts)
        held = self._facts.get(name)
        if held is None or len(held) < end:
            grown = np.zeros((max(end, 2 * begin, 1024), facts.shape[1]), np.float32)
            if held is not None:
                grown[:begin] = held[:begin]
            self._facts[name] = held = grown
        held[begin:end] = facts
