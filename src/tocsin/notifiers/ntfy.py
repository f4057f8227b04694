"""ntfy: a push to a topic, of ntfy.sh or a server of your own, with priority and actions.

ntfy cannot tell a repeat; the key stands in the last line. Limits: a message of 4,096 bytes, three actions. Source:
ntfy documentation, "Publish as JSON".
"""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field, SecretStr

from tocsin.component import Context
from tocsin.messages import Message, of
from tocsin.messages.plain import text
from tocsin.model import Message as Told
from tocsin.notifiers._posting import Posting, PostingOptions

MOST_BYTES, MOST_ACTIONS = 3900, 3
PRIORITY = {"notable": 3, "high": 4, "critical": 5}


class Config(PostingOptions):
    """Options of the ntfy notifier."""

    topic: Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,64}$")]
    """The topic's name. On a public server whoever knows it can read it."""
    server: str = "https://ntfy.sh"
    """The server."""
    token: SecretStr | None = None
    """An access token, where the topic needs one."""


class Ntfy:
    """Pushes to a topic."""

    def __init__(self, config: Config, context: Context) -> None:
        self._config, self._context, self._posting = config, context, Posting(config.server, config, context)

    async def send(self, message: Told) -> None:
        """Raises Transient or Permanent as `net.Client.request` does."""
        token = self._config.token
        headers = {"Authorization": f"Bearer {token.get_secret_value()}"} if token else {}
        shown = payload(of(message, self._context.link))
        await self._posting.post_json({"topic": self._config.topic, **shown}, headers)


def payload(message: Message) -> dict[str, Any]:
    """The message as ntfy's JSON."""
    body = text(message, title=False).encode()[:MOST_BYTES].decode(errors="ignore")
    over = message.event in {"resolved", "expired"}
    found: dict[str, Any] = {
        "title": message.title,
        "message": body if message.footer in body else f"{body[: -len(message.footer) - 2]}\n{message.footer}",
        "priority": 2 if over else PRIORITY[message.word],
        "tags": ["white_check_mark" if over else "bell"],
        "actions": [
            {"action": "view", "label": name, "url": url, "clear": False}
            for name, url in message.actions[:MOST_ACTIONS]
        ],
    }
    return found | ({"click": message.page} if message.page else {})
