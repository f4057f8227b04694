"""The process loop: every offset becomes one row, once."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any, ClassVar

import pyarrow as pa
import pytest
from tests.helpers.world import NOW, World

from tocsin.errors import Permanent
from tocsin.model import Author, Batch, Delete, Gap, Heartbeat, Post
from tocsin.pipeline.process import in_order

YAML = """
data_dir: data
sources: {}
watches:
  - {name: acme, match: acme}
categories:
  - {name: outage, match: down OR outage}
"""


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with World(tmp_path, YAML) as made:
        yield made


def post(number: int, text: str = "acme is down", **values: Any) -> Post:
    time = NOW - timedelta(hours=1) + timedelta(seconds=number)
    author = Author(id=f"a{number % 3}", handle=f"user{number % 3}")
    base = {"uid": f"news:{number}", "source": "news", "id": str(number), "text": text, "author": author}
    return Post(**(base | {"received_at": time, "created_at": time} | values))


def test_posts_come_out_enriched_in_the_order_of_the_queue(world: World) -> None:
    world.put([post(1), post(2, "acme sends invoices"), post(3, "nothing here")])
    world.process_all()
    rows = world.rows("seq", "kind", "watches", "category", "language", "cluster_id", "day")
    assert [row["seq"] for row in rows] == [1, 2, 3]
    assert [row["watches"] for row in rows] == [["acme"], ["acme"], []]
    assert [row["category"] for row in rows] == ["outage", "other", "other"]
    assert {row["day"] for row in rows} == {"2026-03-20"}


def test_a_post_seen_before_becomes_a_duplicate_row(world: World) -> None:
    world.put([post(1), post(1), post(2)])
    world.process_all()
    world.put([post(2), post(3)])
    world.process_all()
    assert [row["kind"] for row in world.rows("kind")] == ["post", "duplicate", "post", "duplicate", "post"]
    assert [row["text"] for row in world.rows("text")][1] is None


def test_duplicates_are_known_after_a_restart(tmp_path: Path) -> None:
    with World(tmp_path, YAML) as world:
        world.put([post(1)])
        world.process_all()
    with World(tmp_path) as world:
        world.put([post(1), post(2)])
        world.process_all()
        assert world.kinds() == {"post": 2, "duplicate": 1}


def test_a_new_version_of_a_post_is_a_new_row(world: World) -> None:
    world.put([post(1), post(1, "acme is up", version=2)])
    world.process_all()
    assert [row["version"] for row in world.rows("version")] == [1, 2]


def test_heartbeats_gaps_and_deletes_are_rows_too(world: World) -> None:
    gap = Gap(source="news", stream="main", start=NOW - timedelta(hours=1), end=NOW, state="lost", note="cable")
    world.put([Heartbeat(source="news", stream="main", at=NOW), gap, Delete(source="news", uid="news:9", at=NOW)])
    world.process_all()
    rows = world.rows("kind", "event_time", "until", "note", "uid")
    assert [row["kind"] for row in rows] == ["heartbeat", "gap", "delete"]
    assert (rows[1]["until"], rows[1]["note"]) == (NOW, "lost: cable")


def test_a_post_that_comes_after_its_deletion_leaves_no_content(world: World) -> None:
    world.put([Delete(source="news", uid="news:1", at=NOW), post(1), post(2)])
    world.process_all()
    rows = world.rows("kind", "text", "uid", "author_id")
    assert [row["kind"] for row in rows] == ["delete", "erased", "post"]
    assert rows[1] == {"kind": "erased", "text": None, "uid": None, "author_id": None}


def test_an_erased_post_is_still_erased_after_a_restart(tmp_path: Path) -> None:
    with World(tmp_path, YAML) as world:
        world.put([Delete(source="news", uid="news:1", at=NOW)])
        world.process_all()
    with World(tmp_path) as world:
        world.put([post(1)])
        world.process_all()
        assert world.kinds() == {"delete": 1, "erased": 1}


def test_maintenance_erases_what_was_asked_for_and_keeps_the_count(world: World) -> None:
    world.put([post(number) for number in range(1, 7)])
    world.put([Delete(source="news", uid="news:1", at=NOW), Delete(source="news", author_id="a2", scope="author")])
    world.process_all()
    assert world.process.maintain() == (3, 0)
    rows = world.rows("seq", "kind", "text", "uid", "author_id", "watches", "categories")
    gone = [row for row in rows if row["kind"] == "erased"]
    assert [row["seq"] for row in gone] == [1, 2, 5]
    assert all((row["text"], row["uid"], row["author_id"]) == (None, None, None) for row in gone)
    assert all((row["watches"], row["categories"]) == (["acme"], ["outage"]) for row in gone)
    assert len(rows) == 8
    assert world.process.maintain() == (0, 0)


def test_what_is_no_event_is_a_dead_letter_and_a_row(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.put([post(1), post(2), post(3)])
    taken = world.queue.read(0, 10)
    damaged = [taken.bodies[0], b'{"kind": "sonnet"}', taken.bodies[2]]
    slices = [SimpleNamespace(offsets=[1, 2, 3], bodies=damaged), SimpleNamespace(offsets=[], bodies=[])]
    assert world.process.backlog == 3
    monkeypatch.setattr(world.queue, "read", lambda after, limit: slices[after == 3])
    world.process_all()
    assert [row["kind"] for row in world.rows("kind")] == ["post", "dead", "post"]
    ((_, letter),) = world.queue.dead_letters()
    assert (letter.place, letter.body) == ("queue:2", b'{"kind": "sonnet"}')
    assert "not an event" in letter.reason


class Poisoned:
    """An enricher that cannot bear some texts."""

    fills: ClassVar[frozenset[str]] = frozenset({"model"})
    needs: ClassVar[frozenset[str]] = frozenset()

    def enrich(self, batch: pa.RecordBatch) -> dict[str, pa.Array]:
        texts = batch.column("text").to_pylist()
        if any("poison" in text for text in texts):
            raise ValueError("cannot read this")
        return {"model": pa.array(["ok"] * len(texts), pa.string())}


def test_poison_stands_alone_in_the_dead_letters(tmp_path: Path) -> None:
    with World(tmp_path, YAML, enrichers=[Poisoned()]) as world:
        world.put([post(n, "poison" if n in (3, 8) else "fine") for n in range(1, 11)])
        world.process_all()
        assert world.kinds() == {"post": 8, "dead": 2}
        assert [row["seq"] for row in world.rows("seq", "kind") if row["kind"] == "dead"] == [3, 8]
        letters = [letter for _, letter in world.queue.dead_letters()]
        assert [letter.place for letter in letters] == ["queue:3", "queue:8"]
        assert all("cannot read this" in letter.reason for letter in letters)
        world.put([post(3, "cured")])
        world.process_all()
        assert world.kinds() == {"post": 9, "dead": 2}


def test_when_nearly_everything_fails_the_loop_stops_instead_of_burying_it(tmp_path: Path) -> None:
    with World(tmp_path, YAML, enrichers=[Poisoned()]) as world:
        world.put([post(n, "poison") for n in range(1, 200)])
        with pytest.raises(Permanent, match=r"more than 100 posts.*cannot read this"):
            world.process_all()
        assert world.kinds() == {}


def test_when_everything_fails_the_loop_stops_also_where_posts_come_one_by_one(tmp_path: Path) -> None:
    with World(tmp_path, YAML, enrichers=[Poisoned()]) as world:
        for number in range(1, 100):
            world.put([post(number, "poison")])
            world.process_all()
        world.put([post(number, "fine" if number == 100 else "poison") for number in (100, 101)])
        world.process_all()
        for number in range(102, 202):
            world.put([post(number, "poison")])
            world.process_all()
        world.put([post(202, "poison")])
        with pytest.raises(Permanent, match="more than 100 posts"):
            world.process_all()
        assert world.kinds() == {"post": 1, "dead": 200}


def test_enrichers_that_fail_without_a_post_are_not_taken_for_poison(tmp_path: Path) -> None:
    class Broken(Poisoned):
        def enrich(self, batch: pa.RecordBatch) -> dict[str, pa.Array]:
            raise RuntimeError("no model")

    with World(tmp_path, YAML, enrichers=[Broken()]) as world:
        world.put([Heartbeat(source="news", stream="main", at=NOW)])
        with pytest.raises(Permanent, match="fail without any post: RuntimeError: no model"):
            world.process_all()


def test_a_new_queue_beside_an_older_lake_goes_on_after_it(tmp_path: Path) -> None:
    with World(tmp_path, YAML) as world:
        world.put([post(1), post(2)])
        world.process_all()
    for file in (tmp_path / "data").glob("queue.db*"):
        file.unlink()
    with World(tmp_path) as world:
        assert world.process.backlog == 0
        world.put([post(2), post(3)])
        world.process_all()
        assert [(row["seq"], row["kind"]) for row in world.rows("seq", "kind")] == [
            (1, "post"), (2, "post"), (3, "duplicate"), (4, "post"),
        ]  # fmt: skip


def test_the_queue_is_trimmed_only_after_the_flush(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    steps: list[str] = []
    for part, name in ((world.lake, "append"), (world.lake, "flush"), (world.queue, "trim")):
        inner = getattr(part, name)
        monkeypatch.setattr(part, name, lambda *a, _inner=inner, _name=name: (steps.append(_name), _inner(*a))[1])
    world.put([post(1)])
    world.process.recover()
    steps.clear()
    world.process_all()
    assert steps[0] == "append"
    assert steps[-2:] == ["flush", "trim"]


def test_enrichers_run_in_the_order_of_what_they_need() -> None:
    class First:
        fills, needs = frozenset({"hashtags"}), frozenset({"text"})

    class Second:
        fills, needs = frozenset({"watches"}), frozenset({"hashtags"})

    first, second = First(), Second()
    assert in_order([second, first]) == [first, second]  # type: ignore[list-item]
    second.fills = frozenset({"watches", "text"})
    with pytest.raises(ValueError, match="need each other"):
        in_order([second, first])  # type: ignore[list-item]


def test_a_batch_without_events_only_moves_the_cursor(world: World) -> None:
    world.queue.put("news", Batch(cursor="here"))
    world.process_all()
    assert (world.queue.cursor("news"), world.kinds()) == ("here", {})
