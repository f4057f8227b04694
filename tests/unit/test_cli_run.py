"""`tocsin run`: what it says at its end, how it ends, and what it refuses."""

from __future__ import annotations

import json
import logging
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from tests.helpers.files import csv_text, row
from typer.testing import CliRunner, Result

from tocsin import config as configs
from tocsin.cli import app
from tocsin.clock import SystemClock
from tocsin.model import Batch, Delete
from tocsin.runners import local
from tocsin.runners.assemble import Assembly
from tocsin.runners.locks import Locks

pytestmark = pytest.mark.timeout(120)
YAML = """
data_dir: data
sources:
  archive: {type: file, path: posts.csv}
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    (tmp_path / "tocsin.yaml").write_text(YAML)
    (tmp_path / "posts.csv").write_text(csv_text([row(number) for number in range(1, 6)]))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(local, "COMMIT_SECONDS", 0.05)
    level, before = logging.getLogger().level, logging.getLogger().handlers[:]
    yield tmp_path
    logging.getLogger().setLevel(level)
    logging.getLogger().handlers[:] = before


def run(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["run", *arguments])


def last(result: Result) -> str:
    return result.stderr.splitlines()[-1]


def process(folder: Path, *arguments: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "tocsin", "run", *arguments]
    return subprocess.Popen(command, cwd=folder, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def rows_in_the_lake(folder: Path) -> int:
    with closing(Assembly(configs.load(folder / "tocsin.yaml", os.environ)).lake()) as lake:
        return lake.last_seq()


def test_at_the_end_every_kind_is_counted(folder: Path) -> None:
    rows = [row(1), row(2), row(2), row(3), ("4", "no time at all", "ann", "text")]
    (folder / "posts.csv").write_text(csv_text(rows))
    result = run("--until-idle")
    assert (result.exit_code, result.stdout) == (0, "")
    assert last(result) == "This run: 3 posts, 1 duplicate. Dead letters: 1. Still queued: 0."
    again = run("--until-idle")
    assert last(again) == "This run: nothing new. Dead letters: 1. Still queued: 0."


def test_what_is_not_yet_processed_is_said_to_be_queued(folder: Path) -> None:
    assert re.search(r"This run: nothing new\. .* Still queued: [56]\.$", last(run("--only", "ingest", "--until-idle")))
    result = run("--only", "process,detect, notify", "--until-idle")
    assert last(result) == "This run: 5 posts. Dead letters: 0. Still queued: 0."


def test_a_queue_without_a_past_is_not_said_to_hold_less_than_nothing(folder: Path) -> None:
    (folder / "tocsin.yaml").write_text(YAML + "queue: {type: memory}\n")
    assert last(run("--until-idle")) == "This run: 5 posts. Dead letters: 0. Still queued: 0."


def test_a_post_that_was_deleted_before_it_came_is_counted(folder: Path) -> None:
    assembly = Assembly(configs.load(folder / "tocsin.yaml", os.environ))
    assembly.prepare()
    with closing(assembly.queue()) as queue:
        queue.put("erase", Batch(events=[Delete(source="archive", uid="archive:2")]))
    assert last(run("--until-idle")).startswith("This run: 4 posts, 1 delete, 1 erased. ")


def test_a_source_that_cannot_be_read_makes_the_exit_code(folder: Path) -> None:
    (folder / "tocsin.yaml").write_text(YAML + "  other: {type: file, path: missing.csv}\n")
    result = run("--until-idle", "--log-level", "error")
    code = result.exit_code
    assert code in (1, 78)
    assert "missing.csv" in last(result)
    assert "This run: 5 posts." in result.stderr
    assert "Source other has stopped" in result.stderr


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--log-level", "loud"), "loud is not one of debug, info, warning, error"),
        (("--only", "ingest,chew"), "chew is not one of ingest, process, detect, notify, serve"),
        (("--only", " , "), "name one or more of ingest, process, detect, notify, serve"),
        (("now",), "unexpected extra argument"),
    ],
)
def test_a_wrong_command_line_ends_with_2_before_anything_is_made(
    folder: Path, arguments: tuple[str, ...], said: str
) -> None:
    result = run(*arguments)
    assert result.exit_code == 2
    assert said in " ".join(result.stderr.replace("│", " ").split())
    assert not (folder / "data").exists()


def test_a_config_without_sources_ends_with_78(folder: Path) -> None:
    (folder / "tocsin.yaml").write_text("data_dir: data\n")
    result = run("--until-idle")
    assert result.exit_code == 78
    assert last(result) == "tocsin: there are no sources, so there is nothing to read (add a block to `sources:`)"


def test_a_data_directory_in_use_ends_with_1_and_names_the_holder(folder: Path) -> None:
    with Locks(folder / "data", ["process"]):
        result = run("--until-idle")
    assert result.exit_code == 1
    assert f"process {os.getpid()} runs its process loop" in last(result)


def test_the_log_may_be_json(folder: Path) -> None:
    (folder / "tocsin.yaml").write_text(YAML + "  other: {type: file, path: missing.csv}\n")
    lines = [line for line in run("--until-idle", "--log-json").stderr.splitlines() if line.startswith("{")]
    assert any("other has stopped" in json.loads(line)["message"] for line in lines)


def test_loops_in_two_processes_started_at_once_and_one_stopped_by_a_signal(folder: Path) -> None:
    with process(folder, "--only", "process,detect,notify") as working:
        with process(folder, "--only", "ingest", "--until-idle") as reading:
            assert reading.wait(60) == 0, reading.communicate()[1]
        clock = SystemClock()
        began = clock.monotonic()
        while rows_in_the_lake(folder) < 5 and clock.monotonic() - began < 60:
            assert working.poll() is None, working.communicate()[1]
        working.send_signal(signal.SIGTERM)
        said = working.communicate(timeout=60)[1]
    assert working.returncode == 0
    assert "This run: 5 posts" in said
    assert (folder / "data" / "metrics.prom").exists()
