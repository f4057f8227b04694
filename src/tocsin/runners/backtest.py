"""What would have rung: detector, life of incidents and budget, the same code as live, over counts of the past.

Buckets are judged when they are over; a live run also looks at open ones, so it may ring up to a bucket earlier.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby

import numpy as np

from tocsin.alerts import incidents
from tocsin.alerts.budget import PAST, Rate, factor
from tocsin.alerts.lifecycle import Change
from tocsin.alerts.ringing import Decision, Opening, Ringing, Shared
from tocsin.component import Floats
from tocsin.pipeline.policy import Policy
from tocsin.runners.past import Past
from tocsin.series import SKIP_AFTER

WARM_UP = PAST
"""Seconds before the first day of a backtest that detector and budget learn from, where they are stored."""


@dataclass(frozen=True)
class Wish:
    """What is to be tried: the last `days`, with this `budget`, by these `policies` (none: all).

    `own` are the budgets of policies that have one of their own.
    """

    days: float
    budget: str
    policies: Sequence[str] = ()
    own: Mapping[str, str] = field(default_factory=dict)


@dataclass
class Candidate:
    """An incident that would have opened, with all that became of it. Scores are over the policy's threshold with its
    feedback."""

    policy: Policy
    id: str
    series: dict[str, str]
    opened: Change
    score: float
    worst: float
    decision: Decision | None = None
    rang_at: int | None = None
    end: int | None = None

    @property
    def leads(self) -> bool:
        """Whether it is no part of another."""
        return self.decision is None or self.decision.part_of is None


@dataclass(frozen=True)
class Trial:
    """A policy with its past. `said` is what people said of its alerts, which multiplies its threshold by `factor`."""

    policy: Policy
    past: Past
    sensitivity: str = "balanced"
    said: Sequence[str] = ()

    @property
    def factor(self) -> float:
        return factor(self.said)


def changes(policy: Policy, past: Past, until: int | None = None) -> Iterator[Change]:
    """What a fresh policy makes of its past, up to `until` (Unix seconds; None: its last count).

    A stretch of nothing that is longer than `SKIP_AFTER` counts as unseen.
    """
    judge, nothing = _Judge(policy, past), np.zeros(len(past.keys), np.float32)
    for start, counts in past.stretches():
        for number in np.flatnonzero(counts.any(axis=1)).tolist():
            time = start + number * past.bucket
            for zero in judge.left_out(time):
                yield from judge.step(zero, nothing)
            yield from judge.step(time, counts[number])
    for zero in judge.left_out((until or 0) // past.bucket * past.bucket):
        yield from judge.step(zero, nothing)


class _Judge:
    """The detector and the life cycle of a policy, fed with buckets; series are added when they are born."""

    def __init__(self, policy: Policy, past: Past) -> None:
        self._policy, self._past = policy, past
        self._index = {key: number for number, key in enumerate(past.keys)}
        self._born, self._size = np.array(past.born, np.int64), 0
        self._next: int | None = None
        """The bucket after the last."""

    def left_out(self, time: int) -> range:
        """The buckets up to this one in which nothing was counted."""
        first = self._next if self._next is not None and time - self._next <= SKIP_AFTER else time
        return range(first, time, self._past.bucket)

    def step(self, time: int, counts: Floats) -> Iterator[Change]:
        policy, past = self._policy, self._past
        size = int(np.searchsorted(self._born, time, "right"))
        if size > self._size:
            added = past.keys[self._size : size]
            parents = [self._index.get(key[:-1], -1) if key else -1 for key in added]
            policy.detector.add(parents, [policy.fold.group(key) for key in added])
            self._size = size
        visible = past.visible(size, time)
        readings = policy.detector.step(time, counts[:size], visible)
        self._next = time + past.bucket
        yield from policy.lifecycle.step(self._next, past.keys, self._index, readings, visible)


def run(trials: Sequence[Trial], wish: Wish, until: int | None = None, shared: Shared | None = None) -> list[Candidate]:
    """Every incident that would have opened up to `until`, in order of time, with what the budget would have done.

    `shared` tells what two incidents have in common, where the posts are at hand.
    """
    told = [(change, trial) for trial in trials for change in changes(trial.policy, trial.past, until)]
    told.sort(key=lambda one: one[0].at)
    own = {policy: Rate.parse(rate) for policy, rate in wish.own.items()}
    ringing, found = Ringing(Rate.parse(wish.budget), own), dict[str, Candidate]()
    for _, together in groupby(told, key=lambda one: one[0].at):
        steps = [(_id(change, trial), change, trial) for change, trial in together]
        opening = {id: _candidate(id, change, trial) for id, change, trial in steps if change.event == "opened"}
        found |= opening
        decisions = ringing.open([_opening(one) for one in opening.values()], shared)
        for id, one in opening.items():
            one.decision = decisions[id]
            one.rang_at = one.opened.at if one.decision.told else None
        for id, change, trial in steps:
            if change.event != "opened":
                _go_on(found[id], change, change.score / trial.factor, ringing)
    return list(found.values())


def _id(change: Change, trial: Trial) -> str:
    series = incidents.named(trial.policy.fold.dimensions, change.key)
    return incidents.incident_id(trial.policy.name, series, change.direction, change.opened)


def _candidate(id: str, change: Change, trial: Trial) -> Candidate:
    series, score = incidents.named(trial.policy.fold.dimensions, change.key), change.score / trial.factor
    return Candidate(trial.policy, id, series, change, score, score)


def _opening(one: Candidate) -> Opening:
    return Opening(
        one.id, one.series, one.opened.direction, one.opened.at, one.score, one.policy.name, one.opened.scale
    )


def _go_on(one: Candidate, change: Change, score: float, ringing: Ringing) -> None:
    if change.event != "escalated":
        one.end = change.at
        return
    one.worst = max(one.worst, score)
    if ringing.grown(one.id, change.at, score) and one.rang_at is None:
        one.rang_at = change.at
