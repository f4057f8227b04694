"""What is named more often than usual: entities and places; and how the mood has shifted."""

from __future__ import annotations

from itertools import islice
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tocsin.alerts.explain.counting import Codes, Longs, gain
from tocsin.alerts.explain.slices import Sides
from tocsin.text import clean

MOST = 5
LEAST_GAIN, LEAST_LIFT, LEAST_AUTHORS = 6.0, 1.5, 3


def lifted(sides: Sides, column: str) -> list[dict[str, Any]]:
    """Values of `column` that the window has more of than its growth explains, from at least 3 authors.

    {"value", "share" (of the window's posts, per cent), "usual" (the same before)}, most remarkable first.
    """
    if column not in sides.now.column_names or not sides.now.num_rows or not sides.then.num_rows:
        return []
    (owners, values), (_, usual) = (_values(side, column) for side in (sides.now, sides.then))
    codes = Codes.of(values, usual)
    now, then = (counts.astype(float) for counts in codes.counts)
    grown = sides.now.num_rows / sides.then.num_rows
    worth = np.where(now >= LEAST_LIFT * grown * then, gain(now, then, grown), 0.0)
    best = sorted(np.flatnonzero(worth >= LEAST_GAIN).tolist(), key=lambda place: (-worth[place], codes.names[place]))
    told = (place for place in best if np.unique(sides.people.now[owners[codes.now == place]]).size >= LEAST_AUTHORS)
    return [
        {
            "value": clean(codes.names[place]),
            "share": round(100 * float(now[place]) / sides.now.num_rows, 1),
            "usual": round(100 * float(then[place]) / sides.then.num_rows, 1),
        }
        for place in islice(told, MOST)
    ]


def _values(rows: pa.Table, column: str) -> tuple[Longs, pa.ChunkedArray]:
    """The column's values, each once a row, and the places of their rows."""
    flat = rows.column(column)
    if not pa.types.is_list(flat.type):
        return np.arange(rows.num_rows), flat
    flat = flat.combine_chunks()
    owners, texts = pc.list_parent_indices(flat), pc.list_flatten(flat)
    if pa.types.is_struct(texts.type):
        texts = texts.field("text")
    pairs = pa.table({"owner": owners, "text": texts}).group_by(["owner", "text"], use_threads=False).aggregate([])
    return pairs.column("owner").to_numpy().astype(np.int64), pairs.column("text")


def sentiment(sides: Sides) -> dict[str, Any] | None:
    """{"negative", "usual_negative"}: per cent of the posts that have a sentiment; None where too few have."""
    parts = []
    for rows in (sides.now, sides.then):
        moods = pc.drop_null(rows.column("sentiment"))
        if len(moods) < LEAST_AUTHORS:
            return None
        parts.append(100 * (pc.sum(pc.equal(moods, "negative")).as_py() or 0) / len(moods))
    return {"negative": round(parts[0], 1), "usual_negative": round(parts[1], 1)}
