"""CloudEvents 1.0 over HTTP: the whole alert as `data`, structured or binary.

The event's `id` is the alert's key, the same at every try. Source: CloudEvents 1.0.2, HTTP Protocol Binding.
"""

from __future__ import annotations

from typing import Annotated, Literal
from urllib.parse import quote

import msgspec
from pydantic import ConfigDict, Field, SecretStr

from tocsin import secrets
from tocsin.component import Context
from tocsin.messages.shapes import event
from tocsin.model import Message
from tocsin.notifiers._posting import JSON, Posting, PostingOptions

PRINTED = " !#$&'()*+,-./:;<=>?@[]^_`{|}~"
"""What stands as it is in a header."""


class Config(PostingOptions):
    """Options of the cloudevents notifier."""

    model_config = ConfigDict(hide_input_in_errors=True)

    url: Annotated[str, Field(repr=False)]
    """Where to post events: http or https, without a user or password."""
    source: str = "/tocsin"
    """The `source` of the events."""
    mode: Literal["structured", "binary"] = "structured"
    """Whether attributes are in the body or in headers."""
    headers: Annotated[dict[str, SecretStr], Field(default_factory=dict)]
    """Further headers to send, such as Authorization."""
    secret: secrets.SigningKey | None = None
    """The key that signs each request, as the webhook notifier does."""


class Cloudevents:
    """Posts CloudEvents."""

    def __init__(self, config: Config, context: Context) -> None:
        self._config, self._clock, self._posting = config, context.clock, Posting(config.url, config, context)

    async def send(self, message: Message) -> None:
        """Raises Transient or Permanent as `net.Client.request` does."""
        found = event(message, self._config.source)
        headers = {name: value.get_secret_value() for name, value in self._config.headers.items()}
        if self._config.mode == "structured":
            body, headers["Content-Type"] = msgspec.json.encode(found), "application/cloudevents+json"
        else:
            body, headers["Content-Type"] = msgspec.json.encode(found.pop("data")), JSON
            del found["datacontenttype"]
            headers |= {
                f"ce-{name}": quote(str(value), safe=" !#$&'()*+,-./:;<=>?@[]^_`{|}~") for name, value in found.items()
            }
        if self._config.secret is not None:
            headers[secrets.TIMESTAMP] = str(int(self._clock.now().timestamp()))
            key = self._config.secret.get_secret_value()
            headers[secrets.SIGNATURE] = secrets.sign(key, headers[secrets.TIMESTAMP], body)
        await self._posting.post(body, headers)
