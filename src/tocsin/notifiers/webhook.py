"""Alerts by HTTP POST, signed, to one URL; docs/reference/webhook.md has the shape.

The `Idempotency-Key` header and the `key` in the body are the same at every try, so a receiver can tell a repeat.
Any answer of 2xx counts as taken, whatever its body. Redirects are not followed. The body is also a post that
Tocsin's own webhook source takes, so one Tocsin can watch another.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Annotated, Any, Literal
from urllib.parse import quote

import msgspec
from pydantic import ConfigDict, Field, SecretStr

from tocsin import secrets
from tocsin.component import Context
from tocsin.errors import ConfigError, Permanent
from tocsin.messages import Link, of
from tocsin.messages.shapes import alertmanager, data, lookout
from tocsin.model import Alert, Digest, Message
from tocsin.net import Client, Timeouts, host_and_port
from tocsin.options import Duration, Options
from tocsin.text import safe_url

SHAPES: Mapping[str, Callable[[Alert, Link], dict[str, Any]]] = {"lookout": lookout, "alertmanager": alertmanager}


class Config(Options):
    """Options of the webhook notifier."""

    model_config = ConfigDict(hide_input_in_errors=True)

    url: Annotated[str, Field(repr=False)]
    """Where to send alerts: http or https, without a user or password."""
    secret: secrets.SigningKey | None = None
    """The key that signs each request."""
    headers: Annotated[dict[str, SecretStr], Field(default_factory=dict)]
    """Further headers to send, such as Authorization."""
    shape: Literal["tocsin", "lookout", "alertmanager"] = "tocsin"
    """The body: Tocsin's own, that of Lookout for Metrics, or that which Alertmanager posts to webhooks."""
    allow_private: bool = False
    """Whether the URL may be on this machine or in a private network."""
    timeout: Duration = 15.0
    """How long to wait for the answer."""


class Webhook:
    """Posts alerts to a URL."""

    def __init__(self, config: Config, context: Context) -> None:
        self._config, self._clock, self._link = config, context.clock, context.link
        if safe_url(config.url) is None:
            message = f"the url of the destination '{context.name}' is not one that can be posted to"
            raise ConfigError(message, hint="write https://host/path, without a user or password")
        self.takes_digests = config.shape == "tocsin"
        self._allow = frozenset({host_and_port(config.url)} if config.allow_private else ())

    async def send(self, message: Message) -> None:
        """Raises Transient or Permanent as `net.Client.request` does; Permanent for a digest in a shape of others."""
        body = _body(message, self._config.shape, self._link)
        seconds = self._config.timeout
        timeouts = Timeouts(connect=seconds, read=seconds, total=seconds)
        async with (
            Client(self._clock, allow=self._allow, timeouts=timeouts) as client,
            client.stream("POST", self._config.url, body=body, headers=self._headers(message, body)),
        ):
            pass

    def _headers(self, message: Message, body: bytes) -> dict[str, str]:
        timestamp = str(int(self._clock.now().timestamp()))
        headers = {name: value.get_secret_value() for name, value in self._config.headers.items()}
        headers |= {"Content-Type": "application/json", "Idempotency-Key": quote(message.key, safe=":/+=,;@")}
        headers[secrets.TIMESTAMP] = timestamp
        if self._config.secret is not None:
            headers[secrets.SIGNATURE] = secrets.sign(self._config.secret.get_secret_value(), timestamp, body)
        return headers


def _body(message: Message, shape: str, link: Link) -> bytes:
    if shape != "tocsin":
        if isinstance(message, Digest):
            raise Permanent(f"a digest has no form in the shape {shape!r}")
        return msgspec.json.encode(SHAPES[shape](message, link))
    if isinstance(message, Digest):
        told = of(message, link)
        post = {"id": message.key, "text": told.title, "created_at": message.until}
        return msgspec.json.encode({"key": message.key, "event": "digest", **post, "digest": data(message)})
    incident = message.incident
    post = {"id": message.key, "text": incident.headline, "created_at": incident.detected_at}
    also = {"also": message.also} if message.also else {}
    return msgspec.json.encode({"key": message.key, "event": message.event, **post, "incident": incident, **also})
