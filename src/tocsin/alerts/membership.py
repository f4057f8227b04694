"""Which posts a series holds: as SQL, and as a mask over rows."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tocsin.series import ALL_POSTS, COLUMNS, NOTHING

_LISTS = {"watch", "category"}
_WHO = "coalesce(author_id, uid)"
_HOUR = "date_trunc('hour', event_time)"
_OWN_WORDS = "NOT coalesce(is_repost, false) AND duplicate_of IS NULL"


def predicate(series: Mapping[str, str]) -> str:
    """The SQL condition on `events` that picks the rows of a series."""
    parts = []
    for dimension, value in series.items():
        if _is_everything(dimension, value):
            continue
        quoted = "'" + value.replace("'", "''") + "'"
        column = COLUMNS[dimension]
        if dimension == "category" and value == "other":
            parts.append("category = 'other'")
        elif dimension == "entity":
            parts.append(f"len(list_filter(entities, entity -> entity.text = {quoted})) > 0")
        elif dimension in _LISTS:
            parts.append(f"array_contains({column}, {quoted})")
        elif value == NOTHING.get(dimension):
            parts.append(f"coalesce({column}, {quoted}) = {quoted}")
        else:
            parts.append(f"{column} = {quoted}")
    return " AND ".join(parts) or "true"


def statement(series: Mapping[str, str], since: int, until: int, seq: int, measure: str = "mentions") -> str:
    """One SQL statement that gives the observed count again, from the table `events` as it was at row `seq`.

    It is understood by DuckDB and Spark; Athena and Trino say `contains` and `from_unixtime` for two of its functions,
    and `unnest`, which `new_phrases` needs, is `explode` in Spark.
    """
    counted = "kind IN ('post', 'erased') AND version = 1 AND NOT coalesce(backfilled, false)"
    rows = f"FROM events WHERE {counted} AND {predicate(series)}"
    window = f"event_time >= to_timestamp({since}) AND event_time < to_timestamp({until})"
    if measure == "voices":
        return _voices(f"source, {_WHO}, {_HOUR} {rows} AND {window} AND seq <= {seq} AND {_OWN_WORDS}")
    if measure != "new_phrases":
        return f"SELECT count(*) AS mentions {rows} AND {window} AND seq <= {seq}"
    words = f"seq, event_time, source, {_WHO} AS who, unnest(phrases) AS phrase"
    said = f"SELECT {words} {rows} AND seq <= {seq} AND {_OWN_WORDS}"
    first = "SELECT phrase, min_by(event_time, seq) AS heard, min_by(source || who, seq) AS first FROM said GROUP BY 1"
    new = "source || who <> first AND event_time < heard + INTERVAL 1 DAY"
    echoes = f"source, who, {_HOUR} FROM said JOIN firsts USING (phrase) WHERE {window} AND {new}"
    return f"WITH said AS ({said}), firsts AS ({first}) {_voices(echoes)}"


def _voices(distinct: str) -> str:
    return f"SELECT count(*) AS mentions FROM (SELECT DISTINCT {distinct}) AS voices"


def members(batch: pa.RecordBatch, series: Mapping[str, str]) -> pa.Array:
    """For each row of a batch, whether it counts in a series."""
    mask = pa.array(np.ones(batch.num_rows, dtype=np.bool_))
    for dimension, value in series.items():
        if _is_everything(dimension, value):
            continue
        column = batch.column(COLUMNS[dimension])
        if dimension == "entity":
            texts = pa.ListArray.from_arrays(column.offsets, column.values.field("text"), mask=column.is_null())
            mask = pc.and_(mask, _holds(texts, value, empty=False))
        elif dimension in _LISTS:
            mask = pc.and_(mask, _holds(column, value, empty=value == NOTHING.get(dimension)))
        else:
            mask = pc.and_(mask, pc.equal(pc.fill_null(column, NOTHING[dimension]), value))
    return mask


def _is_everything(dimension: str, value: str) -> bool:
    """Whether a value leaves no post out: the watch of a config that names none."""
    return dimension == "watch" and value == ALL_POSTS


def _holds(lists: pa.Array, value: str, *, empty: bool) -> pa.Array:
    """Which of the lists hold the value, or, with `empty`, hold nothing."""
    found = np.zeros(len(lists), dtype=np.bool_)
    owners = pc.list_parent_indices(lists).to_numpy(zero_copy_only=False)
    found[owners[pc.equal(pc.list_flatten(lists), value).to_numpy(zero_copy_only=False)]] = True
    if empty:
        lengths = pc.fill_null(pc.list_value_length(lists), 0)
        found |= pc.equal(lengths, 0).to_numpy(zero_copy_only=False)
    return pa.array(found)
