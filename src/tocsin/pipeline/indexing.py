"""Keeps the index of posts in step with the lake. A reader of the lake like the detect loop, but nothing hangs on it.

Where an index cannot be followed up (posts labelled anew, another lake, another Tocsin), and a day after posts were
deleted, it is made anew from the lake; the old one serves until then.
"""

from __future__ import annotations

import logging
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import pyarrow as pa
import pyarrow.compute as pc

from tocsin.clock import Clock
from tocsin.component import History
from tocsin.errors import LowSpace, Transient
from tocsin.search.fields import COLUMNS
from tocsin.search.index import Index, Place, made_anew, removed
from tocsin.search.standing import Standing

log = logging.getLogger(__name__)

STEP_ROWS = 20_000
ROOM_BYTES = 256 * 2**20
PURGE_SECONDS = 20 * 3600
"""So long after a deletion the index is made anew: within a day the words of the post are gone from its files."""

News = Iterator[tuple[Place, pa.Table | None]]


class Indexing:
    """Follows one lake; `epoch()` counts how often its posts were labelled anew. Not thread-safe, but for `index`."""

    def __init__(self, folder: Path, lake: History, epoch: Callable[[], int], clock: Clock) -> None:
        self._folder, self._lake, self._epoch, self._clock = folder, lake, epoch, clock
        self._writing: Index | None = None
        self.index = self._opened()
        """To be read from any thread; another one after it was made anew."""

    def _opened(self) -> Index:
        try:
            return Index(self._folder)
        except Transient as damaged:
            log.warning("%s; it is made anew", damaged)
            removed(self._folder)
            return Index(self._folder)

    def step(self) -> int:
        """Take in what is new in the lake; how many rows that were. Raises Transient, and LowSpace where it leaves the
        last of the disk to the lake."""
        if shutil.disk_usage(self._folder.parent).free < ROOM_BYTES:
            self.close()
            raise LowSpace(f"{self._folder}: the index waits for room on the disk")
        try:
            return self._step()
        except Transient:
            self.close()
            raise

    def _step(self) -> int:
        place = self.index.place
        if place is None:
            place = self._begin()
        elif not self._follows(place):
            place = self._anew()
        if self._writing is None:
            self._writing = Index(self._folder, write=True)
            self._writing.go_on_from(place)
        return sum(self._take(*news) for news in self._news(place))

    def at_end(self) -> bool:
        """Whether everything that is in the lake now can be found."""
        place = self.index.place
        return place is not None and place.version >= self._lake.version() and self._follows(place)

    def _follows(self, place: Place) -> bool:
        lake = self._lake
        if place.lake != lake.table_id or place.epoch != self._epoch() or place.version > lake.version():
            return False
        seen = lake.fingerprint(place.version) if place.version >= 0 else None
        if seen is not None and seen != place.fingerprint:
            return False
        since = place.forgotten_at
        return since is None or self._clock.now().timestamp() - since < PURGE_SECONDS

    def _begin(self) -> Place:
        """An empty index: what the lake holds can be searched as it comes in."""
        self.close()
        removed(self._folder)
        place = Place(self._lake.table_id, self._epoch())
        self._writing = Index(self._folder, write=True)
        self._writing.commit(place)
        self.index = Index(self._folder)
        return place

    def _anew(self) -> Place:
        """An index of what stands in the lake, in place of the one that there is."""
        self.close()
        version, upto = self._lake.version(), self._lake.last_seq()
        log.info("Making the index of posts anew, from %s rows.", f"{upto:,}")
        place = Place(self._lake.table_id, self._epoch(), version, upto, self._lake.fingerprint(version) or "")
        standing = Standing(self._lake, upto)
        made_anew(self._folder, standing.rows(COLUMNS), place)
        self.index = Index(self._folder)
        return place

    def _take(self, place: Place, rows: pa.Table | None) -> int:
        assert self._writing is not None
        if rows is not None and self._writing.add(rows) and place.forgotten_at is None:
            place = msgspec.structs.replace(place, forgotten_at=self._clock.now().timestamp())
        self._writing.commit(place)
        self.index.reload()
        return 0 if rows is None else rows.num_rows

    def _news(self, place: Place) -> News:
        """New rows with the place they lead to: commit by commit, or, where those are gone, from the table."""
        try:
            yield from self._commits(place)
        except LookupError:
            version, upto = self._lake.version(), self._lake.last_seq()
            after = (self.index.place or place).seq
            for batch in self._lake.rows(COLUMNS, after_seq=after, upto_seq=upto):
                for start in range(0, batch.num_rows, STEP_ROWS):
                    rows = pa.Table.from_batches([batch.slice(start, STEP_ROWS)])
                    yield self._at(place.version, rows, place.fingerprint), rows
            yield self._at(version, None, self._lake.fingerprint(version) or ""), None

    def _commits(self, place: Place) -> News:
        tables: list[pa.Table] = []
        last = None
        for commit in self._lake.commits(place.version, COLUMNS):
            last = commit
            tables += [] if commit.rows is None else [commit.rows]
            if sum(table.num_rows for table in tables) >= STEP_ROWS:
                rows = pa.concat_tables(tables)
                yield self._at(commit.version, rows, commit.fingerprint), rows
                tables, last = [], None
        if last is not None:
            rows = pa.concat_tables(tables) if tables else None
            yield self._at(last.version, rows, last.fingerprint), rows

    def _at(self, version: int, rows: pa.Table | None, fingerprint: str) -> Place:
        place = self.index.place
        assert place is not None
        seq = place.seq if rows is None or not rows.num_rows else max(place.seq, pc.max(rows.column("seq")).as_py())
        return msgspec.structs.replace(place, version=version, seq=seq, fingerprint=fingerprint)

    def close(self) -> None:
        if self._writing is not None:
            self._writing.close()
            self._writing = None
