"""How well a table tells categories apart from their descriptions, on dev data: macro-F1 of the best label.

    python models/build/judge.py src/tocsin/models/weights/table.npz      the table, by its cosine alone
    python models/build/judge.py models/build/work                        the teacher, in a folder of the build
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from tocsin.evaluate import _zero_shot
from tocsin.models._classifier import prompt
from tocsin.models._table import Table, directions, sums
from tocsin.models._words import split

DEV = ("newyear", "clinc", "crisis", "emotions")


Encode = Callable[[Sequence[str]], np.ndarray]


def judge(table: Table, data: Path) -> dict[str, float]:
    return judge_encoder(lambda texts: encode(table, texts), data)


def judge_encoder(encoder: Encode, data: Path) -> dict[str, float]:
    """Of anything that gives directions of texts."""
    found = {}
    for name in DEV:
        labelled = _zero_shot.SETS[name](data)
        names, right = np.array([label.name for label in labelled.labels]), np.array(labelled.right)
        inside = right != _zero_shot.OTHER
        texts = [text for text, kept in zip(labelled.texts, inside, strict=True) if kept]
        scores = encoder(texts) @ encoder([prompt(label) for label in labelled.labels]).T
        found[name] = round(_zero_shot.macro_f1(names[scores.argmax(axis=1)], right[inside]), 4)
    found["mean"] = round(float(np.mean(list(found.values()))), 4)
    return found


def teacher(work: Path) -> Encode:
    """The teacher on the texts as it read them."""
    from encode import LONGEST
    from plain import plain
    from teacher import Teacher, fetch

    reader = Teacher(fetch(work))
    return lambda texts: reader.encode([plain(text)[:LONGEST] for text in texts])


def encode(table: Table, texts: Sequence[str]) -> np.ndarray:
    words = split(texts)
    _, first, rows = np.unique(words.keys, return_index=True, return_inverse=True)
    vectors = table.words([words.spelled(i) for i in first], [bool(words.tagged[i]) for i in first])
    return directions(sums(rows, vectors, words.bounds))


if __name__ == "__main__":
    what, where = Path(sys.argv[1]), Path(sys.argv[2] if len(sys.argv) > 2 else "../shared/data")
    print(judge_encoder(teacher(what), where) if what.is_dir() else judge(Table(np.load(what)), where))
