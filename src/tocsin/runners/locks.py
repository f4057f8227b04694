"""One process per loop and data directory: a lock that goes with the process, however it ends."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterable
from pathlib import Path
from types import TracebackType

from tocsin.errors import Locked

LOOPS = ("ingest", "process", "detect", "notify")


class Locks:
    """Holds the locks of some loops. Raises Locked, naming the holder, if another process has one of them."""

    def __init__(self, data_dir: Path, loops: Iterable[str]) -> None:
        self._folder = data_dir / "locks"
        self._loops = sorted(loops)
        self._held: list[int] = []

    def __enter__(self) -> Locks:
        self._folder.mkdir(parents=True, exist_ok=True)
        for loop in self._loops:
            self._take(loop)
        return self

    def _take(self, loop: str) -> None:
        file = os.open(self._folder / f"{loop}.lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            holder = os.pread(file, 32, 0).decode(errors="replace").strip() or "unknown"
            os.close(file)
            self.__exit__(None, None, None)
            raise Locked(
                f"{self._folder.parent} is in use: process {holder} runs its {loop} loop; "
                "stop it, or name another `data_dir:`"
            ) from None
        os.ftruncate(file, 0)
        os.pwrite(file, f"{os.getpid()}\n".encode(), 0)
        self._held.append(file)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for file in self._held:
            os.close(file)
        self._held = []
