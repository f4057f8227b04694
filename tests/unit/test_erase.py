"""Forgetting: after `erase` no file of the data directory holds the post."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pyarrow.parquet as pq
import pytest
from tests.helpers.world import NOW, World
from tests.unit.test_detect import EVENTS, YAML

from tocsin.model import DeadLetter, Delete, Post
from tocsin.runners.erase import erase
from tocsin.runners.locks import Locks


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    with World(tmp_path, YAML) as world:
        world.put(EVENTS)
        world.process_all()
        world.detect_all()
        world.notify_all()
        world.queue.bury(
            [DeadLetter(source="news", stage="process", reason="bad", place="x", body=b'{"uid":"news:7"}')]
        )
    return tmp_path


def texts(folder: Path) -> set[str]:
    """Every text in every Parquet file under the folder, whether the table still uses it or not."""
    files = (folder / "data" / "lake").rglob("*.parquet")
    names = [file for file in files if "_delta_log" not in file.parts]
    return {text for file in names for text in pq.ParquetFile(file).read(["text"]).column("text").to_pylist() if text}


def found(folder: Path, needle: str) -> list[str]:
    """Files other than Parquet that hold the text."""
    files = [file for file in (folder / "data").rglob("*") if file.is_file() and file.suffix != ".parquet"]
    return [file.name for file in files if needle.encode() in file.read_bytes()]


def test_a_post_is_gone_from_every_file(folder: Path) -> None:
    with World(folder) as world:
        (incident,) = [one for one in world.state.incidents() if one.series["category"] == "outage"]
        uid, text = (incident.explanation["posts"][0][key] for key in ("uid", "text"))
    assert text in texts(folder)
    assert set(found(folder, text)) >= {"alerts.jsonl", "state.db"}
    with World(folder) as world:
        assembly = world.assembly
    report = erase(assembly, [Delete(source="news", uid=uid, at=NOW)])
    assert (report.at_once, report.rows) == (True, 1)
    assert report.alerts >= 1
    assert text not in texts(folder)
    assert found(folder, text) == []
    with World(folder) as world:
        assert world.kinds()["erased"] == 1
        assert len(world.rows("seq")) == len(EVENTS) + 1
        again = {one.id: one.observed for one in world.state.incidents()}
        assert again[incident.id] == incident.observed


def test_all_posts_of_an_author_are_gone(folder: Path) -> None:
    theirs = {event.text for event in EVENTS if isinstance(event, Post) and event.author and event.author.id == "a7"}
    assert len(theirs) > 5
    with World(folder) as world:
        assembly = world.assembly
    report = erase(assembly, [Delete(source="news", author_id="a7", scope="author", at=NOW)])
    assert report.rows == len(theirs)
    assert not theirs & texts(folder)
    assert not [name for text in theirs for name in found(folder, text)]


def test_dead_letters_that_name_the_post_are_gone(folder: Path) -> None:
    with World(folder) as world:
        assembly = world.assembly
    assert erase(assembly, [Delete(source="news", uid="news:7", at=NOW)]).letters == 1
    assert found(folder, '"uid":"news:7"') == []


def test_a_post_that_comes_again_stays_away(folder: Path) -> None:
    with World(folder) as world:
        assembly = world.assembly
    erase(assembly, [Delete(source="news", uid="news:7", at=NOW)])
    (post,) = [event for event in EVENTS if isinstance(event, Post) and event.uid == "news:7"]
    with World(folder) as world:
        world.put([post, msgspec.structs.replace(post, version=2)])
        world.process_all()
        assert world.rows("kind")[-2:] == [{"kind": "duplicate"}, {"kind": "erased"}]


def test_while_another_process_runs_the_demand_waits_in_the_queue(folder: Path) -> None:
    with World(folder) as world:
        assembly = world.assembly
    with Locks(folder / "data", ["process"]):
        report = erase(assembly, [Delete(source="news", uid="news:7", at=NOW)])
    assert not report.at_once
    with World(folder) as world:
        assert world.process.backlog == 1
        world.process_all()
        assert world.process.maintain() == (1, 1)
