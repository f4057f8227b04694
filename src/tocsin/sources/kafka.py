"""Kafka: the messages of a topic, each a post or a delete in the form that the webhook takes; docs/reference/kafka.md.

Tocsin keeps its place itself, with the posts, so no consumer group is used and nothing is committed to the broker.
"""

from __future__ import annotations

import logging
import ssl
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

import msgspec
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError
from aiokafka.helpers import create_ssl_context
from msgspec.structs import replace
from pydantic import Field, SecretStr

from tocsin.component import Context
from tocsin.errors import ConfigError, Transient
from tocsin.model import Batch, DeadLetter, Event, Gap, Post
from tocsin.net import backoff
from tocsin.options import Duration, Options
from tocsin.sources._cursor import loaded, saved
from tocsin.sources._pulse import Pulse
from tocsin.sources._submission import Rejected, parse
from tocsin.text import one_line

log = logging.getLogger(__name__)

BASE, CAP = 0.5, 30.0
MOST = 500
"""Messages of a batch."""
LOOK = 60.0
"""Seconds between two looks for new partitions."""
LONGEST = timedelta(seconds=30)
"""A stretch without a connection that is longer than this is a gap."""
_LETTER = 65_536


class Config(Options):
    """Options of the kafka source."""

    brokers: Annotated[tuple[str, ...], Field(min_length=1)]
    """Some of the brokers: "kafka-1.example:9092"."""
    topic: str
    """The topic."""
    start: Literal["newest", "oldest"] = "newest"
    """Where the very first start begins."""
    security: Literal["plaintext", "ssl", "sasl_plaintext", "sasl_ssl"] = "plaintext"
    """How the brokers are spoken to."""
    mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] = "SCRAM-SHA-512"
    """How the user is proved, with SASL."""
    username: str | None = None
    """The user, with SASL."""
    password: SecretStr | None = None
    """The user's password."""
    ca: Path | None = None
    """A file with the authority of the brokers' certificates, where it is not one of the system's."""
    timeout: Duration = 30.0
    """How long an answer may take."""
    heartbeat: Duration = 10.0
    """How often the source says that it is well."""


class Place(msgspec.Struct):
    """`next` is the next offset of each partition, `heard` when the brokers answered last, `since` the start of the
    gap that is told, which ends when the offsets `until` are reached."""

    next: dict[str, int] = {}
    heard: datetime | None = None
    since: datetime | None = None
    until: dict[str, int] = {}


class Kafka:
    finite: ClassVar[bool] = False
    live: ClassVar[bool] = True
    mends: ClassVar[Literal[True]] = True

    def __init__(self, config: Config, context: Context) -> None:
        """Raises ConfigError for a file of certificates that cannot be used."""
        self._config, self._name, self._clock, self._random = config, context.name, context.clock, context.random
        self._ssl = self._certificates(context.base_dir) if config.security.endswith("ssl") else None
        self._failures = 0

    def _certificates(self, base: Path) -> ssl.SSLContext:
        file = None if self._config.ca is None else str(base / self._config.ca.expanduser())
        try:
            return create_ssl_context(cafile=file) if file else ssl.create_default_context()
        except OSError as error:
            raise ConfigError(f"source {self._name}: {file} cannot be used: {error.strerror}") from None

    async def read(self, cursor: str | None) -> AsyncGenerator[Batch, None]:
        """Batches of one connection. Raises Transient when it cannot be made or is lost."""
        place = loaded(cursor, Place) or Place()
        consumer = AIOKafkaConsumer(
            bootstrap_servers=list(self._config.brokers),
            client_id="tocsin",
            enable_auto_commit=False,
            auto_offset_reset="none",
            request_timeout_ms=round(self._config.timeout * 1000),
            security_protocol=self._config.security.upper(),
            ssl_context=self._ssl,
            sasl_mechanism=self._config.mechanism,
            sasl_plain_username=self._config.username,
            sasl_plain_password=self._config.password and self._config.password.get_secret_value(),
        )
        try:
            await consumer.start()
            async for batch in self._batches(consumer, place):
                yield batch
        except KafkaError as error:
            self._failures += 1
            said = one_line(str(error), 200)
            wait = backoff(self._failures, self._random, BASE, CAP)
            raise Transient(f"Kafka at {self._config.brokers[0]}: {said}", wait) from None
        finally:
            with suppress(KafkaError):
                await consumer.stop()

    async def _batches(self, consumer: AIOKafkaConsumer, place: Place) -> AsyncGenerator[Batch, None]:
        partitions = await self._partitions(consumer)
        begun = await self._begin(consumer, partitions, place)
        yield Batch(events=begun, cursor=saved(place))  # from here on nothing may be missed
        events: list[Event] = []
        log.info("Source %s reads %d partitions of %s.", self._name, len(partitions), self._config.topic)
        pulse = Pulse(self._name, self._config.heartbeat, None)
        now = self._clock.monotonic()
        due, look = now, now + LOOK
        while True:
            found = await consumer.getmany(timeout_ms=200, max_records=MOST)
            self._failures, place.heard = 0, self._clock.now()
            dead: list[DeadLetter] = []
            for partition in sorted(found):
                for record in found[partition]:
                    events += self._events(record, place, dead)
                    place.next[str(record.partition)] = record.offset + 1
            events += self._ended(place)
            pulse.heard(events)
            if self._clock.monotonic() >= due and self._all_read(consumer, place):
                due = self._clock.monotonic() + self._config.heartbeat
                events.append(pulse.beat(place.heard))
            if events or dead:
                yield Batch(events=events, cursor=saved(place), dead=dead)
                events = []
            if self._clock.monotonic() >= look:
                look = self._clock.monotonic() + LOOK
                if len(await self._partitions(consumer)) != len(partitions):
                    raise Transient(f"the topic {self._config.topic} has other partitions now", 0.01)

    async def _partitions(self, consumer: AIOKafkaConsumer) -> list[TopicPartition]:
        """Raises Transient where there is no such topic."""
        topics = await consumer.topics()
        numbers = consumer.partitions_for_topic(self._config.topic) if self._config.topic in topics else None
        if not numbers:
            raise Transient(f"Kafka at {self._config.brokers[0]} has no topic {one_line(self._config.topic, 100)}", CAP)
        return [TopicPartition(self._config.topic, number) for number in sorted(numbers)]

    async def _begin(
        self, consumer: AIOKafkaConsumer, partitions: Sequence[TopicPartition], place: Place
    ) -> list[Event]:
        """Go to where reading goes on; what of that the brokers keep no more, and what has come meanwhile, is a gap."""
        consumer.assign(partitions)
        first: Mapping[TopicPartition, int] = await consumer.beginning_offsets(partitions)
        end: Mapping[TopicPartition, int] = await consumer.end_offsets(partitions)
        now, events, lost = self._clock.now(), list[Event](), 0
        known = bool(place.next)
        for one in partitions:
            # A partition that is new to a topic that was read before is read from its beginning.
            newest = end[one] if self._config.start == "newest" and not known else first[one]
            at = place.next.get(str(one.partition), newest)
            lost += max(first[one] - at, 0)
            place.next[str(one.partition)] = max(at, first[one])
            consumer.seek(one, place.next[str(one.partition)])
        if place.heard is not None and lost:
            note = f"{lost:,} messages that the brokers do not keep any more"
            events.append(self._gap(place.heard, now, "lost", note))
        if place.since is None and place.heard is not None and now - place.heard > LONGEST:
            place.since = place.heard
        if place.since is not None:
            place.until = {str(one.partition): end[one] for one in partitions}
            events.append(self._gap(place.since, now, "open", "not connected"))
        return events

    def _ended(self, place: Place) -> list[Event]:
        if place.since is None or any(place.next.get(one, 0) < end for one, end in place.until.items()):
            return []
        start, place.since, place.until = place.since, None, {}
        return [self._gap(start, self._clock.now(), "filled", "read on from where reading stopped")]

    def _all_read(self, consumer: AIOKafkaConsumer, place: Place) -> bool:
        """Whether nothing waits at the brokers, as far as they have said."""
        ends = {one.partition: consumer.highwater(one) for one in consumer.assignment()}
        return all(end is not None and place.next.get(str(one), 0) >= end for one, end in ends.items())

    def _events(self, record: Any, place: Place, dead: list[DeadLetter]) -> list[Event]:
        now = self._clock.now()
        body = record.value or b""
        try:
            events = parse(body, "either", self._name, now)
        except Rejected as fault:
            reason = "; ".join([fault.reason, *(why for _, why in fault.items[:3])])
            dead.append(
                self._letter(body[:_LETTER], f"{self._config.topic}/{record.partition}@{record.offset}", reason)
            )
            return []
        late = place.since is not None and record.offset < place.until.get(str(record.partition), 0)
        return [replace(one, backfilled=late) if isinstance(one, Post) else one for one in events]

    def _letter(self, body: bytes, place: str, reason: str) -> DeadLetter:
        why, now = one_line(reason, 300), self._clock.now()
        return DeadLetter(source=self._name, stage="ingest", reason=why, place=place, body=body, at=now)

    def _gap(self, start: datetime, end: datetime, state: Literal["open", "filled", "lost"], note: str) -> Gap:
        return Gap(source=self._name, stream=self._name, start=start, end=max(start, end), state=state, note=note)
