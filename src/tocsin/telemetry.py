"""What Tocsin counts of itself, for Prometheus, and how it logs.

The names are fixed (`METRICS`) and documented; labels are the names in the config and our own few words, never
text from outside. https://prometheus.io/docs/practices/naming/
"""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib import import_module
from typing import TYPE_CHECKING, Any, Literal, TextIO

from tocsin.model import Batch, Heartbeat, Post
from tocsin.secrets import Redactor, extras
from tocsin.text import clean, one_line

if TYPE_CHECKING:
    from prometheus_client import CollectorRegistry

MAX_VALUES = 200
"""Values that one label may take; those after them are counted together as "other"."""

Stage = Literal["ingest", "process", "notify"]


@dataclass(frozen=True)
class Metric:
    """One name on the metrics page. `name` is whole: the `_total` of a counter is part of it."""

    name: str
    kind: Literal["counter", "gauge", "histogram"]
    help: str
    labels: tuple[str, ...] = ()
    buckets: tuple[float, ...] = ()


_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)

METRICS = (
    Metric("tocsin_events_total", "counter", "Events put into the queue.", ("source", "kind")),
    Metric("tocsin_duplicates_total", "counter", "Posts that were already in the lake.", ("source",)),
    Metric("tocsin_dead_letters_total", "counter", "What could not be used and was put aside.", ("stage",)),
    Metric("tocsin_source_paused_seconds_total", "counter", "Time that a source stood still.", ("source",)),
    Metric("tocsin_source_heard_timestamp_seconds", "gauge", "Unix time of a source's newest word.", ("source",)),
    Metric("tocsin_source_lag_seconds", "gauge", "From a post's time to its arrival, lately, median.", ("source",)),
    Metric("tocsin_source_cost_dollars", "gauge", "What a paid source has cost today (UTC).", ("source",)),
    Metric("tocsin_retries_total", "counter", "Tries after a fault that may pass.", ("stage", "name")),
    Metric("tocsin_queue_events", "gauge", "Events in the queue that are not yet in the lake."),
    Metric("tocsin_lake_commits_total", "counter", "Commits to the lake."),
    Metric("tocsin_lake_rows_total", "counter", "Rows committed to the lake."),
    Metric("tocsin_commit_seconds", "histogram", "Time that a commit to the lake took.", (), _SECONDS),
    Metric("tocsin_detect_lag_seconds", "gauge", "Event time between the newest row and the last judged bucket."),
    Metric("tocsin_incidents_total", "counter", "Incidents opened.", ("policy",)),
    Metric("tocsin_sends_total", "counter", "Alerts sent, by how it went.", ("destination", "outcome")),
    Metric("tocsin_outbox_messages", "gauge", "Alerts that wait to be sent.", ("destination",)),
    Metric("tocsin_outbox_age_seconds", "gauge", "How long the oldest of them has waited.", ("destination",)),
    Metric("tocsin_destination_resting", "gauge", "1 while a destination is left alone.", ("destination",)),
)


class Telemetry:
    """The counters of one process, in a registry of their own. Thread-safe.

    >>> telemetry = Telemetry()
    >>> telemetry.committed(rows=500, seconds=0.02)
    >>> b"tocsin_lake_rows_total 500.0" in telemetry.render()
    True
    """

    def __init__(self) -> None:
        prometheus: Any = import_module("prometheus_client")
        prometheus.disable_created_metrics()  # the time at which a counter was made says nothing
        self._registry: CollectorRegistry = prometheus.CollectorRegistry()
        self._metrics: dict[str, Any] = {}
        self._values: dict[str, set[str]] = {}
        for metric in METRICS:
            options: dict[str, Any] = {"buckets": metric.buckets} if metric.kind == "histogram" else {}
            make: Callable[..., Any] = getattr(prometheus, metric.kind.capitalize())
            self._metrics[metric.name] = make(
                metric.name, metric.help, metric.labels, registry=self._registry, **options
            )

    def received(self, source: str, batch: Batch) -> None:
        """A batch of a source is in the queue."""
        counts: dict[str, int] = {}
        for event in batch.events:
            kind = type(event).__name__.lower()
            counts[kind] = counts.get(kind, 0) + 1
        self._heard(source, batch)
        for kind, count in counts.items():
            self._add("tocsin_events_total", count, source, kind)
        self.dead("ingest", len(batch.dead))

    def _heard(self, source: str, batch: Batch) -> None:
        """How fresh a source is."""
        times = [event.received_at if isinstance(event, Post) else event.at for event in batch.events
                 if isinstance(event, Post | Heartbeat)]  # fmt: skip
        if times:
            self._set("tocsin_source_heard_timestamp_seconds", max(times).timestamp(), source)
        posts = [event for event in batch.events if isinstance(event, Post) and not event.backfilled]
        lags = sorted((post.received_at - post.created_at).total_seconds() for post in posts if post.created_at)
        if lags:
            self._set("tocsin_source_lag_seconds", lags[len(lags) // 2], source)

    def duplicate(self, source: str) -> None:
        self._add("tocsin_duplicates_total", 1, source)

    def dead(self, stage: Stage, count: int) -> None:
        """So many dead letters were put aside."""
        self._add("tocsin_dead_letters_total", count, stage)

    def paused(self, source: str, seconds: float) -> None:
        """A source had to stand still for so long."""
        self._add("tocsin_source_paused_seconds_total", seconds, source)

    def cost(self, source: str, dollars: float) -> None:
        """What a paid source has cost since midnight, UTC."""
        self._set("tocsin_source_cost_dollars", dollars, source)

    def retried(self, stage: str, name: str) -> None:
        """A source, destination or loop is tried again after a Transient fault."""
        self._add("tocsin_retries_total", 1, stage, name)

    def backlog(self, events: int) -> None:
        """So many events are in the queue and not in the lake."""
        self._set("tocsin_queue_events", events)

    def committed(self, rows: int, seconds: float) -> None:
        """A commit to the lake has been made."""
        self._add("tocsin_lake_commits_total", 1)
        self._add("tocsin_lake_rows_total", rows)
        self._metrics["tocsin_commit_seconds"].observe(seconds)

    def lag(self, seconds: float) -> None:
        """How far detection is behind the newest row, in event time."""
        self._set("tocsin_detect_lag_seconds", seconds)

    def incident(self, policy: str) -> None:
        """An incident was opened."""
        self._add("tocsin_incidents_total", 1, policy)

    def sent(self, destination: str, outcome: Literal["delivered", "retry", "dead", "held"]) -> None:
        """An alert was sent, or was not."""
        self._add("tocsin_sends_total", 1, destination, outcome)

    def outbox(self, destination: str, messages: int, seconds: float) -> None:
        """So many alerts wait for a destination, the oldest for so long."""
        self._set("tocsin_outbox_messages", messages, destination)
        self._set("tocsin_outbox_age_seconds", max(seconds, 0.0), destination)

    def resting(self, destination: str, *, rests: bool) -> None:
        """Whether a destination that keeps failing is left alone for a while."""
        self._set("tocsin_destination_resting", rests, destination)

    def render(self) -> bytes:
        """All of it, in the text format of Prometheus (version 0.0.4)."""
        from prometheus_client import generate_latest

        return generate_latest(self._registry)

    def _add(self, name: str, amount: float, *values: str) -> None:
        self._of(name, *values).inc(amount)

    def _set(self, name: str, value: float, *values: str) -> None:
        self._of(name, *values).set(value)

    def _of(self, name: str, *values: str) -> Any:
        labels = [self._bounded(f"{name}/{place}", value) for place, value in enumerate(values)]
        return self._metrics[name].labels(*labels) if labels else self._metrics[name]

    def _bounded(self, label: str, value: str) -> str:
        known = self._values.setdefault(label, set())
        if value not in known:
            if len(known) >= MAX_VALUES:
                return "other"
            known.add(value)
        return value


class _Lines(logging.Formatter):
    """One line a record, for people; what follows a line is an error's trace."""

    def format(self, record: logging.LogRecord) -> str:
        parts = [_time(record), record.levelname, one_line(record.getMessage())]
        parts += [f"{name}={one_line(str(value))}" for name, value in extras(record).items()]
        line = " ".join(parts)
        trace = _trace(self, record)
        return f"{line}\n{clean(trace)}" if trace else line


class _Json(logging.Formatter):
    """One JSON object a record, for machines."""

    def format(self, record: logging.LogRecord) -> str:
        fields: dict[str, Any] = {"time": _time(record), "level": record.levelname.lower(), "logger": record.name}
        fields |= {"message": record.getMessage(), **extras(record)}
        if trace := _trace(self, record):
            fields["error"] = trace
        return json.dumps(fields, default=str)


def _time(record: logging.LogRecord) -> str:
    return datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _trace(formatter: logging.Formatter, record: logging.LogRecord) -> str:
    trace = record.exc_text or (formatter.formatException(record.exc_info) if record.exc_info else "")
    return "\n".join(part for part in (trace, record.stack_info) if part)


def configure_logging(level: str, *, as_json: bool, redactor: Redactor, stream: TextIO | None = None) -> None:
    """Log to `stream` (default: standard error) from `level` on, every record through `redactor`.

    Called again, it replaces its earlier settings.
    """
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(_Json() if as_json else _Lines())
    handler.addFilter(redactor)
    handler.set_name("tocsin")
    root = logging.getLogger()
    for earlier in [handler for handler in root.handlers if handler.get_name() == "tocsin"]:
        root.removeHandler(earlier)
        earlier.close()
    root.addHandler(handler)
    root.setLevel(level.upper())
