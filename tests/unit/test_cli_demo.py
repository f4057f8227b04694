"""`tocsin demo`: the folder it works in. The whole demo is played in the end-to-end tests."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tocsin import config as configs
from tocsin.cli.demo import _prepare
from tocsin.errors import Locked, Permanent
from tocsin.runners.locks import Locks

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)


def test_a_new_folder_gets_a_config_that_works(tmp_path: Path) -> None:
    file = _prepare(tmp_path / "a" / "demo", NOW)
    config = configs.load(file, os.environ)
    assert config.data_dir == file.parent
    assert [part.type for part in config.sources.values()] == ["scenario"]


def test_an_empty_folder_is_as_good_as_a_new_one(tmp_path: Path) -> None:
    assert _prepare(tmp_path, NOW).exists()


def test_an_earlier_demo_is_swept_away(tmp_path: Path) -> None:
    file = _prepare(tmp_path / "demo", NOW)
    (file.parent / "queue.db").write_text("old")
    assert _prepare(tmp_path / "demo", NOW) == file
    assert [left.name for left in file.parent.iterdir()] == ["tocsin.yaml"]


@pytest.mark.parametrize("name", ["tocsin.yaml", "diary.txt"])
def test_what_the_demo_did_not_write_it_does_not_sweep_away(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("data_dir: data\n")
    with pytest.raises(Permanent, match="holds something else: name another folder"):
        _prepare(tmp_path, NOW)
    assert [left.name for left in tmp_path.iterdir()] == [name]


def test_a_demo_that_is_running_is_left_in_peace(tmp_path: Path) -> None:
    file = _prepare(tmp_path / "demo", NOW)
    with Locks(file.parent, ["detect"]), pytest.raises(Locked, match=f"process {os.getpid()} runs its detect loop"):
        _prepare(tmp_path / "demo", NOW)
    assert file.exists()
