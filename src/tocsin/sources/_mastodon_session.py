"""One connection to a Mastodon server: what its streams bring, what was missed before, and word of both."""

from __future__ import annotations

import logging
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing, suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

import msgspec

from tocsin.clock import Clock
from tocsin.errors import Permanent
from tocsin.model import Batch, DeadLetter, Delete, Event, Gap, Post
from tocsin.sources._cursor import loaded, saved
from tocsin.sources._ear import Ear
from tocsin.sources._gather import gather
from tocsin.sources._kept import Kept
from tocsin.sources._mastodon_post import Status, post, statuses
from tocsin.sources._mastodon_wire import Said, Timelines, order
from tocsin.sources._pulse import Pulse
from tocsin.text import one_line

log = logging.getLogger(__name__)

LONGEST = timedelta(seconds=30)
"""A stretch without a connection that is longer than this is a gap."""
MARGIN = timedelta(minutes=2)
"""So far before the newest status reading begins: ids hold the time of writing, and statuses come late."""
SETTLE = 10.0
"""Seconds after connecting at which the timelines are looked at once more: a subscription may take a moment."""
LOOKS = 100
"""Pages that are looked at then."""
SEEN = 50_000
"""Posts of a connection that are known again."""
_LETTER = 65_536


class Missing(msgspec.Struct):
    """A stretch that is read again: of each stream from this id on. `gap`: whether it is long enough to be told."""

    start: datetime
    at: dict[str, str]
    gap: bool


class Cursor(msgspec.Struct):
    """`newest` is the highest id that came, `heard` the last sign of life."""

    newest: str = ""
    heard: datetime | None = None
    missing: Missing | None = None


def load(cursor: str | None) -> Cursor:
    return loaded(cursor, Cursor) or Cursor()


@dataclass(frozen=True)
class Setting:
    source: str
    streams: Sequence[str]
    most_behind: int
    heartbeat: float
    timeout: float


@dataclass(frozen=True)
class Wanted:
    """Whose posts are taken: `respect` says whose wish not to be found counts."""

    ear: Ear
    respect: Literal["noindex", "indexable", "nothing"]
    bots: bool

    def takes(self, status: Status) -> bool:
        account = status.account
        if status.visibility != "public" or (account.bot and not self.bots):
            return False
        hides = account.noindex or (self.respect == "indexable" and not account.indexable)
        return self.respect == "nothing" or not hides


class Session:
    """From the connecting to the end. Not to be used twice."""

    def __init__(
        self, setting: Setting, wanted: Wanted, timelines: Timelines, place: Cursor, kept: Kept, clock: Clock
    ) -> None:
        self._setting, self._wanted, self._timelines = setting, wanted, timelines
        self._place, self._kept, self._clock = place, kept, clock
        self._pulse = Pulse(setting.source, setting.heartbeat, None)
        self._seen: dict[tuple[str, int], None] = {}
        self._looked: dict[str, str] = {}
        self._dead: list[DeadLetter] = []

    async def batches(self, messages: AsyncGenerator[Said, None]) -> AsyncGenerator[Batch, None]:
        """Ends with Transient, or Permanent, however the connection ends."""
        connected = again = False
        due = settled = self._clock.monotonic()
        async with aclosing(gather(messages, self._clock)) as lists:
            async for found in lists:
                if found and not connected:
                    connected = again = True
                    settled = self._clock.monotonic() + SETTLE
                    log.info("Source %s listens to %s.", self._setting.source, ", ".join(self._setting.streams))
                    async with aclosing(self._fill()) as filling:
                        async for events in filling:
                            yield self._batch(events)
                if not connected:
                    continue
                events = self._take(found)
                if again and self._clock.monotonic() >= settled:
                    again = False
                    async with aclosing(self._look()) as looking:
                        async for more in looking:
                            yield self._batch(more)
                if self._clock.monotonic() >= due and self._place.heard is not None:
                    due = self._clock.monotonic() + self._setting.heartbeat
                    self._pulse.heard(events)
                    events.append(self._pulse.beat(self._place.heard))
                if events or self._dead:
                    yield self._batch(events)

    def _batch(self, events: Sequence[Event]) -> Batch:
        dead, self._dead = self._dead, []
        return Batch(events=list(events), cursor=saved(self._place), dead=dead)

    async def _fill(self) -> AsyncGenerator[list[Event], None]:
        """What came while nobody listened, and the gap, if that was long."""
        place, now = self._place, self._clock.now()
        if not place.newest:
            for stream in self._setting.streams:
                with suppress(Permanent):  # what is closed cannot be read later either, and a gap will say so
                    self._looked[stream] = await self._timelines.newest(stream)
            place.newest, place.heard = max(self._looked.values(), key=order, default="0"), now
            return
        if place.missing is None:
            start, first = place.heard or now, _before(place.newest)
            at = dict.fromkeys(self._setting.streams, first)
            place.missing = Missing(start, at, now - start > LONGEST)
        missing = place.missing
        if missing.gap:
            yield [self._gap(missing.start, now, "open", "not connected")]
        cut, fault = False, ""
        for stream in self._setting.streams:
            count = 0
            try:
                while (
                    page := await self._timelines.after(stream, missing.at.get(stream, _before(place.newest)))
                ) and not cut:
                    missing.at[stream] = page[-1].id
                    yield self._posts(page, backfilled=missing.gap)
                    count += len(page)
                    cut = count >= self._setting.most_behind
            except Permanent as refusal:
                fault = str(refusal)
        self._looked, place.missing, place.heard = missing.at, None, now
        if missing.gap or cut or fault:
            note = f"the timelines cannot be read: {one_line(fault, 200)}" if fault else "read from the timelines"
            note = f"more than {self._setting.most_behind:,} statuses were missed" if cut else note
            yield [self._gap(missing.start, now, "lost" if fault else "partial" if cut else "filled", note)]

    async def _look(self) -> AsyncGenerator[list[Event], None]:
        """What came while the subscription was not yet in force."""
        for stream, start in self._looked.items():
            id = start
            with suppress(Permanent):
                for _ in range(LOOKS):
                    if not (page := await self._timelines.after(stream, id)):
                        break
                    id = page[-1].id
                    if events := self._posts(page, backfilled=False):
                        yield events

    def _posts(self, found: Sequence[Status], *, backfilled: bool) -> list[Event]:
        now = self._clock.now()
        posts = [(status.id, self._post(status, now, backfilled=backfilled)) for status in found]
        self._kept.add([(id, one.id) for id, one in posts if one is not None], int(now.timestamp()))
        return [one for _, one in posts if one is not None]

    def _post(self, status: Status, now: datetime, *, backfilled: bool) -> Post | None:
        """The post that somebody may want, and that its author lets be found; once."""
        self._place.newest = max(self._place.newest, status.id, key=order)
        if not self._wanted.takes(status):
            return None
        made = post(status, self._setting.source, now, backfilled=backfilled)
        if not self._wanted.ear.wants(made) or (made.uid, made.version) in self._seen:
            return None
        self._seen[made.uid, made.version] = None
        if len(self._seen) > SEEN:
            del self._seen[next(iter(self._seen))]
        return made

    def _take(self, found: Sequence[Said]) -> list[Event]:
        """Posts, edits, and deletes of what was taken, in their order."""
        now = self._clock.now()
        alive = now - timedelta(seconds=self._setting.timeout)  # a line that is silent for longer is ended
        self._place.heard = now if found else max(self._place.heard or alive, alive)
        events: list[Event] = []
        for said in found:
            if isinstance(said, bytes):
                self._dead.append(self._letter(said, "a message that cannot be read", now))
            elif said.event in {"update", "status.update"}:
                try:
                    events += self._posts([statuses.decode(said.payload)], backfilled=False)
                except ValueError as error:
                    reason = f"a status that cannot be read: {one_line(str(error), 200)}"
                    self._dead.append(self._letter(said.payload.encode(), reason, now))
            elif said.event == "delete" and (uri := self._kept.beside(said.payload)) is not None:
                self._kept.drop([said.payload])
                source = self._setting.source
                events.append(Delete(source=source, uid=f"{source}:{uri}", reason="deleted", at=now))
        return events

    def _letter(self, body: bytes, reason: str, now: datetime) -> DeadLetter:
        source = self._setting.source
        return DeadLetter(source=source, stage="ingest", reason=reason, place="stream", body=body[:_LETTER], at=now)

    def _gap(
        self, start: datetime, end: datetime, state: Literal["open", "filled", "partial", "lost"], note: str
    ) -> Gap:
        source = self._setting.source
        return Gap(source=source, stream=source, start=start, end=max(start, end), state=state, note=note)


def _before(id: str) -> str:
    """The id of a moment a little earlier: the lowest 16 bits are no time
    (https://github.com/mastodon/mastodon/blob/main/lib/mastodon/snowflake.rb)."""
    return str(max(int(id) - (int(MARGIN.total_seconds() * 1000) << 16), 0)) if id.isdigit() else id
