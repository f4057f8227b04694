"""Real posts of a disaster over thin small talk: the alert reads like what happened, as the manual shows it."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from tests.helpers import pages

ROOT = Path(__file__).parents[2]
POSTS = ROOT.parent / "shared" / "data" / "crisislex" / "T26" / "2012_Philipinnes_floods"

pytestmark = [
    pytest.mark.real_data,
    pytest.mark.skipif(not POSTS.is_dir(), reason="the posts of crises are not at ../shared/data/crisislex"),
]


def test_the_flood_is_found_within_the_hour_and_reads_like_one(tmp_path: Path) -> None:
    posts = tmp_path / "posts.csv"
    prepare = [sys.executable, "examples/crisis/prepare.py", str(POSTS), str(posts), "Philippines"]
    subprocess.run(prepare, cwd=ROOT, check=True)
    environ = {**os.environ, "CRISIS_CSV": str(posts), "CRISIS_DATA_DIR": str(tmp_path / "data")}

    def tocsin(*arguments: str) -> str:
        command = [sys.executable, "-m", "tocsin", *arguments, "-c", "examples/crisis/tocsin.yaml"]
        done = subprocess.run(command, cwd=ROOT, env=environ, capture_output=True, text=True, timeout=240, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout

    tocsin("run", "--until-idle")
    found = json.loads(tocsin("alerts", "list", "--json"))
    flood = next(one for one in found if one["policy"] == "volume" and one["detected_at"].startswith("2012-08-07T05:"))
    assert flood["told"]
    assert "rescueph" in flood["explanation"]["why"]
    shown = re.sub(r"^  SQL .*\n", "", tocsin("alerts", "show", flood["id"]), flags=re.MULTILINE)
    shown = re.sub(r"^(  \d\d:\d\d  )@.*$", r"\1…", shown, flags=re.MULTILINE)
    *_, last = pages.blocks("docs/how-to/two-crises.md", "text")
    assert shown == last.code, "paste the output into the page anew"
