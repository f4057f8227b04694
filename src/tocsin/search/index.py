"""The index: one writer, any number of readers, and how far it has followed the lake."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any

import msgspec
import pyarrow as pa
import pyarrow.compute as pc
import tantivy

from tocsin.errors import Transient
from tocsin.search.fields import LAYOUT, Found, found, indexed, schema, turn, writer
from tocsin.search.filters import LATEST, Filters, between

INDEX = "index"
"""Its folder in the data directory, and the name of the lock of whoever writes to it."""
HEAP = 64_000_000
"""Bytes of new documents that are held before they are written."""


@contextmanager
def _kept(folder: Path) -> Iterator[None]:
    """What the index cannot do as Transient: a full disk, a damaged file, a writer that has died of one."""
    try:
        yield
    except (OSError, ValueError) as error:
        raise Transient(f"the index in {folder}: {error}") from error


class Place(msgspec.Struct, frozen=True):
    """How far the index has followed the lake `lake`, up to row `seq` of its commit `version`.

    `epoch` counts how often posts were labelled anew; `forgotten_at` (Unix seconds) is since when words of deleted
    posts may still lie in its files, though no search finds them.
    """

    lake: str
    epoch: int
    version: int = -1
    seq: int = 0
    fingerprint: str = ""
    forgotten_at: float | None = None
    layout: int = LAYOUT


class Index:
    """The index in `folder`, to be read; it is written to where `write` says so. Raises Transient."""

    def __init__(self, folder: Path, *, write: bool = False) -> None:
        self.folder = folder
        with _kept(folder):
            (folder / "posts").mkdir(parents=True, exist_ok=True)
            self._index = tantivy.Index(schema(), path=str(folder / "posts"))
            self._writer = self._index.writer(HEAP, 1) if write else None

    @property
    def place(self) -> Place | None:
        """Where it stands; None for a new one, or one that cannot be used."""
        try:
            place = msgspec.json.decode((self.folder / "place.json").read_bytes(), type=Place)
        except (OSError, msgspec.MsgspecError):
            return None
        return place if place.layout == LAYOUT else None

    def go_on_from(self, place: Place) -> None:
        """Take out what a write that was cut off has left behind it."""
        assert self._writer is not None
        with _kept(self.folder):
            self._writer.delete_documents_by_query(between("seq", place.seq + 1, LATEST))

    def add(self, rows: pa.Table) -> bool:
        """Take in rows of `COLUMNS`, in the order of `seq`: posts, edits and demands to forget; whether any were.

        Raises Transient; the rest of what was added is lost then.
        """
        with _kept(self.folder):
            return self._add(rows)

    def _add(self, rows: pa.Table) -> bool:
        forgot = False
        for batch in rows.to_batches():
            kinds = batch.column("kind")
            edits = pc.and_(pc.equal(kinds, "post"), pc.greater(pc.fill_null(batch.column("version"), 1), 1))
            turns = pc.or_(pc.equal(kinds, "delete"), edits)
            at = 0
            for place in pc.indices_nonzero(turns).to_pylist():
                self._posts(batch.slice(at, place - at))
                forgot |= self._forget(batch.slice(place, 1).to_pylist()[0])
                at = place
            self._posts(batch.slice(at))
        return forgot

    def _posts(self, batch: pa.RecordBatch) -> None:
        assert self._writer is not None
        for document in indexed(batch.filter(pc.equal(batch.column("kind"), "post"))):
            self._writer.add_document(document)

    def _forget(self, row: dict[str, Any]) -> bool:
        """Take out what an edit replaces or a delete names. Of a post that loses its place, the place goes later."""
        assert self._writer is not None
        if row["kind"] == "delete" and row["note"] == "author":
            self._writer.delete_documents_by_term("writer", writer(row["source"], row["author_id"]))
        elif row["kind"] == "post" or row["note"] == "post":
            self._writer.delete_documents_by_term("uid", row["uid"])
        return True

    def commit(self, place: Place) -> None:
        """Make everything added durable and visible, then where it stands. Raises Transient."""
        assert self._writer is not None
        part = self.folder / "place.part"
        with _kept(self.folder):
            self._writer.commit()
            part.write_bytes(msgspec.json.encode(place))
            os.replace(part, self.folder / "place.json")
            self._index.reload()

    def close(self) -> None:
        writer, self._writer = self._writer, None
        if writer is not None:
            with suppress(ValueError):  # one that has died has nothing to wait for
                writer.wait_merging_threads()

    def reload(self) -> None:
        """See what others have written since."""
        with _kept(self.folder):
            self._index.reload()

    def count(self, filters: Filters) -> int:
        with _kept(self.folder):
            found = self._index.searcher().search(filters.query(), limit=1, count=True, order_by_field="seq")
        return int(found.count)  # type: ignore[attr-defined]

    def newest(self, filters: Filters, limit: int, before: tuple[int, int] | None = None) -> list[Found]:
        """Posts, newest first; with `before` (time and `seq` of one), those that follow it."""
        query = filters.query()
        if before is not None:
            both = [
                (tantivy.Occur.Must, query),
                (tantivy.Occur.Must, between("turn", 0, turn(*before))),
            ]
            query = tantivy.Query.boolean_query(both)
        with _kept(self.folder):
            searcher = self._index.searcher()
            hits = searcher.search(query, limit=limit, count=False, order_by_field="turn").hits
            return [found(searcher.doc(address)) for _, address in hits]

    def aggregate(self, filters: Filters, asked: dict[str, Any]) -> dict[str, Any]:
        """Counts in Tantivy's language of aggregations (https://docs.rs/tantivy/latest/tantivy/aggregation)."""
        with _kept(self.folder):
            return dict(self._index.searcher().aggregate(filters.query(), asked))

    @property
    def posts(self) -> int:
        """How many posts there are."""
        return int(self._index.searcher().num_docs)


def made_anew(folder: Path, parts: Iterable[pa.Table], place: Place) -> None:
    """An index of these rows in place of the one in `folder`, if there is one."""
    new, old = folder.with_name(f"{folder.name}.new"), folder.with_name(f"{folder.name}.old")
    for stale in (new, old):
        shutil.rmtree(stale, ignore_errors=True)
    with closing(Index(new, write=True)) as made:
        for rows in parts:
            made.add(rows)
        made.commit(place)
    if folder.exists():
        folder.rename(old)
    new.rename(folder)
    shutil.rmtree(old, ignore_errors=True)


def removed(folder: Path) -> bool:
    """Whether there was an index, which is gone now."""
    was = folder.exists()
    for one in (folder, folder.with_name(f"{folder.name}.new"), folder.with_name(f"{folder.name}.old")):
        shutil.rmtree(one, ignore_errors=True)
    return was
