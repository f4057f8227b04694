"""The stored counts of a policy, read by the stretch into arrays."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import sqlalchemy as sa

from tocsin import state_schema as schema

Longs = npt.NDArray[np.int64]
_COUNT_BITS = 40
"""Of 63: a bucket's place takes the rest, so that one number is read for each row instead of two."""


class Counted:
    """What the detect loop counted, in time, by policy, series and bucket."""

    def __init__(self, engine: sa.Engine) -> None:
        self._engine = engine

    def series(self, policy: str) -> list[str]:
        """The names of a policy's series, in order: one step in the index for each, whatever they hold."""
        table = schema.counts.c
        after = sa.select(sa.func.min(table.series)).where(
            table.policy == policy, table.series > sa.bindparam("last", type_=sa.String)
        )
        found: list[str] = []
        with self._engine.connect() as db:
            while (name := db.scalar(after, {"last": found[-1] if found else ""})) is not None:
                found.append(name)
        return found

    def bounds(self, policy: str, since: int) -> Iterator[tuple[str, int, int]]:
        """The series that have anything from `since` on (Unix seconds): name, first and last bucket."""
        table = schema.counts.c
        series = table.series == sa.bindparam("series", type_=sa.String)
        one = sa.select(table.bucket).where(table.policy == policy, series, table.bucket >= since, table.count > 0)
        ends = (one.order_by(order).limit(1).scalar_subquery() for order in (table.bucket, table.bucket.desc()))
        both, names = sa.select(*ends), self.series(policy)
        with self._engine.connect() as db:
            for name in names:
                first, last = db.execute(both, {"series": name}).one()
                if first is not None:
                    yield name, first, last

    def last(self, policy: str) -> int | None:
        """The last bucket of all its series (Unix seconds)."""
        table = schema.counts.c
        newest = sa.select(sa.func.max(table.bucket)).where(
            table.policy == policy, table.series == sa.bindparam("series", type_=sa.String)
        )
        names = self.series(policy)
        with self._engine.connect() as db:
            return max((db.scalar(newest, {"series": name}) for name in names), default=None)

    def stretch(self, policy: str, names: list[str], since: int, until: int) -> Iterator[tuple[int, Longs, Longs]]:
        """Of each series in turn that has any: its place in `names`, buckets (Unix seconds) and counts.

        For buckets in [since, until), of at most 90 days; the database joins the rows to one text, which is five times
        as fast as to fetch them.
        """
        table = schema.counts.c
        packed = sa.func.group_concat((table.bucket - since) * (1 << _COUNT_BITS) + table.count)
        query = sa.select(packed).where(
            table.policy == policy,
            table.series == sa.bindparam("series", type_=sa.String),
            table.bucket >= since,
            table.bucket < until,
        )
        with self._engine.connect() as db:
            for place, name in enumerate(names):
                if text := db.scalar(query, {"series": name}):
                    rows = np.fromstring(text, dtype=np.int64, sep=",")
                    yield place, since + (rows >> _COUNT_BITS), rows & ((1 << _COUNT_BITS) - 1)
