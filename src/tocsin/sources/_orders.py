"""The two orders that rows of files can be delivered in, and the positions to go on from.

`FileOrder` gives them as they lie in the files; a position is a file, an offset and a line. `TimeOrder` first reads
the files once to learn where each row is and when it is from (32 bytes of memory a row), then gives them by time,
rows of one time as they lie; a position counts rows. Rows that have no time stay behind the row before them.
"""

from __future__ import annotations

import os
import struct
import tempfile
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO, Any

import msgspec
import numpy as np

from tocsin.errors import Transient
from tocsin.sources._parts import Part, fingerprint, head, head_length
from tocsin.sources._records import Raw

_STEP = 1000
_OPEN_FILES = 64
_ENTRY = struct.Struct("<qqIIII")
_INDEX = np.dtype(
    [("time", "<i8"), ("start", "<i8"), ("part", "<u4"), ("length", "<u4"), ("line", "<u4"), ("fault", "<u4")]
)
_NO_TIME = -(1 << 63)

Mark = tuple[int, int, int]
"""Where to go on: (file number, offset, line), or (rows delivered, 0, 0)."""


class Cursor(msgspec.Struct, frozen=True):
    """A position. `latest` is the latest time delivered, in microseconds since 1970; `ended`: all was delivered."""

    order: str
    files: str
    mark: Mark
    head: tuple[int, str] = (0, "")
    latest: int | None = None
    ended: bool = False


class Record(msgspec.Struct, frozen=True, gc=False):
    """A row, its file, and the mark to go on from behind it."""

    part: Part
    raw: Raw
    mark: Mark


class FileOrder:
    """Rows as they lie in the files, from a mark on."""

    name = "file"
    start: Mark = (0, 0, 1)

    def __init__(self, parts: Sequence[Part]) -> None:
        self._parts = parts
        self._known: dict[int, tuple[str, tuple[int, str]]] = {}

    def accepts(self, cursor: Cursor) -> bool:
        """Whether the mark still means the same: all files before it unchanged, its own one at most grown."""
        number, offset, _ = cursor.mark
        if cursor.order != self.name or not 0 <= number < len(self._parts):
            return False
        part, (length, digest) = self._parts[number], cursor.head
        grown_only = part.size >= length and head(part.path, length) == digest
        if part.reader.in_place and part.size < offset:
            return False
        return grown_only and fingerprint(self._parts[:number]) == cursor.files

    def fingerprints(self, mark: Mark) -> tuple[str, tuple[int, str]]:
        """For the cursor: of the files before the mark, and of the head of its own."""
        number = mark[0]
        if number not in self._known:
            part = self._parts[number]
            length = head_length(part)
            self._known = {number: (fingerprint(self._parts[:number]), (length, head(part.path, length)))}
        return self._known[number]

    def prepare(self) -> Iterator[None]:
        return iter(())

    def records(self, mark: Mark) -> Iterator[Record]:
        first, offset, line = mark
        for number, part in enumerate(self._parts[first:], first):
            for raw in part.records(offset, line):
                yield Record(part, raw, (number, raw.end, raw.next_line))
            offset, line = 0, 1

    def close(self) -> None:
        """Nothing is held open."""


class TimeOrder:
    """Rows by time, from a mark on, once `prepare` has run to its end."""

    name = "time"
    start: Mark = (0, 0, 0)

    def __init__(self, parts: Sequence[Part], scratch: Path, salt: bytes) -> None:
        self._parts = parts
        self._scratch = scratch
        self._salt = salt
        self._digest: str | None = None
        self._faults: dict[str | None, int] = {None: 0}
        self._index: Any = np.empty(0, _INDEX)
        self._spool: IO[bytes] | None = None
        self._open: OrderedDict[int, int] = OrderedDict()

    def accepts(self, cursor: Cursor) -> bool:
        """Whether the mark still means the same: the same files, read in the same way."""
        return cursor.order == self.name and cursor.files == self.fingerprints(cursor.mark)[0]

    def fingerprints(self, mark: Mark) -> tuple[str, tuple[int, str]]:
        if self._digest is None:
            self._digest = fingerprint(self._parts, self._salt)
        return self._digest, (0, "")

    def prepare(self) -> Iterator[None]:
        """Read all files once, a thousand rows a step."""
        entries = bytearray()
        for number, part in enumerate(self._parts):
            time = _NO_TIME
            for count, raw in enumerate(part.records()):
                own = part.time(raw)
                time = time if own is None else own
                start = raw.start if part.reader.in_place else self._spooled(raw.body)
                entries += _ENTRY.pack(time, start, number, len(raw.body), raw.line, self._code(raw.fault))
                if count % _STEP == 0:
                    yield
        index = np.frombuffer(entries, _INDEX)
        times = index["time"]
        if np.any(times[1:] < times[:-1]):
            index = index[np.argsort(times, kind="stable")]
        self._index = index

    def _code(self, fault: str | None) -> int:
        return self._faults.setdefault(fault, len(self._faults))

    def _spooled(self, body: bytes) -> int:
        """Keep the bytes of a file in which nobody can jump in a scratch file that has no name."""
        if self._spool is None:
            self._scratch.mkdir(parents=True, exist_ok=True)
            self._spool = tempfile.TemporaryFile(dir=self._scratch)  # noqa: SIM115 - closed by close()
        start = self._spool.tell()
        self._spool.write(body)
        return start

    def records(self, mark: Mark) -> Iterator[Record]:
        if self._spool is not None:
            self._spool.flush()
        faults = list(self._faults)
        for first in range(mark[0], len(self._index), _STEP):
            rows = self._index[first : first + _STEP].tolist()
            for position, (_, start, number, length, line, fault) in enumerate(rows, first + 1):
                part = self._parts[number]
                body = os.pread(self._descriptor(number, part), length, start)
                if len(body) != length:
                    raise Transient(f"{part.path} became shorter while it was read")
                raw = Raw(start, line, body, start + length, line, faults[fault])
                yield Record(part, raw, (position, 0, 0))

    def _descriptor(self, number: int, part: Part) -> int:
        if not part.reader.in_place and self._spool is not None:
            return self._spool.fileno()
        found = self._open.pop(number, None)
        if found is None:
            found = os.open(part.path, os.O_RDONLY)
            if len(self._open) >= _OPEN_FILES:
                os.close(self._open.popitem(last=False)[1])
        self._open[number] = found
        return found

    def close(self) -> None:
        for descriptor in self._open.values():
            os.close(descriptor)
        self._open.clear()
        if self._spool is not None:
            self._spool.close()
