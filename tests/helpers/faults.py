"""How long the fault tests run, with which seed, and where their figures go.

TOCSIN_FAULT is `short` (in `make test`), `full` (`make fault`) or `long` (`make fault-long`); TOCSIN_SEED, a number,
makes a random run again; TOCSIN_SCORECARD names a file that takes the figures as JSON lines.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

ROOT = Path(__file__).parents[2]
LENGTH = os.environ.get("TOCSIN_FAULT", "short")
SEED = int(os.environ.get("TOCSIN_SEED", "20261123"))

T = TypeVar("T")


def by_length(short: T, full: T, long: T) -> T:
    """The value for the length of this run."""
    return {"short": short, "full": full, "long": long}[LENGTH]


def record(name: str, figure: str, bound: str, ok: bool, seed: int | None = None) -> None:
    """Note a figure of the property `name` ("R1") for the scorecard, and print it."""
    line = {"name": name, "figure": figure, "bound": bound, "pass": ok, "seed": seed}
    print(f"{name}: {figure} (bound: {bound}){'' if seed is None else f', seed {seed}'}")
    if file := os.environ.get("TOCSIN_SCORECARD"):
        with Path(file).open("a") as lines:
            lines.write(json.dumps(line) + "\n")


def python(
    *arguments: object, before: list[str] | None = None, seconds: float = 240, environ: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Run Python with these arguments, from the root of the repository, and wait for it."""
    return subprocess.run(
        [*(before or []), sys.executable, *map(str, arguments)],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT), **(environ or {})},
        capture_output=True,
        text=True,
        timeout=seconds,
        check=False,
    )


def last_json(done: subprocess.CompletedProcess[str]) -> Any:
    """The last line of a child's output, which is JSON. Its errors are shown where it failed."""
    assert done.returncode == 0, f"{done.stdout[-2000:]}\n{done.stderr[-4000:]}"
    return json.loads(done.stdout.splitlines()[-1])


@cache
def why_no_strace() -> str:
    """Why strace cannot be used here; empty if it can."""
    if not shutil.which("strace"):
        return "strace is not installed"
    tried = subprocess.run(["strace", "-qq", "-o", "/dev/null", "true"], capture_output=True, check=False)
    return "" if tried.returncode == 0 else "this machine forbids strace"


@cache
def why_no_mount() -> str:
    """Why no small disk can be mounted here; empty if it can."""
    if os.geteuid() != 0 or not shutil.which("unshare"):
        return "a disk of its own needs root and unshare"
    tried = subprocess.run(
        ["unshare", "-m", "sh", "-c", "mount -t tmpfs -o size=1m tmpfs /mnt"], capture_output=True, check=False
    )
    return "" if tried.returncode == 0 else "this machine forbids mounting"
