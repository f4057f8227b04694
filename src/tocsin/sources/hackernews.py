"""Hacker News: every story and comment as it comes, without a key; docs/reference/hackernews.md says how.

Ids are consecutive: the newest is asked for, and each id up to it is fetched (https://github.com/HackerNews/API). An
item may be null for a while after its id is given out. After a stop it goes on at the id where it was.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence
from datetime import UTC, datetime
from typing import Annotated, ClassVar, Literal, TypeVar

import msgspec
from pydantic import Field

from tocsin.component import Context
from tocsin.errors import Permanent, Transient
from tocsin.model import Author, Batch, DeadLetter, Delete, Event, Gap, Heartbeat, Post, Ref
from tocsin.net import Client, Timeouts, backoff, host_and_port
from tocsin.options import Duration, Options
from tocsin.sources._cursor import loaded, saved
from tocsin.sources._ear import Ear, Watch
from tocsin.sources._html import plain
from tocsin.sources._kept import Kept
from tocsin.text import one_line, safe_url

AT_ONCE = 20
"""Items that are fetched at the same time, and that make a batch."""
BASE, CAP = 1.0, 60.0
LATE = 30.0
"""A stretch without an answer that is so many seconds longer than a round is a gap."""
WANTED = frozenset({"story", "comment", "poll"})
PAGE = "https://news.ycombinator.com"
T = TypeVar("T")


class Config(Options):
    """Options of the hackernews source."""

    takes: ClassVar[frozenset[str]] = frozenset({"watches"})

    url: str = "https://hacker-news.firebaseio.com"
    """The API's address."""
    every: Annotated[Duration, Field(ge=0.01)] = 10.0
    """How often the newest id is asked for."""
    history: Annotated[int, Field(ge=0, le=100_000)] = 0
    """How many items before the newest the very first start fetches."""
    most_behind: Annotated[int, Field(ge=1)] = 20_000
    """How many items are made up for after a stop; those before are lost, and a gap says so."""
    patience: Duration = 60.0
    """How long an item may be null before it is given up."""
    timeout: Duration = 20.0
    """How long an answer may take."""
    watches: tuple[Watch, ...] = ()


class Item(msgspec.Struct):
    """https://github.com/HackerNews/API#items. Nearly everything may be missing."""

    id: int
    type: str = ""
    by: str = ""
    time: int = 0
    text: str = ""
    title: str = ""
    url: str = ""
    parent: int | None = None
    score: int | None = None
    descendants: int | None = None
    dead: bool = False
    deleted: bool = False


class Missing(msgspec.Struct):
    """A stretch that is made up for: until everything up to the id `last` was fetched."""

    start: datetime
    end: datetime
    last: int


class Cursor(msgspec.Struct):
    """All up to `id` was taken; `at` is when that was the newest. What the very first start found is `history`."""

    id: int
    at: datetime
    history: int = 0
    missing: Missing | None = None


class _Updates(msgspec.Struct):
    items: list[int] = []


_items: msgspec.json.Decoder[Item | None] = msgspec.json.Decoder(Item | None)
_ids, _updates = msgspec.json.Decoder(int), msgspec.json.Decoder(_Updates)


class Hackernews:
    finite: ClassVar[bool] = False
    live: ClassVar[bool] = True
    mends: ClassVar[Literal[True]] = True

    def __init__(self, config: Config, context: Context) -> None:
        """Raises Permanent for an address that is none."""
        self._config, self._name, self._clock, self._random = config, context.name, context.clock, context.random
        self._kept = context.data_dir / "sources" / f"{context.name}.db"
        self._allow = frozenset([host_and_port(config.url)])
        self._ear = Ear(config.watches, context.name)
        self._base = f"{config.url.rstrip('/')}/v0"
        self._failures = 0
        self._null: dict[int, float] = {}

    async def read(self, cursor: str | None) -> AsyncGenerator[Batch, None]:
        """Batches of items in the order of their ids, and a heartbeat a round. Raises Transient when asking fails."""
        times = Timeouts(connect=10.0, read=self._config.timeout, total=self._config.timeout)
        with Kept(self._kept) as kept:
            async with Client(self._clock, allow=self._allow, timeouts=times) as client:
                place = loaded(cursor, Cursor)
                while True:
                    try:
                        newest = await self._ask(client, "maxitem.json", _ids)
                        if place is None:
                            first = max(newest - self._config.history, 0)
                            place = Cursor(first, self._clock.now(), newest)
                            yield Batch(cursor=saved(place))  # from here on nothing may be missed
                        async for batch in self._round(client, newest, place, kept):
                            self._failures = 0
                            yield batch
                    except Transient as fault:
                        self._failures += 1
                        wait = min(backoff(self._failures, self._random, BASE, CAP), self._config.every * 10)
                        raise Transient(str(fault), fault.retry_after or wait) from None
                    await self._clock.sleep(self._config.every)

    async def _round(self, client: Client, newest: int, place: Cursor, kept: Kept) -> AsyncGenerator[Batch, None]:
        """Everything up to the newest item, what became of earlier ones, and a heartbeat."""
        for gap in self._behind(place, newest):
            yield Batch(events=[gap], cursor=saved(place))
        while place.id < newest:
            ids = range(place.id + 1, min(place.id + AT_ONCE, newest) + 1)
            events, dead = self._take(ids, await self._fetch(client, ids), place, kept)
            if events or dead:
                yield Batch(events=events, cursor=saved(place), dead=dead)
            if place.id < ids[-1]:
                break
        words = await self._gone(client, place, kept)
        if place.id >= newest:
            words += self._complete(place)
        if words:
            yield Batch(events=words, cursor=saved(place))

    def _take(
        self, ids: Sequence[int], found: Sequence[Item | Permanent | None], place: Cursor, kept: Kept
    ) -> tuple[list[Event], list[DeadLetter]]:
        """Posts of items, up to the first that is null and may still come."""
        posts: list[Post] = []
        dead: list[DeadLetter] = []
        for id, item in zip(ids, found, strict=True):
            if item is None and not self._given_up(id):
                break
            if not isinstance(item, Item):
                dead.append(self._letter(id, item))
            elif (post := self._post(item, place)) is not None:
                posts.append(post)
            place.id = id
            self._null.pop(id, None)
        kept.add([(post.id, post.author.id if post.author else "") for post in posts], self._now())
        return [*posts], dead

    def _now(self) -> int:
        return int(self._clock.now().timestamp())

    def _given_up(self, id: int) -> bool:
        """Whether an item has been null for too long."""
        now = self._clock.monotonic()
        return now - self._null.setdefault(id, now) > self._config.patience

    def _letter(self, id: int, fault: Permanent | None) -> DeadLetter:
        reason = f"the item stayed null for {self._config.patience:g} s" if fault is None else str(fault)
        at = self._clock.now()
        return DeadLetter(source=self._name, stage="ingest", reason=one_line(reason, 300), place=f"item {id}", at=at)

    def _complete(self, place: Cursor) -> list[Event]:
        """Everything has come: the end of a gap, and a heartbeat."""
        words: list[Event] = []
        place.at = self._clock.now()
        if place.missing is not None and place.id >= place.missing.last:
            words.append(self._gap(place.missing.start, place.missing.end, "filled", "the items between were fetched"))
            place.missing = None
        return [*words, Heartbeat(source=self._name, stream=self._name, at=place.at)]

    def _behind(self, place: Cursor, newest: int) -> list[Gap]:
        """The gap since everything was complete, if it is one, and what of it is lost."""
        now, told = self._clock.now(), list[Gap]()
        late = (now - place.at).total_seconds() > LATE + self._config.every
        if newest - place.id > self._config.most_behind:
            lost = newest - place.id - self._config.most_behind
            place.id, place.missing = newest - self._config.most_behind, None
            told.append(self._gap(place.at, now, "lost", f"{lost:,} items up to {place.id} are given up"))
            place.at = now
        elif place.missing is None and late and place.id < newest:
            place.missing = Missing(place.at, now, newest)
            told.append(self._gap(place.at, now, "open", "not connected"))
        return told

    def _gap(self, start: datetime, end: datetime, state: Literal["open", "filled", "lost"], note: str) -> Gap:
        return Gap(source=self._name, stream=self._name, start=start, end=end, state=state, note=note)

    async def _gone(self, client: Client, place: Cursor, kept: Kept) -> list[Event]:
        """Deletes of items that were taken."""
        changed = await self._ask(client, "updates.json", _updates)
        known = kept.posts(str(id) for id in changed.items if id <= place.id)
        found = await self._fetch(client, sorted(map(int, known)))
        gone = [item for item in found if isinstance(item, Item) and (item.deleted or item.dead)]
        kept.drop(str(item.id) for item in gone)
        return [
            Delete(
                source=self._name, uid=f"{self._name}:{item.id}", reason="deleted" if item.deleted else "withheld",
                at=self._clock.now(),
            )
            for item in gone
        ]  # fmt: skip

    def _post(self, item: Item, place: Cursor) -> Post | None:
        """The post of an item that somebody may want."""
        if item.type not in WANTED or item.dead or item.deleted:
            return None
        text, links = plain(item.text)
        title, link = plain(item.title)[0], safe_url(item.url)
        created = datetime.fromtimestamp(item.time, UTC) if 0 < item.time < 2**33 else None
        counts = {"score": item.score, "replies": item.descendants}
        parent = () if item.parent is None else (Ref(type="reply", id=f"{self._name}:{item.parent}"),)
        author = Author(id=item.by, handle=item.by, url=f"{PAGE}/user?id={item.by}") if item.by else None
        post = Post(
            uid=f"{self._name}:{item.id}", source=self._name, id=str(item.id), text=text or title,
            title=title if text and title else None, received_at=self._clock.now(), created_at=created,
            url=f"{PAGE}/item?id={item.id}", author=author, refs=parent,
            urls=tuple(dict.fromkeys([*([link] if link else []), *links])),
            metrics={name: count for name, count in counts.items() if count is not None}, stream=self._name,
            backfilled=item.id <= max(place.history, place.missing.last if place.missing else 0),
        )  # fmt: skip
        return post if self._ear.wants(post) else None

    async def _fetch(self, client: Client, ids: Sequence[int]) -> list[Item | Permanent | None]:
        """Items; None for one that is null, the fault for one that is refused. Raises Transient."""
        found: list[Item | Permanent | None] = []
        for start in range(0, len(ids), AT_ONCE):
            found += await asyncio.gather(*(self._one(client, id) for id in ids[start : start + AT_ONCE]))
        return found

    async def _one(self, client: Client, id: int) -> Item | Permanent | None:
        try:
            return await self._ask(client, f"item/{id}.json", _items)
        except Permanent as fault:
            return fault

    async def _ask(self, client: Client, path: str, decoder: msgspec.json.Decoder[T]) -> T:
        answer = await client.request("GET", f"{self._base}/{path}")
        try:
            return decoder.decode(answer.body)
        except msgspec.MsgspecError as error:
            raise Transient(f"{host_and_port(self._base)}: {path} is not what it should be: {error}") from None
