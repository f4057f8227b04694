"""`tocsin run` as a process of its own."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from tests.helpers.faults import ROOT

START_SECONDS = 90.0

SCENARIO = """
data_dir: {folder}
watches:
  - {{name: acme, match: acme}}
  - {{name: borealis, match: borealis}}
categories:
  - {{name: outage, match: down OR outage OR "not working" OR offline}}
sources:
  {name}: {{type: scenario, seed: 7, duration: {duration}, rate: 40, speed: {speed}}}
alerts:
  policies:
    - {{name: volume, by: [watch], bucket: 5m}}
"""


def tocsin(*arguments: object) -> list[str]:
    return [sys.executable, "-m", "tocsin", *map(str, arguments)]


def scenario(folder: Path, name: str, speed: str = "max", duration: str = "4d") -> Path:
    """A config that listens to a scenario; its data directory is `folder`/`name`."""
    file = folder / f"{name}.yaml"
    file.write_text(SCENARIO.format(folder=name, name="town", speed=speed, duration=duration))
    return file


@contextmanager
def running(config: Path, *options: str) -> Iterator[subprocess.Popen[str]]:
    """`tocsin run`, with the worker that it starts, as a group; killed at the end if it is still there."""
    process = subprocess.Popen(
        tocsin("run", "-c", config, *options), cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        start_new_session=True,
    )  # fmt: skip
    try:
        yield process
    finally:
        kill(process)


def kill(process: subprocess.Popen[str]) -> None:
    """SIGKILL for the process and its worker."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.communicate()


def run(config: Path, *options: str, seconds: float = START_SECONDS) -> subprocess.CompletedProcess[str]:
    """`tocsin run` to its end."""
    command = tocsin("run", "-c", config, *options)
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=seconds, check=False)


def alerts(config: Path) -> list[dict[str, Any]]:
    """What `tocsin alerts list --json` says, but for the id of the lake, which no other lake has."""
    done = subprocess.run(
        tocsin("alerts", "list", "--json", "-c", config), cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    listed: list[dict[str, Any]] = json.loads(done.stdout)
    for one in listed:
        del one["receipt"]["lake"]
    return listed


def commits(data_dir: Path) -> int:
    """How many entries the lake's log has."""
    return len(list((data_dir / "lake" / "events" / "_delta_log").glob("*.json")))


def wait_for(condition: Callable[[], object], seconds: float = START_SECONDS) -> float:
    """Wait until something is so; how long that took."""
    began = time.monotonic()
    while not condition():
        if time.monotonic() - began > seconds:
            raise TimeoutError(f"not within {seconds:.0f} s")
        time.sleep(0.02)
    return time.monotonic() - began
