"""From a change in a series to the incident that people see: its start, its words, its figures, its SQL."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Literal, cast

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tocsin.alerts.lifecycle import Change
from tocsin.model import Alert, Incident
from tocsin.series import ALL_POSTS, COLUMNS, NOTHING, Key

_LISTS = {"watch", "category"}


def incident_id(policy: str, series: Mapping[str, str], direction: str, opened: int) -> str:
    """The same incident has the same id in every run over the same posts."""
    text = msgspec.json.encode([policy, sorted(series.items()), direction, opened])
    return "i" + hashlib.blake2b(text, digest_size=6).hexdigest()


def onset(counts: Mapping[int, int], bucket: int, since: int, until: int, expected: float) -> int:
    """When it began: the bucket from which on the window is least like what was expected.

    `counts` are the series' posts by bucket start, `expected` those of the whole window [since, until). The
    likelihood ratio of a Poisson rate that changes once (Page 1954) is greatest there.
    """
    share = expected / max((until - since) / bucket, 1.0)
    best, start, seen, should = 0.0, until - bucket, 0, 0.0
    for time in range(until - bucket, since - 1, -bucket):
        seen += counts.get(time, 0)
        should += share
        if not seen or seen <= should or not counts.get(time):
            continue
        gain = seen * math.log(seen / should) - (seen - should)
        if gain > best:
            best, start = gain, time
    return start


def named(dimensions: Sequence[str], key: Key) -> dict[str, str]:
    return dict(zip(dimensions, key, strict=True))


def title(series: Mapping[str, str]) -> str:
    """A series in words: the most special dimension first.

    >>> title({"watch": "acme", "category": "outage"})
    'outage (acme)'
    """
    values = list(series.values())[::-1]
    return values[0] if len(values) == 1 else f"{values[0]} ({', '.join(values[1:])})"


def span(seconds: int) -> str:
    """A length of time in words.

    >>> span(900), span(10800)
    ('15 min', '3 h')
    """
    if seconds % 3600 == 0:
        return f"{seconds // 3600} h"
    return f"{max(seconds // 60, 1)} min"


def usual(low: float, high: float) -> tuple[int, int]:
    """The least and the most mentions that do not ring, where `low` or fewer and `high` or more do.

    >>> usual(2.4, 17.5), usual(0.0, 10.0)
    ((3, 17), (0, 9))
    """
    return math.floor(low) + 1 if low > 0 else 0, max(math.ceil(high) - 1, 0)


def headline(series: Mapping[str, str], change: Change, start: datetime) -> str:
    """One line that stands alone on a lock screen."""
    day = "" if datetime.fromtimestamp(change.at, UTC).date() == start.date() else f"{start:%d %b} "
    low, high = usual(change.low, change.high)
    what = f"{title(series)}: {change.observed:g} mentions in {span(change.scale)}, expected {low} to {high}"
    return f"{what}, since {day}{start:%H:%M} UTC"


def predicate(series: Mapping[str, str]) -> str:
    """The SQL condition on the view `posts` that picks the posts of a series."""
    parts = []
    for dimension, value in series.items():
        if _is_everything(dimension, value):
            continue
        quoted = "'" + value.replace("'", "''") + "'"
        column = COLUMNS[dimension]
        if dimension == "category" and value == "other":
            parts.append("category = 'other'")
        elif dimension in _LISTS:
            parts.append(f"list_contains({column}, {quoted})")
        elif value == NOTHING.get(dimension):
            parts.append(f"coalesce({column}, {quoted}) = {quoted}")
        else:
            parts.append(f"{column} = {quoted}")
    return " AND ".join(parts) or "true"


def statement(series: Mapping[str, str], since: int, until: int) -> str:
    """One SQL statement that gives the observed count again."""
    first, last = (datetime.fromtimestamp(t, UTC).strftime("%Y-%m-%d %H:%M:%S+00") for t in (since, until))
    return (
        f"SELECT count(*) AS mentions FROM posts WHERE {predicate(series)} "
        f"AND event_time >= TIMESTAMPTZ '{first}' AND event_time < TIMESTAMPTZ '{last}'"
    )


def members(batch: pa.RecordBatch, series: Mapping[str, str]) -> pa.Array:
    """For each row of a batch, whether it counts in a series."""
    mask = pa.array(np.ones(batch.num_rows, dtype=np.bool_))
    for dimension, value in series.items():
        if _is_everything(dimension, value):
            continue
        column = batch.column(COLUMNS[dimension])
        if dimension in _LISTS:
            mask = pc.and_(mask, _holds(column, value, empty=value == NOTHING.get(dimension)))
        else:
            mask = pc.and_(mask, pc.equal(pc.fill_null(column, NOTHING[dimension]), value))
    return mask


def _is_everything(dimension: str, value: str) -> bool:
    """Whether a value leaves no post out: the watch of a config that names none."""
    return dimension == "watch" and value == ALL_POSTS


def _holds(lists: pa.Array, value: str, *, empty: bool) -> pa.Array:
    """Which of the lists hold the value, or, with `empty`, hold nothing."""
    found = np.zeros(len(lists), dtype=np.bool_)
    owners = pc.list_parent_indices(lists).to_numpy(zero_copy_only=False)
    found[owners[pc.equal(pc.list_flatten(lists), value).to_numpy(zero_copy_only=False)]] = True
    if empty:
        lengths = pc.fill_null(pc.list_value_length(lists), 0)
        found |= pc.equal(lengths, 0).to_numpy(zero_copy_only=False)
    return pa.array(found)


def opened(policy: str, series: Mapping[str, str], change: Change, start: int, explanation: dict[str, Any]) -> Incident:
    """The incident as it is when it opens."""
    begun = datetime.fromtimestamp(start, UTC)
    return Incident(
        id=incident_id(policy, series, change.direction, change.opened),
        policy=policy,
        series=dict(series),
        state="open",
        direction=change.direction,
        start=begun,
        detected_at=datetime.fromtimestamp(change.at, UTC),
        end=None,
        observed=_plain(change.observed),
        expected=_plain(change.expected),
        low=_plain(change.low),
        high=_plain(change.high),
        severity=change.severity,
        headline=headline(series, change, begun),
        explanation=explanation,
        sql=statement(series, change.at - change.scale, change.at),
        peak=_plain(change.peak),
        scale=change.scale,
    )


def changed(incident: Incident, change: Change) -> Incident:
    """The incident after a later change: figures of the opening stay, state, severity, peak and end move."""
    ended = change.event in {"resolved", "expired"}
    return msgspec.structs.replace(
        incident,
        state=cast(Literal["open", "resolved", "expired"], change.event if ended else "open"),
        end=datetime.fromtimestamp(change.at, UTC) if ended else None,
        severity=max(incident.severity, change.severity),
        peak=_plain(change.peak),
    )


def alert(incident: Incident, change: Change) -> Alert:
    """The message about a change."""
    return Alert(key=f"{incident.id}.{change.event}.{change.turn}", event=change.event, incident=incident)


def _plain(value: float) -> float:
    return round(value, 2)
