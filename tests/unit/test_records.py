"""Events as rows of the lake: one each, with the right time, and nothing left over of what was deleted."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pyarrow as pa
import pytest

from tocsin import records
from tocsin.model import Author, Delete, Gap, Heartbeat, Media, Place, Post, Ref

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
POST = Post(
    uid="news:1", source="news", id="1", text="the bell rings", received_at=NOW, created_at=NOW - timedelta(minutes=1),
    url="https://example.com/1", author=Author(id="a1", handle="ann", name="Ann", location="Oslo"), title="Bell",
    lang="en",
    place=Place(name="Oslo", country="NO", lat=59.9, lon=10.7, level="city", origin="post_place", confidence=0.5),
    hashtags=("bell",), mentions=("ben",), urls=("https://example.com/a",), media=(Media("image"), Media("video")),
    refs=(Ref("reply", "news:7"), Ref("quote", "news:8"), Ref("root", "news:6")), version=2, stream="main",
    backfilled=True, raw="{}",
)  # fmt: skip


def rows(*given: records.Row) -> list[dict[str, Any]]:
    return list(records.to_batch(given).to_pylist())


def told(row: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in row.items() if value is not None}


@pytest.mark.parametrize(
    ("created", "live", "expected"),
    [
        (timedelta(minutes=-3), True, timedelta(minutes=-3)),
        (timedelta(days=-7), True, timedelta(days=-7)),
        (timedelta(days=-7, seconds=-1), True, timedelta()),
        (timedelta(minutes=5), True, timedelta(minutes=5)),
        (timedelta(minutes=5, seconds=1), True, timedelta()),
        (None, True, timedelta()),
        (timedelta(days=-8000), False, timedelta(days=-8000)),
        (timedelta(minutes=5), False, timedelta(minutes=5)),
        (timedelta(minutes=5, seconds=1), False, None),
        (records.EARLIEST - NOW, False, records.EARLIEST - NOW),
        (records.EARLIEST - NOW - timedelta(seconds=1), False, None),
        (None, False, None),
    ],
)
def test_a_time_is_believed_within_bounds_only(
    created: timedelta | None, live: bool, expected: timedelta | None
) -> None:
    found = records.event_time(None if created is None else NOW + created, NOW, live=live)
    assert found == (None if expected is None else NOW + expected)


def test_a_post_fills_every_column_that_it_has_a_value_for() -> None:
    (row,) = rows(records.post_row(5, POST))
    assert told(row) == {
        "seq": 5, "kind": "post", "event_time": POST.created_at, "uid": "news:1",
        "uid_hash": records.uid_hash("news:1", 2), "source": "news", "stream": "main", "id": "1",
        "url": "https://example.com/1", "created_at": POST.created_at, "received_at": NOW, "author_id": "a1",
        "author_handle": "ann", "author_name": "Ann", "author_location": "Oslo", "title": "Bell",
        "text": "the bell rings", "claimed_language": "en", "reply_to": "news:7", "quote_of": "news:8", "media": 2,
        "is_repost": False, "version": 2, "backfilled": True, "raw": "{}", "hashtags": ["bell"], "mentions": ["ben"],
        "urls": ["https://example.com/a"], "place_name": "Oslo", "place_level": "city", "country": "NO", "lat": 59.9,
        "lon": 10.7, "place_origin": "post_place", "place_confidence": 0.5,
    }  # fmt: skip


def test_a_bare_post_counts_when_it_was_received_and_has_no_author_nor_place() -> None:
    bare = Post(uid="news:2", source="news", id="2", text="", received_at=NOW)
    (row,) = rows(records.post_row(1, bare))
    assert row["event_time"] == NOW
    assert [row[name] for name in ("author_id", "country", "place_origin", "created_at")] == [None] * 4
    assert (row["text"], row["hashtags"], row["media"], row["is_repost"]) == ("", [], 0, False)


def test_the_time_set_at_intake_goes_before_the_others() -> None:
    moved = msgspec.structs.replace(POST, event_time=NOW - timedelta(days=1))
    made = (records.post_row(1, moved), records.duplicate_row(2, moved), records.erased_row(3, moved))
    assert {row["event_time"] for row in rows(*made)} == {NOW - timedelta(days=1)}


def test_a_repost_is_told_by_its_reference() -> None:
    (row,) = rows(records.post_row(1, msgspec.structs.replace(POST, refs=(Ref("repost", "news:9"),))))
    assert (row["is_repost"], row["repost_of"], row["reply_to"]) == (True, "news:9", None)


def test_an_identity_that_is_known_is_not_made_again() -> None:
    assert rows(records.post_row(1, POST, 42))[0]["uid_hash"] == 42


def test_versions_of_a_post_and_the_mark_of_its_deletion_are_different_identities() -> None:
    found = {records.uid_hash("news:1", version) for version in (records.TOMBSTONE, 1, 2)}
    assert len(found | {records.uid_hash("news:2")}) == 4
    assert records.uid_hash("news:1") == records.uid_hash("news:1", 1) == -6_157_107_459_371_839_734
    assert all(-(1 << 63) <= one < 1 << 63 for one in found)


@pytest.mark.parametrize(
    ("event", "expected"),
    [
        (
            Delete(source="news", uid="news:1", at=NOW),
            {"kind": "delete", "event_time": NOW, "source": "news", "uid": "news:1", "note": "post",
             "uid_hash": records.uid_hash("news:1", records.TOMBSTONE)},
        ),
        (
            Delete(source="news", author_id="a1", up_to_id="99", scope="author"),
            {"kind": "delete", "event_time": NOW, "source": "news", "author_id": "a1", "id": "99", "note": "author"},
        ),
        (
            Gap(source="news", stream="main", start=NOW - timedelta(hours=2), end=NOW - timedelta(hours=1)),
            {"kind": "gap", "event_time": NOW - timedelta(hours=2), "until": NOW - timedelta(hours=1), "source": "news",
             "stream": "main", "note": "open"},
        ),
        (
            Gap(source="news", stream="main", start=NOW, end=NOW, state="lost", note="cable"),
            {"kind": "gap", "event_time": NOW, "until": NOW, "source": "news", "stream": "main",
             "note": "lost: cable"},
        ),
        (
            Heartbeat(source="news", stream="main", at=NOW - timedelta(minutes=1)),
            {"kind": "heartbeat", "event_time": NOW - timedelta(minutes=1), "source": "news", "stream": "main"},
        ),
    ],
)  # fmt: skip
def test_what_is_no_post_is_a_row_too(event: Delete | Gap | Heartbeat, expected: dict[str, Any]) -> None:
    assert told(rows(records.other_row(3, event, NOW))[0]) == {"seq": 3, **expected}


def test_a_duplicate_and_a_deleted_post_leave_no_content() -> None:
    duplicate, erased, dead = rows(
        records.duplicate_row(1, POST), records.erased_row(2, POST), records.dead_row(3, NOW, "news", "bad")
    )
    assert told(duplicate) == {
        "seq": 1, "kind": "duplicate", "event_time": POST.created_at, "uid": "news:1", "source": "news", "version": 2,
        "received_at": NOW,
    }  # fmt: skip
    assert told(erased) == {
        "seq": 2, "kind": "erased", "event_time": POST.created_at, "source": "news", "version": 2, "backfilled": True,
        "uid_hash": records.uid_hash("news:1", 2),
    }  # fmt: skip
    assert told(dead) == {"seq": 3, "kind": "dead", "event_time": NOW, "source": "news", "note": "bad"}


def test_no_rows_are_an_empty_batch_of_the_same_schema() -> None:
    assert records.to_batch([]).schema == records.ROW_SCHEMA
    assert records.complete(records.to_batch([])).schema == records.SCHEMA


def test_a_batch_is_completed_to_the_tables_schema_with_its_utc_day() -> None:
    late = msgspec.structs.replace(POST, created_at=datetime(2026, 3, 1, 23, 59, 59, 999_999, tzinfo=UTC))
    batch = records.to_batch([records.post_row(1, late), records.post_row(2, POST)])
    batch = batch.append_column(records.SCHEMA.field("language"), pa.array(["en", None], pa.string()))
    table = records.complete(batch)
    assert table.schema == records.SCHEMA
    assert table.column("day").to_pylist() == ["2026-03-01", "2026-03-02"]
    assert table.column("language").to_pylist() == ["en", None]
    assert table.column("cluster_id").null_count == 2


def test_only_posts_are_posts() -> None:
    batch = records.to_batch([records.post_row(1, POST), records.duplicate_row(2, POST), records.erased_row(3, POST)])
    assert records.posts_only(batch).column("seq").to_pylist() == [1]
