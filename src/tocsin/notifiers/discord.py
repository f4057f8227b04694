"""Discord: an embed with the picture, to a channel's webhook.

Nobody is mentioned, whatever people wrote. Discord cannot tell a repeat; the key stands in the footer. Limits: a title
of 256, description 4,096, 6,000 characters in all. Source: Discord API, "Execute Webhook" and "Embed Limits".
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import msgspec
from pydantic import ConfigDict, SecretStr

from tocsin.component import Context
from tocsin.messages import Message, of
from tocsin.messages.plain import quoted
from tocsin.model import Message as Told
from tocsin.notifiers._picture import picture
from tocsin.notifiers._posting import JSON, Posting, PostingOptions, multipart
from tocsin.text import truncate

TITLE, DESCRIPTION, FOOTER = 256, 3800, 500
COLORS = {"notable": 0xE9C46A, "high": 0xF4A261, "critical": 0xD1495B}
_MARKS = re.compile(r"([\\`*_~|>#\[\]()<@-])")


class Config(PostingOptions):
    """Options of the discord notifier."""

    model_config = ConfigDict(hide_input_in_errors=True)

    webhook: SecretStr
    """The URL of the channel's webhook."""
    picture: bool = True
    """Whether the chart goes with it."""


class Discord:
    """Posts embeds to a channel of Discord."""

    def __init__(self, config: Config, context: Context) -> None:
        self._config, self._context = config, context
        self._posting = Posting(config.webhook.get_secret_value(), config, context)

    async def send(self, message: Told) -> None:
        """Raises Transient or Permanent as `net.Client.request` does."""
        found = of(message, self._context.link)
        drawn = await picture(found) if self._config.picture else None
        body = msgspec.json.encode(payload(found, picture=drawn is not None))
        if drawn is None:
            await self._posting.post(body, {"Content-Type": JSON})
            return
        form, kind = multipart({"payload_json": body.decode()}, {"files[0]": ("chart.png", drawn)})
        await self._posting.post(form, {"Content-Type": kind})


def payload(message: Message, *, picture: bool) -> dict[str, Any]:
    """The message as an embed."""
    embed: dict[str, Any] = {
        "title": truncate(escaped(message.title), TITLE),
        "description": truncate("\n".join(_lines(message)), DESCRIPTION),
        "color": COLORS[message.word],
        "footer": {"text": truncate(message.footer, FOOTER)},
    }
    if message.page:
        embed["url"] = message.page
    if picture:
        embed["image"] = {"url": "attachment://chart.png"}
    return {"embeds": [embed], "allowed_mentions": {"parse": []}}


def _lines(message: Message) -> Iterator[str]:
    if message.why:
        yield escaped(message.why)
    for name, value in message.facts:
        yield f"**{name}**  {escaped(truncate(value, 400))}"
    for line in (*message.slices, *message.lines):
        yield f"• {escaped(truncate(line, 300))}"
    for post in message.posts:
        yield f"> {escaped(truncate(quoted(post), 300))}"
    links = [f"[{name}]({url})" for name, url in message.actions]
    if links:
        yield " · ".join(links)


def escaped(text: str) -> str:
    """Text without Discord's marks and mentions.

    >>> escaped("**@everyone** [x](y)")
    '\\\\*\\\\*\\\\@everyone\\\\*\\\\* \\\\[x\\\\]\\\\(y\\\\)'
    """
    return _MARKS.sub(r"\\\1", text)
