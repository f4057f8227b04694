"""Telegram: a message by a bot, with buttons, to a chat, group or channel.

Telegram cannot tell a repeat; the key stands in the last line. Limits: 4,096 characters, after the markup is read.
Source: Telegram Bot API, sendMessage.
"""

from __future__ import annotations

from collections.abc import Iterator
from html import escape
from typing import Annotated, Any

import msgspec
from pydantic import ConfigDict, Field, SecretStr

from tocsin.component import Context
from tocsin.errors import Permanent, Transient
from tocsin.messages import Message, of
from tocsin.messages.plain import quoted
from tocsin.model import Message as Told
from tocsin.net import Answer
from tocsin.notifiers._posting import JSON, Posting, PostingOptions
from tocsin.text import one_line, truncate

MOST = 3900


class Config(PostingOptions):
    """Options of the telegram notifier."""

    model_config = ConfigDict(hide_input_in_errors=True)

    token: SecretStr
    """The bot's token, as BotFather gave it."""
    chat: str | int
    """The chat's number, or "@channel"."""
    api: Annotated[str, Field(repr=False)] = "https://api.telegram.org"
    """Where the Bot API is."""


class Telegram:
    """Sends messages by a bot."""

    def __init__(self, config: Config, context: Context) -> None:
        self._chat, self._context = config.chat, context
        self._posting = Posting(f"{config.api}/bot{config.token.get_secret_value()}/sendMessage", config, context)

    async def send(self, message: Told) -> None:
        """Raises Transient, with the wait that Telegram asks for, or Permanent."""
        body = msgspec.json.encode({"chat_id": self._chat, **payload(of(message, self._context.link))})
        _judge(await self._posting.ask(body, {"Content-Type": JSON}))


def _judge(answer: Answer) -> None:
    if answer.status < 300:
        return
    try:
        said = msgspec.json.decode(answer.body)
        reason, wait = str(said.get("description", "")), (said.get("parameters") or {}).get("retry_after")
    except (msgspec.DecodeError, AttributeError):
        reason, wait = "", None
    line = f"Telegram answered {answer.status} {one_line(reason, 100)}".rstrip()
    if answer.status == 429 or answer.status >= 500:
        raise Transient(line, float(wait) if isinstance(wait, int | float) else None)
    raise Permanent(line)


def payload(message: Message) -> dict[str, Any]:
    """The message in Telegram's HTML: whole lines, as many as fit."""
    lines, room = [], MOST
    for line in _lines(message):
        room -= len(line) + 1
        if room < 0:
            break
        lines.append(line)
    lines.append(f"<i>{escape(truncate(message.footer, 150), quote=False)}</i>")
    buttons = [[{"text": name, "url": url}] for name, url in [("Look", message.page), *message.actions] if url]
    return {
        "text": "\n".join(lines),
        "parse_mode": "HTML",
        "link_preview_options": {"is_disabled": True},
        **({"reply_markup": {"inline_keyboard": buttons}} if buttons else {}),
    }


def _lines(message: Message) -> Iterator[str]:
    yield f"<b>{escape(message.title, quote=False)}</b>"
    if message.why:
        yield escape(truncate(message.why, 600), quote=False)
    for name, value in message.facts:
        yield f"<b>{escape(name, quote=False)}</b>  {escape(truncate(value, 300), quote=False)}"
    for line in (*message.slices, *message.lines):
        yield f"• {escape(truncate(line, 300), quote=False)}"
    for post in message.posts:
        yield f"<blockquote>{escape(truncate(quoted(post), 300), quote=False)}</blockquote>"
