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
from tocsin.state_schema import SCHEMA_VERSION
from tocsin.understanding import Understanding, forget

if TYPE_CHECKING:
    import pyarrow as pa


DAY_SECONDS = 86_400.0


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


@dataclass(frozen=True)
class Outgoing:
    """One alert on its way to one destination. `created` and `due` are Unix seconds."""

    number: int
    destination: str
    alert: Alert
    attempts: int
    created: float


CountKey = tuple[str, str, int]
"""Policy, series as JSON text, bucket start (Unix seconds)."""


class State:
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
        """All incidents, newest first."""
        query = sa.select(schema.incidents.c.body, schema.incidents.c.acked_at, schema.incidents.c.acked_by)
        with self._engine.connect() as db:
            rows = db.execute(query.order_by(schema.incidents.c.detected_at.desc(), schema.incidents.c.id)).all()
        return [_incident(*row) for row in rows]

    def acknowledge(self, incident: str, by: str, at: datetime) -> Incident | None:
        """Mark an incident as seen by a person; None if there is none with this id."""
        with self._engine.begin() as db:
            db.execute(
                sa.update(schema.incidents)
                .where(schema.incidents.c.id == incident)
                .values(acked_at=at.isoformat(), acked_by=by)
            )
            row = db.execute(
                sa.select(schema.incidents.c.body, schema.incidents.c.acked_at, schema.incidents.c.acked_by).where(
                    schema.incidents.c.id == incident
                )
            ).first()
        return None if row is None else _incident(*row)

    def due(self, now: float, limit: int = 100) -> list[Outgoing]:
        """Alerts to be sent now, oldest first.

        Where the clock has gone back, one that was never tried is due at once, and no other waits longer than a day.
        """
        outbox = schema.outbox.c
        went_back = sa.or_(sa.and_(outbox.attempts == 0, outbox.created > now), outbox.due > now + DAY_SECONDS)
        query = (
            sa.select(outbox.number, outbox.destination, outbox.body, outbox.attempts, outbox.created)
            .where(outbox.state == "pending", sa.or_(outbox.due <= now, went_back))
            .order_by(outbox.number)
            .limit(limit)
        )
        with self._engine.connect() as db:
            rows = db.execute(query).all()
        return [
            Outgoing(n, to, msgspec.json.decode(body, type=Alert), tries, made) for n, to, body, tries, made in rows
        ]

    def untried(self) -> int:
        """How many alerts wait to be sent and have not been tried yet."""
        query = sa.select(sa.func.count()).select_from(schema.outbox)
        with self._engine.connect() as db:
            return int(db.scalar(query.where(schema.outbox.c.state == "pending", schema.outbox.c.attempts == 0)) or 0)

    def sent(self, number: int) -> None:
        with self._engine.begin() as db:
            db.execute(
                sa.update(schema.outbox).where(schema.outbox.c.number == number).values(state="sent", error=None)
            )

    def failed(self, number: int, error: str, due: float | None) -> None:
        """Try again at `due` (Unix seconds), or never (None: dead)."""
        values = {"state": "dead", "error": error} if due is None else {"due": due, "error": error}
        with self._engine.begin() as db:
            db.execute(
                sa.update(schema.outbox)
                .where(schema.outbox.c.number == number)
                .values(attempts=schema.outbox.c.attempts + 1, **values)
            )

    def outbox(self) -> list[Mapping[str, Any]]:
        """Every outbox row without its body, newest first."""
        columns = [column for column in schema.outbox.c if column.name != "body"]
        with self._engine.connect() as db:
            return [
                dict(row) for row in db.execute(sa.select(*columns).order_by(schema.outbox.c.number.desc())).mappings()
            ]

    def compact(self) -> None:
        """Rewrite the file, so that no bytes of what was deleted are left in it."""
        with self._engine.connect().execution_options(isolation_level="AUTOCOMMIT") as db:
            db.exec_driver_sql("VACUUM")
            db.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")

    def tables(self) -> dict[str, pa.Table]:
        """`series` and `incidents` as Arrow tables, for SQL."""
        import pyarrow as pa

        with self._engine.connect() as db:
            counted = db.execute(sa.select(schema.counts).order_by(schema.counts.c.bucket)).all()
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
            "incidents": _incident_table(self.incidents()),
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

    def put_incident(self, incident: Incident) -> None:
        values = {
            "policy": incident.policy,
            "detected_at": incident.detected_at.isoformat(),
            "body": msgspec.json.encode(incident),
        }
        statement = insert(schema.incidents).values(id=incident.id, **values)
        self._db.execute(statement.on_conflict_do_update(index_elements=["id"], set_=values))

    def incident(self, number: str) -> Incident | None:
        body = self._db.scalar(sa.select(schema.incidents.c.body).where(schema.incidents.c.id == number))
        return None if body is None else msgspec.json.decode(body, type=Incident)

    def post_alert(self, alert: Alert, destinations: Sequence[str], now: float) -> None:
        """Put an alert into the outbox; one that is already there (same key and destination) stays as it is."""
        body = msgspec.json.encode(alert)
        for destination in destinations:
            self._db.execute(
                insert(schema.outbox)
                .values(
                    key=alert.key, destination=destination, state="pending", body=body, attempts=0, created=now, due=now
                )
                .on_conflict_do_nothing(index_elements=["key", "destination"])
            )

    def forget(self, uids: Collection[str], authors: Collection[tuple[str, str]]) -> int:
        """Take erased posts out of incidents, alerts and judgements; in how many places one was.

        `authors` are (source, author id).
        """
        if not uids and not authors:
            return 0
        found = forget(self._db, uids, authors)
        for table, key in ((schema.incidents, schema.incidents.c.id), (schema.outbox, schema.outbox.c.number)):
            for row in self._db.execute(sa.select(key, table.c.body)).all():
                body = msgspec.json.decode(row.body)
                if scrub(body, uids, authors):
                    found += 1
                    self._db.execute(sa.update(table).where(key == row[0]).values(body=msgspec.json.encode(body)))
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


def _incident(body: bytes, acked_at: str | None, acked_by: str | None) -> Incident:
    incident = msgspec.json.decode(body, type=Incident)
    at = datetime.fromisoformat(acked_at) if acked_at else None
    return msgspec.structs.replace(incident, acked_at=at, acked_by=acked_by)


def _incident_table(incidents: Sequence[Incident]) -> pa.Table:
    import pyarrow as pa

    time = pa.timestamp("us", tz="UTC")
    plain = [
        ("id", pa.string()), ("policy", pa.string()), ("state", pa.string()), ("direction", pa.string()),
        ("start", time), ("detected_at", time), ("end", time), ("observed", pa.float64()), ("expected", pa.float64()),
        ("low", pa.float64()), ("high", pa.float64()), ("peak", pa.float64()), ("severity", pa.int32()),
        ("headline", pa.string()), ("sql", pa.string()), ("acked_at", time), ("acked_by", pa.string()),
    ]  # fmt: skip
    arrays = {name: pa.array([getattr(incident, name) for incident in incidents], type) for name, type in plain}
    series = pa.array([list(i.series.items()) for i in incidents], pa.map_(pa.string(), pa.string()))
    return pa.table(arrays | {"series": series})
