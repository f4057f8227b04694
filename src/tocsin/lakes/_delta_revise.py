"""Rows given other values, file by file, in steps so small that the writer can go on with its own work between them.

A file is written anew beside the table and counts from the commit on that swaps it in. What dies before leaves nothing
but a file that nobody knows, which the next `maintain` clears away; done again, it comes to the same.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from tocsin.component import Change
from tocsin.lakes._delta_faults import writing
from tocsin.lakes._delta_rewrite import FILE_SCHEMA, GROUP_ROWS, STATISTICS, STORED, Written, measure
from tocsin.lakes._delta_scan import Bounds, DataFile, scan

ROWS_A_STEP = 512


class Revision:
    """One file with the rows that `change` makes of its own. `changed` counts those that are not as they were."""

    def __init__(self, root: Path, version: int, file: DataFile) -> None:
        self._root, self._file = root, file
        path = f"day={file.day}/part-{version:012d}-{file.first_seq}-{file.last_seq}.revised.zstd.parquet"
        self.written = Written(path, file.day)
        self.changed = 0

    def steps(self, change: Change) -> Iterator[int]:
        """Write it; after each step, how many rows were looked at in it."""
        target = self._root / self.written.path
        with writing(self._root):
            writer = pq.ParquetWriter(target, FILE_SCHEMA, compression="zstd", write_statistics=STATISTICS)
        held: list[pa.RecordBatch] = []
        try:
            for batch in self._batches():
                held.append(self._changed(batch, change))
                if sum(one.num_rows for one in held) >= GROUP_ROWS:
                    self._write(writer, held)
                    held = []
                yield batch.num_rows
            self._write(writer, held)
        finally:
            with writing(self._root):
                writer.close()
        self.written.size = target.stat().st_size

    def _batches(self) -> Iterator[pa.RecordBatch]:
        for batch in scan(self._root, [self._file], STORED, Bounds()):
            for start in range(0, batch.num_rows, ROWS_A_STEP):
                yield batch.slice(start, ROWS_A_STEP)

    def _changed(self, batch: pa.RecordBatch, change: Change) -> pa.RecordBatch:
        revised = change(batch)
        if revised.num_rows != batch.num_rows or not revised.column("seq").equals(batch.column("seq")):
            raise ValueError("a revision keeps all rows and their order")
        if not revised.equals(batch):
            same = [_same(one, other) for one, other in zip(revised.columns, batch.columns, strict=True)]
            self.changed += batch.num_rows - sum(map(all, zip(*same, strict=True)))
        return revised

    def _write(self, writer: pq.ParquetWriter, held: list[pa.RecordBatch]) -> None:
        if held:
            group = pa.Table.from_batches(held, FILE_SCHEMA)
            with writing(self._root):
                writer.write_table(group)
            measure(self.written, group)

    def drop(self) -> None:
        (self._root / self.written.path).unlink(missing_ok=True)


def _same(one: pa.Array, other: pa.Array) -> list[bool]:
    """Row by row, whether two columns hold the same."""
    if one.equals(other):
        return [True] * len(one)
    if pa.types.is_nested(one.type):
        return [left == right for left, right in zip(one.to_pylist(), other.to_pylist(), strict=True)]
    equal: list[bool] = pc.fill_null(pc.equal(one, other), False).to_pylist()
    return equal


def next_file(files: list[DataFile], after_seq: int, since: datetime | None) -> DataFile | None:
    """The file that ends first behind `after_seq`, so that a position says which files are done."""
    waiting = [file for file in files if Bounds(after_seq, since=since).touch(file)]
    return min(waiting, key=lambda file: file.last_seq, default=None)
