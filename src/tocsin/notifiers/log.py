"""Alerts as JSON lines in a file, one a line, on disk before the alert counts as sent.

An alert whose key is among the last in the file is not written again, also after a restart. A line that was cut
by a crash was never counted as sent; it is taken out. Characters that a terminal obeys are written as escapes.
"""

from __future__ import annotations

import asyncio
import errno
import os
import threading
from collections.abc import Collection
from contextlib import suppress
from io import FileIO
from pathlib import Path
from typing import Any

import msgspec

from tocsin.component import Context
from tocsin.errors import Permanent, Transient
from tocsin.forget import scrub
from tocsin.model import Message
from tocsin.options import Options
from tocsin.text import escape_json

TAIL = 4 * 2**20
"""Bytes at the end of the file in which a key is looked for."""
REMEMBERED = 10_000


class Config(Options):
    """Options of the log notifier."""

    path: Path | None = None
    """The file to append to. Default: alerts.jsonl in the data directory."""


class _Line(msgspec.Struct):
    key: str


_line = msgspec.json.Decoder(_Line)


class Log:
    """Appends alerts to a file."""

    def __init__(self, config: Config, context: Context) -> None:
        self._path = context.base_dir / config.path if config.path else context.data_dir / "alerts.jsonl"
        self._keys: dict[str, None] | None = None
        self._turn = threading.Lock()

    async def send(self, message: Message) -> None:
        """Raises Permanent if the file may not be written, Transient if the disk will not take it now."""
        try:
            await asyncio.to_thread(self._in_turn, message)
        except (PermissionError, IsADirectoryError, NotADirectoryError, FileExistsError) as error:
            raise Permanent(f"cannot write alerts to {self._path}: {error.strerror}") from None
        except OSError as error:
            raise Transient(f"cannot write alerts to {self._path}: {error.strerror}") from None

    def forget(self, uids: Collection[str], authors: Collection[tuple[str, str]]) -> int:
        """Take erased posts out of the alerts in the file; how many alerts had one. `authors` are (source, id)."""
        with self._turn:
            if not self._path.exists():
                return 0
            found, lines = 0, []
            for line in self._path.read_bytes().splitlines():
                body = msgspec.json.decode(line) if _key(line) is not None else {}
                changed = scrub(body, uids, authors)
                found += changed
                lines.append(_packed(body) if changed else line + b"\n")
            if found:
                self._replace(b"".join(lines))
            return found

    def _replace(self, content: bytes) -> None:
        part = self._path.with_name(self._path.name + ".part")
        with part.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        part.replace(self._path)
        _sync_folder(self._path.parent)

    def _in_turn(self, message: Message) -> None:
        with self._turn:
            self._append(message)

    def _append(self, message: Message) -> None:
        new = not self._path.exists()
        self._path.parent.mkdir(parents=True, exist_ok=True)
        with self._path.open("ab+", buffering=0) as file:
            if self._keys is None or new:
                self._keys = _mend(file)
            if message.key in self._keys:
                return
            keys, self._keys = self._keys, None  # a fault from here on leaves the file to be mended
            _write(file, _packed(message))
        if new:
            _sync_folder(self._path.parent)
        keys[message.key] = None
        while len(keys) > REMEMBERED:
            del keys[next(iter(keys))]
        self._keys = keys


def _packed(message: Any) -> bytes:
    return escape_json(msgspec.json.encode(message).decode()).encode() + b"\n"


def _mend(file: FileIO) -> dict[str, None]:
    """The keys in the file's tail, all of it on disk; cuts off a last line that is not whole."""
    size = file.seek(0, os.SEEK_END)
    file.seek(max(size - TAIL, 0))
    *lines, rest = file.read().split(b"\n")
    if rest:
        file.truncate(size - len(rest))
    if size:
        os.fsync(file.fileno())
    return {key: None for line in lines if (key := _key(line)) is not None}


def _write(file: FileIO, line: bytes) -> None:
    """Add a line for good, or leave the file as it was."""
    size = file.seek(0, os.SEEK_END)
    try:
        if file.write(line) != len(line):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        os.fsync(file.fileno())
    except OSError:
        with suppress(OSError):
            file.truncate(size)
        raise


def _key(line: bytes) -> str | None:
    try:
        return _line.decode(line).key
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return None


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
