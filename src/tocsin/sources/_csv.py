"""CSV, cut into records so that damage stays where it is."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Sequence
from itertools import islice
from operator import itemgetter
from pathlib import Path
from typing import Any, Literal

import msgspec

from tocsin.errors import ConfigError
from tocsin.sources._records import Picker, Raw
from tocsin.sources._unpack import LONGEST, Bytes, Line, Lines

_MOST_LINES = 1000
"""Physical lines that one record may span."""


class Csv:
    """Comma-separated values (RFC 4180, and what spreadsheets make of it). The first line names the columns.

    A quote that is never closed costs its own line only. A quoted field that goes on over lines must end as
    RFC 4180 says, and the record must have as many columns as the header; else its first line alone is at fault, and
    reading goes on at the second.
    """

    sparse = False

    def __init__(self, path: Path, delimiter: str | None, encoding: str) -> None:
        self._path = path
        self._encoding = "utf-8" if encoding == "utf-8-sig" else encoding
        self.delimiter = delimiter or ","
        self._width = 0
        data = Bytes(path)
        self.in_place = not data.packed
        try:
            lines = Lines(data)
            first = next((line for line in lines if line.body.strip() or line.fault), None)
            self.columns, self._body = (), (0, 1)
            if first is not None:
                self._read_header(first, lines, delimiter, encoding)
        finally:
            data.close()

    def _read_header(self, first: Line, lines: Lines, delimiter: str | None, encoding: str) -> None:
        if encoding == "utf-8-sig":
            first = msgspec.structs.replace(first, body=first.body.removeprefix(b"\xef\xbb\xbf"))
        self.delimiter = delimiter or _sniff(first.body)
        self._grammar = _Grammar(self.delimiter)
        record = self._record(first, lines)
        if record.fault:
            raise ConfigError(f"{self._path}: the header cannot be read: {record.fault}")
        try:
            self.columns = tuple(name.strip() for name in self._split(record.body))
        except ValueError as error:
            raise ConfigError(f"{self._path}: the header cannot be read: {error}") from None
        self._body = (record.end, record.next_line)
        self._width = len(self.columns)

    def records(self, columns: Sequence[str], at: int = 0, line: int = 1) -> Iterator[Raw]:
        data = Bytes(self._path)
        try:
            lines = Lines(data, *((at, line) if at else self._body))
            complete = self._grammar.complete
            for one in lines:
                body = one.body
                if one.fault is None and (b'"' not in body or complete(body)):
                    if not body.isspace():
                        yield Raw(one.start, one.number, body, one.end, one.number + 1)
                else:
                    yield self._record(one, lines)
        finally:
            data.close()

    def _record(self, first: Line, lines: Lines) -> Raw:
        """The record that begins with this line, which may be at fault or end within quotes."""
        alone = Raw(first.start, first.number, first.body, first.end, first.number + 1, first.fault)
        if first.fault or b'"' not in first.body or self._grammar.complete(first.body):
            return alone
        taken, size, fault = [first], len(first.body), "a quote that is never closed"
        for line in islice(lines, _MOST_LINES - 1):
            taken.append(line)
            size += len(line.body)
            state = "broken" if line.fault or size > LONGEST else self._grammar.after(line.body)
            if state == "closed":
                body = b"".join(part.body for part in taken)
                width = self._count(body)
                if width == self._width or not self._width:
                    return Raw(first.start, first.number, body, line.end, line.number + 1)
                fault = f"{width} columns where the header has {self._width}, or a quote that is not closed in this row"
            if state != "open":
                break
        lines.push(taken[1:])
        return msgspec.structs.replace(alone, fault=fault)

    def _count(self, body: bytes) -> int:
        """How many columns a record has; as many as it should where that cannot be said."""
        try:
            return len(self._split(body))
        except ValueError:
            return self._width

    def _split(self, body: bytes) -> list[Any]:
        try:
            text = body.decode(self._encoding)
            if '"' not in text:
                return text.rstrip("\r\n").split(self.delimiter)
            return next(csv.reader((text,), delimiter=self.delimiter))
        except UnicodeDecodeError as error:
            raise ValueError(
                f"byte {error.start + 1} of the row is not {self._encoding}: write encoding: with the file's encoding"
            ) from None
        except csv.Error as error:
            raise ValueError(f"not a CSV row: {error}") from None

    def picker(self, columns: Sequence[str | None]) -> Picker:
        places = [self._width if name is None else self.columns.index(name) for name in columns]
        take = itemgetter(*places) if len(places) > 1 else lambda row: (row[places[0]],)
        split, width = self._split, self._width

        def pick(body: bytes) -> Sequence[Any]:
            row = split(body)
            if len(row) != width:
                raise ValueError(f"{len(row)} columns where the header has {width}")
            row.append(None)
            return take(row)

        return pick

    def peeker(self, column: str) -> Picker:
        skipped, encoding = self._grammar.column(self.columns.index(column)), self._encoding

        def peek(body: bytes) -> Sequence[Any]:
            match = skipped.match(body)
            if match is None:
                raise ValueError("the column is missing")
            return (match[1].strip(b'"\r\n').decode(encoding, errors="replace"),)

        return peek


class _Grammar:
    """What CSV allows, as patterns over bytes that never go back."""

    def __init__(self, delimiter: str) -> None:
        mark = re.escape(delimiter.encode())
        inside = rb'(?:[^"]++|"")*+'
        quoted, plain = rb'"' + inside + rb'"', rb'(?!")[^' + mark + rb"]*+"
        lenient = self._lenient = rb"(?:" + quoted + rb"[^" + mark + rb"]*+|" + plain + rb")"
        strict = rb"(?:" + quoted + rb'|[^"' + mark + rb']*+(?!"))'
        self._mark = mark
        rest = rb"(?:" + mark + strict + rb")*+"
        self._complete = re.compile(lenient + rb"(?:" + mark + lenient + rb")*+[\r\n]*+")
        self._open = re.compile(inside + rb"(?:\"" + rest + mark + rb"\"" + inside + rb")?")
        self._closed = re.compile(inside + rb'"[\r\n]*+' + rest + rb"[\r\n]*+")

    def column(self, place: int) -> re.Pattern[bytes]:
        """Matches a record up to its column at `place` (from 0), which is the group 1."""
        before = rb"(?:" + self._lenient + self._mark + rb"){%d}" % place
        return re.compile(before + rb"(" + self._lenient + rb")")

    def complete(self, line: bytes) -> bool:
        """Whether a record ends with this line, which is its first. A stray quote within a field is text."""
        return self._complete.fullmatch(line) is not None

    def after(self, line: bytes) -> Literal["open", "closed", "broken"]:
        """How a line ends that begins within quotes. Here a stray quote means that the quotes do not belong."""
        if b'"' not in line or self._open.fullmatch(line):
            return "open"
        return "closed" if self._closed.fullmatch(line) else "broken"


def _sniff(header: bytes) -> str:
    """The delimiter: of comma, tab, semicolon and bar the one that the header has most of, outside quotes."""
    bare = re.sub(rb'"(?:[^"]++|"")*+"', b"", header).decode("latin-1")
    return max(",\t;|", key=bare.count)
