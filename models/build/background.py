"""Step 3: what posts in general look like to the table, the mean and covariance of their vectors: background.npz.

A category's threshold starts from the scores that posts in general would have for it.
"""

from __future__ import annotations

import argparse
import random
from pathlib import Path

import corpora
import numpy as np
from judge import encode

from tocsin.models._table import Table, directions
from tocsin.models.embedded import CENTRED

SEED = 20261125
POSTS = 20_000


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--data", type=Path, default=Path("../shared/data"))
    arguments.add_argument("--work", type=Path, default=Path("models/build/work"))
    given = arguments.parse_args()
    texts = sorted({text for *_, text in corpora.semeval(given.data)})
    random.Random(SEED).shuffle(texts)
    vectors = encode(Table(np.load(given.work / "table.npz")), texts[:POSTS])
    centre = vectors.mean(axis=0)
    centred = directions(vectors - CENTRED * centre)
    covariance = np.cov(centred.T).astype(np.float32)
    np.savez(given.work / "background.npz", centre=centre, mean=centred.mean(axis=0), covariance=covariance)


if __name__ == "__main__":
    main()
