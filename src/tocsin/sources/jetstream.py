"""Bluesky's posts, live, without a key: Jetstream, in both wires; docs/reference/jetstream.md says how.

The whole network comes by; what no watch can match is let go at once. A lost connection goes on at its cursor, on
the next host, some seconds back; what comes twice is known again. Deletes count where the post was taken.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from typing import Annotated, ClassVar, Literal

import aiohttp
import zstandard
from pydantic import Field
from yarl import URL

from tocsin.component import Context
from tocsin.errors import Permanent, Transient
from tocsin.model import Batch, DeadLetter, Delete, Event, Heartbeat, Post
from tocsin.net import MAX_BODY, Client, Timeouts, backoff, host_and_port
from tocsin.options import Duration, Options
from tocsin.sources._ear import Ear, Watch
from tocsin.sources._gather import gather
from tocsin.sources._jetstream_place import Place
from tocsin.sources._jetstream_post import heard_in, post, read
from tocsin.sources._jetstream_wire import DICTIONARY, PATHS, POSTS, Message, Wire, decode, microseconds, moment
from tocsin.sources._kept import Kept
from tocsin.text import one_line

log = logging.getLogger(__name__)

BASE, CAP = 0.25, 30.0
"""Seconds: the back-off of Jetstream's own client."""
_HIDDEN = ("suspended", "deactivated")
_GONE = ("deleted", "takendown", *_HIDDEN)
_LETTER = 65_536


class Config(Options):
    """Options of the jetstream source."""

    takes: ClassVar[frozenset[str]] = frozenset({"watches"})

    hosts: Annotated[tuple[str, ...], Field(min_length=1)] = (
        "https://jetstream.us-east.bsky.network",
        "https://jetstream.us-west.bsky.network",
        "https://jetstream1.us-east.bsky.network",
        "https://jetstream2.us-west.bsky.network",
    )
    """Servers, asked in turn."""
    wire: Literal["auto", "v2", "v1"] = "auto"
    """`v2` is `subscribeEvents`, `v1` the older `/subscribe`. `auto` tries both, the newer first."""
    compress: bool = True
    """Whether to ask for messages packed with zstd (`v2` only)."""
    history: Duration = 0.0
    """How far back the very first start begins; the servers keep 36 hours."""
    rewind: Duration = 5.0
    """How far back a new connection begins, for what comes out of order."""
    timeout: Duration = 45.0
    """A connection on which nothing comes for so long is dead."""
    heartbeat: Duration = 10.0
    """How often the source says that it is well."""
    watches: tuple[Watch, ...] = ()


class Jetstream:
    finite: ClassVar[bool] = False
    live: ClassVar[bool] = True
    mends: ClassVar[Literal[True]] = True

    def __init__(self, config: Config, context: Context) -> None:
        """Raises Permanent for a host that is no URL."""
        self._config, self._name, self._clock, self._random = config, context.name, context.clock, context.random
        self._kept = context.data_dir / "sources" / f"{context.name}.db"
        self._allow = frozenset(host_and_port(host) for host in config.hosts)
        self._ear = Ear(config.watches, context.name)
        self._turn = self._failures = 0
        self._wires: dict[str, Wire] = {}

    async def read(self, cursor: str | None) -> AsyncGenerator[Batch, None]:
        """Batches of one connection. Raises Transient when it cannot be made or is lost; the next host is next."""
        place = Place.load(cursor, self._name, self._config.rewind)
        host = self._config.hosts[self._turn % len(self._config.hosts)]
        times = Timeouts(connect=10.0, read=self._config.timeout, total=None)
        with Kept(self._kept) as kept:
            async with Client(self._clock, allow=self._allow, timeouts=times) as client:
                try:
                    messages = self._messages(client, host, place)
                    async with aclosing(messages), aclosing(self._batches(messages, place, kept)) as batches:
                        async for batch in batches:
                            yield batch
                except Transient as fault:
                    self._turn, self._failures = self._turn + 1, self._failures + 1
                    wait = backoff(self._failures, self._random, BASE, CAP)
                    raise Transient(f"{fault}; the next is {self._next()}", fault.retry_after or wait) from None

    def _next(self) -> str:
        return host_and_port(self._config.hosts[self._turn % len(self._config.hosts)])

    async def _batches(
        self, messages: AsyncGenerator[Message | DeadLetter, None], place: Place, kept: Kept
    ) -> AsyncGenerator[Batch, None]:
        """What is worth keeping, with the word on gaps and heartbeats, from when the connection stands."""
        connected = False
        due = heard = self._clock.monotonic()
        async with aclosing(gather(messages, self._clock)) as lists:
            async for found in lists:
                now = self._clock.monotonic()
                events: list[Event] = []
                dead = [one for one in found if isinstance(one, DeadLetter)]
                if found and not connected:
                    log.info("Source %s listens at %s.", self._name, self._next())
                    connected, due = True, now + self._config.heartbeat
                    events += place.connected(microseconds(self._clock.now()))
                if not connected:
                    continue
                heard = now if found else heard
                first = not place.time_us
                self._take([one for one in found if isinstance(one, Message)], place, kept, events, dead)
                events += place.repaired(caught_up=not found)
                if now >= due and not place.repairing:
                    due = now + self._config.heartbeat
                    events.append(self._beat(place, now - heard))
                if events or dead or (first and place.time_us):  # from its first place on nothing may be missed
                    place.forget()
                    yield Batch(events=events, cursor=place.save(), dead=dead)

    def _beat(self, place: Place, quiet: float) -> Heartbeat:
        """Everything up to the last message has come, and while none comes nothing is missing."""
        at = place.quiet(quiet, microseconds(self._clock.now()))
        return Heartbeat(source=self._name, stream=self._name, at=moment(at))

    def _take(
        self, messages: Sequence[Message], place: Place, kept: Kept, events: list[Event], dead: list[DeadLetter]
    ) -> None:
        """Add the posts that somebody may want, edits of them, and deletes of what was taken, in their order."""
        taken: list[tuple[str, str]] = []
        for message in messages:
            if message.time_us:
                self._failures = 0
                place.moved(message.time_us)
            if message.kind == "commit" and message.operation != "delete":
                found = self._post(message, place)
                if isinstance(found, DeadLetter):
                    dead.append(found)
                elif found is not None and place.new(f"{found.uid} {found.version}", message.time_us):
                    taken.append((message.uri, message.did))
                    events.append(found)
            elif message.kind in {"commit", "account"}:
                kept.add(taken, self._now())
                taken.clear()
                delete = self._delete(message, kept)
                if delete is not None and place.new(str(delete), message.time_us):
                    events.append(delete)
        kept.add(taken, self._now())

    def _now(self) -> int:
        return int(self._clock.now().timestamp())

    def _post(self, message: Message, place: Place) -> Post | DeadLetter | None:
        """The post that somebody may want."""
        if message.collection != POSTS or message.operation not in {"create", "update"}:
            return None
        try:
            record = read(message)
            if not self._ear.hears(message.did, *heard_in(record)):
                return None
            backfilled = place.backfills(message.time_us)
            return post(message, record, self._name, self._clock.now(), backfilled=backfilled)
        except (ValueError, OverflowError) as error:
            return self._letter(message.uri, bytes(message.record), error)

    def _letter(self, place: str, body: bytes, error: Exception) -> DeadLetter:
        reason = f"a message that cannot be read: {one_line(str(error), 200)}"
        now = self._clock.now()
        return DeadLetter(
            source=self._name, stage="ingest", reason=reason, place=one_line(place, 500), body=body[:_LETTER], at=now
        )

    def _delete(self, message: Message, kept: Kept) -> Delete | None:
        at = moment(message.time_us)
        if message.kind == "commit" and message.operation == "delete" and message.collection == POSTS:
            if not kept.posts([message.uri]):
                return None
            return Delete(source=self._name, uid=f"{self._name}:{message.uri}", reason="deleted", at=at)
        account = message.account
        if account is None or account.active or account.status not in _GONE or not kept.authors([message.did]):
            return None
        hidden = account.status in _HIDDEN
        return Delete(
            source=self._name, author_id=message.did, scope="author", reason=account.status, reversible=hidden, at=at
        )

    async def _messages(self, client: Client, host: str, place: Place) -> AsyncGenerator[Message | DeadLetter, None]:
        """The messages of one connection. Raises Transient when it ends, however it ends."""
        for wire in self._wires_of(host):
            packed = await self._dictionary(client, host, wire)
            url = self._url(host, wire, self._begin(place), packed)
            try:
                async with client.websocket(url) as socket:
                    self._wires[host] = wire
                    yield Message("open")
                    async for message in self._frames(socket, host_and_port(host), wire, packed):
                        yield message
            except Permanent as fault:
                refusal = fault
        raise Transient(f"{refusal}; is it a Jetstream server?", CAP)

    def _wires_of(self, host: str) -> Sequence[Wire]:
        wire = self._config.wire
        if wire != "auto":
            return [wire]
        return [self._wires[host]] if host in self._wires else ["v2", "v1"]

    def _begin(self, place: Place) -> int | None:
        """The time from which on to ask; None for what comes from now on."""
        if place.begin is None and self._config.history:
            return microseconds(self._clock.now()) - round(self._config.history * 1e6)
        return place.begin

    @staticmethod
    def _url(host: str, wire: Wire, begin: int | None, packed: zstandard.ZstdCompressionDict | None) -> str:
        query = {"wantedCollections" if wire == "v1" else "collections": POSTS}
        if begin is not None:
            query["cursor"] = str(begin)
        if packed is not None:
            query["zstdDictionary"] = str(packed.dict_id())
        return str(URL(host).with_path(PATHS[wire]).with_query(query))

    async def _dictionary(self, client: Client, host: str, wire: Wire) -> zstandard.ZstdCompressionDict | None:
        """What the server packs with; None where it has none."""
        if wire == "v1" or not self._config.compress:
            return None
        try:
            answer = await client.request("GET", str(URL(host).with_path(DICTIONARY)))
        except (Permanent, Transient):
            return None
        found = zstandard.ZstdCompressionDict(answer.body)
        return found if found.dict_id() else None

    async def _frames(
        self,
        socket: aiohttp.ClientWebSocketResponse,
        name: str,
        wire: Wire,
        packed: zstandard.ZstdCompressionDict | None,
    ) -> AsyncGenerator[Message | DeadLetter, None]:
        unpack = zstandard.ZstdDecompressor(dict_data=packed) if packed else zstandard.ZstdDecompressor()
        number = 0
        while True:
            try:
                async with asyncio.timeout(self._config.timeout):
                    frame = await socket.receive()
            except TimeoutError:
                raise Transient(f"nothing came from {name} for {self._config.timeout:g} s") from None
            if frame.type not in (aiohttp.WSMsgType.TEXT, aiohttp.WSMsgType.BINARY):
                why = one_line(str(frame.extra or frame.data or ""), 100)
                raise Transient(f"{name} closed the stream ({why or 'without a word'})")
            number += 1
            try:
                message = decode(frame.data if isinstance(frame.data, str) else _unpacked(frame.data, unpack), wire)
            except (ValueError, OverflowError, zstandard.ZstdError) as error:
                body = frame.data.encode("utf-8", "replace") if isinstance(frame.data, str) else frame.data
                yield self._letter(f"{name}, message {number} of a connection", body, error)
                continue
            if message.kind == "error":
                raise Transient(f"{name} ended the stream: {one_line(message.text, 200)}")
            yield message


def _unpacked(data: bytes, unpack: zstandard.ZstdDecompressor) -> bytes:
    if zstandard.frame_content_size(data) > MAX_BODY:
        raise ValueError(f"it would unpack to more than {MAX_BODY:,} bytes")
    return unpack.decompress(data, max_output_size=MAX_BODY)
