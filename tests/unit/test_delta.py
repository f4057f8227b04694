from __future__ import annotations

import errno
import json
import random
import resource
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from deltalake import DeltaTable, write_deltalake
from deltalake.exceptions import DeltaError
from tests.helpers.rows import START, row, table

from tocsin.component import Context
from tocsin.errors import ConfigError, Corrupt, Permanent, Transient
from tocsin.lakes import _delta_log as log
from tocsin.lakes import _delta_scan
from tocsin.lakes._delta_rewrite import TARGET, mergeable
from tocsin.lakes._delta_scan import Bounds, DataFile, scan
from tocsin.lakes.delta import Config, Delta, folder
from tocsin.records import SCHEMA

LATER = datetime(2027, 1, 1, tzinfo=UTC)


def open_lake(data_dir: Path, **options: Any) -> Delta:
    return Delta(Config(**options), Context("lake", data_dir))


def posts(first: int, last: int, **values: Any) -> pa.Table:
    return table([row(seq, seq, **values) for seq in range(first, last + 1)])


def fill(lake: Delta, commits: int, first: int = 1) -> None:
    for seq in range(first, first + commits):
        lake.append(posts(seq, seq), "q", seq)


def seqs(lake: Delta, **bounds: Any) -> list[int]:
    return [seq for batch in lake.rows(["seq"], **bounds) for seq in batch.column("seq").to_pylist()]


def test_other_engines_read_the_table_and_its_statistics_tell_no_text(tmp_path: Path) -> None:
    lake = open_lake(tmp_path)
    version = lake.append(posts(1, 3, text="a text to be found"), "q", 3)
    assert DeltaTable(folder(tmp_path)).to_pyarrow_table().num_rows == 3
    entry = log.path_of(folder(tmp_path), version).read_text()
    assert '{"txn":{"appId":"process/q/0","version":3}}' in entry
    assert "found" not in entry
    assert "news:" not in entry


def test_a_folder_with_spaces_and_accents(tmp_path: Path) -> None:
    lake = open_lake(tmp_path / "dé pôt #1")
    lake.append(posts(1, 3), "q", 3)
    lake.maintain(LATER)
    assert [Path(file).is_file() for file in lake.snapshot().files] == [True]
    assert seqs(lake) == [1, 2, 3]


def test_a_percent_sign_in_the_path_is_refused(tmp_path: Path) -> None:
    """deltalake 1.6.6 takes %20 in a path for a space, and then looks for its log in another folder."""
    with pytest.raises(ConfigError, match="% in its path"):
        open_lake(tmp_path / "a%20b")


def test_the_log_folder_stays_small(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log, "ENTRIES_KEPT", 30)
    lake = open_lake(tmp_path)
    for round_ in range(4):
        fill(lake, 40, first=1 + 40 * round_)
        lake.maintain(LATER)
        names = list((folder(tmp_path) / log.LOG).iterdir())
        assert len(names) < 60
    assert open_lake(tmp_path).last_seq() == 160
    assert seqs(lake) == list(range(1, 161))


def test_pruning_keeps_a_way_back_from_a_bad_checkpoint(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log, "ENTRIES_KEPT", 1)
    lake = open_lake(tmp_path)
    fill(lake, 65)
    root = folder(tmp_path)
    log.prune(root)
    assert list(log.checkpoints(root)) == [39, 59]
    assert log.versions(root) == list(range(39, 66))
    (root / log.LOG / log.HINT).unlink()
    log.checkpoints(root)[59].unlink()
    assert DeltaTable(root).version() == 65


def test_a_handle_is_renewed_at_each_checkpoint(tmp_path: Path) -> None:
    """A held handle keeps every commit since it was opened: 100 ms a commit after 1,500, measured."""
    lake = open_lake(tmp_path)
    handles = set()
    for seq in range(1, 46):
        lake.append(posts(seq, seq), "q", seq)
        handles.add(id(lake._table))
    assert len(handles) >= 2


def test_no_more_than_a_checkpoint_interval_is_ever_unflushed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lake = open_lake(tmp_path)
    flushed: list[tuple[int, int]] = []
    monkeypatch.setattr(log, "flush", lambda _root, after, upto: flushed.append((after, upto)))
    fill(lake, 45)
    assert flushed == [(0, 20), (20, 40)]


def test_what_an_earlier_process_left_unflushed_is_flushed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fill(open_lake(tmp_path), 59)
    lake = open_lake(tmp_path)
    flushed: list[tuple[int, int]] = []
    monkeypatch.setattr(log, "flush", lambda _root, after, upto: flushed.append((after, upto)))
    lake.flush()
    ((after, upto),) = flushed
    assert after <= 39
    assert upto == 59


def test_days_past_the_retention_are_dropped_and_no_other(tmp_path: Path) -> None:
    lake = open_lake(tmp_path, retention="10d")
    lake.append(table([row(day + 1, day * 86400) for day in range(20)]), "q", 20)
    version = lake.version()
    lake.maintain(START + timedelta(days=19, hours=12))
    assert seqs(lake) == list(range(10, 21))
    assert next(commit.rows for commit in lake.commits(version)) is None
    assert (lake.offset("q"), lake.last_seq()) == (20, 20)


def test_nothing_is_dropped_without_a_retention(tmp_path: Path) -> None:
    lake = open_lake(tmp_path)
    lake.append(posts(1, 3), "q", 3)
    lake.maintain(LATER + timedelta(days=36500))
    assert seqs(lake) == [1, 2, 3]


def test_erasing_notes_how_many_in_the_commit(tmp_path: Path) -> None:
    lake = open_lake(tmp_path)
    lake.append(posts(1, 9, author_id="7"), "q", 9)
    lake.erase(authors=[("news", "7")])
    line = log.path_of(folder(tmp_path), lake.version()).read_text().splitlines()[0]
    info = json.loads(line)["commitInfo"]
    assert (info["erase"], info["rewrite"]) == (9, {"added": 1, "removed": 1})
    assert "news:" not in line


def test_unused_files_stay_for_readers_and_go_later(tmp_path: Path) -> None:
    lake = open_lake(tmp_path)
    fill(lake, 8)
    orphan = folder(tmp_path) / "day=2026-03-02" / "part-of-a-write-that-died.parquet"
    orphan.write_bytes(b"")
    before = lake.snapshot()
    lake.maintain(LATER)
    assert all(Path(file).exists() for file in before.files)
    lake.maintain(LATER + timedelta(minutes=1), erase_now=True)
    assert not any(Path(file).exists() for file in before.files)
    assert not orphan.exists()


def test_appends_go_on_while_the_lake_is_maintained(tmp_path: Path) -> None:
    lake = open_lake(tmp_path)
    fill(lake, 40)
    errors: list[BaseException] = []

    def maintain() -> None:
        try:
            for minute in range(4):
                lake.maintain(LATER + timedelta(minutes=minute), erase_now=True)
                lake.erase(uids=[f"news:{minute + 1}"])
        except BaseException as error:  # noqa: BLE001 - a thread's failure must fail the test
            errors.append(error)

    thread = threading.Thread(target=maintain)
    thread.start()
    fill(lake, 60, first=41)
    thread.join()
    assert errors == []
    assert seqs(lake) == list(range(1, 101))
    kinds = [kind for batch in lake.rows(["kind"]) for kind in batch.column("kind").to_pylist()]
    assert kinds == ["erased"] * 4 + ["post"] * 96


def test_a_stranger_that_keeps_committing_ends_in_transient(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lake = open_lake(tmp_path)
    write = lake._write

    def disturbed(*arguments: Any) -> None:
        write_deltalake(str(folder(tmp_path)), SCHEMA.empty_table(), mode="append")
        write(*arguments)

    monkeypatch.setattr(lake, "_write", disturbed)
    with pytest.raises(Transient, match="others keep writing"):
        lake.append(posts(1, 1), "q", 1)
    monkeypatch.undo()
    lake.append(posts(1, 1), "q", 1)
    assert seqs(lake) == [1]


def test_one_disturbance_is_overcome(tmp_path: Path) -> None:
    lake = open_lake(tmp_path)
    write_deltalake(str(folder(tmp_path)), SCHEMA.empty_table(), mode="append")
    assert lake.append(posts(1, 1), "q", 1) == 2


def test_a_merge_gives_way_to_another_process(tmp_path: Path) -> None:
    """Two that merge the same files would double their rows: deltalake does not notice it."""
    one, other = open_lake(tmp_path), open_lake(tmp_path)
    fill(one, 8)
    group = one._files()
    other.maintain(LATER)
    with pytest.raises(Transient, match="rewrite was dropped"):
        one._rewrite([(group, None)])
    assert seqs(open_lake(tmp_path)) == list(range(1, 9))


def test_a_merge_notices_another_process_at_the_last_moment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    one, other = open_lake(tmp_path), open_lake(tmp_path)
    fill(one, 8)
    real, first = one._files, [True]

    def interrupted() -> list[DataFile]:
        files = real()
        if first:
            first.clear()
            other.maintain(LATER)
        return files

    group = real()
    monkeypatch.setattr(one, "_files", interrupted)
    with pytest.raises(Transient, match="rewrite was dropped"):
        one._rewrite([(group, None)])
    assert seqs(open_lake(tmp_path)) == list(range(1, 9))


def test_only_pure_appends_with_our_app_id_are_ours() -> None:
    def ours(removes: tuple[str, ...], *apps: str) -> bool:
        return log.Entry(1, "", log.Info(), (), removes, dict.fromkeys(apps, 1)).ours

    assert ours((), "process/a/0", "seq")
    assert not ours(("a file",), "process/a/0", "seq")
    assert not ours((), "stream/a/0")
    assert not ours(())


def test_a_table_of_another_shape_is_refused(tmp_path: Path) -> None:
    folder(tmp_path).mkdir(parents=True)
    write_deltalake(folder(tmp_path), pa.table({"seq": [1]}))
    with pytest.raises(Permanent, match="another version of Tocsin"):
        open_lake(tmp_path)


def test_a_file_that_is_not_parquet_any_more_is_corrupt(tmp_path: Path) -> None:
    lake = open_lake(tmp_path)
    lake.append(posts(1, 3), "q", 3)
    (file,) = map(Path, lake.snapshot().files)
    file.write_bytes(b"x" * file.stat().st_size)
    lake.append(posts(4, 4), "q", 4)
    with pytest.raises(Corrupt, match=rf"{file.name}.*tocsin doctor"):
        list(lake.rows())
    with pytest.raises(Corrupt, match=rf"{file.name}.*tocsin doctor"):
        list(lake.commits(0))
    assert seqs(lake, after_seq=3) == [4]


def test_a_disk_that_takes_nothing_is_transient_and_nothing_is_lost(tmp_path: Path) -> None:
    lake = open_lake(tmp_path)
    fill(lake, 8)
    limit = resource.getrlimit(resource.RLIMIT_FSIZE)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (2_000, limit[1]))
        for write in (
            lambda: fill(lake, 1, first=9),
            lambda: lake.erase(uids=["news:1"]),
            lambda: lake.maintain(LATER),
        ):
            with pytest.raises(Transient, match="cannot be written"):
                write()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limit)
    assert (lake.offset("q"), seqs(lake)) == (8, list(range(1, 9)))
    fill(lake, 2, first=9)
    lake.maintain(LATER, erase_now=True)
    assert seqs(open_lake(tmp_path)) == list(range(1, 11))


def test_a_failure_behind_the_commit_is_not_one_of_the_commit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A checkpoint that cannot be written: the rows are in, and must not be given again."""
    lake = open_lake(tmp_path)
    write = lake._write

    def failing(*arguments: Any) -> None:
        write(*arguments)
        raise DeltaError("no room for the checkpoint")

    monkeypatch.setattr(lake, "_write", failing)
    assert lake.append(posts(1, 3), "q", 3) == 1
    assert (lake.offset("q"), seqs(lake)) == (3, [1, 2, 3])


def test_after_a_failed_flush_nothing_is_called_safe(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lake = open_lake(tmp_path)
    lake.append(posts(1, 3), "q", 3)

    def failing(_handle: int) -> None:
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(log.os, "fsync", failing)
    with pytest.raises(Permanent, match="could not be flushed"):
        lake.flush()
    monkeypatch.undo()
    with pytest.raises(Permanent, match="restart"):
        lake.flush()
    assert open_lake(tmp_path).offset("q") == 3


def test_a_reader_that_is_far_behind_catches_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log, "ENTRIES_KEPT", 5)
    writer, reader = open_lake(tmp_path), open_lake(tmp_path)
    fill(writer, 45)
    log.prune(folder(tmp_path))
    assert (reader.version(), reader.last_seq()) == (45, 45)
    with pytest.raises(LookupError):
        list(reader.commits(0))


def test_a_commit_that_comes_while_looking_is_not_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lake = open_lake(tmp_path)
    fill(lake, 1)
    commits = lake.commits(0)
    assert next(commits).version == 1
    fill(lake, 2, first=2)
    assert [commit.version for commit in commits] == [2, 3]


def data_file(number: int, day: str = "2026-03-02", size: int = 1000) -> DataFile:
    return DataFile(f"day={day}/{number}", day, size, 1, number, number, START, START)


NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)


def sizes(files: list[DataFile], now: datetime) -> list[int]:
    return [len(group) for group in mergeable(files, now)]


def test_files_of_today_are_merged_when_there_are_many() -> None:
    files = [data_file(number) for number in range(40)]
    assert sizes(files[:31], NOON) == []
    assert sizes(files, NOON) == [40]


def test_files_of_days_gone_by_are_merged_when_there_are_a_few() -> None:
    files = [data_file(number, f"2026-02-{27 + number % 2}") for number in range(9)]
    assert sizes(files, NOON) == [5, 4]
    assert sizes(files[:6], NOON) == []


def test_only_files_of_about_a_size_are_merged_and_big_ones_never() -> None:
    small = [data_file(number) for number in range(20)]
    middle = [data_file(number, size=2 << 20) for number in range(20)]
    big = [data_file(number, size=TARGET // 2) for number in range(50)]
    assert sizes([*small, *middle, *big], NOON) == []
    assert sizes([data_file(number, size=15 << 20) for number in range(20)], NOON) == [8, 8]


def test_a_byte_is_rewritten_only_a_few_times() -> None:
    """A day of 10,000 commits of 100 kB, merged once a minute."""
    files: list[DataFile] = []
    rewritten = most = 0
    for commit in range(10_000):
        files.append(data_file(commit, size=100_000))
        if commit % 60 == 59:
            most = max(most, len(files))
            for group in mergeable(files, NOON):
                size = sum(file.size for file in group)
                rewritten += size
                files = [file for file in files if file not in group] + [data_file(group[0].first_seq, size=size)]
                files.sort(key=lambda file: file.first_seq)
    assert rewritten <= 4 * 10_000 * 100_000
    assert most <= 150


def scattered(root: Path, seed: int, files: int) -> tuple[list[DataFile], int]:
    """Files whose ranges of seq overlap at random, and the number of rows in them."""
    random_ = random.Random(seed)
    total = files * 30
    home = [random_.randrange(files) for _ in range(total)]
    made = []
    for number in range(files):
        rows = [row(seq + 1, seq) for seq in range(total) if home[seq] == number]
        if rows:
            pq.write_table(table(rows).drop_columns("day"), root / f"{number}.parquet", row_group_size=7)
            own = [one["seq"] for one in rows]
            made.append(DataFile(f"{number}.parquet", "2026-03-02", 1, len(own), own[0], own[-1], START, LATER))
    return sorted(made, key=lambda file: file.first_seq), total


@pytest.mark.parametrize("seed", range(5))
def test_scattered_rows_are_merged_into_order(tmp_path: Path, seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_delta_scan, "BATCH_ROWS", 300)
    files, total = scattered(tmp_path, seed, files=1 + seed * 4)
    batches = list(scan(tmp_path, files, ["seq"], Bounds()))
    assert [seq for batch in batches for seq in batch.column("seq").to_pylist()] == list(range(1, total + 1))
    part = list(scan(tmp_path, files, ["seq"], Bounds(after_seq=10, upto_seq=total - 9)))
    assert [seq for batch in part for seq in batch.column("seq").to_pylist()] == list(range(11, total - 8))


def test_files_one_after_another_are_open_one_at_a_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lake = open_lake(tmp_path)
    fill(lake, 30)
    opened: list[str] = []
    real = _delta_scan._batches

    def counted(root: Path, file: DataFile, *others: Any) -> Any:
        opened.append(file.path)
        return real(root, file, *others)

    monkeypatch.setattr(_delta_scan, "_batches", counted)
    reading = lake.rows(["seq"], after_seq=10)
    next(reading)
    assert len(opened) <= 2
    assert len(list(reading)) == 19
    assert len(opened) == 20


def test_memory_is_shared_by_the_files_that_are_read_side_by_side() -> None:
    apart = [DataFile(str(n), "", 1, 1, n * 10, n * 10 + 9, START, START) for n in range(50)]
    together = [DataFile(str(n), "", 1, 1, n, 1000, START, START) for n in range(50)]
    assert _delta_scan._overlap(apart) == 1
    assert _delta_scan._overlap(together) == 50
    assert _delta_scan._overlap([]) == 0
