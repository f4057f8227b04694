"""The tutorial and the plug-in of the manual, done as a reader does them: typed in, installed, run."""

from __future__ import annotations

import json
import os
import re
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from tests.helpers import pages
from tests.helpers.command import TOCSIN

TUTORIAL = "docs/tutorial.md"
PLUGIN = "docs/how-to/write-a-component.md"


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


def run(command: list[str], cwd: Path, **more: str) -> subprocess.CompletedProcess[str]:
    """A command that must go well, with `tocsin` on the path."""
    environ = os.environ | {"PATH": f"{Path(TOCSIN).parent}:{os.environ['PATH']}"} | more
    done = subprocess.run(command, cwd=cwd, env=environ, capture_output=True, text=True, check=False, timeout=240)
    assert done.returncode == 0, done.stdout + done.stderr
    return done


@pytest.mark.skipif(shutil.which("curl") is None, reason="the tutorial sends a post with curl, which is not here")
def test_the_tutorial_works_as_it_stands(tmp_path: Path):
    typed = [block.code for block in pages.blocks(TUTORIAL, "sh") if not block.code.startswith("make ")]
    script = "set -euo pipefail\n" + "\n".join(typed).replace("8322", str(free_port()))
    done = run(["bash", "-c", script], tmp_path)
    planted = json.loads((tmp_path / "truth.json").read_text())["incidents"][0]
    assert planted["start"].startswith("2026-01-08T18:00")
    (headline,) = re.findall(
        r"^i\w{12}  2026-01-08 18:0\d .* (outage \(acme\): .* since 18:00 UTC)$", done.stdout, re.M
    )
    assert f"\n{headline}\n" in done.stdout
    assert "no dead letters" in done.stdout
    assert done.stderr.count("This run: nothing new. Dead letters: 0.") >= 2, done.stderr
    assert '{"accepted": 1}' in done.stdout
    assert re.search(r"^\s*2026\S*\s+outage\s+acme is down again$", done.stdout, re.M)


def test_the_plug_in_of_the_manual_can_be_installed_and_used(tmp_path: Path):
    package = tmp_path / "package"
    package.mkdir()
    for name, content in pages.named_files(PLUGIN).items():
        (package / name).write_text(content, encoding="utf-8")
    installed = tmp_path / "installed"
    uv = [str(Path(sys.executable).with_name("uv")), "pip", "install", "--quiet", "--offline", "--no-deps"]
    run([*uv, "--no-build-isolation", "--python", sys.executable, "--target", str(installed), "."], package)
    for command, said in (("check", "good (0 watches, 1 source"), ("run --until-idle", "This run: 3 posts.")):
        done = run([TOCSIN, *command.split()], package, PYTHONPATH=str(installed))
        assert said in done.stdout + done.stderr
