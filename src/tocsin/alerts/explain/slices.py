"""Which posts the excess is made of: the few slices that tell best what changed, and the rest, summing to 100 %.

A slice is one value of one to three attributes (watch, source, language, country, sentiment, category), one author, or
one text with all its copies. The best one is named, its posts are taken out, and the next is looked for. What a slice
is worth is how much better its posts are told by a rate of their own, less a price for each attribute, less what its
parts differ among themselves: a cause lifts its parts alike (the ripple effect). All posts together compete too: where
they win, the rise is broad and no slice is blamed.

Sources: HotSpot (Sun et al., IEEE Access 2018), Squeeze (Li et al., ISSRE 2019); a mistaken part is taken for the whole
with excess shares alone, as in Adtributor (Bhagwan et al., NSDI 2014).
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tocsin.alerts.explain.counting import Bools, Codes, Doubles, Longs, authors, copies, gain, ordered
from tocsin.text import clean

ATTRIBUTES = ("watch", "source", "language", "country", "sentiment", "category")
MOST = 5
MOST_ATTRIBUTES = 3
LEAST_SHARE = 0.1
ENOUGH = 0.85
"""So much of the excess explained is enough."""
DISPERSION = 2.0
PRICE = 3.0
LEAST_SCORE = 3.0
LEAST_LIFT = 1.5


@dataclass(frozen=True)
class Sides:
    """Posts of the window and of before. `observed` and `expected` say how many the window had and should have had, of
    which the rows may be a part; in `fixed` attributes all are alike. The rows' order does not matter."""

    now: pa.Table
    then: pa.Table
    observed: float
    expected: float
    fixed: frozenset[str] = frozenset()

    def __post_init__(self) -> None:
        object.__setattr__(self, "now", ordered(self.now))
        object.__setattr__(self, "then", ordered(self.then))

    @property
    def weight(self) -> float:
        """Posts that a row of the window stands for."""
        return self.observed / max(int(self.now.num_rows), 1)

    @cached_property
    def people(self) -> Codes:
        return authors(self.now, self.then)

    @cached_property
    def texts(self) -> Codes:
        return Codes.of(copies(self.now), copies(self.then))

    @property
    def ratio(self) -> float:
        """Rows that the window should have for each row of before."""
        usual = self.then.num_rows * self.weight
        return float(self.expected / usual) if usual else 0.0


@dataclass(frozen=True)
class _Found:
    """A slice: its attributes, the rows in it, and how well it tells what changed."""

    where: tuple[tuple[str, str], ...]
    now: Bools
    then: Bools
    score: float


def slices(sides: Sides) -> tuple[list[dict[str, Any]], bool]:
    """The slices, greatest share first, "rest" last, shares summing to 100; and whether the change is broad.

    Each is {"dimension", "value", "where", "share" (per cent of the excess), "posts", "lift" (share over its usual
    share; None: it is new), "surprise" (how far its parts of what was expected and of what came are apart: the
    Jensen-Shannon term of Adtributor, in nats)}. A fall is told the same way: the share is that of what is missing.
    """
    excess = sides.observed - sides.expected
    kept_now, kept_then = np.ones(sides.now.num_rows, np.bool_), np.ones(sides.then.num_rows, np.bool_)
    found: list[dict[str, Any]] = []
    explained, broad = 0.0, False
    if sides.ratio > 0 and excess:
        cube = _Cube(sides)
        while len(found) < MOST and explained < ENOUGH * 100:
            best = cube.best(kept_now, kept_then)
            if best is None or not best.where:
                broad = best is not None and not found
                break
            found.append(_told(best, sides))
            explained += found[-1]["share"]
            kept_now &= ~best.now
            kept_then &= ~best.then
    found.sort(key=lambda one: (-one["share"], one["value"]))
    left = 1000 - sum(round(10 * one["share"]) for one in found)
    rest = {"dimension": "rest", "value": "", "where": {}, "share": left / 10}
    posts = round(float(kept_now.sum()) * sides.weight)
    return [*found, rest | {"posts": posts, "lift": None, "surprise": None}], broad


def _attribute(rows: pa.Table, name: str) -> pa.ChunkedArray:
    """The column of an attribute; of several watches, their names together."""
    return pc.binary_join(rows.column("watches"), "+") if name == "watch" else rows.column(name)


def _told(slice: _Found, sides: Sides) -> dict[str, Any]:
    posts = float(slice.now.sum()) * sides.weight
    usual = float(slice.then.sum()) * sides.ratio * sides.weight
    share = (posts - usual) / (sides.observed - sides.expected)
    lift = None if not usual else round(share / (usual / sides.expected), 1)
    names = [name for name, _ in slice.where]
    told = {
        "dimension": "+".join(names),
        "value": " + ".join(value for _, value in slice.where),
        "where": dict(slice.where),
        "share": round(100 * share, 1),
        "posts": round(posts),
        "lift": lift,
        "surprise": _surprise(usual / sides.expected if sides.expected else 0.0, posts / max(sides.observed, 1e-9)),
    }
    if names == ["author_handle"]:
        told |= _author(slice, sides)
    return told


def _surprise(expected: float, seen: float) -> float:
    """The Jensen-Shannon term of a slice whose part of what was expected and of what was seen these are."""
    parts = [part * math.log(2 * part / (expected + seen)) for part in (expected, seen) if part > 0]
    return round(sum(parts) / 2, 4)


def _author(slice: _Found, sides: Sides) -> dict[str, Any]:
    """Who an author is whose code stands in the slice: the name that people know, and what tells it from others."""
    rows, mine = (sides.now, slice.now) if slice.now.any() else (sides.then, slice.then)
    one = rows.slice(int(np.flatnonzero(mine)[0]), 1).select(["source", "author_id", "author_handle"]).to_pylist()[0]
    name = clean(one["author_handle"] or slice.where[0][1])
    known = {"source": one["source"], "author_id": one["author_id"]}
    return {"value": name, "where": {"author_handle": name}} | known


class _Cube:
    """Rows as cells of equal attributes, and by author and text."""

    def __init__(self, sides: Sides) -> None:
        self._ratio, self._up = sides.ratio, sides.observed > sides.expected
        self._least = LEAST_SHARE * abs(sides.observed - sides.expected) / sides.weight
        self._names = [name for name in ATTRIBUTES if name not in sides.fixed]
        self._codes = [
            self._frequent(_attribute(sides.now, name), _attribute(sides.then, name)) for name in self._names
        ]
        self._carriers = {"author_handle": sides.people, "cluster_id": sides.texts}
        mixed: Longs = np.zeros(sides.now.num_rows + sides.then.num_rows, np.int64)
        for codes in self._codes:
            mixed = mixed * (len(codes.names) + 1) + np.concatenate((codes.now, codes.then)) + 1
        cells, owners = np.unique(mixed, return_inverse=True)
        self._owner_now, self._owner_then = owners[: sides.now.num_rows], owners[sides.now.num_rows :]
        self._parts: list[Longs] = []
        for codes in reversed(self._codes):
            self._parts.insert(0, cells % (len(codes.names) + 1) - 1)
            cells = cells // (len(codes.names) + 1)

    def _frequent(self, now: pa.ChunkedArray, then: pa.ChunkedArray) -> Codes:
        """A column as numbers, where values that are too rare for a slice count as none."""
        codes = Codes.of(now, then)
        y, b = codes.counts
        kept = np.flatnonzero(np.maximum(y, self._ratio * b) >= self._least)
        places = np.full(len(codes.values) + 1, -1)
        places[kept] = np.arange(kept.size)
        return Codes(places[codes.now], places[codes.then], codes.values.take(pa.array(kept)))

    @cached_property
    def _groupings(self) -> dict[tuple[int, ...], _Grouping]:
        """By each set of attributes, and of one more, for what slices differ in."""
        every = range(len(self._names))
        sets = [chosen for many in range(MOST_ATTRIBUTES + 2) for chosen in combinations(every, many)]
        size = len(self._parts[0])
        return {chosen: _Grouping.of([self._parts[place] for place in chosen], size) for chosen in sets}

    def best(self, now: Bools, then: Bools) -> _Found | None:
        """The slice of these rows that tells best what changed; without attributes: all of them."""
        found = [one for one in (*self._carried(now, then), *self._cut(now, then)) if one.score >= LEAST_SCORE]
        return max(found, key=lambda one: (one.score, one.where), default=None)

    def _carried(self, now: Bools, then: Bools) -> Iterator[_Found]:
        """The one author and the one text that are worth most; among so many, one must be worth more."""
        for name, codes in self._carriers.items():
            sides = ((codes.now, now), (codes.then, then))
            y, b = (np.bincount(side[kept], minlength=len(codes.values)).astype(float) for side, kept in sides)
            price = PRICE + math.log(max(len(codes.values), 1))
            score = np.where(self._eligible(y, b), gain(y, b, self._ratio) / DISPERSION - price, -np.inf)
            if score.size and np.isfinite(score.max()):
                place = int(score.argmax())
                mine = (now & (codes.now == place), then & (codes.then == place))
                yield _Found(((name, codes.values[place].as_py()),), *mine, float(score[place]))

    def _eligible(self, y: Doubles, b: Doubles) -> Bools:
        usual = self._ratio * b
        excess = y - usual if self._up else usual - y
        lifted = y >= LEAST_LIFT * usual if self._up else usual >= LEAST_LIFT * y
        eligible: Bools = (excess >= self._least) & lifted
        return eligible

    def _cut(self, now: Bools, then: Bools) -> Iterator[_Found]:
        """The best slice of each set of attributes, the empty one included."""
        size = len(self._parts[0])
        y = np.bincount(self._owner_now[now], minlength=size).astype(float)
        b = np.bincount(self._owner_then[then], minlength=size).astype(float)
        groups = {chosen: grouping.counted(y, b) for chosen, grouping in self._groupings.items()}
        for chosen in [one for one in groups if len(one) <= MOST_ATTRIBUTES]:
            best = self._best_of(chosen, groups)
            if best is not None:
                mine, score = best
                where = tuple((self._names[place], self._codes[place].names[self._parts[place][mine][0]])
                              for place in chosen)  # fmt: skip
                cells = np.zeros(size, np.bool_)
                cells[mine] = True
                yield _Found(where, now & cells[self._owner_now], then & cells[self._owner_then], score)

    def _best_of(self, chosen: tuple[int, ...], groups: dict[tuple[int, ...], _Groups]) -> tuple[Longs, float] | None:
        own = groups[chosen]
        eligible = self._eligible(own.y, own.b) & own.of.whole if chosen else np.ones(1, np.bool_)
        if not eligible.any():
            return None
        ripple = np.zeros(own.y.size)
        rate = own.y / np.maximum(own.b, 0.5)
        for further in range(len(self._names)):
            if further not in chosen and len(chosen) < len(self._names):
                finer = groups[tuple(sorted((*chosen, further)))]
                above = own.of.owner[finer.of.first]
                np.maximum.at(ripple, above, gain(finer.y, finer.b, rate[above]))
        score = (gain(own.y, own.b, self._ratio) - ripple) / DISPERSION - PRICE * len(chosen)
        score = np.where(eligible, score, -np.inf)
        place = int(score.argmax())
        return np.flatnonzero(own.of.owner == place), float(score[place])


@dataclass(frozen=True)
class _Grouping:
    """Cells grouped by some attributes: the group of each cell, a cell of each group, and which groups have a value
    everywhere."""

    owner: Longs
    first: Longs
    whole: Bools

    @classmethod
    def of(cls, parts: list[Longs], size: int) -> _Grouping:
        mixed: Longs = np.zeros(size, np.int64)
        whole = np.ones(size, np.bool_)
        for part in parts:
            mixed = mixed * (int(part.max(initial=-1)) + 2) + part + 1
            whole &= part >= 0
        _, first, owner = np.unique(mixed, return_index=True, return_inverse=True)
        return cls(owner, first, whole[first])

    def counted(self, y: Doubles, b: Doubles) -> _Groups:
        sums: list[Doubles] = [np.bincount(self.owner, weights=side).astype(np.float64) for side in (y, b)]
        return _Groups(self, sums[0], sums[1])


@dataclass(frozen=True)
class _Groups:
    """Counts of each group, now and then."""

    of: _Grouping
    y: Doubles
    b: Doubles
