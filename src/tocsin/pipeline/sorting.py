"""What may go to a destination now, what waits, and what is told together: before anything is sent.

All of it is decided by the outbox, the destination's manners and the clock, and put down before it has any effect, so
that a crash at any point changes nothing. Blocking: for a thread.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import msgspec

from tocsin.alerts import blindness
from tocsin.alerts import manners as of
from tocsin.alerts.budget import Budget, Rate
from tocsin.alerts.manners import Manners
from tocsin.clock import Clock
from tocsin.component import Queue
from tocsin.messages.shapes import labels
from tocsin.model import Alert, Incident
from tocsin.severity import score
from tocsin.silences import Quiet, Window, silenced
from tocsin.state import State
from tocsin.state_digests import News, Told, latest
from tocsin.state_outbox import Outgoing
from tocsin.telemetry import Telemetry

LOOK_SECONDS = 60.0
"""Between two looks at what is held back: a silence may have been lifted, or the clock set."""
ENDS = {"resolved", "expired"}


@dataclass(frozen=True)
class Office:
    """What all destinations share. `budget` is what digests say was promised; `windows` are maintenance windows.

    `alive` is told the name of each destination whenever it is served.
    """

    state: State
    queue: Queue
    clock: Clock
    chance: random.Random
    telemetry: Telemetry
    budget: Rate | None = None
    windows: Sequence[Window] = ()
    alive: Callable[[str], None] = lambda _: None

    @property
    def now(self) -> float:
        return self.clock.now().timestamp()


class Sorting:
    """Of one destination; `folds`: whether it takes one message about several incidents."""

    def __init__(self, name: str, manners: Manners, office: Office, *, folds: bool) -> None:
        self._name, self._manners, self._office, self._folds = name, manners, office, folds
        self._look_at = 0.0

    def prepare(self) -> None:
        """Make the digest that is due, and let go what has waited long enough."""
        if self._manners.digest is not None:
            self._digest(self._office.now)
        self._look(self._office.now)

    def may_go(self, row: Outgoing) -> bool:
        """Whether a message may be sent now; one that may not is put aside."""
        if not isinstance(row.message, Alert) or row.message.event == "test":
            return True
        state, now = self._office.state, self._office.now
        if not self._wanted(row, row.message):
            state.unwanted(row.number)
            return False
        quiet = self._quiet(row, row.message, now)
        if quiet is None:
            state.overtake(row)
            return True
        state.hold(row.number, quiet.until, quiet.why)
        self._office.telemetry.sent(self._name, "held")
        return False

    def _wanted(self, row: Outgoing, alert: Alert) -> bool:
        """What ends is told to whom its beginning was told. Decided once."""
        if row.attempts or row.held is not None or self._manners == Manners():
            return True
        if alert.event in ENDS:
            return self._office.state.heard(alert.incident.id, self._name, row.number)
        return self._manners.wants(alert.incident) and self._affords(row, alert.incident)

    def _affords(self, row: Outgoing, incident: Incident) -> bool:
        """Whether an incident is within the destination's own budget, had it been kept from the beginning."""
        if self._manners.budget is None or incident.policy == blindness.POLICY:
            return True
        state, budget = self._office.state, Budget(self._manners.budget)
        told = state.told_of(self._name, row.number)
        if incident.id in told:
            return True
        at = int(incident.detected_at.timestamp())
        for one in state.incidents():
            if one.id != incident.id and one.part_of is None and one.policy != blindness.POLICY:
                budget.learn(int(one.detected_at.timestamp()), _score(one), rang=one.id in told)
        return incident.id in budget.admit(at, {incident.id: _score(incident)})

    def _quiet(self, row: Outgoing, alert: Alert, now: float) -> Quiet | None:
        """What keeps an alert from being told now. The end of what nobody was told of wakes nobody."""
        office, moment = self._office, datetime.fromtimestamp(now, UTC)
        found = silenced(labels(alert.incident), office.state.silences.all(), office.windows, moment)
        if found is not None:
            return found
        wakes = alert.event not in ENDS or not office.state.is_held(row)
        until = self._manners.quiet_until(alert.incident, now, wakes=wakes)
        if until is not None:
            return Quiet(until, "quiet hours")
        until = self._room_at(now)
        return None if until is None else Quiet(until, "it has had its most")

    def _room_at(self, now: float) -> float | None:
        """When there is room again, where the destination has had its most."""
        rate = self._manners.rate
        if rate is None:
            return None
        lately = self._office.state.sent_since(self._name, now - rate.seconds)
        return None if len(lately) < rate.number else lately[-rate.number] + rate.seconds

    def _look(self, now: float) -> None:
        """Let go what nothing holds back any more, together where it can be."""
        state, clock = self._office.state, self._office.clock.monotonic()
        until = state.held_until(self._name)
        if until is None or (until > now and clock < self._look_at):
            return
        self._look_at = clock + LOOK_SECONDS
        free: list[tuple[Outgoing, Alert]] = []
        for row in state.held(self._name):
            if not isinstance(row.message, Alert):
                continue
            quiet = self._quiet(row, row.message, now)
            if quiet is None:
                free.append((row, row.message))
            elif quiet.until != row.held:
                state.hold(row.number, quiet.until, quiet.why)
        self._let_go(free, now)

    def _let_go(self, free: Sequence[tuple[Outgoing, Alert]], now: float) -> None:
        state = self._office.state
        if len(free) > 1 and self._folds:
            since = min(row.created for row, _ in free)
            told = of.held(self._name, free[0][1].key, [alert for _, alert in free], since, now)
            state.fold(told, self._name, [row for row, _ in free], now)
        else:
            for row, _ in free:
                state.release(row.number, now)

    def _digest(self, now: float) -> None:
        """Make the digest of the stretch that is over, once. What is before the first look is not told of."""
        digests, boundary = self._office.state.digests, self._manners.boundary(now)
        told = digests.told(self._name)
        if told is None or told.until > now:  # the clock went back
            digests.begin(self._name, Told(now, latest(digests.news()) if told is None else told.news))
        elif told.until < boundary:
            news = digests.news(told.news)
            self._make(told, Told(boundary, latest(news, told.news)), news, now)

    def _make(self, since: Told, until: Told, news: Sequence[News], now: float) -> None:
        state, manners = self._office.state, self._manners
        heard = None if manners.budget is None else state.told_of(self._name)
        known = {one.id: _as_told(one, heard) for one in state.incidents()}
        found = [(known[one.incident], (one.opened or 0) > since.news) for one in news if one.incident in known]
        budget, seen = manners.budget or self._office.budget, state.seen(since.until, until.until)
        digest = of.digest(self._name, manners, since.until, until.until, found, budget, seen)
        empty = manners.digest == "hourly" and not digest.incidents
        state.digests.make(None if empty else digest, self._name, until, now)


def _as_told(incident: Incident, heard: set[str] | None) -> Incident:
    """For a destination with a budget of its own: whether it was told."""
    return incident if heard is None else msgspec.structs.replace(incident, told=incident.id in heard)


def _score(incident: Incident) -> float:
    """The highest so far."""
    return max(incident.score, score(incident.severity))
