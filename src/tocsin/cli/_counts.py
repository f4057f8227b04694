"""Counts read from CSV: rows summed into buckets, bad rows told with their line."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, tzinfo
from itertools import chain, islice
from math import isfinite
from typing import TextIO

from tocsin import times
from tocsin.errors import ConfigError, Permanent

TIME_NAMES = ("timestamp", "time", "datetime", "date", "created_at", "tweet_created", "ts")
VALUE_NAMES = ("value", "count", "counts", "mentions", "volume")
SAMPLE = 1000
MOST_BUCKETS = 2_000_000
MOST = 1e12

Row = tuple[int, list[str]]
"""Line number and cells."""
Bad = Callable[[int, str], None]
"""Is told the line of a row that is left out, and why."""


@dataclass(frozen=True)
class Names:
    """Columns as the user named them; None: find out."""

    time: str | None = None
    value: str | None = None
    series: str | None = None


@dataclass
class Counts:
    """Sums by bucket start (Unix seconds) and number of the series, in the order in which `series` appeared."""

    bucket: int
    sums: dict[int, dict[int, float]] = field(default_factory=dict)
    series: dict[str, int] = field(default_factory=dict)
    rows: int = 0

    def add(self, at: datetime, series: str, value: float) -> None:
        """Raises ValueError for a value that cannot be a count."""
        start = int(at.timestamp()) // self.bucket * self.bucket
        own = self.sums.setdefault(start, {})
        number = self.series.setdefault(series, len(self.series))
        total = own.get(number, 0.0) + value
        if not (isfinite(value) and value >= 0 and total <= MOST):
            raise ValueError(f"{value!r} is no count from 0 to {MOST:.0e}")
        own[number] = total
        self.rows += 1

    def grid(self) -> Iterator[tuple[int, dict[int, float]]]:
        """Every bucket from the first to the last; one without rows is empty. Raises Permanent for too many."""
        first, last = min(self.sums), max(self.sums)
        if (last - first) // self.bucket >= MOST_BUCKETS:
            raise Permanent(
                f"from {_iso(first)} to {_iso(last)} there are more than {MOST_BUCKETS:,} buckets of {self.bucket} s: "
                "take out the rows with wrong times, or give a longer --bucket"
            )
        for start in range(first, last + self.bucket, self.bucket):
            yield start, self.sums.get(start, {})


def _iso(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def read(lines: TextIO, names: Names, bucket: int, form: times.Form | tzinfo, bad: Bad) -> Counts:
    """Sum the rows of a CSV table with a header. `bad` is told the line and the reason of each row left out.

    Without a `form` of times it is found, for times that are local in this zone where they name no offset.

    Raises ConfigError for a column or a form of time that cannot be found, Permanent where there is no row to use.
    """
    rows = _rows(lines, bad)
    _, header = next(rows, (0, []))
    columns = [name.strip().removeprefix("\ufeff") for name in header]
    at = _column(columns, names.time, TIME_NAMES, "--time")
    value = _value_column(columns, names.value)
    series = None if names.series is None else _column(columns, names.series, (), "--series")
    ahead = list(islice(rows, SAMPLE))
    if isinstance(form, tzinfo):
        form = _detected([cells[at] for _, cells in ahead if len(cells) > at], form, columns[at])
    counts = Counts(bucket)
    for line, cells in chain(ahead, rows):
        if len(cells) < len(columns):
            bad(line, f"{len(cells)} cells where {len(columns)} belong")
            continue
        try:
            number = 1.0 if value is None else float(cells[value])
            counts.add(form.parse(cells[at]), "" if series is None else cells[series], number)
        except ValueError as error:
            bad(line, str(error))
    if not counts.rows:
        raise Permanent("there is no row with a time and a count to use")
    return counts


def _detected(sample: Sequence[str], zone: tzinfo, column: str) -> times.Form:
    try:
        return times.detect(sample, zone, column)
    except ConfigError as error:
        raise ConfigError(error.message, hint="name the column with --time, its form with --time-format") from None


def _rows(lines: TextIO, bad: Bad) -> Iterator[Row]:
    reader = csv.reader(lines)
    while True:
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            bad(reader.line_num, str(error))
            continue
        if cells:
            yield reader.line_num, cells


def _column(columns: Sequence[str], named: str | None, usual: Sequence[str], option: str) -> int:
    if named is not None and named in columns:
        return columns.index(named)
    found = [columns.index(name) for name in columns if name.casefold() in usual]
    if named is not None or not found:
        what = f"no column {named!r}" if named is not None else "no column of times"
        raise ConfigError(f"{what}; there are {', '.join(columns) or 'none'}", hint=f"name one of them with {option}")
    return min(found, key=lambda number: usual.index(columns[number].casefold()))


def _value_column(columns: Sequence[str], named: str | None) -> int | None:
    """None: there are no values, each row is one event."""
    if named is None and not any(name.casefold() in VALUE_NAMES for name in columns):
        return None
    return _column(columns, named, VALUE_NAMES, "--value")
