"""`tocsin top`: a run, watched in the terminal."""

from __future__ import annotations

import re
import subprocess
import time
from pathlib import Path

from tests.helpers.command import TOCSIN, run

CONFIG = """data_dir: data
watches: [{name: acme, match: acme}]
sources:
  archive: {type: file, path: posts.jsonl}
server: {port: 0}
"""


def test_it_shows_what_a_server_says_and_says_when_there_is_none(tmp_path: Path) -> None:
    (tmp_path / "tocsin.yaml").write_text(CONFIG)
    lines = (f'{{"id": "{n}", "text": "acme {n}", "created_at": "2026-03-01T00:00:{n:02d}Z"}}\n' for n in range(30))
    (tmp_path / "posts.jsonl").write_text("".join(lines))
    assert run(["run", "--until-idle", "--log-level", "error"], tmp_path).returncode == 0
    nothing = run(["top", "--once", "--url", "http://127.0.0.1:1"], tmp_path)
    assert nothing.returncode == 1
    assert "nothing answers at http://127.0.0.1:1" in nothing.stderr
    log = tmp_path / "log"
    with log.open("w") as file:
        serving = subprocess.Popen([TOCSIN, "serve"], cwd=tmp_path, stdout=file, stderr=file)
    try:
        while not (said := re.search(r"Listening on (\S+)\.\n", log.read_text())):
            assert serving.poll() is None, log.read_text()
            time.sleep(0.05)
        shown = run(["top", "--once", "--url", said[1]], tmp_path)
    finally:
        serving.terminate()
        serving.wait(30)
    assert (shown.returncode, shown.stderr) == (0, "")
    assert re.search(r"posts in the last hour\s+30\b", shown.stdout)
    assert "No open incidents." in shown.stdout
