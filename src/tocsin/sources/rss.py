"""News and blogs: feeds in RSS, Atom and JSON Feed, asked every so often; docs/reference/rss.md says how.

Each feed is asked on its own schedule, with what it said of its last version (RFC 9110, 13.1), and left alone for as
long as it wants. An item whose text changes is an edit. What a feed holds when it is first read is history.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncGenerator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated, ClassVar, Literal
from urllib.parse import urljoin

import msgspec
from pydantic import Field

from tocsin.component import Context
from tocsin.errors import TocsinError, Transient
from tocsin.model import Author, Batch, DeadLetter, Event, Gap, Post
from tocsin.net import Answer, AnyStatus, Client, Timeouts, host_and_port, retry_after
from tocsin.options import Duration, Options
from tocsin.sources._cursor import loaded, saved
from tocsin.sources._html import plain
from tocsin.sources._pulse import Pulse
from tocsin.sources._rss_parse import Feed, Item, NotAFeed, parse
from tocsin.text import one_line, safe_url

MAX_BODY = 10 * 2**20
AT_ONCE = 8
"""Feeds that are asked at the same time."""
LONGEST_WAIT = 3600.0
"""Seconds after which a feed that fails is asked again, at most."""
MISSED = 3
"""Rounds without any answer are a gap."""
KEPT = 2000
"""Items of a feed that are known again."""
GONE, MOVED = 410, (301, 308)
REDIRECTS = 5
ACCEPTED = "application/rss+xml, application/atom+xml, application/feed+json, application/xml;q=0.9, */*;q=0.1"


class Config(Options):
    """Options of the rss source."""

    feeds: Annotated[tuple[str, ...], Field(min_length=1, max_length=1000)]
    """Addresses of feeds. One on this machine or network may be named too."""
    every: Annotated[Duration, Field(ge=0.01)] = 300.0
    """How often each feed is asked, if it does not ask for more patience."""
    timeout: Duration = 30.0
    """How long a feed may take to answer."""
    heartbeat: Duration = 10.0
    """How often the source says that it is well."""


class Known(msgspec.Struct):
    """What is known of one feed: its address now, what its last good answer (`at`) said of itself, and its items:
    what they said, and which version that was."""

    url: str
    at: datetime | None = None
    etag: str = ""
    modified: str = ""
    gone: bool = False
    read: bool = False
    items: dict[str, tuple[str, int]] = {}


class Cursor(msgspec.Struct):
    """`awake` is when the source last ran, `well` when a feed last answered, `blind` since when none did, once told."""

    feeds: dict[str, Known] = {}
    awake: datetime | None = None
    well: datetime | None = None
    blind: datetime | None = None


@dataclass
class Schedule:
    """When a feed is due (seconds of the monotonic clock), and how often in a row it has failed."""

    due: float = 0.0
    failures: int = 0


class Rss:
    finite: ClassVar[bool] = False
    live: ClassVar[bool] = True
    mends: ClassVar[Literal[True]] = True

    def __init__(self, config: Config, context: Context) -> None:
        """Raises Permanent for a feed whose address is none."""
        self._config, self._name, self._clock, self._random = config, context.name, context.clock, context.random
        self._allow = frozenset(host_and_port(feed) for feed in config.feeds)

    async def read(self, cursor: str | None) -> AsyncGenerator[Batch, None]:
        """A batch for each feed that had something, then heartbeats until the next is due. Never raises Transient."""
        place = loaded(cursor, Cursor) or Cursor()
        started = self._clock.now()
        schedules = {feed: Schedule() for feed in self._config.feeds}
        pulse = Pulse(self._name, self._config.heartbeat, None)
        beat_due = self._clock.monotonic() + self._config.heartbeat
        times = Timeouts(connect=10.0, read=self._config.timeout, total=self._config.timeout)
        missed = self._missed(place, started)
        async with AnyStatus(self._clock, allow=self._allow, timeouts=times) as client:
            while True:
                due = [feed for feed, one in schedules.items() if one.due <= self._clock.monotonic()]
                for batch in await self._round(client, place, due, schedules, late=missed is not None):
                    pulse.heard(batch.events)
                    yield batch
                words: list[Event] = [] if missed is None else [missed]
                missed = None
                words += self._blindness(place, schedules)
                now = self._clock.monotonic()
                if now >= beat_due and place.well is not None and place.blind is None:
                    beat_due = now + self._config.heartbeat
                    words.append(pulse.beat(place.well))
                if words:
                    yield Batch(events=words, cursor=self._saved(place))
                await self._clock.sleep(max(min([beat_due, *(one.due for one in schedules.values())]) - now, 0.01))

    def _missed(self, place: Cursor, now: datetime) -> Gap | None:
        """The stretch since the run before. It is read again: feeds hold what came in it, if it was not too long."""
        if place.awake is None or place.blind is not None or now - place.awake <= self._patience:
            return None
        return Gap(
            source=self._name, stream=self._name, start=place.awake, end=now, state="filled",
            note="not running; read from what the feeds still hold",
        )  # fmt: skip

    @property
    def _patience(self) -> timedelta:
        return timedelta(seconds=max(MISSED * self._config.every, 30.0))

    def _saved(self, place: Cursor) -> str:
        place.awake = self._clock.now()
        return saved(place)

    def _blindness(self, place: Cursor, schedules: Mapping[str, Schedule]) -> list[Event]:
        """The word that no feed has answered for long, and that one does again."""
        now, well = self._clock.now(), place.well
        failing = all(one.failures for one in schedules.values())
        if place.blind is None and well is not None and failing and now - well > self._patience:
            place.blind = well
            return [self._gap(well, now, open=True)]
        if place.blind is not None and well is not None and well > place.blind:
            start, place.blind = place.blind, None
            return [self._gap(start, well, open=False)]
        return []

    def _gap(self, start: datetime, end: datetime, *, open: bool) -> Gap:
        note = "no feed answers" if open else "read from what the feeds still hold"
        state: Literal["open", "filled"] = "open" if open else "filled"
        return Gap(source=self._name, stream=self._name, start=start, end=end, state=state, note=note)

    async def _round(
        self, client: Client, place: Cursor, feeds: Sequence[str], schedules: dict[str, Schedule], *, late: bool
    ) -> list[Batch]:
        """Ask the feeds that are due, some at once; batches in the order of the config."""
        room = asyncio.Semaphore(AT_ONCE)

        async def ask(feed: str) -> Answer | TocsinError:
            async with room:
                try:
                    return await self._ask(client, place.feeds.setdefault(feed, Known(feed)))
                except TocsinError as fault:
                    return fault

        due = [feed for feed in feeds if not place.feeds.get(feed, Known(feed)).gone]
        answers = await asyncio.gather(*(ask(feed) for feed in due))
        late = late or place.blind is not None
        batches = []
        for feed, answer in zip(due, answers, strict=True):
            events, dead = self._taken(feed, answer, schedules[feed], place, late=late)
            if events or dead:
                batches.append(Batch(events=events, cursor=self._saved(place), dead=dead))
        for feed in set(feeds) - set(due):
            schedules[feed].due = float("inf")
        return batches

    async def _ask(self, client: Client, known: Known) -> Answer:
        """The feed's answer, where it may have moved to. Raises what `Client.request` does."""
        headers = {"Accept": ACCEPTED}
        if known.etag:
            headers["If-None-Match"] = known.etag
        if known.modified:
            headers["If-Modified-Since"] = known.modified
        url, forever = known.url, True
        for _ in range(REDIRECTS):
            answer = await client.request("GET", url, headers=headers, limit=MAX_BODY)
            if answer.status not in (*MOVED, 302, 303, 307) or not answer.headers.get("location"):
                return answer
            url = urljoin(url, answer.headers["location"])
            forever = forever and answer.status in MOVED
            if forever:
                known.url = url
        raise Transient(f"{host_and_port(url)} sends from one address to the next")

    def _taken(
        self, name: str, answer: Answer | TocsinError, schedule: Schedule, place: Cursor, *, late: bool
    ) -> tuple[list[Event], list[DeadLetter]]:
        """What is new in the answer of a feed, what is wrong with it, and when it is asked again."""
        known = place.feeds[name]
        now = self._clock.now()
        fault = _fault(answer)
        wait: float | None = None
        events: list[Event] = []
        if fault is None and isinstance(answer, Answer) and answer.status != 304:
            try:
                feed = parse(answer.body, known.url)
                events = self._news(name, known, feed, now, late=late)
                wait, fault = feed.ttl, None if feed.broken is None else f"it breaks off: {feed.broken}"
                whole = answer.headers if fault is None else {}
                known.etag, known.modified = whole.get("etag", ""), whole.get("last-modified", "")
            except NotAFeed as error:
                fault = str(error)
        ok = fault is None or bool(events)
        if ok:
            place.well = known.at = now
        dead = [] if fault is None or schedule.failures else [self._letter(known, fault, answer, now)]
        known.gone = isinstance(answer, Answer) and answer.status == GONE
        schedule.failures = 0 if fault is None else schedule.failures + 1
        schedule.due = self._clock.monotonic() + self._wait(answer, schedule, wait, now)
        return events, dead

    def _wait(self, answer: Answer | TocsinError, schedule: Schedule, ttl: float | None, now: datetime) -> float:
        """Seconds until the feed is asked again: as it wants, or longer the more often it has failed; never in step."""
        wait = max(self._config.every, ttl or 0.0)
        if schedule.failures:
            wait = min(
                self._config.every * 2.0 ** min(schedule.failures - 1, 16), max(LONGEST_WAIT, self._config.every)
            )
        asked = answer.retry_after if isinstance(answer, Transient) else None
        if isinstance(answer, Answer):
            asked = retry_after(answer.headers.get("retry-after"), now) or _max_age(answer)
        return max(wait * self._random.uniform(0.9, 1.1), asked or 0.0)

    def _letter(self, known: Known, fault: str, answer: Answer | TocsinError, now: datetime) -> DeadLetter:
        """One a streak of failures."""
        body = answer.body[:65_536] if isinstance(answer, Answer) else b""
        place = one_line(known.url.partition("?")[0], 500)
        return DeadLetter(source=self._name, stage="ingest", reason=f"{fault}", place=place, body=body, at=now)

    def _news(self, name: str, known: Known, feed: Feed, now: datetime, *, late: bool) -> list[Event]:
        """Items that are new or have another text, oldest first; a gap where the feed has nothing that is known."""
        posts: list[Event] = []
        items: dict[str, tuple[str, int]] = {}
        for item in reversed(feed.items):
            content = _digest(item.title, item.summary, item.content)
            key = _digest(item.id or content)
            before = known.items.get(key)
            version = 1 if before is None else before[1] + (before[0] != content)
            if key not in items and (before is None or before[0] != content):
                backfilled = late or not known.read
                posts.append(self._post(name, feed, item, key, version, now, backfilled=backfilled))
            items[key] = (content, version)
        if known.items and items and not known.items.keys() & items.keys() and known.at is not None:
            note = f"{host_and_port(name)} holds nothing any more of what it held then"
            gap = Gap(source=self._name, stream=self._name, start=known.at, end=now, state="lost", note=note)
            posts.insert(0, gap)
        older = {key: value for key, value in known.items.items() if key not in items}
        kept = list((older | items).items())[-max(KEPT, len(items)) :]
        known.items, known.read = dict(kept), True
        return posts

    def _post(
        self, name: str, feed: Feed, item: Item, key: str, version: int, now: datetime, *, backfilled: bool
    ) -> Post:
        title, _ = plain(item.title)
        text, links = plain(item.content or item.summary)
        link = safe_url(item.link)
        urls = dict.fromkeys([*([link] if link else []), *links])
        author = one_line(plain(item.author)[0], 200) or plain(feed.title)[0] or host_and_port(name)
        language = feed.language.partition("-")[0].lower() or None
        return Post(
            uid=f"{self._name}:{_digest(name, key)}", source=self._name, id=item.id or key, text=text or title,
            title=title if text else None, received_at=now, created_at=item.published or item.updated, url=link,
            author=Author(id=author, name=author), lang=language, urls=tuple(urls),
            topics=tuple(item.categories), version=version, edited_at=now if version > 1 else None,
            stream=self._name, backfilled=backfilled,
        )  # fmt: skip


def _fault(answer: Answer | TocsinError) -> str | None:
    """What is wrong with an answer before it is read."""
    if isinstance(answer, TocsinError):
        return str(answer)
    if answer.status == GONE:
        return "the feed is gone for good (410) and is not asked any more: take it out of the config"
    if 200 <= answer.status < 300 or answer.status == 304:
        return None
    return f"it answered {answer.status}"


def _max_age(answer: Answer) -> float:
    """Seconds for which an answer says it is fresh, an hour at most."""
    for part in answer.headers.get("cache-control", "").split(","):
        name, _, value = part.strip().partition("=")
        if name.lower() == "max-age" and value.isdigit():
            return min(float(value[:6]), LONGEST_WAIT)
    return 0.0


def _digest(*parts: str) -> str:
    return hashlib.blake2b("\0".join(parts).encode(), digest_size=12).hexdigest()
