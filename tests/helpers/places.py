"""Posts with places: names in <angle brackets> are the entities of the type LOC."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa

from tocsin import records
from tocsin.model import Author, Place, Post

NOW = datetime(2026, 3, 1, tzinfo=UTC)
TEXT = ("London", "Toronto", "Ghent")


def post(text: str = "hello", *, location: str | None = None, place: Place | None = None) -> Post:
    author = None if location is None else Author(id="a", location=location)
    return Post(uid="news:1", source="news", id="1", text=text, received_at=NOW, author=author, place=place)


def batch_of(made: list[Post]) -> pa.RecordBatch:
    """The rows of posts, with `entities` and `language`."""
    rows, entities = [], []
    for seq, one in enumerate(made, start=1):
        plain, spans = _unmarked(one.text)
        row = dict(zip(records.ROW_SCHEMA.names, records.post_row(seq, one), strict=True)) | {"text": plain}
        rows.append(tuple(row.values()))
        entities.append(spans)
    batch = records.to_batch(rows)
    batch = batch.append_column(
        records.SCHEMA.field("entities"), pa.array(entities, records.SCHEMA.field("entities").type)
    )
    return batch.append_column(records.SCHEMA.field("language"), pa.array(["en"] * len(made), pa.string()))


def _unmarked(text: str) -> tuple[str, list[dict[str, Any]]]:
    plain, spans, at = "", [], 0
    for match in re.finditer("<(.*?)>", text):
        plain += text[at : match.start()]
        spans.append({"text": match[1], "type": "LOC", "start": len(plain), "end": len(plain) + len(match[1])})
        plain += match[1]
        at = match.end()
    return plain + text[at:], spans


def located(enricher: Any, *made: Post) -> list[dict[str, Any]]:
    """Each post's row with what the enricher fills."""
    batch = batch_of(list(made))
    filled = enricher.enrich(batch)
    for column in filled.values():
        assert len(column) == batch.num_rows
        column.validate(full=True)
    columns = batch.to_pydict() | {name: column.to_pylist() for name, column in filled.items()}
    return [{name: values[row] for name, values in columns.items()} for row in range(len(made))]
