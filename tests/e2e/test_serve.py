"""`tocsin serve`: what an earlier run left behind, over real HTTP."""

from __future__ import annotations

import json
import re
import signal
import subprocess
from pathlib import Path
from urllib.request import urlopen

from tests.helpers.command import run
from tests.helpers.faults import ROOT
from tests.helpers.running import tocsin

CONFIG = """
watches: [{name: acme, match: acme}]
sources: {archive: {type: file, path: posts.jsonl}}
server: {port: 0}
"""


def test_it_serves_what_a_run_left_behind_and_ends_when_told(tmp_path: Path) -> None:
    lines = [{"id": str(n), "text": f"acme {n}", "created_at": f"2026-03-01T12:{n:02}:00Z"} for n in range(30)]
    (tmp_path / "posts.jsonl").write_text("\n".join(map(json.dumps, lines)))
    (tmp_path / "tocsin.yaml").write_text(CONFIG)
    assert run(["run", "--until-idle"], tmp_path).returncode == 0
    process = subprocess.Popen(
        tocsin("serve", "-c", tmp_path / "tocsin.yaml"), cwd=ROOT, stderr=subprocess.PIPE, text=True
    )
    try:
        assert process.stderr is not None
        said = next(line for line in process.stderr if "Listening on" in line)
        found = re.search(r"http://127\.0\.0\.1:\d+", said)
        assert found is not None
        with urlopen(f"{found[0]}/api/query?sql=SELECT+count(*)+AS+n+FROM+posts") as answer:
            assert json.load(answer)["rows"] == [{"n": 30}]
    finally:
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=20)
    assert process.returncode == 0


def test_without_a_data_directory_it_says_so(tmp_path: Path) -> None:
    (tmp_path / "tocsin.yaml").write_text(CONFIG)
    found = run(["serve"], tmp_path)
    assert found.returncode == 1
    assert "there is no data directory" in found.stderr
