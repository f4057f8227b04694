"""The fast tagger as torch trains it, and its weights as whole numbers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import tagger_data as data_
import torch
from torch import nn

from tocsin.component import Span
from tocsin.models import _names, _shapes
from tocsin.models._tagger import HIGHEST, KINDS, Tagger
from tocsin.models._words import Words, split

GAP = 3
_PHRASE = 0.5


@dataclass(frozen=True)
class Sizes:
    code: int = 64
    first: int = 128
    second: int = 64
    affixes: int = 8192


@dataclass(frozen=True)
class Drop:
    """Chances in training that a number, or all that some source says of a word, is not seen."""

    vectors: float = 0.2
    affixes: float = 0.3
    flags: float = 0.1
    hidden: float = 0.15
    words: float = 0.05
    lists: float = 0.2


class Lexemes:
    """Facts of the distinct words of many posts, learned as they come."""

    def __init__(self, table, names: _names.Names) -> None:
        self._table, self._names = table, names
        self.numbers: dict[tuple[str, bool], int] = {}
        self.vectors = np.zeros((0, 256), np.float32)
        self.flags = np.zeros((0, _shapes.WIDTH), np.float32)
        self.affixes = np.zeros((0, _shapes.AFFIXES), np.int64)
        self.hashes = np.zeros(0, np.uint32)
        self.begins = np.zeros(0, np.bool_)

    def rows(self, words: Words) -> np.ndarray:
        _, first, places = np.unique(words.keys, return_index=True, return_inverse=True)
        distinct = [(words.spelled(place), bool(words.tagged[place])) for place in first.tolist()]
        new = [key for key in dict.fromkeys(distinct) if key not in self.numbers]
        if new:
            self._learn(new)
        return np.array([self.numbers[key] for key in distinct], np.int64)[places]

    def _learn(self, new: list[tuple[str, bool]]) -> None:
        for key in new:
            self.numbers[key] = len(self.numbers)
        spelled, tagged = [word for word, _ in new], np.array([tag for _, tag in new])
        hashes = np.array([_names.hashed(_names.folded(word)) for word in spelled], np.uint32)
        facts = self._names.facts(hashes)
        self.vectors = np.concatenate([self.vectors, self._table.words(spelled, tagged.tolist())])
        self.flags = np.concatenate([self.flags, _shapes.flags(spelled, tagged, facts).astype(np.float32)])
        self.affixes = np.concatenate([self.affixes, _shapes.affixes(spelled).astype(np.int64)])
        self.hashes = np.concatenate([self.hashes, hashes])
        self.begins = np.concatenate([self.begins, (facts >> np.uint32(_names.BITS["begins"][0])) & 1 == 1])


class Posts:
    """Posts as rows of the lexemes, each in a place of one long array with gaps between."""

    def __init__(self, texts: list[str], lexemes: Lexemes, names: _names.Names) -> None:
        self.words = split(texts)
        self.rows = lexemes.rows(self.words)
        last = np.repeat(self.words.bounds[1:] - 1, np.diff(self.words.bounds))
        self.phrases = names.phrases(lexemes.hashes[self.rows], lexemes.begins[self.rows], last)

    def flat(self, numbers: np.ndarray) -> tuple[torch.Tensor, torch.Tensor, np.ndarray]:
        """Lexeme of each place of some posts laid end to end (-1 in gaps), kinds of phrases, and their words."""
        bounds = self.words.bounds
        parts, gap = [], np.full(GAP, -1)
        for number in numbers.tolist():
            parts += [gap, np.arange(bounds[number], bounds[number + 1])]
        index = np.concatenate([*parts, gap])
        rows = np.where(index >= 0, self.rows[index], -1)
        return torch.from_numpy(rows), torch.from_numpy(np.where(index >= 0, self.phrases[index], 0)), index


class Net(nn.Module):
    def __init__(self, sizes: Sizes, vector_step: float, drop: Drop) -> None:
        super().__init__()
        self.vector_step, self.drop = vector_step, drop
        self.of_vectors = nn.Linear(256, sizes.code)
        self.of_flags = nn.Linear(_shapes.WIDTH, sizes.code, bias=False)
        self.affixes = nn.Embedding(sizes.affixes, sizes.code)
        nn.init.normal_(self.affixes.weight, std=0.05)
        self.first = nn.Linear(5 * (sizes.code + len(KINDS)), sizes.first)
        self.second = nn.Linear(3 * sizes.first, sizes.second)
        self.out = nn.Linear(sizes.second, len(data_.LABELS))

    def codes(self, vectors: torch.Tensor, flags: torch.Tensor, affixes: torch.Tensor) -> torch.Tensor:
        near = nn.functional.dropout((vectors * self.vector_step).clamp(-1, 1), self.drop.vectors, self.training)
        ends = self.affixes(affixes)
        if self.training:
            ends = ends * (torch.rand(affixes.shape) > self.drop.affixes)[:, :, None] / (1 - self.drop.affixes)
            near = near * (torch.rand(len(near), 1) >= self.drop.words)
            unlisted = torch.rand(len(flags), 1) < self.drop.lists
            flags = torch.cat([flags[:, : _shapes.SHAPES], flags[:, _shapes.SHAPES :] * ~unlisted], dim=1)
        kept = nn.functional.dropout(flags, self.drop.flags, self.training)
        return torch.relu(self.of_vectors(near) + self.of_flags(kept) + ends.sum(1))

    def scores(self, codes: torch.Tensor, phrases: torch.Tensor, inside: torch.Tensor) -> torch.Tensor:
        """(m, labels); `codes` with rows of zeros in gaps."""
        kinds = _PHRASE * nn.functional.one_hot(phrases, len(KINDS) + 1)[:, 1:].float()
        spread = torch.cat([codes, kinds], dim=1)
        spread = nn.functional.dropout(spread, self.drop.hidden, self.training)
        hidden = torch.relu(self.first(_windows(spread, 5))) * inside
        hidden = nn.functional.dropout(hidden, self.drop.hidden, self.training)
        hidden = torch.relu(self.second(_windows(hidden, 3)))
        return self.out(nn.functional.dropout(hidden, self.drop.hidden, self.training))

    def forward(self, rows: torch.Tensor, phrases: torch.Tensor, lexemes: dict[str, torch.Tensor]) -> torch.Tensor:
        used, places = torch.unique(rows, return_inverse=True)
        codes = self.codes(*(lexemes[name][used.clamp(0)] for name in ("vectors", "flags", "affixes")))
        codes = codes * (used >= 0)[:, None]
        return self.scores(codes[places], phrases, (rows >= 0)[:, None].float())


def _windows(rows: torch.Tensor, size: int) -> torch.Tensor:
    around = nn.functional.pad(rows, (0, 0, size // 2, size // 2))
    return torch.cat([around[place : place + len(rows)] for place in range(size)], dim=1)


def whole(net: Net, posts: Posts, lexemes: dict[str, torch.Tensor]) -> dict[str, np.ndarray]:
    """The weights as `Tagger` reads them. The posts show how high activations go."""
    with torch.no_grad():
        rows, phrases, _ = posts.flat(np.arange(len(posts.words.texts)))
        used = torch.unique(rows[rows >= 0])
        codes = net.codes(*(lexemes[name][used] for name in ("vectors", "flags", "affixes")))
        table = torch.zeros(int(used.max()) + 1, codes.shape[1])
        table[used] = codes
        inside = (rows >= 0)[:, None].float()
        spread = torch.cat([table[rows.clamp(0)] * inside, _PHRASE * nn.functional.one_hot(phrases, 4)[:, 1:]], dim=1)
        first = torch.relu(net.first(_windows(spread, 5))) * inside
        second = torch.relu(net.second(_windows(first, 3)))
    tops = {name: _top(values) for name, values in (("code", codes), ("first", first), ("second", second))}
    weights: dict[str, np.ndarray] = {"vector_step": np.float32(net.vector_step * HIGHEST)}
    code_step = tops["code"] / HIGHEST
    _put(weights, "vectors", net.of_vectors.weight, net.of_vectors.bias, 1 / HIGHEST, code_step)
    _put(weights, "flags", net.of_flags.weight, None, 1.0, code_step)
    _put(weights, "affixes", net.affixes.weight.T, None, 1.0, code_step)
    first_weight = net.first.weight.detach().clone().reshape(net.first.out_features, 5, -1)
    first_weight[:, :, -len(KINDS) :] *= _PHRASE / 64 / code_step
    _put(weights, "first", first_weight.flatten(1), net.first.bias, code_step, tops["first"] / HIGHEST)
    _put(weights, "second", net.second.weight, net.second.bias, tops["first"] / HIGHEST, tops["second"] / HIGHEST)
    _put(weights, "out", net.out.weight, net.out.bias, tops["second"] / HIGHEST, 1.0)
    return weights


def _top(values: torch.Tensor) -> float:
    """The highest activation that is kept apart: all but one in 10,000 are below it."""
    flat = values.flatten()
    flat = flat[flat > 0]
    return float(np.quantile(flat.numpy(), 0.9999))


def _put(weights, name: str, matrix: torch.Tensor, bias, step_in: float, step_out: float) -> None:
    """`matrix` is (out, in); kept is (in, out) in int8, with what its products are to be multiplied by."""
    values = matrix.detach().numpy().T
    scale = np.maximum(np.abs(values).max(axis=0), 1e-8) / HIGHEST
    weights[name] = np.rint(values / scale).astype(np.int8)
    weights[f"{name}_scales"] = (scale * step_in / step_out).astype(np.float32)
    weights[f"{name}_bias"] = np.zeros(len(scale), np.float32) if bias is None else (bias.detach().numpy() / step_out)


def found(tagger: Tagger, lexemes: Lexemes, posts: Posts, biases: Sequence[float]) -> list[list[list[Span]]]:
    """What the tagger as it ships finds, for each bias that is taken from the score of O."""
    used, places = np.unique(posts.rows, return_inverse=True)
    known = list(lexemes.numbers)
    spelled, tagged = zip(*(known[row] for row in used.tolist()), strict=True)
    codes = tagger.codes(spelled, tagged, lexemes.vectors[used])[places]
    scores = tagger.scores(posts.words.bounds, codes)
    result = []
    for bias in biases:
        scores[:, 0] -= bias
        result.append(tagger.chosen(posts.words, codes, scores))
        scores[:, 0] += bias
    return result
