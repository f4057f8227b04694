"""Mastodon: the streams of one server, by a user's token; docs/reference/mastodon.md says how.

A stream has no memory: after a break the timelines are read forward from the last status that was heard.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Annotated, ClassVar, Literal

from pydantic import AfterValidator, Field, SecretStr

from tocsin.component import Context
from tocsin.errors import Permanent, Transient
from tocsin.model import Batch
from tocsin.net import Client, Timeouts, backoff, host_and_port
from tocsin.options import Duration, Options
from tocsin.sources import _mastodon_wire as wire
from tocsin.sources._ear import Ear, Watch
from tocsin.sources._kept import Kept
from tocsin.sources._mastodon_session import Session, Setting, Wanted, load
from tocsin.sources._mastodon_wire import Timelines

BASE, CAP, BLOCKED = 1.0, 60.0, 900.0


def _a_stream(name: str) -> str:
    kind, _, value = name.partition(":")
    if name in {"public", "public:local", "public:remote"} or (kind in {"hashtag", "list"} and value.strip("#")):
        return name.replace("#", "")
    raise ValueError("is none of public, public:local, public:remote, hashtag:TAG, list:ID")


class Config(Options):
    """Options of the mastodon source."""

    takes: ClassVar[frozenset[str]] = frozenset({"watches"})

    url: str
    """The server: "https://mastodon.example"."""
    token: SecretStr
    """A user's access token with the right read:statuses."""
    streams: Annotated[tuple[Annotated[str, AfterValidator(_a_stream)], ...], Field(min_length=1, max_length=50)] = (
        "public:local",
    )
    """What to listen to: public, public:local, public:remote, hashtag:TAG, list:ID."""
    wire: Literal["auto", "websocket", "events"] = "auto"
    """How. `auto` takes a WebSocket, and server-sent events where there is none."""
    respect: Literal["noindex", "indexable", "nothing"] = "noindex"
    """Whose posts are let go: of people who do not want to be in search engines, of all who did not say that they
    may be searched, or of nobody."""
    bots: bool = True
    """Whether accounts that call themselves automated count."""
    most_behind: Annotated[int, Field(ge=0)] = 4000
    """How many statuses of a stream are read again after a break."""
    timeout: Duration = 40.0
    """How long nothing may come, not even a sign of life."""
    heartbeat: Duration = 10.0
    """How often the source says that it is well."""
    watches: tuple[Watch, ...] = ()


class Mastodon:
    finite: ClassVar[bool] = False
    live: ClassVar[bool] = True
    mends: ClassVar[Literal[True]] = True

    def __init__(self, config: Config, context: Context) -> None:
        """Raises Permanent for an address that is none."""
        self._config, self._name, self._clock, self._random = config, context.name, context.clock, context.random
        self._kept = context.data_dir / "sources" / f"{context.name}.db"
        self._host = host_and_port(config.url)
        self._wanted = Wanted(Ear(config.watches, context.name), config.respect, config.bots)
        self._headers = {"Authorization": f"Bearer {config.token.get_secret_value()}"}
        self._wire = config.wire
        self._failures = 0

    async def read(self, cursor: str | None) -> AsyncGenerator[Batch, None]:
        """Batches of one connection. Raises Transient when it cannot be made or is lost."""
        times = Timeouts(connect=10.0, read=self._config.timeout, total=None)
        with Kept(self._kept) as kept:
            async with Client(self._clock, allow=frozenset([self._host]), timeouts=times) as client:
                timelines = Timelines(client, self._config.url, self._headers)
                session = Session(self._setting(), self._wanted, timelines, load(cursor), kept, self._clock)
                try:
                    streaming = await timelines.streaming()
                    allow = frozenset([self._host, host_and_port(streaming)])
                    async with (
                        Client(self._clock, allow=allow, timeouts=times) as line,
                        aclosing(session.batches(self._messages(line, streaming))) as batches,
                    ):
                        async for batch in batches:
                            self._failures = 0
                            yield batch
                except Permanent as fault:
                    raise Transient(self._advice(str(fault)), BLOCKED) from None
                except Transient as fault:
                    self._failures += 1
                    wait = backoff(self._failures, self._random, BASE, CAP)
                    raise Transient(str(fault), fault.retry_after or wait) from None

    def _setting(self) -> Setting:
        config = self._config
        return Setting(self._name, config.streams, config.most_behind, config.heartbeat, config.timeout)

    def _advice(self, said: str) -> str:
        if " 401" in said or " 403" in said:
            return f"{said}: the token is refused, or may not read this stream"
        return f"{said}: is {self._host} a Mastodon server?"

    async def _messages(self, client: Client, base: str) -> AsyncGenerator[wire.Said, None]:
        """What the streams bring, by the wire that the server has."""
        streams = self._config.streams
        if self._wire != "events":
            socket = wire.by_websocket(client, base, streams, self._headers, self._config.timeout)
            try:
                async with aclosing(socket):
                    async for said in socket:
                        yield said
            except Permanent as fault:
                if self._wire == "websocket" or " 401" in str(fault) or " 403" in str(fault):
                    raise
                self._wire = "events"
        events = wire.by_events(client, base, streams, self._headers, self._config.timeout)
        async with aclosing(events):
            async for said in events:
                yield said
