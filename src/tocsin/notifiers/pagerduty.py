"""PagerDuty, Events API v2: an incident triggers, and resolves when it is over.

The `dedup_key` is the incident's id, so a repeat changes nothing. Digests are not for it. Limits: a summary of 1,024
characters, an event of 512 KB. Source: PagerDuty developer documentation, "Send an alert event".
"""

from __future__ import annotations

from typing import Annotated, Any, ClassVar

from pydantic import ConfigDict, Field, SecretStr

from tocsin.component import Context
from tocsin.errors import Permanent
from tocsin.messages import of
from tocsin.model import Alert, Digest, Message
from tocsin.notifiers._posting import Posting, PostingOptions
from tocsin.text import truncate

SEVERITY = {"notable": "warning", "high": "error", "critical": "critical"}


class Config(PostingOptions):
    """Options of the pagerduty notifier."""

    model_config = ConfigDict(hide_input_in_errors=True)

    routing_key: SecretStr
    """The integration key of the service (Events API v2)."""
    api: Annotated[str, Field(repr=False)] = "https://events.pagerduty.com"
    """Where the Events API is; https://events.eu.pagerduty.com for accounts in the EU."""


class Pagerduty:
    """Sends events to PagerDuty."""

    takes_digests: ClassVar[bool] = False

    def __init__(self, config: Config, context: Context) -> None:
        self._config, self._context = config, context
        self._posting = Posting(f"{config.api.rstrip('/')}/v2/enqueue", config, context)

    async def send(self, message: Message) -> None:
        """Raises Transient or Permanent as `net.Client.request` does; Permanent for a digest."""
        if isinstance(message, Digest):
            raise Permanent("PagerDuty takes no digests")
        key = self._config.routing_key.get_secret_value()
        await self._posting.post_json({"routing_key": key, **self._event(message)})

    def _event(self, alert: Alert) -> dict[str, Any]:
        found, incident = of(alert, self._context.link), alert.incident
        over = alert.event in {"resolved", "expired"}
        links = [("Look", found.page), *found.actions]
        details = {name: truncate(value, 1000) for name, value in found.facts}
        details |= {"why": found.why, "key": alert.key, "sql": truncate(found.sql, 4000)}
        details |= {f"post {number}": post.text for number, post in enumerate(found.posts, 1)}
        return {
            "event_action": "resolve" if over else "trigger",
            "dedup_key": incident.id,
            "client": "Tocsin",
            "payload": {
                "summary": truncate(found.title, 1000),
                "source": truncate("/".join(incident.series.values()) or incident.policy, 250),
                "severity": SEVERITY[found.word],
                "timestamp": incident.detected_at.isoformat(),
                "component": incident.policy,
                "group": incident.part_of or incident.id,
                "class": incident.measure,
                "custom_details": details,
            },
            "links": [{"href": url, "text": name} for name, url in links if url],
        }
