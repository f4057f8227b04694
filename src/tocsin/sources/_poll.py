"""What sources share that ask a platform every so often for its newest posts: what is new, gaps, heartbeats, waits."""

from __future__ import annotations

import random
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Literal, Protocol

import msgspec

from tocsin.clock import Clock
from tocsin.errors import Permanent, Transient
from tocsin.model import Batch, DeadLetter, Event, Gap, Post
from tocsin.net import Client, backoff
from tocsin.sources._cursor import loaded, saved
from tocsin.sources._pulse import Pulse

KNOWN = 5000
"""Posts that are known again."""
MISSED = 3
"""Rounds that were missed are a gap."""
BASE, CAP, BLOCKED = 1.0, 300.0, 900.0


@dataclass
class Found:
    """The newest posts of a platform, newest first or not. `whole`: whether they are all since the round before."""

    posts: list[Post] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)
    """What else there is to say, such as deletes."""
    dead: list[DeadLetter] = field(default_factory=list)
    whole: bool = True


class Place(msgspec.Struct):
    """`known` are uids (with versions) that were taken, `asked` is the last good round, `missing` the gap that is
    told; `more` is a source's own."""

    known: list[str] = []
    asked: datetime | None = None
    missing: datetime | None = None
    more: dict[str, str] = {}


class Asking(Protocol):
    """One platform. `round` raises Transient and Permanent."""

    async def round(self, client: Client, place: Place, *, backfilled: bool) -> Found: ...


class Poll:
    """Asks every so many seconds, from a cursor on. `source` is its name. `pause` is how long it rests between two
    rounds, where that is not as long: a platform may hold its answer back until there is something."""

    def __init__(
        self, source: str, every: float, clock: Clock, draw: random.Random, pause: float | None = None
    ) -> None:
        self._source, self._every, self._clock, self._random = source, every, clock, draw
        self._pause = every if pause is None else pause
        self._failures = 0

    async def read(self, asking: Asking, client: Client, cursor: str | None) -> AsyncGenerator[Batch, None]:
        """A batch for each round, with a heartbeat. What the first round finds is history. Raises Transient."""
        place = loaded(cursor, Place) or Place()
        pulse = Pulse(self._source, self._every, None)
        while True:
            begun = self._clock.now()
            words = self._missed(place, begun)
            if words:
                yield Batch(events=words, cursor=saved(place))
            try:
                found = await asking.round(client, place, backfilled=place.asked is None or place.missing is not None)
            except (Transient, Permanent) as fault:
                raise self._fault(fault) from None
            self._failures = 0
            known = set(place.known)
            fresh = {mark: post for post in found.posts if (mark := _mark(post)) not in known}
            place.known = [*place.known, *fresh][-KNOWN:]
            posts = sorted(fresh.values(), key=lambda post: post.created_at or post.received_at)
            events: list[Event] = [*posts, *found.events]
            events += self._ended(place, begun, whole=found.whole)
            place.asked = begun
            pulse.heard(events)
            yield Batch(events=[*events, pulse.beat(begun)], cursor=saved(place), dead=found.dead)
            await self._clock.sleep(self._pause * self._random.uniform(0.9, 1.1))

    def _fault(self, fault: Transient | Permanent) -> Transient:
        """A refusal may end when a person has done something, so it is tried again, rarely."""
        self._failures += 1
        if isinstance(fault, Permanent):
            return Transient(str(fault), BLOCKED)
        wait = min(backoff(self._failures, self._random, BASE, CAP), max(self._every, BASE))
        return Transient(str(fault), fault.retry_after or wait)

    def _missed(self, place: Place, now: datetime) -> list[Event]:
        """The gap since the last good round, if it is one."""
        longest = timedelta(seconds=max(MISSED * self._every, 30.0))
        if place.missing is None and place.asked is not None and now - place.asked > longest:
            place.missing = place.asked
            return [self._gap(place.asked, now, "open", "not asked, or no answer")]
        return []

    def _ended(self, place: Place, now: datetime, *, whole: bool) -> list[Event]:
        """The end of the gap; and one where a round could not have everything."""
        start, place.missing = place.missing, None
        if start is not None:
            note = "read from what the platform still shows" if whole else "the platform does not show all of it"
            return [self._gap(start, now, "filled" if whole else "partial", note)]
        if not whole and place.asked is not None:
            return [self._gap(place.asked, now, "partial", "more came than the platform shows at once")]
        return []

    def _gap(self, start: datetime, end: datetime, state: Literal["open", "filled", "partial"], note: str) -> Gap:
        return Gap(source=self._source, stream=self._source, start=start, end=max(end, start), state=state, note=note)


def _mark(post: Post) -> str:
    return post.uid if post.version == 1 else f"{post.uid} {post.version}"


def newest_known(posts: Sequence[Post], place: Place) -> bool:
    """Whether a page reaches back to what was taken before."""
    known = set(place.known)
    return any(_mark(post) in known for post in posts)
