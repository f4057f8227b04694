"""What the index keeps of a post: words to be searched, values to be counted, and the post as pages show it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

import msgspec
import pyarrow as pa
import tantivy
import xxhash

from tocsin import records
from tocsin.posts import documents
from tocsin.rules import Document

LAYOUT = 1
"""Counted up when an index made by an older Tocsin is to be made anew."""

VALUES = (
    *("source", "watch", "category", "language", "sentiment", "country", "place", "author"),
    *("phrase", "entity", "hashtag", "cluster"),
)
"""What posts can be counted and filtered by. Posts may have several of a kind."""

COLUMNS = (
    *("seq", "kind", "event_time", "uid", "source", "id", "url", "author_id", "author_handle", "author_name"),
    *(
        "author_location",
        "title",
        "text",
        "version",
        "note",
        "is_repost",
        "reply_to",
        "quote_of",
        "media",
        "backfilled",
    ),
    *("hashtags", "mentions", "urls", "language", "watches", "category", "categories", "category_scores", "sentiment"),
    *("sentiment_scores", "phrases", "entities", "place_name", "place_level", "country", "lat", "lon", "place_origin"),
    *("place_confidence", "cluster_id", "duplicate_of"),
)
"""What the index reads of the lake."""

LONGEST = 4_000
"""Characters of a text that are kept to be shown; all of its words are searched."""


class Entity(msgspec.Struct, frozen=True):
    text: str
    type: str
    start: int
    end: int


class Found(msgspec.Struct, frozen=True):
    """A post as pages show it. Times in Unix seconds, scores 0 to 1, `lat` and `lon` in degrees."""

    seq: int
    uid: str
    time: float
    source: str
    url: str | None
    author: str | None
    author_name: str | None
    stated_place: str | None
    title: str | None
    text: str
    language: str | None
    watches: list[str]
    categories: list[str]
    category_scores: dict[str, float]
    sentiment: str | None
    phrases: list[str]
    entities: list[Entity]
    hashtags: list[str]
    place: str | None
    place_level: str | None
    country: str | None
    lat: float | None
    lon: float | None
    place_confidence: float | None
    cluster: str | None
    duplicate_of: str | None
    is_repost: bool
    backfilled: bool


_encode = msgspec.json.Encoder(decimal_format="number").encode
_decode = msgspec.json.Decoder(Found).decode


def schema() -> tantivy.Schema:
    """`words`, `urls`: in order, for phrases; `keys`: whatever else a rule can ask for; `turn`: newest last; `spot`: a
    place with all that a map needs; `draw`: by chance, 0 to 63."""
    made = tantivy.SchemaBuilder()
    for number in ("seq", "time", "turn", "draw"):
        made.add_integer_field(number, indexed=True, fast=True)
    for text in ("words", "urls"):
        made.add_text_field(text, tokenizer_name="whitespace", index_option="position")
    for name in ("keys", "uid", "writer"):
        made.add_text_field(name, tokenizer_name="raw", index_option="basic")
    for name in (*VALUES, "spot"):
        made.add_text_field(name, fast=True, tokenizer_name="raw", index_option="basic")
    made.add_bytes_field("post", stored=True)
    return made.build()


def found(document: tantivy.Document) -> Found:
    """The post that a document of the index shows."""
    stored = document.get_first("post")
    assert stored is not None
    return _decode(bytes(stored))


def turn(time: int, seq: int) -> int:
    """A number that orders posts by time (Unix seconds), and by arrival within a second.

    >>> turn(60, 5) < turn(60, 6) < turn(61, 1)
    True
    """
    return (time << 30) + (seq & ((1 << 30) - 1))


def writer(source: str, author: str) -> str:
    """Whom a demand to forget an author names."""
    return f"{source}\0{author}"


def indexed(posts: pa.RecordBatch) -> Iterator[tantivy.Document]:
    """A document of the index for each of the posts, rows of `COLUMNS`."""
    for row, seen in zip(posts.to_pylist(maps_as_pydicts="lossy"), documents(posts), strict=True):
        yield _document(row, seen)


def _document(row: dict[str, Any], seen: Document) -> tantivy.Document:
    made = tantivy.Document()
    made.add_integer("seq", row["seq"])
    time = int(row["event_time"].timestamp())
    made.add_integer("time", time)
    made.add_integer("turn", turn(time, row["seq"]))
    made.add_integer("draw", xxhash.xxh3_64_intdigest(row["uid"].encode()) % 64)
    made.add_text("uid", row["uid"])
    if row["author_id"]:
        made.add_text("writer", writer(row["source"], row["author_id"]))
    made.add_text("words", " ".join(seen.words))
    if seen.urls:
        made.add_text("urls", " ".join(seen.url_words))
    for key in seen.keys.difference(seen.words):
        if not key.startswith("url:"):
            made.add_text("keys", key)
    for name, values in _values(row):
        for value in values:
            made.add_text(name, value)
    made.add_bytes("post", _encode(_found(row)))
    return made


def _values(row: dict[str, Any]) -> Iterator[tuple[str, set[str]]]:
    yield "source", {row["source"]}
    yield "watch", set(row["watches"] or ())
    yield "category", set(row["categories"] or [row["category"] or "other"])
    for name, column in (
        ("language", "language"),
        ("sentiment", "sentiment"),
        ("country", "country"),
        ("place", "place_name"),
        ("author", "author_handle"),
        ("cluster", "cluster_id"),
    ):
        if row[column]:
            yield name, {row[column]}
    if row["place_name"]:
        where = (row["place_level"], row["country"], row["lat"], row["lon"], row["place_name"])
        yield "spot", {"\t".join("" if part is None else str(part) for part in where)}
    yield "phrase", set(row["phrases"] or ())
    yield "hashtag", set(row["hashtags"] or ())
    yield "entity", {entity["text"] for entity in row["entities"] or ()}


def _found(row: dict[str, Any]) -> Found:
    time: datetime = row["event_time"]
    return Found(
        row["seq"], row["uid"], time.timestamp(), row["source"], row["url"], row["author_handle"] or row["author_id"],
        row["author_name"], row["author_location"], row["title"], (row["text"] or "")[:LONGEST], row["language"],
        row["watches"] or [], row["categories"] or [], row["category_scores"] or {}, row["sentiment"],
        row["phrases"] or [], [Entity(**entity) for entity in row["entities"] or ()], row["hashtags"] or [],
        row["place_name"], row["place_level"], row["country"], row["lat"], row["lon"], row["place_confidence"],
        row["cluster_id"], row["duplicate_of"], bool(row["is_repost"]), bool(row["backfilled"]),
    )  # fmt: skip


assert set(COLUMNS) <= set(records.SCHEMA.names)
