"""Ask the lake in SQL: posts, phrases, entities, coverage, series, incidents.

One SELECT, run by DuckDB in a process that can only read. What is shown in a terminal is cut to the --limit; csv,
jsonl and parquet may be any size (--limit 0).
"""

from __future__ import annotations

import math
import sys
from collections.abc import Iterator
from contextlib import closing
from datetime import date, time
from decimal import Decimal
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, BinaryIO

import typer

from tocsin.cli._common import ConfigOption, DataDirOption, JsonOption, existing, open_lake, open_state

if TYPE_CHECKING:
    import pyarrow as pa

    from tocsin.sql import Result

SECONDS, MEMORY, BYTES = 300.0, 2 << 30, 1 << 30
ROWS_AT_MOST = 1 << 62
CELL, UNBOUNDED = 200, 100_000
"""Characters of one cell of a table, and of a line that no terminal bounds."""


class Format(StrEnum):
    table = "table"
    json = "json"
    jsonl = "jsonl"
    csv = "csv"
    parquet = "parquet"


SqlArgument = Annotated[str, typer.Argument(metavar="SQL", help='Like "SELECT count(*) FROM posts".')]
FormatOption = Annotated[Format, typer.Option("--format", "-f", help="How to write the rows.")]
LimitOption = Annotated[int, typer.Option("--limit", min=0, help="Rows at most; 0 for all.")]
OutputOption = Annotated[Path | None, typer.Option("--output", "-o", metavar="FILE", help="Write the rows here.")]


def command(
    sql: SqlArgument,
    format: FormatOption = Format.table,
    config: ConfigOption = None,
    data_dir: DataDirOption = None,
    limit: LimitOption = 1000,
    output: OutputOption = None,
    json: JsonOption = False,
) -> None:
    result = _ask(sql, config, data_dir, limit)
    write = _WRITERS[Format.json if json else format]
    if output is None:
        write(result.rows, sys.stdout.buffer)
    else:
        with output.open("wb") as file:
            write(result.rows, file)
    if result.truncated:
        typer.echo(f"The first {result.rows.num_rows:,} rows; there are more (--limit).", err=True)


def _ask(sql: str, config: Path | None, data_dir: Path | None, limit: int) -> Result:
    from tocsin.sql import Limits, query

    limits = Limits(rows=limit or ROWS_AT_MOST, bytes=BYTES, seconds=SECONDS, memory=MEMORY)
    read = existing(config, data_dir)
    with closing(open_lake(read)) as lake, closing(open_state(read)) as state:
        return query(sql, lake.snapshot, state.tables(), limits=limits)


def _write_table(rows: pa.Table, out: BinaryIO) -> None:
    from io import StringIO

    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    shown = Table(box=SIMPLE_HEAD)
    for name in rows.schema.names:
        shown.add_column(Text(_cell(name)))
    for row in _plain(rows):
        shown.add_row(*(Text("NULL", "dim") if value is None else Text(_cell(value)) for value in row))
    terminal = out is sys.stdout.buffer and sys.stdout.isatty()
    drawn = StringIO()
    console = Console(file=drawn, force_terminal=terminal, width=None if terminal else UNBOUNDED)
    console.print(shown)
    count = f"{rows.num_rows:,} row" + ("" if rows.num_rows == 1 else "s")
    lines = [line.rstrip() for line in drawn.getvalue().splitlines()]
    out.write("\n".join([*lines, count, ""]).encode())


def _cell(value: Any) -> str:
    """A value in one line, safe to look at."""
    import msgspec

    from tocsin.text import one_line

    return one_line(value if isinstance(value, str) else msgspec.json.encode(value).decode(), CELL)


def _write_json(rows: pa.Table, out: BinaryIO) -> None:
    out.write(_json([dict(zip(rows.schema.names, row, strict=True)) for row in _plain(rows)]))


def _write_jsonl(rows: pa.Table, out: BinaryIO) -> None:
    for row in _plain(rows):
        out.write(_json(dict(zip(rows.schema.names, row, strict=True))))


def _json(value: Any) -> bytes:
    import msgspec

    from tocsin.text import escape_json

    return escape_json(msgspec.json.encode(value).decode()).encode() + b"\n"


def _write_csv(rows: pa.Table, out: BinaryIO) -> None:
    import csv
    from io import TextIOWrapper

    text = TextIOWrapper(out, "utf-8", newline="")
    writer = csv.writer(text)
    writer.writerow([_csv_cell(name) for name in rows.schema.names])
    writer.writerows([_csv_cell(value) for value in row] for row in _plain(rows))
    text.flush()
    text.detach()


def _csv_cell(value: Any) -> Any:
    """Numbers as they are; NULL empty; text that no spreadsheet takes for a formula; lists and maps as JSON."""
    import msgspec

    from tocsin.text import csv_cell

    if value is None or isinstance(value, int | float):
        return value
    return csv_cell(value) if isinstance(value, str) else msgspec.json.encode(value).decode()


def _write_parquet(rows: pa.Table, out: BinaryIO) -> None:
    import pyarrow.parquet as pq

    pq.write_table(rows, out, compression="zstd")


_WRITERS = {
    Format.table: _write_table,
    Format.json: _write_json,
    Format.jsonl: _write_jsonl,
    Format.csv: _write_csv,
    Format.parquet: _write_parquet,
}


def _plain(rows: pa.Table) -> Iterator[tuple[Any, ...]]:
    """The rows, each value one that JSON has."""
    for batch in rows.to_batches(max_chunksize=1000):
        columns = [column.to_pylist(maps_as_pydicts="lossy") for column in batch.columns]
        yield from (tuple(map(_value, row)) for row in zip(*columns, strict=True))


def _value(value: Any) -> Any:
    """Times as ISO 8601, whole decimals as integers, bytes as hexadecimal, what is no number as NULL."""
    if value is None or isinstance(value, str | bool | int):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {str(key): _value(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_value(item) for item in value]
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    return value.isoformat().replace("+00:00", "Z") if isinstance(value, date | time) else str(value)
