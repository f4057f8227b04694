"""What digests are made of: the incidents that opened or ended since the last one, in the order in which they did.

The order is that of the state database's transactions, so that none is missed between two digests, however late it was
found, and whenever its posts were written.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.dialects.sqlite import insert

from tocsin import state_schema as schema
from tocsin.model import Digest
from tocsin.state_outbox import post


@dataclass(frozen=True)
class Told:
    """How far a destination's digests have come: up to `until` (Unix seconds), and the news with the number `news`."""

    until: float
    news: int


@dataclass(frozen=True)
class News:
    """Something that an incident did: it opened (`opened` is the number then) or ended."""

    incident: str
    number: int
    opened: int | None


class Digests:
    """What the state database knows of digests."""

    def __init__(self, engine: sa.Engine) -> None:
        self._engine = engine

    def told(self, destination: str) -> Told | None:
        """None where there was never one."""
        digests = schema.digests.c
        query = sa.select(digests.until, digests.news).where(digests.destination == destination)
        with self._engine.connect() as db:
            row = db.execute(query).first()
        return None if row is None else Told(*row)

    def news(self, after: int = 0) -> list[News]:
        """The last news of each incident that has any with a number above `after`, oldest first."""
        incidents = schema.incidents.c
        query = sa.select(incidents.id, incidents.news, incidents.opened_news).where(incidents.news > after)
        with self._engine.connect() as db:
            return [News(*row) for row in db.execute(query.order_by(incidents.news))]

    def begin(self, destination: str, told: Told) -> None:
        """From now on: what is before is not told of."""
        with self._engine.begin() as db:
            _move(db, destination, told)

    def make(self, digest: Digest | None, destination: str, told: Told, now: float) -> None:
        """Put a digest into the outbox, and remember how far it has come; None where there is nothing to tell.

        Where there is one with this key already, its news are left to the next.
        """
        with self._engine.begin() as db:
            if digest is None or post(db, digest, destination, now):
                _move(db, destination, told)
            else:
                db.execute(
                    sa.update(schema.digests)
                    .where(schema.digests.c.destination == destination)
                    .values(until=told.until)
                )


def put_down(db: sa.Connection, incident: str, *, opened: bool) -> None:
    """An incident that people are told of has opened, has rung later, or has ended."""
    incidents = schema.incidents
    number = int(db.scalar(sa.select(sa.func.max(incidents.c.news))) or 0) + 1
    values = {"news": number, **({"opened_news": number} if opened else {})}
    db.execute(sa.update(incidents).where(incidents.c.id == incident).values(values))


def latest(news: Sequence[News], told: int = 0) -> int:
    """The number of the last of them."""
    return max((one.number for one in news), default=told)


def _move(db: sa.Connection, destination: str, told: Told) -> None:
    values = {"until": told.until, "news": told.news}
    statement = insert(schema.digests).values(destination=destination, **values)
    db.execute(statement.on_conflict_do_update(index_elements=["destination"], set_=values))
