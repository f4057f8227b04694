"""Step 2: the static table learns to put texts where the teacher puts them. Writes table.npz.

Each piece of the vocabulary has a vector; a text is the direction of their sum. The teacher's vectors are turned to
256 dimensions (uncentred PCA), and the table is fitted with a soft-target contrastive loss (the teacher's own
similarities within a batch) and the cosine to the teacher's vector. No labels are used.
"""

from __future__ import annotations

import argparse
import re
import time
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from judge import judge
from teacher import Teacher, fetch
from vocabulary import names, vocabulary

from tocsin.models._pieces import Pieces
from tocsin.models._table import WIDTH, Table
from tocsin.models._words import split

SEED = 20261125
BATCH = 1024
STEP = 1 / 1024
"""The size of one whole number of the table, in units of a trained vector."""


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--data", type=Path, default=Path("../shared/data"))
    arguments.add_argument("--work", type=Path, default=Path("models/build/work"))
    arguments.add_argument("--out", type=Path)
    arguments.add_argument("--epochs", type=int, default=4)
    arguments.add_argument("--temperature", type=float, default=0.05)
    arguments.add_argument("--cosine", type=float, default=2.0)
    arguments.add_argument("--rate", type=float, default=0.02)
    arguments.add_argument("--threads", type=int, default=1)
    arguments.add_argument("--skip", default="^$", help="corpora to leave out (a regular expression)")
    given = arguments.parse_args()
    torch.manual_seed(SEED)
    torch.set_num_threads(given.threads)
    bags, vectors = _lessons(given.work, re.compile(given.skip), given.data)
    basis = _basis(vectors)
    table = _fit(bags, vectors @ basis, _first_guess(given.work, basis), given)
    weights = _packed(table, given.work)
    np.savez(given.out or given.work / "table.npz", **weights)
    print(judge(Table(weights), given.data))


def _lessons(work: Path, skip: re.Pattern[str], data: Path) -> tuple[list[np.ndarray], torch.Tensor]:
    """For each text its pieces, and the teacher's vector."""
    bags: list[np.ndarray] = []
    vectors = []
    pieces = Pieces(vocabulary(work))
    for file in sorted((work / "encoded").glob("*-[0-9][0-9][0-9].npz")):
        if skip.search(file.name):
            continue
        cut = file.with_suffix(".pieces.npz")
        loaded = np.load(file)
        if not cut.exists():
            made = _bags(loaded["texts"].tolist(), pieces)
            np.savez(cut, flat=np.concatenate(made), lengths=[len(bag) for bag in made])
        held = np.load(cut)
        bags += np.split(held["flat"], np.cumsum(held["lengths"])[:-1])
        vectors.append(loaded["vectors"])
    return bags, torch.from_numpy(np.concatenate(vectors).astype(np.float32))


def _bags(texts: list[str], pieces: Pieces) -> list[np.ndarray]:
    words = split(texts)
    known: dict[int, list[int]] = {}
    found: list[list[int]] = [[] for _ in texts]
    owners = words.owners.tolist()
    for number, key in enumerate(words.keys.tolist()):
        if key not in known:
            known[key] = pieces.of(words.spelled(number), tagged=bool(words.tagged[number]))
        found[owners[number]] += known[key]
    return [np.array(bag, np.int32) for bag in found]


def _basis(vectors: torch.Tensor) -> torch.Tensor:
    """(384, WIDTH): the directions in which the teacher's vectors spread most, not centred."""
    _, axes = torch.linalg.eigh(vectors[:200_000].T @ vectors[:200_000])
    return axes[:, -WIDTH:].flip(1)


def _first_guess(work: Path, basis: torch.Tensor) -> torch.Tensor:
    """The teacher's vector of each piece alone, the weightier the rarer."""
    file = work / "pieces.npy"
    if not file.exists():
        np.save(file, Teacher(fetch(work)).encode(names(vocabulary(work))))
    vectors = torch.from_numpy(np.load(file)) @ basis
    weights = torch.log(torch.arange(len(vectors)) + 2.0) / np.log(len(vectors))
    return vectors * weights[:, None]


def _fit(bags: list[np.ndarray], targets: torch.Tensor, table: torch.Tensor, given: argparse.Namespace) -> torch.Tensor:
    targets = F.normalize(targets, dim=1)
    lengths = torch.tensor([len(bag) for bag in bags])
    flat = torch.from_numpy(np.concatenate(bags)).long()
    starts = torch.cumsum(lengths, 0) - lengths
    usable = torch.nonzero(lengths)[:, 0]
    bag = torch.nn.EmbeddingBag.from_pretrained(table.clone(), mode="sum", freeze=False, sparse=True)
    optimiser = torch.optim.SparseAdam(bag.parameters(), lr=given.rate)
    steps = given.epochs * (len(usable) // BATCH)
    step = 0
    for epoch in range(given.epochs):
        began, order, total = time.monotonic(), usable[torch.randperm(len(usable))], 0.0
        for begin in range(0, len(order) - BATCH + 1, BATCH):
            for group in optimiser.param_groups:
                group["lr"] = given.rate * (1 - step / steps) + 1e-4
            rows = order[begin : begin + BATCH]
            chosen = torch.cat([flat[starts[row] : starts[row] + lengths[row]] for row in rows.tolist()])
            offsets = torch.cumsum(lengths[rows], 0) - lengths[rows]
            loss = _loss(F.normalize(bag(chosen, offsets), dim=1), targets[rows], given)
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            total += loss.item()
            step += 1
        print(f"epoch {epoch}: loss {total / (len(order) // BATCH):.4f}, {time.monotonic() - began:.0f} s", flush=True)
    return bag.weight.detach()


def _loss(ours: torch.Tensor, theirs: torch.Tensor, given: argparse.Namespace) -> torch.Tensor:
    wanted = torch.softmax(theirs @ theirs.T / given.temperature, dim=1)
    found = torch.log_softmax(ours @ theirs.T / given.temperature, dim=1)
    across = torch.log_softmax(ours @ ours.T / given.temperature, dim=1)
    soft = -(wanted * found).sum(1).mean() - (wanted * across).sum(1).mean()
    return soft / 2 + given.cosine * (1 - (ours * theirs).sum(1).mean())


def _packed(table: torch.Tensor, work: Path) -> dict[str, np.ndarray]:
    """int8 rows, and for each the number of steps that one of its units is."""
    rows = table.numpy()
    units = np.maximum(np.abs(rows).max(axis=1), 1e-6) / 127
    return {
        "pieces": np.frombuffer("\n".join(vocabulary(work)).encode(), np.uint8),
        "rows": np.rint(rows / units[:, None]).astype(np.int8),
        "scales": (units / STEP).astype(np.float16),
    }


if __name__ == "__main__":
    main()
