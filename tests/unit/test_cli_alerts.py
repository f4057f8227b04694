"""`tocsin alerts`: incidents for people and for scripts."""

from __future__ import annotations

import json
from contextlib import closing
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
from tests.helpers.alerts import START, an_alert
from typer.testing import CliRunner, Result

from tocsin.cli import app
from tocsin.state import State

NAMES = [
    "id", "policy", "series", "state", "direction", "start", "detected_at", "end", "observed", "expected", "low",
    "high", "severity", "headline", "explanation", "sql",
]  # fmt: skip
"""The contract of design.md section 6: more may follow, these stay."""

WHY: dict[str, Any] = {
    "slices": [{"dimension": "rest", "value": "", "share": 100.0, "posts": 42, "lift": None}],
    "phrases": [],
    "posts": [],
    "voices": {"posts": 42, "authors": 31, "texts": 36, "copies": 6, "busiest_four_share": 0.19},
    "coverage": {"share": 1.0, "gaps": []},
}


@pytest.fixture
def data_dir(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    told = [("iab1", "acme: 42 mentions", 0), ("iab2", "acme:\x1b[31m 50\n mentions\u202e", 60), ("icd3", "quiet", 30)]
    with closing(State(tmp_path / "state.db")) as state, state.transaction() as tx:
        for id, headline, minutes in told:
            values = {"id": id, "headline": headline, "detected_at": START + timedelta(minutes=minutes)}
            tx.put_incident(msgspec.structs.replace(an_alert().incident, explanation=WHY, scale=300, **values))
    return tmp_path


def tocsin(data_dir: Path, *arguments: str) -> Result:
    return CliRunner().invoke(app, ["alerts", *arguments, "--data-dir", str(data_dir)])


def test_the_list_is_a_line_an_incident_newest_first_and_harmless(data_dir: Path) -> None:
    tocsin(data_dir, "ack", "icd3", "--by", "ann")
    assert tocsin(data_dir, "list").stdout.splitlines() == [
        "iab2  2026-11-22 13:00    3  open            acme:[31m 50 mentions",
        "icd3  2026-11-22 12:30    3  open acked      quiet",
        "iab1  2026-11-22 12:00    3  open            acme: 42 mentions",
    ]


def test_the_list_as_json_keeps_the_names_of_the_contract(data_dir: Path) -> None:
    result = tocsin(data_dir, "list", "--json")
    assert not set(result.stdout) & set("\x1b\u202e")
    found = json.loads(result.stdout)
    assert [one["id"] for one in found] == ["iab2", "icd3", "iab1"]
    assert list(found[0])[: len(NAMES)] == NAMES
    assert set(found[0]["explanation"]) == {"slices", "phrases", "posts", "voices", "coverage"}
    assert (found[0]["start"], found[0]["end"]) == ("2026-11-22T12:00:00Z", None)
    assert found[0]["headline"] == "acme:\x1b[31m 50\n mentions\u202e"
    assert found[0]["series"] == {"watch": "acme", "category": "outage"}


def test_no_incidents_are_said_too(tmp_path: Path) -> None:
    assert tocsin(tmp_path, "list").stdout == "No incidents.\n"
    assert tocsin(tmp_path, "list", "--json").stdout == "[]\n"


def test_one_is_shown_by_the_beginning_of_its_id(data_dir: Path) -> None:
    shown = tocsin(data_dir, "show", "ic").stdout
    assert shown.startswith("quiet\n  icd3   severity 3 of 100   open   ")
    assert shown.endswith("  SQL        SELECT 1\n")
    (listed,) = [one for one in json.loads(tocsin(data_dir, "list", "--json").stdout) if one["id"] == "icd3"]
    assert json.loads(tocsin(data_dir, "show", "icd3", "--json").stdout) == listed


@pytest.mark.parametrize("command", ["show", "ack"])
@pytest.mark.parametrize(
    ("id", "said"), [("iab", "iab is the beginning of several ids"), ("x", "x is no incident"), ("iab12", "is no inc")]
)
def test_an_id_that_does_not_pick_one_is_refused(data_dir: Path, command: str, id: str, said: str) -> None:
    result = tocsin(data_dir, command, id)
    assert (result.exit_code, result.stdout) == (1, "")
    assert said in result.stderr
    assert result.stderr.endswith("`tocsin alerts list` shows them\n")
    assert all(one["acked_by"] is None for one in json.loads(tocsin(data_dir, "list", "--json").stdout))


def test_an_incident_is_taken_on(data_dir: Path) -> None:
    assert tocsin(data_dir, "ack", "iab1", "--by", "ann").stdout == "iab1 is taken on by ann.\n"
    found = {one["id"]: one for one in json.loads(tocsin(data_dir, "list", "--json").stdout)}
    assert [found[id]["acked_by"] for id in ("iab1", "iab2", "icd3")] == ["ann", None, None]
    assert datetime.fromisoformat(found["iab1"]["acked_at"]).utcoffset() == timedelta()
    again = json.loads(tocsin(data_dir, "ack", "iab1", "--by", "ben", "--json").stdout)
    assert (again["id"], again["acked_by"]) == ("iab1", "ben")


def test_without_a_name_it_is_this_user(data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("getpass.getuser", lambda: "carl")
    assert tocsin(data_dir, "ack", "iab1").stdout == "iab1 is taken on by carl.\n"


@pytest.mark.parametrize("error", [KeyError("uid not found: 1234"), OSError("No username set in the environment")])
def test_a_user_without_a_name_may_take_one_on_too(
    data_dir: Path, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    def nobody() -> str:
        raise error

    monkeypatch.setattr("getpass.getuser", nobody)
    monkeypatch.setattr("os.getuid", lambda: 1234)
    assert tocsin(data_dir, "ack", "iab1").stdout == "iab1 is taken on by user 1234.\n"


def test_a_data_directory_that_is_not_there_is_not_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    result = tocsin(tmp_path / "no", "list")
    assert result.exit_code == 1
    assert "there is no data directory" in result.stderr
    assert not (tmp_path / "no").exists()


def test_what_people_do_is_kept_and_shown(data_dir: Path) -> None:
    first = "icd3"
    for words in (
        ["snooze", first, "--for", "2h", "--by", "ann"],
        ["assign", first, "bob", "--by", "ann"],
        ["note", first, "seen it before", "--by", "bob"],
        ["feedback", first, "not_useful", "--by", "bob"],
    ):
        assert tocsin(data_dir, *words).exit_code == 0
    one = json.loads(tocsin(data_dir, "show", first, "--json").stdout)
    assert one["snoozed_until"] is not None
    assert (one["assigned_to"], one["feedback"]) == ("bob", "not_useful")
    assert [note["text"] for note in one["notes"]] == ["seen it before"]
    said = tocsin(data_dir, "log", first).stdout
    assert [line.split("  ")[1] for line in said.splitlines()] == ["ann", "ann", "bob", "bob"]
    tocsin(data_dir, "feedback", first, "none")
    tocsin(data_dir, "snooze", first, "--for", "0s")
    one = json.loads(tocsin(data_dir, "show", first, "--json").stdout)
    assert (one["feedback"], one["snoozed_until"]) == (None, None)


def test_a_length_that_is_none_is_refused(data_dir: Path) -> None:
    first = "icd3"
    done = tocsin(data_dir, "snooze", first, "--for", "soon")
    assert done.exit_code == 2
    assert "is not a duration" in done.stderr


def test_a_test_alert_goes_the_way_of_real_ones_also_before_the_first_run(tmp_path: Path) -> None:
    (tmp_path / "tocsin.yaml").write_text(
        "data_dir: data\nalerts: {destinations: [{name: file, type: log}, "
        "{name: hook, type: webhook, url: 'http://127.0.0.1:9/x', allow_private: true}]}\n"
    )

    def test(name: str) -> Result:
        return CliRunner().invoke(app, ["alerts", "test", name, "-c", str(tmp_path / "tocsin.yaml")])

    assert test("file").stdout == "file took the test alert.\n"
    assert '"event":"test"' in (tmp_path / "data" / "alerts.jsonl").read_text()
    refused = test("hook")
    assert refused.exit_code == 1
    assert "hook did not take it" in refused.stderr
    unknown = test("nobody")
    assert unknown.exit_code == 78
    assert "there are file, hook" in unknown.stderr
