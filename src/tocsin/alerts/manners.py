"""How a destination wants to be served: when it is quiet, what it does not want, when its digests are made.

Pure: the time is given, in Unix seconds; times of day are those of the destination's zone, also where clocks change.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Literal
from zoneinfo import ZoneInfo

from tocsin.alerts import blindness
from tocsin.alerts.budget import Rate
from tocsin.model import Alert, Digest, Incident
from tocsin.silences import Window

MOST_LISTED = 500
"""Incidents in a digest."""
Period = Literal["hourly", "daily", "weekly"]


@dataclass(frozen=True)
class Manners:
    """`quiet` are windows in which only what has the severity `wake_for` comes; `policies` and `watches` None: all.

    `budget` is one of its own, stricter than the common one.
    """

    zone: str = "UTC"
    quiet: tuple[Window, ...] = ()
    wake_for: int = 85
    digest: Period | None = None
    at: time = time(8)
    alerts: bool = True
    rate: Rate | None = None
    budget: Rate | None = None
    least_severity: int = 0
    policies: frozenset[str] | None = None
    watches: frozenset[str] | None = None

    def wants(self, incident: Incident) -> bool:
        """Whether the destination is to be told of an incident that opens or grows."""
        return self.alerts and self.concerns(incident) and incident.severity >= self.least_severity

    def concerns(self, incident: Incident) -> bool:
        """Whether an incident is of its policies and watches. What is of no watch concerns all."""
        watch = incident.series.get("watch")
        known = self.policies is None or incident.policy in self.policies
        return known and (self.watches is None or watch is None or watch in self.watches)

    def quiet_until(self, incident: Incident, now: float, *, wakes: bool = True) -> float | None:
        """When the quiet hours end that a message has to wait for; None where it need not wait."""
        if wakes and incident.severity >= self.wake_for:
            return None
        ends = [window.open_until(_utc(now)) for window in self.quiet]
        return max((end.timestamp() for end in ends if end is not None), default=None)

    def boundary(self, now: float) -> float:
        """The last time, up to now, at which a digest is made."""
        if self.digest == "hourly":
            return now // 3600 * 3600
        day = datetime.fromtimestamp(now, ZoneInfo(self.zone)).date()
        if self.digest == "weekly":
            day -= timedelta(days=day.weekday())
        found = self._moment(day)
        return found if found <= now else self._moment(day - timedelta(days=7 if self.digest == "weekly" else 1))

    def _moment(self, day: date) -> float:
        return datetime.combine(day, self.at, ZoneInfo(self.zone)).timestamp()


def held(destination: str, key: str, alerts: Sequence[Alert], since: float, now: float) -> Digest:
    """One message in the place of several that were held back. `key` is that of the first of them."""
    latest = {one.id: one for alert in alerts for one in alert.also} | {one.incident.id: one.incident for one in alerts}
    told = len({alert.incident.id for alert in alerts})
    return Digest(f"held.{destination}.{key}", "held", _utc(since), _utc(now), _worst_first(latest.values()), told=told)


def digest(
    destination: str,
    manners: Manners,
    since: float,
    until: float,
    news: Sequence[tuple[Incident, bool]],
    budget: Rate | None,
    coverage: float | None,
) -> Digest:
    """What opened or ended in a stretch. `news`: an incident, and whether it opened in it.

    Sources that go blind are told of whatever the budget, and are not counted against it.
    """
    found = [(incident, opened) for incident, opened in news if manners.concerns(incident)]
    promised = None if budget is None else round(budget.number * (until - since) / budget.seconds, 2)
    rang = sum(opened and one.told and one.part_of is None and one.policy != blindness.POLICY for one, opened in found)
    period = manners.digest or "daily"
    key = f"digest.{period}.{destination}.{_utc(until):%Y-%m-%dT%H:%MZ}"
    incidents = _worst_first(one for one, _ in found)
    return Digest(key, period, _utc(since), _utc(until), incidents, promised, rang, coverage)


def _worst_first(incidents: Iterable[Incident]) -> tuple[Incident, ...]:
    return tuple(sorted(incidents, key=lambda one: (-one.severity, one.detected_at, one.id))[:MOST_LISTED])


def _utc(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
