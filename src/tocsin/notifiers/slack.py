"""Slack: blocks with buttons, by a bot's token and a channel, or by an incoming webhook.

Slack cannot tell a repeat; the key stands in the last line. Limits: 50 blocks, 3,000 characters a section, 150 a
header. Source: Slack API, chat.postMessage and Block Kit.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any

import msgspec
from pydantic import ConfigDict, Field, SecretStr, model_validator

from tocsin.component import Context
from tocsin.errors import Permanent, Transient
from tocsin.messages import Message, of
from tocsin.messages.plain import quoted
from tocsin.model import Message as Told
from tocsin.notifiers._posting import Posting, PostingOptions
from tocsin.text import one_line, truncate

SECTION, HEADER, URL = 2900, 150, 3000
LATER = {"ratelimited", "rate_limited", "internal_error", "fatal_error", "service_unavailable", "request_timeout"}
MARKS = {2: ":large_yellow_circle:", 60: ":large_orange_circle:", 85: ":red_circle:"}


class Config(PostingOptions):
    """Options of the slack notifier: `token` and `channel`, or `webhook`."""

    model_config = ConfigDict(hide_input_in_errors=True)

    token: SecretStr | None = None
    """The token of a bot with the right chat:write."""
    channel: str | None = None
    """The channel's id or name, like "#ops"; the bot must be in it."""
    webhook: SecretStr | None = None
    """The URL of an incoming webhook, instead of token and channel."""
    api: Annotated[str, Field(repr=False)] = "https://slack.com/api"
    """Where Slack's API is."""

    @model_validator(mode="after")
    def _one_way(self) -> Config:
        if (self.webhook is None) == (self.token is None) or (self.token is None) != (self.channel is None):
            raise ValueError("give `token` and `channel`, or `webhook`")
        return self


class Slack:
    """Posts to a channel of Slack."""

    def __init__(self, config: Config, context: Context) -> None:
        url = config.webhook.get_secret_value() if config.webhook else f"{config.api}/chat.postMessage"
        self._config, self._context, self._posting = config, context, Posting(url, config, context)

    async def send(self, message: Told) -> None:
        """Raises Transient or Permanent, by Slack's own code where it gives one."""
        found = of(message, self._context.link)
        body: dict[str, Any] = {"text": escaped(found.title), "blocks": list(blocks(found)), "unfurl_links": False}
        if self._config.token is None:
            await self._posting.post_json(body)
            return
        headers = {"Authorization": f"Bearer {self._config.token.get_secret_value()}"}
        answer = await self._posting.post_json(body | {"channel": self._config.channel}, headers)
        _judge(answer.body)


def _judge(body: bytes) -> None:
    try:
        said = msgspec.json.decode(body)
        error = None if said["ok"] else str(said.get("error", "unknown_error"))
    except (msgspec.DecodeError, TypeError, KeyError):
        raise Transient("Slack gave an answer that cannot be read") from None
    if error in LATER:
        raise Transient(f"Slack says {error}")
    if error is not None:
        raise Permanent(f"Slack says {one_line(error, 60)}")


def blocks(message: Message) -> Iterator[dict[str, Any]]:
    """The message in Block Kit."""
    yield {"type": "header", "text": {"type": "plain_text", "text": truncate(message.title, HEADER), "emoji": False}}
    if message.why:
        yield _section(escaped(message.why))
    if message.facts:
        yield _section("\n".join(f"*{escaped(name)}*  {escaped(value)}" for name, value in message.facts))
    for lines in (message.slices, message.lines):
        if lines:
            yield _section("\n".join(f"• {escaped(line)}" for line in lines))
    for post in message.posts:
        link = f"  <{post.url}|open>" if post.url and len(post.url) < URL else ""
        yield _section(f">{escaped(quoted(post))}{link}")
    buttons = [("Look", message.page), *message.actions]
    shown = [_button(name, url) for name, url in buttons if url and len(url) <= URL]
    if shown:
        yield {"type": "actions", "elements": shown}
    yield {"type": "context", "elements": [{"type": "plain_text", "text": truncate(message.footer, 1900)}]}


def _section(text: str) -> dict[str, Any]:
    return {"type": "section", "text": {"type": "mrkdwn", "text": truncate(text, SECTION), "verbatim": True}}


def _button(name: str, url: str) -> dict[str, Any]:
    return {"type": "button", "text": {"type": "plain_text", "text": name}, "url": url, "action_id": name.lower()}


def escaped(text: str) -> str:
    """Text as Slack shows it: no links, no mentions, no marks.

    >>> escaped("<!channel> *now* & then")
    '&lt;!channel&gt; \u2217now\u2217 &amp; then'
    """
    safe = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return safe.translate({ord("*"): "\u2217", ord("`"): "\u02cb", ord("~"): "\u223c", ord("_"): "_\u200b"})
