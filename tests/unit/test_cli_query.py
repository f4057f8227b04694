"""`tocsin query`: the rows of a statement as a table, JSON, CSV or Parquet."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from tests.helpers.rows import row, table
from typer.testing import CliRunner, Result

from tocsin.cli import app
from tocsin.cli._common import open_lake
from tocsin.config import Config

HOSTILE = "=1+1 \x1b[31m\u202ered[/red]"


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    data_dir = tmp_path_factory.mktemp("data")
    lake = open_lake(Config(data_dir=data_dir))
    rows = [
        row(1, 1, text=HOSTILE, hashtags=["a", "b"], category_scores=[("outage", 0.5)], signature=b"\x00\xff"),
        row(2, 2, text="fine", title="t"),
    ]
    lake.append(table(rows), "q", 2)
    lake.close()
    return data_dir


def run(data_dir: Path, *arguments: str) -> Result:
    return CliRunner().invoke(app, ["query", *arguments, "--data-dir", str(data_dir)])


ROWS = "SELECT text, title, hashtags, category_scores, event_time, seq, sum(seq) OVER () AS s FROM posts ORDER BY seq"
FIRST = {
    "text": HOSTILE,
    "title": None,
    "hashtags": ["a", "b"],
    "category_scores": {"outage": 0.5},
    "event_time": "2026-03-02T00:00:01Z",
    "seq": 1,
    "s": 3,
}


def test_json_is_one_array_safe_to_look_at(data_dir: Path) -> None:
    result = run(data_dir, ROWS, "--json")
    assert json.loads(result.stdout)[0] == FIRST
    assert len(result.stdout.splitlines()) == 1
    assert "\u202e" not in result.stdout
    assert "\x1b" not in result.stdout


def test_jsonl_is_an_object_a_line(data_dir: Path) -> None:
    first, second = map(json.loads, run(data_dir, ROWS, "--format", "jsonl").stdout.splitlines())
    assert first == FIRST
    assert (second["text"], second["title"]) == ("fine", "t")


def test_csv_has_no_formulas(data_dir: Path) -> None:
    header, first, second = csv.reader(io.StringIO(run(data_dir, ROWS, "--format", "csv").stdout))
    assert header == list(FIRST)
    assert first[0].startswith("'=1+1")
    assert first[1:] == ["", '["a","b"]', '{"outage":0.5}', "2026-03-02T00:00:01Z", "1", "3"]
    assert second[:2] == ["fine", "t"]


def test_parquet_is_arrow_as_it_is(data_dir: Path, tmp_path: Path) -> None:
    file = tmp_path / "rows.parquet"
    assert run(data_dir, ROWS, "--format", "parquet", "--output", str(file)).stdout == ""
    assert pq.read_table(file).to_pylist()[0]["text"] == HOSTILE
    piped = CliRunner().invoke(app, ["query", ROWS, "--format", "parquet", "--data-dir", str(data_dir)])
    assert pq.read_table(io.BytesIO(piped.stdout_bytes)).num_rows == 2


def test_a_table_shows_nulls_and_no_controls(data_dir: Path) -> None:
    shown = run(data_dir, ROWS).stdout
    assert "NULL" in shown
    assert "red[/red]" in shown
    assert "\x1b" not in shown
    assert "\u202e" not in shown
    assert shown.endswith("2 rows\n")


def test_values_that_json_has_not(data_dir: Path) -> None:
    statement = """SELECT 'nan'::DOUBLE AS n, 'ab'::BLOB AS b, 1.50::DECIMAL(9, 2) AS d, DATE '2026-03-01' AS day,
        INTERVAL 1 DAY AS i, 170141183460469231731687303715884105727::HUGEINT AS h"""
    (only,) = json.loads(run(data_dir, statement, "--json").stdout)
    assert only.pop("i")
    assert only == {"n": None, "b": "6162", "d": 1.5, "day": "2026-03-01", "h": 2**127 - 1}


def test_the_limit_is_told(data_dir: Path) -> None:
    result = run(data_dir, "FROM range(5000)", "--format", "jsonl", "--limit", "3")
    assert len(result.stdout.splitlines()) == 3
    assert "The first 3 rows; there are more" in result.stderr
    assert len(run(data_dir, "FROM range(5000)", "--format", "jsonl", "--limit", "0").stdout.splitlines()) == 5000


def test_the_state_is_asked_too(data_dir: Path) -> None:
    for name in ("series", "incidents"):
        assert json.loads(run(data_dir, f"SELECT count(*) AS n FROM {name}", "--json").stdout) == [{"n": 0}]


def test_a_mistake_is_one_line_and_exit_78(data_dir: Path) -> None:
    result = run(data_dir, "DROP VIEW posts")
    assert result.exit_code == 78
    assert result.stdout == ""
    assert result.stderr.count("\n") == 1
    assert "more than read" in result.stderr


def test_without_a_data_directory(tmp_path: Path) -> None:
    result = run(tmp_path / "none", "SELECT 1")
    assert result.exit_code == 1
    assert "there is no data directory" in result.stderr
    assert not (tmp_path / "none").exists()
