"""How many people speak, whether a few make the excess, and what would be without the loudest of them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tocsin.alerts.explain.counting import Bools, Codes, Longs, copies
from tocsin.alerts.explain.slices import Sides
from tocsin.text import clean

FEW = 4
"""Accounts that may be called a few."""
LOUD = 3
"""Posts that make an account loud."""
LEAST_PART = 1 / 3
"""So much of the excess must be left out: without a few posts, what is only just unusual is usual."""


def voices(sides: Sides) -> dict[str, Any]:
    """Posts, authors and different texts of the window; the share that the four busiest wrote, and their share of the
    excess (None without one)."""
    rows = sides.now
    if not rows.num_rows:
        empty = {"posts": 0, "authors": 0, "texts": 0, "copies": 0}
        return empty | {"busiest_four_share": 0.0, "busiest_four_excess": None}
    now, then = sides.people.counts
    texts = int((sides.texts.counts[0] > 0).sum())
    busiest = int(np.sort(now)[-FEW:].sum())
    excess = sides.observed - sides.expected
    more = np.sort(now - then * sides.ratio)[-FEW:]
    part = float(more[more > 0].sum()) * sides.weight / excess if excess > 0 else None
    return {
        "posts": rows.num_rows,
        "authors": int((now > 0).sum()),
        "texts": texts,
        "copies": rows.num_rows - texts,
        "busiest_four_share": round(busiest / rows.num_rows, 3),
        "busiest_four_excess": None if part is None else round(min(part, 1.0), 3),
    }


def counterfactual(sides: Sides, high: float) -> dict[str, Any] | None:
    """What would not have been a spike, the least of it first: the window without the copies of one text, without all
    copies of one account's texts, without the posts of its busiest account, or of up to four.

    {"without": "copies", "reposts", "account" or "accounts", "uid", "source", "author", "author_id", "accounts" (how
    many), "posts", "left"}: `posts` left out, `left` in the window. None unless what is left would be usual.
    """
    excess = sides.observed - sides.expected
    if sides.observed < high or excess <= 0 or not sides.now.num_rows:
        return None
    for one in _left_out(sides):
        taken = float(one.rows.sum()) * sides.weight
        if sides.observed - taken < high and taken >= LEAST_PART * excess:
            return {
                "without": one.name,
                **_whose(sides, one),
                "accounts": one.accounts,
                "posts": round(taken),
                "left": round(sides.observed - taken),
            }
    return None


@dataclass(frozen=True)
class _LeftOut:
    """Rows of the window without which it is looked at; the text (a place in `texts`) or the person that they go
    back to."""

    name: str
    rows: Bools
    text: int | None = None
    person: int | None = None
    accounts: int = 1


def _left_out(sides: Sides) -> Iterator[_LeftOut]:
    texts, people = sides.texts, sides.people
    copied, origin = _copies(sides)
    by_text = np.bincount(texts.now[copied], minlength=len(texts.values))
    most = int(by_text.argmax())
    author = int(origin[most]) if origin[most] >= 0 else None
    yield _LeftOut("copies", copied & (texts.now == most), most, author)

    of = np.where(copied, origin[texts.now], -1)
    if (of >= 0).any():
        person = int(np.bincount(of[of >= 0]).argmax())
        yield _LeftOut("reposts", of == person, None, person)

    counts = people.counts[0]
    loudest = [int(place) for place in np.argsort(-counts, kind="stable")[:FEW] if counts[place] >= LOUD]
    for many in range(1, len(loudest) + 1):
        mine = np.isin(people.now, loudest[:many])
        if many == 1:
            yield _LeftOut("account", mine, None, loudest[0])
        elif not mine.all():
            yield _LeftOut("accounts", mine, accounts=many)


def _copies(sides: Sides) -> tuple[Bools, Longs]:
    """Which rows of the window copy another, and by text who wrote it first (-1: not known).

    Where the first is not among the rows, the first that is counts as no copy.
    """
    texts, people = sides.texts, sides.people
    origin: Longs = np.full(len(texts.values), -1)
    same = [pc.equal(rows.column("uid"), copies(rows)) for rows in (sides.then, sides.now)]
    old, new = (pc.fill_null(one, False).to_numpy() for one in same)
    origin[texts.then[old]] = people.then[old]
    origin[texts.now[new]] = people.now[new]
    copied: Bools = ~new
    seen, earliest = np.unique(texts.now, return_index=True)
    copied[earliest[origin[seen] < 0]] = False
    return copied, origin


def _whose(sides: Sides, one: _LeftOut) -> dict[str, Any]:
    found: dict[str, Any] = {"uid": None, "source": None, "author": None, "author_id": None}
    if one.text is not None:
        found["uid"] = sides.texts.values[one.text].as_py()
    if one.person is not None:
        row = _row_of(sides, sides.people, one.person)
        found |= {"source": row["source"], "author": clean(row["author_handle"] or "") or None}
        found["author_id"] = row["author_id"]
    return found


def _row_of(sides: Sides, codes: Codes, place: int) -> dict[str, Any]:
    for rows, mine in ((sides.now, codes.now == place), (sides.then, codes.then == place)):
        if mine.any():
            row: pa.Table = rows.slice(int(np.flatnonzero(mine)[0]), 1)
            found: dict[str, Any] = row.select(["source", "author_handle", "author_id"]).to_pylist()[0]
            return found
    raise AssertionError("a value that no row has")
