"""Up to five posts to read, copies folded: the first, the most copied, and what is typical but unlike one another.

Typical is maximal marginal relevance (Carbonell and Goldstein, SIGIR 1998) over the words of each text, rare words
weighing more and new phrases most.
"""

from __future__ import annotations

import hashlib
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from tocsin.alerts.explain.counting import Longs, evenly
from tocsin.alerts.explain.phrases import said
from tocsin.text import clean, one_line, truncate

MOST = 5
MOST_COMPARED = 1_000
"""Texts among which the typical ones are chosen."""
RELEVANCE = 0.7
STEP = 10_000
"""Texts that are searched at once."""
WIDTH = 1024
"""Numbers that stand for the words of a text."""
LONGEST = 280

Row = Mapping[str, Any]
Floats = npt.NDArray[np.float32]


def representative(rows: pa.Table, texts: Longs, copies: Longs, wanted: Sequence[str]) -> list[dict[str, Any]]:
    """Posts to read, in order of time.

    `texts` are the places of the rows to choose from, in that order, each of which so many posts have; `wanted` are the
    new phrases. `role` is "first", "most_copied" or "typical".
    """
    if not texts.size:
        return []
    most = int(copies.argmax())
    roles = {most: "most_copied"} if copies[most] > 1 else {}
    roles.setdefault(_first(rows, texts, wanted), "first")
    places = np.union1d(evenly(texts.size, MOST_COMPARED), np.array(list(roles)))
    compared = rows.take(pa.array(texts[places])).to_pylist()
    chosen = np.flatnonzero(np.isin(places, list(roles))).tolist()
    typical = _typical(compared, copies[places], wanted, chosen)
    return [
        _shown(compared[place], int(copies[places[place]]), roles.get(int(places[place]), "typical"))
        for place in sorted([*chosen, *typical])
    ]


def _first(rows: pa.Table, texts: Longs, wanted: Sequence[str]) -> int:
    """The number of the first text that has a new phrase; 0 where none has."""
    for begin in range(0, texts.size, STEP):
        some = pa.array(texts[begin : begin + STEP])
        lower = pc.utf8_lower(pc.fill_null(rows.column("text").take(some), ""))
        telling = np.zeros(len(some), np.bool_)
        for phrase in wanted:
            telling |= pc.match_substring(lower, phrase).to_numpy()
        if telling.any():
            return begin + int(telling.argmax())
    return 0


def _typical(rows: Sequence[Row], copies: Longs, wanted: Sequence[str], chosen: Sequence[int]) -> list[int]:
    """The places of the rows that are most typical and least alike, beside those that are chosen."""
    vectors = _vectors(rows, wanted)
    centre = np.sqrt(copies).astype(np.float32) @ vectors
    relevance = vectors @ (centre / max(float(np.linalg.norm(centre)), 1e-9))
    relevance -= np.array([0.1 * bool(row["is_repost"]) for row in rows], np.float32)
    taken = list(chosen)
    while len(taken) < min(MOST, len(rows)):
        alike = (vectors @ vectors[taken].T).max(axis=1)
        worth = np.round(RELEVANCE * relevance - (1 - RELEVANCE) * alike, 5)
        worth[taken] = -np.inf
        taken.append(int(worth.argmax()))
    return taken[len(chosen) :]


def _vectors(rows: Sequence[Row], wanted: Sequence[str]) -> Floats:
    """A vector of length 1 for each text."""
    words = [said(row["text"] or "") for row in rows]
    often = Counter(word for own in words for word in own)
    vectors = np.zeros((len(rows), WIDTH), np.float32)
    for place, own in enumerate(words):
        for word in sorted(own):
            weight = math.log1p(len(rows) / often[word]) * (3.0 if word in wanted else 1.0)
            vectors[place, _slot(word)] += weight
    norms = np.linalg.norm(vectors, axis=1, keepdims=True)
    scaled: Floats = vectors / np.maximum(norms, 1e-9)
    return scaled


def _slot(word: str) -> int:
    return int.from_bytes(hashlib.blake2b(word.encode(), digest_size=4).digest()) % WIDTH


def _shown(row: Row, copies: int, role: str) -> dict[str, Any]:
    return {
        "uid": row["uid"],
        "source": row["source"],
        "author": clean(row["author_handle"] or "") or None,
        "author_id": row["author_id"],
        "at": row["event_time"].isoformat(),
        "url": row["url"],
        "text": truncate(one_line(clean(row["text"] or "")), LONGEST),
        "copies": copies,
        "role": role,
    }
