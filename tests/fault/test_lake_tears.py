"""What a power cut or a bad disk does to the lake, each state made on purpose: found, named, healed where it can be.

The table of states is that of the prototype that tried the design out; the tails are those that a missing fsync leaves.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from tests.helpers.rows import row, table

from tocsin.component import Context
from tocsin.errors import Corrupt
from tocsin.lakes import _delta_log as log
from tocsin.lakes._delta_repair import check, repair
from tocsin.lakes.delta import Config, Delta, folder

COMMITS = 45
"""Versions 1 to 45, a row each; checkpoints at 19 and 39."""


def open_lake(data_dir: Path) -> Delta:
    return Delta(Config(), Context("lake", data_dir))


def add(lake: Delta, first: int, last: int, step: int = 1) -> None:
    for start in range(first, last + 1, step):
        end = min(start + step - 1, last)
        lake.append(table([row(seq, seq) for seq in range(start, end + 1)]), "q", end)


def seqs(lake: Delta) -> list[int]:
    return [seq for batch in lake.rows(["seq"]) for seq in batch.column("seq").to_pylist()]


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    data_dir = tmp_path_factory.mktemp("built")
    lake = open_lake(data_dir)
    add(lake, 1, COMMITS)
    lake.close()
    return data_dir


@pytest.fixture
def data_dir(built: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(built, tmp_path / "data"))


def entry(root: Path, version: int) -> Path:
    return log.path_of(root, version)


def data_file(root: Path, version: int) -> Path:
    return root / log.read(root, version).adds[0].path


def cut(path: Path, share: float) -> None:
    os.truncate(path, int(path.stat().st_size * share))


def last_line_lost(path: Path) -> None:
    path.write_bytes(path.read_bytes().rsplit(b"\n", 1)[0])


def zeros(path: Path) -> None:
    path.write_bytes(bytes(path.stat().st_size))


Tear = Callable[[Path], Any]
TORN_TAILS: dict[str, tuple[Tear, int]] = {
    "entry empty": (lambda root: cut(entry(root, 45), 0), 44),
    "entry half written": (lambda root: cut(entry(root, 45), 0.5), 44),
    "entry cut between two lines": (lambda root: last_line_lost(entry(root, 45)), 44),
    "entry full of zeros": (lambda root: zeros(entry(root, 45)), 44),
    "an entry before the last empty": (lambda root: cut(entry(root, 43), 0), 42),
    "two entries empty": (lambda root: [cut(entry(root, 44), 0), cut(entry(root, 42), 0)], 41),
    "data file empty": (lambda root: cut(data_file(root, 45), 0), 44),
    "data file short": (lambda root: cut(data_file(root, 44), 0.9), 43),
    "data file full of zeros": (lambda root: zeros(data_file(root, 45)), 44),
    "data file missing": (lambda root: data_file(root, 43).unlink(), 42),
    "data file before the checkpoint missing": (lambda root: data_file(root, 38).unlink(), 37),
}


@pytest.mark.parametrize("state", TORN_TAILS)
def test_a_torn_tail_is_taken_back_and_written_again(data_dir: Path, state: str) -> None:
    root = folder(data_dir)
    tear, whole = TORN_TAILS[state]
    marks = {version: log.fingerprint(root, version) for version in range(46)}
    tear(root)

    assert check(root)
    with pytest.raises(Corrupt, match="tocsin doctor --repair"):
        open_lake(data_dir)
    assert all("moved" in line for line in repair(root))
    assert check(root) == []

    lake = open_lake(data_dir)
    assert (lake.offset("q"), lake.last_seq(), lake.version()) == (whole, whole, whole)
    assert seqs(lake) == list(range(1, whole + 1))
    add(lake, whole + 1, COMMITS + 5, step=3)  # the queue gives the same events again, cut in another way
    assert seqs(lake) == list(range(1, COMMITS + 6))
    assert {version for version in marks if lake.fingerprint(version) == marks[version]} == set(range(whole + 1))


def test_commits_names_a_torn_entry(data_dir: Path) -> None:
    lake = open_lake(data_dir)
    cut(entry(folder(data_dir), 45), 0.5)
    with pytest.raises(Corrupt, match=r"45\.json.*tocsin doctor --repair"):
        list(lake.commits(40))


BAD_CHECKPOINTS: dict[str, Tear] = {
    "empty": lambda root: cut(log.checkpoints(root)[39], 0),
    "half written": lambda root: cut(log.checkpoints(root)[39], 0.5),
    "missing": lambda root: log.checkpoints(root)[39].unlink(),
    "missing, hint half written": lambda root: [
        log.checkpoints(root)[39].unlink(), cut(root / log.LOG / log.HINT, 0.5)
    ],
    "both bad": lambda root: [cut(path, 0) for path in log.checkpoints(root).values()],
}  # fmt: skip


@pytest.mark.parametrize("state", BAD_CHECKPOINTS)
def test_a_bad_checkpoint_costs_nothing(data_dir: Path, state: str) -> None:
    root = folder(data_dir)
    BAD_CHECKPOINTS[state](root)
    assert check(root)
    with pytest.raises(Corrupt, match="tocsin doctor --repair"):
        open_lake(data_dir)
    assert repair(root)
    assert check(root) == []
    lake = open_lake(data_dir)
    assert (lake.version(), lake.offset("q")) == (COMMITS, COMMITS)
    add(lake, COMMITS + 1, COMMITS + 20)
    assert seqs(open_lake(data_dir)) == list(range(1, COMMITS + 21))


@pytest.mark.parametrize("share", [0, 0.5])
def test_a_bad_hint_alone_is_healed_too(data_dir: Path, share: float) -> None:
    root = folder(data_dir)
    cut(root / log.LOG / log.HINT, share)
    assert repair(root)
    assert seqs(open_lake(data_dir)) == list(range(1, COMMITS + 1))


BEYOND_REPAIR: dict[str, tuple[Tear, str]] = {
    "a middle entry missing": (lambda root: entry(root, 42).unlink(), "42.json"),
    "the log gone": (lambda root: [path.unlink() for path in (root / log.LOG).iterdir()], log.LOG),
    "an old data file short, seen by the doctor": (lambda root: cut(data_file(root, 3), 0.5), "parquet"),
    "a data file missing that was flushed long ago": (lambda root: data_file(root, 20).unlink(), "parquet"),
}


@pytest.mark.parametrize("state", BEYOND_REPAIR)
def test_what_cannot_be_healed_is_named_and_left_alone(data_dir: Path, state: str) -> None:
    root = folder(data_dir)
    tear, name = BEYOND_REPAIR[state]
    tear(root)
    before = sorted(path for path in data_dir.rglob("*") if path.is_file())
    (finding, *_) = check(root)
    assert name in str(finding.file)
    assert "restore the lake from a backup" in str(finding)
    assert repair(root) == []
    assert sorted(path for path in data_dir.rglob("*") if path.is_file()) == before


@pytest.mark.parametrize("version", [42, 20])
def test_a_lake_that_misses_something_is_not_opened(data_dir: Path, version: int) -> None:
    root = folder(data_dir)
    (entry(root, version) if version == 42 else data_file(root, version)).unlink()
    with pytest.raises(Corrupt, match="restore the lake from a backup"):
        open_lake(data_dir)


def test_an_old_entry_that_rotted_is_only_history(data_dir: Path) -> None:
    """Before the last checkpoint nothing is made from it; a reader that still wants it has to read the rows."""
    root = folder(data_dir)
    cut(entry(root, 30), 0.5)
    assert repair(root)
    lake = open_lake(data_dir)
    assert seqs(lake) == list(range(1, COMMITS + 1))
    with pytest.raises(LookupError):
        list(lake.commits(29))


def test_a_torn_creation_is_made_anew(tmp_path: Path) -> None:
    open_lake(tmp_path).close()
    cut(entry(folder(tmp_path), 0), 0.5)
    with pytest.raises(Corrupt, match="tocsin doctor --repair"):
        open_lake(tmp_path)
    assert repair(folder(tmp_path))
    add(open_lake(tmp_path), 1, 3)
    assert seqs(open_lake(tmp_path)) == [1, 2, 3]


def test_files_of_writes_that_died_are_no_fault(data_dir: Path) -> None:
    (folder(data_dir) / "day=2026-03-02" / "orphan.parquet").write_bytes(b"PAR1")
    assert check(folder(data_dir)) == []
    assert seqs(open_lake(data_dir)) == list(range(1, COMMITS + 1))


def test_a_torn_merge_falls_back_to_the_files_before_it(data_dir: Path) -> None:
    lake = open_lake(data_dir)
    lake.maintain(datetime(2027, 1, 1, tzinfo=UTC))
    root = folder(data_dir)
    (merged,) = map(Path, lake.snapshot().files)
    cut(merged, 0.5)
    assert repair(root)
    assert seqs(open_lake(data_dir)) == list(range(1, COMMITS + 1))


def test_nothing_is_wrong_with_a_lake_that_is_not_there(tmp_path: Path) -> None:
    assert check(folder(tmp_path)) == []


def test_a_whole_lake_needs_no_repair(data_dir: Path) -> None:
    assert check(folder(data_dir)) == []
    assert repair(folder(data_dir)) == []
