"""The log notifier: whole lines, on disk, each alert once."""

from __future__ import annotations

import asyncio
import errno
import json
import os
import threading
import time
from io import FileIO
from pathlib import Path

import pytest
from tests.helpers.alerts import an_alert

from tocsin.component import Context
from tocsin.errors import Permanent, Transient
from tocsin.notifiers import log
from tocsin.notifiers.log import Config, Log


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "alerts.jsonl"


def _log(tmp_path: Path, **options: object) -> Log:
    return Log(Config(**options), Context("log", tmp_path / "data", base_dir=tmp_path))  # type: ignore[arg-type]


def _keys(path: Path) -> list[str]:
    return [json.loads(line)["key"] for line in path.read_bytes().split(b"\n") if line]


async def test_the_file_is_in_the_data_directory_unless_it_is_named(tmp_path: Path) -> None:
    await _log(tmp_path).send(an_alert())
    await _log(tmp_path, path="logs/mine.jsonl").send(an_alert())
    await _log(tmp_path, path=str(tmp_path / "whole.jsonl")).send(an_alert())
    for place in ("data/alerts.jsonl", "logs/mine.jsonl", "whole.jsonl"):
        assert len(_keys(tmp_path / place)) == 1


async def test_a_line_is_on_disk_when_send_returns(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    synced: list[tuple[str, bytes]] = []
    real = os.fsync

    def fsync(handle: int) -> None:
        synced.append((os.readlink(f"/proc/self/fd/{handle}"), path.read_bytes()))
        real(handle)

    monkeypatch.setattr(log.os, "fsync", fsync)
    notifier = _log(path.parent, path=path.name)
    await notifier.send(an_alert(1))
    await notifier.send(an_alert(2))
    folder = (str(path.parent), path.read_bytes().splitlines(keepends=True)[0])
    assert [(Path(place).name, content) for place, content in synced] == [
        (path.name, folder[1]), (path.parent.name, folder[1]), (path.name, path.read_bytes()),
    ]  # fmt: skip


async def test_a_line_that_a_crash_cut_is_taken_out(path: Path) -> None:
    await _log(path.parent, path=path.name).send(an_alert(1))
    whole = path.read_bytes()
    for cut in (1, 20, len(whole) - 2):
        path.write_bytes(whole + whole.replace(b"incident-1", b"incident-2")[:cut])
        await _log(path.parent, path=path.name).send(an_alert(2))
        assert _keys(path) == [an_alert(1).key, an_alert(2).key]


async def test_a_line_that_was_only_not_ended_counts_as_cut(path: Path) -> None:
    await _log(path.parent, path=path.name).send(an_alert(1))
    path.write_bytes(path.read_bytes().removesuffix(b"\n"))
    await _log(path.parent, path=path.name).send(an_alert(1))
    assert _keys(path) == [an_alert(1).key]


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EIO, errno.EDQUOT])
async def test_half_a_line_is_taken_out_after_a_fault(path: Path, monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    notifier = _log(path.parent, path=path.name)
    await notifier.send(an_alert(1))
    before = path.read_bytes()

    def torn(_: int) -> None:
        with path.open("r+b") as file:
            file.truncate(len(before) + 10)
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(log.os, "fsync", torn)
    with pytest.raises(Transient, match=os.strerror(number)):
        await notifier.send(an_alert(2))
    monkeypatch.undo()
    await notifier.send(an_alert(2))
    assert _keys(path) == [an_alert(1).key, an_alert(2).key]


async def test_a_line_that_may_not_be_on_disk_does_not_count(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The disk refuses to sync, and even to cut the line off again: it must be synced before its key is believed."""
    broken = True

    def refuse(*_: object) -> None:
        if broken:
            raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr(log.os, "fsync", refuse)
    monkeypatch.setattr(log, "_write", lambda file, line: (file.write(line), refuse()))
    notifier = _log(path.parent, path=path.name)
    for _ in range(3):
        with pytest.raises(Transient):
            await notifier.send(an_alert(1))
    broken = False
    await notifier.send(an_alert(1))
    assert _keys(path) == [an_alert(1).key]


async def test_a_short_write_leaves_no_trace(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Full(FileIO):
        def write(self, data) -> int:
            return super().write(bytes(data)[:10])

    notifier = _log(path.parent, path=path.name)
    await notifier.send(an_alert(1))
    before = path.read_bytes()
    with Full(str(path), "ab+") as file, pytest.raises(OSError, match="No space left"):
        log._write(file, b"x" * 100)
    assert path.read_bytes() == before


async def test_what_is_not_ours_in_the_file_is_left_alone(path: Path) -> None:
    path.write_bytes(b'not json\n{"other": 1}\n\xff\xfe\n[1]\n{"key": 5}\n')
    await _log(path.parent, path=path.name).send(an_alert(1))
    assert path.read_bytes().startswith(b'not json\n{"other": 1}\n\xff\xfe\n[1]\n{"key": 5}\n')
    assert json.loads(path.read_bytes().splitlines()[-1])["key"] == an_alert(1).key


async def test_keys_are_looked_for_in_the_tail_of_a_large_file(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    await _log(path.parent, path=path.name).send(an_alert(1))
    path.write_bytes(path.read_bytes() + b"x" * 100 + b"\n")
    await _log(path.parent, path=path.name).send(an_alert(2))
    size = path.stat().st_size
    monkeypatch.setattr(log, "TAIL", size // 2)
    restarted = _log(path.parent, path=path.name)
    await restarted.send(an_alert(2))
    assert path.stat().st_size == size
    await restarted.send(an_alert(1))  # further back than is looked: written again rather than lost
    assert path.stat().st_size > size


async def test_memory_is_bounded(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log, "REMEMBERED", 3)
    notifier = _log(path.parent, path=path.name)
    for number in range(6):
        await notifier.send(an_alert(number))
    assert list(notifier._keys or ()) == [an_alert(number).key for number in (3, 4, 5)]


async def test_a_file_that_was_moved_away_begins_anew(path: Path) -> None:
    notifier = _log(path.parent, path=path.name)
    await notifier.send(an_alert(1))
    path.rename(path.with_suffix(".1"))
    await notifier.send(an_alert(1))
    assert _keys(path) == [an_alert(1).key]


async def test_no_line_can_command_a_terminal(path: Path) -> None:
    hostile = "\x1b[2J\x9b31m\u202e\u2028\u200b\x00\x7f"
    await _log(path.parent, path=path.name).send(an_alert(headline=hostile))
    written = path.read_text(encoding="utf-8")
    assert written.count("\n") == 1
    assert written.removesuffix("\n").isprintable()
    assert json.loads(written)["incident"]["headline"] == hostile


async def test_what_cannot_be_written_is_permanent(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").write_text("")
    for place in ("folder", "file/alerts.jsonl", "file/deeper/alerts.jsonl"):
        with pytest.raises(Permanent, match="cannot write alerts to"):
            await _log(tmp_path, path=place).send(an_alert())


async def test_one_line_is_written_at_a_time(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    inside, most, real = 0, 0, log._write

    def watched(file: FileIO, line: bytes) -> None:
        nonlocal inside, most
        inside += 1
        most = max(most, inside)
        time.sleep(0.01)
        real(file, line)
        inside -= 1

    monkeypatch.setattr(log, "_write", watched)
    notifier = _log(path.parent, path=path.name)
    await asyncio.gather(*(notifier.send(an_alert(number)) for number in range(6)))
    assert most == 1


async def test_a_send_that_was_given_up_does_not_meet_the_next_one(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The disk hangs, the caller gives up and tries again: the two must not write into each other."""
    gate, real = threading.Event(), os.fsync

    def slow(handle: int) -> None:
        gate.wait(5)
        real(handle)

    monkeypatch.setattr(log.os, "fsync", slow)
    notifier = _log(path.parent, path=path.name)
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(notifier.send(an_alert(1)), 0.05)
    repeat = asyncio.ensure_future(notifier.send(an_alert(1)))
    await asyncio.sleep(0.05)
    gate.set()
    await repeat
    assert _keys(path) == [an_alert(1).key]
