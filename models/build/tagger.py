"""The entity tagger: trained on posts with entities, and on posts that a slow tagger labelled.

    python models/build/lists.py && python models/build/tagger_teacher.py && python models/build/tagger.py --final

Settings were chosen on the development parts of WNUT17 and the Broad Twitter Corpus; with `--final` the tagger learns
from these too, and is written where it ships. Without, it is written to work/tagger/ and its scores on them are shown.
"""

from __future__ import annotations

import argparse
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np
import tagger_data as data_
import tagger_swap
import torch
from tagger_net import Drop, Lexemes, Net, Posts, Sizes, found, whole
from torch import nn

from tocsin.models import _names
from tocsin.models._table import Table
from tocsin.models._tagger import Tagger
from tocsin.models._words import split

HELD = {"wnut": "wnut17/emerging.dev.conll", "btc": "btc/btc.dev"}
WEIGHTS = Path(__file__).parents[2] / "src" / "tocsin" / "models" / "weights" / "tagger.npz"
BIASES = (-0.5, 0.0, 0.3, 0.6, 0.9, 1.2)


@dataclass(frozen=True)
class Options:
    seed: int = 1
    epochs: int = 6
    rate: float = 2e-3
    decay: float = 1e-2
    swap: float = 0.7
    """Share of posts that come again with other names."""
    drop: Drop = field(default_factory=Drop)
    gold: int = 64
    """Posts with gold labels a step."""
    soft: int = 192
    """Posts labelled by slow taggers a step."""
    lower: float = 0.15
    upper: float = 0.03
    wnut: int = 2
    """How often a WNUT17 post comes for each of the Broad Twitter Corpus."""
    smoothing: float = 0.0
    average: float = 0.995
    sizes: Sizes = field(default_factory=Sizes)


def gold_posts(data: Path, options: Options, pool: dict[str, list[str]], *, final: bool) -> list[data_.Post]:
    """As written with spaces between tokens and as people write, some in lower case, some in capitals."""
    files = [("wnut17/wnut17train.conll", options.wnut), ("btc/btc.train", 1)]
    if final:
        files += [(HELD["wnut"], options.wnut), (HELD["btc"], 1)]
    posts: list[data_.Post] = []
    for file, times in files:
        for copy in range(times):
            posts += data_.posts(data / file, natural=copy % 2 == 1)
        if times == 1:
            posts += data_.posts(data / file, natural=True)[1::2]
    swapped = list(tagger_swap.swapped(posts, pool, options.seed, share=options.swap)) if options.swap else []
    return (
        posts + swapped + list(data_.altered(posts + swapped, options.seed, lower=options.lower, upper=options.upper))
    )


def train(options: Options, lexemes: Lexemes, names: _names.Names, gold, soft, judge=None) -> Net:
    """`gold` are posts and their labels, `soft` posts and probabilities of labels (or None)."""
    torch.manual_seed(options.seed)
    chance = np.random.default_rng(options.seed)
    gold_inputs, wanted = gold
    inputs = {name: torch.from_numpy(getattr(lexemes, name)) for name in ("vectors", "flags", "affixes")}
    inputs["affixes"] = inputs["affixes"] % options.sizes.affixes
    step = 1.0 / float(np.quantile(np.abs(lexemes.vectors[np.abs(lexemes.vectors).sum(1) > 0]), 0.995))
    net = Net(options.sizes, step, options.drop)
    average = torch.optim.swa_utils.AveragedModel(
        net, multi_avg_fn=torch.optim.swa_utils.get_ema_multi_avg_fn(options.average)
    )
    optimizer = torch.optim.AdamW(net.parameters(), lr=options.rate, weight_decay=options.decay, fused=True)
    count = len(gold_inputs.words.texts)
    per_epoch = count // options.gold
    steps = per_epoch * options.epochs
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, options.rate, total_steps=steps + 1, pct_start=0.1)
    soft_order = None if soft is None else chance.permutation(len(soft[0].words.texts))
    soft_at = 0
    began = time.monotonic()
    for epoch in range(options.epochs):
        order = chance.permutation(count)
        net.train()
        for number in range(per_epoch):
            rows = order[number * options.gold : (number + 1) * options.gold]
            loss = _loss(net, gold_inputs, rows, wanted, inputs, options.smoothing)
            if soft is not None:
                mine = np.take(soft_order, np.arange(soft_at, soft_at + options.soft), mode="wrap")
                soft_at += options.soft
                loss = loss + options.soft / options.gold * _loss(net, soft[0], mine, soft[1], inputs, 0.0)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
            average.update_parameters(net)
        if judge is not None and epoch + 1 == options.epochs:
            print(f"epoch {epoch}, {time.monotonic() - began:.0f} s", flush=True)
            judge(average.module.eval(), inputs)
    return average.module.eval()


def _loss(net: Net, posts: Posts, numbers: np.ndarray, wanted: np.ndarray, inputs, smoothing: float) -> torch.Tensor:
    rows, phrases, index = posts.flat(numbers)
    words = index >= 0
    scores = net(rows, phrases, inputs)[torch.from_numpy(words)]
    target = torch.from_numpy(wanted[index[words]])
    return nn.functional.cross_entropy(
        scores, target if target.ndim == 1 else target.float(), label_smoothing=smoothing
    )


def judged(net: Net, names_weights, calibration: Posts, inputs, lexemes: Lexemes, *held_out, verbose=True):
    """Scores on the development parts with each bias, by the tagger as it ships; (tagger's weights, table)."""
    held, held_inputs = held_out
    weights = whole(net, calibration, inputs) | names_weights
    tagger = Tagger(weights)
    table = {}
    for name, posts in held.items():
        for bias, spans in zip(BIASES, found(tagger, lexemes, held_inputs[name], BIASES), strict=True):
            table[name, bias] = data_.scores([post.spans for post in posts], spans)
    if verbose:
        for bias in BIASES:
            line = []
            for name in held:
                scores = table[name, bias]
                line.append(f"{name} {scores['all'].f1:.3f} ({'/'.join(f'{scores[k].f1:.3f}' for k in data_.KINDS)}) "
                            f"P {scores['all'].precision:.3f} R {scores['all'].recall:.3f}")  # fmt: skip
            print(f"  bias {bias:4}: " + " | ".join(line), flush=True)
    return weights, table


def soft_posts(work: Path, patterns: list[str], lexemes: Lexemes, names: _names.Names, most: int):
    """Posts that slow taggers labelled, and the mean of their probabilities."""
    texts, total, files = None, None, 0
    for pattern in patterns:
        for file in sorted((work / "tagger").glob(pattern)):
            with np.load(file) as held:
                texts = held["texts"].tolist() if texts is None else texts
                labels = held["labels"].astype(np.float32)
            total = labels if total is None else total + labels
            files += 1
    if texts is None:
        return None
    posts = Posts(_some_lower(texts[:most]), lexemes, names)
    return posts, total[: len(posts.words.keys)] / files


def _some_lower(texts: list[str]) -> list[str]:
    """Some posts in lower case, where the same words stand in the same places then."""
    lower = [text.lower() if number % 7 == 0 and "#" not in text else text for number, text in enumerate(texts)]
    same = np.diff(split(lower).bounds) == np.diff(split(texts).bounds)
    return [new if good else old for new, old, good in zip(lower, texts, same.tolist(), strict=True)]


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--data", type=Path, default=Path("../shared/data"))
    arguments.add_argument("--work", type=Path, default=Path("models/build/work"))
    arguments.add_argument("--table", type=Path)
    arguments.add_argument("--final", action="store_true")
    arguments.add_argument("--teachers", nargs="*", default=["teacher-*.npz"])
    arguments.add_argument("--posts", type=int, default=60_000)
    arguments.add_argument("--seeds", type=int, nargs="*", default=[1])
    arguments.add_argument("--save", type=Path)
    arguments.add_argument("--bias", type=float, default=0.3, help="what O loses, chosen on the development parts")
    for name, value in asdict(Options()).items():
        if isinstance(value, int | float) and name != "seed":
            arguments.add_argument(f"--{name}", type=type(value))
    for name in ("vectors", "affixes", "flags", "hidden", "words", "lists"):
        arguments.add_argument(f"--drop-{name}", type=float, default=getattr(Drop(), name))
    for name in ("code", "first", "second", "affixes"):
        arguments.add_argument(f"--{name}", type=int, default=getattr(Sizes, name))
    given = arguments.parse_args()
    torch.set_num_threads(1)
    names_weights = dict(np.load(given.work / "names.npz"))
    names = _names.Names(names_weights)
    lexemes = Lexemes(Table(np.load(given.table or given.work / "table.npz")), names)
    chosen = {
        name: getattr(given, name)
        for name in asdict(Options())
        if getattr(given, name, None) is not None and name != "drop"
    }
    drop = Drop(
        *(getattr(given, f"drop_{name}") for name in ("vectors", "affixes", "flags", "hidden", "words", "lists"))
    )
    pool = tagger_swap.pool(given.work)
    sizes = Sizes(given.code, given.first, given.second, given.affixes)
    held = {name: data_.posts(given.data / file) for name, file in HELD.items()}
    held |= {f"{name}-natural": data_.posts(given.data / file, natural=True) for name, file in HELD.items()}
    held_inputs = {name: Posts([post.text for post in posts], lexemes, names) for name, posts in held.items()}
    soft = soft_posts(given.work, given.teachers, lexemes, names, given.posts)
    best = []
    for seed in given.seeds:
        options = Options(**(chosen | {"seed": seed, "sizes": sizes, "drop": drop}))
        posts = gold_posts(given.data, options, pool, final=given.final)
        inputs = Posts([post.text for post in posts], lexemes, names)
        wanted = data_.labels(inputs.words, posts)

        def judge(net, tensors, inputs=inputs):
            return judged(net, names_weights, inputs, tensors, lexemes, held, held_inputs)

        net = train(options, lexemes, names, (inputs, wanted), soft, judge)
        tensors = {name: torch.from_numpy(getattr(lexemes, name)) for name in ("vectors", "flags", "affixes")}
        tensors["affixes"] = tensors["affixes"] % options.sizes.affixes
        weights, table = judged(net, names_weights, inputs, tensors, lexemes, held, held_inputs, verbose=False)
        best.append(
            [table["wnut", bias]["all"].f1 for bias in BIASES] + [table["btc", bias]["all"].f1 for bias in BIASES]
        )
        weights["out_bias"] = weights["out_bias"] - given.bias * np.eye(len(data_.LABELS))[0]
        np.savez_compressed(given.save or (WEIGHTS if given.final else given.work / "tagger" / "tagger.npz"), **weights)
    mean, spread = np.mean(best, axis=0), np.std(best, axis=0)
    for place, bias in enumerate(BIASES):
        other = place + len(BIASES)
        both = f"wnut {mean[place]:.3f} ±{spread[place]:.3f} btc {mean[other]:.3f} ±{spread[other]:.3f}"
        print(f"mean of {len(best)} seeds, bias {bias:4}: {both}")


if __name__ == "__main__":
    main()
