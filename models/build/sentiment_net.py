"""The sentiment network in torch, to be trained; `tocsin.models._sentiment` runs the same in whole numbers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from tocsin.models._sentiment import PART, paired, turned
from tocsin.models._sentiment_words import features
from tocsin.models._table import Table
from tocsin.models._words import split

CODES, WIDTH, LINEAR, PAIRS, FILTERS = 2**15, 32, 2**16, 2**17, 64
VECTOR_UNIT = 900.0  # about a coordinate's size in a word's vector, which has whole numbers
WORD_DROPOUT, PAIR_DROPOUT, CODE_DROPOUT, POOL_DROPOUT, TEXT_DROPOUT = 0.5, 0.5, 0.3, 0.4, 0.2

Ints = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Corpus:
    """Texts as rows of a list of distinct words, and what is known of each of these."""

    rows: Ints
    bounds: Ints
    hashes: torch.Tensor
    hash_bounds: torch.Tensor
    forms: npt.NDArray[np.float32]
    negates: npt.NDArray[np.bool_]
    ends: npt.NDArray[np.bool_]
    vectors: torch.Tensor


def corpus(texts: Sequence[str], table: Table) -> Corpus:
    words = split(texts)
    _, first, rows = np.unique(words.keys, return_index=True, return_inverse=True)
    spelled = [words.spelled(place) for place in first]
    tagged = words.tagged[first].tolist()
    found = features(spelled, tagged, table.pieces)
    return Corpus(
        rows=rows,
        bounds=words.bounds,
        hashes=torch.from_numpy((found.hashes % np.uint64(2**31)).astype(np.int64)),
        hash_bounds=torch.from_numpy(found.bounds),
        forms=(found.forms % np.uint64(2**24)).astype(np.float32),
        negates=found.negates,
        ends=found.ends,
        vectors=torch.from_numpy(table.words(spelled, tagged)),
    )


class Net(nn.Module):
    """Logits (n, 3) of some texts of the corpus."""

    def __init__(self, known: Corpus) -> None:
        super().__init__()
        self._known = known
        self.codes = nn.Embedding(CODES, WIDTH)
        self.linear = nn.Embedding(LINEAR, 6)
        self.pairs = nn.Embedding(PAIRS, 3)
        self.projection = nn.Linear(256, WIDTH, bias=False)
        self.filters = nn.Linear(3 * (WIDTH + 2), FILTERS)
        self.output = nn.Linear(2 * FILTERS, 3, bias=False)
        self.direction = nn.Linear(256, 3)
        nn.init.normal_(self.codes.weight, std=0.05)
        nn.init.normal_(self.projection.weight, std=0.02)
        for zero in (self.linear, self.pairs, self.output, self.direction):
            nn.init.zeros_(zero.weight)

    def forward(self, texts: Ints) -> torch.Tensor:
        known = self._known
        lengths = np.minimum(np.diff(known.bounds)[texts], PART)
        owners = np.repeat(np.arange(len(texts)), lengths)
        within = np.arange(len(owners)) - np.repeat(np.cumsum(lengths) - lengths, lengths)
        rows = known.rows[known.bounds[:-1][texts][owners] + within]
        negates = known.negates[rows]
        is_turned = turned(negates, known.ends[rows], within == 0)
        distinct, places = np.unique(rows, return_inverse=True)
        owner, place = torch.from_numpy(owners), torch.from_numpy(places)

        codes, linear = self._words(torch.from_numpy(distinct))
        added = torch.where(torch.from_numpy(is_turned)[:, None], linear[place, 3:], linear[place, :3])
        pairs = self.pairs(torch.from_numpy(paired(known.forms[rows], PAIRS).astype(np.int64)))
        pairs = pairs * torch.from_numpy(within[1:] > 0)[:, None] * self._kept(len(pairs), PAIR_DROPOUT)
        logits = torch.zeros(len(texts), 3).index_add(0, owner, added).index_add(0, owner[:-1], pairs)

        sums = torch.zeros(len(texts), 256).index_add(0, owner, known.vectors[torch.from_numpy(rows)])
        direction = nn.functional.dropout(nn.functional.normalize(sums, dim=1), TEXT_DROPOUT, self.training)
        logits = logits + 4 * self.direction(direction)

        flags = torch.from_numpy(np.stack([is_turned, negates], axis=1).astype(np.float32))
        seen = torch.cat([nn.functional.dropout(codes[place], CODE_DROPOUT, self.training), flags], dim=1)
        longest = int(lengths.max(initial=1))
        grid = torch.zeros(len(texts) * (longest + 2), WIDTH + 2)
        grid = grid.index_copy(0, owner * (longest + 2) + torch.from_numpy(within) + 1, seen)
        grid = grid.view(len(texts), longest + 2, -1)
        hidden = self.filters(torch.cat([grid[:, :-2], grid[:, 1:-1], grid[:, 2:]], dim=2)).relu()
        length = torch.from_numpy(lengths)
        hidden = hidden * (torch.arange(longest) < length[:, None])[:, :, None]
        mean = hidden.sum(1) / length.clamp(min=4).sqrt()[:, None]
        pooled = torch.cat([hidden.max(1).values, mean], dim=1)
        found: torch.Tensor = logits + self.output(nn.functional.dropout(pooled, POOL_DROPOUT, self.training))
        return found

    @torch.inference_mode()
    def largest_code(self) -> float:
        """Of all distinct words of the corpus, but for one value in ten thousand."""
        codes, _ = self._words(torch.arange(len(self._known.forms)))
        return float(np.quantile(codes.abs().numpy(), 0.9999))

    def _words(self, distinct: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """(k, WIDTH) codes and (k, 6) linear values of distinct words."""
        known = self._known
        starts, counts = known.hash_bounds[distinct], known.hash_bounds[distinct + 1] - known.hash_bounds[distinct]
        owner = torch.repeat_interleave(torch.arange(len(distinct)), counts)
        hashes = known.hashes[torch.arange(len(owner)) - (counts.cumsum(0) - counts)[owner] + starts[owner]]
        kept = self._kept(len(hashes), WORD_DROPOUT)
        codes = torch.zeros(len(distinct), WIDTH).index_add(0, owner, self.codes(hashes % CODES) * kept)
        linear = torch.zeros(len(distinct), 6).index_add(0, owner, self.linear(hashes % LINEAR) * kept)
        vectors = nn.functional.dropout(known.vectors[distinct] / VECTOR_UNIT, CODE_DROPOUT, self.training)
        return codes + self.projection(vectors), linear

    def _kept(self, count: int, dropout: float) -> torch.Tensor:
        return nn.functional.dropout(torch.ones(count, 1), dropout, self.training)
