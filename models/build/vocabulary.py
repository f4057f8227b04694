"""The pieces of the table: those of the teacher's vocabulary that occur, and common words that it has only in parts.

The order stays that of the teacher's vocabulary, which is sorted by how common the pieces are; new words follow.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from tocsin.models._pieces import Pieces, folded_word
from tocsin.models._words import split

SIZE = 30_500
LEAST = 5
"""How often a word must occur in posts to get a row of its own."""


def vocabulary(work: Path) -> list[str]:
    """Kept in work/vocabulary.txt, since it takes a minute."""
    file = work / "vocabulary.txt"
    if not file.exists():
        file.write_text("\n".join(_made(work)), encoding="utf-8")
    return file.read_text(encoding="utf-8").split("\n")


def _made(work: Path) -> list[str]:
    teachers = (work / "teacher" / "vocab.txt").read_text(encoding="utf-8").removesuffix("\n").split("\n")
    pieces = Pieces(teachers)
    used: Counter[int] = Counter()
    words: Counter[str] = Counter()
    for file in sorted((work / "encoded").glob("*-[0-9][0-9][0-9].npz")):
        for word, count in _counted(np.load(file)["texts"].tolist()).items():
            numbers = pieces.of(word)
            used.update(dict.fromkeys(numbers, count))
            if len(numbers) > 1 and word.isalpha() and not file.name.startswith("wordnet"):
                words[word] += count
    kept = [piece for number, piece in enumerate(teachers) if used[number] or (piece.isascii() and piece.isalpha())]
    new = [word for word, count in words.most_common(SIZE - len(kept)) if count >= LEAST]
    print(f"{len(kept)} of the teacher's {len(teachers)} pieces and {len(new)} words, the last {new[-3:]}")
    return kept + new


def _counted(texts: list[str]) -> Counter[str]:
    counts: Counter[str] = Counter()
    words = split(texts)
    _, first, number = np.unique(words.keys, return_index=True, return_counts=True)
    for place, count in zip(first.tolist(), number.tolist(), strict=True):
        counts[folded_word(words.spelled(place))] += count
    return counts


def names(pieces: Iterable[str]) -> list[str]:
    return [piece.removeprefix("##") for piece in pieces]
