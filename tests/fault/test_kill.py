"""R1: kill -9 anywhere. Nothing that was acknowledged is lost, nothing is there twice, and all counts are true.

After every kill an inspector that knows nothing of Tocsin looks at the files as they lie. At the end of a round the
data directory is drained and compared, row for row and byte for byte, with one that nobody disturbed.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from tests.helpers.faults import ROOT, SEED, by_length, record

CYCLES = by_length(60, 300, 1_000)
ROUND = by_length(30, 50, 50)


def killer(folder: Path, cycles: int, seed: int) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "tests.fault.killer", folder, f"--cycles={cycles}", f"--seed={seed}"]
    return subprocess.Popen([*command, f"--round={ROUND}"], cwd=ROOT, stdout=subprocess.PIPE, text=True)


@pytest.mark.timeout(by_length(300, 1_800, 7_200))
def test_kill_9_anywhere_loses_nothing_and_doubles_nothing(tmp_path: Path) -> None:
    running = [killer(tmp_path / str(number), CYCLES // 2, SEED + 1000 * number) for number in range(2)]
    found = [json.loads(process.communicate()[0].splitlines()[-1]) for process in running]
    wrong = [line for one in found for line in one["wrong"]]
    cycles, events, incidents = (sum(one[name] for one in found) for name in ("cycles", "events", "incidents"))
    figure = (
        f"{cycles} kills among {events:,} events and {incidents} incidents: {len(wrong)} lost, doubled or miscounted"
    )
    record("R1", figure, f"{CYCLES} kills, 0", not wrong and cycles == CYCLES, SEED)
    assert not wrong, "\n".join(wrong)
    assert cycles == CYCLES
    assert events > 10 * cycles
    assert incidents > 0
