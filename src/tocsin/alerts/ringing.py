"""Which incidents ring, and which are told with another: decided once, when an incident opens, in event time.

What opens within ten minutes of another, in the same direction, and shares its parent or half of its posts, is one
thing with it: the one with the fewest dimensions (the parent; else the worst) is told, the others are part of it. Of
those that lead, the budget lets the worst ring: that of its policy, where it has one of its own, else the common one.
An incident that did not ring may do so later, when it grows.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from tocsin.alerts.budget import Budget, Rate
from tocsin.severity import severity

TOGETHER = 600
"""Seconds between the openings of what is one thing."""
LAST_OPEN = 48 * 3600 + TOGETHER
"""No incident is open longer."""
COMMON = ""
"""The name of the budget of all policies that have none of their own."""
HALF = 0.5
GROWN = 20
"""By so much must the severity of a part grow beyond that of the whole to ring."""


class Opening(msgspec.Struct, frozen=True):
    """What there is to know of an incident that opens: `score` is over the policy's threshold with its feedback."""

    id: str
    series: Mapping[str, str]
    direction: str
    at: int
    score: float
    policy: str = ""
    window: int = 0
    """Seconds before `at` that hold the posts that opened it."""

    @property
    def parent(self) -> tuple[str, str]:
        """What it shares with its siblings: its watch, where it has one."""
        return self.series.get("watch", ""), self.direction


@dataclass(frozen=True)
class Decision:
    """`threshold` is the score from which on the budget let incidents ring."""

    told: bool
    part_of: str | None
    threshold: float


Shared = Callable[[Opening, Opening], float]
"""What share of the posts of the smaller one two incidents have in common: 0 to 1."""


class _Known(msgspec.Struct):
    opening: Opening
    head: str
    told: bool

    @property
    def severity(self) -> int:
        return severity(self.opening.score)


class _Saved(msgspec.Struct):
    budgets: dict[str, bytes]
    known: dict[str, _Known]


class Ringing:
    """Decides for all policies of one config. A function of the openings alone, in their order."""

    def __init__(self, rate: Rate, own: Mapping[str, Rate] | None = None) -> None:
        self._budgets = {COMMON: Budget(rate), **{policy: Budget(of) for policy, of in (own or {}).items()}}
        self._known: dict[str, _Known] = {}

    def open(self, openings: Sequence[Opening], shared: Shared | None = None) -> dict[str, Decision]:
        """What becomes of incidents that open at the same row of the lake; `shared` is asked where parents differ."""
        if not openings:
            return {}
        at = max(opening.at for opening in openings)
        self._known = {name: one for name, one in self._known.items() if at - one.opening.at <= LAST_OPEN}
        ordered = sorted(openings, key=lambda one: (len(one.series), -one.score, one.id))
        heads = [opening for opening in ordered if self._join(opening, shared) is None]
        thresholds = {name: budget.threshold(at) for name, budget in self._budgets.items()}
        for name, budget in self._budgets.items():
            own = {head.id: head.score for head in heads if self._name(head.policy) == name}
            for admitted in budget.admit(at, own) if own else ():
                self._known[admitted].told = True
        found = {}
        for opening in openings:
            known = self._known[opening.id]
            head = self._known[known.head]
            known.told = head.told
            part_of = known.head if known.head != opening.id else None
            found[opening.id] = Decision(head.told, part_of, thresholds[self._name(head.opening.policy)])
        return found

    def _name(self, policy: str) -> str:
        return policy if policy in self._budgets else COMMON

    def _join(self, opening: Opening, shared: Shared | None = None) -> str | None:
        """The head that it is told with; None if it leads itself."""
        heads = [known.opening for name, known in self._known.items() if known.head == name]
        near = [one for one in heads if abs(opening.at - one.at) <= TOGETHER and one.direction == opening.direction]
        found = next((one for one in near if one.parent == opening.parent), None)
        if found is None and shared is not None:
            found = next((one for one in near if shared(one, opening) >= HALF), None)
        self._known[opening.id] = _Known(opening, opening.id if found is None else found.id, told=False)
        return None if found is None else found.id

    def learn(self, opening: Opening, *, told: bool = False, part_of: str | None = None) -> None:
        """An incident of the past opened, of which it was decided then whether it rings. Nothing is learned twice."""
        if opening.id in self._known:
            return
        if part_of is not None:
            self._known[opening.id] = _Known(opening, part_of, told)
            return
        leads = self._join(opening) is None
        self._known[opening.id].told = told
        if leads:
            self._budgets[self._name(opening.policy)].learn(opening.at, opening.score, rang=told)

    def grown(self, id: str, at: int, score: float) -> bool:
        """Whether an incident that got worse rings: one that was told does; one that was not asks the budget again."""
        known = self._known.get(id)
        if known is None:
            return True
        head = self._known.get(known.head, known)
        if known.head != id:
            if severity(score) < head.severity + GROWN:
                return False
            head.opening = msgspec.structs.replace(head.opening, score=score)
        if not head.told:
            head.told = id in self._budgets[self._name(head.opening.policy)].admit(at, {id: score})
        known.told = head.told
        return head.told

    def save(self) -> bytes:
        """Everything that `load` needs to go on as if never stopped."""
        budgets = {name: budget.save() for name, budget in self._budgets.items()}
        return msgspec.msgpack.encode(_Saved(budgets, self._known))

    def load(self, saved: bytes) -> None:
        state: Any = msgspec.msgpack.decode(saved, type=_Saved)
        for name, budget in self._budgets.items():
            budget.load(state.budgets[name])
        self._known = state.known
