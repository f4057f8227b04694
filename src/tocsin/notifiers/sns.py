"""Amazon SNS: to mail, text messages, queues and functions that listen to a topic.

Each kind of listener gets its own text. With `shape: lookout` queues and functions get the JSON that Lookout for
Metrics sent, so that what listened to it goes on working. A FIFO topic drops repeats by the key. Needs the extra `aws`.
Source: Amazon SNS API, Publish.
"""

from __future__ import annotations

import hashlib
from typing import Annotated, Any, Literal

import msgspec
from pydantic import Field

from tocsin.component import Context
from tocsin.messages import of
from tocsin.messages.plain import text
from tocsin.messages.shapes import data, lookout
from tocsin.model import Alert, Message
from tocsin.options import Duration, Options
from tocsin.text import escape_json, truncate

SUBJECT, SMS, MOST = 100, 140, 200_000


class Config(Options):
    """Options of the sns notifier."""

    topic: Annotated[str, Field(pattern=r"^arn:[a-z-]+:sns:[a-z0-9-]+:\d{12}:[A-Za-z0-9_-]{1,256}(\.fifo)?$")]
    """The topic's ARN."""
    shape: Literal["tocsin", "lookout"] = "tocsin"
    """The JSON for queues and functions: Tocsin's own, or that of Lookout for Metrics."""
    profile: str | None = None
    """The profile of AWS's own config files to take credentials from."""
    endpoint_url: str | None = None
    """Another address of the service, such as that of a VPC endpoint."""
    timeout: Duration = 15.0
    """How long to wait for the answer."""


class Sns:
    """Publishes to a topic."""

    def __init__(self, config: Config, context: Context) -> None:
        from tocsin.models._aws import AwsOptions, Service

        self._config, self._context = config, context
        options = AwsOptions(profile=config.profile, endpoint_url=config.endpoint_url, timeout=config.timeout)
        self._service = Service("sns", config.topic.split(":")[3], options, context.clock)

    async def send(self, message: Message) -> None:
        """Raises Transient or Permanent as `models._aws.as_ours` says."""
        request = self.request(message)
        await self._service.call(lambda client: client.publish(**request))

    def request(self, message: Message) -> dict[str, Any]:
        """The arguments of Publish."""
        found = of(message, self._context.link)
        old = self._config.shape == "lookout" and isinstance(message, Alert)
        shown = lookout(message, self._context.link) if old and isinstance(message, Alert) else data(message)
        body = escape_json(msgspec.json.encode(shown).decode())
        words = text(found, MOST // 8)
        bodies = {"default": body if old else words, "email": words, "sms": truncate(found.title, SMS)}
        bodies |= dict.fromkeys(("lambda", "sqs", "http", "https", "email-json"), body)
        request: dict[str, Any] = {
            "TopicArn": self._config.topic,
            "Subject": _subject(found.title),
            "MessageStructure": "json",
            "Message": msgspec.json.encode(bodies).decode(),
            "MessageAttributes": {
                name: {"DataType": "String", "StringValue": value}
                for name, value in (("event", found.event), ("severity", found.word), ("key", found.key))
            },
        }
        if self._config.topic.endswith(".fifo"):
            request["MessageGroupId"] = found.incident or "digest"
            request["MessageDeduplicationId"] = hashlib.sha256(found.key.encode()).hexdigest()
        return request


def _subject(title: str) -> str:
    """Printable ASCII that begins with a letter or a digit, as SNS wants it."""
    plain = "".join(letter if " " <= letter <= "~" else "?" for letter in title)[:SUBJECT].strip()
    return plain if plain[:1].isalnum() else f"Alert {plain}"[:SUBJECT].strip()
