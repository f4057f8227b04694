"""Bad input, as a person meets it: the exit code and the one clear line of a real process.

What is tested elsewhere: a full disk in tests/unit/test_queue_sqlite.py and tests/fault/test_queue_faults.py; a
corrupt queue in tests/unit/test_queue_repair.py and tests/unit/test_cli_doctor.py, a corrupt lake in
tests/fault/test_lake_tears.py; a body of 10 MB sent by HTTP in tests/unit/test_webhook_source.py; a live post of the
future or of 1970 in tests/unit/test_ingest.py; every other mistake in a config in tests/unit/test_config.py.
"""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from tests.helpers.command import run

CONFIG = "tocsin.yaml"
GOOD = "id,text,created_at\n1,down,2026-03-01T10:00:00Z\n"
HEADER = "id,text,created_at"


def source(**options: object) -> str:
    return f"sources:\n  archive: {json.dumps({'type': 'file', 'path': 'posts.csv'} | options)}\n"


@pytest.mark.parametrize(
    ("yaml", "said"),
    [
        ("watchs: []\n", "tocsin.yaml:1:1: unknown key 'watchs' (did you mean 'watches'?)"),
        ("watches:\n  - {name: a, match: '(acme OR'}\n", "tocsin.yaml:2:31: OR needs a term on each side"),
        (source(time_format="klingon"), "'klingon' is no form of time: write one of iso, "),
        (source(type="fil"), "no source has the type 'fil'; there are discord, file, "),
        ("lateness: soon\n", "tocsin.yaml:1:11: 'soon' is not a duration: write a number and a unit, like 90s"),
    ],
)
def test_a_bad_config_ends_with_78_and_says_where(tmp_path: Path, yaml: str, said: str):
    (tmp_path / CONFIG).write_text(yaml)
    result = run(["run", "--until-idle"], tmp_path)
    assert (result.returncode, result.stdout, result.stderr.count("\n")) == (78, "", 1)
    assert said in result.stderr
    assert [file.name for file in tmp_path.iterdir()] == [CONFIG]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "there is no file "),
        (f"{HEADER}\n1,a,quux\n2,b,quux\n", "the time column 'created_at' has no form that is known: 'quux'"),
        (f"{HEADER}\n1,a,03/04/2018\n", "the time column 'created_at' may be day_first or month_first"),
        ("name,age\nx,3\n", "posts.csv"),
    ],
)
def test_a_file_that_cannot_be_read_ends_with_78_and_says_why(tmp_path: Path, content: str | None, said: str):
    (tmp_path / CONFIG).write_text(source())
    if content is not None:
        (tmp_path / "posts.csv").write_text(content)
    result = run(["run", "--until-idle", "--log-level", "warning"], tmp_path)
    *_, last = result.stderr.splitlines()
    assert result.returncode == 78
    assert last.startswith("tocsin: ")
    assert said in last
    assert "bug" not in result.stderr


def test_a_config_that_is_not_there(tmp_path: Path):
    for command in (["run"], ["alerts", "list"]):
        result = run(command, tmp_path)
        assert (result.returncode, result.stdout) == (78, "")
        assert result.stderr == "tocsin.yaml: no such file (write one with `tocsin init`, or name one with -c)\n"


def test_a_data_directory_that_cannot_be_used(tmp_path: Path):
    (tmp_path / "taken").write_text("a file")
    (tmp_path / "posts.csv").write_text(GOOD)
    (tmp_path / CONFIG).write_text(f"data_dir: taken\n{source()}")
    result = run(["run", "--until-idle"], tmp_path)
    assert (result.returncode, result.stdout, result.stderr.count("\n")) == (1, "", 1)
    assert re.fullmatch(r"tocsin: the data directory \S+/taken cannot be written \(.*\): give it .*\n", result.stderr)


def test_a_data_directory_that_is_not_there_yet(tmp_path: Path):
    (tmp_path / CONFIG).write_text(source())
    for command in (["alerts", "list"], ["query", "SELECT 1"]):
        result = run(command, tmp_path)
        assert (result.returncode, result.stderr.count("\n")) == (1, 1)
        assert "there is no data directory" in result.stderr


def test_a_wrong_command_line_ends_with_2(tmp_path: Path):
    (tmp_path / CONFIG).write_text(source())
    for command in (["rum"], ["run", "--only", "ingst"]):
        result = run(command, tmp_path)
        assert (result.returncode, result.stdout) == (2, "")
        assert command[-1] in result.stderr


def test_one_file_with_everything_wrong_costs_the_wrong_rows_alone(tmp_path: Path):
    ahead = (datetime.now(UTC) + timedelta(days=2)).isoformat()
    lines = [
        f"\ufeff{HEADER}\r\n",
        "1,all is well,2026-03-01T10:00:00Z\r\n",
        "2,a line end of another kind,2026-03-01T10:01:00Z\n",
        '3,"a quote that is never closed,2026-03-01T10:02:00Z\n',
        "4,a\x00nul and a \u202ebidi control,2026-03-01T10:03:00Z\r\n",
        "5,from the beginning of time,1970-01-01T00:00:00Z\n",
        f"6,from the future,{ahead}\n",
        f"7,{'x' * 10_000_000},2026-03-01T10:04:00Z\n",
        "8,too few\n",
        '9,"over\nlines",2026-03-01T10:05:00Z\n',
        "10,never,\n",
        '11,"the last, without a line end",2026-03-01T10:06:00Z',
    ]
    (tmp_path / "posts.csv").write_bytes("".join(lines).encode())
    (tmp_path / CONFIG).write_text(source())
    result = run(["run", "--until-idle", "--log-level", "warning"], tmp_path)
    assert result.returncode == 0, result.stderr
    assert result.stderr == "This run: 5 posts. Dead letters: 6. Still queued: 0.\n"
    asked = run(["query", "SELECT id, text FROM posts ORDER BY event_time", "--json"], tmp_path)
    found = {row["id"]: row["text"] for row in json.loads(asked.stdout)}
    assert list(found) == ["1", "2", "4", "9", "11"]
    assert found["9"] == "over\nlines"
    assert "\x00" not in found["4"]
    letters = json.loads(run(["deadletter", "list", "--json"], tmp_path).stdout)
    assert all(letter["reason"] and letter["place"] and len(letter["body"]) <= 65_536 for letter in letters)
    assert len(letters) == 6
