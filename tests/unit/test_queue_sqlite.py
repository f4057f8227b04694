"""What only the embedded queue does: its file, its room. Damage and repair are in test_queue_repair.py, the contract in
tests/contract/test_queue.py, hard faults in tests/fault."""

from __future__ import annotations

import shutil
import sqlite3
import struct
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError
from tests.helpers.sqlite_queue import MIB, NOW, Make, events, execute

from tocsin.errors import Corrupt, Locked, LowSpace, Permanent
from tocsin.model import Batch, DeadLetter, Post
from tocsin.queues import _sqlite_file, sqlite
from tocsin.queues.sqlite import Config


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Make]:
    with closing(Make(tmp_path)) as one:
        yield one


# The file


def test_the_file_is_named_checked_and_owned(make: Make, tmp_path: Path) -> None:
    make().put("a", Batch(events=events(1)))
    with closing(sqlite3.connect(tmp_path / "queue.db")) as connection:
        answers = [connection.execute(f"PRAGMA {name}").fetchone()[0] for name in ("journal_mode", "auto_vacuum")]
        owner = connection.execute("PRAGMA application_id").fetchone()[0]
    assert (answers, struct.pack(">I", owner)) == (["wal", 2], b"tocs")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["queue.db", "queue.db-shm", "queue.db-wal"]


@pytest.mark.parametrize(
    ("setting", "answer"),
    [("journal_mode", "delete"), ("synchronous", 1), ("secure_delete", 0), ("journal_mode", None)],
)
def test_a_refused_setting_refuses_to_start(
    make: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, setting: str, answer: object
) -> None:
    opened: list[sqlite3.Connection] = []

    class Deaf(sqlite3.Connection):
        def execute(self, statement: str, *values: Any) -> sqlite3.Cursor:
            if statement == f"PRAGMA {setting}":
                return super().execute("SELECT ?" if answer is not None else "SELECT ? WHERE 0", (answer,))
            return super().execute(statement, *values)

    def connect(*values: Any, **options: Any) -> sqlite3.Connection:
        opened.append(Deaf(*values, **options))
        return opened[-1]

    monkeypatch.setattr(_sqlite_file.sqlite3, "connect", connect)
    with pytest.raises(Permanent, match=f"SQLite refuses '{setting} = .*put data_dir on a local disk") as raised:
        make()
    assert str(tmp_path) in str(raised.value)
    assert "\n" not in str(raised.value)
    with pytest.raises(sqlite3.ProgrammingError, match="closed"):
        opened[-1].total_changes  # noqa: B018 - asks whether it was closed


def test_a_newer_format_is_refused_in_one_line(make: Make, tmp_path: Path) -> None:
    make.filled()
    execute(tmp_path / "queue.db", "PRAGMA user_version = 2")
    with pytest.raises(Permanent, match=r"newer Tocsin \(queue format 2, this one reads 1\): upgrade Tocsin"):
        make()


@pytest.mark.parametrize("content", [b"", b"not a database at all, but long enough to look like one" * 100])
def test_another_file_in_its_place_is_refused(make: Make, tmp_path: Path, content: bytes) -> None:
    (tmp_path / "queue.db").write_bytes(content)
    with pytest.raises(Corrupt, match=r"queue\.db.*tocsin doctor --repair"):
        make()
    assert (tmp_path / "queue.db").read_bytes() == content or content == b""


def test_another_programs_database_is_refused(make: Make, tmp_path: Path) -> None:
    execute(tmp_path / "queue.db", "CREATE TABLE bills (amount)")
    with pytest.raises(Corrupt, match="is not a queue of Tocsin"):
        make()


def test_a_lost_file_beside_its_wal_is_not_a_first_start(make: Make, tmp_path: Path) -> None:
    (tmp_path / "queue.db-wal").write_bytes(b"x" * 100)
    with pytest.raises(Corrupt, match=r"queue\.db is missing, but queue\.db-wal is there"):
        make()


def test_an_unwritable_folder_is_one_clear_line(make: Make, tmp_path: Path) -> None:
    shutil.rmtree(tmp_path)
    tmp_path.write_text("a file where the folder should be")
    with pytest.raises(Permanent, match=r"queue\.db: cannot be made or moved .*: check the disk and its rights"):
        make()


def test_a_creation_cut_short_is_done_again(make: Make, tmp_path: Path) -> None:
    (tmp_path / "queue.db.new").write_bytes(b"half")
    (tmp_path / "queue.db.new-wal").write_bytes(b"half")
    assert make().put("a", Batch(events=events(1))) == 1
    assert not list(tmp_path.glob("*.new*"))


def test_another_writer_is_locked_out(make: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    queue = make()
    queue._writer.execute("PRAGMA busy_timeout = 1")
    with closing(sqlite3.connect(tmp_path / "queue.db", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(Locked, match="another process is writing"):
            queue.put("a", Batch(events=events(1)))
        other.execute("ROLLBACK")
    assert queue.put("a", Batch(events=events(1))) == 1, "it goes on when the other one is gone"


def test_opening_does_not_scan(make: Make, tmp_path: Path) -> None:
    """R18: a start does the same work for any length; a page is read a few times, not once an event."""
    make.filled(20_000)
    steps = 0

    def count() -> int:
        nonlocal steps
        steps += 1
        return 0

    with closing(_sqlite_file.connect(tmp_path / "queue.db")) as connection:
        connection.set_progress_handler(count, 1)
        _sqlite_file._check_ends(connection, tmp_path / "queue.db")
    assert 0 < steps < 200


# Room


def test_below_the_mark_nothing_is_taken_in_and_the_rest_works(make: Make) -> None:
    make.filled(10)
    queue = make(free=255 * MIB, low_space="256 MiB")
    with pytest.raises(LowSpace, match=r"255 MiB free on the disk, 256 needed \(queue: low_space and ballast\)"):
        queue.put("a", Batch(events=events(1), cursor="later"))
    assert (queue.end(), queue.cursor("a"), len(queue.read(0, 100).bodies)) == (10, "c", 10)
    queue.bury([DeadLetter(source="a", stage="process", reason="poison")])
    assert queue.forget([number for number, _ in queue.dead_letters()]) == 1
    queue.trim(5)
    assert queue.length() == 5


def test_the_ballast_takes_its_room_and_is_made_again(make: Make, tmp_path: Path) -> None:
    queue = make(ballast="2 MiB")
    assert not (tmp_path / "ballast").exists(), "a reader needs none"
    queue.put("a", Batch(events=events(1)))
    assert (tmp_path / "ballast").stat().st_blocks * 512 >= 2 * MIB
    queue._space.release()
    assert not (tmp_path / "ballast").exists()
    queue.put("a", Batch(events=events(1)))
    assert (tmp_path / "ballast").stat().st_size == 2 * MIB


def test_a_missing_ballast_counts_as_room_needed(make: Make, tmp_path: Path) -> None:
    queue = make(free=11 * MIB, low_space="10 MiB", ballast="2 MiB")
    with pytest.raises(LowSpace, match="11 MiB free on the disk, 12 needed"):
        queue.put("a", Batch(events=events(1)))
    (tmp_path / "ballast").write_bytes(bytes(2 * MIB))
    assert make(free=11 * MIB, low_space="10 MiB", ballast="2 MiB").put("a", Batch(events=events(1))) == 1


def test_a_full_disk_gives_up_the_ballast_and_keeps_nothing_of_the_batch(make: Make, tmp_path: Path) -> None:
    queue = make(ballast="1 MiB", keep=0)
    queue.put("a", Batch(events=events(10), cursor="c"))
    pages = queue._writer.execute("PRAGMA page_count").fetchone()[0]
    queue._writer.execute(f"PRAGMA max_page_count = {pages + 1}")
    with pytest.raises(LowSpace, match="the disk is full"):
        queue.put("a", Batch(events=events(1_000), cursor="d"))
    assert (queue.end(), queue.cursor("a"), (tmp_path / "ballast").exists()) == (10, "c", False)
    queue.trim(10)
    queue._writer.execute("PRAGMA max_page_count = 1000000")
    assert queue.put("a", Batch(events=events(1_000), cursor="d")) == 1_010


def test_draining_gives_up_the_ballast_by_itself(make: Make, tmp_path: Path) -> None:
    """SQLite needs room to delete; a source that is silent on a full disk must not be what frees it."""
    queue = make(ballast="1 MiB", keep=0)
    queue.put("a", Batch(events=events(10)))
    real = queue._group._transact

    def full_beside_the_ballast(works: Any) -> list[Any]:
        if (tmp_path / "ballast").exists():
            raise _sqlite_file.DiskFull("the disk is full")
        return real(works)

    queue._group._transact = full_beside_the_ballast
    queue.trim(10)
    assert (queue.length(), (tmp_path / "ballast").exists()) == (0, False)


def test_wal_stays_bounded_while_a_reader_never_lets_go(make: Make, tmp_path: Path) -> None:
    queue = make()
    stop = threading.Event()

    def read() -> None:
        while not stop.is_set():
            queue.read(0, 2_000)

    readers = [threading.Thread(target=read) for _ in range(2)]
    for reader in readers:
        reader.start()
    longest = 0
    for _ in range(90):
        queue.put("a", Batch(events=events(200, 5_000)))
        longest = max(longest, (tmp_path / "queue.db-wal").stat().st_size)
    stop.set()
    for reader in readers:
        reader.join()
    assert 1 * MIB < longest <= 64 * MIB


def test_a_long_wal_is_moved_into_the_file(make: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sqlite, "WAL_BYTES", MIB)
    queue = make()
    queue._writer.execute("PRAGMA wal_autocheckpoint = 0")
    queue.put("a", Batch(events=events(300, 5_000)))
    assert (tmp_path / "queue.db-wal").stat().st_size == 0
    assert len(queue.read(0, 1_000).offsets) == 300


def test_a_deleted_wal_stops_the_queue(make: Make, tmp_path: Path) -> None:
    queue = make()
    queue.put("a", Batch(events=events(1)))
    (tmp_path / "queue.db-wal").unlink()
    assert queue.put("a", Batch(events=events(1))) == 2, "that one is seen too late"
    with pytest.raises(Permanent, match=r"queue\.db-wal is gone"):
        queue.put("a", Batch(events=events(1)))


def test_a_drained_backlog_goes_back_to_the_disk(make: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sqlite, "SPARE_PAGES", 64)
    queue = make(keep=0)
    for _ in range(10):
        queue.put("a", Batch(events=events(500, 2_000)))
    queue.close()
    before = (tmp_path / "queue.db").stat().st_size
    queue = make(keep=0)
    queue.trim(4_990)
    assert len(queue.read(0, 100).offsets) == 10
    queue.close()
    assert before > 10 * MIB
    assert (tmp_path / "queue.db").stat().st_size < 2 * MIB


def test_trimmed_and_forgotten_posts_leave_no_bytes(make: Make, tmp_path: Path) -> None:
    queue = make(keep=0)
    secret = b"zanzibar-lighthouse"
    post = Post(uid="a:1", source="a", id="1", text=secret.decode() * 1_000, received_at=NOW)
    queue.put("a", Batch(events=[post], dead=[DeadLetter(source="a", stage="ingest", reason="bad", body=secret)]))
    queue.trim(1)
    queue.forget([number for number, _ in queue.dead_letters()])
    queue.close()
    assert secret not in (tmp_path / "queue.db").read_bytes()


def test_reading_is_bounded_in_bytes(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sqlite, "READ_BYTES", 10_000)
    queue = make()
    queue.put("a", Batch(events=events(100, 1_000)))
    seen: list[int] = []
    while part := queue.read(seen[-1] if seen else 0, 1_000).offsets:
        assert len(part) <= 10
        seen += part
    assert seen == list(range(1, 101))


def test_trim_deletes_in_bounded_steps(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sqlite, "TRIM_EVENTS", 10)
    monkeypatch.setattr(sqlite, "TRIM_BYTES", 2_500)
    queue = make(keep=0)
    queue.put("a", Batch(events=[*events(35), *events(4, 10_000), *events(1)]))
    gone: list[int] = []
    queue._writer.set_trace_callback(lambda sql: gone.append(sql.startswith("DELETE FROM events")))
    queue.trim(40)
    assert sum(gone) == 4 + 4, "35 small ones in four steps, the last with a large one, then one large one a step"
    assert queue.read(0, 100).offsets == []


# Options


@pytest.mark.parametrize("options", [{"keep": -1}, {"max_events": 0}, {"max_event_bytes": "1 TB"}, {"speed": "high"}])
def test_senseless_options_are_refused(options: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Config(**options)
