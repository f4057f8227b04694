"""`tocsin relabel`: what it shows before, and what it does."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from tests.helpers import shop
from tests.helpers.world import World
from typer.testing import CliRunner

from tocsin.cli import app
from tocsin.runners import relabel
from tocsin.runners.locks import Locks

RULES = """
data_dir: data
sources: {}
categories:
  - {name: login, match: "login OR password"}
  - {name: refund, match: refund}
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    from tests.unit.test_relabel import InProcess

    monkeypatch.setattr(relabel, "Worker", InProcess)
    shop.fill(tmp_path, 600, RULES)
    return tmp_path


def tocsin(folder: Path, *arguments: str) -> Any:
    return CliRunner().invoke(app, ["relabel", *arguments, "-c", str(folder / "tocsin.yaml")])


def test_a_dry_run_counts_what_the_real_one_changes_and_changes_nothing(folder: Path) -> None:
    with World(folder) as world:
        before = world.rows()
    found = json.loads(tocsin(folder, "--dry-run", "--json").stdout)
    with World(folder) as world:
        assert world.rows() == before
    refund = next(one for one in found["categories"] if one["category"] == "refund")
    expected = [row for row in before if "refund" in row["text"]]
    assert (refund["before"], refund["after"], refund["won"], refund["lost"]) == (0, len(expected), len(expected), 0)
    assert refund["won_from"] == {"other": len(expected)}
    assert [one["uid"] for one in refund["won_examples"]] == [row["uid"] for row in expected[:3]]
    done = json.loads(tocsin(folder, "--json").stdout)
    assert done["posts"] == found["posts"] == 600
    assert done["changed"] == found["changed"] > 0
    with World(folder) as world:
        assert sum("refund" in row["categories"] for row in world.rows()) == len(expected)
    again = json.loads(tocsin(folder, "--dry-run", "--json").stdout)
    assert again["changed"] == 0


def test_a_person_reads_what_moves_where(folder: Path) -> None:
    said = tocsin(folder, "--dry-run").output
    assert "posts would be in other categories" in said
    assert "refund: 0 before," in said
    assert "(from other " in said
    assert "\n    news:" in said
    assert "600 posts; " in tocsin(folder).output
    assert "Looked at 600 posts; 0 are in other categories now." in tocsin(folder).output


def test_a_dry_run_may_be_asked_for_beside_a_run_and_the_real_one_not(folder: Path) -> None:
    with Locks(folder / "data", ["process"]):
        assert tocsin(folder, "--dry-run").exit_code == 0
        refused = tocsin(folder)
    assert refused.exit_code == 1
    assert "labels stored posts anew by itself" in refused.output


def test_all_gives_the_rest_anew_too(folder: Path) -> None:
    assert tocsin(folder, "--all").exit_code == 0
    with World(folder) as world:
        rows = world.rows("sentiment", "categories", "text", "cluster_id")
    assert all(row["sentiment"] for row in rows)
    assert not any(row["cluster_id"] for row in rows)
