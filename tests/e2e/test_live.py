"""A new user and Bluesky: `init`, `sources try`, `run`, all against a simulator on this machine."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.helpers.command import run
from tests.helpers.faults import ROOT
from tests.helpers.running import commits, kill, running, tocsin, wait_for

SECONDS = ("--seconds", "3")


@pytest.fixture(scope="module")
def bluesky() -> Iterator[str]:
    """`tocsin simulate jetstream`: the block of `sources:` that it prints."""
    command = tocsin("simulate", "jetstream", "--port", 0, "--rate", 100, "--faults", 2)
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, start_new_session=True)
    assert process.stdout is not None
    assert "100 posts a second" in process.stdout.readline()
    block = process.stdout.readline()
    yield block.strip().removeprefix("sources: {").removesuffix("}")
    kill(process)


@pytest.fixture
def folder(tmp_path: Path, bluesky: str) -> Path:
    """A folder with what `tocsin init` writes, listening to the simulator."""
    assert run(["init", "--template", "brand", "--term", "acme"], tmp_path).returncode == 0
    file = tmp_path / "tocsin.yaml"
    text, changed = re.subn(r"^  bluesky: \{type: jetstream\}.*$", f"  {bluesky}", file.read_text(), flags=re.MULTILINE)
    text = re.sub(r"^  inbox:.*\n", "", text, flags=re.MULTILINE).replace("port: 8321", "port: 0")
    file.write_text(text)
    assert changed == 1
    return tmp_path


def test_posts_come_in_and_the_screen_says_from_where(folder: Path) -> None:
    with running(folder / "tocsin.yaml") as process:
        wait_for(lambda: commits(folder / "tocsin-data") > 1)
        process.terminate()
        _, said = process.communicate(timeout=30)
    assert "Source bluesky listens at 127.0.0.1:" in said
    found = run(["query", "--format", "json", "SELECT DISTINCT source, watches FROM posts"], folder)
    assert {"source": "bluesky", "watches": ["acme"]} in [json.loads(line) for line in _lines(found.stdout)]


def _lines(text: str) -> list[str]:
    """Rows of JSON, be they a list or lines."""
    found = json.loads(text) if text.startswith("[") else [json.loads(line) for line in text.splitlines()]
    return [json.dumps(row) for row in found]


def test_a_source_can_be_tried_and_nothing_is_kept(folder: Path) -> None:
    found = run(["sources", "try", "bluesky", "--json", *SECONDS], folder)
    heard = json.loads(found.stdout)
    assert heard["posts"] > 0
    assert heard["first"] is not None
    shown = run(["sources", "try", "bluesky", *SECONDS], folder)
    assert "acme" in shown.stdout.lower()
    assert "Nothing was kept." in shown.stdout
    assert not (folder / "tocsin-data").exists()


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("blusky", "no source is named 'blusky' (did you mean 'bluesky'?)"),
        ("nowhere", "127.0.0.1:9 could not be reached"),
    ],
)
def test_what_cannot_be_tried_is_one_line(folder: Path, name: str, said: str) -> None:
    file = folder / "tocsin.yaml"
    nowhere = '  nowhere: {type: jetstream, hosts: ["http://127.0.0.1:9"]}\n'
    file.write_text(re.sub(r"^sources:.*\n", "sources:\n" + nowhere, file.read_text(), flags=re.MULTILINE))
    found = run(["sources", "try", name, "--seconds", "1"], folder)
    assert found.returncode != 0
    assert said in found.stderr
    assert "Traceback" not in found.stderr


def test_the_doctor_asks_the_platform(folder: Path) -> None:
    file = folder / "tocsin.yaml"
    nowhere = '  nowhere: {type: jetstream, hosts: ["http://127.0.0.1:9"]}\n'
    file.write_text(re.sub(r"^sources:.*\n", "sources:\n" + nowhere, file.read_text(), flags=re.MULTILINE))
    text = re.sub(
        r"^sources:.*\n",
        "sources:\n" + '  feed: {type: rss, feeds: ["http://127.0.0.1:9/x"]}\n',
        file.read_text(),
        flags=re.M,
    )
    file.write_text(text)
    found = run(["doctor"], folder)
    assert re.search(r"^warn +source +feed: http://127.0.0.1:9/x: .*could not be reached", found.stdout, re.MULTILINE)
    assert re.search(r"^ok +source +bluesky: the first word after \d", found.stdout, re.MULTILINE)
    assert re.search(r"^warn +source +nowhere: .*could not be reached", found.stdout, re.MULTILINE)


def test_a_run_without_the_server_keeps_trying(tmp_path: Path) -> None:
    file = tmp_path / "tocsin.yaml"
    file.write_text('sources: {bluesky: {type: jetstream, hosts: ["http://127.0.0.1:9"]}}\ndata_dir: data\n')
    with running(file, "--only", "ingest") as process:
        assert process.stderr is not None
        tries = (line for line in process.stderr if "could not be reached" in line and "Trying again" in line)
        assert [next(tries).count("\n") for _ in range(3)] == [1, 1, 1]
        assert process.poll() is None
