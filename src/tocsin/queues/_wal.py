"""Finds damage in SQLite's write-ahead log (WAL) that SQLite itself passes over in silence.

On opening, SQLite reads the WAL up to the first frame whose checksum is wrong and drops the rest: right for a commit
that a power cut left half written, wrong for flushed commits behind a flipped bit. With `synchronous=FULL` a commit
is flushed before the next one is written; so a wrong frame, a commit at or behind it, and one more frame behind that
commit mean that flushed commits would be lost. Damage to the very last commit looks like a power cut and is not seen.

Format: sqlite.org/fileformat2.html, section 4 (the WAL).
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np
import numpy.typing as npt

Words = npt.NDArray[np.uint32]

_HEADER_BYTES = 32
_FRAME_HEADER_BYTES = 24
_BLOCK = 256  # frames at a time, to keep memory small
_LITTLE, _BIG = 0x377F0682, 0x377F0683  # the magic number says how checksums read the words


def find_damage(wal: Path) -> str | None:
    """What is wrong with the WAL file, or None. Damage is believed when two readings agree on it: a live writer may
    have been caught in the act."""
    first = _find_damage(wal)
    return first if first is not None and _find_damage(wal) == first else None


def _find_damage(wal: Path) -> str | None:
    data = wal.read_bytes() if wal.exists() else b""
    if len(data) <= _HEADER_BYTES:
        return None
    header = np.frombuffer(data, ">u4", 8).astype(np.uint32)
    order = {_LITTLE: "<u4", _BIG: ">u4"}.get(int(header[0]))
    page_bytes = int(header[2])
    if order is None or page_bytes not in {2**power for power in range(9, 17)} or _wrong_header(data, header, order):
        return "its header is damaged"
    frame_bytes = _FRAME_HEADER_BYTES + page_bytes
    count = (len(data) - _HEADER_BYTES) // frame_bytes
    frames = np.frombuffer(data, np.uint8, count * frame_bytes, _HEADER_BYTES).reshape(count, frame_bytes)
    fields = frames[:, :_FRAME_HEADER_BYTES].copy().view(">u4").astype(np.uint32)
    current = (fields[:, 2:4] == header[4:6]).all(axis=1)
    before = np.vstack([header[6:8], fields[:-1, 4:6]])
    blocks = [slice(start, start + _BLOCK) for start in range(0, count, _BLOCK)]
    sums = [_checksums(_content(frames[block], order), before[block]) for block in blocks]
    whole = current & (np.vstack([*sums, fields[:0, 4:6]]) == fields[:, 4:6]).all(axis=1)
    if whole.all():
        return None
    bad = int(np.argmin(whole))
    commits = np.flatnonzero(current & (fields[:, 1] != 0) & (np.arange(count) >= bad))
    behind = np.flatnonzero(current)
    if not len(commits) or behind[-1] <= commits[0]:
        return None
    return f"frame {bad + 1} of {int(behind[-1]) + 1} is damaged, and flushed posts may lie behind it"


def _content(frames: npt.NDArray[np.uint8], order: str) -> Words:
    """What a frame's checksum covers: the first two words of its header and its page."""
    return np.hstack([frames[:, :8], frames[:, _FRAME_HEADER_BYTES:]]).view(order).astype(np.uint32)


def _wrong_header(data: bytes, header: Words, order: str) -> bool:
    words = np.frombuffer(data, order, 6).astype(np.uint32).reshape(1, 6)
    return not np.array_equal(_checksums(words, np.zeros((1, 2), np.uint32))[0], header[6:8])


def _checksums(words: Words, before: Words) -> Words:
    """The WAL's checksum of each row of `words`, going on from `before`.

    The format defines it step by step: `s0 += x0 + s1; s1 += x1 + s0`. That is linear, so all of a row is one product.
    """
    weights, step = _weights(words.shape[1] // 2)
    return words @ weights + before @ step


@cache
def _weights(pairs: int) -> tuple[Words, Words]:
    """How much each word, and the starting value, adds to (s0, s1) at the end; all modulo 2**32."""
    weights = np.zeros((2 * pairs, 2), np.uint32)
    step = np.eye(2, dtype=np.uint32)  # what (s0, s1) becomes in the steps that follow
    once = np.array([[1, 1], [1, 2]], np.uint32)  # one step, as a row vector times this
    for pair in reversed(range(pairs)):
        weights[2 * pair] = step[0] + step[1]  # x0 goes into s0, and with it into s1
        weights[2 * pair + 1] = step[1]
        step = once @ step
    return weights, step
