"""The first minute: `tocsin demo`, what it tells a newcomer to do next, and a config of one's own."""

from __future__ import annotations

import json
import os
import re
import subprocess
import time
import urllib.request
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.helpers.command import TOCSIN, run, without_network

DEMO = "tocsin-data/demo"


class Demo:
    """One demo in a folder of its own."""

    def __init__(self, folder: Path, prefix: list[str]) -> None:
        self.folder = folder
        self.result = run(["demo", "--exit"], folder, prefix)

    @property
    def next_commands(self) -> list[str]:
        _, _, after = self.result.stdout.partition("Go on with:\n")
        return [line.strip() for line in after.splitlines() if line.strip()]

    @property
    def truth(self) -> dict[str, Any]:
        return json.loads((self.folder / DEMO / "truth.json").read_text())["incidents"][0]

    def rung_for(self) -> dict[str, Any]:
        """The incident that was shown."""
        (shown,) = re.findall(r"^  (i[0-9a-f]{12}) ", self.result.stdout, re.MULTILINE)
        listed = run(["alerts", "list", "--json", "-c", f"{DEMO}/tocsin.yaml"], self.folder)
        return next(incident for incident in json.loads(listed.stdout) if incident["id"] == shown)


def assert_it_rang_for_what_was_planted(demo: Demo) -> None:
    assert (demo.result.returncode, demo.result.stderr) == (0, "")
    incident, truth = demo.rung_for(), demo.truth
    assert incident["headline"] in demo.result.stdout
    assert incident["series"] == {"watch": truth["watch"], "category": truth["category"]}
    began, found, planted = (
        datetime.fromisoformat(time) for time in (incident["start"], incident["detected_at"], truth["start"])
    )
    assert abs(began - planted) <= timedelta(minutes=5)
    assert timedelta(0) < found - planted <= timedelta(minutes=10)
    assert incident["observed"] >= incident["high"] > incident["expected"]
    assert 3 <= len(incident["explanation"]["posts"]) <= 5


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Demo:
    return Demo(tmp_path_factory.mktemp("demo"), without_network())


def test_the_demo_rings_for_the_planted_incident(demo: Demo):
    assert_it_rang_for_what_was_planted(demo)


def test_the_demo_needs_no_network(demo: Demo):
    if not without_network():
        pytest.skip("this machine does not let a test take the network away (unshare --net)")
    assert demo.result.returncode == 0


def test_the_demo_leaves_its_files_in_its_folder(demo: Demo):
    assert {file.name for file in demo.folder.iterdir()} <= {"tocsin-data", "tocsin.yaml", "tocsin.schema.json"}
    assert (demo.folder / DEMO / "lake").is_dir()


def test_what_the_demo_says_to_do_next_works_as_it_stands(demo: Demo):
    show, query, serve, init = demo.next_commands
    environ = os.environ | {"PATH": f"{Path(TOCSIN).parent}:{os.environ['PATH']}"}
    shown, asked, written = (
        subprocess.run(
            line, shell=True, cwd=demo.folder, env=environ, capture_output=True, text=True, check=True, timeout=120
        ).stdout
        for line in (show, query, init)
    )
    assert demo.rung_for()["headline"] in shown
    assert the_dashboard_has_it(serve, demo)
    assert re.search(r"^\s*outage\s+\d+$", asked, re.MULTILINE)
    assert "Wrote tocsin.yaml" in written
    assert (demo.folder / "tocsin.yaml").is_file()


def the_dashboard_has_it(command: str, demo: Demo) -> bool:
    """Whether what `serve` serves has the incident that was shown."""
    environ = os.environ | {"PATH": f"{Path(TOCSIN).parent}:{os.environ['PATH']}"}
    with (demo.folder / "serve.log").open("w+") as log:
        serving = subprocess.Popen(f"exec {command}", shell=True, cwd=demo.folder, env=environ, stderr=log, stdout=log)
        try:
            while not (said := re.search(r"Listening on (http\S+)\.\n", (demo.folder / "serve.log").read_text())):
                assert serving.poll() is None, (demo.folder / "serve.log").read_text()
                time.sleep(0.1)
            with urllib.request.urlopen(f"{said[1]}/api/incidents/{demo.rung_for()['id']}", timeout=20) as answer:
                return bool(json.load(answer)["headline"] == demo.rung_for()["headline"])
        finally:
            serving.terminate()
            serving.wait(30)
            (demo.folder / "serve.log").unlink()


def test_the_demo_runs_again_in_the_same_place(demo: Demo):
    assert_it_rang_for_what_was_planted(Demo(demo.folder, []))


def test_the_config_that_init_writes_is_good_and_runs(tmp_path: Path):
    assert run(["init", "--template", "incident", "--term", "acme cloud"], tmp_path).returncode == 0
    checked = run(["check"], tmp_path)
    assert (checked.returncode, checked.stderr) == (0, "")
    assert checked.stdout.startswith("tocsin.yaml: good (1 watch, 2 sources, 4 categories,")
    config = tmp_path / "tocsin.yaml"
    text = config.read_text().replace("port: 8322", "port: 0")
    config.write_text(re.sub(r"^  bluesky:.*\n", "", text, flags=re.MULTILINE))  # tests/e2e/test_live.py listens to it
    ran = run(["run", "--until-idle", "--log-level", "warning"], tmp_path)
    assert (ran.returncode, ran.stdout) == (0, "")
    assert ran.stderr == "This run: nothing new. Dead letters: 0. Still queued: 0.\n"
    assert run(["alerts", "list"], tmp_path).stdout == "No incidents.\n"
