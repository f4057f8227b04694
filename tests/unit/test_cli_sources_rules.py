"""`tocsin sources rules`: what a platform filters by, beside what the watches ask for."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.helpers.serving import Serving
from typer.testing import CliRunner

from tocsin.cli import app
from tocsin.simulators.x import X, story

CONFIG = """
watches: [{{name: acme, match: 'acme -is:repost'}}]
sources:
  x: {{type: x, url: "{url}", token: "${{env:TOKEN:-invented}}", max_cost_per_day: 5}}
  inbox: {{type: webhook, port: 0}}
"""


@pytest.fixture
def simulator(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[X]:
    with Serving(X(story(1, 5))) as serving:
        (tmp_path / "tocsin.yaml").write_text(CONFIG.format(url=serving.simulator.url))
        monkeypatch.chdir(tmp_path)
        serving.simulator.rules = {"1": ("old", "tocsin:x:old"), "2": ("cats", "mine")}
        yield serving.simulator


def test_it_shows_and_changes_nothing_and_then_applies(simulator: X) -> None:
    shown = CliRunner().invoke(app, ["sources", "rules", "x"])
    assert shown.exit_code == 0, shown.output
    assert shown.stdout.splitlines() == [
        "+ acme -is:retweet (tocsin:x:acme)",
        "- old (tocsin:x:old)",
        "1 to add, 1 to take away: add --apply, or let a run do it. 0 stay; 1 of others are not touched.",
    ]
    assert len(simulator.rules) == 2
    CliRunner().invoke(app, ["sources", "rules", "x", "--apply"])
    assert set(simulator.rules.values()) == {("acme -is:retweet", "tocsin:x:acme"), ("cats", "mine")}
    found = json.loads(CliRunner().invoke(app, ["sources", "rules", "x", "--json"]).stdout)
    assert found == {"add": [], "remove": [], "keep": [["acme -is:retweet", "tocsin:x:acme"]], "foreign": 1}


def test_a_source_without_rules_at_its_platform_says_so(simulator: X) -> None:
    found = CliRunner().invoke(app, ["sources", "rules", "inbox"])
    assert found.exit_code != 0
    assert "keeps no rules at its platform" in f"{found.exception}{found.output}"


def test_the_doctor_asks_for_rules_and_usage_and_leaves_the_stream_alone(simulator: X) -> None:
    found = CliRunner().invoke(app, ["doctor"])
    assert (
        "X takes the token; 0 rules there, 1 to add; 0 of 3,000,000 posts this month; $0.00 of $5.00 today"
        in found.stdout
    )
    assert simulator.connects == 0
