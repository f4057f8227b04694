"""SQL over the lake: DuckDB on the files of one snapshot, in a child process that can only read them.

Five walls stand between a statement and the machine: one statement that only reads (`child.py`), DuckDB's own locks
(`child.py`), the kernel's limits on the child and a wall-clock kill (`sandbox.py`, here), no right to write anything
(`sandbox.py`), and a cap on rows and bytes of the answer.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec
import pyarrow as pa

from tocsin.errors import ConfigError, Permanent, Transient
from tocsin.sql.definitions import define
from tocsin.sql.protocol import MARGIN, TOO_BIG, TOO_LONG, Limits, Reply, Request

if TYPE_CHECKING:
    from tocsin.component import Snapshot

__all__ = ["Limits", "QueryError", "Result", "query", "views"]

_RETRIES = 1


class QueryError(ConfigError):
    """The statement cannot be run: a mistake in it, something that is not allowed, or more than the limits."""


@dataclass(frozen=True)
class Result:
    """The answer to a statement. `truncated`: there were more rows than the limits allow."""

    rows: pa.Table
    truncated: bool


def views(snapshot: Snapshot) -> str:
    """Statements for the views `events`, `posts`, `phrases`, `entities`, `gaps`, for a connection of your own.

    They hold as long as the snapshot's files are kept (two hours after others replaced them): make them anew then.
    """
    return define(snapshot.files)


def query(
    sql: str,
    snapshot: Callable[[], Snapshot],
    tables: Mapping[str, pa.Table] | None = None,
    *,
    limits: Limits | None = None,
) -> Result:
    """Run one SELECT over the views of `views` and the given tables (name: rows).

    `snapshot` is called for the files to read, and once more if they were cleaned up meanwhile. Blocks for
    `limits.seconds` at most, each time. Raises QueryError; Transient if they were cleaned up again; Permanent where
    the child could not be started.
    """
    limits = limits or Limits()
    packed = {name: _packed(table) for name, table in (tables or {}).items()}
    for attempt in range(_RETRIES + 1):
        request = Request(sql=sql, files=list(snapshot().files), tables=packed, limits=limits)
        reply = _ask(request)
        if not (reply.vanished and attempt < _RETRIES):
            break
    if reply.vanished:
        raise Transient("files of the lake were cleaned up while it was read: run it again")
    if reply.error is not None:
        raise QueryError(reply.error)
    with pa.ipc.open_stream(reply.rows) as stream:
        return Result(stream.read_all(), reply.truncated)


def _packed(table: pa.Table) -> bytes:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    packed: bytes = sink.getvalue().to_pybytes()
    return packed


def _ask(request: Request) -> Reply:
    """One child, one statement. Whatever becomes of the child, there is a reply."""
    child = subprocess.Popen(
        [sys.executable, "-P", "-m", "tocsin.sql.child"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=_environment(),
        start_new_session=True,
    )
    late = threading.Event()
    timer = threading.Timer(request.limits.seconds, _stop, (child, late))
    with child:
        try:
            timer.start()
            answer, complaint = _talk(child, request)
        finally:
            timer.cancel()
            child.kill()
    if late.is_set() or child.returncode == -signal.SIGXCPU:
        return Reply(error=TOO_LONG.format(request.limits.seconds))
    if child.returncode != 0:
        return _died(child.returncode, complaint, request.limits)
    return msgspec.msgpack.decode(answer, type=Reply)


def _stop(child: subprocess.Popen[bytes], late: threading.Event) -> None:
    late.set()
    child.kill()


def _talk(child: subprocess.Popen[bytes], request: Request) -> tuple[bytes, str]:
    """Hand the request over and take what comes back: the reply, and what the child had to complain."""
    assert child.stdin is not None
    assert child.stdout is not None
    assert child.stderr is not None
    with contextlib.suppress(BrokenPipeError):  # it died early: its exit status says why
        child.stdin.write(msgspec.msgpack.encode(request))
        child.stdin.close()
    answer = child.stdout.read(request.limits.bytes + MARGIN)
    complaint = child.stderr.read(MARGIN).decode(errors="replace").strip()
    child.wait()
    return answer, complaint


def _died(status: int, complaint: str, limits: Limits) -> Reply:
    """The child ended without a reply: for want of memory, or because of a mistake that is not the user's."""
    if status < 0 or "MemoryError" in complaint:
        return Reply(error=TOO_BIG.format(limits.memory >> 20))
    last = complaint.splitlines()[-1] if complaint else f"exit status {status}"
    raise Permanent(f"the SQL process failed ({last})")


def _environment() -> dict[str, str]:
    """No secret reaches the child. Few allocation arenas, or its threads alone would use up its address space."""
    passed = {name: os.environ[name] for name in ("PATH", "PYTHONPATH", "LD_LIBRARY_PATH") if name in os.environ}
    return passed | {"MALLOC_ARENA_MAX": "2", "OMP_NUM_THREADS": "1", "HOME": "/nonexistent", "TZ": "UTC"}
