"""The posts of the user's own stream, read from the lake: copies folded, thinned evenly, scored."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from tocsin import posts, records
from tocsin.component import Context, Lake
from tocsin.enrichers.category import Category, Config, Definition
from tocsin.understanding import Judgement

NEWEST = 100_000
"""How many rows are looked at, from the newest back."""
BATCH_ROWS = 4096
COLUMNS = [
    *("seq", "kind", "event_time", "uid", "source", "author_id", "author_handle", "title", "text", "language"),
    *("hashtags", "mentions", "urls", "country", "place_origin", "is_repost", "reply_to", "quote_of", "media"),
    *("categories", "cluster_id", "duplicate_of", "watches"),
]


@dataclass(frozen=True)
class Scored:
    """How well each of `names` fits each post: `scores` (n, k), NaN where the model does not know the language."""

    names: tuple[str, ...]
    scores: npt.NDArray[np.float32]
    usual: npt.NDArray[np.float32]
    """(k,) the thresholds of the model itself."""
    model: str

    @property
    def known(self) -> npt.NDArray[np.bool_]:
        """(n,) whether there are scores at all."""
        return np.array([bool(np.isfinite(row).all()) for row in self.scores], np.bool_)


def read(lake: Lake, most: int, *, since: datetime | None = None, newest: bool = False) -> tuple[pa.Table, int]:
    """Up to `most` posts, in order, no two of one cluster, and how many there were to take them from.

    They are taken evenly from the newest rows, or are the `newest` of all.
    """
    batches = lake.rows(COLUMNS, after_seq=lake.last_seq() - (4 * most if newest else NEWEST), since=since)
    found = [_distinct(records.posts_only(batch)) for batch in batches]
    table = pa.Table.from_batches(found) if found else _empty()
    heads = ~_repeated(table.column("cluster_id").to_pylist())
    table = table.filter(pa.array(heads))
    if table.num_rows <= most:
        return table, table.num_rows
    if newest:
        return table.slice(table.num_rows - most), table.num_rows
    picked = np.floor(np.arange(most) * (table.num_rows / most)).astype(np.int64)
    return table.take(pa.array(picked)), table.num_rows


def _empty() -> pa.Table:
    return records.SCHEMA.empty_table().select(COLUMNS)


def _distinct(batch: pa.RecordBatch) -> pa.RecordBatch:
    return batch.filter(pc.is_null(batch.column("duplicate_of")))


def _repeated(clusters: Sequence[str | None]) -> npt.NDArray[np.bool_]:
    seen: set[str] = set()
    found = np.zeros(len(clusters), np.bool_)
    for place, cluster in enumerate(clusters):
        if cluster is not None:
            found[place] = cluster in seen
            seen.add(cluster)
    return found


def batches(table: pa.Table) -> Iterator[pa.RecordBatch]:
    yield from table.combine_chunks().to_batches(BATCH_ROWS)


def score(
    definitions: Sequence[Definition], texts: Sequence[str], languages: Sequence[str | None], context: Context
) -> Scored:
    """What the embedded model makes of posts, for every category, also for those that the config knows by a rule."""
    bare = [one.model_copy(update={"match": None, "threshold": None, "learned": {}}) for one in definitions]
    enricher = Category(Config(categories=tuple(bare)), context)
    rows, made = enricher.scores(texts, languages)
    nothing = np.full(len(bare), np.nan, np.float32)
    scores = np.array([nothing if row is None else row.scores for row in rows], np.float32).reshape(
        len(rows), len(bare)
    )
    model = next((name for name, row in zip(made, rows, strict=True) if row is not None), "")
    usual = next((row.thresholds for row in rows if row is not None), nothing)
    return Scored(tuple(one.name for one in bare), scores, usual, model)


def score_table(definitions: Sequence[Definition], table: pa.Table, context: Context) -> Scored:
    parts = [
        score(definitions, posts.texts(batch), batch.column("language").to_pylist(), context)
        for batch in batches(table)
    ]
    if not parts:
        return score(definitions, [], [], context)
    told = next((part for part in parts if part.model), parts[0])
    return replace(told, scores=np.concatenate([part.scores for part in parts]))


def as_read(judgements: Sequence[Judgement]) -> tuple[list[str], list[str | None]]:
    """Texts and languages of judged posts."""
    return [one.text for one in judgements], [one.language for one in judgements]
