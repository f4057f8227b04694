"""The index: what a search finds, what is counted, and that it goes with the lake through edits, deletes and kills."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.helpers.rows import START, row, table
from tests.property.test_rules_property import parsed, rule_texts

from tocsin.clock import ManualClock
from tocsin.component import Context
from tocsin.errors import LowSpace, Transient
from tocsin.lakes.delta import Config, Delta
from tocsin.pipeline.indexing import PURGE_SECONDS, ROOM_BYTES, Indexing
from tocsin.posts import documents
from tocsin.rules import parse
from tocsin.search import Filters, Index, Place
from tocsin.sql import query

BEGAN = int(START.timestamp())


class Shelf:
    """A lake, and an index that follows it."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.epoch, self.offset = folder, 0, 0
        self.clock = ManualClock(datetime(2026, 3, 3, tzinfo=UTC))
        self.lake = Delta(Config(), Context("lake", folder))
        self.indexing = self.opened()

    def opened(self) -> Indexing:
        return Indexing(self.folder / "index", self.lake, lambda: self.epoch, self.clock)

    def put(self, *rows: dict[str, Any]) -> None:
        self.offset += len(rows)
        self.lake.append(table(list(rows)), "q", self.offset)
        self.indexing.step()

    def say(self, *texts: str, **values: Any) -> None:
        first = self.offset + 1
        self.put(*(row(first + place, first + place, text=text, **values) for place, text in enumerate(texts)))

    def finds(self, rule: str | None = None, **values: str) -> list[str]:
        filters = Filters(values={kind: (value,) for kind, value in values.items()}, rule=parse(rule) if rule else None)
        return [post.text for post in self.indexing.index.newest(filters, 100)]

    def close(self) -> None:
        self.indexing.close()
        self.lake.close()


@pytest.fixture
def shelf(tmp_path: Path) -> Iterator[Shelf]:
    with closing(Shelf(tmp_path)) as made:
        yield made


def test_a_search_finds_what_a_watch_would(shelf: Shelf) -> None:
    shelf.say("Acme is down", "Is acme down?", "Café de Straße", "東京の電車", "Nothing here")
    assert shelf.finds("acme") == ["Is acme down?", "Acme is down"]
    assert shelf.finds('"acme is down"') == ["Acme is down"]
    assert shelf.finds("STRASSE café") == ["Café de Straße"]
    assert shelf.finds("電車") == ["東京の電車"]
    assert shelf.finds("(acme OR nothing) -is") == ["Nothing here"]


def test_posts_are_found_by_what_they_are(shelf: Shelf) -> None:
    shelf.say("one", "two", sentiment="negative", country="GB", phrases=["log in"], hashtags=["down"])
    shelf.say("three", sentiment="positive", categories=["billing", "praise"], category="billing")
    assert shelf.finds(sentiment="negative", phrase="log in") == ["two", "one"]
    assert shelf.finds(category="praise") == ["three"]
    assert shelf.finds(category="outage", country="GB", hashtag="down") == ["two", "one"]
    assert shelf.finds(category="nothing") == []


def test_a_post_in_no_category_is_an_other(shelf: Shelf) -> None:
    shelf.say("lost", categories=[], category="other")
    assert shelf.finds(category="other") == ["lost"]


def test_pages_of_posts_go_on_where_the_last_ended_with_equal_times_too(shelf: Shelf) -> None:
    shelf.put(*(row(seq, seq // 4, text=str(seq)) for seq in range(1, 20)))
    index, seen, last = shelf.indexing.index, [], None
    while page := index.newest(Filters(), 3, last):
        seen += [int(post.text) for post in page]
        last = (int(page[-1].time), page[-1].seq)
    assert seen == list(range(19, 0, -1))


def test_an_edit_takes_the_place_of_the_post_and_a_delete_takes_it_out(shelf: Shelf) -> None:
    shelf.put(row(1, 1, uid="a", text="first words"), row(2, 2, uid="b", text="others"))
    shelf.put(row(3, 3, uid="a", text="second words", version=2))
    assert (shelf.finds("first"), shelf.finds("second")) == ([], ["second words"])
    shelf.put(row(4, 4, kind="delete", uid="b", note="post"))
    assert shelf.finds("others") == []
    shelf.put(row(5, 5, uid="b", text="others again"))
    assert shelf.finds("others") == ["others again"]


def test_whoever_leaves_takes_all_posts_with_them_but_nobody_elses(shelf: Shelf) -> None:
    shelf.say("mine", author_id="7")
    shelf.say("yours", author_id="8")
    shelf.put(row(3, 3, kind="delete", source="news", author_id="7", note="author"))
    assert shelf.finds() == ["yours"]


def test_a_write_that_was_cut_off_doubles_nothing(shelf: Shelf) -> None:
    shelf.say("one")
    place = shelf.indexing.index.place
    assert place is not None
    shelf.say("two", "three")
    (shelf.folder / "index" / "place.json").write_bytes(msgspec.json.encode(place))
    shelf.indexing.close()
    shelf.indexing = shelf.opened()
    shelf.indexing.step()
    assert shelf.finds() == ["three", "two", "one"]


def test_labels_that_were_given_anew_are_found_anew(shelf: Shelf) -> None:
    shelf.say("one")

    def other(batch: Any) -> Any:
        place = batch.schema.get_field_index("categories")
        return batch.set_column(place, batch.schema.field(place), pa.array([["billing"]]))

    list(shelf.lake.revise(other))
    shelf.epoch += 1
    shelf.indexing.step()
    assert (shelf.finds(category="billing"), shelf.finds(category="outage")) == (["one"], [])


def test_what_was_deleted_is_gone_from_the_files_within_a_day(shelf: Shelf) -> None:
    secret = "zyxwvutsrq"
    shelf.put(row(1, 1, uid="a", text=f"{secret} one"), row(2, 2, uid="b", text="kept"))
    shelf.put(row(3, 3, kind="delete", uid="a", note="post"))
    shelf.lake.erase(uids=["a"])
    assert shelf.finds(secret) == []
    shelf.clock.advance(PURGE_SECONDS + 1)
    shelf.indexing.step()
    index = shelf.indexing.index
    assert (index.posts, shelf.finds()) == (1, ["kept"])
    assert not [file for file in (shelf.folder / "index").rglob("*") if file.is_file() and secret in _raw(file)]
    assert index.place is not None
    assert index.place.forgotten_at is None


def _raw(file: Path) -> str:
    return file.read_bytes().decode("latin-1")


def test_an_index_that_is_damaged_or_of_another_lake_is_made_anew(shelf: Shelf, tmp_path: Path) -> None:
    shelf.say("one")
    shelf.indexing.close()
    for file in (shelf.folder / "index" / "posts").iterdir():
        file.write_bytes(b"nonsense")
    shelf.indexing = shelf.opened()
    shelf.indexing.step()
    assert shelf.finds() == ["one"]
    with closing(Index(shelf.folder / "index")) as index:
        assert index.place == Place(
            shelf.lake.table_id, 0, shelf.lake.version(), 1, shelf.lake.fingerprint(shelf.lake.version()) or ""
        )


def test_an_index_that_begins_late_reads_the_table(shelf: Shelf) -> None:
    shelf.offset = 3000
    shelf.lake.append(table([row(seq, seq) for seq in range(1, 3001)]), "q", 3000)
    shelf.lake.maintain(datetime(2027, 1, 1, tzinfo=UTC))
    shelf.indexing.step()
    assert shelf.indexing.at_end()
    assert shelf.indexing.index.count(Filters()) == 3000
    assert shelf.indexing.index.count(Filters(BEGAN + 10, BEGAN + 20)) == 10


def test_a_disk_that_is_nearly_full_is_left_to_the_lake(shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
    shelf.say("one")
    room = shutil.disk_usage(shelf.folder)
    with monkeypatch.context() as patch:
        patch.setattr(shutil, "disk_usage", lambda _: room._replace(free=ROOM_BYTES - 1))
        with pytest.raises(LowSpace, match="waits for room"):
            shelf.say("two")
    assert shelf.finds() == ["one"]
    shelf.indexing.step()
    assert shelf.finds() == ["two", "one"]


def test_whoever_is_told_to_stop_stops_soon_and_goes_on_where_it_was(shelf: Shelf) -> None:
    for part in range(3):
        shelf.offset += 1
        shelf.lake.append(table([row(part + 1, part, text=f"post {part}")]), "q", shelf.offset)
    shelf.indexing.close()
    stop = [True]
    epoch = lambda: shelf.epoch  # noqa: E731
    with closing(Indexing(shelf.folder / "index", shelf.lake, epoch, shelf.clock, lambda: stop[0])) as indexing:
        assert indexing.step() <= 3
        shelf.epoch += 1
        with pytest.raises(Transient, match="next start"):
            indexing.step()
        stop[0] = False
        indexing.step()
        assert indexing.index.posts == 3


def test_a_writer_that_dies_is_made_anew_and_nothing_is_lost(shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
    shelf.say("one")
    with monkeypatch.context() as patch:
        patch.setattr(Index, "_add", _dies)
        with pytest.raises(Transient, match="killed"):
            shelf.say("two")
    shelf.indexing.step()
    assert shelf.finds() == ["two", "one"]


def _dies(index: Index, rows: Any) -> bool:
    raise ValueError("An index writer was killed.")


VALUES = {
    "source": st.sampled_from(["news", "it's"]),
    "sentiment": st.sampled_from([None, "positive", "negative"]),
    "language": st.sampled_from(["en", "de-AT", None]),
    "country": st.sampled_from(["BE", "DE", None]),
    "place_name": st.sampled_from([None, "Gent", "L'Aquila"]),
    "author_handle": st.sampled_from([None, "acme", "bell"]),
    "phrases": st.lists(st.sampled_from(["log in", "it's"]), max_size=2, unique=True),
    "hashtags": st.lists(st.sampled_from(["acme", "bell"]), max_size=2, unique=True),
    "categories": st.lists(st.sampled_from(["outage", "billing"]), max_size=2, unique=True),
    "watches": st.lists(st.sampled_from(["a", "b"]), max_size=2, unique=True),
    "is_repost": st.booleans(),
    "urls": st.lists(st.sampled_from(["https://acme.example/bell/tower", "http://bell.example/acme"]), max_size=1),
    "text": st.lists(
        st.sampled_from(["acme", "bell", "the", "down", "café", "電車", "👍", "https://acme.example", "$acme"]),
        max_size=6,
    ).map(" ".join),
}
posts = st.lists(st.fixed_dictionaries(VALUES), min_size=1, max_size=12)
KINDS = {
    "source": ["news", "it's"], "sentiment": ["positive", "negative"], "language": ["en", "de-AT"],
    "country": ["BE", "DE"], "place": ["Gent", "L'Aquila"], "author": ["acme", "bell"], "phrase": ["log in", "it's"],
    "hashtag": ["acme", "bell"], "category": ["outage", "billing", "other"], "watch": ["a", "b"],
}  # fmt: skip
filters = st.dictionaries(st.sampled_from(sorted(KINDS)), st.integers(0, 3), max_size=3).map(
    lambda asked: {
        kind: tuple(KINDS[kind]) if many == 3 else (KINDS[kind][many % len(KINDS[kind])],)
        for kind, many in asked.items()
    }
)


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shelf]:
    with closing(Shelf(tmp_path_factory.mktemp("library"))) as made:
        yield made


@settings(deadline=None, max_examples=60)
@given(posts, st.lists(rule_texts, min_size=1, max_size=8))
def test_the_index_finds_exactly_what_a_rule_matches(library: Shelf, rows: list[dict[str, Any]], rules: list[str]):
    first = library.offset + 1
    library.put(*(row(first + place, first + place, **values) for place, values in enumerate(rows)))
    batch = table([row(first + place, 0, **values) for place, values in enumerate(rows)]).to_batches()[0]
    since = BEGAN + first
    for text in rules:
        rule = parsed(text)
        if rule is None:
            continue
        wanted = [first + place for place, seen in enumerate(documents(batch)) if rule.matches(seen)]
        found = library.indexing.index.newest(Filters(since, since + len(rows), rule=rule), 100)
        assert sorted(post.seq for post in found) == wanted, text


@settings(deadline=None, max_examples=12)
@given(posts, st.lists(filters, min_size=1, max_size=4), st.integers(0, 5))
def test_the_statement_of_filters_counts_the_same_posts(
    library: Shelf, rows: list[dict[str, Any]], asked: list[dict[str, tuple[str, ...]]], late: int
) -> None:
    first = library.offset + 1
    made = [row(first + place, first + place, **values) for place, values in enumerate(rows)]
    library.put(*(one | {"category": (one["categories"] or ["other"])[0]} for one in made))
    parts = [Filters(BEGAN + first + late, BEGAN + first + len(rows), values) for values in asked]
    sql = " UNION ALL ".join(
        f"SELECT {place} AS p, count(*) AS n FROM posts WHERE {one.where()}" for place, one in enumerate(parts)
    )
    counted = {one["p"]: one["n"] for one in query(sql, library.lake.snapshot).rows.to_pylist()}
    assert [counted[place] for place in range(len(parts))] == [library.indexing.index.count(one) for one in parts]


def test_counts_are_of_all_posts_that_are_asked_for(shelf: Shelf) -> None:
    for hour in range(4):
        first = shelf.offset + 1
        many = hour + 1
        shelf.put(*(row(first + n, hour * 3600 + n, sentiment="negative" if n else "positive") for n in range(many)))
    found = shelf.indexing.index.aggregate(
        Filters(BEGAN, BEGAN + 3 * 3600), {"kinds": {"terms": {"field": "sentiment"}}}
    )
    assert {one["key"]: one["doc_count"] for one in found["kinds"]["buckets"]} == {"positive": 3, "negative": 3}


def test_a_lake_without_posts_has_an_empty_index(shelf: Shelf) -> None:
    assert shelf.indexing.step() == 0
    assert (shelf.finds(), shelf.indexing.index.posts) == ([], 0)


def test_times_are_those_of_the_posts(shelf: Shelf) -> None:
    shelf.say("one")
    (post,) = shelf.indexing.index.newest(Filters(), 1)
    assert datetime.fromtimestamp(post.time, UTC) == START + timedelta(seconds=1)
