"""How well a table tells categories apart from their descriptions, on dev data: macro-F1 of the best label."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from tocsin.evaluate import _zero_shot
from tocsin.models._classifier import prompt
from tocsin.models._table import Table, directions, sums
from tocsin.models._words import split

DEV = ("newyear", "clinc", "crisis", "emotions")


def judge(table: Table, data: Path) -> dict[str, float]:
    found = {}
    for name in DEV:
        labelled = _zero_shot.SETS[name](data)
        scores = encode(table, labelled.texts) @ encode(table, [prompt(label) for label in labelled.labels]).T
        names, right = np.array([label.name for label in labelled.labels]), np.array(labelled.right)
        inside = right != _zero_shot.OTHER
        found[name] = round(_zero_shot.macro_f1(names[scores.argmax(axis=1)][inside], right[inside]), 4)
    found["mean"] = round(float(np.mean(list(found.values()))), 4)
    return found


def encode(table: Table, texts: Sequence[str]) -> np.ndarray:
    words = split(texts)
    _, first, rows = np.unique(words.keys, return_index=True, return_inverse=True)
    vectors = table.words([words.spelled(i) for i in first], [bool(words.tagged[i]) for i in first])
    return directions(sums(rows, vectors, words.bounds))


if __name__ == "__main__":
    print(judge(Table(np.load(sys.argv[1])), Path(sys.argv[2] if len(sys.argv) > 2 else "../shared/data")))
