"""Invented posts of a window and of the day before it, to be explained."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pyarrow as pa

from tocsin.alerts.explain import COLUMNS, Case, Sides
from tocsin.alerts.explain.counting import folded
from tocsin.alerts.explain.posts import representative
from tocsin.alerts.explain.slices import slices as found_slices
from tocsin.records import SCHEMA

START = datetime(2026, 3, 2, 8, tzinfo=UTC)


def row(number: int, text: str = "my parcel is late", **values: Any) -> dict[str, Any]:
    base = {
        "seq": number, "uid": f"news:{number}", "event_time": START + timedelta(seconds=number), "source": "news",
        "language": "en", "country": None, "author_id": f"a{number}", "author_handle": f"user{number}",
        "cluster_id": f"news:{number}", "is_repost": False, "text": text, "url": None,
    }  # fmt: skip
    return base | values


def usual(count: int = 200, seed: int = 0) -> list[dict[str, Any]]:
    chance = random.Random(seed)
    words = ["parcel", "late", "thanks", "price", "staff", "today", "order", "where", "help", "again"]
    return [
        row(n, " ".join(chance.sample(words, 4)), source=chance.choice(["news", "blogs"]),
            language=chance.choice(["en", "de"]))
        for n in range(count)
    ]  # fmt: skip


def sides(rows: list[dict[str, Any]], before: list[dict[str, Any]], expected: float = 20) -> Sides:
    schema = pa.schema([SCHEMA.field(name) for name in COLUMNS])
    now, then = (
        pa.Table.from_pylist([dict.fromkeys(COLUMNS) | one for one in some], schema) for some in (rows, before)
    )
    return Sides(now, then, len(rows), expected)


def slices(rows: list[dict[str, Any]], before: list[dict[str, Any]], expected: float = 20) -> list[dict[str, Any]]:
    return found_slices(sides(rows, before, expected))[0]


def read(rows: list[dict[str, Any]], wanted: list[str]) -> list[dict[str, Any]]:
    """The posts of `rows` to read."""
    side = sides(rows, [])
    places, copies = folded(side.now, side.texts.now, np.arange(side.now.num_rows))
    return representative(side.now, places, copies, wanted)


def case(rows: list[dict[str, Any]], before: list[dict[str, Any]], began: datetime = START, **values: Any) -> Case:
    return Case(sides(rows, before), **({"high": 30, "began": began, "direction": "up", "context": {}} | values))
