"""The table of the lake: its schema, and events turned into its rows.

Every offset of the queue becomes exactly one row, so nothing can go missing unseen. `kind` says what the row is:

    post        a post (the view `posts` shows these, newest version only, deleted ones left out)
    duplicate   an event whose post was already there; the row has no content
    delete      a demand to forget `uid`, or all posts of `author_id`
    gap         `source` was blind from `event_time` to `until`
    heartbeat   `source` was healthy and complete up to `event_time`
    dead        an event that could not be processed; its body is in the dead letters
    erased      a post that was deleted: no content, no author, no uid, but still counted where it was
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import xxhash

from tocsin.model import Delete, Gap, Heartbeat, Post

TIME = pa.timestamp("us", tz="UTC")
_WORDS = pa.list_(pa.string())
_SCORES = pa.map_(pa.string(), pa.float32())
_ENTITY = pa.struct([("text", pa.string()), ("type", pa.string()), ("start", pa.int32()), ("end", pa.int32())])
PLACE = pa.struct(
    [
        ("name", pa.string()),
        ("level", pa.string()),
        ("country", pa.string()),
        ("lat", pa.float64()),
        ("lon", pa.float64()),
        ("confidence", pa.float32()),
    ]
)
"""A place as `stated_place` and `about_place` hold it."""

EVENT_FIELDS = [
    pa.field("seq", pa.int64(), nullable=False),
    pa.field("kind", pa.string(), nullable=False),
    pa.field("event_time", TIME, nullable=False),
    pa.field("uid", pa.string()),
    pa.field("uid_hash", pa.int64()),
    pa.field("source", pa.string(), nullable=False),
    pa.field("stream", pa.string()),
    pa.field("id", pa.string()),
    pa.field("url", pa.string()),
    pa.field("created_at", TIME),
    pa.field("received_at", TIME),
    pa.field("until", TIME),
    pa.field("author_id", pa.string()),
    pa.field("author_handle", pa.string()),
    pa.field("author_name", pa.string()),
    pa.field("author_location", pa.string()),
    pa.field("title", pa.string()),
    pa.field("text", pa.string()),
    pa.field("claimed_language", pa.string()),
    pa.field("reply_to", pa.string()),
    pa.field("repost_of", pa.string()),
    pa.field("quote_of", pa.string()),
    pa.field("media", pa.int32()),
    pa.field("is_repost", pa.bool_()),
    pa.field("version", pa.int32()),
    pa.field("backfilled", pa.bool_()),
    pa.field("note", pa.string()),
    pa.field("raw", pa.string()),
]
"""Columns that come with the event. `media` counts pictures and films; `raw` is what the source sent, if it kept it."""

ENRICHED_FIELDS = [
    pa.field("hashtags", _WORDS),
    pa.field("mentions", _WORDS),
    pa.field("urls", _WORDS),
    pa.field("language", pa.string()),
    pa.field("language_score", pa.float32()),
    pa.field("watches", _WORDS),
    pa.field("category", pa.string()),
    pa.field("categories", _WORDS),
    pa.field("category_scores", _SCORES),
    pa.field("sentiment", pa.string()),
    pa.field("sentiment_scores", _SCORES),
    pa.field("phrases", _WORDS),
    pa.field("entities", pa.list_(_ENTITY)),
    pa.field("place_name", pa.string()),
    pa.field("place_level", pa.string()),
    pa.field("country", pa.string()),
    pa.field("lat", pa.float64()),
    pa.field("lon", pa.float64()),
    pa.field("place_origin", pa.string()),
    pa.field("place_confidence", pa.float32()),
    pa.field("stated_place", PLACE),
    pa.field("about_place", PLACE),
    pa.field("cluster_id", pa.string()),
    pa.field("duplicate_of", pa.string()),
    pa.field("signature", pa.binary()),
    pa.field("model", pa.string()),
    pa.field("sentiment_model", pa.string()),
    pa.field("entities_model", pa.string()),
]
"""Columns that enrichers fill. Before them, hashtags, mentions, urls and place hold what the platform said.

`model`, `sentiment_model` and `entities_model` name the model that gave the categories, the sentiment and the
entities, and behind it what is to be known of the answer (`enrichers/_answers.py`).
"""

DAY = pa.field("day", pa.string(), nullable=False)
"""The partition: the UTC day of `event_time`, "2026-11-22"."""

SCHEMA = pa.schema([*EVENT_FIELDS, *ENRICHED_FIELDS, DAY])

TOMBSTONE = 0
"""The `version` under which the identity of a deleted post is kept."""

EARLIEST = datetime(1990, 1, 1, tzinfo=UTC)
AHEAD = timedelta(minutes=5)
BEHIND = timedelta(days=7)


def event_time(created: datetime | None, received: datetime, *, live: bool) -> datetime | None:
    """The time a post counts at, or None where there is no believable one.

    A live post counts at `created` if that is within [received - 7 d, received + 5 min], else at `received`.
    An archived one has only `created`, which must lie between 1990 and five minutes from now.

    >>> now = datetime(2026, 11, 22, tzinfo=UTC)
    >>> event_time(datetime(1970, 1, 1, tzinfo=UTC), now, live=True) == now
    True
    >>> event_time(datetime(1970, 1, 1, tzinfo=UTC), now, live=False) is None
    True
    """
    if live:
        believed = created is not None and received - BEHIND <= created <= received + AHEAD
        return created if believed else received
    if created is None or not EARLIEST <= created <= received + AHEAD:
        return None
    return created


def uid_hash(uid: str, version: int = 1) -> int:
    """64 bits (signed) of a post's content identity, for de-duplication.

    Ten million of them collide with a chance of about 3 in a million.
    """
    return xxhash.xxh3_64_intdigest(f"{uid}#{version}".encode()) - (1 << 63)


Row = tuple[Any, ...]
_EVENT_NAMES = [field.name for field in EVENT_FIELDS]
_PLATFORM_NAMES = [
    *("hashtags", "mentions", "urls"),
    *("place_name", "place_level", "country", "lat", "lon", "place_origin", "place_confidence"),
]
_ROW_NAMES = [*_EVENT_NAMES, *_PLATFORM_NAMES]
ROW_SCHEMA = pa.schema([SCHEMA.field(name) for name in _ROW_NAMES])
_NO_PLACE: tuple[None, ...] = (None,) * 7


def post_row(seq: int, post: Post, identity: int | None = None) -> Row:
    """A post as a row of `ROW_SCHEMA`; `identity` is its `uid_hash`, if that is known already."""
    author, place = post.author, post.place
    reply = repost = quote = None
    for ref in post.refs:
        if ref.type == "reply":
            reply = ref.id
        elif ref.type == "repost":
            repost = ref.id
        elif ref.type == "quote":
            quote = ref.id
    where: tuple[Any, ...] = _NO_PLACE
    if place is not None:
        where = (place.name, place.level, place.country, place.lat, place.lon, place.origin, place.confidence)
    return (
        seq,
        "post",
        post.event_time or post.created_at or post.received_at,
        post.uid,
        uid_hash(post.uid, post.version) if identity is None else identity,
        post.source,
        post.stream,
        post.id,
        post.url,
        post.created_at,
        post.received_at,
        None,
        author.id if author else None,
        author.handle if author else None,
        author.name if author else None,
        author.location if author else None,
        post.title,
        post.text,
        post.lang,
        reply,
        repost,
        quote,
        len(post.media),
        repost is not None,
        post.version,
        post.backfilled,
        None,
        post.raw,
        post.hashtags,
        post.mentions,
        post.urls,
        *where,
    )


def _bare_row(seq: int, kind: str, time: datetime, **values: Any) -> Row:
    row = dict.fromkeys(_ROW_NAMES)
    row.update(seq=seq, kind=kind, event_time=time, **values)
    return tuple(row.values())


def other_row(seq: int, event: Delete | Gap | Heartbeat, received: datetime) -> Row:
    """A delete, gap or heartbeat as a row of `ROW_SCHEMA`; `received` stands in where the event has no time."""
    if isinstance(event, Delete):
        return _bare_row(
            seq, "delete", event.at or received, source=event.source, uid=event.uid,
            uid_hash=None if event.uid is None else uid_hash(event.uid, TOMBSTONE),
            author_id=event.author_id, id=event.up_to_id, note=event.scope,
        )  # fmt: skip
    if isinstance(event, Gap):
        note = event.state if event.note is None else f"{event.state}: {event.note}"
        return _bare_row(seq, "gap", event.start, source=event.source, stream=event.stream, until=event.end, note=note)
    return _bare_row(seq, "heartbeat", event.at, source=event.source, stream=event.stream)


def duplicate_row(seq: int, post: Post) -> Row:
    return _bare_row(
        seq, "duplicate", post.event_time or post.created_at or post.received_at, uid=post.uid, source=post.source,
        version=post.version, received_at=post.received_at,
    )  # fmt: skip


def erased_row(seq: int, post: Post) -> Row:
    """What is left of a post that was deleted before it came: that there was one, and when."""
    return _bare_row(
        seq, "erased", post.event_time or post.created_at or post.received_at, source=post.source,
        uid_hash=uid_hash(post.uid, post.version), version=post.version, backfilled=post.backfilled,
    )  # fmt: skip


def dead_row(seq: int, time: datetime, source: str = "", note: str | None = None) -> Row:
    return _bare_row(seq, "dead", time, source=source, note=note)


def to_batch(rows: Sequence[Row]) -> pa.RecordBatch:
    """Rows as one Arrow batch of `ROW_SCHEMA`."""
    columns = zip(*rows, strict=True) if rows else ([] for _ in _ROW_NAMES)
    arrays = [pa.array(column, type=field.type) for column, field in zip(columns, ROW_SCHEMA, strict=True)]
    return pa.RecordBatch.from_arrays(arrays, schema=ROW_SCHEMA)


def complete(batch: pa.RecordBatch) -> pa.Table:
    """A batch with the columns of `ROW_SCHEMA` and some of those that enrichers fill, as a table of `SCHEMA`."""
    day = pc.strftime(batch.column("event_time"), format="%Y-%m-%d")
    have = dict(zip(batch.schema.names, batch.columns, strict=True)) | {"day": day}
    arrays = [have[field.name] if field.name in have else pa.nulls(batch.num_rows, field.type) for field in SCHEMA]
    return pa.Table.from_arrays(arrays, schema=SCHEMA)


def posts_only(batch: pa.RecordBatch) -> pa.RecordBatch:
    return batch.filter(pc.equal(batch.column("kind"), "post"))
