"""Alerts by HTTP POST, signed, to one URL; docs/reference/webhook.md has the shape.

The `Idempotency-Key` header and the `key` in the body are the same at every try, so a receiver can tell a repeat.
Any answer of 2xx counts as taken, whatever its body. Redirects are not followed. The body is also a post that
Tocsin's own webhook source takes, so one Tocsin can watch another.
"""

from __future__ import annotations

from typing import Annotated
from urllib.parse import quote

import msgspec
from pydantic import ConfigDict, Field, SecretStr

from tocsin import secrets
from tocsin.component import Context
from tocsin.errors import ConfigError
from tocsin.model import Alert
from tocsin.net import Client, Timeouts, host_and_port
from tocsin.options import Duration, Options
from tocsin.text import safe_url


class Config(Options):
    """Options of the webhook notifier."""

    model_config = ConfigDict(hide_input_in_errors=True)

    url: Annotated[str, Field(repr=False)]
    """Where to send alerts: http or https, without a user or password."""
    secret: secrets.SigningKey | None = None
    """The key that signs each request."""
    headers: Annotated[dict[str, SecretStr], Field(default_factory=dict)]
    """Further headers to send, such as Authorization."""
    allow_private: bool = False
    """Whether the URL may be on this machine or in a private network."""
    timeout: Duration = 15.0
    """How long to wait for the answer."""


class Webhook:
    """Posts alerts to a URL."""

    def __init__(self, config: Config, context: Context) -> None:
        self._config, self._clock = config, context.clock
        if safe_url(config.url) is None:
            message = f"the url of the destination '{context.name}' is not one that can be posted to"
            raise ConfigError(message, hint="write https://host/path, without a user or password")
        self._allow = frozenset({host_and_port(config.url)} if config.allow_private else ())

    async def send(self, alert: Alert) -> None:
        """Raises Transient or Permanent as `net.Client.request` does."""
        body = _body(alert)
        seconds = self._config.timeout
        timeouts = Timeouts(connect=seconds, read=seconds, total=seconds)
        async with (
            Client(self._clock, allow=self._allow, timeouts=timeouts) as client,
            client.stream("POST", self._config.url, body=body, headers=self._headers(alert, body)),
        ):
            pass

    def _headers(self, alert: Alert, body: bytes) -> dict[str, str]:
        timestamp = str(int(self._clock.now().timestamp()))
        headers = {name: value.get_secret_value() for name, value in self._config.headers.items()}
        headers |= {"Content-Type": "application/json", "Idempotency-Key": quote(alert.key, safe=":/+=,;@")}
        headers[secrets.TIMESTAMP] = timestamp
        if self._config.secret is not None:
            headers[secrets.SIGNATURE] = secrets.sign(self._config.secret.get_secret_value(), timestamp, body)
        return headers


def _body(alert: Alert) -> bytes:
    incident = alert.incident
    post = {"id": alert.key, "text": incident.headline, "created_at": incident.detected_at}
    return msgspec.json.encode({"key": alert.key, "event": alert.event, **post, "incident": incident})
