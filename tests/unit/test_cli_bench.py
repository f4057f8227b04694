"""`tocsin bench` and `evaluate`: found on disk, run by name, figures for people and as JSON."""

from __future__ import annotations

import importlib
import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from tocsin import bench
from tocsin.cli import _figures, app

FIGURES = {"posts": 12_000, "rate_a_second": 1234.5, "share": 0.1234, "ok": True, "at": {"p50": 0.5}, "put": [{"n": 1}]}


def tocsin(*arguments: str) -> Result:
    return CliRunner().invoke(app, list(arguments))


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What the benchmark `rules` was asked with, in place of running it."""
    found: dict[str, Any] = {}

    def run(**settings: Any) -> dict[str, Any]:
        found.update(settings)
        return FIGURES

    monkeypatch.setattr(importlib.import_module("tocsin.bench.rules"), "run", run)
    return found


def test_without_a_name_they_are_listed() -> None:
    folder = Path(bench.__file__).parent
    listed = tocsin("bench").stdout.split()
    assert {"lake", "queue", "rules"} <= set(listed) <= {file.stem for file in folder.glob("*.py")}
    assert listed == sorted(listed)
    assert tocsin("evaluate").exit_code == 0


def test_only_what_can_be_run_is_listed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "bench").mkdir()
    for name, text in (("one", "\ndef run(n=1): pass"), ("_two", "\ndef run(): pass"), ("three", "def ran(): pass")):
        (tmp_path / "bench" / f"{name}.py").write_text(text)
    monkeypatch.setattr(_figures, "__file__", str(tmp_path / "cli" / "_figures.py"))
    assert _figures._names("bench") == ["one"]


@pytest.mark.parametrize("name", ["nothing", "_rules", "../cli/run", "rules.run"])
def test_what_is_not_listed_cannot_be_run(name: str) -> None:
    result = tocsin("bench", name)
    assert result.exit_code == 2
    assert "is not one of" in result.stderr


def test_settings_are_numbers_or_paths(asked: dict[str, Any]) -> None:
    settings = ["--set", "posts=12", "--set", "share=0.5", "--set", "data-file=a=b.csv"]
    assert tocsin("bench", "rules", *settings).exit_code == 0
    assert asked == {"posts": 12, "share": 0.5, "data_file": Path("a=b.csv")}
    assert [type(value) for value in asked.values()][:2] == [int, float]


def test_a_setting_without_a_value_is_a_usage_error(asked: dict[str, Any]) -> None:
    result = tocsin("bench", "rules", "--set", "posts")
    assert result.exit_code == 2
    assert "posts is not KEY=VALUE" in result.stderr
    assert asked == {}


def test_a_setting_that_the_benchmark_does_not_have_is_named() -> None:
    result = tocsin("evaluate", "places", "--set", "lizt=x.csv")
    assert result.exit_code == 2
    assert "'lizt'" in result.stderr
    assert "there are list" in " ".join(result.stderr.split())


def test_figures_for_people(asked: dict[str, Any]) -> None:
    assert tocsin("bench", "rules").stdout.splitlines() == [
        f"{'posts':44s} 12,000",
        f"{'rate a second':44s} 1,234",
        f"{'share':44s} 0.123",
        f"{'ok':44s} True",
        "at",
        f"{'  p50':44s} 0.5",
        "put",
        "  n 1",
    ]


def test_figures_as_json_on_stdout_and_in_a_file(asked: dict[str, Any], tmp_path: Path) -> None:
    file = tmp_path / "new" / "figures.json"
    assert json.loads(tocsin("bench", "rules", "--json", "-o", str(file)).stdout) == FIGURES
    assert json.loads(file.read_text()) == FIGURES
    assert file.read_text().endswith("}\n")


def test_a_real_one_runs_through_the_command_line() -> None:
    figures = json.loads(tocsin("bench", "rules", "--set", "posts=20", "--json").stdout)
    assert figures["posts_per_second_1000"] > 0
