"""Step 1: the teacher reads all texts. Kept in parts, so that it goes on where it was stopped."""

from __future__ import annotations

import argparse
import random
import time
from pathlib import Path

import corpora
import numpy as np
import torch
from plain import plain
from teacher import Teacher, fetch

PART = 8192
MOST = 31 * PART
"""Texts of one corpus: enough of WordNet, beside which posts would count for little."""
LONGEST = 600
SEED = 20261125


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--data", type=Path, default=Path("../shared/data"))
    arguments.add_argument("--work", type=Path, default=Path("models/build/work"))
    arguments.add_argument("--only", help="a word of the corpus' name")
    arguments.add_argument("--threads", type=int, default=2)
    given = arguments.parse_args()
    torch.set_num_threads(given.threads)
    teacher = Teacher(fetch(given.work))
    for corpus in corpora.EMBEDDING:
        if given.only is None or given.only in corpus.name:
            _encode(corpus, teacher, given.data, given.work / "encoded")


def _encode(corpus: corpora.Corpus, teacher: Teacher, data: Path, folder: Path) -> None:
    texts = sorted({plain(text)[:LONGEST] for text in corpus.read(data)} - {""})
    random.Random(SEED).shuffle(texts)
    texts = texts[:MOST]
    name = corpus.name.split(",")[0].split(":")[0].lower().replace(" ", "-")
    folder.mkdir(parents=True, exist_ok=True)
    for number, start in enumerate(range(0, len(texts), PART)):
        file = folder / f"{name}-{number:03d}.npz"
        if not file.exists():
            began = time.monotonic()
            part = texts[start : start + PART]
            vectors = teacher.encode(part).astype(np.float16)
            np.savez(file.with_suffix(".part.npz"), texts=np.array(part), vectors=vectors)
            file.with_suffix(".part.npz").rename(file)
            print(f"{file.name}: {len(part) / (time.monotonic() - began):.0f} texts/s", flush=True)


if __name__ == "__main__":
    main()
