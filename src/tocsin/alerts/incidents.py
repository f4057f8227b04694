"""From a change in a series to the incident that people see: its start, its words, its figures, its SQL."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal, cast

import msgspec

from tocsin.alerts.lifecycle import Change, Event
from tocsin.alerts.membership import statement
from tocsin.model import Alert, Incident
from tocsin.series import Key
from tocsin.wording import span, usual


def incident_id(policy: str, series: Mapping[str, str], direction: str, opened: int) -> str:
    """The same incident has the same id in every run over the same posts."""
    text = msgspec.json.encode([policy, sorted(series.items()), direction, opened])
    return "i" + hashlib.blake2b(text, digest_size=6).hexdigest()


def onset(counts: Mapping[int, int], bucket: int, change: Change) -> int:
    """When it began: the bucket from which on the window is least like what was expected.

    `counts` are the series' posts by bucket start. The likelihood ratio of a Poisson rate that changes once (Page
    1954) is greatest there.
    """
    since, until = change.at - change.scale, -(-change.at // bucket) * bucket
    share = change.expected / max((until - since) / bucket, 1.0)
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


UNITS = {
    "mentions": "mentions",
    "voices": "independent authors",
    "share": "mentions",
    "negative_share": "negative mentions",
    "new_phrases": "authors who repeat new phrases",
    "silence": "posts",
}
"""What a measure counts, in words."""


def headline(series: Mapping[str, str], change: Change, start: datetime, measure: str = "mentions") -> str:
    """One line that stands alone on a lock screen."""
    if measure == "negative_share":
        series = {dimension: value for dimension, value in series.items() if dimension != "sentiment"}
    day = "" if datetime.fromtimestamp(change.at, UTC).date() == start.date() else f"{start:%d %b} "
    low, high = usual(change.low, change.high)
    what = f"{title(series)}: {change.observed:g} {UNITS[measure]} in {span(change.scale)}, expected {low} to {high}"
    return f"{what}, since {day}{start:%H:%M} UTC"


@dataclass(frozen=True)
class Opening:
    """What an incident is made of: the change that opens it, as row `seq` showed it, and since when it is so."""

    policy: str
    measure: str
    series: Mapping[str, str]
    change: Change
    start: int
    seq: int


def opened(opening: Opening, explanation: dict[str, Any]) -> Incident:
    """The incident as it is when it opens."""
    change, series, measure = opening.change, opening.series, opening.measure
    begun, since = datetime.fromtimestamp(opening.start, UTC), change.at - change.scale
    return Incident(
        id=incident_id(opening.policy, series, change.direction, change.opened),
        policy=opening.policy,
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
        headline=headline(series, change, begun, measure),
        explanation=explanation,
        sql=statement(series, since, change.at, opening.seq, measure),
        peak=_plain(change.peak),
        scale=change.scale,
        measure=measure,
        score=change.score,
    )


def changed(incident: Incident, change: Change) -> Incident:
    """The incident after a later change: its evidence stays, state, severity, peak and end move."""
    ended = change.event in {"resolved", "expired"}
    return msgspec.structs.replace(
        incident,
        state=cast(Literal["open", "resolved", "expired"], change.event if ended else "open"),
        end=datetime.fromtimestamp(change.at, UTC) if ended else None,
        severity=max(incident.severity, change.severity),
        peak=_plain(change.peak),
        total_excess=_plain(change.excess) if ended else None,
    )


def grown(incident: Incident, now: Incident) -> Incident:
    """The incident when it has grown: with the evidence of `now`, that which would open if it were new."""
    return msgspec.structs.replace(
        incident,
        observed=now.observed,
        expected=now.expected,
        low=now.low,
        high=now.high,
        scale=now.scale,
        score=now.score,
        headline=now.headline,
        explanation=now.explanation,
        sql=now.sql,
    )


def alert(incident: Incident, event: Event, turn: int) -> Alert:
    """The message about a change; the `turn`-th escalation."""
    return Alert(key=f"{incident.id}.{event}.{turn}", event=event, incident=incident)


def _plain(value: float) -> float:
    return round(value, 2)
