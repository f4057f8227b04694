"""A source that has gone blind is an incident of its own: not a fall of mentions, which nobody could have seen.

Told by the words on gaps in the log. A gap that is still open when it is told opens an incident at the time of that
word; it ends with the later word on the same gap, or with the next sign of life from the source.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal

import msgspec

from tocsin.model import Incident

POLICY = "coverage"
"""The policy that incidents of blind sources are listed under; it counts against no budget."""
COLUMNS = ("seq", "kind", "event_time", "source", "stream", "until", "note")
SEVERITY = 75

Row = Mapping[str, Any]


class _Blind(msgspec.Struct):
    source: str
    stream: str
    start: int
    since: int
    """When the gap was told, in Unix seconds."""
    note: str


@dataclass(frozen=True)
class Blindness:
    """`source` has gone blind, or sees again (`event`), at `at`; it was blind from `start`. Unix seconds."""

    seq: int
    event: Literal["opened", "resolved"]
    source: str
    stream: str
    start: int
    at: int
    note: str


class Blindnesses:
    """Which streams are blind now. A function of the rows alone."""

    def __init__(self) -> None:
        self._blind: dict[tuple[str, str], _Blind] = {}

    def advance(self, rows: Sequence[Row]) -> Iterator[Blindness]:
        """What rows (ascending `seq`; those of kind gap, post and heartbeat matter) change."""
        for row in rows:
            if row["kind"] == "gap":
                yield from self._told(row)
            elif self._blind and row["kind"] in {"post", "heartbeat"}:
                yield from self._alive(row)

    def _told(self, row: Row) -> Iterator[Blindness]:
        key = (row["source"], row["stream"] or "")
        state, _, note = (row["note"] or "").partition(":")
        start, until = int(row["event_time"].timestamp()), int((row["until"] or row["event_time"]).timestamp())
        known = self._blind.get(key)
        if state == "open":
            if known is None:
                self._blind[key] = _Blind(*key, start, max(until, start), note.strip())
                yield self._change("opened", self._blind[key], row["seq"], max(until, start))
        elif known is not None and known.start <= start:
            del self._blind[key]
            yield self._change("resolved", known, row["seq"], max(until, known.since))

    def _alive(self, row: Row) -> Iterator[Blindness]:
        at = int(row["event_time"].timestamp())
        streams = [key for key in self._blind if key[0] == row["source"] and row["stream"] in {None, key[1]}]
        for key in streams:
            if at > self._blind[key].since:
                yield self._change("resolved", self._blind.pop(key), row["seq"], at)

    @staticmethod
    def _change(event: Literal["opened", "resolved"], blind: _Blind, seq: int, at: int) -> Blindness:
        return Blindness(seq, event, blind.source, blind.stream, blind.start, at, blind.note)

    @property
    def any(self) -> bool:
        """Whether there is any."""
        return bool(self._blind)

    def save(self) -> bytes:
        """Everything that `load` needs to go on as if never stopped."""
        return msgspec.msgpack.encode(list(self._blind.values()))

    def load(self, saved: bytes) -> None:
        found = msgspec.msgpack.decode(saved, type=list[_Blind])
        self._blind = {(blind.source, blind.stream): blind for blind in found}


def incident_id(change: Blindness) -> str:
    text = msgspec.json.encode([POLICY, change.source, change.stream, change.start])
    return "i" + hashlib.blake2b(text, digest_size=6).hexdigest()


def opened(change: Blindness, expected: float | None) -> Incident:
    """The incident of a source gone blind. `expected` are the posts an hour that it usually brings, if known."""
    start, at = datetime.fromtimestamp(change.start, UTC), datetime.fromtimestamp(change.at, UTC)
    missed = 0.0 if expected is None else round(expected * (change.at - change.start) / 3600, 2)
    return Incident(
        id=incident_id(change),
        policy=POLICY,
        series={"source": change.source} | ({"stream": change.stream} if change.stream != change.source else {}),
        state="open",
        direction="down",
        start=start,
        detected_at=at,
        end=None,
        observed=0.0,
        expected=missed,
        low=0.0,
        high=0.0,
        severity=SEVERITY,
        headline=_headline(change, start, expected),
        explanation={
            "slices": [{"dimension": "rest", "value": "", "share": 100.0, "posts": 0, "lift": None}],
            "phrases": [],
            "posts": [],
            "voices": {"posts": 0, "authors": 0, "texts": 0, "copies": 0, "busiest_four_share": 0.0},
            "coverage": {
                "share": 0.0,
                "gaps": [{"source": change.source, "start": start.isoformat(), "end": at.isoformat()}],
            },
        },
        sql=_statement(change, start),
        scale=change.at - change.start,
        measure=POLICY,
    )


def _headline(change: Blindness, start: datetime, expected: float | None) -> str:
    usual = "" if not expected else f"; it usually brings {_number(expected)} posts an hour"
    why = f" ({change.note})" if change.note else ""
    return f"{change.source} has gone blind: nothing seen since {start:%H:%M} UTC{why}{usual}"


def _number(value: float) -> str:
    return f"{value:.0f}" if value >= 10 else f"{value:.1g}"


def _statement(change: Blindness, start: datetime) -> str:
    source = "'" + change.source.replace("'", "''") + "'"
    return (
        f"SELECT event_time, until, note FROM events WHERE kind = 'gap' AND source = {source} "
        f"AND event_time >= TIMESTAMP '{start:%Y-%m-%d %H:%M:%S}+00:00' ORDER BY seq"
    )


def resolved(incident: Incident, change: Blindness) -> Incident:
    """The incident when the source sees again."""
    return msgspec.structs.replace(incident, state="resolved", end=datetime.fromtimestamp(change.at, UTC))
