"""The SQL child: reads one request from stdin, runs it, writes one reply to stdout, ends.

Started anew for each statement, so nothing of one query is there for the next.
"""

from __future__ import annotations

import os
import re
import sys
from typing import Any

import duckdb
import msgspec
import pyarrow as pa

from tocsin.sql import definitions
from tocsin.sql.protocol import TOO_BIG, Limits, Reply, Request
from tocsin.sql.sandbox import enclose, limit

_STARTS = {"select", "with", "from", "values", "table", "describe", "desc", "show", "summarize"}
_ALLOWED = "one SELECT (or WITH, FROM, VALUES, DESCRIBE, SHOW, SUMMARIZE)"
_BATCH_ROWS = 2048
_BIG_INTEGER = pa.decimal128(38, 0)


class _Refused(Exception):
    """The statement is not one that may run."""


def main() -> None:
    request = msgspec.msgpack.decode(sys.stdin.buffer.read(), type=Request)
    limit(request.limits)
    sys.stdout.buffer.write(msgspec.msgpack.encode(_reply(request)))


def _folders(files: list[str]) -> list[str]:
    """The smallest folder that holds all files."""
    return [os.path.commonpath([os.path.dirname(file) for file in files])] if files else []


def _reply(request: Request) -> Reply:
    try:
        connection = _connection(request)
        return _run(connection, _statement(connection, request.sql), request.limits)
    except _Refused as error:
        return Reply(error=str(error))
    except (MemoryError, duckdb.OutOfMemoryException, pa.ArrowMemoryError):
        return Reply(error=TOO_BIG.format(request.limits.memory >> 20))
    except (duckdb.Error, pa.ArrowException, OSError) as error:
        vanished = any(not os.path.exists(file) for file in request.files)
        return Reply(error=_clear(str(error), request.files), vanished=vanished)


def _connection(request: Request) -> Any:
    """A database in memory that sees the lake's files and the given tables, and nothing else of the machine."""
    connection = duckdb.connect(
        ":memory:",
        config={
            "threads": 1,
            "memory_limit": f"{request.limits.memory // 2}B",
            "temp_directory": "",
            "autoinstall_known_extensions": False,
            "autoload_known_extensions": False,
            "allow_community_extensions": False,
            "allow_persistent_secrets": False,
            "python_enable_replacements": False,
        },
    )
    enclose(_folders(request.files))  # not before: DuckDB asks /proc for its memory, and ends where it may not
    connection.execute(f"SET threads = {request.limits.threads}")  # not before: only new threads are enclosed
    for name, packed in request.tables.items():
        with pa.ipc.open_stream(packed) as stream:
            connection.register(name, stream.read_all())
    connection.execute("SET TimeZone = 'UTC'")
    if request.files:
        connection.execute(f"SET allowed_paths = {definitions.text_list(request.files)}")
    connection.execute("SET enable_external_access = false")
    _define_views(connection, request.files)
    connection.execute("SET lock_configuration = true")
    return connection


def _define_views(connection: Any, files: list[str]) -> None:
    connection.execute(definitions.events(files) + definitions.CHANGES)
    (changes,) = connection.execute("SELECT count(*) FROM _changes").fetchone()
    connection.execute(definitions.posts(changed=changes > 0) + definitions.OTHERS)


def _statement(connection: Any, sql: str) -> Any:
    """The one statement in the text, if it only reads. Raises _Refused."""
    words = [sql[start:] for start, kind in duckdb.tokenize(sql) if kind == duckdb.token_type.keyword]
    statements = connection.extract_statements(sql)
    if len(statements) != 1:
        raise _Refused(f"{len(statements)} statements: give {_ALLOWED}")
    first = re.match(r"\w+", words[0]) if words else None
    reads = first is not None and first[0].lower() in _STARTS
    if statements[0].type != duckdb.StatementType.SELECT or not reads:
        raise _Refused(f"this statement does more than read: give {_ALLOWED}")
    return statements[0]


def _run(connection: Any, statement: Any, limits: Limits) -> Reply:
    """The first rows of the result, up to the limits."""
    reader = connection.execute(statement).to_arrow_reader(_BATCH_ROWS)
    batches, rows, size, truncated = [], 0, 0, False
    for batch in reader:
        left = limits.rows - rows
        truncated = batch.num_rows > left or size + batch.nbytes > limits.bytes
        if size + batch.nbytes > limits.bytes:
            break
        batches.append(batch.slice(0, left))
        rows, size = rows + batches[-1].num_rows, size + batch.nbytes
        if truncated:
            break
    return Reply(rows=_packed(pa.Table.from_batches(batches, reader.schema)), truncated=truncated)


def _packed(table: pa.Table) -> bytes:
    """The table as an Arrow IPC stream, whole numbers as such and each column with a name of its own."""
    table = table.rename_columns(_distinct(table.schema.names))
    for index, field in enumerate(table.schema):
        if field.type == _BIG_INTEGER:
            table = _narrowed(table, index, field)
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    packed: bytes = sink.getvalue().to_pybytes()
    return packed


def _narrowed(table: pa.Table, index: int, field: pa.Field) -> pa.Table:
    """A sum of integers is 128 bits wide; nearly all fit into 64."""
    try:
        return table.set_column(index, field.name, table.column(index).cast(pa.int64()))
    except pa.ArrowInvalid:
        return table


def _distinct(names: list[str]) -> list[str]:
    seen: dict[str, int] = {}
    distinct = []
    for name in names:
        seen[name] = seen.get(name, 0) + 1
        distinct.append(name if seen[name] == 1 else f"{name}_{seen[name] - 1}")
    return distinct


def _clear(message: str, files: list[str]) -> str:
    """DuckDB's message in one line, without our folders in it."""
    for folder in _folders(files):
        message = message.replace(folder, "lake")
    message = message.split("\n\nLINE ")[0]
    message = re.sub(r"^(\w+ )?(Error|Exception): ", "", message)
    return " ".join(message.split())


if __name__ == "__main__":
    main()
