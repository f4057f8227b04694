"""One connection to X: the stream, beside it the search for what was missed and X's compliance, and word of gaps."""

from __future__ import annotations

import logging
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

import msgspec

from tocsin.clock import Clock
from tocsin.errors import Transient
from tocsin.model import Batch, Event, Gap
from tocsin.sources._cursor import loaded, saved
from tocsin.sources._gather import gather
from tocsin.sources._kept import Kept
from tocsin.sources._pulse import Pulse
from tocsin.sources._x_account import Account, until_midnight
from tocsin.sources._x_api import Api, Waits
from tocsin.sources._x_compliance import Compliance
from tocsin.sources._x_reader import Reader
from tocsin.sources._x_search import Repair
from tocsin.text import one_line

log = logging.getLogger(__name__)


class Cursor(msgspec.Struct):
    """`heard` is X's last sign of life, `since` from when on posts are missing, `capped` since when no money is left,
    `checked` when X was asked last what must be forgotten."""

    heard: datetime | None = None
    since: datetime | None = None
    capped: datetime | None = None
    checked: datetime | None = None


def load(cursor: str | None) -> Cursor:
    return loaded(cursor, Cursor) or Cursor()


@dataclass(frozen=True)
class Setting:
    """What is asked of X: `query` with every post, `queries` of search; none where nothing is searched for. `reposts`:
    whether a watch wants them."""

    source: str
    query: Mapping[str, str]
    queries: Sequence[str]
    reposts: bool
    heartbeat: float
    waits: Waits


class Connection:
    """From the connecting to the end. Not to be used twice."""

    def __init__(
        self,
        api: Api,
        place: Cursor,
        kept: Kept,
        gone: Compliance,
        account: Account,
        setting: Setting,
        clock: Clock,
    ) -> None:
        self._api, self._place, self._kept, self._compliance = api, place, kept, gone
        self._account, self._setting, self._clock = account, setting, clock
        self._repair: Repair | None = None
        self._since: datetime | None = None
        self._pulse = Pulse(setting.source, setting.heartbeat, None)
        self._due = clock.monotonic()

    async def batches(self, ids: frozenset[str]) -> AsyncGenerator[Batch, None]:
        """Ends with Transient, however the connection ends; before it stands, with Refusal too."""
        reader = Reader(self._setting.source, ids)
        try:
            async with aclosing(gather(self._api.stream(self._setting.query), self._clock)) as lists:
                async for found in lists:
                    events = self._events(reader, found) if found or self._since else []
                    spent = self._account.book(reader.sent())
                    if spent is not None:
                        events.append(self._capped(spent))
                    if events or reader.dead:
                        cursor = saved(self._place)
                        yield Batch(events=events, cursor=cursor, dead=reader.letters())
                    if spent is not None:
                        raise Transient(spent, until_midnight(self._clock.now()))
                    if reader.ending:
                        raise Transient(f"X ended the stream: {reader.ending}")
            raise Transient("X ended the stream")
        except Transient as fault:
            wait = self._setting.waits.dropped() if fault.retry_after is None else fault.retry_after
            raise Transient(str(fault), wait) from None
        finally:
            if self._repair is not None:
                await self._repair.close()

    def _events(self, reader: Reader, found: Sequence[bytes]) -> list[Event]:
        """What these lines say, and what else there is to say now."""
        now = self._clock.now()
        events: list[Event] = [] if self._since else self._connected(now)
        if found:
            self._place.heard = now
        if len(found) > 1 or any(found):
            self._setting.waits.heard()
        events += [one for line in found if line and (one := reader.line(line, now)) is not None]
        events += self._repaired(reader, now)
        if self._compliance.due(self._place.checked, now):
            gone, self._place.checked = self._compliance.result(now)
            events += gone
        self._kept.add(reader.taken(), int(now.timestamp()))
        self._pulse.heard(events)
        if self._clock.monotonic() >= self._due and self._place.heard is not None:
            self._due = self._clock.monotonic() + self._setting.heartbeat
            events.append(self._pulse.beat(self._place.heard))
        return events

    def _connected(self, now: datetime) -> list[Event]:
        """What is missing between X's last sign of life and now; a search for it begins."""
        place, self._since = self._place, now
        log.info("Source %s listens to X.", self._setting.source)
        place.checked = place.checked or now
        if place.capped is not None:
            gap = self._gap(place.capped, now, "lost", "max_cost_per_day was reached")
            place.capped = place.since = None
            return [gap]
        start = place.since or place.heard
        if start is None:
            return []
        if not self._setting.queries:
            place.since = None
            return [self._gap(start, now, "lost", "not connected, and repair is off")]
        place.since = start
        asked = self._setting
        self._repair = Repair(self._api, asked.queries, asked.query, start, self._clock, asked.waits)
        return [self._gap(start, now, "open", "not connected")]

    def _repaired(self, reader: Reader, now: datetime) -> list[Event]:
        """What the search has found, and how it ended."""
        repair, start, end = self._repair, self._place.since, self._since
        if repair is None or start is None or end is None:
            return []
        found = ((tweet, page.includes) for page in repair.pages() for tweet in page.data)
        posts = (reader.post(tweet, beside, now, backfilled=True) for tweet, beside in found)
        events: list[Event] = [post for post in posts if post is not None]
        if repair.over:
            events.append(self._gap(start, end, *_outcome(repair, self._setting.reposts)))
            self._repair = self._place.since = None
        return events

    def _capped(self, spent: str) -> Gap:
        now = self._clock.now()
        self._place.capped = now
        log.error("Source %s: %s.", self._setting.source, spent)
        return self._gap(now, now + timedelta(seconds=until_midnight(now)), "open", "max_cost_per_day is reached")

    def _gap(
        self, start: datetime, end: datetime, state: Literal["open", "filled", "partial", "lost"], note: str
    ) -> Gap:
        source = self._setting.source
        return Gap(source=source, stream=source, start=start, end=max(end, start), state=state, note=note)


def _outcome(repair: Repair, reposts: bool) -> tuple[Literal["filled", "partial", "lost"], str]:
    if repair.fault is not None:
        return "partial" if repair.found else "lost", f"the search for it failed: {one_line(repair.fault, 200)}"
    if repair.cut:
        return "partial", "X's search reaches back seven days"
    said = f"{repair.found:,} posts found by search"
    return ("partial", f"{said}, which knows no reposts") if reposts else ("filled", said)
