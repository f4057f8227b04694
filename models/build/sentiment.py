"""The sentiment model: trained on SemEval's posts and on what a slow teacher says of many more texts.

    python models/build/sentiment.py --data ../shared/data --work models/build/work

Trains the teacher if it is not there yet (hours), lets it label, trains the network, writes whole-number weights to
src/tocsin/models/weights/sentiment.npz, and prints the figures. `--judge-late` instead keeps the posts of November and
December 2015 out, is judged on them, and writes nothing.
"""

from __future__ import annotations

import argparse
import random
import time
from pathlib import Path

import corpora
import numpy as np
import numpy.typing as npt
import torch
from sentiment_net import VECTOR_UNIT, Corpus, Net, corpus
from sentiment_posts import Posts, emotions, normalised, rated, training, validation
from sentiment_teacher import taught

from tocsin.evaluate._sentiment import calibration_error, quality
from tocsin.models._sentiment import HIDDEN, LARGEST, Sentiment
from tocsin.models._table import Table, directions, sums
from tocsin.models._words import split

WEIGHTS = Path("src/tocsin/models/weights/sentiment.npz")
SEED = 20261125
EPOCHS, BATCH, RATE = 4, 256, 1.5e-3
SOFT = 0.75
"""How much the teacher's word counts beside the label of people."""
FRAGMENTS, LONGEST_FRAGMENT = 70_000, 6

Floats = npt.NDArray[np.float32]
Doubles = npt.NDArray[np.float64]


def lesson(posts: Posts, more: list[str], data: Path, work: Path) -> tuple[list[str], Floats]:
    """Texts, and (n, 3) the probabilities that the network shall learn to give."""
    texts = posts.texts + more
    wanted = taught(texts, data, work)
    labelled = wanted[: len(posts.texts)]
    labelled[:] = (1 - SOFT) * np.eye(3, dtype=np.float32)[posts.labels] + SOFT * labelled
    return texts, wanted


def unlabelled(data: Path, work: Path, known: list[str], posts: list[str]) -> list[str]:
    """Texts that only the teacher labels: comments, sentences, posts and short pieces of them."""
    seen = {normalised(text) for text in known}
    wanted = ("Broad", "WNUT", "CrisisLexT6", "the guidance's New Year")
    sources = [emotions(data)[0], rated(work, known)[0]]
    sources += [list(source.read(data)) for source in corpora.EMBEDDING if source.name.startswith(wanted)]
    texts = [
        text for source in sources for text in source if not (normalised(text) in seen or seen.add(normalised(text)))
    ]
    shuffle = random.Random(SEED)
    whole = [text.split() for text in [*posts, *texts]]
    whole = [words for words in whole if len(words) > 1]
    pieces = set()
    for _ in range(FRAGMENTS):
        words = shuffle.choice(whole)
        length = min(len(words), shuffle.randint(1, LONGEST_FRAGMENT))
        start = shuffle.randint(0, len(words) - length)
        pieces.add(" ".join(words[start : start + length]))
    return texts + sorted(pieces)


def train(known: Corpus, wanted: torch.Tensor) -> Net:
    """`wanted[i]` are the probabilities of text i of the corpus."""
    torch.manual_seed(SEED)
    chance = np.random.default_rng(SEED)
    net = Net(known)
    optimizer = torch.optim.Adam(net.parameters(), lr=RATE, betas=(0.9, 0.99))
    batches = len(wanted) // BATCH
    schedule = torch.optim.lr_scheduler.LinearLR(optimizer, 1.0, 0.02, EPOCHS * batches)
    began = time.monotonic()
    for epoch in range(EPOCHS):
        order = chance.permutation(len(wanted))[: batches * BATCH].reshape(batches, BATCH)
        total = 0.0
        for texts in order:
            loss = torch.nn.functional.cross_entropy(net(texts), wanted[texts])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
            total += loss.item()
        print(f"epoch {epoch}: loss {total / batches:.4f}, {time.monotonic() - began:.0f} s", flush=True)
    return net.eval()


def whole(net: Net, prior: Doubles, temperature: float) -> dict[str, npt.NDArray[np.generic]]:
    """The weights in whole numbers, as `tocsin.models._sentiment` takes them.

    The classes' shares in training are taken out, so that the likeliest label is right for each class alike.
    """
    raw = {name: weight.detach().numpy().astype(np.float64) for name, weight in net.named_parameters()}
    table = np.abs(raw["codes.weight"]).max() / 127
    code = net.largest_code() / LARGEST
    linear = max(np.abs(raw["linear.weight"]).max(), np.abs(raw["pairs.weight"]).max()) / 127
    filters = np.abs(raw["filters.weight"]).max() / 255
    projection = raw["projection.weight"].T / VECTOR_UNIT
    projected = np.abs(projection).max() / 127
    output = np.abs(raw["output.weight"]).max() / 32767
    direction = 4 * np.abs(raw["direction.weight"]).max() / 32767
    return {
        "codes": np.rint(raw["codes.weight"] / table).astype(np.int8),
        "codes_step": np.float64(table / code),
        "linear": np.rint(raw["linear.weight"] / linear).astype(np.int8),
        "pairs": np.rint(raw["pairs.weight"] / linear).astype(np.int8),
        "filters": np.rint(raw["filters.weight"].T / filters).astype(np.int16),
        "filter_bias": np.rint(raw["filters.bias"] / (filters * code)).astype(np.int32),
        "flag": np.rint(np.float64(1 / code)),
        "projection": np.rint(projection / projected).astype(np.int8),
        "projection_step": np.float64(projected / code),
        "output": np.rint(raw["output.weight"].T / output).astype(np.int16),
        "output_step": np.float64(output * filters * code * HIDDEN / temperature),
        "direction": np.rint(4 * raw["direction.weight"].T / direction).astype(np.int16),
        "direction_step": np.float64(direction / temperature),
        "linear_step": np.float64(linear / temperature),
        "bias": (4 * raw["direction.bias"] - np.log(prior)) / temperature,
    }


def scores(model: Sentiment, table: Table, texts: list[str]) -> Floats:
    words = split(texts)
    _, first, rows = np.unique(words.keys, return_index=True, return_inverse=True)
    spelled, tagged = [words.spelled(place) for place in first], words.tagged[first].tolist()
    vectors = table.words(spelled, tagged)
    facts = model.facts(spelled, tagged, vectors)[rows]
    return model.probabilities(words, facts, directions(sums(rows, vectors, words.bounds)))


def calibrated(probabilities: Floats, labels: npt.NDArray[np.int64]) -> float:
    """The temperature under which the scores are as sure as they are right (Guo et al. 2017, arXiv:1706.04599)."""
    logits = np.log(np.maximum(probabilities, 1e-4))
    losses = {float(t): _loss(logits / t, labels) for t in np.arange(0.5, 3.0, 0.02)}
    return min(losses, key=losses.__getitem__)


def _loss(logits: Floats, labels: npt.NDArray[np.int64]) -> float:
    shifted = logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))
    return float(-shifted[np.arange(len(labels)), labels].mean())


def _crossed_error(probabilities: Floats, labels: npt.NDArray[np.int64]) -> float:
    """The calibration error where the temperature comes from the other half."""
    half = np.random.default_rng(SEED).permutation(len(labels)) % 2 == 0
    found = np.empty_like(probabilities)
    for one in (half, ~half):
        powers = np.maximum(probabilities[one], 1e-4) ** (1 / calibrated(probabilities[~one], labels[~one]))
        found[one] = powers / powers.sum(axis=1, keepdims=True)
    return calibration_error(found, labels)


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--data", type=Path, default=Path("../shared/data"))
    arguments.add_argument("--work", type=Path, default=Path("models/build/work"))
    arguments.add_argument("--judge-late", action="store_true")
    given = arguments.parse_args()
    torch.set_num_threads(1)
    table = Table(np.load(given.work / "table.npz"))
    posts, late = training(given.data)
    judges = {"validation": validation(given.data)}
    if given.judge_late:
        judges["late posts"] = posts.where(late)
    known = [*posts.texts, *judges["validation"].texts]
    more = unlabelled(given.data, given.work, known, posts.where(~late).texts)
    if given.judge_late:
        posts = posts.where(~late)
    texts, wanted = lesson(posts, more, given.data, given.work)
    net = train(corpus(texts, table), torch.from_numpy(wanted))
    prior = np.bincount(posts.labels) / len(posts.labels)
    judged = judges["validation"]
    warm = scores(Sentiment(whole(net, prior, 1.0), table.pieces), table, judged.texts)
    temperature = calibrated(warm, judged.labels)
    print(f"temperature {temperature:.2f}, cross-fitted calibration error {_crossed_error(warm, judged.labels):.4f}")
    weights = whole(net, prior, temperature)
    for name, some in judges.items():
        print(name, quality(scores(Sentiment(weights, table.pieces), table, some.texts), some.labels))
    if not given.judge_late:
        np.savez_compressed(WEIGHTS, **weights)
        print(f"{WEIGHTS}: {WEIGHTS.stat().st_size / 1e6:.2f} MB")


if __name__ == "__main__":
    main()
