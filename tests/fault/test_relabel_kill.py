"""R1 for stored posts that are labelled anew: kill -9 while a run does it, a full disk, and the end is the same."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from tests.fault.spine import facts
from tests.helpers import shop
from tests.helpers.faults import ROOT, SEED, by_length, python, record, why_no_mount
from tests.helpers.running import kill, run, running, tocsin

from tocsin import config as configs
from tocsin.state import State

YAML = """
data_dir: {folder}
watches:
  - {{name: acme, match: acme}}
categories:
{categories}
sources:
  town: {{type: scenario, seed: 7, duration: {duration}, rate: 40, speed: max}}
alerts:
  policies:
    - {{name: volume, by: [watch, category], bucket: 1h}}
"""
OLD = "  - {name: outage, match: down OR outage OR offline}"
NEW = f"  - {{name: letters, match: the OR a OR my}}\n{OLD}"
DURATION = by_length("12h", "2d", "2d")


def configured(folder: Path, name: str, categories: str) -> Path:
    file = folder / f"{name}.yaml"
    file.write_text(YAML.format(folder=name, categories=categories, duration=DURATION))
    return file


def drained(config: Path) -> dict[str, Any]:
    done = run(config, "--until-idle", seconds=200)
    assert done.returncode == 0, done.stderr
    found = facts(configs.load(config, os.environ))
    return {name: found[name] for name in ("kinds", "rows", "series", "events")}


@pytest.mark.timeout(by_length(600, 1_800, 3_600))
def test_killed_while_a_run_labels_anew_it_comes_to_the_same(tmp_path: Path) -> None:
    chance = random.Random(SEED)
    should = drained(configured(tmp_path, "fresh", NEW))
    before = drained(configured(tmp_path, "data", OLD))
    assert before["rows"]["categories"] != should["rows"]["categories"]
    kills = 0
    for turn in range(by_length(4, 20, 80)):
        config = configured(tmp_path, "data", OLD if turn % 2 else NEW)  # there is always something to be changed
        with running(config, "--until-idle") as process:
            assert process.stderr is not None
            if any("labelling them anew" in line for line in process.stderr):
                time.sleep(chance.uniform(0, 3))
                kills += process.poll() is None
            kill(process)
    config = configured(tmp_path, "data", NEW)
    found = drained(config)
    wrong = [name for name, value in should.items() if found[name] != value]
    assert kills
    record("R1", f"{kills} kills while labelling anew: {len(wrong)} differences", "0", not wrong, SEED)
    assert found == should


LABEL = ["label", "--count", "30", "--category", "login"]


@pytest.mark.timeout(300)
def test_every_answer_given_before_a_kill_is_there(tmp_path: Path) -> None:
    shop.fill(tmp_path, 300)
    child = subprocess.Popen(
        tocsin(*LABEL, "-c", tmp_path / "tocsin.yaml"), cwd=ROOT, stdin=subprocess.PIPE, stderr=subprocess.PIPE,
        start_new_session=True,
    )  # fmt: skip
    assert child.stdin is not None
    assert child.stderr is not None
    given = 0
    try:
        for line in child.stderr:
            if b"(6/" in line:
                break
            if line.startswith(b"  1 login"):
                child.stdin.write(b"y\n" if given % 2 else b"n\n")
                child.stdin.flush()
                given += 1
        os.killpg(child.pid, signal.SIGKILL)
    finally:
        kill(child)  # type: ignore[arg-type]
    state = State(tmp_path / "data" / "state.db")
    kept = state.understanding.judgements()
    state.close()
    assert given == 5
    assert sorted(one.belongs for one in kept) == [False, False, False, True, True]


SCRIPT = 'mount -t tmpfs -o size=24m tmpfs "$0" && exec "$@"'


@pytest.mark.skipif(bool(why_no_mount()), reason=f"{why_no_mount()}: a full disk was not tried")
@pytest.mark.timeout(300)
def test_a_full_disk_stops_it_and_with_room_it_goes_on(tmp_path: Path) -> None:
    before = ["unshare", "-m", "sh", "-c", SCRIPT, str(tmp_path)]
    done = python(__file__, tmp_path, before=before)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["full", "same"]


def on_a_small_disk(folder: Path) -> None:
    """Fill the disk, relabel in vain, make room, relabel; say what happened."""
    yaml = shop.YAML.replace('description: "people cannot log in, their password does not work"', "match: log")
    yaml = yaml.replace('description: "people want their money back, a refund that does not come"', "match: refund")
    shop.fill(folder, 2_000, yaml)
    config = folder / "tocsin.yaml"
    filler = folder / "filler"
    with filler.open("wb", buffering=0) as file:
        size = 1 << 20
        while size >= 4096:
            try:
                file.write(bytes(size))
            except OSError:
                size //= 2
    first = subprocess.run(tocsin("relabel", "-c", config), capture_output=True, text=True, check=False)
    print("full" if first.returncode == 1 and "a bug" not in first.stderr else first.stderr)
    filler.unlink()
    again = subprocess.run(tocsin("relabel", "-c", config), capture_output=True, text=True, check=False)
    third = subprocess.run(tocsin("relabel", "-c", config), capture_output=True, text=True, check=False)
    same = again.returncode == 0 and "; 0 are in other categories" in third.stdout
    print("same" if same else again.stderr + third.stdout)


if __name__ == "__main__":
    on_a_small_disk(Path(sys.argv[1]))
