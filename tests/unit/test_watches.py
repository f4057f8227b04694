from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from tocsin import posts, records
from tocsin.component import Context
from tocsin.enrichers.watches import Config, Watch, Watches
from tocsin.errors import ConfigError
from tocsin.model import Author, Media, Place, Post, Ref

NOW = datetime(2026, 3, 1, tzinfo=UTC)


def batch_of(*made: Post, language: str = "en") -> pa.RecordBatch:
    batch = records.to_batch([records.post_row(seq, post) for seq, post in enumerate(made, start=1)])
    return batch.append_column("language", pa.array([language] * len(made), pa.string()))


def post(text: str = "", **values: Any) -> Post:
    return Post(**({"uid": "feed:1", "source": "feed", "id": "1", "text": text, "received_at": NOW} | values))


def enricher(*watches: Watch) -> Watches:
    return Watches(Config(watches=watches), Context("watches", Path()))


def matched(rule: str, made: Post) -> bool:
    return enricher(Watch(name="w", match=rule)).enrich(batch_of(made))["watches"].to_pylist() == [["w"]]


def test_all_that_match_are_named_in_the_order_of_the_config() -> None:
    watches = enricher(*(Watch(name=name, match=rule) for name, rule in (("z", "acme"), ("n", "no"), ("a", "bell"))))
    filled = watches.enrich(batch_of(post("acme bell"), post("bell"), post("tower")))
    assert filled["watches"].to_pylist() == [["z", "a"], ["a"], []]


def test_a_watch_may_listen_to_some_sources_only() -> None:
    watches = enricher(
        Watch(name="news", match="acme", sources=("news", "wire")),
        Watch(name="all", match="acme"),
        Watch(name="none", match="acme", sources=()),
    )
    filled = watches.enrich(batch_of(post("acme", source="wire"), post("acme", source="feed")))
    assert filled["watches"].to_pylist() == [["news", "all"], ["all"]]


def test_without_watches_nothing_matches() -> None:
    assert enricher().enrich(batch_of(post("acme")))["watches"].to_pylist() == [[]]


def test_a_bad_rule_is_a_config_error() -> None:
    with pytest.raises(ConfigError, match="did you mean lang:"):
        enricher(Watch(name="w", match="acme langs:en"))


@pytest.mark.parametrize(
    ("rule", "made"),
    [
        ("acme", post("acme")),
        ("acme", post("", title="Acme")),
        ("#acme", post(hashtags=("Acme",))),
        ("@acme", post(mentions=("acme",))),
        ("url:acme", post(urls=("https://acme.example",))),
        ("from:u1", post(author=Author(id="u1"))),
        ("from:sam", post(author=Author(id="u1", handle="Sam"))),
        ("lang:en", post()),
        ("place_country:be", post(place=Place(country="BE"))),
        ("is:repost", post(refs=(Ref(type="repost", id="feed:0"),))),
        ("is:reply", post(refs=(Ref(type="reply", id="feed:0"),))),
        ("is:quote", post(refs=(Ref(type="quote", id="feed:0"),))),
        ("has:media", post(media=(Media(type="image"),))),
        ("has:geo", post(place=Place(name="Ghent"))),
    ],
)
def test_each_column_reaches_its_operator(rule: str, made: Post) -> None:
    assert matched(rule, made)
    other = post("tower", refs=(Ref(type="root", id="feed:0"),), author=Author(id="u2", handle="kim"))
    assert enricher(Watch(name="w", match=rule)).enrich(batch_of(other, language="de"))["watches"].to_pylist() == [[]]


@pytest.mark.parametrize("origin", ["text", "profile"])
def test_a_guessed_place_is_no_geotag(origin: Any) -> None:
    assert not matched("has:geo", post(place=Place(name="Ghent", country="BE", origin=origin)))


def test_documents_are_shared_by_batches_with_the_same_columns_and_by_no_others() -> None:
    batch = batch_of(post("acme"), post("bell"))
    more = batch.append_column("cluster_id", pa.nulls(2, pa.string()))
    assert posts.documents(more) is posts.documents(batch)
    other = batch.set_column(batch.schema.get_field_index("text"), "text", pa.array(["bell", "acme"]))
    assert [document.text for document in posts.documents(other)] == ["bell", "acme"]
    assert [document.text for document in posts.documents(batch.slice(1))] == ["bell"]


def test_lists_are_read_with_their_nulls_and_from_slices() -> None:
    column = pa.array([["a"], None, [], ["b", "c"]], pa.list_(pa.string()))
    assert [list(row) for row in posts.lists(column)] == [["a"], [], [], ["b", "c"]]
    assert [list(row) for row in posts.lists(column.slice(2))] == [[], ["b", "c"]]
    hidden = pa.ListArray.from_arrays(pa.array([0, 1, 3]), pa.array(["a", "x", "y"]), mask=pa.array([False, True]))
    assert [list(row) for row in posts.lists(hidden)] == [["a"], []]
