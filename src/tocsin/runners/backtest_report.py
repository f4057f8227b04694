"""What a backtest found, as people and programs read it. docs/how-to/choose-a-budget.md shows one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from math import floor
from typing import Literal

import msgspec

from tocsin.alerts import incidents
from tocsin.alerts.budget import OVERRUN, WEEK, Rate
from tocsin.model import Incident
from tocsin.runners.backtest import Candidate, Trial, Wish
from tocsin.severity import severity

FACTORS = (1.0, 1.1, 1.25, 1.5, 1.75, 2.0, 2.5, 3.0, 4.0)
SLACK = 3600
"""Seconds by which an incident may lie beside the one that a backtest found, and still be the same."""


class Fired(msgspec.Struct, frozen=True):
    """An incident that would have opened. `told` says whether it would have rung, at `rang_at`.

    `score` is when it opened and `worst` the highest that was told of, both over the policy's threshold with its
    feedback; `threshold` is what the budget asked for then. `now` is the id of the stored incident that it is,
    `now_told` whether that one rang, `feedback` what people said of it.
    """

    id: str
    policy: str
    series: dict[str, str]
    direction: Literal["up", "down"]
    headline: str
    start: datetime
    detected_at: datetime
    end: datetime | None
    observed: float
    expected: float
    scale: int
    severity: int
    score: float
    worst: float
    threshold: float
    told: bool
    rang_at: datetime | None
    part_of: str | None
    now: str | None = None
    now_told: bool | None = None
    feedback: Literal["useful", "not_useful", "planned"] | None = None


class Point(msgspec.Struct, frozen=True):
    """With the threshold at `factor` times the preset's and no budget, so many alerts a week."""

    factor: float
    alerts_per_week: float


class PolicyResult(msgspec.Struct, frozen=True):
    """One policy: `alerts` of its `incidents` would have rung.

    `factor` is what its threshold is multiplied by for all that people said; of what would have rung they called so
    many `useful` and `not_useful`, and `precision` is the share of the former, null where they said nothing.
    """

    policy: str
    sensitivity: str
    series: int
    incidents: int
    alerts: int
    alerts_per_week: float
    factor: float
    useful: int
    not_useful: int
    precision: float | None
    curve: list[Point]


class Week(msgspec.Struct, frozen=True):
    """Seven days (the last may be fewer): alerts `promised` at most, `alerts` that would have rung, incidents that
    would have opened, and how many of those detected then `rang` in the live run."""

    start: datetime
    promised: float
    alerts: int
    incidents: int
    rang: int


class Promise(msgspec.Struct, frozen=True):
    """A budget and the policies that share it.

    `holds_at` is the least factor of the threshold that alone would have kept it; `weeks_kept` the share of the
    `whole_weeks` with at most 1.25 times the promise, or of the part of a week where none is whole.
    """

    budget: str
    policies: list[str]
    alerts: int
    holds_at: float
    weeks_kept: float
    whole_weeks: int
    weeks: list[Week]
    curve: list[Point]


class Report(msgspec.Struct, frozen=True):
    """`falls_away` are ids of stored incidents that rang and would not, `added` of found ones that would ring and did
    not, by policies that have stored incidents."""

    since: datetime
    until: datetime
    promises: list[Promise]
    policies: list[PolicyResult]
    incidents: list[Fired]
    falls_away: list[str]
    added: list[str]


def report(
    trials: Sequence[Trial],
    found: Sequence[Candidate],
    wish: Wish,
    stored: Sequence[Incident],
    since: int,
    until: int,
) -> Report:
    """The last part of what was found, from `since` (Unix seconds) on; `stored` are the incidents of the live run."""
    recent = [one for one in found if since < one.opened.at <= until]
    known = [one for one in stored if one.policy in {trial.policy.name for trial in trials}]
    known = [one for one in known if since < one.detected_at.timestamp() <= until]
    pasts = {trial.policy.name: trial for trial in trials}
    fired = [_fired(one, pasts[one.policy.name], known, until) for one in recent]
    rung, lived = {one.now for one in fired if one.told}, {one.policy for one in known}
    return Report(
        since=_time(since),
        until=_time(until),
        promises=[
            _promise(budget, names, recent, fired, known, since, until) for budget, names in _budgets(trials, wish)
        ],
        policies=[_policy(trial, recent, fired, max(until - since, 1) / WEEK) for trial in trials],
        incidents=fired,
        falls_away=[one.id for one in known if one.told and one.part_of is None and one.id not in rung],
        added=[one.id for one in fired if _rings(one) and one.policy in lived and not one.now_told],
    )


def _budgets(trials: Sequence[Trial], wish: Wish) -> Iterator[tuple[str, list[str]]]:
    """Each budget with the names of its policies: the common one first."""
    names = [trial.policy.name for trial in trials]
    if common := [name for name in names if name not in wish.own]:
        yield wish.budget, common
    yield from ((wish.own[name], [name]) for name in names if name in wish.own)


def _promise(
    budget: str,
    names: list[str],
    found: Sequence[Candidate],
    fired: Sequence[Fired],
    known: Sequence[Incident],
    since: int,
    until: int,
) -> Promise:
    rate = Rate.parse(budget)
    found = [one for one in found if one.policy.name in names]
    fired = [one for one in fired if one.policy in names]
    rang = [one.detected_at for one in known if one.policy in names and one.told and one.part_of is None]
    weeks = _weeks(fired, rang, rate, since, until)
    whole = [week for week in weeks if week.start.timestamp() + WEEK <= until]
    return Promise(
        budget=budget,
        policies=names,
        alerts=sum(_rings(one) for one in fired),
        holds_at=holds_at(found, rate, until - since),
        weeks_kept=_kept(whole or weeks),
        whole_weeks=len(whole),
        weeks=weeks,
        curve=curve(found, max(until - since, 1) / WEEK),
    )


def _rings(one: Fired) -> bool:
    return one.told and one.part_of is None


def curve(found: Sequence[Candidate], weeks: float) -> list[Point]:
    """Thresholds against alerts a week: each incident that is no part of another, once, if it ever gets so bad."""
    worst = [one.worst for one in found if one.leads]
    return [Point(factor, round(sum(score >= factor for score in worst) / weeks, 2)) for factor in FACTORS]


def holds_at(found: Sequence[Candidate], rate: Rate, seconds: int) -> float:
    """The least threshold, in hundredths, at which no more incidents ring than the budget has room for."""
    worst = sorted((one.worst for one in found if one.leads), reverse=True)
    room = floor(rate.number * max(seconds, rate.window) / rate.seconds)
    return max(floor(worst[room] * 100 + 1) / 100, 1.0) if len(worst) > room else 1.0


def _policy(trial: Trial, found: Sequence[Candidate], fired: Sequence[Fired], weeks: float) -> PolicyResult:
    own = [one for one in found if one.policy is trial.policy]
    rang = [one for one in fired if one.policy == trial.policy.name and one.told]
    alerts = sum(_rings(one) for one in rang)
    useful, not_useful = (sum(one.feedback == said for one in rang) for said in ("useful", "not_useful"))
    return PolicyResult(
        policy=trial.policy.name,
        sensitivity=trial.sensitivity,
        series=len(trial.past.keys),
        incidents=len(own),
        alerts=alerts,
        alerts_per_week=round(alerts / weeks, 2),
        factor=round(trial.factor, 3),
        useful=useful,
        not_useful=not_useful,
        precision=round(useful / (useful + not_useful), 3) if useful + not_useful else None,
        curve=curve(own, weeks),
    )


def _kept(weeks: Sequence[Week]) -> float:
    """One alert is never too many: a promise may be of less than one a week."""
    return round(sum(week.alerts <= max(OVERRUN * week.promised, 1) for week in weeks) / len(weeks), 3)


def _weeks(fired: Sequence[Fired], live: Sequence[datetime], rate: Rate, since: int, until: int) -> list[Week]:
    opened = [one.detected_at for one in fired]
    alerts = [one.rang_at for one in fired if one.rang_at is not None and _rings(one)]
    weeks = []
    for start in range(since, max(until, since + 1), WEEK):
        end = min(start + WEEK, until)
        promised = round(rate.number * (end - start) / rate.seconds, 2)
        counts = [sum(start < at.timestamp() <= end for at in times) for times in (alerts, opened, live)]
        weeks.append(Week(_time(start), promised, *counts))
    return weeks


def _fired(one: Candidate, trial: Trial, stored: Sequence[Incident], until: int) -> Fired:
    change, past = one.opened, trial.past
    start = change.at - change.scale
    if change.direction == "up":
        counts = past.counts(change.key, start, change.at)
        start = incidents.onset(counts, past.bucket, change)
    began, now = _time(start), _same(one, stored, until)
    return Fired(
        id=one.id,
        policy=one.policy.name,
        series=one.series,
        direction=change.direction,
        headline=incidents.headline(one.series, change, began, one.policy.measure),
        start=began,
        detected_at=_time(change.at),
        end=None if one.end is None else _time(one.end),
        observed=change.observed,
        expected=round(change.expected, 4),
        scale=change.scale,
        severity=severity(one.worst * trial.factor),
        score=round(one.score, 4),
        worst=round(one.worst, 4),
        threshold=round(one.decision.threshold, 4) if one.decision else 1.0,
        told=one.rang_at is not None,
        rang_at=None if one.rang_at is None else _time(one.rang_at),
        part_of=one.decision.part_of if one.decision else None,
        now=None if now is None else now.id,
        now_told=None if now is None else now.told,
        feedback=None if now is None else now.feedback,
    )


def _same(one: Candidate, stored: Sequence[Incident], until: int) -> Incident | None:
    """The stored incident of the same series and direction at the same time: the one that opened nearest."""
    first, last = one.opened.at - SLACK, (one.end or until) + SLACK
    near = [
        incident
        for incident in stored
        if (incident.policy, incident.series, incident.direction) == (one.policy.name, one.series, one.opened.direction)
        and incident.detected_at.timestamp() <= last
        and (incident.end is None or incident.end.timestamp() >= first)
    ]
    return min(near, key=lambda incident: abs(incident.detected_at.timestamp() - one.opened.at), default=None)


def _time(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
