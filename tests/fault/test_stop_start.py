"""R18: stop and start. `tocsin run` itself, stopped, killed, refused and started again, loses and repeats nothing."""

from __future__ import annotations

import os
import random
import re
import signal
import time
from pathlib import Path
from typing import Any

import pytest
from tests.fault.spine import facts
from tests.helpers.faults import LENGTH, SEED, by_length, last_json, python, record
from tests.helpers.running import alerts, commits, kill, run, running, scenario, wait_for
from tests.helpers.world import NOW, World

from tocsin import config as configs
from tocsin.model import Post

PACED = "40000"
KILLS = by_length(2, 5, 100)
STOPS = by_length(1, 3, 100)


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """What a run that nobody disturbs leaves behind, and its alerts."""
    config = scenario(tmp_path_factory.mktemp("undisturbed"), "data")
    done = run(config, "--until-idle")
    assert done.returncode == 0, done.stderr
    return facts(configs.load(config, os.environ)), alerts(config)


def differences(config: Path, undisturbed: tuple[dict[str, Any], list[dict[str, Any]]]) -> list[str]:
    """What is other than in the undisturbed run, once everything is drained."""
    done = run(config, "--until-idle")
    assert done.returncode == 0, done.stderr
    should, listed = undisturbed
    found = facts(configs.load(config, os.environ))
    wrong = [_difference(name, found[name], should[name]) for name in should if found[name] != should[name]]
    return wrong + (["`alerts list --json` is another"] if alerts(config) != listed else [])


def _difference(name: str, found: Any, should: Any) -> str:
    if isinstance(found, dict) and isinstance(should, dict):
        return f"{name} differ in {[key for key in should if found.get(key) != should[key]]}"
    return f"{name} is {found}, undisturbed {should}"


def at_work(config: Path, pid: int, more: int = 2) -> None:
    """Wait until the process has its locks and has made a few commits."""
    data = config.with_suffix("")
    lock = data / "locks" / "process.lock"
    wait_for(lambda: lock.exists() and lock.read_text().strip() == str(pid))
    before = commits(data)
    wait_for(lambda: commits(data) >= before + more)


def test_sigterm_ends_with_0_and_nothing_is_lost_or_repeated(tmp_path: Path, undisturbed: Any) -> None:
    config = scenario(tmp_path, "data", PACED)
    slowest = 0.0
    for _ in range(STOPS):
        with running(config) as process:
            at_work(config, process.pid)
            began = time.monotonic()
            process.send_signal(signal.SIGTERM)
            _, errors = process.communicate(timeout=60)
            slowest = max(slowest, time.monotonic() - began)
        assert process.returncode == 0, errors
        assert "Traceback" not in errors
    wrong = differences(config, undisturbed)
    record(
        "R18",
        f"{STOPS} x SIGTERM, slowest {slowest:.1f} s, {len(wrong)} differences",
        "10 s, 0",
        slowest <= 10 and not wrong,
    )
    assert wrong == []
    assert slowest <= 10


def test_a_second_process_is_refused_with_one_line_that_names_the_first(tmp_path: Path) -> None:
    config = scenario(tmp_path, "data", PACED)
    with running(config) as first:
        at_work(config, first.pid, more=1)
        second = run(config)
    lines = second.stderr.splitlines()
    record("R18", f"second process: exit {second.returncode}, {len(lines)} line", "refused, 1 line", len(lines) == 1)
    assert second.returncode == 1
    assert len(lines) == 1, second.stderr
    assert re.search(rf"is in use: process {first.pid} runs its \w+ loop", lines[0])


def test_killed_runs_give_the_alerts_of_an_undisturbed_one(tmp_path: Path, undisturbed: Any) -> None:
    config = scenario(tmp_path, "data", PACED)
    chance = random.Random(SEED)
    for _ in range(KILLS):
        with running(config) as process:
            if chance.random() < 0.8:
                at_work(config, process.pid, more=1)
            time.sleep(chance.uniform(0, 1.5))
            if chance.random() < 0.5:
                process.kill()
                process.communicate(timeout=30)  # comes back when the worker has gone too
            kill(process)
    wrong = differences(config, undisturbed)
    assert undisturbed[1], "a run without alerts compares nothing"
    figure = f"{KILLS} x kill -9 of the whole run, {len(undisturbed[1])} alerts: {len(wrong)} differences"
    record("R18", figure, "0", not wrong, SEED)
    assert wrong == []


LOADED = """
import asyncio, json, sys, time
began = time.monotonic()
import os
from pathlib import Path
from tocsin import config as configs
from tocsin.runners.assemble import Assembly
from tocsin.runners.local import Runner

async def main():
    runner = Runner(Assembly(configs.load(Path(sys.argv[1]), os.environ)), ("process",))
    running = asyncio.ensure_future(runner.run())
    while not (runner.ready and runner._process):
        await asyncio.sleep(0.01)
    print(json.dumps(time.monotonic() - began))
    runner.stop()
    await running

asyncio.run(main())
"""


@pytest.mark.skipif(LENGTH == "short", reason="a million events take a while to write: not in the short form")
def test_how_long_it_takes_to_start_with_a_million_queued_events(tmp_path: Path) -> None:
    """Until the first batch could be enriched. The scorecard alone judges the figure: it is the machine's too."""
    config = tmp_path / "tocsin.yaml"
    config.write_text("data_dir: data\nsources: {}\n")
    with World(tmp_path) as world:
        for start in range(0, 1_000_000, 5_000):
            posts = [
                Post(uid=f"a:{n}", source="a", id=str(n), text="x" * 200, received_at=NOW, created_at=NOW)
                for n in range(start, start + 5_000)
            ]
            world.put(posts)
    seconds = last_json(python("-c", LOADED, config))
    record("R18", f"ready {seconds:.1f} s after the start with 1,000,000 queued events", "5 s", seconds <= 5)
