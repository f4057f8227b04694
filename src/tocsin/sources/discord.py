"""Discord: channels that a bot may read, by the REST API; docs/reference/discord-source.md says how.

https://discord.com/developers/docs/resources/message#get-channel-messages: ids grow, so reading goes on after the last.
The newest hundred of a channel are looked at again for edits and deletes.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping
from datetime import datetime
from typing import Annotated, ClassVar, Literal

import msgspec
from pydantic import Field, SecretStr
from yarl import URL

from tocsin import __version__
from tocsin.component import Context
from tocsin.errors import Permanent, Transient
from tocsin.model import Author, Batch, Delete, Media, Post, Ref
from tocsin.net import Answer, AnyStatus, Client, host_and_port, retry_after
from tocsin.options import Duration, Options
from tocsin.sources._kept import Kept
from tocsin.sources._poll import Found, Place, Poll

PAGE, PAGES = 100, 20
REMEMBERED = 30 * 86_400
"""Seconds for which it is known what was taken: what is older is hardly among the newest hundred."""


class Config(Options):
    """Options of the discord source."""

    token: SecretStr
    """The bot's token."""
    channels: Annotated[tuple[Annotated[str, Field(pattern=r"^\d{5,20}$")], ...], Field(min_length=1, max_length=100)]
    """Ids of channels that the bot may read."""
    every: Annotated[Duration, Field(ge=0.01)] = 10.0
    """How often each is asked for what is new."""
    recheck: Duration = 600.0
    """How often the newest hundred of each are looked at again for edits and deletes; 0: never."""
    bots: bool = True
    """Whether messages of bots count."""
    url: str = "https://discord.com/api/v10"
    """The API's address."""


class _User(msgspec.Struct):
    id: str = ""
    username: str = ""
    global_name: str | None = None
    bot: bool = False


class _Attachment(msgspec.Struct):
    url: str = ""
    content_type: str | None = None
    description: str | None = None


class _Reference(msgspec.Struct):
    message_id: str | None = None


class _Message(msgspec.Struct):
    id: str = ""
    content: str = ""
    channel_id: str = ""
    author: _User = msgspec.field(default_factory=_User)
    timestamp: datetime | None = None
    edited_timestamp: datetime | None = None
    mentions: list[_User] = []
    attachments: list[_Attachment] = []
    message_reference: _Reference | None = None


class _Channel(msgspec.Struct):
    guild_id: str | None = None
    name: str | None = None


_messages = msgspec.json.Decoder(list[_Message])
_channels = msgspec.json.Decoder(_Channel)


class Discord:
    finite: ClassVar[bool] = False
    live: ClassVar[bool] = True
    mends: ClassVar[Literal[True]] = True

    def __init__(self, config: Config, context: Context) -> None:
        """Raises Permanent for an address that is none."""
        self._config, self._name, self._clock = config, context.name, context.clock
        self._file = context.data_dir / "sources" / f"{context.name}.db"
        self._allow = frozenset([host_and_port(config.url)])
        self._poll = Poll(context.name, config.every, context.clock, context.random)
        self._about: dict[str, _Channel] = {}

    async def read(self, cursor: str | None) -> AsyncGenerator[Batch, None]:
        """A batch a round. Raises Transient when asking fails."""
        with Kept(self._file) as self._kept:
            async with AnyStatus(self._clock, allow=self._allow) as client:
                async for batch in self._poll.read(self, client, cursor):
                    yield batch

    async def round(self, client: Client, place: Place, *, backfilled: bool) -> Found:
        """What is new in every channel, and now and then what has changed of the newest."""
        found = Found()
        now = self._clock.now()
        last = float(place.more.get("checked", "0"))
        again = bool(self._config.recheck) and now.timestamp() - last >= self._config.recheck
        for channel in self._config.channels:
            if channel not in self._about:
                self._about[channel] = _channels.decode(await self._ask(client, f"channels/{channel}", {}))
            if again and channel in place.more:
                await self._changed(client, channel, found)
            await self._fresh(client, channel, place, found, backfilled=backfilled)
        self._kept.add([(one.id, one.author.id if one.author else "") for one in found.posts], int(now.timestamp()))
        if again:
            place.more["checked"] = str(now.timestamp())
            self._kept.forget(int(now.timestamp()) - REMEMBERED)
        return found

    async def _fresh(self, client: Client, channel: str, place: Place, found: Found, *, backfilled: bool) -> None:
        """Messages after the last, oldest first; at first the newest page alone."""
        for _ in range(PAGES):
            after = place.more.get(channel)
            page = await self._page(client, channel, {} if after is None else {"after": after})
            if page:
                place.more[channel] = max((one.id for one in page), key=int)
            found.posts += self._posts(page, backfilled=backfilled)
            if len(page) < PAGE or after is None:
                place.more.setdefault(channel, "0")
                return
        found.whole = False

    async def _changed(self, client: Client, channel: str, found: Found) -> None:
        """Edits among the newest, and deletes: what was taken of their time and is not there any more."""
        page = await self._page(client, channel, {})
        found.posts += self._posts([one for one in page if one.edited_timestamp is not None], backfilled=False)
        if not page:
            return
        there = {f"{channel}/{one.id}" for one in page}
        oldest = min(int(one.id) for one in page) if len(page) == PAGE else 0
        taken = self._kept.beginning(f"{channel}/")
        gone = [id for id in taken if id not in there and int(id.rpartition("/")[2]) >= oldest]
        self._kept.drop(gone)
        now = self._clock.now()
        found.events += [Delete(source=self._name, uid=f"{self._name}:{id}", reason="deleted", at=now) for id in gone]

    async def _page(self, client: Client, channel: str, query: Mapping[str, str]) -> list[_Message]:
        body = await self._ask(client, f"channels/{channel}/messages", {"limit": str(PAGE), **query})
        try:
            return _messages.decode(body)
        except ValueError as error:
            raise Transient(f"Discord's answer cannot be read: {error}") from None

    async def _ask(self, client: Client, path: str, query: Mapping[str, str]) -> bytes:
        headers = {
            "Authorization": f"Bot {self._config.token.get_secret_value()}",
            "User-Agent": f"DiscordBot (https://tocsin.example, {__version__})",
        }
        url = URL(f"{self._config.url.rstrip('/')}/{path}").with_query(query)
        answer = await client.request("GET", str(url), headers=headers)
        if 200 <= answer.status < 300:
            await self._slow(answer)
            return answer.body
        if answer.status == 429 or answer.status >= 500:
            wait = retry_after(answer.headers.get("retry-after"), self._clock.now())
            raise Transient(f"Discord answered {answer.status}", wait)
        advice = {401: "is the token good?", 403: "may the bot read the channel?", 404: "is there such a channel?"}
        raise Permanent(
            f"Discord answered {answer.status} for {path}: {advice.get(answer.status, 'it does not say why')}"
        )

    async def _slow(self, answer: Answer) -> None:
        """Wait where the limit of this kind of request is reached."""
        if answer.headers.get("x-ratelimit-remaining") == "0":
            wait = answer.headers.get("x-ratelimit-reset-after", "0")
            await self._clock.sleep(min(float(wait), 60.0) if wait.replace(".", "", 1).isdigit() else 0.0)

    def _posts(self, page: list[_Message], *, backfilled: bool) -> list[Post]:
        now = self._clock.now()
        wanted = [one for one in page if one.content and (self._config.bots or not one.author.bot)]
        return [self._post(one, now, backfilled=backfilled) for one in sorted(wanted, key=lambda one: int(one.id))]

    def _post(self, message: _Message, now: datetime, *, backfilled: bool) -> Post:
        about = self._about.get(message.channel_id, _Channel())
        written, edited = message.timestamp, message.edited_timestamp
        seconds = int((edited - written).total_seconds()) if edited is not None and written is not None else 0
        earlier = message.message_reference.message_id if message.message_reference is not None else None
        media = [
            Media(type=(one.content_type or "file").partition("/")[0], url=one.url or None, alt=one.description)
            for one in message.attachments
        ]
        user, id = message.author, f"{message.channel_id}/{message.id}"
        author = Author(id=user.id, handle=user.username or None, name=user.global_name, bot=user.bot)
        reply = (Ref("reply", f"{self._name}:{message.channel_id}/{earlier}"),) if earlier else ()
        return Post(
            uid=f"{self._name}:{id}", source=self._name, id=id, text=message.content, received_at=now,
            created_at=written, url=f"https://discord.com/channels/{about.guild_id or '@me'}/{id}",
            author=author if user.id else None,
            mentions=tuple(dict.fromkeys(one.username for one in message.mentions if one.username)),
            refs=reply, media=tuple(media), topics=(f"#{about.name}",) if about.name else (),
            version=1 if edited is None else 2 + max(seconds, 0), edited_at=edited, stream=self._name,
            backfilled=backfilled,
        )  # fmt: skip
