"""An incident as it opens, with its why: the lake's rows around it, read once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tocsin.alerts import incidents, membership
from tocsin.alerts.explain import COLUMNS as EXPLAINED
from tocsin.alerts.explain import Case, Sides, explain
from tocsin.alerts.explain.context import chart, coverage, together
from tocsin.alerts.explain.counting import echoes, once_an_hour
from tocsin.alerts.lifecycle import Change
from tocsin.component import History
from tocsin.model import Incident
from tocsin.pipeline.policy import Policy
from tocsin.records import SCHEMA
from tocsin.series import COLUMNS, Counting
from tocsin.series.dimensions import mentions
from tocsin.series.voices import own_words

DAY, WEEK = timedelta(days=1), timedelta(days=7)
BASELINE_ROWS = 500_000
"""An explanation looks a week back for what is usual, and at so many rows before the window at most."""
GAPS = timedelta(hours=6)
"""So long before a window of the past a gap may have begun that is known to reach into it."""
SEEN = 0.5
"""What share of a window of the past must have been seen for its count to mean anything."""
MATES = 20
"""Posts of before from which on the series itself, more than the clock, says what is usual for its mates."""
_TIME = SCHEMA.field("event_time").type


@dataclass
class _Side:
    """The rows of a stretch of time: those of the series as a table and when they were, gaps, and how many posts of
    which category stood beside them."""

    parts: list[pa.RecordBatch] = field(default_factory=list)
    times: list[pa.Array] = field(default_factory=list)
    gaps: list[dict[str, Any]] = field(default_factory=list)
    mates: Counter[str] = field(default_factory=Counter)
    first: int | None = None
    """The `seq` of the first row."""
    began: int | None = None
    """The earliest time of a row (Unix seconds)."""


@dataclass(frozen=True)
class _Reader:
    """Reads what the lake has of a series, up to row `seq`."""

    lake: History
    series: Mapping[str, str]
    seq: int
    counting: Counting

    def side(self, since: datetime, until: datetime, after: int = 0) -> _Side:
        """The rows of [since, until), of those after row `after`."""
        found = _Side()
        beside = {name: value for name, value in self.series.items() if name != "category"}
        wanted = {*self._columns, "version", "backfilled", "until", "categories", "duplicate_of"}
        for batch in self._rows(wanted, since, until, after):
            _note(found, batch)
            counted = pa.array(mentions(batch, batch.column("kind")))
            own = pc.and_(counted, membership.members(batch, self.series))
            found.times.append(batch.column("event_time").filter(own))
            told = pc.and_(own, pc.equal(batch.column("kind"), "post"))
            told = told if self.counting == "posts" else pc.and_(told, pa.array(own_words(batch)))
            found.parts.append(batch.select(self._columns).filter(told))
            if "category" in self.series:
                named = pc.list_flatten(
                    batch.column("categories").filter(pc.and_(counted, membership.members(batch, beside)))
                )
                found.mates.update({one["values"]: one["counts"] for one in named.value_counts().to_pylist()})
        return found

    @property
    def _columns(self) -> list[str]:
        return [*EXPLAINED, "phrases"] if self.counting == "echoes" else EXPLAINED

    def rows(self, then: _Side, now: _Side) -> tuple[pa.Table, pa.Table, Any]:
        """What people said before, the rows of the window that the policy counts, and when all were that it counts
        (Unix seconds)."""
        schema = pa.schema([SCHEMA.field(name) for name in self._columns])
        before, inside = (pa.Table.from_batches(side.parts, schema) for side in (then, now))
        if self.counting == "posts":
            return before, inside, _seconds(pa.chunked_array([*then.times, *now.times], _TIME))
        past = before
        if self.counting == "echoes":
            repeated = pa.array(echoes(pa.concat_tables([before, inside])))
            past, inside = before.filter(repeated[: before.num_rows]), inside.filter(repeated[before.num_rows :])
        past, before, inside = (once_an_hour(table.select(EXPLAINED)) for table in (past, before, inside))
        return before, inside, _seconds(pa.concat_tables([past, inside]).column("event_time"))

    def counted(self, since: datetime, until: datetime) -> int | None:
        """Posts of the series in [since, until); None where the lake has no row of that time, the sources were blind
        for most of it, or posts are not what the policy counts."""
        if self.counting != "posts":
            return None
        found, seen, total = _Side(), False, 0
        for batch in self._rows({"version", "backfilled", "source", "until"}, since - GAPS, until):
            _note(found, batch)
            inside = pc.greater_equal(batch.column("event_time"), pa.scalar(since, _TIME))
            seen |= bool(pc.any(inside).as_py())
            own = pc.and_(pa.array(mentions(batch, batch.column("kind"))), membership.members(batch, self.series))
            total += int(pc.sum(pc.and_(own, inside)).as_py() or 0)
        return total if seen and coverage(found.gaps, since, until)["share"] >= SEEN else None

    def _rows(self, columns: set[str], since: datetime, until: datetime, after: int = 0) -> Iterator[pa.RecordBatch]:
        wanted = {*columns, "seq", "kind", "event_time", *(COLUMNS[dimension] for dimension in self.series)}
        return self.lake.rows(sorted(wanted), after_seq=after, upto_seq=self.seq, since=since, until=until)


def _note(side: _Side, batch: pa.RecordBatch) -> None:
    """What a batch says beside its posts: gaps, its first row, its earliest time."""
    if not batch.num_rows:
        return
    gaps = batch.select(["event_time", "until", "source"]).filter(pc.equal(batch.column("kind"), "gap"))
    side.gaps += gaps.to_pylist()
    began = int(pc.min(batch.column("event_time")).cast(pa.int64()).as_py() // 1_000_000)
    side.began = began if side.began is None else min(side.began, began)
    side.first = int(batch.column("seq")[0].as_py()) if side.first is None else side.first


def opened(lake: History, policy: Policy, change: Change, seq: int) -> Incident:
    """The incident that `change` opens, as row `seq` of the lake showed it."""
    series = incidents.named(policy.fold.dimensions, change.key)
    first, last = (datetime.fromtimestamp(time, UTC) for time in (change.at - change.scale, change.at))
    reader = _Reader(lake, series, seq, policy.fold.counting)
    now = reader.side(first, last)
    then = reader.side(first - WEEK, first, max((now.first or seq) - BASELINE_ROWS, 0))
    before, inside, times = reader.rows(then, now)
    sides = Sides(inside, before, change.observed, change.expected, frozenset(series))
    start, bucket = change.at - change.scale, policy.fold.bucket
    if change.direction == "up":
        starts, numbers = np.unique(times // bucket * bucket, return_counts=True)
        start = incidents.onset(dict(zip(starts.tolist(), numbers.tolist(), strict=True)), bucket, change)
    begin = change.at - change.scale
    known = begin if then.began is None else then.began
    usual = _usual(sides, change.scale / max(begin - known, change.scale))
    context = {
        "together": together(now.mates, then.mates, usual, series.get("category"), change.direction),
        "yesterday": reader.counted(first - DAY, last - DAY),
        "last_week": reader.counted(first - WEEK, last - WEEK),
        "coverage": coverage([*then.gaps, *now.gaps], first, last),
        "chart": chart(
            times, max(known, begin - int(DAY.total_seconds())), change.at, bucket, change.expected / change.scale
        ),
    }
    why = explain(Case(sides, change.high, datetime.fromtimestamp(start, UTC), change.direction, context))
    return incidents.opened(incidents.Opening(policy.name, policy.measure, series, change, start, seq), why)


def _usual(sides: Sides, clock: float) -> float:
    """What the window should have of a category for each post of before: as the series itself, whose rhythm is
    known, or by the clock, where it had few."""
    posts = sides.then.num_rows
    return float((sides.ratio * posts + MATES * clock) / (posts + MATES))


def _seconds(times: pa.ChunkedArray) -> Any:
    return times.cast(pa.int64()).to_numpy() // 1_000_000
