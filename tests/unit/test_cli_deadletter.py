"""`tocsin deadletter`: what could not be used, seen, put back, deleted."""

import json
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest
from tests.helpers.alerts import an_alert
from typer.testing import CliRunner, Result

from tocsin.cli import app
from tocsin.cli._common import open_queue
from tocsin.config import Config
from tocsin.model import Batch, DeadLetter, Post, decoder, encoder
from tocsin.state import State

NOW = datetime(2026, 11, 22, 10, 30, tzinfo=UTC)
POST = Post(uid="news:1", source="news", id="1", text="down again", received_at=NOW)
LETTERS = [
    DeadLetter("news", "process", "enricher failed", "queue:77", encoder.encode(POST), NOW),
    DeadLetter("archive", "ingest", "no time", "posts.csv:1042", b"7,\xff\x1b[31mred", NOW),
    DeadLetter("news", "process", "too odd", "queue:78", b'{"kind":"post","uid":', NOW),
    DeadLetter("hook", "notify", "410 gone", "outbox:3", b"{}", NOW),
]


@pytest.fixture
def data_dir(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "data"
    folder.mkdir()
    with closing(queue(folder)) as made:
        made.put("news", Batch(cursor="at 7"))
        made.bury(LETTERS)
    return folder


def queue(folder: Path):
    return open_queue(Config(data_dir=folder))


def deadletter(data_dir: Path, *arguments: str) -> Result:
    return CliRunner().invoke(app, ["deadletter", *arguments, "--data-dir", str(data_dir)])


def left(data_dir: Path) -> list[int]:
    with closing(queue(data_dir)) as opened:
        return [number for number, _ in opened.dead_letters()]


def test_the_list_says_where_and_why(data_dir: Path):
    lines = deadletter(data_dir, "list").stdout.splitlines()
    assert lines[0] == "     1  2026-11-22 10:30:00  process  news  queue:77  enricher failed"
    assert [line.split()[0] for line in lines] == ["1", "2", "3", "4"]


def test_the_list_as_json(data_dir: Path):
    found = json.loads(deadletter(data_dir, "list", "--json").stdout)
    assert found[1] == {
        "number": 2,
        "at": "2026-11-22T10:30:00Z",
        "stage": "ingest",
        "source": "archive",
        "place": "posts.csv:1042",
        "reason": "no time",
        "body": "7,\\xff\x1b[31mred",
    }


def test_one_is_shown_whole_and_harmless(data_dir: Path):
    shown = deadletter(data_dir, "show", "2").stdout
    assert "reason  no time" in shown
    assert shown.endswith("\n\n7,\\xff[31mred\n")
    assert "\x1b" not in shown
    assert json.loads(deadletter(data_dir, "show", "1", "--json").stdout)["body"] == encoder.encode(POST).decode()


def test_none_at_all_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    assert deadletter(tmp_path, "list").stdout == "no dead letters\n"
    assert json.loads(deadletter(tmp_path, "list", "--json").stdout) == []


def test_a_whole_event_goes_back_into_the_queue_and_moves_no_cursor(data_dir: Path):
    result = deadletter(data_dir, "replay", "1")
    assert (result.exit_code, result.stdout) == (0, "1 put back into the queue\n")
    with closing(queue(data_dir)) as opened:
        (body,) = opened.read(0, 10).bodies
        assert decoder.decode(body) == POST
        assert opened.cursor("news") == "at 7"
    assert left(data_dir) == [2, 3, 4]


@pytest.mark.parametrize(
    ("number", "said"),
    [
        ("2", "dead letter 2 is no event: put it right in posts.csv:1042, where it came from, and read it again"),
        ("3", "dead letter 3 is no whole event (Input data was truncated): `tocsin deadletter show 3`"),
        ("4", "the alert of dead letter 4 is not in the outbox any more"),
        ("9", "there is no dead letter 9: `tocsin deadletter list` shows them"),
    ],
)
def test_what_cannot_go_back_is_explained_and_nothing_else_moves(data_dir: Path, number: str, said: str):
    result = deadletter(data_dir, "replay", "1", number)
    assert (result.exit_code, result.stderr) == (1, f"tocsin: {said}\n")
    assert left(data_dir) == [1, 2, 3, 4]
    with closing(queue(data_dir)) as opened:
        assert opened.end() == 0


def test_an_alert_is_sent_again_with_the_same_key(data_dir: Path):
    alert = an_alert()
    letter = DeadLetter("ops", "notify", "410 gone", f"{alert.key} to ops", encoder.encode(alert), NOW)
    with closing(queue(data_dir)) as opened:
        opened.bury([letter])
    with closing(State(data_dir / "state.db")) as state:
        state.post(alert, "ops", 0.0)
        state.failed(1, "410 gone", None)
        assert state.due(2e9) == []
    result = deadletter(data_dir, "replay", "5")
    assert (result.exit_code, result.stdout) == (0, "1 to be sent again\n")
    with closing(State(data_dir / "state.db")) as state:
        assert [(row.message.key, row.attempts) for row in state.due(2e10)] == [(alert.key, 0)]
    assert left(data_dir) == [1, 2, 3, 4]


def test_an_alert_that_is_on_its_way_again_only_leaves_the_dead_letters(data_dir: Path):
    alert = an_alert()
    with closing(queue(data_dir)) as opened:
        opened.bury([DeadLetter("ops", "notify", "410 gone", f"{alert.key} to ops", b"", NOW)])
    with closing(State(data_dir / "state.db")) as state:
        state.post(alert, "ops", 0.0)
        state.sent(1, 1.0)
    assert deadletter(data_dir, "replay", "5").exit_code == 0
    assert left(data_dir) == [1, 2, 3, 4]
    with closing(State(data_dir / "state.db")) as state:
        assert [row["state"] for row in state.outbox()] == ["sent"]


def test_what_is_dropped_is_gone(data_dir: Path):
    assert deadletter(data_dir, "drop", "2", "4").stdout == "2 deleted\n"
    assert left(data_dir) == [1, 3]
    assert deadletter(data_dir, "drop", "1", "2").exit_code == 1
    assert left(data_dir) == [1, 3]


def test_a_data_directory_that_is_not_there_is_not_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    result = deadletter(tmp_path / "no", "list")
    assert result.exit_code == 1
    assert result.stderr == f"tocsin: there is no data directory {tmp_path}/no: `tocsin run` makes it\n"
    assert not (tmp_path / "no").exists()
