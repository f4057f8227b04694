"""The third loop: the lake's commits, folded into series, judged, and told to the outbox.

Position, counts, incidents and outbox rows of a step are one transaction of the state database. What is kept in
memory (open buckets, detector, open incidents) is a function of the rows folded so far: after a restart it is
loaded from the last checkpoint and the rows since then are folded again, in silence.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tocsin.alerts import explain, incidents
from tocsin.alerts.lifecycle import Change, Lifecycle
from tocsin.clock import Clock
from tocsin.component import Detector, Lake
from tocsin.model import Incident
from tocsin.series import Fold, Key, columns
from tocsin.state import Checkpoint, CountKey, Position, State, Transaction
from tocsin.telemetry import Telemetry

log = logging.getLogger(__name__)

CHECKPOINT_ROWS = 200_000
STEP_ROWS = 50_000
BASELINE, BASELINE_ROWS = timedelta(days=1), 500_000
"""How far back an explanation looks for what is usual: so long, and so many rows at most."""
MOST_ROWS_EXPLAINED = 5_000


class _Saved(msgspec.Struct):
    fold: bytes
    detector: bytes
    lifecycle: bytes


@dataclass
class Policy:
    """A policy at work. `definition` is everything that, once changed, makes its past a different one."""

    name: str
    definition: str
    fold: Fold
    detector: Detector
    lifecycle: Lifecycle

    def advance(self, rows: pa.Table) -> list[tuple[int, Change]]:
        """Fold rows and judge the buckets they close: (row that closed the bucket, change)."""
        changes = []
        for tick in self.fold.fold(rows):
            if tick.added:
                self.detector.add(tick.parents, tick.groups)
            readings = self.detector.step(tick.time, tick.counts, tick.visible)
            ended = tick.time + self.fold.bucket
            for change in self.lifecycle.step(ended, self.fold.keys, self.fold.index, readings, tick.visible):
                changes.append((tick.seq, change))
        return changes

    def counted(self) -> tuple[dict[CountKey, int], dict[CountKey, int]]:
        """What the last `advance` added: in time, and late."""
        books = (self.fold.counted, self.fold.late)
        return tuple({(self.name, name_of(key), time): n for (key, time), n in book.items()} for book in books)  # type: ignore[return-value]

    def save(self) -> bytes:
        return msgspec.msgpack.encode(_Saved(self.fold.save(), self.detector.save(), self.lifecycle.save()))

    def load(self, saved: bytes) -> None:
        state = msgspec.msgpack.decode(saved, type=_Saved)
        self.fold.load(state.fold)
        self.detector.load(state.detector)
        self.lifecycle.load(state.lifecycle)


def name_of(key: Key) -> str:
    """A series' name in the state database: its values as a JSON array."""
    return msgspec.json.encode(key).decode()


class Detect:
    """One run of the loop, from `recover` on. Not thread-safe; make a new one after a fault."""

    def __init__(
        self,
        lake: Lake,
        state: State,
        policies: Callable[[], Sequence[Policy]],
        destinations: Sequence[str],
        clock: Clock,
        telemetry: Telemetry,
    ) -> None:
        self._lake, self._state = lake, state
        self._make, self._policies = policies, list(policies())
        self._destinations, self._clock, self._telemetry = list(destinations), clock, telemetry
        self._position = Position(lake.table_id, -1, 0, "")
        self._since_checkpoint = 0
        wanted = {column for policy in self._policies for column in columns(policy.fold.dimensions)}
        self._columns = sorted(wanted | {"uid", "author_id"})

    @property
    def position(self) -> Position:
        return self._position

    def at_end(self) -> bool:
        """Whether everything that is in the lake now has been folded."""
        return self._position.version >= self._lake.version()

    def recover(self) -> None:
        """Take up where the state database says, and arm policies that are new or changed from the lake's past."""
        found = self._state.position(self._lake.table_id)
        if found is not None and self._rewritten(found):
            log.warning("The lake's history has changed since it was folded: counting everything again.")
            with self._state.transaction() as tx:
                for policy in self._policies:
                    tx.reset(policy.name)
                tx.move(Position(self._lake.table_id, -1, 0, ""))
            found = None
        self._position = found or self._position
        for policy in self._policies:
            self._arm(policy)

    def _rewritten(self, position: Position) -> bool:
        if position.version > self._lake.version():
            return True
        seen = self._lake.fingerprint(position.version) if position.version >= 0 else None
        return seen is not None and seen != position.fingerprint

    def _arm(self, policy: Policy) -> None:
        checkpoint = self._state.checkpoint(policy.name)
        known = checkpoint is not None and checkpoint.definition == policy.definition
        if known and checkpoint is not None:
            policy.load(checkpoint.saved)
        elif self._position.seq:
            log.info("Policy %s is new or has changed: arming it from the lake's past.", policy.name)
            with self._state.transaction() as tx:
                tx.reset(policy.name)
        ended = {one.id for one in self._state.incidents() if one.state != "open"} if not known else set()
        for rows in self._past(policy.fold.seq):
            changes = policy.advance(rows)
            if not known:
                changes = [(seq, change) for seq, change in changes if self._id(policy, change) not in ended]
                with self._state.transaction() as tx:
                    tx.add_counts(*policy.counted())
                    self._write(tx, policy, changes, tell=False)
        if not known:
            with self._state.transaction() as tx:
                tx.save_checkpoint(policy.name, Checkpoint(policy.definition, policy.fold.seq, policy.save()))

    @staticmethod
    def _id(policy: Policy, change: Change) -> str:
        series = incidents.named(policy.fold.dimensions, change.key)
        return incidents.incident_id(policy.name, series, change.direction, change.opened)

    def _past(self, after: int) -> Iterator[pa.Table]:
        if after < self._position.seq:
            for batch in self._lake.rows(self._columns, after_seq=after, upto_seq=self._position.seq):
                yield pa.Table.from_batches([batch])

    def step(self) -> int:
        """Fold what is new in the lake; how many rows that were."""
        folded = 0
        for position, rows in self._news():
            folded += self._fold(position, rows)
        return folded

    def _news(self) -> Iterator[tuple[Position, pa.Table | None]]:
        """New rows with the position they lead to: commit by commit, or, where those are gone, from the table."""
        try:
            yield from self._commits()
        except LookupError as gone:
            log.info("Reading the table instead of its log: %s", gone)
            version = self._lake.version()
            upto = self._lake.last_seq()
            for batch in self._lake.rows(self._columns, after_seq=self._position.seq, upto_seq=upto):
                rows = pa.Table.from_batches([batch])
                yield self._at(self._position.version, rows, self._position.fingerprint), rows
            yield self._at(version, None, self._lake.fingerprint(version) or ""), None

    def _commits(self) -> Iterator[tuple[Position, pa.Table | None]]:
        tables: list[pa.Table] = []
        last = None
        for commit in self._lake.commits(self._position.version, self._columns):
            last = commit
            if commit.rows is not None:
                tables.append(commit.rows)
            if sum(table.num_rows for table in tables) >= STEP_ROWS:
                rows = pa.concat_tables(tables)
                yield self._at(commit.version, rows, commit.fingerprint), rows
                tables, last = [], None
        if last is not None:
            rows = pa.concat_tables(tables) if tables else None
            yield self._at(last.version, rows, last.fingerprint), rows

    def _at(self, version: int, rows: pa.Table | None, fingerprint: str) -> Position:
        seq = self._position.seq if rows is None or not rows.num_rows else pc.max(rows.column("seq")).as_py()
        return Position(self._lake.table_id, version, max(seq, self._position.seq), fingerprint)

    def _fold(self, position: Position, rows: pa.Table | None) -> int:
        with self._state.transaction() as tx:
            if rows is not None:
                for policy in self._policies:
                    changes = policy.advance(rows)
                    tx.add_counts(*policy.counted())
                    self._write(tx, policy, changes, tell=True)
                tx.forget(*_forgotten(rows))
                self._since_checkpoint += rows.num_rows
                if self._since_checkpoint >= CHECKPOINT_ROWS:
                    self._save(tx)
            tx.move(position)
        self._position = position
        self._telemetry.lag(max(policy.fold.lag for policy in self._policies))
        return 0 if rows is None else rows.num_rows

    def save(self) -> None:
        """Write a checkpoint, so that the next start has little to fold again."""
        if self._since_checkpoint:
            with self._state.transaction() as tx:
                self._save(tx)

    def _save(self, tx: Transaction) -> None:
        for policy in self._policies:
            tx.save_checkpoint(policy.name, Checkpoint(policy.definition, policy.fold.seq, policy.save()))
        self._since_checkpoint = 0

    def _write(self, tx: Transaction, policy: Policy, changes: Sequence[tuple[int, Change]], *, tell: bool) -> None:
        for seq, change in changes:
            series = incidents.named(policy.fold.dimensions, change.key)
            if change.event == "opened":
                incident = self._open(tx, policy, series, seq, change)
                self._telemetry.incident(policy.name)
            else:
                known = tx.incident(incidents.incident_id(policy.name, series, change.direction, change.opened))
                if known is None:
                    continue
                incident = incidents.changed(known, change)
            tx.put_incident(incident)
            if tell:
                log.info("Incident %s %s: %s", incident.id, change.event, incident.headline)
                alert = incidents.alert(incident, change)
                tx.post_alert(alert, self._destinations, self._clock.now().timestamp())

    def _open(self, tx: Transaction, policy: Policy, series: dict[str, str], seq: int, change: Change) -> Incident:
        since = change.at - change.scale
        counts = tx.counts(policy.name, name_of(change.key), since, change.at)
        start = since
        if change.direction == "up":
            start = incidents.onset(counts, policy.fold.bucket, since, change.at, change.expected)
        why = self._explain(series, since, start, change, seq)
        return incidents.opened(policy.name, series, change, start, why)

    def _explain(self, series: Mapping[str, str], since: int, start: int, change: Change, seq: int) -> dict[str, Any]:
        """Why, from the lake's rows up to `seq`: those of the window, and those of the day before it."""
        first, last = datetime.fromtimestamp(since, UTC), datetime.fromtimestamp(change.at, UTC)
        batches = self._lake.rows(
            [*explain.COLUMNS, "kind", "until"],
            after_seq=max(seq - BASELINE_ROWS, 0),
            upto_seq=seq,
            since=first - BASELINE,
            until=last,
        )
        posts, gaps = [], []
        for batch in batches:
            gaps += batch.filter(pc.equal(batch.column("kind"), "gap")).to_pylist()
            posts.append(
                batch.filter(pc.and_(pc.equal(batch.column("kind"), "post"), incidents.members(batch, series)))
            )
        found = pa.Table.from_batches(posts) if posts else None
        rows = _some(found, pc.greater_equal, first)
        before = _some(found, pc.less, first)
        seen = explain.coverage(gaps, first, last)
        began = datetime.fromtimestamp(start, UTC)
        return explain.explain(rows, before, change.observed, change.expected, began, seen)


def _some(posts: pa.Table | None, test: Callable[..., Any], border: datetime) -> list[dict[str, Any]]:
    """The posts on one side of `border`, thinned evenly to what a person's patience allows to explain."""
    if posts is None:
        return []
    times = posts.column("event_time")
    side = posts.filter(test(times, pa.scalar(border, times.type)))
    step = max(side.num_rows / MOST_ROWS_EXPLAINED, 1.0)
    picked = (np.arange(min(side.num_rows, MOST_ROWS_EXPLAINED)) * step).astype(np.int64)
    chosen: list[dict[str, Any]] = side.take(pa.array(picked)).to_pylist()
    return chosen


def _forgotten(rows: pa.Table) -> tuple[set[str], set[tuple[str, str]]]:
    """Uids and (source, author) that the rows demand to forget."""
    deletes = rows.filter(pc.equal(rows.column("kind"), "delete")).select(["uid", "source", "author_id", "note"])
    found = deletes.to_pylist()
    uids = {row["uid"] for row in found if row["note"] == "post" and row["uid"]}
    return uids, {(row["source"], row["author_id"]) for row in found if row["note"] == "author"}
