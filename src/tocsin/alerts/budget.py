"""A budget instead of a sigma: how many incidents may ring, and which of them do.

The promise is a number in a period ("1 per day"). Of the incidents that open, those ring whose score would have kept
the promise over the last four weeks, had it been the threshold then. A week never holds more than the promise, but for
a quarter of it that is kept for what is far beyond that score (where a quarter is less than one: one, in one week of
twenty, for what is twice as bad as anything in those weeks). A period never holds more than three times its number.
What does not ring is left to the digest.

The threshold of the preset (a score of 1) is the least: a budget is a most, not a quota to be filled. All in event
time: the same incidents in the same order give the same answers.
"""

from __future__ import annotations

import re
from bisect import insort
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import floor, nextafter

import msgspec

PERIODS = {"hour": 3600, "day": 86_400, "week": 7 * 86_400, "month": 30 * 86_400}
WEEK = PERIODS["week"]
PAST = 4 * WEEK
MOST_KEPT = 10_000
BURST = 3
"""So many times its number may ring in one period."""
OVERRUN = 1.25
RARELY = 20
REMARKABLE, UNHEARD_OF = 1.5, 2.0
"""So many times the worst of the past must a score be to ring beyond the promise; the second where a quarter of it is
less than one."""
FAR = 2.0
"""So many times the threshold is enough for the quarter, too."""

NOT_USEFUL, USEFUL, MOST_FACTOR = 1.1, 0.97, 2.0


@dataclass(frozen=True)
class Rate:
    """`number` in `seconds`."""

    number: int
    seconds: int

    @classmethod
    def parse(cls, text: str) -> Rate:
        """Of "1 per day": a number per hour, day, week or month. Raises ValueError for anything else.

        >>> Rate.parse("3 per week")
        Rate(number=3, seconds=604800)
        """
        match = re.fullmatch(r"([1-9]\d{0,5}) per (hour|day|week|month)", text)
        if match is None:
            raise ValueError("must be a number per hour, day, week or month, like '1 per day'")
        return cls(int(match[1]), PERIODS[match[2]])

    @property
    def per_week(self) -> float:
        return self.number * WEEK / self.seconds

    @property
    def window(self) -> int:
        """The stretch that the promise is kept in: a week, or the period where that is longer."""
        return max(WEEK, self.seconds)

    @property
    def most(self) -> int:
        """How many may ring in a window."""
        return floor(self.number * self.window / self.seconds)


def factor(feedback: Sequence[str]) -> float:
    """What a policy's threshold is multiplied by after what people said of its alerts, oldest first.

    "not_useful" raises it by a tenth, to twice as high at most; "useful" lowers it by 3 %, never below 1; "planned"
    says nothing of it.

    >>> round(factor(["not_useful", "not_useful", "useful", "planned"]), 3)
    1.174
    """
    value = 1.0
    for said in feedback:
        change = {"not_useful": NOT_USEFUL, "useful": USEFUL}.get(said, 1.0)
        value = min(max(value * change, 1.0), MOST_FACTOR)
    return value


class _Saved(msgspec.Struct):
    began: int | None
    past: list[tuple[int, float]]
    told: list[int]
    beyond: int | None


class Budget:
    """Keeps one promise. `past` are the incidents that opened (time, score), `told` the times at which one rang."""

    def __init__(self, rate: Rate) -> None:
        self.rate = rate
        self._began: int | None = None
        self._past: list[tuple[int, float]] = []
        self._told: list[int] = []
        self._beyond: int | None = None
        """When one last rang that was more than a quarter over the promise."""

    def learn(self, at: int, score: float, *, rang: bool = False) -> None:
        """An incident opened that is not to ring, be it for being of the past; or one that rang then."""
        self._began = at if self._began is None else min(self._began, at)
        insort(self._past, (at, score))
        del self._past[: max(len(self._past) - MOST_KEPT, 0)]
        if rang:
            self._told.append(at)

    def threshold(self, at: int) -> float:
        """The score that would have kept the promise over the last four weeks: the lowest one that is not too low."""
        since = at - PAST
        scores = sorted((score for time, score in self._past if since < time <= at), reverse=True)
        seen = at - max(self._began if self._began is not None else at, since)
        room = floor(self.rate.number * max(seen, self.rate.window) / self.rate.seconds)
        return max(1.0, nextafter(scores[room], 2 * scores[room])) if len(scores) > room else 1.0

    def admit(self, at: int, candidates: Mapping[str, float]) -> set[str]:
        """Which of the incidents (id -> score) that open at this time ring. Worst first; all are learned."""
        threshold = self.threshold(at)
        worst = max((score for time, score in self._past if time > at - PAST), default=0.0)
        admitted = set()
        for name, score in sorted(candidates.items(), key=lambda item: (-item[1], item[0])):
            if score >= threshold and self._room(at, score / max(worst, 1.0), score / threshold):
                admitted.add(name)
                self._told.append(at)
                worst = max(worst, score)
        for score in candidates.values():
            self.learn(at, score)
        return admitted

    def _room(self, at: int, how_bad: float, how_far: float) -> bool:
        """Whether one may ring that is so many times as bad as the worst of the past, and as the threshold."""
        rate = self.rate
        self._told = [time for time in self._told if time > at - rate.window]
        recent = sum(time > at - rate.seconds for time in self._told)
        if recent >= BURST * rate.number and how_bad < REMARKABLE:
            return False
        beyond = how_far >= FAR or how_bad >= REMARKABLE
        if len(self._told) < (floor(OVERRUN * rate.most) if beyond else rate.most):
            return True
        rare = self._beyond is None or at - self._beyond > RARELY * rate.window
        if how_bad < UNHEARD_OF or not rare or len(self._told) > rate.most:
            return False
        self._beyond = at
        return True

    def save(self) -> bytes:
        """Everything that `load` needs to go on as if never stopped."""
        return msgspec.msgpack.encode(_Saved(self._began, self._past, self._told, self._beyond))

    def load(self, saved: bytes) -> None:
        state = msgspec.msgpack.decode(saved, type=_Saved)
        self._began, self._past, self._told = state.began, state.past, state.told
        self._beyond = state.beyond
