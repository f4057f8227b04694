"""Prometheus Alertmanager: incidents as its alerts, so that its routes, groups and silences apply.

An incident has the same labels in all its messages, so a repeat changes nothing. One that is never resolved resolves by
itself after 49 hours. Digests are not for it. Source: Alertmanager API v2 (POST /api/v2/alerts).
"""

from __future__ import annotations

from typing import Annotated, ClassVar

from pydantic import ConfigDict, Field, SecretStr

from tocsin.component import Context
from tocsin.errors import Permanent
from tocsin.messages.shapes import prometheus
from tocsin.model import Digest, Message
from tocsin.notifiers._posting import Posting, PostingOptions


class Config(PostingOptions):
    """Options of the alertmanager notifier."""

    model_config = ConfigDict(hide_input_in_errors=True)

    url: Annotated[str, Field(repr=False)]
    """Where Alertmanager is, without /api: "http://alertmanager:9093"."""
    headers: Annotated[dict[str, SecretStr], Field(default_factory=dict)]
    """Further headers to send, such as Authorization."""


class Alertmanager:
    """Posts alerts to Alertmanager."""

    takes_digests: ClassVar[bool] = False

    def __init__(self, config: Config, context: Context) -> None:
        self._config, self._context = config, context
        self._posting = Posting(f"{config.url.rstrip('/')}/api/v2/alerts", config, context)

    async def send(self, message: Message) -> None:
        """Raises Transient or Permanent as `net.Client.request` does; Permanent for a digest."""
        if isinstance(message, Digest):
            raise Permanent("Alertmanager takes no digests")
        headers = {name: value.get_secret_value() for name, value in self._config.headers.items()}
        shown = [prometheus(message, self._context.link)]
        await self._posting.post_json(shown, headers)
