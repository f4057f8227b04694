"""Microsoft Teams: an Adaptive Card to a workflow's webhook ("Post to a channel when a webhook request is received").

Untrusted text stands in runs, which know no markup. Teams cannot tell a repeat; the key stands in the last line. A card
may have 28 KB. Source: Microsoft Learn, "Create and send messages with incoming webhooks"; Adaptive Cards 1.4.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec
from pydantic import ConfigDict, SecretStr

from tocsin.component import Context
from tocsin.messages import Message, of
from tocsin.messages.plain import quoted
from tocsin.model import Message as Told
from tocsin.notifiers._posting import Posting, PostingOptions
from tocsin.text import truncate

MOST = 27_000


class Config(PostingOptions):
    """Options of the teams notifier."""

    model_config = ConfigDict(hide_input_in_errors=True)

    webhook: SecretStr
    """The URL that the workflow shows."""


class Teams:
    """Posts cards to a channel of Teams."""

    def __init__(self, config: Config, context: Context) -> None:
        self._posting, self._context = Posting(config.webhook.get_secret_value(), config, context), context

    async def send(self, message: Told) -> None:
        """Raises Transient or Permanent as `net.Client.request` does."""
        await self._posting.post_json(card(of(message, self._context.link)))


def card(message: Message) -> dict[str, Any]:
    """The message as a card that is not too large: the last lines go first."""
    body, foot = list(_body(message)), _run(truncate(message.footer, 500), size="Small", isSubtle=True)
    whole = _wrapped([*body, foot], message)
    while len(msgspec.json.encode(whole)) > MOST and len(body) > 1:
        body.pop()
        whole = _wrapped([*body, foot], message)
    return whole


def _wrapped(body: list[dict[str, Any]], message: Message) -> dict[str, Any]:
    buttons = [("Look", message.page), *message.actions]
    content = {
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "type": "AdaptiveCard",
        "version": "1.4",
        "msteams": {"width": "Full"},
        "body": body,
        "actions": [{"type": "Action.OpenUrl", "title": name, "url": url} for name, url in buttons if url],
    }
    kind = "application/vnd.microsoft.card.adaptive"
    attachment = {"contentType": kind, "contentUrl": None, "content": content}
    return {"type": "message", "summary": truncate(message.title, 200), "attachments": [attachment]}


def _body(message: Message) -> Iterator[dict[str, Any]]:
    yield _run(message.title, size="Large", weight="Bolder")
    if message.why:
        yield _run(truncate(message.why, 1000))
    for name, value in message.facts:
        yield _run(f"{name}: {truncate(value, 500)}")
    for line in (*message.slices, *message.lines):
        yield _run(f"• {truncate(line, 500)}")
    for post in message.posts:
        yield _run(truncate(quoted(post), 500), isSubtle=True)


def _run(text: str, **style: Any) -> dict[str, Any]:
    return {"type": "RichTextBlock", "inlines": [{"type": "TextRun", "text": text, **style}]}
