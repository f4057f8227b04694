"""The posts of a lake that stand: no older versions of edited ones, and none that somebody asked to forget."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from tocsin.component import History

_TOLD = ["seq", "kind", "uid", "version", "source", "author_id", "note"]


class Standing:
    """What edits and deletes up to the row `upto` leave of the posts before them."""

    def __init__(self, lake: History, upto: int) -> None:
        self._lake, self._upto = lake, upto
        self._ended: dict[Any, int] = {}
        for batch in lake.rows(_TOLD, upto_seq=upto):
            kind = batch.column("kind")
            edits = pc.and_(pc.equal(kind, "post"), pc.greater(pc.fill_null(batch.column("version"), 1), 1))
            for row in batch.filter(pc.or_(pc.equal(kind, "delete"), edits)).to_pylist():
                if row["kind"] == "delete" and row["note"] == "author":
                    self._ended[row["source"], row["author_id"]] = row["seq"]
                elif row["kind"] == "post" or row["note"] == "post":
                    self._ended[row["uid"]] = row["seq"]

    def rows(self, columns: Sequence[str]) -> Iterator[pa.Table]:
        """The posts, in the order of `seq`."""
        for batch in self._lake.rows(columns, upto_seq=self._upto):
            posts = batch.filter(pc.equal(batch.column("kind"), "post"))
            table = pa.Table.from_batches([posts])
            yield table.filter(pa.array(self._stand(posts), pa.bool_())) if self._ended else table

    def _stand(self, posts: pa.RecordBatch) -> Iterator[bool]:
        columns = (posts.column(name).to_pylist() for name in ("seq", "uid", "source", "author_id"))
        for seq, uid, source, author in zip(*columns, strict=True):
            yield self._ended.get(uid, 0) <= seq and self._ended.get((source, author), 0) <= seq
