"""One process per loop and data directory."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tocsin.errors import Locked
from tocsin.runners.locks import Locks

HOLDER = """
import sys
from pathlib import Path
from tocsin.runners.locks import Locks
with Locks(Path(sys.argv[1]), ["ingest", "process"]):
    print("held", flush=True)
    sys.stdin.read()
"""


def test_different_loops_share_a_data_directory(tmp_path: Path) -> None:
    with Locks(tmp_path, ["ingest"]), Locks(tmp_path, ["process", "detect"]):
        pass


def test_the_same_loop_is_refused_and_the_holder_is_named(tmp_path: Path) -> None:
    with Locks(tmp_path, ["detect"]), pytest.raises(Locked) as raised:
        Locks(tmp_path, ["detect"]).__enter__()
    assert f"{tmp_path} is in use: process {os.getpid()} runs its detect loop" in str(raised.value)


def test_who_is_refused_one_lock_keeps_none_of_the_others(tmp_path: Path) -> None:
    with Locks(tmp_path, ["process"]):
        with pytest.raises(Locked):
            Locks(tmp_path, ["ingest", "notify", "process", "detect"]).__enter__()
        with Locks(tmp_path, ["detect", "ingest", "notify"]):
            pass


def test_a_lock_is_free_again_after_its_use(tmp_path: Path) -> None:
    for _ in range(2):
        with Locks(tmp_path, ["ingest"]):
            pass


def test_a_lock_goes_with_its_process_even_if_that_is_killed(tmp_path: Path) -> None:
    command = [sys.executable, "-c", HOLDER, str(tmp_path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        with pytest.raises(Locked, match=f"process {holder.pid} runs its process loop"):
            Locks(tmp_path, ["process"]).__enter__()
        holder.send_signal(signal.SIGKILL)
        holder.wait(30)
    with Locks(tmp_path, ["ingest", "process"]):
        pass
