"""Damage to the embedded queue's file is seen, and what is whole is saved."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from tests.helpers.sqlite_queue import Make, events, execute

from tocsin.errors import Corrupt, Permanent
from tocsin.model import Batch, DeadLetter
from tocsin.queues import _sqlite_file
from tocsin.queues._sqlite_repair import LEAP
from tocsin.queues._wal import find_damage
from tocsin.queues.sqlite import check, repair


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Make]:
    with closing(Make(tmp_path)) as one:
        yield one


def test_a_flipped_bit_in_a_body_is_seen(make: Make, tmp_path: Path) -> None:
    make.filled()
    execute(tmp_path / "queue.db", "UPDATE events SET body = replace(body, 'xxx', 'xxy') WHERE offset = 50")
    queue = make()
    assert len(queue.read(0, 49).offsets) == 49
    with pytest.raises(Corrupt, match=r"event 50 is not what was written: run: tocsin doctor --repair"):
        queue.read(0, 100)
    assert len(queue.read(50, 100).offsets) == 50


@pytest.mark.parametrize(("statement", "missing"), [
    ("DELETE FROM events WHERE offset IN (50, 51)", "50 to 51"),
    ("DELETE FROM events WHERE offset > 90", "91 to 100"),
    ("DELETE FROM events WHERE offset < 5", "1 to 4"),
])  # fmt: skip
def test_a_missing_event_is_seen(make: Make, tmp_path: Path, statement: str, missing: str) -> None:
    make.filled()
    execute(tmp_path / "queue.db", statement)
    with pytest.raises(Corrupt, match=f"events {missing} are missing"):
        make().read(0, 1_000)


@pytest.mark.parametrize("statement", [
    "UPDATE log SET last = 90",
    "UPDATE log SET uuid = 'another'",
    "UPDATE log SET last = 'x'",
    "DELETE FROM log",
    "DROP TABLE events",
])  # fmt: skip
def test_a_damaged_record_of_offsets_refuses_to_start(make: Make, tmp_path: Path, statement: str) -> None:
    make.filled()
    execute(tmp_path / "queue.db", statement)
    with pytest.raises(Corrupt, match=r"queue\.db.*tocsin doctor --repair"):
        make()


def test_offsets_that_are_too_old_refuse_to_start(make: Make, tmp_path: Path) -> None:
    """An old record with a right checksum: the offsets behind it would be given twice."""
    make.filled()
    with closing(_sqlite_file.connect(tmp_path / "queue.db")) as connection:
        log = _sqlite_file.read_log(connection, tmp_path / "queue.db")
        _sqlite_file.write_log(connection, _sqlite_file.Log(log.uuid, last=90))
    with pytest.raises(Corrupt, match="it holds offsets 1 to 100, not 1 to 90"):
        make()


def test_a_damaged_cursor_is_seen(make: Make, tmp_path: Path) -> None:
    make.filled()
    execute(tmp_path / "queue.db", "UPDATE cursors SET cursor = x'64'")
    with pytest.raises(Corrupt, match="cursor of the source a is damaged"):
        make().cursor("a")


def test_a_damaged_dead_letter_is_seen(make: Make, tmp_path: Path) -> None:
    queue = make()
    queue.bury([DeadLetter(source="a", stage="process", reason="poison")])
    execute(tmp_path / "queue.db", "UPDATE dead_letters SET letter = x'00'")
    with pytest.raises(Corrupt, match="dead letter 1 is not what was written"):
        list(queue.dead_letters())


def crashed(make: Make, tmp_path: Path, puts: int = 10) -> Path:
    """The files as a kill leaves them: `puts` batches of ten events, all still in the WAL."""
    queue = make()
    for number in range(puts):
        queue.put("a", Batch(events=events(10), cursor=str(number)))
    kept = tmp_path / "kept"
    kept.mkdir()
    for name in ("queue.db", "queue.db-wal"):
        shutil.copy(tmp_path / name, kept / name)
    queue.close()
    for name in ("queue.db", "queue.db-wal"):
        shutil.copy(kept / name, tmp_path / name)
    shutil.rmtree(kept)
    return tmp_path / "queue.db-wal"


def test_a_whole_wal_is_taken_in(make: Make, tmp_path: Path) -> None:
    wal = crashed(make, tmp_path)
    assert find_damage(wal) is None
    queue = make()
    assert (queue.end(), queue.cursor("a")) == (100, "9")
    assert wal.stat().st_size == 0, "what was recovered is in the file, flushed, before anything new"


def test_damage_in_the_wal_is_not_passed_over(make: Make, tmp_path: Path) -> None:
    """SQLite alone would open this file without a word, 50 acknowledged events short."""
    wal = crashed(make, tmp_path)
    content = bytearray(wal.read_bytes())
    content[len(content) // 2] ^= 1
    wal.write_bytes(content)
    with pytest.raises(Corrupt, match=r"queue\.db-wal: frame \d+ of \d+ is damaged.*tocsin doctor --repair"):
        make()
    assert "is damaged" in check(tmp_path / "queue.db")[0]
    assert any("sources go on from where they were" in line for line in repair(tmp_path / "queue.db"))
    queue = make()
    count = len(queue.read(0, 1_000).offsets)
    assert (count, queue.cursor("a")) == (count // 10 * 10, str(count // 10 - 1)), (
        "events and cursor went back together"
    )
    assert 0 < count < 100
    assert queue.put("a", Batch(events=events(1))) > LEAP, "no offset is given twice"


@pytest.mark.parametrize("place", [3, 9, 20, 28])
def test_damage_in_the_header_of_the_wal_is_seen(make: Make, tmp_path: Path, place: int) -> None:
    wal = crashed(make, tmp_path)
    content = bytearray(wal.read_bytes())
    content[place] ^= 4
    wal.write_bytes(content)
    assert find_damage(wal) == "its header is damaged"


@pytest.mark.parametrize("cut", [1, 10_000, 20_000])
def test_a_commit_cut_by_a_power_failure_is_no_damage(make: Make, tmp_path: Path, cut: int) -> None:
    wal = crashed(make, tmp_path)
    wal.write_bytes(wal.read_bytes()[:-cut])
    assert find_damage(wal) is None
    assert make().end() in (80, 90)


def test_frames_of_an_earlier_round_of_the_wal_are_no_damage(make: Make, tmp_path: Path) -> None:
    queue = make()
    queue.put("a", Batch(events=events(1_000)))
    queue._writer.execute("PRAGMA wal_checkpoint(RESTART)").fetchall()
    queue.put("a", Batch(events=events(1)))
    assert (tmp_path / "queue.db-wal").stat().st_size > 50_000
    assert find_damage(tmp_path / "queue.db-wal") is None


# Repair


def test_check_of_a_whole_file_finds_nothing_and_changes_nothing(make: Make, tmp_path: Path) -> None:
    make.filled()
    queue = make()
    queue.start_after(500)
    queue.put("a", Batch(events=events(3)))
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir() if path.suffix != ".db-shm"}
    assert check(tmp_path / "queue.db") == []
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir() if path.suffix != ".db-shm"} == before
    assert check(tmp_path / "none.db") == [f"{tmp_path / 'none.db'} is missing"]


def test_repair_keeps_identity_offsets_cursors_and_dead_letters(make: Make, tmp_path: Path) -> None:
    queue = make(keep=0)
    queue.put("a", Batch(events=events(100), cursor="c", dead=[DeadLetter(source="a", stage="ingest", reason="bad")]))
    queue.start_after(200)
    queue.put("a", Batch(events=events(10), cursor="d"))
    queue.trim(40)
    identity = queue.uuid
    queue.close()
    execute(tmp_path / "queue.db", "UPDATE events SET body = 'x' WHERE offset BETWEEN 50 AND 59")
    execute(tmp_path / "queue.db", "UPDATE events SET checksum = 0 WHERE offset = 70")
    execute(tmp_path / "queue.db", "DELETE FROM events WHERE offset > 207")
    lost = ["events 50 to 59 cannot be read", "events 70 to 70 cannot be read", "events 208 to 210 cannot be read"]
    assert check(tmp_path / "queue.db") == lost
    assert repair(tmp_path / "queue.db") == ["the old file is kept as queue.db.damaged-1", *lost]
    assert check(tmp_path / "queue.db") == []
    queue = make(keep=0)
    assert queue.uuid == identity
    assert queue.read(0, 1_000).offsets == [*range(41, 50), *range(60, 70), *range(71, 101), *range(201, 208)]
    assert queue.length() == 56
    assert (queue.cursor("a"), queue.end()) == ("d", 207), "what can be read is all there is, so a run until idle ends"
    assert [letter.place for _, letter in queue.dead_letters()] == [
        "", "queue:50-59", "queue:70-70", "queue:208-210",
    ]  # fmt: skip
    assert queue.put("a", Batch(events=events(1))) == 211 + LEAP
    queue.close()
    queue = make(keep=0)
    assert queue.put("a", Batch(events=events(1))) == 212 + LEAP, "the leap is made once"
    assert len(queue.read(0, 1_000).offsets) == queue.length() == 58


@pytest.mark.parametrize("keep", [0, 10])
def test_repair_of_a_log_whose_events_are_all_lost(make: Make, tmp_path: Path, keep: int) -> None:
    queue = make(keep=keep)
    queue.put("a", Batch(events=events(20)))
    queue.trim(15)
    queue.close()
    execute(tmp_path / "queue.db", "DELETE FROM events")
    assert f"events {16 - keep} to 20 cannot be read" in repair(tmp_path / "queue.db")
    queue = make(keep=keep)
    assert (queue.read(0, 100).offsets, queue.length(), queue.end()) == ([], 0, 15 - keep)
    queue.start_after(18)
    assert queue.put("a", Batch(events=events(1))) > 20 + LEAP, "the lake may be as far as 20"


def test_repair_without_the_record_of_offsets_gives_a_new_identity_and_new_offsets(make: Make, tmp_path: Path) -> None:
    queue = make(keep=0)
    queue.put("a", Batch(events=events(20), cursor="c"))
    queue.trim(5)
    identity = queue.uuid
    queue.close()
    execute(tmp_path / "queue.db", "DELETE FROM log")
    assert "new identity" in " ".join(repair(tmp_path / "queue.db"))
    queue = make()
    assert queue.uuid != identity
    assert queue.read(0, 100).offsets == list(range(LEAP + 6, LEAP + 21))
    assert (queue.end(), queue.length(), queue.cursor("a")) == (LEAP + 20, 15, "c")
    assert queue.put("a", Batch(events=events(1))) == 2 * LEAP + 21


def test_repair_drops_a_damaged_cursor_and_says_so(make: Make, tmp_path: Path) -> None:
    make.filled()
    execute(tmp_path / "queue.db", "UPDATE cursors SET cursor = x'64'")
    assert "the cursor of the source a cannot be read" in repair(tmp_path / "queue.db")
    assert make().cursor("a") is None


def test_repair_of_rubbish_leaves_an_empty_queue(make: Make, tmp_path: Path) -> None:
    (tmp_path / "queue.db").write_bytes(b"rubbish" * 5_000)
    repair(tmp_path / "queue.db")
    assert make().read(0, 10).offsets == []
    assert (tmp_path / "queue.db.damaged-1").read_bytes() == b"rubbish" * 5_000


def test_a_repair_cut_short_is_taken_up_again(make: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make.filled()
    with monkeypatch.context() as patch:
        patch.setattr("tocsin.queues._sqlite_repair.create", lambda *_: exec("raise KeyboardInterrupt"))
        with pytest.raises(KeyboardInterrupt):
            repair(tmp_path / "queue.db")
    with pytest.raises(Corrupt, match=r"queue\.db is missing, but queue\.db\.damaged-1 is there"):
        make()
    assert repair(tmp_path / "queue.db") == ["the old file is kept as queue.db.damaged-1"]
    assert len(make().read(0, 1_000).offsets) == 100


def test_repair_of_nothing_says_so(tmp_path: Path) -> None:
    with pytest.raises(Permanent, match="nothing to repair"):
        repair(tmp_path / "queue.db")
