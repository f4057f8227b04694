"""What goes over the pipes to the SQL child and back: one msgpack document each way."""

from __future__ import annotations

import msgspec

MARGIN = 1 << 20
"""Bytes of a reply beside its rows."""

TOO_BIG = "the query was stopped: it needs more memory than {} MiB: ask for less, like one day of event_time"

TOO_LONG = "the query was stopped: it took longer than {:g} s: ask for less, like one day of event_time"


class Limits(msgspec.Struct, frozen=True):
    """What one statement may use. `memory` is in bytes, on top of what an idle child has (about 150 MiB)."""

    rows: int = 10_000
    bytes: int = 32 << 20
    seconds: float = 5.0
    memory: int = 320 << 20
    threads: int = 2


class Request(msgspec.Struct, frozen=True):
    """One statement, the lake's files, and further tables as Arrow IPC streams."""

    sql: str
    files: list[str]
    tables: dict[str, bytes]
    limits: Limits


class Reply(msgspec.Struct, frozen=True):
    """Rows as an Arrow IPC stream, or what was wrong. `vanished`: a file of the lake was not there any more."""

    rows: bytes = b""
    truncated: bool = False
    error: str | None = None
    vanished: bool = False
