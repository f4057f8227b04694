"""From a config to the components that it names, put together."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from datetime import time
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from tocsin import load, settings
from tocsin.alerts import receipt
from tocsin.alerts.budget import Rate
from tocsin.alerts.lifecycle import RULES, Direction, Lifecycle
from tocsin.alerts.manners import Manners
from tocsin.clock import Clock, SystemClock
from tocsin.component import Context, Detector, Enricher, Lake, Notifier, Queue, Source
from tocsin.config import Config
from tocsin.errors import ConfigError, Permanent
from tocsin.hints import did_you_mean
from tocsin.links import Links, key
from tocsin.options import Options
from tocsin.pipeline.detect import Bell, Detect
from tocsin.pipeline.notify import Couriers, Office
from tocsin.pipeline.policy import Policy
from tocsin.series import ALL_POSTS, NOTHING, Counting, Fold
from tocsin.settings import Delivery, Maintenance, Part
from tocsin.silences import Window, quiet_hours
from tocsin.state import State
from tocsin.telemetry import Telemetry
from tocsin.text import one_line
from tocsin.understanding import Judgement, Threshold

if TYPE_CHECKING:
    from tocsin.enrichers import category

STATE_FILE = "state.db"
COUNTING: Mapping[str, Counting] = {"voices": "voices", "new_phrases": "echoes"}
"""Measure -> what its series count, where that is not posts."""
DIRECTIONS: Mapping[str, Sequence[Direction]] = {"silence": ("down",), "new_phrases": ("up",)}
"""Measure -> the directions it rings for, where that is not both."""


class Assembly:
    """Makes the components of one config. Each call makes a new one."""

    def __init__(self, config: Config, clock: Clock | None = None, seed: int | None = None) -> None:
        self.config = config
        self.clock = clock or SystemClock()
        self.random = random.Random(seed)
        self.data_dir = Path(config.data_dir)

    def prepare(self) -> None:
        """Make the data directory, private to its owner. Raises Permanent if it cannot be written."""
        try:
            self.data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
            probe = self.data_dir / ".probe"
            probe.write_bytes(b"")
            probe.unlink()
        except OSError as error:
            raise Permanent(
                f"the data directory {self.data_dir} cannot be written ({error.strerror}): "
                "give it to this user, or name another with `data_dir:`"
            ) from error

    def context(self, name: str) -> Context:
        return Context(name, self.data_dir, self.clock, self.random, self.config.base_dir, self.link)

    def link(self, incident: str, action: str) -> str | None:
        """Where people do something with an incident; None where they cannot reach the server."""
        server = self.config.server
        if server.public_url is None:
            return None
        return Links(key(self.data_dir), server.public_url, self.clock, server.link_days).url(incident, action)

    def _make(self, stage: str, part: Part) -> Any:
        return load.build(stage, part.type, part.options, self.context(part.name))

    def queue(self) -> Queue:
        queue: Queue = self._make("queues", self.config.queue)
        return queue

    def lake(self) -> Lake:
        lake: Lake = self._make("lakes", self.config.lake)
        return lake

    def state(self) -> State:
        return State(self.data_dir / STATE_FILE)

    def sources(self) -> dict[str, Source]:
        if not self.config.sources:
            raise ConfigError("there are no sources, so there is nothing to read", hint="add a block to `sources:`")
        return {name: self.source(name) for name in self.config.sources}

    def source(self, name: str) -> Source:
        """One source, by its name."""
        source: Source = self._make("sources", self.source_part(name))
        return source

    def source_part(self, name: str) -> Part:
        """What the config says of a source, with what it takes from the rest of it. Raises ConfigError."""
        part = self.config.sources.get(name)
        if part is None:
            hint = did_you_mean(name, self.config.sources) or "`tocsin sources` names them"
            raise ConfigError(f"no source is named '{one_line(name, 60)}'", hint=hint)
        return Part(name=part.name, type=part.type, options=_completed(part.options, self.config))

    def notifiers(self) -> dict[str, Notifier]:
        return {part.name: self._make("notifiers", part) for part in self.config.alerts.destinations}

    def enrichers(self) -> list[Enricher]:
        """Every enricher there is, with the options that the config has for it."""
        return [self.enricher(name) for name in load.names("enrichers")]

    def enricher(self, name: str) -> Enricher:
        """One enricher, by its type."""
        options = self.categories() if name == "category" else self._options(name)
        enricher: Enricher = self._make("enrichers", Part(name=name, type=name, options=options))
        return enricher

    def _options(self, name: str) -> Any:
        model = load.component("enrichers", name).config_class
        written = self.config.enrich[name].options if name in self.config.enrich else model()
        return _completed(written, self.config)

    def categories(self) -> category.Config:
        """The categories of the config with what was learned of them."""
        from tocsin.enrichers import _learned

        judgements, thresholds = self.learned
        judged = _learned.with_judgements(self.bare_categories(), judgements)
        return _learned.with_thresholds(judged, thresholds)

    def bare_categories(self) -> category.Config:
        """The categories as the config says them."""
        options: category.Config = self._options("category")
        return options

    @cached_property
    def learned(self) -> tuple[list[Judgement], list[Threshold]]:
        """What people said of posts and what was learned, read once: everything in a run works with the same.

        `del assembly.learned` where it has changed.
        """
        if not (self.data_dir / STATE_FILE).exists():
            return [], []
        with closing(self.state()) as state:
            return state.understanding.judgements(), state.understanding.thresholds()

    def policies(self) -> list[Policy]:
        """Fresh policies, none of which has seen anything yet."""
        epoch = self._epoch()
        return [self._policy(policy.name, epoch) for policy in self.config.alerts.policies]

    def detect(self, lake: Lake, state: State, telemetry: Telemetry) -> Detect:
        """The detect loop, to be recovered."""
        alerts = self.config.alerts
        own = {policy.name: policy.budget for policy in alerts.policies if policy.budget is not None}
        bell = Bell([part.name for part in alerts.destinations], alerts.budget, own)
        return Detect(lake, state, self.policies, bell, self.clock, telemetry, self.receipt())

    def couriers(
        self, state: State, queue: Queue, telemetry: Telemetry, alive: Callable[[str], None] = lambda _: None
    ) -> Couriers:
        """Those who bring messages to their destinations; `alive` is told their names while they do."""
        alerts = self.config.alerts
        windows = [_window(one) for one in alerts.maintenance]
        office = Office(state, queue, self.clock, self.random, telemetry, Rate.parse(alerts.budget), windows, alive)
        notifiers = self.notifiers()
        for name, delivery in alerts.delivery.items():
            if delivery.digest is not None and not getattr(notifiers[name], "takes_digests", True):
                said = f"the destination '{name}' takes no digests"
                raise self.config.at(("alerts", "delivery", name, "digest"), said, "send them to another")
        return Couriers(notifiers, office, {name: _manners(one) for name, one in alerts.delivery.items()})

    def receipt(self) -> dict[str, Any]:
        """The versions of config, models and code that incidents are computed with now."""
        enrich = msgspec.json.encode([self.config.model_dump(mode="json", include={"enrich", "categories", "places"})])
        definitions = {policy.name: policy.definition for policy in self.policies()}
        return receipt.of(definitions, receipt.digest(enrich))

    def _epoch(self) -> int:
        """How often the lake's rows were given other labels; a policy by category then has another past."""
        if not (self.data_dir / STATE_FILE).exists():
            return 0
        with closing(self.state()) as state:
            return state.understanding.epoch()

    def detector(self, policy: settings.Policy, bucket: float) -> Detector:
        """A fresh detector of a policy, for buckets of so many seconds."""
        loaded = load.component("detectors", "volume")
        judged = "share" if policy.measure in {"share", "negative_share"} else "volume"
        options = loaded.config_class.model_validate(
            {"bucket": bucket, "sensitivity": policy.sensitivity, "judge": judged}
        )
        made: Detector = loaded.component_class(options, self.context(policy.name))
        return made

    def _policy(self, name: str, epoch: int) -> Policy:
        policy = next(policy for policy in self.config.alerts.policies if policy.name == name)
        listens = {watch.name: frozenset(watch.sources) for watch in self.config.watches if watch.sources is not None}
        known = {
            "watch": frozenset(watch.name for watch in self.config.watches),
            "category": frozenset([*(category.name for category in self.config.categories), NOTHING["category"]]),
        }
        negative = policy.measure == "negative_share"
        fold = Fold(
            dimensions=(*policy.by, "sentiment") if negative else policy.by,
            bucket=int(policy.bucket),
            lateness=int(self.config.lateness),
            all_watches=None if self.config.watches else ALL_POSTS,
            sources=listens,
            known=known,
            counting=COUNTING.get(policy.measure, "posts"),
        )
        detector = self.detector(policy, policy.bucket)
        lifecycle = Lifecycle(
            len(fold.dimensions),
            "negative" if negative else None,
            DIRECTIONS.get(policy.measure, ("up", "down")),
            int(policy.bucket),
        )
        definition = msgspec.json.encode(
            [
                policy.model_dump(mode="json", exclude={"budget"}),
                self.config.lateness,
                fold.all_watches,
                sorted((name, sorted(values)) for name, values in known.items() if name in policy.by),
                sorted((name, sorted(of)) for name, of in listens.items()),
                RULES,
                *([epoch] if epoch and "category" in policy.by else []),
            ]
        )
        return Policy(name, definition.decode(), policy.measure, fold, detector, lifecycle)


def _manners(delivery: Delivery) -> Manners:
    """The same with times and rates understood."""
    return Manners(
        zone=delivery.zone,
        quiet=tuple(quiet_hours(hours, delivery.zone) for hours in delivery.quiet),
        wake_for=delivery.wake_for,
        digest=delivery.digest,
        at=time.fromisoformat(delivery.at),
        alerts=delivery.alerts,
        rate=Rate.parse(delivery.rate) if delivery.rate else None,
        budget=Rate.parse(delivery.budget) if delivery.budget else None,
        least_severity=delivery.least_severity,
        policies=None if delivery.policies is None else frozenset(delivery.policies),
        watches=None if delivery.watches is None else frozenset(delivery.watches),
    )


def _window(one: Maintenance) -> Window:
    """The same with times understood."""
    hours = [time.fromisoformat(clock) for clock in one.hours.split("-")] if one.hours else [None, None]
    return Window(one.name, one.match, one.since, one.until, one.days, hours[0], hours[1], one.zone)


def _completed(options: Options, config: Config) -> Options:
    """The options of a component with what it takes from elsewhere in the config: watches, categories, places."""
    own = {field.alias or name: getattr(options, name) for name, field in type(options).model_fields.items()}
    return type(options).model_validate(own | config.model_dump(include=set(options.takes)))
