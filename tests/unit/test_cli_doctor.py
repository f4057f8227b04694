"""`tocsin doctor`: what it finds, what it says to do, what it heals."""

import json
import socket
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace

import pytest
from tests.helpers.alerts import an_alert
from tests.helpers.rows import row, table
from typer.testing import CliRunner, Result

from tocsin.cli import app, doctor
from tocsin.cli._common import open_lake, open_queue, open_state
from tocsin.cli._stores import check_state, repair_state, stores
from tocsin.clock import SystemClock
from tocsin.config import Config
from tocsin.errors import LowSpace
from tocsin.model import Batch, Post
from tocsin.runners.locks import Locks

NOW = datetime(2026, 11, 22, 10, 30, tzinfo=UTC)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "tocsin.yaml").write_text("data_dir: data\nsources: {posts: {type: file, path: '*.csv'}}\n")
    (tmp_path / "a.csv").write_text("id,text\n")
    return tmp_path


@pytest.fixture
def used(folder: Path) -> Config:
    """A data directory in which something happened."""
    config = Config(data_dir=folder / "data")
    with closing(open_queue(config)) as queue:
        posts = [Post(uid=f"n:{i}", source="n", id=f"{i}", text="x" * 2000, received_at=NOW) for i in range(50)]
        queue.put("n", Batch(events=posts))
    with closing(open_lake(config)) as lake:
        lake.append(table([row(1, 0), row(2, 60)]), "queue", 2)
        lake.append(table([row(3, 0)]), "queue", 3)
    open_state(config).close()
    return config


def run(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["doctor", *arguments])


def findings(*arguments: str) -> dict[str, tuple[str, str]]:
    """What -> level and detail; of several of one kind, the last."""
    return {one["what"]: (one["level"], one["detail"]) for one in json.loads(run(*arguments, "--json").stdout)}


def levels(*arguments: str) -> set[str]:
    return {level for level, _ in findings(*arguments).values()}


def test_before_the_first_run_all_is_well_and_nothing_is_made(folder: Path):
    result = run()
    assert result.exit_code == 0
    assert f"ok    data_dir   {folder}/data, not there yet" in result.stdout
    assert f"ok    file       posts: 1 found, {folder}/a.csv" in result.stdout
    assert not (folder / "data").exists()


def test_after_a_run_every_store_is_looked_at(used: Config):
    found = findings()
    assert {found[name][0] for name in ("queue", "lake", "state")} == {"ok"}
    assert run().exit_code == 0


def test_what_waits_to_be_told_is_said(used: Config):
    assert findings()["outbox"] == ("ok", "all is told")
    now = SystemClock().now().timestamp()
    with closing(open_state(used)) as state:
        for number in (1, 2):
            state.post(an_alert(number), "ops", now - 7200)
        state.failed(1, "503: busy", now + 60)
        state.hold(2, now + 600, "quiet hours")
    said = "2 wait for ops, 1 of them held back, the oldest for 2.0 h; last: 503: busy"
    assert findings()["outbox"] == ("warn", said)
    assert run().exit_code == 0


def test_the_stores_are_those_that_run_uses(used: Config):
    assert all(store.path.exists() for store in stores(used))
    with closing(open_state(used)) as state:
        assert state.path in {store.path for store in stores(used)}


def test_a_bad_config_ends_with_78_and_a_finding_for_each_mistake(folder: Path):
    (folder / "tocsin.yaml").write_text("a: 1\nb: 2\n")
    result = run()
    assert result.exit_code == 78
    assert "fail  config     tocsin.yaml:1:1: unknown key 'a'\n" in result.stdout
    assert "fail  config     tocsin.yaml:2:1: unknown key 'b'\n" in result.stdout


def test_warnings_of_the_config_are_shown_and_fail_nothing(folder: Path):
    (folder / "tocsin.yaml").write_text("data_dir: data\n")
    assert "there are no sources" in run().stdout
    assert run().exit_code == 0


def test_a_missing_file_fails(folder: Path):
    (folder / "a.csv").unlink()
    result = run()
    assert result.exit_code == 1
    assert f"fail  file       posts: there is no {folder}/*.csv" in result.stdout


def test_a_data_directory_that_cannot_be_made_fails(folder: Path):
    (folder / "taken").write_text("")
    (folder / "tocsin.yaml").write_text("data_dir: taken/data\n")
    result = run()
    assert result.exit_code == 1
    assert f"fail  data_dir   {folder}/taken cannot be written (Not a directory): give it to this user" in result.stdout


@pytest.mark.parametrize(("free", "level"), [(2**20, "fail"), (2**30, "warn"), (2**40, "ok")])
def test_little_room_is_said(folder: Path, monkeypatch: pytest.MonkeyPatch, free: int, level: str):
    monkeypatch.setattr(doctor.shutil, "disk_usage", lambda path: SimpleNamespace(free=free))
    assert findings()["space"][0] == level


def test_a_port_in_use_fails(folder: Path):
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        (folder / "tocsin.yaml").write_text(f"sources: {{in: {{type: webhook, port: {port}}}}}\n")
        level, detail = findings()["port"]
        assert (level, detail.split(" (")[0]) == ("fail", f"127.0.0.1:{port} cannot be had for the source in")
    assert findings()["port"] == ("ok", f"127.0.0.1:{port} is free for the source in")


def test_a_running_tocsin_is_named_and_left_alone(used: Config):
    with Locks(used.data_dir, ["detect"]):
        found = findings()
        assert found["running"][0] == "ok"
        assert "runs its detect loop" in found["running"][1]
        assert "queue" not in found
        assert run().exit_code == 0
        repairing = run("--repair")
        assert repairing.exit_code == 1
        assert "nothing was repaired" in repairing.stdout


def damage(file: Path, at: int, what: bytes) -> None:
    with file.open("r+b") as opened:
        opened.seek(at)
        opened.write(what)


def test_a_damaged_queue_is_found_and_repaired(used: Config):
    path = used.data_dir / "queue.db"
    body = path.read_bytes()
    damage(path, body.index(b"x" * 100), b"y" * 50)
    result = run()
    assert result.exit_code == 1
    assert "fail  queue " in result.stdout
    healed = run("--repair")
    assert "warn  queue " in healed.stdout
    assert healed.exit_code == 0, healed.stdout
    assert levels() == {"ok"}


def test_a_torn_lake_is_found_and_repaired(used: Config):
    newest = sorted((used.data_dir / "lake" / "events" / "_delta_log").glob("*.json"))[-1]
    newest.write_bytes(b"")
    assert findings()["lake"][0] == "fail"
    assert run().exit_code == 1
    healed = run("--repair")
    assert healed.exit_code == 0, healed.stdout
    assert levels() == {"ok"}
    with closing(open_lake(used)) as lake:
        assert lake.last_seq() == 2


def test_a_damaged_state_is_found_and_made_anew(used: Config):
    path = used.data_dir / "state.db"
    damage(path, 0, b"not a database at all")
    level, detail = findings()["state"]
    assert (level, detail) == ("fail", f"{path}: file is not a database")
    healed = run("--repair")
    assert "warn  state      kept as state.db.damaged-1; the next run counts again" in healed.stdout
    assert healed.exit_code == 0
    with closing(open_state(used)) as state:
        assert state.incidents() == []
    assert check_state(path) == []


def test_each_repair_keeps_what_was_there(tmp_path: Path):
    path = tmp_path / "state.db"
    for number in (1, 2):
        path.write_text(f"broken {number}")
        path.with_name("state.db-wal").write_text(f"log {number}")
        assert repair_state(path)[0].startswith(f"kept as state.db.damaged-{number};")
    assert (tmp_path / "state.db.damaged-1").read_text() == "broken 1"
    assert (tmp_path / "state.db.damaged-2-wal").read_text() == "log 2"
    assert not path.with_name("state.db-wal").exists()


def test_what_cannot_be_repaired_still_fails(used: Config, monkeypatch: pytest.MonkeyPatch):
    def repair(path: Path) -> list[str]:
        raise LowSpace("no room for the new file")

    monkeypatch.setattr("tocsin.queues.sqlite.repair", repair)
    monkeypatch.setattr("tocsin.queues.sqlite.check", lambda path: ["damaged"])
    result = run("--repair")
    assert result.exit_code == 1
    assert "fail  queue      no room for the new file" in result.stdout
    assert "ok    lake" in result.stdout


@pytest.mark.parametrize(("version", "level"), [((3, 10), "warn"), ((3, 11), "ok"), ((3, 13), "ok"), ((3, 14), "warn")])
def test_the_python_is_one_that_was_tested(version: tuple[int, int], level: str):
    assert doctor._python(version).level == level


def test_the_places_of_the_config_are_looked_at(folder: Path):
    (folder / "tocsin.yaml").write_text("places: {corrections: {Home: xqzvt}}\n")
    assert "warn  config     tocsin.yaml:1:30: the correction 'xqzvt' is no place that is known" in run().stdout
    (folder / "tocsin.yaml").write_text("places: {index: no-such-folder}\n")
    result = run()
    assert result.exit_code == 78
    assert "fail  config     tocsin.yaml:1:17: " in result.stdout
