"""R3 for the lake: nothing is trimmed from the queue before the commit that holds it is on the disk.

kill -9 cannot show a missing fsync, because the page cache survives it; the system calls themselves can.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import textwrap
from dataclasses import dataclass
from pathlib import Path

import pytest

PROGRAM = """
    import os, sys
    from pathlib import Path
    from tests.helpers.rows import row, table
    from tocsin.component import Context
    from tocsin.lakes.delta import Config, Delta

    def mark(text):
        os.write(1, text.encode())

    lake = Delta(Config(), Context("lake", Path(sys.argv[1])))
    for seq in range(1, 23):
        mark(f"commit {seq}")
        lake.append(table([row(seq, seq * 5000)]), "q", seq)
        if seq % 3 == 0:
            FLUSH
            mark(f"trim {seq}")
"""
CALL = re.compile(r'^\d+ +(?:(fsync|fdatasync)\(\d+<(.+?)>\) += 0|write\(1<.*?>, "(trim|commit) (\d+)")')
ADDED = re.compile(r'"path":"(day=[^"]+)"')


@dataclass(frozen=True)
class Trace:
    """Which paths were synced, in order, and where the marks stand between them."""

    synced: list[str]
    trims: dict[int, int]


def trace(tmp_path: Path, flush: str) -> Trace:
    if shutil.which("strace") is None:
        pytest.skip("strace is not installed: the order of fsyncs was not looked at")
    log = tmp_path / "trace"
    program = textwrap.dedent(PROGRAM).replace("FLUSH", flush)
    command = ["strace", "-f", "-y", "-qq", "-o", log, "-e", "trace=fsync,fdatasync,write", "-e", "signal=none"]
    done = subprocess.run(
        [*command, sys.executable, "-c", program, tmp_path / "data"],
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        check=False,
    )
    if "ptrace" in done.stderr:
        pytest.skip("this machine forbids strace: the order of fsyncs was not looked at")
    assert done.returncode == 0, done.stderr
    synced: list[str] = []
    trims: dict[int, int] = {}
    for line in log.read_text().splitlines():
        if found := CALL.match(line):
            if found[1]:
                synced.append(found[2])
            elif found[3] == "trim":
                trims[int(found[4])] = len(synced)
    return Trace(synced, trims)


def violations(tmp_path: Path, traced: Trace) -> list[str]:
    """Every trim whose commits were not on the disk, in the order data, folder, entry, log folder."""
    root = tmp_path / "data" / "lake" / "events"
    wrong = []
    for trim, end in traced.trims.items():
        for version in range(trim - 2, trim + 1):
            entry = root / "_delta_log" / f"{version:020d}.json"
            added = ADDED.findall(entry.read_text())
            assert added
            files = [str(root / path) for path in added]
            folders = [str((root / path).parent) for path in added]
            order = [*files, *folders, str(root), str(entry), str(entry.parent)]
            at = 0
            for path in order:
                if path not in traced.synced[at:end]:
                    wrong.append(f"trim {trim}: {path}")
                    break
                at = traced.synced.index(path, at)
    return wrong


@pytest.fixture(scope="module")
def flushed(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Trace]:
    tmp_path = tmp_path_factory.mktemp("flushed")
    return tmp_path, trace(tmp_path, "lake.flush()")


def test_data_then_folders_then_entry_then_log_folder_then_trim(flushed: tuple[Path, Trace]) -> None:
    tmp_path, traced = flushed
    assert sorted(traced.trims) == [3, 6, 9, 12, 15, 18, 21]
    assert violations(tmp_path, traced) == []


def test_the_checkpoint_and_the_new_folders_are_flushed_too(flushed: tuple[Path, Trace]) -> None:
    tmp_path, traced = flushed
    events = tmp_path / "data" / "lake" / "events"
    for path in (events / "_delta_log" / f"{19:020d}.checkpoint.parquet", events / "_delta_log" / "_last_checkpoint"):
        assert str(path) in traced.synced[: traced.trims[21]]
    for path in (events, events.parent, events.parent.parent):
        assert str(path) in traced.synced[: traced.trims[3]]


def test_without_the_flush_the_test_bites(tmp_path: Path) -> None:
    traced = trace(tmp_path, "pass")
    assert len({wrong.split(":")[0] for wrong in violations(tmp_path, traced)}) >= 6
