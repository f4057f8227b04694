"""Silences in the state database."""

from __future__ import annotations

from datetime import datetime

import msgspec
import sqlalchemy as sa
from sqlalchemy.dialects.sqlite import insert

from tocsin import state_schema as schema
from tocsin.silences import Silence

KEPT = 5 * 86_400.0
"""Seconds for which a silence that has ended is still shown."""


class Silences:
    """What people have silenced."""

    def __init__(self, engine: sa.Engine) -> None:
        self._engine = engine

    def all(self) -> list[Silence]:
        """Every silence, those that end last first."""
        table = schema.silences.c
        with self._engine.connect() as db:
            rows = db.scalars(sa.select(table.body).order_by(table.ends.desc(), table.id)).all()
        return [msgspec.json.decode(body, type=Silence) for body in rows]

    def find(self, id: str) -> Silence | None:
        return next((one for one in self.all() if one.id == id), None)

    def put(self, silence: Silence) -> None:
        """Add one, or change the one with the same id; those that ended long ago are forgotten."""
        table = schema.silences
        values = {"body": msgspec.json.encode(silence), "ends": silence.ends_at.timestamp()}
        with self._engine.begin() as db:
            db.execute(
                insert(table).values(id=silence.id, **values).on_conflict_do_update(index_elements=["id"], set_=values)
            )
            db.execute(sa.delete(table).where(table.c.ends < silence.updated_at.timestamp() - KEPT))

    def expire(self, silence: Silence, now: datetime) -> None:
        """End it now: what it held back may go."""
        self.put(msgspec.structs.replace(silence, ends_at=now, updated_at=now))
        outbox, until = schema.outbox.c, silence.ends_at.timestamp()
        held = (outbox.state == "held", outbox.held == until)
        with self._engine.begin() as db:
            db.execute(sa.update(schema.outbox).where(*held).values(held=now.timestamp()))
