"""Rows of the state database as what they stand for."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING

import msgspec
import sqlalchemy as sa

from tocsin import state_schema as schema
from tocsin.model import Incident
from tocsin.people import Done

if TYPE_CHECKING:
    import pyarrow as pa


def incident_of(body: bytes, acked_at: str | None, acked_by: str | None, receipt: bytes | None) -> Incident:
    """An incident from its row, as it was before people came."""
    incident = msgspec.json.decode(body, type=Incident)
    at = datetime.fromisoformat(acked_at) if acked_at else None
    kept = {} if receipt is None else msgspec.json.decode(receipt)
    return msgspec.structs.replace(incident, acked_at=at, acked_by=acked_by, receipt=kept)


def done_with(db: sa.Connection, id: str | None = None) -> dict[str, list[Done]]:
    """Incident -> what people did with it, oldest first."""
    log = schema.incident_log.c
    query = sa.select(log.incident, log.action, log.argument, log.by, log.at).order_by(log.number)
    found: dict[str, list[Done]] = {}
    for incident, action, argument, by, at in db.execute(query if id is None else query.where(log.incident == id)):
        found.setdefault(incident, []).append(Done(incident, action, argument, by, datetime.fromisoformat(at)))
    return found


def feedback_of(db: sa.Connection, policy: str) -> list[str]:
    """What people say now of a policy's alerts, in the order in which they first said something of each."""
    log, incidents = schema.incident_log.c, schema.incidents.c
    query = sa.select(log.incident, log.action, log.argument).join_from(
        schema.incident_log, schema.incidents, incidents.id == log.incident
    )
    said: dict[str, str | None] = {}
    wanted = query.where(incidents.policy == policy, log.action.in_(["feedback", "no_feedback"]))
    for incident, _, argument in db.execute(wanted.order_by(log.number)):
        said[incident] = argument
    return [argument for argument in said.values() if argument is not None]


def incident_table(incidents: Sequence[Incident]) -> pa.Table:
    """Incidents for SQL."""
    import pyarrow as pa

    time = pa.timestamp("us", tz="UTC")
    plain = [
        ("id", pa.string()), ("policy", pa.string()), ("measure", pa.string()), ("state", pa.string()),
        ("direction", pa.string()), ("start", time), ("detected_at", time), ("end", time), ("observed", pa.float64()),
        ("expected", pa.float64()), ("low", pa.float64()), ("high", pa.float64()), ("peak", pa.float64()),
        ("total_excess", pa.float64()), ("severity", pa.int32()), ("score", pa.float64()), ("threshold", pa.float64()),
        ("told", pa.bool_()), ("part_of", pa.string()), ("headline", pa.string()), ("sql", pa.string()),
        ("acked_at", time), ("acked_by", pa.string()), ("assigned_to", pa.string()), ("snoozed_until", time),
        ("feedback", pa.string()),
    ]  # fmt: skip
    arrays = {name: pa.array([getattr(incident, name) for incident in incidents], type) for name, type in plain}
    series = pa.array([list(i.series.items()) for i in incidents], pa.map_(pa.string(), pa.string()))
    return pa.table(arrays | {"series": series})


def coverage_table(db: sa.Connection) -> pa.Table:
    """The coverage ledger for SQL: an hour of a stream a row."""
    import pyarrow as pa

    hours = schema.coverage.c
    rows = [dict(row) for row in db.execute(sa.select(schema.coverage).order_by(hours.start, hours.source)).mappings()]
    for row in rows:
        row["seen"] = round(1 - row["blind"] / 3600, 4)
    kinds = {"source": pa.string(), "stream": pa.string(), "start": pa.int64(), "arrived": pa.int64()}
    kinds |= {"expected": pa.float64(), "blind": pa.int64(), "seen": pa.float64(), "state": pa.string()}
    table = pa.Table.from_pylist(rows, pa.schema(list(kinds.items())))
    return table.set_column(2, "start", table.column("start").cast(pa.timestamp("s", tz="UTC")))
