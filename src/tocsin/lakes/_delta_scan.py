"""Reading the table's files in the order of `seq`, however commits, days and compaction have cut them up."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from tocsin.errors import Corrupt
from tocsin.records import SCHEMA

BATCH_ROWS = 4096
ROWS_IN_MEMORY = 16384
"""Rows held at most (about), shared by the files that have to be read side by side."""

_BUFFER = 1 << 16
_STATISTICS_PRECISION = timedelta(milliseconds=1)


@dataclass(frozen=True)
class DataFile:
    """One file of the table and what is known of it without opening it; `path` is relative to the table."""

    path: str
    day: str
    size: int
    rows: int
    first_seq: int
    last_seq: int
    first_time: datetime
    last_time: datetime


@dataclass(frozen=True)
class Bounds:
    """Which rows are wanted: seq in (after_seq, upto_seq], event_time in [since, until)."""

    after_seq: int = 0
    upto_seq: int | None = None
    since: datetime | None = None
    until: datetime | None = None

    def touch(self, file: DataFile) -> bool:
        """Whether the file may hold a wanted row. The table keeps times cut to milliseconds."""
        return (
            file.last_seq > self.after_seq
            and (self.upto_seq is None or file.first_seq <= self.upto_seq)
            and (self.since is None or file.last_time + _STATISTICS_PRECISION >= self.since)
            and (self.until is None or file.first_time < self.until)
        )

    def select(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        seq, time = batch.column("seq"), batch.column("event_time")
        tests = [pc.greater(seq, self.after_seq)]
        if self.upto_seq is not None:
            tests.append(pc.less_equal(seq, self.upto_seq))
        if self.since is not None:
            tests.append(pc.greater_equal(time, pa.scalar(self.since, time.type)))
        if self.until is not None:
            tests.append(pc.less(time, pa.scalar(self.until, time.type)))
        mask = tests[0]
        for test in tests[1:]:
            mask = pc.and_(mask, test)
        return batch if pc.all(mask).as_py() else batch.filter(mask)


def data_files(actions: pa.Table) -> list[DataFile]:
    """The live files, in the order of their first row, from `DeltaTable.get_add_actions(flatten=True)`."""
    files = [
        DataFile(
            path=row["path"],
            day=row["partition.day"],
            size=row["size_bytes"],
            rows=row["num_records"],
            first_seq=row["min.seq"],
            last_seq=row["max.seq"],
            first_time=row["min.event_time"],
            last_time=row["max.event_time"],
        )
        for row in actions.to_pylist()
    ]
    return sorted(files, key=lambda file: (file.first_seq, file.path))


def read_files(root: Path, files: Iterable[tuple[str, str]], columns: Sequence[str]) -> pa.Table:
    """Whole files, given as (path, day), as one table in the order of `seq`."""
    names = list(dict.fromkeys([*columns, "seq"]))
    tables = [SCHEMA.empty_table().select(names)]
    for path, day in files:
        with _readable(root / path), pq.ParquetFile(root / path) as file:
            table = file.read([name for name in names if name != "day"])
        tables.append(_with_day(table, day, names))
    rows = tables[-1] if len(tables) <= 2 else pa.concat_tables(tables).sort_by("seq")
    return rows.select(list(columns))


@contextmanager
def _readable(path: Path) -> Iterator[None]:
    """Names the file that cannot be read, in an error of ours; one that is gone stays a FileNotFoundError."""
    try:
        yield
    except FileNotFoundError:
        raise
    except (pa.ArrowException, OSError) as error:
        reason = str(error).splitlines()[0]
        raise Corrupt(f"{path}: this file of the lake cannot be read ({reason}); run `tocsin doctor`") from error


def scan(root: Path, files: Sequence[DataFile], columns: Sequence[str], bounds: Bounds) -> Iterator[pa.RecordBatch]:
    """The wanted rows of the files in the order of `seq`, in memory that does not grow with the table.

    Each file is in the order of `seq`; several are open at once only where their ranges overlap.
    """
    wanted = [file for file in files if bounds.touch(file)]
    size = max(256, min(BATCH_ROWS, ROWS_IN_MEMORY // max(1, _overlap(wanted))))
    names = list(dict.fromkeys([*columns, "seq", "event_time"]))
    streams = (_Stream(root, file, names, bounds, size) for file in wanted)
    for batch in _merged(streams):
        if batch.num_rows:
            yield batch.select(list(columns))


def _overlap(files: Sequence[DataFile]) -> int:
    """How many of the files share a stretch of `seq` at most."""
    ends = sorted(file.last_seq for file in files)
    return max((index + 1 - bisect_right(ends, file.first_seq - 1) for index, file in enumerate(files)), default=0)


class _Stream:
    """The rows of one file, a batch at a time."""

    def __init__(self, root: Path, file: DataFile, names: list[str], bounds: Bounds, size: int) -> None:
        self.first = file.first_seq
        self._batches = _batches(root, file, names, bounds, size)
        self.rest: pa.RecordBatch | None = None

    def fill(self) -> bool:
        """Have rows at hand; False at the end of the file."""
        while self.rest is None or self.rest.num_rows == 0:
            self.rest = next(self._batches, None)
            if self.rest is None:
                return False
        return True

    def last(self) -> int:
        assert self.rest is not None
        return int(self.rest.column("seq")[-1].as_py())

    def take(self, upto: int) -> pa.RecordBatch:
        """The rows at hand with seq up to `upto`."""
        assert self.rest is not None
        count = int(np.searchsorted(self.rest.column("seq").to_numpy(), upto, side="right"))
        taken, self.rest = self.rest.slice(0, count), self.rest.slice(count)
        return taken


def _merged(streams: Iterator[_Stream]) -> Iterator[pa.RecordBatch]:
    """A k-way merge by whole stretches. A file is opened when the merge comes to its first row."""
    active: list[_Stream] = []
    coming = next(streams, None)
    while active or coming is not None:
        if not active and coming is not None:
            active, coming = [coming], next(streams, None)
        active = [stream for stream in active if stream.fill()]
        upto = min((stream.last() for stream in active), default=-1)
        while coming is not None and coming.first <= upto:
            if coming.fill():
                active.append(coming)
                upto = min(upto, coming.last())
            coming = next(streams, None)
        if active:
            yield _sorted([stream.take(upto) for stream in active])


def _sorted(parts: list[pa.RecordBatch]) -> pa.RecordBatch:
    parts = [part for part in parts if part.num_rows]
    if len(parts) == 1:
        return parts[0]
    joined = pa.Table.from_batches(parts).combine_chunks().to_batches()[0]
    return joined.take(pc.sort_indices(joined.column("seq")))


def _batches(root: Path, file: DataFile, names: list[str], bounds: Bounds, size: int) -> Iterator[pa.RecordBatch]:
    stored = [name for name in names if name != "day"]
    path = root / file.path
    with _readable(path), pq.ParquetFile(path, buffer_size=_BUFFER, pre_buffer=False) as parquet:
        groups = [i for i in range(parquet.num_row_groups) if _group_touches(parquet.metadata.row_group(i), bounds)]
        for batch in parquet.iter_batches(size, row_groups=groups, columns=stored, use_threads=False):
            yield bounds.select(_with_day(batch, file.day, names))


def _group_touches(group: Any, bounds: Bounds) -> bool:
    statistics = group.column(SCHEMA.get_field_index("seq")).statistics
    return statistics.max > bounds.after_seq and (bounds.upto_seq is None or statistics.min <= bounds.upto_seq)


def _with_day(rows: Any, day: str, names: Sequence[str]) -> Any:
    """Rows of a file (a table or a batch) with the day they are filed under, columns in the order of `names`."""
    if "day" in names:
        rows = rows.append_column(SCHEMA.field("day"), pa.array([day] * rows.num_rows, pa.string()))
    return rows.select(list(names))
