"""Labelling history anew: only labels change, the series follow, and a cut or a second time changes nothing."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import msgspec
import pytest
from tests.fault.spine import EnglishOnly
from tests.helpers.faults import by_length
from tests.helpers.world import World
from tests.unit.test_detect import EVENTS
from tests.unit.test_detect import YAML as FIVE_MINUTES

from tocsin.errors import Permanent, TocsinError
from tocsin.lakes.delta import Delta
from tocsin.pipeline.process import Chain
from tocsin.runners import relabel
from tocsin.runners.locks import Locks
from tocsin.state import State
from tocsin.understanding import Understanding

YAML = FIVE_MINUTES.replace("bucket: 5m", "bucket: 1h")
RULE = "{name: outage, match: down OR outage}"
NEW = YAML.replace(RULE, "{name: letters, match: number}\n  - {name: outage, match: down OR outage}")
"""The same with a category more, which most posts belong to."""


def enrichers(world: World) -> list[Any]:
    return [EnglishOnly(), *(world.assembly.enricher(name) for name in ("markup", "watches", "category"))]


def fill(folder: Path, yaml: str) -> None:
    with World(folder, yaml) as world:
        world._enrichers = enrichers(world)
        for start in range(0, len(EVENTS), 300):
            world.put(EVENTS[start : start + 300])
            world.process_all()
        world.process.finish()
        world.detect_all()
        world.detect.save()


def relabelled(folder: Path, yaml: str, **options: Any) -> relabel.Report:
    with World(folder, yaml) as world:
        assembly = world.assembly
    return relabel.relabel(assembly, **options)


def facts(folder: Path) -> dict[str, Any]:
    with World(folder) as world:
        series = sorted(map(str, world.state.tables()["series"].to_pylist()))
        return {"rows": world.rows(), "series": series, "last": world.lake.last_seq()}


class InProcess(Chain):
    """A Worker without a process of its own, which would take seconds to start."""

    def __init__(self, make: Callable[[], list[Any]]) -> None:
        super().__init__(make())

    def close(self) -> None:
        """Nothing to end."""


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(relabel, "Worker", InProcess)


@pytest.fixture(scope="module")
def fresh(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What there is when the new definitions were there from the beginning."""
    folder = tmp_path_factory.mktemp("fresh")
    fill(folder, NEW)
    return facts(folder)


@pytest.fixture(scope="module")
def before(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("before")
    fill(folder, YAML)
    return folder


@pytest.fixture
def folder(before: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(before, tmp_path / "copy"))


def test_rows_and_series_are_as_if_the_definitions_had_always_been_these(folder: Path, fresh: dict[str, Any]) -> None:
    seen: list[tuple[int, int]] = []
    report = relabelled(folder, NEW, progress=lambda done, total: seen.append((done, total)))
    assert report.posts == len(EVENTS) - 1
    assert 0 < report.changed < report.posts
    assert seen == sorted(seen)
    assert seen[-1][0] == seen[-1][1] == len(EVENTS)
    assert facts(folder) == fresh


def test_a_second_time_changes_nothing(folder: Path) -> None:
    first = relabelled(folder, NEW)
    with World(folder) as world:
        files = world.lake.snapshot().files
    second = relabelled(folder, NEW)
    assert (second.changed, second.epoch) == (0, first.epoch)
    with World(folder) as world:
        assert world.lake.snapshot().files == files


def test_old_incidents_stay_as_they_are(folder: Path) -> None:
    with World(folder) as world:
        before = {one.id: msgspec.json.encode(one) for one in world.state.incidents()}
        told = len(world.state.outbox())
    assert before
    relabelled(folder, NEW.replace("match: down OR outage", "match: wrote"))
    with World(folder) as world:
        after = {one.id: msgspec.json.encode(one) for one in world.state.incidents()}
        assert before.items() <= after.items()
        assert len(world.state.outbox()) == told


def test_what_was_erased_stays_erased(folder: Path, fresh: dict[str, Any]) -> None:
    with World(folder) as world:
        world._enrichers = enrichers(world)
        world.lake.erase(uids=["news:7"])
    relabelled(folder, NEW)
    (row,) = [row for row in facts(folder)["rows"] if row["kind"] == "erased"]
    assert (row["text"], row["uid"], row["category"]) == (None, None, "other")


def test_a_relabelling_is_no_news(folder: Path) -> None:
    relabelled(folder, NEW)
    with World(folder) as world:
        position = world.state.position(world.lake.table_id)
        assert position is not None
        assert all(commit.rows is None for commit in world.lake.commits(position.version - 3))
        world.detect_all()
        series = world.state.tables()["series"].to_pylist()
        assert sum(row["count"] for row in series if row["series"] == '["acme"]') == len(EVENTS) - 1


def test_only_newer_posts_where_that_is_asked(folder: Path) -> None:
    middle = EVENTS[len(EVENTS) // 2].created_at  # type: ignore[union-attr]
    assert middle is not None
    relabelled(folder, NEW, since=middle)
    posts = [row for row in facts(folder)["rows"] if row["kind"] == "post"]
    assert {"letters" in row["categories"] for row in posts if row["event_time"] < middle} == {False}
    assert any("letters" in row["categories"] for row in posts if row["event_time"] >= middle)


def test_not_beside_a_run(folder: Path) -> None:
    with World(folder, NEW) as world:
        assembly = world.assembly
    with Locks(folder / "data", ["process"]), pytest.raises(Permanent, match="labels stored posts anew by itself"):
        relabel.relabel(assembly)


class Cut(TocsinError):
    """Stands in for a kill: nothing after it is done."""


def cutting(inner: Callable[..., Any], at: int, *, after: bool) -> Callable[..., Any]:
    left = at

    def wrapped(*args: Any, **options: Any) -> Any:
        nonlocal left
        left -= 1
        if left == 0 and not after:
            raise Cut("cut")
        result = inner(*args, **options)
        if left == 0:
            raise Cut("cut")
        return result

    return wrapped


SEAMS = [(Delta, "_replace"), (Delta, "flush"), (State, "transaction"), (relabel.Relabeller, "__call__")]
SEAMS += [(Understanding, name) for name in ("begin", "relabelled_upto", "relabelled")]
WHEN = [(at, after) for at in (1, 2, 3, 5) for after in (False, True)]


@pytest.mark.parametrize(("at", "after"), by_length([(1, True), (3, False)], WHEN, WHEN))
@pytest.mark.parametrize(("owner", "name"), SEAMS)
def test_cut_anywhere_and_done_again_it_comes_to_the_same(
    folder: Path, fresh: dict[str, Any], monkeypatch: pytest.MonkeyPatch, owner: Any, name: str, at: int, after: bool
) -> None:
    with monkeypatch.context() as patched:
        patched.setattr(owner, name, cutting(getattr(owner, name), at, after=after))
        with suppress(Cut):
            relabelled(folder, NEW)
    relabelled(folder, NEW)
    assert facts(folder) == fresh
