"""Alerts in the shapes of others, so that what listens to those goes on working: Lookout for Metrics, Alertmanager,
CloudEvents.

Sources: Amazon Lookout for Metrics Developer Guide, "Working with alerts"; Alertmanager, "Webhook receiver" (version 4)
and its API v2; CloudEvents 1.0.2.
"""

from __future__ import annotations

import hashlib
import re
from collections import defaultdict
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import msgspec

from tocsin.messages import PAGE, Link, of
from tocsin.messages.plain import text
from tocsin.model import Alert, Digest, Incident, Message

EXPIRES = timedelta(hours=49)
"""No incident is open longer, so that what was never resolved there resolves by itself."""
ZERO = "0001-01-01T00:00:00Z"


def lookout(alert: Alert, link: Link) -> dict[str, Any]:
    """The JSON that Lookout for Metrics sent to SNS and Lambda. Shares of the excess are the contributions."""
    incident = alert.incident
    shares: defaultdict[str, dict[str, float]] = defaultdict(dict)
    for dimension, value in incident.series.items():
        shares[dimension][value] = 100
    for part in incident.explanation.get("slices", ()):
        if part.get("dimension") != "rest":
            shares[part["dimension"]][part["value"]] = round(min(max(part["share"], 0), 100))
    name = f"tocsin:{incident.policy}"
    return {
        "alertName": incident.policy,
        "alertEventId": f"{name}:event/{alert.key}",
        "anomalyDetectorArn": "tocsin",
        "alertArn": name,
        "alertDescription": incident.headline,
        "anomalyGroupId": incident.part_of or incident.id,
        "impactedMetric": {
            "metricName": incident.measure,
            "dimensionContribution": [
                {
                    "dimensionName": dimension,
                    "dimensionValueContributions": [
                        {"dimensionValue": value, "valueContribution": share} for value, share in values.items()
                    ],
                }
                for dimension, values in shares.items()
            ],
            "relevantTimeSeries": [
                {
                    "timeSeriesId": incident.id,
                    "dimensions": [
                        {"dimensionName": dimension, "dimensionValue": value}
                        for dimension, value in incident.series.items()
                    ],
                    "metricValue": incident.observed,
                }
            ],
        },
        "timestamp": f"{incident.detected_at:%Y-%m-%dT%H:%MZ}",
        "anomalyScore": float(incident.severity),
        "consoleUrl": link(incident.id, PAGE),
    }


def labels(incident: Incident) -> dict[str, str]:
    """Labels as Alertmanager wants them: the same for every message about an incident."""
    named = {re.sub(r"[^a-zA-Z0-9_]", "_", name): value for name, value in incident.series.items()}
    grade = "critical" if incident.severity >= 85 else "warning"
    own = {"policy": incident.policy, "direction": incident.direction, "incident": incident.id}
    return {**named, **own, "alertname": "tocsin", "severity": grade}


def prometheus(alert: Alert, link: Link) -> dict[str, Any]:
    """One alert of Alertmanager's API v2 (POST /api/v2/alerts)."""
    incident, message = alert.incident, of(alert, link)
    over = alert.event in {"resolved", "expired"}
    ends = incident.end if over and incident.end else incident.detected_at + EXPIRES
    found = {
        "labels": labels(incident),
        "annotations": {"summary": message.title, "description": text(message, 4000, title=False), "key": alert.key},
        "startsAt": _time(incident.start),
        "endsAt": _time(ends),
    }
    return found | ({"generatorURL": message.page} if message.page else {})


def alertmanager(alert: Alert, link: Link) -> dict[str, Any]:
    """The body that Alertmanager posts to a webhook receiver, version 4."""
    one = prometheus(alert, link)
    over = alert.event in {"resolved", "expired"}
    state = "resolved" if over else "firing"
    grouped = {"alertname": "tocsin", "policy": alert.incident.policy}
    alone = {
        "status": state,
        "generatorURL": one.get("generatorURL", ""),
        "endsAt": one["endsAt"] if over else ZERO,
        "fingerprint": hashlib.blake2b(alert.incident.id.encode(), digest_size=8).hexdigest(),
    }
    return {
        "version": "4",
        "groupKey": f'{{}}:{{policy="{alert.incident.policy}", incident="{alert.incident.id}"}}',
        "truncatedAlerts": 0,
        "status": state,
        "receiver": "tocsin",
        "groupLabels": grouped,
        "commonLabels": one["labels"],
        "commonAnnotations": one["annotations"],
        "externalURL": one.get("generatorURL", ""),
        "alerts": [one | alone],
    }


def event(message: Message, source: str) -> dict[str, Any]:
    """A CloudEvent: its attributes, and the message as `data`."""
    alert = message if isinstance(message, Alert) else None
    time = message.until if isinstance(message, Digest) else message.incident.detected_at
    return {
        "specversion": "1.0",
        "id": message.key,
        "source": source,
        "type": f"tocsin.alert.{message.event}" if isinstance(message, Alert) else "tocsin.digest",
        "time": _time(time),
        "datacontenttype": "application/json",
        **({"subject": alert.incident.id} if alert else {}),
        "data": data(message),
    }


def data(message: Message) -> Mapping[str, Any]:
    """The message as plain data, as `alerts show --json` has it."""
    return {name: value for name, value in msgspec.to_builtins(message).items() if name != "type"}


def _time(time: datetime) -> str:
    return time.isoformat().replace("+00:00", "Z")
