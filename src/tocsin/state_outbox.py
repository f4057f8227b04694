"""The outbox: messages on their way to destinations, until they are sent or dead.

A message is `pending` until it is `sent` or `dead`. One that may not go yet is `held`; from there it goes on, or is
`folded` into another that tells of it. What the destination does not want is `unwanted`.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

import msgspec
import sqlalchemy as sa
from sqlalchemy.dialects.sqlite import insert

from tocsin import state_schema as schema
from tocsin.model import Alert, Digest, Message

DAY_SECONDS = 86_400.0
MOST_TOGETHER = 500
"""Messages that are folded into one at most."""

decoder = msgspec.json.Decoder(Message)


@dataclass(frozen=True)
class Outgoing:
    """One message on its way to one destination. `created`, and `held` (until when it was held back): Unix seconds."""

    number: int
    destination: str
    message: Message
    attempts: int
    created: float
    held: float | None = None

    @property
    def incident(self) -> str | None:
        return self.message.incident.id if isinstance(self.message, Alert) else None


@dataclass(frozen=True)
class Waiting:
    """What waits for a destination: so many messages, the oldest `since` (Unix seconds), and the last fault."""

    number: int
    held: int
    since: float
    fault: str | None


class Outbox:
    """What the state database knows of messages. Times are Unix seconds."""

    _engine: sa.Engine

    def due(self, now: float, destination: str | None = None, limit: int = 100) -> list[Outgoing]:
        """Messages to be sent now, to one destination or all, oldest first; none before an earlier of its incident.

        Where the clock has gone back, one that was never tried is due at once, and no other waits longer than a day.
        """
        query = _rows().where(*_ready(now)).limit(limit)
        return self._read(query if destination is None else query.where(schema.outbox.c.destination == destination))

    def untried(self, now: float) -> int:
        """How many messages are due and have not been tried yet."""
        query = sa.select(sa.func.count()).select_from(schema.outbox)
        with self._engine.connect() as db:
            return int(db.scalar(query.where(*_ready(now), schema.outbox.c.attempts == 0)) or 0)

    def waiting(self) -> dict[str, Waiting]:
        """By destination, what has not been told yet."""
        outbox = schema.outbox.c
        query = sa.select(
            outbox.destination,
            sa.func.count(),
            sa.func.sum(sa.case((outbox.state == "held", 1), else_=0)),
            sa.func.min(outbox.created),
            sa.func.max(sa.case((outbox.state == "pending", outbox.error))),
        ).where(outbox.state.in_(["pending", "held"]))
        with self._engine.connect() as db:
            return {name: Waiting(*rest) for name, *rest in db.execute(query.group_by(outbox.destination))}

    def sent(self, number: int, now: float) -> None:
        """It was taken, at `now`."""
        self._set([number], state="sent", error=None, sent_at=now)

    def unwanted(self, number: int) -> None:
        """The destination does not want it."""
        self._set([number], state="unwanted")

    def failed(self, number: int, error: str, due: float | None) -> None:
        """Try again at `due`, or never (None: dead)."""
        values = {"state": "dead", "error": error} if due is None else {"due": due, "error": error}
        self._set([number], attempts=schema.outbox.c.attempts + 1, **values)

    def postpone(self, destination: str, until: float) -> None:
        """Send nothing to a destination before `until`."""
        outbox = schema.outbox.c
        with self._engine.begin() as db:
            late = (outbox.destination == destination, outbox.state == "pending", outbox.due < until)
            db.execute(sa.update(schema.outbox).where(*late).values(due=until))

    def hold(self, number: int, until: float, why: str) -> None:
        """Not before `until`, and then together with all others that were held."""
        self._set([number], state="held", held=until, error=why)

    def held(self, destination: str) -> list[Outgoing]:
        """What is held back from a destination, oldest first; not more than can be told together."""
        outbox = schema.outbox.c
        return self._read(_rows("held").where(outbox.destination == destination).limit(MOST_TOGETHER))

    def held_until(self, destination: str) -> float | None:
        """When the first message is over its time that is held back from a destination."""
        outbox = schema.outbox.c
        query = sa.select(sa.func.min(outbox.held)).where(outbox.destination == destination, outbox.state == "held")
        with self._engine.connect() as db:
            found = db.scalar(query)
        return None if found is None else float(found)

    def is_held(self, row: Outgoing) -> bool:
        """Whether an earlier message of the same incident is held back."""
        with self._engine.connect() as db:
            query = sa.select(schema.outbox.c.number).where(schema.outbox.c.state == "held", *_earlier(row))
            return db.scalar(query.limit(1)) is not None

    def release(self, number: int, now: float) -> None:
        """Let one go that was held back."""
        self._set([number], state="pending", due=now, held=now, error=None)

    def fold(self, digest: Digest, destination: str, rows: Collection[Outgoing], now: float) -> None:
        """Let one message tell of others, in their place, and of all that came before them in their incidents."""
        outbox = schema.outbox.c
        with self._engine.begin() as db:
            post(db, digest, destination, now)
            for row in rows:
                told = sa.or_(outbox.number == row.number, sa.and_(*_earlier(row)))
                waiting = outbox.state.in_(["held", "pending"])
                db.execute(sa.update(schema.outbox).where(waiting, told).values(state="folded"))

    def overtake(self, row: Outgoing) -> None:
        """What is held back of the same incident is told by this, later message."""
        held = (schema.outbox.c.state == "held", *_earlier(row))
        with self._engine.begin() as db:
            db.execute(sa.update(schema.outbox).where(*held).values(state="folded"))

    def revive(self, numbers: Collection[int], now: float) -> None:
        """Send dead messages again."""
        self._set(numbers, state="pending", attempts=0, created=now, due=now, error=None, held=None)

    def sent_since(self, destination: str, since: float) -> list[float]:
        """When messages were sent to a destination, oldest first."""
        outbox = schema.outbox.c
        query = sa.select(outbox.sent_at).where(outbox.destination == destination, outbox.sent_at > since)
        with self._engine.connect() as db:
            return sorted(db.scalars(query))

    def heard(self, incident: str, destination: str, before: int) -> bool:
        """Whether the destination was told of the incident, or will be, by an earlier message than this number."""
        return incident in self.told_of(destination, before, incident)

    def told_of(self, destination: str, before: int = 2**62, incident: str | None = None) -> set[str]:
        """The incidents that a destination was told of, or will be, by earlier messages than this number."""
        outbox = schema.outbox.c
        query = sa.select(outbox.incident).where(
            outbox.destination == destination,
            outbox.number < before,
            outbox.state != "unwanted",
            outbox.incident.is_not(None) if incident is None else outbox.incident == incident,
        )
        with self._engine.connect() as db:
            return set(db.scalars(query))

    def post(self, message: Message, destination: str, now: float) -> None:
        with self._engine.begin() as db:
            post(db, message, destination, now)

    def outbox(self) -> list[Mapping[str, Any]]:
        """Every outbox row without its body, newest first."""
        columns = [column for column in schema.outbox.c if column.name != "body"]
        with self._engine.connect() as db:
            return [
                dict(row) for row in db.execute(sa.select(*columns).order_by(schema.outbox.c.number.desc())).mappings()
            ]

    def _read(self, query: sa.Select[Any]) -> list[Outgoing]:
        with self._engine.connect() as db:
            rows = db.execute(query).all()
        return [Outgoing(row[0], row[1], decoder.decode(row[2]), *row[3:]) for row in rows]

    def _set(self, numbers: Collection[int], **values: Any) -> None:
        with self._engine.begin() as db:
            db.execute(sa.update(schema.outbox).where(schema.outbox.c.number.in_(numbers)).values(**values))


def _rows(state: str = "pending") -> sa.Select[Any]:
    outbox = schema.outbox.c
    columns = (outbox.number, outbox.destination, outbox.body, outbox.attempts, outbox.created, outbox.held)
    return sa.select(*columns).where(outbox.state == state).order_by(outbox.number)


def _ready(now: float) -> list[sa.ColumnElement[bool]]:
    """What a row must be to be sent now."""
    outbox, earlier = schema.outbox.c, schema.outbox.alias("earlier")
    went_back = sa.or_(sa.and_(outbox.attempts == 0, outbox.created > now), outbox.due > now + DAY_SECONDS)
    waits = sa.exists().where(
        earlier.c.destination == outbox.destination,
        earlier.c.incident == outbox.incident,
        earlier.c.state == "pending",
        earlier.c.number < outbox.number,
        earlier.c.due > now,
    )
    return [outbox.state == "pending", sa.or_(outbox.due <= now, went_back), sa.not_(waits)]


def _earlier(row: Outgoing) -> list[sa.ColumnElement[bool]]:
    """What makes a row an earlier message of the same incident to the same destination."""
    outbox = schema.outbox.c
    return [outbox.destination == row.destination, outbox.incident == row.incident, outbox.number < row.number]


def post(db: sa.Connection, message: Message, destination: str, now: float) -> bool:
    """Put a message into the outbox; whether it was new. One with the same key and destination stays as it is."""
    values = {
        "key": message.key, "destination": destination, "state": "pending", "body": msgspec.json.encode(message),
        "attempts": 0, "created": now, "due": now,
        "incident": message.incident.id if isinstance(message, Alert) else None,
    }  # fmt: skip
    statement = insert(schema.outbox).values(**values).on_conflict_do_nothing(index_elements=["key", "destination"])
    return db.execute(statement).rowcount > 0


def score_told(db: sa.Connection, incident: str) -> float | None:
    """The score of an incident in the last message of it, sent or not; None where there is none."""
    outbox = schema.outbox.c
    body = db.scalar(sa.select(outbox.body).where(outbox.incident == incident).order_by(outbox.number.desc()).limit(1))
    told = None if body is None else decoder.decode(body)
    return told.incident.score if isinstance(told, Alert) else None
