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

from tocsin.clock import Clock
from tocsin.component import History
from tocsin.errors import LowSpace, Transient
from tocsin.pipeline.following import Reached, news
from tocsin.search.fields import COLUMNS
from tocsin.search.index import Index, Place, made_anew, removed
from tocsin.search.standing import Standing

log = logging.getLogger(__name__)

STEP_ROWS = 20_000
ROOM_BYTES = 256 * 2**20
PURGE_SECONDS = 20 * 3600
"""So long after a deletion the index is made anew: within a day the words of the post are gone from its files."""


class Indexing:
    """Follows one lake; `epoch()` counts how often its posts were labelled anew. Not thread-safe, but for `index`.

    Once `stopping()`, a step ends soon, with what it has taken in so far.
    """

    def __init__(
        self,
        folder: Path,
        lake: History,
        epoch: Callable[[], int],
        clock: Clock,
        stopping: Callable[[], bool] = lambda: False,
    ) -> None:
        self._folder, self._lake, self._epoch, self._clock = folder, lake, epoch, clock
        self._stopping = stopping
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
        taken, last = 0, Reached(place.version, place.seq, place.fingerprint)
        for reached, rows in news(self._lake, last, COLUMNS, STEP_ROWS):
            taken += self._take(reached, rows)
            if self._stopping():
                break
        return taken

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
        made_anew(self._folder, self._until_stopped(standing.rows(COLUMNS)), place)
        self.index = Index(self._folder)
        return place

    def _until_stopped(self, parts: Iterator[pa.Table]) -> Iterator[pa.Table]:
        for rows in parts:
            if self._stopping():
                raise Transient("the index will be made anew at the next start")
            yield rows

    def _take(self, reached: Reached, rows: pa.Table | None) -> int:
        place = self.index.place
        assert self._writing is not None
        assert place is not None
        place = msgspec.structs.replace(place, **reached._asdict())
        if rows is not None and self._writing.add(rows) and place.forgotten_at is None:
            place = msgspec.structs.replace(place, forgotten_at=self._clock.now().timestamp())
        self._writing.commit(place)
        self.index.reload()
        return 0 if rows is None else rows.num_rows

    def close(self) -> None:
        if self._writing is not None:
            self._writing.close()
            self._writing = None
