"""The bytes of a file, plain or unpacked from gzip or zstd, cut into lines that can be put back."""

from __future__ import annotations

import io
import zlib
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Protocol

import msgspec
import zstandard

LONGEST = 1 << 20
"""Bytes that a record may have. What is longer is a dead letter."""
KEPT = 1 << 16
"""Bytes of a bad record that are kept."""
_PIECE = 1 << 10
"""Packed bytes unpacked in one go: they may grow to some 30,000 times as many."""
_CHUNK = 1 << 18


class _Decoder(Protocol):
    @property
    def eof(self) -> bool: ...
    @property
    def unused_data(self) -> bytes: ...
    def decompress(self, data: bytes, /) -> bytes: ...


_DECODERS: dict[bytes, Callable[[], _Decoder]] = {
    b"\x1f\x8b": lambda: zlib.decompressobj(wbits=31),
    b"\x28\xb5\x2f\xfd": lambda: zstandard.ZstdDecompressor().decompressobj(),
}


class _Unpacked(io.RawIOBase):
    """What can be read of a packed file. One that is cut or damaged ends there, and `fault` says why."""

    fault: str | None = None

    def __init__(self, path: Path, decoder: Callable[[], _Decoder]) -> None:
        self._file = path.open("rb", buffering=1 << 16)
        self._new = decoder
        self._decoder: _Decoder | None = None
        self._ready = memoryview(b"")
        self._left = b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        while not self._ready and self._advance():
            pass
        count = min(len(buffer), len(self._ready))
        buffer[:count] = self._ready[:count]
        self._ready = self._ready[count:]
        return count

    def _advance(self) -> bool:
        """Unpack the next piece; False at the end. Members may follow each other, with zeros between them."""
        piece = self._left or self._file.read(_PIECE)
        if not piece or self.fault:
            if self._decoder is not None and not self.fault:
                self.fault = "the packed file is cut off here"
            return False
        self._left = b""
        if self._decoder is None:
            piece = piece.lstrip(b"\0")
            if not piece:
                return True
            self._decoder = self._new()
        try:
            self._ready = memoryview(self._decoder.decompress(piece))
        except (zlib.error, zstandard.ZstdError) as error:
            self.fault = f"the packed file is damaged from here on: {error}"
            return False
        if self._decoder.eof:
            self._left, self._decoder = self._decoder.unused_data, None
        return True

    def close(self) -> None:
        self._file.close()
        super().close()


class Bytes:
    """A file's bytes, in order. `packed`: not as they lie on the disk, so that nobody can jump in them."""

    def __init__(self, path: Path) -> None:
        with path.open("rb") as file:
            head = file.read(4)
        decoder = next((made for magic, made in _DECODERS.items() if head.startswith(magic)), None)
        self.packed = decoder is not None
        self._raw = _Unpacked(path, decoder) if decoder else None
        self._stream = io.BufferedReader(self._raw, _CHUNK) if self._raw else path.open("rb")
        self.read = self._stream.read

    @property
    def fault(self) -> str | None:
        """Why the bytes end too early, once they have ended."""
        return self._raw.fault if self._raw else None

    def skip(self, count: int) -> bool:
        """Go on `count` bytes further; False if there are not as many."""
        if not self.packed:
            self._stream.seek(count, io.SEEK_CUR)
            return True
        while count:
            piece = self.read(min(count, _CHUNK))
            if not piece:
                return False
            count -= len(piece)
        return True

    def close(self) -> None:
        self._stream.close()


class Line(msgspec.Struct, frozen=True, gc=False):
    """One physical line with its end (LF, CRLF or CR): offset, number from 1, bytes, offset after it."""

    start: int
    number: int
    body: bytes
    end: int
    fault: str | None = None


class Lines:
    """The lines of `data` from the offset `at` on, each cut to `LONGEST` bytes at most in memory.

    A line that was too long has a `fault`; so has the last one where the bytes end too early. Such an end counts
    as one byte more, so that going on behind it does not tell of it again.
    """

    def __init__(self, data: Bytes, at: int = 0, number: int = 1) -> None:
        self._data = data
        self._offset, self._number = at, number
        self._waiting: deque[Line] = deque()
        self._fresh = self._read(tell=data.skip(at))

    def __iter__(self) -> Lines:
        return self

    def __next__(self) -> Line:
        return self._waiting.popleft() if self._waiting else next(self._fresh)

    def push(self, lines: Iterable[Line]) -> None:
        """Put lines back: they come again, first, in this order."""
        self._waiting.extendleft(reversed(list(lines)))

    def _read(self, *, tell: bool) -> Iterator[Line]:
        tail, dropped = b"", 0
        while chunk := self._data.read(_CHUNK):
            pieces = (tail + chunk).splitlines(keepends=True)
            tail = b"" if pieces[-1].endswith(b"\n") else pieces.pop()
            for piece in pieces:
                yield self._line(piece, dropped)
                dropped = 0
            if len(tail) > LONGEST:
                kept = tail[:KEPT] + (b"\r" if tail.endswith(b"\r") else b"")
                dropped += len(tail) - len(kept)
                tail = kept
        fault = self._data.fault
        if fault and tell:
            yield self._line(tail, dropped + 1, fault)
        elif tail:
            yield self._line(tail, dropped)

    def _line(self, body: bytes, dropped: int, fault: str | None = None) -> Line:
        start, number = self._offset, self._number
        self._offset += len(body) + dropped
        self._number += 1
        if len(body) + dropped > LONGEST:
            fault, body = f"a row of more than {LONGEST >> 20} MiB", body[:KEPT]
        return Line(start, number, body, self._offset, fault)
