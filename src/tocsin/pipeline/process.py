"""The second loop: the queue, from the lake's offset, through the enrichers into the lake.

A commit carries the queue's offset, so a batch is in the lake once or not at all. Then the lake is flushed, and
only then may the queue drop what it held. After any fault the loop is made anew from what the lake says.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tocsin import records
from tocsin.clock import Clock
from tocsin.component import Enricher, Lake, Patience, Queue, Slice
from tocsin.errors import Permanent, Transient
from tocsin.model import DeadLetter, Post, decoder
from tocsin.seen import REMEMBERED, Seen
from tocsin.telemetry import Telemetry

log = logging.getLogger(__name__)

TRIES = 3
MOST_POISON = 100
"""So many posts may fail alone before a batch in which one does not; when more do, it is not the posts that are bad."""

History = Callable[[], Iterator[pa.RecordBatch]]


class EnrichmentError(Exception):
    """A batch could not be enriched: an enricher raised, took too long, or died."""


class Enrichment(Protocol):
    """All enrichers of the config, in order, wherever they run."""

    @property
    def recalls(self) -> frozenset[str]:
        """Columns of earlier rows that the enrichers want to see again at start."""
        ...

    @property
    def patience(self) -> Patience:
        """How long all enrichers together may take, beyond what is usual."""
        ...

    def recall(self, history: History) -> None:
        """Show the enrichers the rows that are in the lake; `history` may be called again after a death."""
        ...

    def submit(self, batch: pa.RecordBatch) -> None:
        """Begin to enrich a batch of posts."""
        ...

    def result(self) -> pa.RecordBatch:
        """The batch submitted last, with the filled columns. Raises EnrichmentError."""
        ...


class Chain:
    """The enrichers in this process, ordered by what they need and fill."""

    def __init__(self, enrichers: Sequence[Enricher]) -> None:
        self._enrichers = in_order(enrichers)
        self._batch: pa.RecordBatch | None = None

    @property
    def recalls(self) -> frozenset[str]:
        return frozenset().union(*(getattr(enricher, "recalls", frozenset()) for enricher in self._enrichers))

    @property
    def patience(self) -> Patience:
        """What all enrichers together ask for."""
        asked = [getattr(enricher, "patience", Patience()) for enricher in self._enrichers]
        return Patience(sum(one.seconds for one in asked), sum(one.seconds_a_post for one in asked))

    def recall(self, history: History) -> None:
        recalling = [enricher for enricher in self._enrichers if hasattr(enricher, "recall")]
        for batch in history() if recalling else ():
            for enricher in recalling:
                enricher.recall(batch)

    def submit(self, batch: pa.RecordBatch) -> None:
        self._batch = batch

    def result(self) -> pa.RecordBatch:
        assert self._batch is not None, "submit a batch first"
        try:
            return self.enrich(self._batch)
        except Exception as error:
            raise EnrichmentError(f"{type(error).__name__}: {error}") from error

    def enrich(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        for enricher in self._enrichers:
            for name, column in enricher.enrich(batch).items():
                field = records.SCHEMA.field(name)
                spot = batch.schema.get_field_index(name)
                batch = batch.append_column(field, column) if spot < 0 else batch.set_column(spot, field, column)
        return batch


def in_order(enrichers: Sequence[Enricher]) -> list[Enricher]:
    """Each enricher after those that fill what it needs. Raises ValueError if there is no such order."""
    fills = frozenset().union(*(enricher.fills for enricher in enrichers))
    waiting, ready, have = list(enrichers), [], frozenset[str]()
    while waiting:
        able = [enricher for enricher in waiting if not (enricher.needs & fills) - have - enricher.fills]
        if not able:
            raise ValueError(f"enrichers need each other: {[type(enricher).__name__ for enricher in waiting]}")
        ready += able
        have = have.union(*(enricher.fills for enricher in able))
        waiting = [enricher for enricher in waiting if enricher not in able]
    return ready


@dataclass
class _Prepared:
    """A slice of the queue up to `offset` as rows: posts to be enriched, and the rest."""

    offset: int
    posts: pa.RecordBatch
    others: list[records.Row]


class Process:
    """One run of the loop, from `recover` on. Not thread-safe; make a new one after a fault."""

    def __init__(
        self,
        queue: Queue,
        lake: Lake,
        enrichment: Enrichment,
        clock: Clock,
        telemetry: Telemetry,
        most: int = 10_000,
        stopping: Callable[[], bool] = lambda: False,
    ) -> None:
        self._queue, self._lake, self._enrichment, self._stopping = queue, lake, enrichment, stopping
        self._clock, self._telemetry, self._most = clock, telemetry, most
        self._seen, self._deleted = Seen(), Seen()
        self._forgetting = Forgetting()
        self._waiting: _Prepared | None = None
        self._committed = self._read = self._failed_alone = 0

    def recover(self) -> None:
        """Take the position and all memory from the lake."""
        last = self._lake.last_seq()
        self._committed = self._read = self._lake.offset(self._queue.uuid) or self._beginning(last)
        for batch in self._lake.rows([*_IDENTITY, *_DELETES], after_seq=last - REMEMBERED):
            deletes = pc.equal(batch.column("kind"), "delete")
            _remember(self._seen, batch.filter(pc.invert(deletes)))
            _remember(self._deleted, batch.filter(deletes))
            self._forgetting.note(batch.filter(deletes))
        self._enrichment.recall(self._history)
        self._lake.flush()
        self._queue.trim(self._committed)

    def _beginning(self, last: int) -> int:
        """Where a queue begins that the lake has not met: after the lake's last row."""
        first = self._queue.read(0, 1).offsets
        if first and first[0] <= last:
            raise Permanent(
                f"the queue is new but holds events from offset {first[0]} on, and the lake has rows up to {last}: "
                "put the queue's own lake beside it, or name another `data_dir:`"
            )
        return last

    def _history(self) -> Iterator[pa.RecordBatch]:
        if self._enrichment.recalls:
            columns = sorted(self._enrichment.recalls | {"kind"})
            for batch in self._lake.rows(columns, after_seq=self._lake.last_seq() - REMEMBERED):
                yield records.posts_only(batch)

    @property
    def backlog(self) -> int:
        """How many offsets are not in the lake yet."""
        return self._queue.end() - self._committed

    def step(self) -> int:
        """Take the next events, and commit those taken before while these are enriched.

        Gives how many rows were committed.
        """
        taken = self._queue.read(self._read, self._most)
        prepared = self._prepare(taken) if taken.offsets else None
        before, self._waiting = self._waiting, prepared
        enriched = self._enriched(before) if before else None
        if prepared is not None:
            self._enrichment.submit(prepared.posts)
            self._read = prepared.offset
        return self._commit(before.offset, enriched) if before and enriched else 0

    def finish(self) -> int:
        """Commit what was taken, without taking more; how many rows that were."""
        before, self._waiting = self._waiting, None
        return self._commit(before.offset, self._enriched(before)) if before else 0

    def _prepare(self, taken: Slice) -> _Prepared:
        posts: list[tuple[int, Post]] = []
        others: list[records.Row] = []
        now = self._clock.now()
        for offset, body in zip(taken.offsets, taken.bodies, strict=True):
            try:
                event = decoder.decode(body)
            except (msgspec.MsgspecError, ValueError, RecursionError) as error:
                others.append(self._dead(offset, f"not an event: {error}", body))
                continue
            if isinstance(event, Post):
                posts.append((offset, event))
            else:
                others.append(records.other_row(offset, event, now))
        self._note_deletes(others)
        rows = self._sort_out(posts, others)
        return _Prepared(taken.offsets[-1], records.to_batch(rows), others)

    def _note_deletes(self, others: list[records.Row]) -> None:
        if any(row[1] == "delete" for row in others):
            batch = records.to_batch(others)
            deletes = batch.filter(pc.equal(batch.column("kind"), "delete"))
            _remember(self._deleted, deletes)
            self._forgetting.note(deletes)

    def _sort_out(self, posts: list[tuple[int, Post]], others: list[records.Row]) -> list[records.Row]:
        """The rows of the posts that are new; duplicates and posts deleted before they came join `others`."""
        hashes = np.array([records.uid_hash(post.uid, post.version) for _, post in posts], dtype=np.int64)
        seqs = np.array([offset for offset, _ in posts], dtype=np.int64)
        known = self._seen.contains(hashes, seqs)
        known[np.setdiff1d(np.arange(len(hashes)), np.unique(hashes, return_index=True)[1])] = True
        gone = np.zeros(len(hashes), dtype=np.bool_)
        if len(self._deleted):
            tombs = np.array([records.uid_hash(post.uid, records.TOMBSTONE) for _, post in posts], dtype=np.int64)
            gone = self._deleted.contains(tombs, seqs)
        self._seen.add(hashes[~known], seqs[~known])
        rows = []
        marks = zip(hashes.tolist(), known.tolist(), gone.tolist(), strict=True)
        for (offset, post), (identity, is_known, is_gone) in zip(posts, marks, strict=True):
            if is_known:
                others.append(records.duplicate_row(offset, post))
                self._telemetry.duplicate(post.source)
            elif is_gone:
                others.append(records.erased_row(offset, post))
            else:
                rows.append(records.post_row(offset, post, identity))
        return rows

    def _enriched(self, prepared: _Prepared) -> list[pa.RecordBatch]:
        """The prepared posts with their filled columns, and the other rows; poison becomes dead letters."""
        try:
            batches = [self._enrichment.result()]
        except EnrichmentError as error:
            log.warning("A batch of %d posts failed (%s): trying it in parts.", prepared.posts.num_rows, error)
            batches = list(self._salvage(prepared.posts, prepared.others))
        if any(batch.num_rows for batch in batches):
            self._failed_alone = 0
        if prepared.others:
            batches.append(records.to_batch(prepared.others))
        return batches

    def _salvage(self, batch: pa.RecordBatch, others: list[records.Row]) -> Iterator[pa.RecordBatch]:
        """Halve until the poison stands alone; what fails alone three times is dead.

        Raises Permanent when it is not the posts that are bad, Transient when the run is being stopped: the batch is
        not committed, so the next run tries it.
        """
        if self._stopping():
            raise Transient("stopped while a batch was tried in parts")
        reason = ""
        for _ in range(TRIES if batch.num_rows == 1 else 1):
            self._enrichment.submit(batch)
            try:
                yield self._enrichment.result()
                return
            except EnrichmentError as error:
                reason = str(error)
        if batch.num_rows > 1:
            middle = batch.num_rows // 2
            yield from self._salvage(batch.slice(0, middle), others)
            yield from self._salvage(batch.slice(middle), others)
            return
        if not batch.num_rows:
            raise Permanent(f"the enrichers fail without any post: {reason}")
        self._failed_alone += 1
        if self._failed_alone > MOST_POISON:
            raise Permanent(f"the enrichers fail for more than {MOST_POISON} posts, the last with: {reason}")
        seq, source, uid_hash = (batch.column(name)[0].as_py() for name in ("seq", "source", "uid_hash"))
        (body,) = self._queue.read(seq - 1, 1).bodies
        others.append(self._dead(seq, reason, body, source))
        self._seen.forget(uid_hash)

    def _dead(self, offset: int, reason: str, body: bytes, source: str = "") -> records.Row:
        now = self._clock.now()
        letter = DeadLetter(
            source=source, stage="process", reason=reason, place=f"queue:{offset}", body=body[:65_536], at=now
        )
        self._queue.bury([letter])
        self._telemetry.dead("process", 1)
        return records.dead_row(offset, now, source, reason)

    def _commit(self, offset: int, batches: list[pa.RecordBatch]) -> int:
        """One commit with the queue's offset; then flush; then, and only then, trim the queue."""
        tables = [records.complete(batch) for batch in batches if batch.num_rows]
        rows = pa.concat_tables(tables)
        if len(tables) > 1:
            rows = rows.sort_by("seq")
        started = self._clock.monotonic()
        self._lake.append(rows, self._queue.uuid, offset)
        self._lake.flush()
        self._committed = offset
        self._queue.trim(offset)
        self._telemetry.committed(rows.num_rows, self._clock.monotonic() - started)
        return int(rows.num_rows)

    def maintain(self, *, erase_now: bool = False) -> tuple[int, int]:
        """Erase what was asked for, compact, clean up; how many rows and dead letters were erased.

        Between two commits, by the lake's only writer. `erase_now`: the bytes too, at once.
        """
        erased = self._forgetting.apply(self._lake, self._queue)
        if erase_now:
            self._queue.drop_tail()
        self._lake.maintain(self._clock.now(), erase_now=erase_now)
        return erased


_IDENTITY = ["seq", "kind", "uid_hash"]
_DELETES = ["uid", "source", "author_id", "note"]


def _remember(seen: Seen, batch: pa.RecordBatch) -> None:
    known = batch.filter(pc.is_valid(batch.column("uid_hash")))
    seen.add(known.column("uid_hash").to_numpy(), known.column("seq").to_numpy())


class Forgetting:
    """Demands to forget that wait for the next maintenance, since each rewrites files."""

    def __init__(self) -> None:
        self._uids: set[str] = set()
        self._authors: set[tuple[str, str]] = set()

    def note(self, deletes: pa.RecordBatch) -> None:
        for row in deletes.select(_DELETES).to_pylist():
            if row["note"] == "post" and row["uid"]:
                self._uids.add(row["uid"])
            elif row["note"] == "author" and row["author_id"]:
                self._authors.add((row["source"], row["author_id"]))

    def apply(self, lake: Lake, queue: Queue) -> tuple[int, int]:
        """Erase from the lake and the dead letters; how many rows and letters went."""
        if not self._uids and not self._authors:
            return 0, 0
        rows = lake.erase(uids=self._uids, authors=self._authors)
        names = [uid.encode() for uid in self._uids] + [author.encode() for _, author in self._authors]
        letters = [number for number, letter in queue.dead_letters() if any(name in letter.body for name in names)]
        self._uids, self._authors = set(), set()
        return rows, queue.forget(letters)
