"""R5 and R6: a disk that is full and has room again, and disks that fail, under `tocsin run` as a whole."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
from tests.fault.spine import facts
from tests.helpers.faults import ROOT, by_length, last_json, python, record, why_no_mount, why_no_strace
from tests.helpers.running import run, scenario, tocsin

from tocsin import config as configs

SCRIPT = 'mount -t tmpfs -o size=64m tmpfs "$0" && exec "$@"'


@pytest.mark.skipif(bool(why_no_mount()), reason=f"{why_no_mount()}: a full disk was not tried")
def test_a_full_disk_pauses_intake_and_everything_goes_on_when_there_is_room(tmp_path: Path) -> None:
    before = ["unshare", "-m", "sh", "-c", SCRIPT, str(tmp_path)]
    found = last_json(python("-m", "tests.fault.disk_child", tmp_path, before=before))
    errors = found.pop("errors")
    slowest = max(
        found[f"{name}: {what} after"] for name in ("low", "full") for what in ("takes again", "all in the lake")
    )
    good = found["lost"] == 0 and slowest <= 5
    record(
        "R5", f"{found['lost']} acknowledged posts lost, on again {slowest:.1f} s after there was room", "0, 5 s", good
    )
    assert (found["lost"], found["exit"]) == (0, 0), errors
    assert found["low: still running"]
    assert found["full: still running"], errors
    assert found["low: taken"] == found["full: taken"] == 0, "intake went on below the mark"
    assert "is paused" in errors
    assert "waits for room on the disk" in errors
    assert "a bug" not in errors
    assert slowest <= 5 * by_length(3, 1, 1), "in the short form other tests share the machine"


POINTS = [
    ("fdatasync", "EIO", 3, "queue.db-wal"),
    ("fsync", "EIO", 5, None),
    ("pwrite64", "ENOSPC", 10, "state.db-wal"),
    ("linkat", "EIO", 1, None),
    ("fdatasync", "EIO", 12, "queue.db-wal"),
    ("pwrite64", "EIO", 5, "queue.db-wal"),
    ("pwrite64", "ENOSPC", 30, "queue.db-wal"),
    ("fallocate", "ENOSPC", 1, None),
    ("fdatasync", "EIO", 2, "state.db-wal"),
    ("pwrite64", "EIO", 4, "state.db-wal"),
    ("fsync", "EIO", 1, "alerts.jsonl"),
    ("write", "ENOSPC", 1, "alerts.jsonl"),
    ("openat", "EMFILE", 1, "alerts.jsonl"),
    ("fsync", "EIO", 1, None),
    ("fsync", "EIO", 13, None),
    ("linkat", "ENOSPC", 1, None),
    ("rename", "EIO", 1, None),
    ("mkdir", "ENOSPC", 2, None),
    ("unlink", "EIO", 1, None),
    ("openat", "EMFILE", 1, "lake/events/_delta_log"),
    ("openat", "EMFILE", 1, "state.db"),
]
"""System call, error, which call of a thread fails, and on which file (None: any)."""


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    return drained(scenario(tmp_path_factory.mktemp("undisturbed"), "data", duration="36h"))


def drained(config: Path) -> dict[str, Any]:
    """What is in the data directory after runs to their end; an alert that failed is tried again some seconds later."""
    for _ in range(10):
        done = run(config, "--until-idle")
        assert done.returncode == 0, done.stderr
        found = facts(configs.load(config, os.environ))
        if all(state == "sent" for _, _, state in found["outbox"]):
            break
    return found


@pytest.mark.skipif(bool(why_no_strace()), reason=f"{why_no_strace()}: failing disks were not tried")
@pytest.mark.parametrize(("call", "error", "number", "file"), by_length(POINTS[:3], POINTS, POINTS))
def test_an_error_of_the_disk_is_one_clear_line_or_passes(
    tmp_path: Path, undisturbed: dict[str, Any], call: str, error: str, number: int, file: str | None
) -> None:
    config = scenario(tmp_path, "data", duration="36h")
    path = ["-P", str(tmp_path / "data" / file)] if file else []
    fault = ["-e", f"trace={call}", "-e", f"inject={call}:error={error}:when={number}"]
    strace = ["strace", "-f", "-qq", "-o", str(tmp_path / "trace"), *path, *fault]
    done = subprocess.run(
        [*strace, *tocsin("run", "-c", config, "--until-idle")],
        cwd=ROOT, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    last = done.stderr.splitlines()[-1] if done.stderr else ""
    clear = done.returncode == 0 or (done.returncode == 1 and re.match(r"tocsin: .{20,}", last) and "a bug" not in last)
    good = bool(clear) and "Traceback" not in done.stderr
    injected = "INJECTED" in (tmp_path / "trace").read_text()
    found = drained(config)
    wrong = {name: (found[name], should) for name, should in undisturbed.items() if found[name] != should}
    where = f"{call} {error} {number} {file or ''}".strip()
    record(
        "R6", f"{where}: exit {done.returncode}, then {len(wrong)} differences", "1 line or on, 0", good and not wrong
    )
    assert injected, "the point was never reached"
    assert good, done.stderr
    assert wrong == {}
