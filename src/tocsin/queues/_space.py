"""Room on the disk: the mark below which nothing new is taken in, and the ballast kept for a disk that is full."""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from threading import Lock

from tocsin.errors import LowSpace, Permanent

FreeSpace = Callable[[Path], int]
_MIB = 2**20


def free_space(folder: Path) -> int:
    """Bytes that may still be written to the file system of `folder`."""
    try:
        return shutil.disk_usage(folder).free
    except OSError as error:
        raise Permanent(f"{folder}: cannot be looked at ({error.strerror}): check the disk") from error


class Space:
    """Guards the folder of a log.

    The ballast is a file of `ballast` bytes that are really taken from the disk. SQLite needs room even to delete,
    so a full disk could never be drained; `release` gives it that room.
    """

    def __init__(self, folder: Path, low_space: int, ballast: int, free: FreeSpace = free_space) -> None:
        self._folder, self._low_space, self._ballast, self._free = folder, low_space, ballast, free
        self._file = folder / "ballast"
        self._lock = Lock()
        self._held = ballast == 0 or (self._file.exists() and self._file.stat().st_size == ballast)

    def admit(self) -> None:
        """Raises LowSpace if there is too little room to take anything in; makes the ballast when it is missing."""
        with self._lock:
            missing = 0 if self._held else self._ballast
            free = self._free(self._folder)
            needed = self._low_space + missing
            if free < needed:
                raise LowSpace(
                    f"{self._folder}: {free // _MIB:,} MiB free on the disk, {needed // _MIB:,} needed "
                    "(queue: low_space and ballast): nothing new is taken in until there is room"
                )
            if not self._held:
                self._make()

    def release(self) -> None:
        """Give the ballast's room back to the disk."""
        with self._lock:
            self._held = self._ballast == 0
            with suppress(FileNotFoundError):
                self._file.unlink()

    def _make(self) -> None:
        try:
            with self._file.open("wb") as file:
                _allocate(file.fileno(), self._ballast)
        except OSError as error:
            self._file.unlink(missing_ok=True)
            if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
                raise LowSpace(f"{self._file}: no room for the ballast ({error.strerror}): make room") from error
            raise Permanent(f"{self._file}: cannot be written ({error.strerror}): check the folder") from error
        self._held = True


def _allocate(file: int, size: int) -> None:
    if hasattr(os, "posix_fallocate"):
        os.posix_fallocate(file, 0, size)
        return
    for start in range(0, size, _MIB):  # macOS has no posix_fallocate
        os.write(file, bytes(min(_MIB, size - start)))
