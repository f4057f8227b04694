"""Records that are JSON objects: lines, arrays, and the rows of Parquet."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq

from tocsin.errors import ConfigError
from tocsin.sources._records import Picker, Raw
from tocsin.sources._unpack import KEPT, LONGEST, Bytes, Lines

_LARGEST_ARRAY = 1 << 26
_ROWS = 1 << 10
_SAMPLE = 1000
"""Records looked at to see which columns there are."""


class _Json:
    """What all readers share whose records are JSON objects. Columns of nested objects have names with dots."""

    columns: Sequence[str]
    sparse = True

    def __init__(self, encoding: str = "utf-8-sig") -> None:
        self._encoding = None if encoding in ("utf-8-sig", "utf-8") else encoding

    def _object(self, body: bytes) -> dict[str, Any]:
        try:
            value = msgspec.json.decode(body.decode(self._encoding) if self._encoding else body)
        except UnicodeDecodeError as error:
            name = self._encoding or "utf-8"
            raise ValueError(
                f"byte {error.start + 1} of the row is not {name}: write encoding: with the file's encoding"
            ) from None
        except (msgspec.DecodeError, RecursionError) as error:
            raise ValueError(f"not a JSON object: {error}") from None
        if not isinstance(value, dict):
            raise ValueError(f"not a JSON object but {type(value).__name__}")
        return value

    def _survey(self, records: Iterator[Raw]) -> tuple[str, ...]:
        """The columns of the first records."""
        names: dict[str, None] = {}
        for record in islice(records, _SAMPLE):
            if record.fault is None:
                try:
                    names.update(dict.fromkeys(_flat_names(self._object(record.body))))
                except ValueError:
                    continue
        return tuple(names)

    def peeker(self, column: str) -> Picker:
        return self.picker([column])

    def picker(self, columns: Sequence[str | None]) -> Picker:
        paths = [None if name is None else (name, tuple(name.split("."))) for name in columns]
        decode = self._object

        def pick(body: bytes) -> list[Any]:
            value = decode(body)
            return [None if path is None else _dig(value, *path) for path in paths]

        return pick


def _flat_names(value: dict[str, Any], prefix: str = "", depth: int = 3) -> Iterator[str]:
    for name, inner in value.items():
        yield prefix + name
        if isinstance(inner, dict) and depth:
            yield from _flat_names(inner, f"{prefix}{name}.", depth - 1)


def _dig(value: dict[str, Any], name: str, path: tuple[str, ...]) -> Any:
    found = value.get(name)
    if found is not None or len(path) == 1:
        return found
    inner: Any = value
    for step in path:
        inner = inner.get(step) if isinstance(inner, dict) else None
    return inner


class JsonLines(_Json):
    """One JSON object a line."""

    def __init__(self, path: Path, encoding: str) -> None:
        super().__init__(encoding)
        self._path = path
        data = Bytes(path)
        self.in_place = not data.packed
        data.close()
        self.columns = self._survey(self.records(()))

    def records(self, columns: Sequence[str], at: int = 0, line: int = 1) -> Iterator[Raw]:
        data = Bytes(self._path)
        try:
            for one in Lines(data, at, line):
                if one.start == 0 and one.body.startswith(b"\xef\xbb\xbf"):
                    yield Raw(3, 1, one.body[3:], one.end, 2, one.fault)
                elif one.fault is not None or not one.body.isspace():
                    yield Raw(one.start, one.number, one.body, one.end, one.number + 1, one.fault)
        finally:
            data.close()


class JsonArray(_Json):
    """One JSON array of objects, read whole: 64 MiB at most. After a damaged element nothing can be read."""

    in_place = False

    def __init__(self, path: Path, encoding: str) -> None:
        super().__init__()
        self._path, self._of_file = path, encoding
        self.columns = self._survey(self.records(()))

    def _read(self) -> tuple[str, str | None]:
        data = Bytes(self._path)
        try:
            whole = data.read(_LARGEST_ARRAY + 1)
            fault = data.fault
        finally:
            data.close()
        if len(whole) > _LARGEST_ARRAY:
            raise ConfigError(
                f"{self._path} is a JSON array of more than {_LARGEST_ARRAY >> 20} MiB",
                hint="make JSON lines of it, for example with: jq -c '.[]' FILE > FILE.jsonl",
            )
        return whole.decode(self._of_file, errors="surrogateescape"), fault

    def records(self, columns: Sequence[str], at: int = 0, line: int = 1) -> Iterator[Raw]:
        """`start` counts characters, `line` elements."""
        text, fault = self._read()
        skip = re.compile(r"[\s,\[]*+" if not at else r"[\s,]*+")
        space, decoder = re.compile(r"[\s,]*+"), json.JSONDecoder()
        place = skip.match(text, at).end()  # type: ignore[union-attr]
        while place < len(text) and text[place] != "]":
            try:
                _, end = decoder.raw_decode(text, place)
            except (ValueError, RecursionError) as error:
                rest = text[place : place + KEPT].encode(errors="surrogateescape")[:KEPT]
                reason = fault or f"not a JSON array from here on: {error}"
                yield Raw(place, line, rest, len(text), line + 1, reason)
                return
            body = text[place:end].encode(errors="surrogateescape")
            large = f"a row of more than {LONGEST >> 20} MiB" if len(body) > LONGEST else None
            yield Raw(place, line, body[:KEPT] if large else body, end, line + 1, large)
            place, line = space.match(text, end).end(), line + 1  # type: ignore[union-attr]


class Parquet(_Json):
    """A Parquet file, read a row group at a time; records are JSON objects of the columns that are picked."""

    in_place = False
    sparse = False

    def __init__(self, path: Path) -> None:
        super().__init__()
        self._path = path
        with pq.ParquetFile(path) as file:
            self.columns = tuple(_schema_names(file.schema_arrow))

    def records(self, columns: Sequence[str], at: int = 0, line: int = 1) -> Iterator[Raw]:
        """`start` and `line` count rows. A row group that cannot be read is one fault."""
        with pq.ParquetFile(self._path) as file:
            wanted = [name for name in file.schema_arrow.names if any(_within(column, name) for column in columns)]
            first = 0
            for group in range(file.num_row_groups):
                after = first + file.metadata.row_group(group).num_rows
                if at < after:
                    batches = file.iter_batches(_ROWS, row_groups=[group], columns=wanted)
                    yield from _rows(batches, first, after, at)
                first = after


def _within(column: str, name: str) -> bool:
    return column == name or column.startswith(f"{name}.")


def _rows(batches: Iterator[Any], first: int, after: int, at: int) -> Iterator[Raw]:
    """The rows `first` to `after` of a file, less those before `at`."""
    row = first
    try:
        for batch in batches:
            for value in _plain(batch).to_pylist():
                if row >= at:
                    yield Raw(row, row + 1, msgspec.json.encode(value), row + 1, row + 2)
                row += 1
    except (pa.ArrowException, OSError) as error:
        reason = f"rows {row + 1} to {after} of the file cannot be read: {error}"
        yield Raw(row, row + 1, b"", after, after + 1, reason)


def _schema_names(fields: Any, prefix: str = "") -> Iterator[str]:
    for field in fields:
        yield prefix + field.name
        if pa.types.is_struct(field.type):
            yield from _schema_names(field.type, f"{prefix}{field.name}.")


def _plain(batch: Any) -> Any:
    """The batch with nanoseconds cut to microseconds, which Python's datetime can hold."""
    arrays = [
        array.cast(pa.timestamp("us", tz=array.type.tz), safe=False)
        if pa.types.is_timestamp(array.type) and array.type.unit == "ns"
        else array
        for array in batch.columns
    ]
    return pa.RecordBatch.from_arrays(arrays, names=batch.schema.names)
