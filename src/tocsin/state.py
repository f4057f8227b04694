"""The state database: where the detect loop stands, what it counted, and what is to be told to whom.

SQLite for one node; the statements are SQLAlchemy Core so that PostgreSQL can serve several.
One commit of the detect loop is one transaction here: position, counts, incidents and outbox rows together.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import sqlalchemy as sa
from sqlalchemy.dialects.sqlite import insert

from tocsin import state_schema as schema
from tocsin.alone import alone
from tocsin.errors import Corrupt, LowSpace, Permanent, TocsinError, Transient
from tocsin.forget import scrub
from tocsin.model import Alert, Incident
from tocsin.people import Done, with_people
from tocsin.state_counts import Counted
from tocsin.state_digests import Digests, put_down
from tocsin.state_outbox import Outbox, post, score_told
from tocsin.state_rows import coverage_table, done_with, feedback_of, incident_of, incident_table
from tocsin.state_schema import SCHEMA_VERSION
from tocsin.state_silences import Silences
from tocsin.understanding import Understanding, forget

if TYPE_CHECKING:
    import pyarrow as pa


@dataclass(frozen=True)
class Position:
    """How far the detect loop has folded the lake `lake`: its commit `version`, whose last row is `seq`."""

    lake: str
    version: int
    seq: int
    fingerprint: str


@dataclass(frozen=True)
class Checkpoint:
    """A policy's running state after row `seq`; `definition` tells whether the policy is still the same."""

    definition: str
    seq: int
    saved: bytes


CountKey = tuple[str, str, int]
"""Policy, series as JSON text, bucket start (Unix seconds)."""


class State(Outbox):
    """The database at `url`, or in the file `path`. Raises Permanent or Corrupt if it cannot be used."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._engine = sa.create_engine(f"sqlite:///{path}", connect_args={"timeout": 30})
        sa.event.listen(self._engine, "connect", _prepare)
        sa.event.listen(self._engine, "handle_error", self._translate, retval=True)
        try:
            with alone(path.parent):  # SQLite does not wait for another that makes the same file a WAL database
                schema.metadata.create_all(self._engine)
                self._check_version()
            self.understanding = Understanding(self._engine)
            self.counted = Counted(self._engine)
            self.silences = Silences(self._engine)
            self.digests = Digests(self._engine)
        except OSError as error:
            raise Permanent(f"{path} cannot be opened: {error.strerror}") from error
        except Transient as error:
            raise Permanent(f"cannot be opened: {error}") from error

    def _translate(self, context: sa.engine.ExceptionContext) -> TocsinError | None:
        return _in_our_words(self.path, context.original_exception)

    def _check_version(self) -> None:
        with self._engine.begin() as db:
            found = db.scalar(sa.select(schema.meta.c.value).where(schema.meta.c.key == "schema"))
            if found is None:
                db.execute(sa.insert(schema.meta).values(key="schema", value=str(SCHEMA_VERSION)))
            elif int(found) > SCHEMA_VERSION:
                raise Permanent(f"{self.path} was written by a newer Tocsin (schema {found}): update this one")
            elif int(found) < SCHEMA_VERSION:  # the tables that it did not know were made before
                schema.complete(db)
                newer = sa.update(schema.meta).where(schema.meta.c.key == "schema")
                db.execute(newer.values(value=str(SCHEMA_VERSION)))

    @contextmanager
    def transaction(self) -> Iterator[Transaction]:
        """Everything done with the Transaction becomes durable together, or not at all."""
        with self._engine.begin() as db:
            yield Transaction(db)

    def position(self, lake: str) -> Position | None:
        with self._engine.connect() as db:
            row = db.execute(sa.select(schema.position).where(schema.position.c.lake == lake)).first()
        return None if row is None else Position(*row)

    def checkpoint(self, policy: str) -> Checkpoint | None:
        with self._engine.connect() as db:
            row = db.execute(
                sa.select(schema.checkpoints.c.definition, schema.checkpoints.c.seq, schema.checkpoints.c.saved).where(
                    schema.checkpoints.c.policy == policy
                )
            ).first()
        return None if row is None else Checkpoint(*row)

    def counts(self, policy: str, series: str, since: int, until: int) -> dict[int, int]:
        """Bucket start -> posts in time, for buckets in [since, until)."""
        with self._engine.connect() as db:
            return read_counts(db, policy, series, since, until)

    def incidents(self) -> list[Incident]:
        """All incidents, newest first, with what people did with them."""
        table = schema.incidents.c
        query = sa.select(table.id, table.body, table.acked_at, table.acked_by, table.receipt)
        with self._engine.connect() as db:
            rows = db.execute(query.order_by(table.detected_at.desc(), table.id)).all()
            done = done_with(db)
        return [with_people(incident_of(*row[1:]), done.get(row.id, ())) for row in rows]

    def incident(self, id: str) -> Incident | None:
        """One incident; None if there is none with this id."""
        table = schema.incidents.c
        query = sa.select(table.body, table.acked_at, table.acked_by, table.receipt).where(table.id == id)
        with self._engine.connect() as db:
            row = db.execute(query).first()
            return None if row is None else with_people(incident_of(*row), done_with(db, id).get(id, ()))

    def evidence(self, id: str) -> bytes | None:
        """An incident's JSON as it was when it opened or last grew; None where it was not kept."""
        with self._engine.connect() as db:
            found: bytes | None = db.scalar(sa.select(schema.incidents.c.evidence).where(schema.incidents.c.id == id))
        return found

    def did(self, done: Done) -> None:
        """Put down what somebody did with an incident."""
        with self._engine.begin() as db:
            db.execute(
                sa.insert(schema.incident_log).values(msgspec.structs.asdict(done) | {"at": done.at.isoformat()})
            )

    def done(self, id: str) -> list[Done]:
        """What people did with an incident, oldest first."""
        with self._engine.connect() as db:
            return list(done_with(db, id).get(id, ()))

    def pulse(self) -> tuple[int, int]:
        """Two marks: one grows with every step of the detect loop, the other whenever somebody does something."""
        steps = sa.select(sa.func.coalesce(sa.func.max(schema.position.c.version), 0))
        deeds = sa.select(sa.func.coalesce(sa.func.max(schema.incident_log.c.number), 0))
        with self._engine.connect() as db:
            return int(db.scalar(steps) or 0), int(db.scalar(deeds) or 0)

    def seen(self, since: float, until: float) -> float | None:
        """What share of the hours in [since, until) all streams were seen; None where none is known."""
        hours = schema.coverage.c
        query = sa.select(sa.func.count(), sa.func.sum(hours.blind)).where(hours.start >= since, hours.start < until)
        with self._engine.connect() as db:
            many, blind = db.execute(query).one()
        return round(1 - blind / (3600 * many), 4) if many else None

    def coverage(self) -> pa.Table:
        """Every hour of every stream."""
        with self._engine.connect() as db:
            return coverage_table(db)

    def compact(self) -> None:
        """Rewrite the file, so that no bytes of what was deleted are left in it."""
        with self._engine.connect().execution_options(isolation_level="AUTOCOMMIT") as db:
            db.exec_driver_sql("VACUUM")
            db.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")

    def tables(self) -> dict[str, pa.Table]:
        """`series`, `incidents` and `coverage` as Arrow tables, for SQL."""
        import pyarrow as pa

        with self._engine.connect() as db:
            counted = db.execute(sa.select(schema.counts).order_by(schema.counts.c.bucket)).all()
            hours = coverage_table(db)
        policy, series, bucket, count, late = zip(*counted, strict=True) if counted else ((),) * 5
        return {
            "series": pa.table(
                {
                    "policy": pa.array(policy, pa.string()),
                    "series": pa.array(series, pa.string()),
                    "bucket": pa.array(bucket, pa.int64()).cast(pa.timestamp("s", tz="UTC")),
                    "count": pa.array(count, pa.int64()),
                    "late": pa.array(late, pa.int64()),
                }
            ),
            "incidents": incident_table(self.incidents()),
            "coverage": hours,
        }

    def close(self) -> None:
        self._engine.dispose()


class Transaction:
    """What one step of the detect loop writes."""

    def __init__(self, db: sa.Connection) -> None:
        self._db = db

    def move(self, position: Position) -> None:
        values = {"version": position.version, "seq": position.seq, "fingerprint": position.fingerprint}
        statement = insert(schema.position).values(lake=position.lake, **values)
        self._db.execute(statement.on_conflict_do_update(index_elements=["lake"], set_=values))

    def save_checkpoint(self, policy: str, checkpoint: Checkpoint) -> None:
        values = {"definition": checkpoint.definition, "seq": checkpoint.seq, "saved": checkpoint.saved}
        statement = insert(schema.checkpoints).values(policy=policy, **values)
        self._db.execute(statement.on_conflict_do_update(index_elements=["policy"], set_=values))

    def add_counts(self, counted: Mapping[CountKey, int], late: Mapping[CountKey, int]) -> None:
        rows = [
            {
                "policy": key[0],
                "series": key[1],
                "bucket": key[2],
                "count": counted.get(key, 0),
                "late": late.get(key, 0),
            }
            for key in {**counted, **late}
        ]
        if not rows:
            return
        statement = insert(schema.counts)
        self._db.execute(
            statement.on_conflict_do_update(
                index_elements=["policy", "series", "bucket"],
                set_={
                    "count": schema.counts.c.count + statement.excluded.count,
                    "late": schema.counts.c.late + statement.excluded.late,
                },
            ),
            rows,
        )

    def counts(self, policy: str, series: str, since: int, until: int) -> dict[int, int]:
        return read_counts(self._db, policy, series, since, until)

    def put_incident(self, incident: Incident, receipt: Mapping[str, Any] | None = None) -> None:
        """Put down an incident as it is now; with a receipt where its evidence is new, when it opens or grows.

        Whether it rang is no part of the evidence.
        """
        bodies = {"body": msgspec.json.encode(incident)}
        if receipt is not None:
            evidence = msgspec.structs.replace(incident, told=True, part_of=None, threshold=1.0)
            bodies |= {"evidence": msgspec.json.encode(evidence), "receipt": msgspec.json.encode(receipt)}
        values = {"policy": incident.policy, "detected_at": incident.detected_at.isoformat(), **bodies}
        statement = insert(schema.incidents).values(id=incident.id, **values)
        self._db.execute(statement.on_conflict_do_update(index_elements=["id"], set_=values))

    def news(self, id: str, *, opened: bool) -> None:
        """Something for the digests: an incident has opened, has rung later, or has ended."""
        put_down(self._db, id, opened=opened)

    def incident(self, number: str) -> Incident | None:
        body = self._db.scalar(sa.select(schema.incidents.c.body).where(schema.incidents.c.id == number))
        return None if body is None else msgspec.json.decode(body, type=Incident)

    def put_coverage(self, hours: Sequence[Mapping[str, Any]]) -> None:
        """Put down hours of streams: rows of the table `coverage`."""
        if hours:
            statement = insert(schema.coverage)
            places = ["source", "stream", "start"]
            values = {column.name: statement.excluded[column.name] for column in schema.coverage.c}
            self._db.execute(statement.on_conflict_do_update(index_elements=places, set_=values), list(hours))

    def feedback(self, policy: str) -> list[str]:
        """What people say now of a policy's alerts, oldest first."""
        return feedback_of(self._db, policy)

    def snoozed_until(self, id: str) -> datetime | None:
        """Until when people want to hear no more of an incident."""
        ends = [one for one in done_with(self._db, id).get(id, ()) if one.action in {"snooze", "unsnooze"}]
        return datetime.fromisoformat(ends[-1].argument) if ends and ends[-1].argument else None

    def post_alert(self, alert: Alert, destinations: Sequence[str], now: float) -> None:
        """Put an alert into the outbox; one that is already there (same key and destination) stays as it is."""
        for destination in destinations:
            post(self._db, alert, destination, now)

    def score_told(self, incident: str) -> float | None:
        """The score of an incident in the last message of it, sent or not; None where there is none."""
        return score_told(self._db, incident)

    def forget(self, uids: Collection[str], authors: Collection[tuple[str, str]]) -> int:
        """Take erased posts out of incidents, alerts and judgements; in how many places one was.

        `authors` are (source, author id).
        """
        if not uids and not authors:
            return 0
        found = forget(self._db, uids, authors)
        bodies = (
            (schema.incidents.c.id, schema.incidents.c.body),
            (schema.incidents.c.id, schema.incidents.c.evidence),
            (schema.outbox.c.number, schema.outbox.c.body),
        )
        for key, column in bodies:
            for number, stored in self._db.execute(sa.select(key, column).where(column.is_not(None))).all():
                body = msgspec.json.decode(stored)
                if scrub(body, uids, authors):
                    found += column is not schema.incidents.c.evidence
                    scrubbed = {column.key: msgspec.json.encode(body)}
                    self._db.execute(sa.update(key.table).where(key == number).values(scrubbed))
        return found

    def reset(self, policy: str) -> None:
        """Forget what was counted for a policy that has changed; its incidents stay."""
        self._db.execute(sa.delete(schema.counts).where(schema.counts.c.policy == policy))
        self._db.execute(sa.delete(schema.checkpoints).where(schema.checkpoints.c.policy == policy))


def read_counts(db: sa.Connection, policy: str, series: str, since: int, until: int) -> dict[int, int]:
    """Bucket start -> posts in time, for buckets in [since, until)."""
    query = sa.select(schema.counts.c.bucket, schema.counts.c.count.label("posts")).where(
        schema.counts.c.policy == policy,
        schema.counts.c.series == series,
        schema.counts.c.bucket >= since,
        schema.counts.c.bucket < until,
    )
    return {row.bucket: row.posts for row in db.execute(query).all()}


def _prepare(connection: Any, _record: Any) -> None:
    cursor = connection.cursor()
    mode = cursor.execute("PRAGMA journal_mode=WAL").fetchone()[0]
    cursor.execute("PRAGMA synchronous=FULL")
    level = cursor.execute("PRAGMA synchronous").fetchone()[0]
    cursor.execute("PRAGMA secure_delete=ON")
    cursor.close()
    if mode != "wal" or level != 2:
        raise Permanent(f"the state database answers journal_mode={mode}, synchronous={level}: it would not be durable")


def _in_our_words(path: Path, error: BaseException | None) -> TocsinError | None:
    """A damaged file is Corrupt; a full disk, a lock or a failed write may pass; anything else is a bug."""
    if not isinstance(error, sqlite3.DatabaseError) or isinstance(error, sqlite3.IntegrityError):
        return None
    if "not a database" in str(error) or "malformed" in str(error):
        return Corrupt(
            f"{path} is damaged ({error}); it holds only what the lake can give again: run `tocsin doctor --repair`"
        )
    kind = LowSpace if getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_FULL else Transient
    return kind(f"{path}: {error}")
