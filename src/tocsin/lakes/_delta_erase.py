"""What an erasure does to which rows: an empty row stays, so that counting again gives what was counted before."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from tocsin.lakes._delta_scan import Bounds, DataFile, scan

KEPT = {
    "seq", "event_time", "uid_hash", "source", "stream", "received_at", "version", "backfilled", "language",
    "watches", "country", "category", "categories", "day",
}  # fmt: skip
"""What is left of a post: when and where it counted, and the hash by which it cannot come back as new."""

_COLUMNS = ["kind", "uid", "source", "author_id"]
_WITH_CONTENT = pa.array(["post", "duplicate"])


class Erasure:
    """All posts with these uids or of these authors, and the duplicates noted of them.

    Rows of other kinds stay as they are: a `delete` is what keeps the post from coming back.
    """

    def __init__(
        self, root: Path, files: Sequence[DataFile], uids: Collection[str], authors: Collection[tuple[str, str]]
    ) -> None:
        by_source = defaultdict(list)
        for source, author in authors:
            by_source[source].append(author)
        self._authors = {source: pa.array(ids, pa.string()) for source, ids in by_source.items()}
        self._uids = pa.array(uids, pa.string())
        self.count = 0
        if authors:  # a duplicate's row does not say whose it is
            theirs = [batch.filter(self._matches(batch)).column("uid") for batch in _read(root, files)]
            self._uids = pc.unique(pa.chunked_array([self._uids, *theirs], pa.string()))
        self._touched = {file.path for file in files if self._counted(root, file)}

    def touches(self, file: DataFile) -> bool:
        return file.path in self._touched

    def apply(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        """The same rows in the same order, the erased ones without content."""
        match = self._matches(batch)
        if not pc.any(match).as_py():
            return batch
        rows = pa.Table.from_batches([batch.filter(pc.invert(match)), _emptied(batch.filter(match))])
        joined = rows.combine_chunks().to_batches()[0]
        return joined.take(pc.sort_indices(joined.column("seq")))

    def _counted(self, root: Path, file: DataFile) -> int:
        found = sum(int(pc.sum(self._matches(batch)).as_py()) for batch in _read(root, [file]))
        self.count += found
        return found

    def _matches(self, batch: pa.RecordBatch) -> pa.Array:
        match = pc.is_in(batch.column("uid"), value_set=self._uids)
        for source, authors in self._authors.items():
            theirs = pc.is_in(batch.column("author_id"), value_set=authors)
            match = pc.or_(match, pc.and_(theirs, pc.equal(batch.column("source"), source)))
        return pc.and_(match, pc.is_in(batch.column("kind"), value_set=_WITH_CONTENT))


def _emptied(rows: pa.RecordBatch) -> pa.RecordBatch:
    """The rows with nothing but KEPT. A duplicate stays one, without its uid."""
    kind = pc.if_else(pc.equal(rows.column("kind"), "post"), "erased", rows.column("kind"))
    columns = [
        kind if name == "kind" else column if name in KEPT else pa.nulls(rows.num_rows, column.type)
        for name, column in zip(rows.schema.names, rows.columns, strict=True)
    ]
    return pa.RecordBatch.from_arrays(columns, schema=rows.schema)


def _read(root: Path, files: Sequence[DataFile]) -> Iterator[pa.RecordBatch]:
    return scan(root, files, _COLUMNS, Bounds())
