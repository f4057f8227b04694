"""The views over the lake, as SQL that any DuckDB of version 1 can run."""

from __future__ import annotations

from collections.abc import Sequence

import pyarrow as pa

from tocsin.records import SCHEMA

HIDDEN = ("kind", "uid_hash", "until", "note", "signature")
"""Columns of `events` that say nothing about a post."""

CHANGES = """
CREATE OR REPLACE TEMP TABLE _changes AS
SELECT seq, kind, note, uid, version, source, author_id FROM events
WHERE kind = 'delete' OR (kind = 'post' AND version > 1);
"""
"""Edits and deletes, few among many: DuckDB, which cannot know that, would else hold all posts in memory for a join."""

_POSTS = f"""
CREATE OR REPLACE TEMP VIEW posts AS
SELECT post.* EXCLUDE ({", ".join(HIDDEN)}) FROM events AS post"""

_UNCHANGED = "\nWHERE post.kind = 'post';"

_CHANGED = """
LEFT JOIN (
  SELECT uid, max(version) AS version FROM _changes WHERE kind = 'post' GROUP BY ALL
) AS edit ON edit.uid = post.uid
LEFT JOIN (
  SELECT uid, max(seq) AS seq FROM _changes WHERE kind = 'delete' AND note = 'post' GROUP BY ALL
) AS forget ON forget.uid = post.uid
LEFT JOIN (
  SELECT source, author_id, max(seq) AS seq FROM _changes WHERE kind = 'delete' AND note = 'author' GROUP BY ALL
) AS leave ON leave.source = post.source AND leave.author_id = post.author_id
WHERE post.kind = 'post'
  AND coalesce(edit.version <= post.version, true)
  AND coalesce(forget.seq < post.seq, true)
  AND coalesce(leave.seq < post.seq, true);"""

OTHERS = """
CREATE OR REPLACE TEMP VIEW phrases AS
SELECT uid, event_time, unnest(phrases) AS phrase FROM posts;
CREATE OR REPLACE TEMP VIEW entities AS
SELECT uid, event_time, entity.text AS text, entity.type AS type, entity.start AS start, entity."end" AS "end"
FROM (SELECT uid, event_time, unnest(entities) AS entity FROM posts);
CREATE OR REPLACE TEMP VIEW gaps AS
SELECT source, stream, event_time AS start, until AS "end", split_part(note, ':', 1) AS state,
  nullif(trim(substr(note, length(split_part(note, ':', 1)) + 2)), '') AS note
FROM events WHERE kind = 'gap';
"""

_SIMPLE: dict[pa.DataType, str] = {
    pa.bool_(): "BOOLEAN",
    pa.int32(): "INTEGER",
    pa.int64(): "BIGINT",
    pa.float32(): "FLOAT",
    pa.float64(): "DOUBLE",
    pa.string(): "VARCHAR",
    pa.binary(): "BLOB",
    pa.timestamp("us", tz="UTC"): "TIMESTAMPTZ",
}


def define(files: Sequence[str]) -> str:
    """The statements for all views over these files of the lake."""
    return f"{events(files)}{CHANGES}{posts(changed=True)}{OTHERS}"


def events(files: Sequence[str]) -> str:
    """The statement for `events`, all rows of the lake."""
    return f"CREATE OR REPLACE TEMP VIEW events AS {_select(files)};"


def posts(*, changed: bool) -> str:
    """The statement for `posts`; much faster where there are no `_changes`."""
    return _POSTS + (_CHANGED if changed else _UNCHANGED)


def _select(files: Sequence[str]) -> str:
    if not files:
        columns = ", ".join(f'NULL::{_sql_type(field.type)} AS "{field.name}"' for field in SCHEMA)
        return f"SELECT {columns} WHERE false"
    return f"SELECT * FROM read_parquet({text_list(files)}, hive_partitioning = true, hive_types_autocast = false)"


def text_list(values: Sequence[str]) -> str:
    """A list of texts as an SQL literal."""
    quoted = ("'" + value.replace("'", "''") + "'" for value in values)
    return f"[{', '.join(quoted)}]"


def _sql_type(kind: pa.DataType) -> str:
    if pa.types.is_map(kind):
        return f"MAP({_sql_type(kind.key_type)}, {_sql_type(kind.item_type)})"
    if pa.types.is_list(kind):
        return f"{_sql_type(kind.value_type)}[]"
    if pa.types.is_struct(kind):
        members = (f'"{field.name}" {_sql_type(field.type)}' for field in kind)
        return f"STRUCT({', '.join(members)})"
    return _SIMPLE[kind]
