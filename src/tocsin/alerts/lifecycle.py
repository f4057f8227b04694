"""The life of an incident: open, escalate, resolve, expire; at most one per series and direction.

Rules of anomaly.md's kind, in event time: an open incident escalates when its severity has grown by 20; it
resolves when the score stays under half the threshold for 45 minutes, and expires as the new normal after
48 hours. For 6 hours after the last alert of a series and direction only something worse by 20 opens a new one.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import msgspec
import numpy as np
import numpy.typing as npt

from tocsin.component import Readings
from tocsin.series import Key
from tocsin.severity import severity

CALM_SECONDS = 45 * 60
EXPIRE_SECONDS = 48 * 3600
COOLDOWN_SECONDS = 6 * 3600
ESCALATION = 20
CALM_SCORE = 0.5

Event = Literal["opened", "escalated", "resolved", "expired"]
Direction = Literal["up", "down"]


@dataclass(frozen=True)
class Change:
    """Something happened to the incident of `key`. `at` (Unix seconds) is the end of the bucket that shows it.

    `opened` is when the incident was opened; the figures are of the window of `scale` seconds before `at`.
    """

    event: Event
    key: Key
    direction: Direction
    at: int
    opened: int
    turn: int
    severity: int
    peak: float
    observed: float
    expected: float
    low: float
    high: float
    scale: int


class _Open(msgspec.Struct):
    opened: int
    notified: int
    peak: float
    calm_since: int | None = None
    turn: int = 0


class _Cooldown(msgspec.Struct):
    until: int
    severity: int


class _Saved(msgspec.Struct):
    open: list[tuple[Key, Direction, _Open]]
    cooldowns: list[tuple[Key, Direction, _Cooldown]]


class Lifecycle:
    """The incidents of one policy. Only series whose key has `depth` parts may have one."""

    def __init__(self, depth: int) -> None:
        self._depth = depth
        self._open: dict[tuple[Key, Direction], _Open] = {}
        self._cooldowns: dict[tuple[Key, Direction], _Cooldown] = {}

    def step(
        self,
        at: int,
        keys: Sequence[Key],
        index: Mapping[Key, int],
        readings: Readings,
        visible: npt.NDArray[np.bool_] | None = None,
    ) -> Iterator[Change]:
        """What the readings of the bucket that ends at `at` change; `index` is each key's place in `keys`.

        Where a series was not `visible` (None: all were) its incident waits: nothing seen is not calm.
        """
        for (key, direction), incident in list(self._open.items()):
            if visible is None or visible[index[key]]:
                yield from self._go_on(at, key, direction, incident, index[key], readings)
            else:
                incident.calm_since = None
        for number in np.flatnonzero(readings.alert).tolist():
            key = keys[number]
            if len(key) == self._depth:
                yield from self._open_new(at, key, number, readings)

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
        if severity(score) >= incident.notified + ESCALATION:
            incident.notified = severity(score)
            incident.turn += 1
            yield _change("escalated", at, key, direction, incident, number, readings)

    def _end(
        self, event: Event, at: int, key: Key, direction: Direction, incident: _Open, number: int, readings: Readings
    ) -> Change:
        del self._open[key, direction]
        self._cooldowns[key, direction] = _Cooldown(at + COOLDOWN_SECONDS, incident.notified)
        return _change(event, at, key, direction, incident, number, readings)

    def _open_new(self, at: int, key: Key, number: int, readings: Readings) -> Iterator[Change]:
        direction: Direction = "down" if readings.down[number] else "up"
        if (key, direction) in self._open:
            return
        how_bad = severity(float(readings.score[number]))
        cooldown = self._cooldowns.get((key, direction))
        if cooldown is not None:
            if at < cooldown.until and how_bad < cooldown.severity + ESCALATION:
                return
            del self._cooldowns[key, direction]
        incident = _Open(opened=at, notified=how_bad, peak=float(readings.value[number]))
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
        severity=severity(float(readings.score[number])),
        peak=incident.peak,
        observed=float(readings.value[number]),
        expected=float(readings.expected[number]),
        low=float(readings.low[number]),
        high=float(readings.high[number]),
        scale=int(readings.scale[number]),
    )
