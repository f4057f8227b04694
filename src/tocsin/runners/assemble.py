"""From a config to the components that it names, put together."""

from __future__ import annotations

import random
from contextlib import closing
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from tocsin import load
from tocsin.alerts.lifecycle import Lifecycle
from tocsin.clock import Clock, SystemClock
from tocsin.component import Context, Detector, Enricher, Lake, Notifier, Queue, Source
from tocsin.config import Config
from tocsin.errors import ConfigError, Permanent
from tocsin.options import Options
from tocsin.pipeline.detect import Policy
from tocsin.series import ALL_POSTS, NOTHING, Fold
from tocsin.settings import Part
from tocsin.state import State
from tocsin.understanding import Judgement, Threshold

if TYPE_CHECKING:
    from tocsin.enrichers import category

STATE_FILE = "state.db"


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
        return Context(name, self.data_dir, self.clock, self.random, self.config.base_dir)

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
        return {name: self._make("sources", part) for name, part in self.config.sources.items()}

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

    def _epoch(self) -> int:
        """How often the lake's rows were given other labels; a policy by category then has another past."""
        if not (self.data_dir / STATE_FILE).exists():
            return 0
        with closing(self.state()) as state:
            return state.understanding.epoch()

    def _policy(self, name: str, epoch: int) -> Policy:
        policy = next(policy for policy in self.config.alerts.policies if policy.name == name)
        listens = {watch.name: frozenset(watch.sources) for watch in self.config.watches if watch.sources is not None}
        known = {
            "watch": frozenset(watch.name for watch in self.config.watches),
            "category": frozenset([*(category.name for category in self.config.categories), NOTHING["category"]]),
        }
        fold = Fold(
            dimensions=policy.by,
            bucket=int(policy.bucket),
            lateness=int(self.config.lateness),
            all_watches=None if self.config.watches else ALL_POSTS,
            sources=listens,
            known=known,
        )
        loaded = load.component("detectors", "volume")
        options = loaded.config_class.model_validate({"bucket": policy.bucket, "sensitivity": policy.sensitivity})
        detector: Detector = loaded.component_class(options, self.context(name))
        definition = msgspec.json.encode(
            [
                policy.model_dump(mode="json"),
                self.config.lateness,
                fold.all_watches,
                sorted((name, sorted(values)) for name, values in known.items() if name in policy.by),
                sorted((name, sorted(of)) for name, of in listens.items()),
                *([epoch] if epoch and "category" in policy.by else []),
            ]
        )
        return Policy(name, definition.decode(), fold, detector, Lifecycle(len(policy.by)))


def _completed(options: Options, config: Config) -> Options:
    """The options of an enricher with what it takes from elsewhere in the config: watches, categories, places."""
    own = {field.alias or name: getattr(options, name) for name, field in type(options).model_fields.items()}
    return type(options).model_validate(own | config.model_dump(include=set(options.takes)))
