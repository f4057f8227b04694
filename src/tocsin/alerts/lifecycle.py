"""The life of an incident: open, escalate, resolve, expire; at most one per series and direction.

Rules of anomaly.md's kind, in event time: an open incident escalates when it is far `worse` than when it last
rang; it resolves when the score stays under half the threshold for 45 minutes, and expires as the new normal after
48 hours. For 6 hours after the last alert of a series and direction only something far worse opens a new one.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import msgspec
import numpy as np

from tocsin.component import Floats, Readings, Visible
from tocsin.series import Key
from tocsin.severity import severity, worse

CALM_SECONDS = 45 * 60
EXPIRE_SECONDS = 48 * 3600
COOLDOWN_SECONDS = 6 * 3600
RULES = 2
"""Their version: with others, the past has other incidents."""
CALM_SCORE = 0.5

Event = Literal["opened", "escalated", "resolved", "expired"]
Direction = Literal["up", "down"]


@dataclass(frozen=True)
class Change:
    """Something happened to the incident of `key`. `at` (Unix seconds) is the end of the bucket that shows it.

    `opened` is when the incident was opened; the figures are of the window of `scale` seconds before `at`. `excess` is
    what was seen since the incident's first window began, less what was expected at the time.
    """

    event: Event
    key: Key
    direction: Direction
    at: int
    opened: int
    turn: int
    score: float
    severity: int
    peak: float
    observed: float
    expected: float
    low: float
    high: float
    scale: int
    excess: float = 0.0


class _Open(msgspec.Struct):
    opened: int
    told: float
    """The score at which it last rang."""
    peak: float
    excess: float = 0.0
    calm_since: int | None = None
    turn: int = 0


class _Cooldown(msgspec.Struct):
    until: int
    told: float


class _Saved(msgspec.Struct):
    open: list[tuple[Key, Direction, _Open]]
    cooldowns: list[tuple[Key, Direction, _Cooldown]]


class Lifecycle:
    """The incidents of one policy.

    Only series whose key has `depth` parts may have one and, where that is given, whose `last` part is this; only in
    these `directions`. `bucket` is in seconds.
    """

    def __init__(
        self, depth: int, last: str | None = None, directions: Sequence[Direction] = ("up", "down"), bucket: int = 60
    ) -> None:
        self._depth, self._last, self._directions, self._bucket = depth, last, frozenset(directions), bucket
        self._open: dict[tuple[Key, Direction], _Open] = {}
        self._cooldowns: dict[tuple[Key, Direction], _Cooldown] = {}

    def step(
        self,
        at: int,
        keys: Sequence[Key],
        index: Mapping[Key, int],
        readings: Readings,
        visible: Visible | None = None,
        counts: Floats | None = None,
    ) -> Iterator[Change]:
        """What the readings of the bucket that ends at `at` change; `index` is each key's place in `keys`.

        `counts` are those of the bucket; without them no excess is summed. Where a series was not `visible` (None: all
        were) its incident waits: nothing seen is not calm.
        """
        for (key, direction), incident in list(self._open.items()):
            if visible is None or visible[index[key]]:
                if counts is not None:
                    self._sum(at, incident, counts, index[key], readings)
                yield from self._go_on(at, key, direction, incident, index[key], readings)
            else:
                incident.calm_since = None
        yield from self.look(at, keys, readings)

    def look(self, at: int, keys: Sequence[Key], readings: Readings) -> Iterator[Change]:
        """What opens at `at`, be it before a bucket is over."""
        for number in np.flatnonzero(readings.alert).tolist():
            key = keys[number]
            if len(key) == self._depth and self._last in {None, key[-1] if key else None}:
                yield from self._open_new(at, key, number, readings)

    def _sum(self, at: int, incident: _Open, counts: Floats, number: int, readings: Readings) -> None:
        """Add the bucket to the excess, or the part of it that is after the opening."""
        part = min(max(at - incident.opened, 0) / self._bucket, 1.0)
        expected = float(readings.expected[number]) * self._bucket / max(int(readings.scale[number]), 1)
        incident.excess += part * (float(counts[number]) - expected)

    def _go_on(
        self, at: int, key: Key, direction: Direction, incident: _Open, number: int, readings: Readings
    ) -> Iterator[Change]:
        same_way = bool(readings.down[number]) == (direction == "down")
        score = float(readings.score[number]) if same_way else 0.0
        if same_way:
            incident.peak = _further(direction, incident.peak, float(readings.value[number]))
        if at - incident.opened >= EXPIRE_SECONDS:
            yield self._end("expired", at, key, direction, incident, number, readings)
            return
        if score >= CALM_SCORE:
            incident.calm_since = None
        elif incident.calm_since is None:
            incident.calm_since = at
        elif at - incident.calm_since >= CALM_SECONDS:
            yield self._end("resolved", at, key, direction, incident, number, readings)
            return
        if worse(score, incident.told):
            incident.told = score
            incident.turn += 1
            yield _change("escalated", at, key, direction, incident, number, readings)

    def _end(
        self, event: Event, at: int, key: Key, direction: Direction, incident: _Open, number: int, readings: Readings
    ) -> Change:
        del self._open[key, direction]
        self._cooldowns[key, direction] = _Cooldown(at + COOLDOWN_SECONDS, incident.told)
        return _change(event, at, key, direction, incident, number, readings)

    def _open_new(self, at: int, key: Key, number: int, readings: Readings) -> Iterator[Change]:
        direction: Direction = "down" if readings.down[number] else "up"
        if (key, direction) in self._open or direction not in self._directions:
            return
        score = float(readings.score[number])
        cooldown = self._cooldowns.get((key, direction))
        if cooldown is not None:
            if at < cooldown.until and not worse(score, cooldown.told):
                return
            del self._cooldowns[key, direction]
        value = float(readings.value[number])
        incident = _Open(opened=at, told=score, peak=value, excess=value - float(readings.expected[number]))
        self._open[key, direction] = incident
        yield _change("opened", at, key, direction, incident, number, readings)

    def save(self) -> bytes:
        """Everything that `load` needs to go on as if never stopped."""
        saved = _Saved(
            [(key, way, incident) for (key, way), incident in self._open.items()],
            [(key, way, cooldown) for (key, way), cooldown in self._cooldowns.items()],
        )
        return msgspec.json.encode(saved)

    def load(self, saved: bytes) -> None:
        state = msgspec.json.decode(saved, type=_Saved)
        self._open = {(key, way): incident for key, way, incident in state.open}
        self._cooldowns = {(key, way): cooldown for key, way, cooldown in state.cooldowns}


def _further(direction: Direction, peak: float, value: float) -> float:
    return max(peak, value) if direction == "up" else min(peak, value)


def _change(
    event: Event, at: int, key: Key, direction: Direction, incident: _Open, number: int, readings: Readings
) -> Change:
    return Change(
        event=event,
        key=key,
        direction=direction,
        at=at,
        opened=incident.opened,
        turn=incident.turn,
        score=round(float(readings.score[number]), 4),
        severity=severity(float(readings.score[number])),
        peak=incident.peak,
        observed=float(readings.value[number]),
        expected=float(readings.expected[number]),
        low=float(readings.low[number]),
        high=float(readings.high[number]),
        scale=int(readings.scale[number]),
        excess=round(incident.excess, 4),
    )
