"""`tocsin backtest`: what would have rung, from what is stored or from a CSV file."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from tests.unit.test_backtest import yaml
from typer.testing import CliRunner, Result

from tocsin.cli import app

START = datetime(2026, 3, 2, tzinfo=UTC)
BURST = 3 * 288 + 100


def run(*arguments: str, code: int = 0) -> Result:
    result = CliRunner().invoke(app, ["backtest", *arguments])
    assert result.exit_code == code, result.output
    return result


@pytest.fixture
def table(tmp_path: Path) -> str:
    """Five days of two brands, counted every five minutes; one has an hour of many."""
    counts = np.random.default_rng(3).poisson(4, (5 * 288, 2))
    counts[BURST : BURST + 12, 0] += 40
    lines = ["when,brand,posts"]
    for number, row in enumerate(counts):
        at = (START + timedelta(minutes=5 * number)).isoformat()
        lines += [f"{at},acme,{row[0]}", f"{at},borealis,{row[1]}"]
    file = tmp_path / "posts.csv"
    file.write_text("\n".join(lines) + "\n")
    return str(file)


def given(table: str) -> list[str]:
    return ["--input", table, "--time", "when", "--value", "posts", "--series", "brand", "--bucket", "5m"]


def test_the_burst_is_found_in_a_table(table: str) -> None:
    report = json.loads(run(*given(table), "--json").stdout)
    (found,) = [one for one in report["incidents"] if one["direction"] == "up"]
    assert found["series"] == {"series": "acme"}
    assert found["told"]
    assert found["headline"].startswith("acme: ")
    assert START + timedelta(minutes=5 * BURST) < datetime.fromisoformat(found["detected_at"])
    (policy,) = report["policies"]
    assert (policy["policy"], policy["series"], policy["sensitivity"]) == ("posts", 3, "balanced")
    (promise,) = report["promises"]
    assert (promise["budget"], promise["policies"]) == ("1 per day", ["posts"])
    assert [point["factor"] for point in promise["curve"]] == sorted(point["factor"] for point in promise["curve"])
    assert (report["falls_away"], report["added"]) == ([], [])


def test_people_read_a_list_weeks_and_a_curve(table: str) -> None:
    shown = run(*given(table), "--budget", "2 per week", "--sensitivity", "strict").stdout
    assert "budget 2 per week: 1 alert of 1 incident\n" in shown
    assert re.search(r"^posts +strict +1.00x +3 +1 +1 ", shown, re.MULTILINE)
    assert "\n * 2026-03-05" in shown
    assert "1.25 times" not in shown
    assert "rang live" not in shown
    assert "2 per week holds without raising the threshold. 1x is strict.\n" in shown


def test_of_many_incidents_those_that_ring_are_listed(tmp_path: Path) -> None:
    file = tmp_path / "restless.csv"
    counts = np.random.default_rng(1).poisson(4, (9 * 288, 25))
    for brand in range(25):
        for day in range(2, 9):
            counts[day * 288 + brand * 11 :][:6, brand] += 40 + day
    rows = [
        f"{(START + timedelta(minutes=5 * number)).isoformat()},brand-{brand},{count}"
        for number, row in enumerate(counts)
        for brand, count in enumerate(row)
    ]
    file.write_text("\n".join(["when,brand,posts", *rows]) + "\n")
    shown = run(*given(str(file))).stdout
    assert re.search(r"\n   and \d+ for the digest; --json has them all\n", shown)
    assert "\nAt most 1.25 times the promise in 1 of 1 whole week.\n" in shown
    assert "\n · " not in shown
    assert "\n * " in shown


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["--budget", "a few"], 2, "must be a number per hour, day, week or month"),
        (["--input", "none.csv"], 1, "No such file"),
        (["--input", "none.csv", "--policy", "volume"], 2, "a file has no policies: leave one of the two out"),
        (["--series", "brand"], 2, "columns are of a file: give one"),
        (["--config", "none.yaml"], 78, "none.yaml"),
    ],
)
def test_what_is_wrong_is_said_in_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], code: int, message: str
) -> None:
    monkeypatch.chdir(tmp_path)
    assert message in " ".join(run(*arguments, code=code).output.split())


def test_nothing_stored_is_said_with_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "tocsin.yaml").write_text(yaml())
    assert "there is no data directory" in run(code=1).output
    (tmp_path / "data").mkdir()
    assert "nothing is stored that could be tried: `tocsin run`" in run(code=1).output
    assert "there is no policy 'x'; there are volume" in run("--policy", "x", code=78).output
