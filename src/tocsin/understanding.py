"""What a person said of posts, what was learned from it, and under which definitions the lake's rows were labelled.

It lives in the state database. A judgement holds the post's text, so that erasure must reach it (`forget`).
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.sqlite import insert

from tocsin import state_schema as schema


@dataclass(frozen=True)
class Judgement:
    """Somebody said whether a post belongs to a category.

    `said` is what Tocsin had said of it then. `weight` is 1 / the chance that it was asked for: None where nobody drew
    it, so that it can be learned from and must not be counted.
    """

    uid: str
    category: str
    belongs: bool
    text: str
    source: str
    at: datetime
    by: str
    author_id: str | None = None
    language: str | None = None
    said: bool | None = None
    weight: float | None = None


@dataclass(frozen=True)
class Threshold:
    """From where on a post belongs to a category, learned from `posts` posts, of which `judged` by a person.

    It holds for one definition (its fingerprint) and one model. `deciles` are how the posts' scores
    were spread then (`labels.drift`).
    """

    category: str
    definition: str
    model: str
    value: float
    posts: int
    judged: int
    deciles: tuple[tuple[float, float], ...]
    at: datetime


@dataclass(frozen=True)
class Relabelling:
    """How far the lake was labelled anew: every file whose last row is at or below `upto_seq`.

    `changed` says that some labels may be others since the series were last counted; `epoch` counts how often that was
    so when a relabelling came to its end.
    """

    definitions: str = ""
    upto_seq: int = 0
    changed: bool = False
    epoch: int = 0


class Understanding:
    """The part of the state database that is about categories. Every call is a transaction of its own."""

    def __init__(self, engine: sa.Engine) -> None:
        self._engine = engine

    def judge(self, judgements: Iterable[Judgement]) -> None:
        """Keep judgements; a later one of the same post and category replaces the earlier. Durable on return."""
        rows = [{**vars(one), "at": one.at.isoformat()} for one in judgements]
        if not rows:
            return
        statement = insert(schema.judgements)
        keys = ("uid", "category")
        new = {column.name: column for column in statement.excluded if column.name not in keys}
        with self._engine.begin() as db:
            db.execute(statement.on_conflict_do_update(index_elements=keys, set_=new), rows)

    def judgements(self) -> list[Judgement]:
        """All, the oldest first."""
        table = schema.judgements.c
        query = sa.select(schema.judgements).order_by(table.at, table.uid, table.category)
        with self._engine.connect() as db:
            rows = db.execute(query).mappings().all()
        return [Judgement(**{**row, "at": datetime.fromisoformat(row["at"])}) for row in rows]

    def forget(self, uids: Collection[str], authors: Collection[tuple[str, str]]) -> int:
        with self._engine.begin() as db:
            return forget(db, uids, authors)

    def put_thresholds(self, thresholds: Sequence[Threshold]) -> None:
        """Keep what was learned; what was known of the same category, definition and model is replaced."""
        rows = [{**vars(one), "at": one.at.isoformat(), "deciles": json.dumps(one.deciles)} for one in thresholds]
        with self._engine.begin() as db:
            for row in rows:
                there = schema.thresholds.c
                db.execute(
                    sa.delete(schema.thresholds).where(
                        there.category == row["category"], there.definition == row["definition"],
                        there.model == row["model"],
                    )
                )  # fmt: skip
                db.execute(sa.insert(schema.thresholds).values(**row))

    def thresholds(self) -> list[Threshold]:
        with self._engine.connect() as db:
            rows = db.execute(sa.select(schema.thresholds).order_by(schema.thresholds.c.at)).mappings().all()
        return [_threshold({**row}) for row in rows]

    def begin(self, lake: str, definitions: str, last_seq: int) -> bool:
        """From now on rows are labelled under these definitions; whether those before were labelled under others.

        `last_seq` is the lake's last row. Where nothing is known of a lake that has rows, they count as others.
        """
        table = schema.labelled.c
        with self._engine.begin() as db:
            if not last_seq:
                db.execute(sa.delete(schema.labelled).where(table.lake == lake))
            query = sa.select(table.after_seq, table.definitions).where(table.lake == lake)
            rows = [(int(after), str(of)) for after, of in db.execute(query).all()]
            if not rows and last_seq:
                rows = [(0, "")]
                db.execute(insert(schema.labelled).values(lake=lake, after_seq=0, definitions=""))
            if not rows or max(rows)[1] != definitions:
                row = {"lake": lake, "after_seq": last_seq, "definitions": definitions}
                statement = insert(schema.labelled).values(**row)
                db.execute(statement.on_conflict_do_update(index_elements=["lake", "after_seq"], set_=row))
            return any(of != definitions and after < last_seq for after, of in rows)

    def relabelling(self, lake: str) -> Relabelling:
        columns = [column for column in schema.relabelling.c if column.name != "lake"]
        with self._engine.connect() as db:
            row = db.execute(sa.select(*columns).where(schema.relabelling.c.lake == lake)).first()
        return Relabelling() if row is None else Relabelling(*row)

    def epoch(self) -> int:
        """How many relabellings changed something, in all lakes."""
        with self._engine.connect() as db:
            return int(db.scalar(sa.select(sa.func.sum(schema.relabelling.c.epoch))) or 0)

    def relabelled_upto(self, lake: str, now: Relabelling) -> None:
        with self._engine.begin() as db:
            _put(db, lake, now)

    def relabelled(self, lake: str, now: Relabelling) -> Relabelling:
        """All rows are labelled under one set of definitions; where that changed any, an epoch has ended."""
        done = Relabelling(now.definitions, 0, False, now.epoch + now.changed)
        with self._engine.begin() as db:
            db.execute(sa.delete(schema.labelled).where(schema.labelled.c.lake == lake))
            db.execute(insert(schema.labelled).values(lake=lake, after_seq=0, definitions=now.definitions))
            _put(db, lake, done)
        return done


def _threshold(row: dict[str, Any]) -> Threshold:
    row["at"] = datetime.fromisoformat(row["at"])
    row["deciles"] = tuple(map(tuple, json.loads(row["deciles"])))
    return Threshold(**row)


def _put(db: sa.Connection, lake: str, now: Relabelling) -> None:
    statement = insert(schema.relabelling).values(lake=lake, **vars(now))
    db.execute(statement.on_conflict_do_update(index_elements=["lake"], set_=vars(now)))


def forget(db: sa.Connection, uids: Collection[str], authors: Collection[tuple[str, str]]) -> int:
    """Drop the judgements of posts, by uid or by (source, author id); how many there were."""
    table = schema.judgements.c
    tests = [table.uid == uid for uid in uids]
    tests += [sa.and_(table.source == source, table.author_id == author) for source, author in authors]
    return sum(db.execute(sa.delete(schema.judgements).where(test)).rowcount for test in tests)
