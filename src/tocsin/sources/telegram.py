"""Telegram: channels and groups that a bot belongs to, by the Bot API; docs/reference/telegram-source.md says how.

https://core.telegram.org/bots/api#getupdates: updates wait 24 hours, and are forgotten once a later one is asked for.
So the cursor, which is stored with the posts, is what confirms them.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, ClassVar, Literal

import msgspec
from pydantic import Field, SecretStr

from tocsin.component import Context
from tocsin.errors import Permanent, Transient
from tocsin.model import Author, Batch, DeadLetter, Media, Post, Ref
from tocsin.net import AnyStatus, Client, Timeouts, host_and_port
from tocsin.options import Duration, Options
from tocsin.sources._poll import Found, Place, Poll
from tocsin.text import one_line

PAGE = 100
KEPT = timedelta(hours=24)
"""For how long Telegram keeps updates."""
KINDS = ("message", "edited_message", "channel_post", "edited_channel_post")
_MEDIA = {"photo": "image", "video": "video", "animation": "gif", "audio": "audio", "voice": "audio"}
_LETTER = 65_536


class Config(Options):
    """Options of the telegram source."""

    token: SecretStr
    """The bot's token, as BotFather gave it."""
    chats: tuple[str, ...] = ()
    """Only these: names of channels without @, or numbers. Default: wherever the bot is."""
    wait: Annotated[Duration, Field(ge=0.01, le=50)] = 25.0
    """How long Telegram may wait for something new before it answers."""
    timeout: Duration = 20.0
    """How long an answer may take beyond that."""
    url: str = "https://api.telegram.org"
    """The API's address; a server of your own may be named."""


class _User(msgspec.Struct):
    id: int = 0
    username: str = ""
    first_name: str = ""
    last_name: str = ""
    is_bot: bool | None = None
    language_code: str = ""


class _Chat(msgspec.Struct):
    id: int = 0
    username: str = ""
    title: str = ""
    type: str = ""


class _Entity(msgspec.Struct):
    type: str = ""
    offset: int = 0
    length: int = 0
    url: str = ""


class _Earlier(msgspec.Struct):
    message_id: int = 0


class _Message(msgspec.Struct):
    message_id: int = 0
    date: int = 0
    edit_date: int = 0
    text: str = ""
    caption: str = ""
    chat: _Chat = msgspec.field(default_factory=_Chat)
    sender: _User | None = msgspec.field(name="from", default=None)
    sender_chat: _Chat | None = None
    entities: list[_Entity] = []
    caption_entities: list[_Entity] = []
    reply_to_message: _Earlier | None = None
    photo: msgspec.Raw = msgspec.Raw()
    video: msgspec.Raw = msgspec.Raw()
    animation: msgspec.Raw = msgspec.Raw()
    audio: msgspec.Raw = msgspec.Raw()
    voice: msgspec.Raw = msgspec.Raw()


class _Update(msgspec.Struct):
    update_id: int
    message: _Message | None = None
    edited_message: _Message | None = None
    channel_post: _Message | None = None
    edited_channel_post: _Message | None = None


class _Number(msgspec.Struct):
    update_id: int


class _Answer(msgspec.Struct):
    ok: bool = False
    result: msgspec.Raw = msgspec.Raw(b"[]")
    description: str = ""
    parameters: dict[str, Any] = {}


_answers = msgspec.json.Decoder(_Answer)
_updates = msgspec.json.Decoder(_Update)
_numbers = msgspec.json.Decoder(_Number)
_users = msgspec.json.Decoder(_User)
_results = msgspec.json.Decoder(list[msgspec.Raw])


class Telegram:
    finite: ClassVar[bool] = False
    live: ClassVar[bool] = True
    mends: ClassVar[Literal[True]] = True
    consumes: ClassVar[Literal[True]] = True

    def __init__(self, config: Config, context: Context) -> None:
        """Raises Permanent for an address that is none."""
        self._config, self._name, self._clock = config, context.name, context.clock
        self._allow = frozenset([host_and_port(config.url)])
        self._chats = {chat.lstrip("@").casefold() for chat in config.chats}
        self._poll = Poll(context.name, config.wait, context.clock, context.random, pause=0.0)

    async def read(self, cursor: str | None) -> AsyncGenerator[Batch, None]:
        """A batch for each answer. Raises Transient when asking fails."""
        times = Timeouts(read=self._config.wait + self._config.timeout, total=self._config.wait + self._config.timeout)
        async with AnyStatus(self._clock, allow=self._allow, timeouts=times) as client:
            async for batch in self._poll.read(self, client, cursor):
                yield batch

    async def round(self, client: Client, place: Place, *, backfilled: bool) -> Found:
        """What is new, as soon as something is."""
        found = Found()
        now = self._clock.now()
        found.whole = place.asked is None or now - place.asked < KEPT
        for raw in await self._ask(client, place.more.get("offset", "0")):
            try:
                place.more = {"offset": str(_numbers.decode(raw).update_id + 1)}
                update = _updates.decode(raw)
            except ValueError as error:
                reason = f"an update that cannot be read: {one_line(str(error), 200)}"
                letter = DeadLetter(source=self._name, stage="ingest", reason=reason, body=bytes(raw)[:_LETTER], at=now)
                found.dead.append(letter)
                continue
            for kind in KINDS:
                message: _Message | None = getattr(update, kind)
                if message is not None and self._wants(message):
                    found.posts.append(self._post(message, self._clock.now(), backfilled=backfilled))
        return found

    def _wants(self, message: _Message) -> bool:
        chat = message.chat
        heard = not self._chats or {chat.username.casefold(), str(chat.id)} & self._chats
        return bool(heard and (message.text or message.caption))

    async def probe(self) -> str:
        """Who the bot is; its updates are left alone."""
        async with AnyStatus(self._clock, allow=self._allow) as client:
            about = _users.decode(await self._call(client, "getMe", {}))
        return f"Telegram knows the bot @{about.username}"

    async def _ask(self, client: Client, offset: str) -> list[msgspec.Raw]:
        wanted = {"offset": int(offset), "limit": PAGE, "timeout": int(self._config.wait), "allowed_updates": KINDS}
        return _results.decode(await self._call(client, "getUpdates", wanted))

    async def _call(self, client: Client, method: str, wanted: object) -> msgspec.Raw:
        """What a method gives. Raises Transient, and Permanent where only a person can help."""
        url = f"{self._config.url.rstrip('/')}/bot{self._config.token.get_secret_value()}/{method}"
        body, headers = msgspec.json.encode(wanted), {"Content-Type": "application/json"}
        answer = await client.request("POST", url, body=body, headers=headers)
        try:
            said = _answers.decode(answer.body)
        except ValueError:
            raise Transient(f"Telegram answered {answer.status} with what cannot be read") from None
        if said.ok:
            return said.result
        why = one_line(said.description, 200) or "without a reason"
        if answer.status == 409:
            raise Permanent(f"Telegram: {why}: something else reads this bot's updates, or a webhook is set")
        if answer.status in (401, 403, 404):
            raise Permanent(f"Telegram answered {answer.status}, {why}: is the token good?")
        wait = said.parameters.get("retry_after")
        raise Transient(f"Telegram answered {answer.status}, {why}", float(wait) if isinstance(wait, int) else None)

    def _post(self, message: _Message, now: datetime, *, backfilled: bool) -> Post:
        text = message.text or message.caption
        entities = message.entities or message.caption_entities
        chat, edited = message.chat, message.edit_date
        name = f"{chat.username or chat.id}/{message.message_id}"
        marks = [(one.type, _cut(text, one), one.url) for one in entities]
        earlier = message.reply_to_message
        media = [Media(type=kind) for name, kind in _MEDIA.items() if bytes(getattr(message, name))]
        return Post(
            uid=f"{self._name}:{chat.id}/{message.message_id}", source=self._name, id=f"{chat.id}/{message.message_id}",
            text=text, received_at=now, created_at=datetime.fromtimestamp(message.date, UTC) if message.date else None,
            url=f"https://t.me/{name}" if chat.username else None, author=_author(message), media=tuple(media),
            hashtags=_distinct([mark.lstrip("#") for kind, mark, _ in marks if kind == "hashtag"]),
            cashtags=_distinct([mark.lstrip("$") for kind, mark, _ in marks if kind == "cashtag"]),
            mentions=_distinct([mark.lstrip("@") for kind, mark, _ in marks if kind == "mention"]),
            urls=_distinct([url or mark for kind, mark, url in marks if kind in {"url", "text_link"}]),
            refs=(Ref("reply", f"{self._name}:{chat.id}/{earlier.message_id}"),) if earlier is not None else (),
            topics=(one_line(chat.title, 100),) if chat.title else (),
            version=1 + max(edited - message.date, 1) if edited else 1,
            edited_at=datetime.fromtimestamp(edited, UTC) if edited else None, stream=self._name, backfilled=backfilled,
        )  # fmt: skip


def _author(message: _Message) -> Author | None:
    """Who wrote it: a person, or a channel that speaks as itself."""
    user = message.sender
    if user is not None:
        name = f"{user.first_name} {user.last_name}".strip()
        return Author(id=str(user.id), handle=user.username or None, name=name or None, bot=user.is_bot)
    chat = message.sender_chat or message.chat
    return Author(id=str(chat.id), handle=chat.username or None, name=chat.title or None) if chat.id else None


def _cut(text: str, entity: _Entity) -> str:
    """What an entity marks; offsets count UTF-16 units."""
    units = text.encode("utf-16-le", "surrogatepass")
    start, end = max(entity.offset, 0) * 2, max(entity.offset + entity.length, 0) * 2
    return units[start:end].decode("utf-16-le", "ignore")


def _distinct(names: list[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(name for name in names if name))
