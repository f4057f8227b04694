"""Whether the cause of a rise is named first: invented posts with planted causes, whose truth is known.

Four kinds: one cause of one to three attributes, two causes at once, an account or a copied text that makes the excess,
and a broad rise, of which no slice is to be blamed. Beside it, in the same run, Adtributor, and the slices with the
greatest share of the excess among single attributes, as dashboards show them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pyarrow as pa

from tocsin.alerts.explain.counting import Codes
from tocsin.alerts.explain.slices import Sides, slices
from tocsin.evaluate._adtributor import adtributor

START = datetime(2026, 3, 2, 8, tzinfo=UTC)
SIZES = {"source": 5, "language": 6, "country": 12, "sentiment": 3, "category": 6}
CARRIERS = [*SIZES, "author_handle", "cluster_id"]
KINDS = ("one cause", "two causes", "a few loud", "broad")

Where = Mapping[str, str]


@dataclass(frozen=True)
class Planted:
    """Posts of both sides, and what is to be named: one set of attributes for each cause, none for a broad rise."""

    kind: str
    sides: Sides
    causes: tuple[Where, ...]


@dataclass(frozen=True)
class Setting:
    """How the posts are made: `excess` of so many (and, to `double` it, as many as are usual), and in so large a part
    of them the language `follows` the country."""

    excess: tuple[int, int] = (60, 400)
    double: bool = True
    follows: float = 0.0


def run(cases: int = 200, seed: int = 1) -> dict[str, Any]:
    """The share of cases whose cause is named first (all of them, for two), and in which shares sum to 100."""
    right: Counter[str] = Counter()
    many: Counter[str] = Counter()
    plain: Counter[str] = Counter()
    adtributed: Counter[str] = Counter()
    summed = 0
    for number in range(cases):
        case = planted(number, seed)
        parts, broad = slices(case.sides)
        many[case.kind] += 1
        right[case.kind] += _named(case, [part["where"] for part in parts[:-1]], broad=broad)
        plain[case.kind] += _named(case, _plain(case.sides), broad=False)
        adtributed[case.kind] += _named(case, adtributor(case.sides, CARRIERS), broad=False)
        summed += round(sum(part["share"] for part in parts), 6) == 100
    return {
        "cases": cases,
        **_shares(right, many),
        "shares_sum_to_100": summed / cases,
        "adtributor": _shares(adtributed, many),
        "greatest_single_share": _shares(plain, many),
        "language_follows_country": _ours(cases, seed, Setting(follows=0.7)),
        "few_posts": _ours(cases, seed, Setting(excess=(20, 60), double=False)),
    }


def _ours(cases: int, seed: int, setting: Setting) -> dict[str, float]:
    """The same shares for cases that are harder."""
    right: Counter[str] = Counter()
    many: Counter[str] = Counter()
    for number in range(cases):
        case = planted(number, seed, setting)
        parts, broad = slices(case.sides)
        many[case.kind] += 1
        right[case.kind] += _named(case, [part["where"] for part in parts[:-1]], broad=broad)
    return _shares(right, many)


def _shares(right: Counter[str], many: Counter[str]) -> dict[str, float]:
    every = {"named_first": sum(right.values()) / sum(many.values())}
    return every | {kind: right[kind] / many[kind] for kind in KINDS if many[kind]}


def _named(case: Planted, found: Sequence[Where], *, broad: bool) -> bool:
    if not case.causes:
        return broad or not found
    first = found[: len(case.causes)]
    return len(first) == len(case.causes) and all(dict(cause) in [dict(one) for one in first] for cause in case.causes)


def _plain(sides: Sides) -> list[Where]:
    """Single attributes by their share of the excess: those of half of it or more, greatest first."""
    found = []
    for name in CARRIERS:
        codes = Codes.of(sides.now.column(name), sides.then.column(name))
        now, then = codes.counts
        share = (now * sides.weight - then * sides.ratio * sides.weight) / (sides.observed - sides.expected)
        found += [
            (float(share[place]), {name: value}) for place, value in enumerate(codes.names) if share[place] >= 0.4
        ]
    return [where for _, where in sorted(found, key=lambda one: -one[0])]


def planted(number: int, seed: int, setting: Setting = Setting()) -> Planted:
    """One case, the same for the same number and seed."""
    random = np.random.default_rng([seed, number])
    kind = KINDS[number % len(KINDS)] if number % 5 else "one cause"
    usual = {name: random.dirichlet(np.full(size, 2.0)) for name, size in SIZES.items()}
    before = int(random.integers(600, 6000))
    base = _posts(random, usual, random.poisson(before / 24))
    then = _posts(random, usual, before)
    excess = int(random.integers(*setting.excess)) + setting.double * base.num_rows
    causes, added = _cause(random, kind, usual, excess)
    now = pa.concat_tables([base, *added])
    if setting.follows:
        now, then = (_following(random, side, setting.follows, causes) for side in (now, then))
    return Planted(kind, Sides(now, then, now.num_rows, before / 24), causes)


def _cause(
    random: np.random.Generator, kind: str, usual: Mapping[str, Any], excess: int
) -> tuple[tuple[Where, ...], list[pa.Table]]:
    if kind == "broad":
        return (), [_posts(random, usual, excess)]
    if kind == "a few loud":
        name = str(random.choice(["author_handle", "cluster_id"]))
        home = {"source": f"source{random.integers(SIZES['source'])}"} if name == "author_handle" else {}
        return ({name: "loud"},), [_posts(random, usual, excess, {name: "loud", **home})]
    many = 1 if kind == "one cause" else 2
    names = random.permutation(list(SIZES))
    causes: list[Where] = []
    for place in range(many):
        most = 3 if many == 1 else 2
        mine = names[place * 2 : place * 2 + int(random.integers(1, most + 1))]
        causes.append({name: f"{name}{random.integers(SIZES[name])}" for name in mine})
    return tuple(causes), [_posts(random, usual, excess // many, cause) for cause in causes]


def _following(random: np.random.Generator, rows: pa.Table, part: float, causes: tuple[Where, ...]) -> pa.Table:
    """The posts with a language that goes with their country, but for those whose language is planted."""
    said, countries = rows.column("language").to_pylist(), rows.column("country").to_pylist()
    kept = {cause["language"] for cause in causes if "language" in cause}
    found = [
        f"language{int(country[7:]) % SIZES['language']}" if follows and language not in kept else language
        for language, country, follows in zip(said, countries, random.random(rows.num_rows) < part, strict=True)
    ]
    return rows.set_column(rows.column_names.index("language"), "language", pa.array(found))


def _posts(random: np.random.Generator, usual: Mapping[str, Any], many: int, fixed: Where | None = None) -> pa.Table:
    own = random.integers(0, 10**9, many)
    columns: dict[str, list[Any]] = {
        name: [f"{name}{value}" for value in random.choice(SIZES[name], many, p=weights)]
        for name, weights in usual.items()
    }
    columns |= {name: [value] * many for name, value in (fixed or {}).items()}
    columns.setdefault("author_handle", [f"user{number % 5000}" for number in own.tolist()])
    columns["watches"] = [["acme"]] * many
    columns["seq"] = own.tolist()
    columns["author_id"] = columns["author_handle"]
    columns["uid"] = [f"post{number}" for number in own.tolist()]
    columns.setdefault("cluster_id", columns["uid"])
    columns["event_time"] = [START + timedelta(seconds=int(number % 3600)) for number in own.tolist()]
    return pa.table({name: pa.array(columns[name]) for name in sorted(columns)})
