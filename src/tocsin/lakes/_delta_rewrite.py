"""New files from old ones: small ones merged, or some rows emptied. Sorted by `seq`, so that reading stays cheap.

Our own, because `optimize.compact` of deltalake 1.6.6 keeps no order within a file and merges a whole day at once.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from tocsin.component import Change
from tocsin.lakes._delta_scan import Bounds, DataFile, scan
from tocsin.records import SCHEMA

STATISTICS = ["seq", "event_time", "kind", "version", "source"]
"""Columns whose smallest and largest values are kept in the files. Nothing that a person wrote is among them."""

TARGET = 128 << 20
"""Bytes of a file that is not merged any further."""

_CLASSES = [1 << 20, 32 << 20, TARGET]
_FEW, _MANY = 4, 32
GROUP_ROWS = 16384

STORED = [name for name in SCHEMA.names if name != "day"]
FILE_SCHEMA = pa.schema([SCHEMA.field(name) for name in STORED])


@dataclass
class Written:
    """A file that was written and is not yet part of the table."""

    path: str
    day: str
    size: int = 0
    rows: int = 0
    seqs: list[int] = field(default_factory=list)
    times: list[datetime] = field(default_factory=list)

    def stats(self) -> str:
        """The `stats` of a Delta add action: JSON text, times cut to milliseconds as the format wants them."""
        first, last = min(self.times), max(self.times)
        return msgspec.json.encode(
            {
                "numRecords": self.rows,
                "minValues": {"seq": self.seqs[0], "event_time": _millis(first)},
                "maxValues": {"seq": self.seqs[-1], "event_time": _millis(last)},
                "nullCount": {"seq": 0, "event_time": 0},
            }
        ).decode()


def _millis(time: datetime) -> str:
    return time.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.") + f"{time.microsecond // 1000:03d}Z"


def mergeable(files: Iterable[DataFile], now: datetime) -> Iterator[list[DataFile]]:
    """Groups of one day's files to be made one file each.

    Files of about one size are merged when there are many of them; in days gone by, when there are a few. So a row is
    rewritten about three times, and a day ends with a handful of files.
    """
    fresh = f"{now.astimezone(UTC) - timedelta(days=1):%Y-%m-%d}"
    classes: dict[tuple[str, int], list[DataFile]] = defaultdict(list)
    for file in files:
        size_class = next((i for i, limit in enumerate(_CLASSES) if file.size < limit / 2), None)
        if size_class is not None:
            classes[file.day, size_class].append(file)
    for (day, _), members in sorted(classes.items()):
        enough = _MANY if day >= fresh else _FEW
        for group in _packed(members):
            if len(group) >= enough or (len(group) > 1 and sum(file.size for file in group) >= TARGET / 2):
                yield group


def _packed(files: list[DataFile]) -> Iterator[list[DataFile]]:
    """Neighbours together, up to TARGET bytes."""
    group: list[DataFile] = []
    for file in files:
        if group and sum(member.size for member in group) + file.size > TARGET:
            yield group
            group = []
        group.append(file)
    yield group


def merge(root: Path, version: int, files: Sequence[DataFile], change: Change | None = None) -> Written:
    """Write the rows of one day's files as one file, each batch as `change` makes it.

    Version and rows name it, so a rewrite that died half-way is overwritten by the next one.
    """
    first, last = min(file.first_seq for file in files), max(file.last_seq for file in files)
    written = Written(f"day={files[0].day}/part-{version:012d}-{first}-{last}.zstd.parquet", files[0].day)
    target = root / written.path
    with pq.ParquetWriter(target, FILE_SCHEMA, compression="zstd", write_statistics=STATISTICS) as writer:
        for group in _grouped(scan(root, files, STORED, Bounds()), change):
            writer.write_table(group)
            measure(written, group)
    written.size = target.stat().st_size
    return written


def _grouped(batches: Iterator[pa.RecordBatch], change: Change | None) -> Iterator[pa.Table]:
    """Batches gathered into row groups."""
    held: list[pa.RecordBatch] = []
    count = 0
    for batch in batches:
        held.append(change(batch) if change else batch)
        count += held[-1].num_rows
        if count >= GROUP_ROWS:
            yield pa.Table.from_batches(held, FILE_SCHEMA)
            held, count = [], 0
    if count:
        yield pa.Table.from_batches(held, FILE_SCHEMA)


def measure(written: Written, group: pa.Table) -> None:
    times = pc.min_max(group.column("event_time"))
    written.rows += group.num_rows
    written.seqs += [group.column("seq")[0].as_py(), group.column("seq")[-1].as_py()]
    written.times += [times["min"].as_py(), times["max"].as_py()]
