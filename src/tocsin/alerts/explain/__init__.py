"""Why: what the excess is made of, the words that are new, the posts to read, how many people speak.

Everything is computed from the rows of the incident's window and those of the week before it, once, when the incident
is opened, and stored with it. Each file answers one question; `words` puts the strongest answers into sentences.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tocsin.alerts.explain.counting import Longs, evenly, folded, taken
from tocsin.alerts.explain.lifted import lifted, sentiment
from tocsin.alerts.explain.phrases import phrases
from tocsin.alerts.explain.posts import MOST as MOST_POSTS
from tocsin.alerts.explain.posts import representative
from tocsin.alerts.explain.slices import Sides, slices
from tocsin.alerts.explain.voices import counterfactual, voices
from tocsin.alerts.explain.words import why

COLUMNS = [
    "seq", "uid", "event_time", "watches", "source", "language", "country", "sentiment", "category", "author_id",
    "author_handle", "cluster_id", "is_repost", "text", "url", "entities", "place_name",
]  # fmt: skip
"""What `explain` wants of each row."""

READ = [name for name in COLUMNS if name not in {"entities", "place_name", "watches"}]
MOST_READ = 4_000
"""Posts of each side whose words are read, copies folded."""

LIFTED = {"entities": "entities", "places": "place_name", "sources": "source", "languages": "language"}
"""What is looked at for values that are named more often than usual: name, column."""

__all__ = ["COLUMNS", "Case", "Sides", "explain"]


@dataclass(frozen=True)
class Case:
    """What is to be explained: the posts of both sides; a window that had and should have had so many, with the least
    number that is unusual; since when; which way; and what is known of its surroundings."""

    sides: Sides
    high: float
    began: datetime
    direction: str
    context: dict[str, Any]


def explain(case: Case) -> dict[str, Any]:
    """The explanation of an incident, in the shape of `alerts list --json`.

    Words and posts are those since it began, where there are enough. It depends on the rows alone, not on their order.
    """
    sides = case.sides
    rows = sides.now
    texts, copies = folded(rows, sides.texts.now, _since(rows, case.began))
    before, _ = folded(sides.then, sides.texts.then, evenly(sides.then.num_rows, MOST_READ))
    words = phrases(taken(rows.select(READ), texts, MOST_READ), taken(sides.then.select(READ), before, MOST_READ))
    wanted = [str(word["phrase"]) for word in words]
    parts, broad = slices(sides)
    found = {
        "slices": parts,
        "broad": broad,
        "phrases": words,
        **{name: [] if column in sides.fixed else lifted(sides, column) for name, column in LIFTED.items()},
        "sentiment": sentiment(sides),
        "posts": representative(rows.select(READ), texts, copies, wanted),
        "voices": voices(sides),
        "counterfactual": counterfactual(sides, case.high) if case.direction == "up" else None,
        **case.context,
    }
    return {"why": why(found, case.direction), **found}


def _since(rows: pa.Table, began: datetime) -> Longs:
    """The places of the rows since then, or of all, where these are few."""
    inside = pc.greater_equal(rows.column("event_time"), pa.scalar(began, rows.schema.field("event_time").type))
    places: Longs = np.flatnonzero(inside.to_numpy())
    return places if places.size >= MOST_POSTS else np.arange(rows.num_rows)
