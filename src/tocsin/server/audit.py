"""What people changed, and who came in: a line of JSON each, only ever added to."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from pathlib import Path

import msgspec

from tocsin.clock import Clock
from tocsin.text import clean, one_line, truncate

LONGEST = 500
SHOWN = 200_000
"""Bytes of the end of the file that are read to be shown."""


class Entry(msgspec.Struct, frozen=True):
    """`at` in ISO 8601; `who` and `by` as accounts know them; `done` to `what`."""

    at: str
    who: str
    by: str
    address: str
    done: str
    what: str = ""


class Audit:
    """The file at `path`. May be written to from any thread."""

    def __init__(self, path: Path, clock: Clock) -> None:
        self._path, self._clock, self._lock = path, clock, threading.Lock()

    def note(self, who: Mapping[str, str], done: str, what: str = "") -> None:
        """Add a line. `who` has name, by and address."""
        said = {key: truncate(one_line(clean(value)), LONGEST) for key, value in {**who, "what": what}.items()}
        entry = Entry(self._clock.now().isoformat(), said["name"], said["by"], said["address"], done, said["what"])
        with self._lock, self._path.open("ab") as file:
            file.write(msgspec.json.encode(entry) + b"\n")

    def newest(self, limit: int) -> list[Entry]:
        """The newest first."""
        if not self._path.exists():
            return []
        with self._path.open("rb") as file:
            file.seek(max(self._path.stat().st_size - SHOWN, 0))
            lines = file.read().splitlines()
        found = []
        for line in reversed(lines):
            try:
                found.append(msgspec.json.decode(line, type=Entry))
            except msgspec.MsgspecError:
                continue
        return found[:limit]
