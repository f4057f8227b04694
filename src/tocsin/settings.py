"""What a config says: the models that `config.load` makes of the file and that every other part works with.

A component's block (`type: ...` and its options) is a `Part`, whose options are the component's own model.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    PrivateAttr,
    StringConstraints,
    WithJsonSchema,
    field_validator,
    model_serializer,
    model_validator,
)
from pydantic_core import PydanticCustomError

from tocsin import load, rules, times
from tocsin.document import Steps
from tocsin.errors import ConfigError
from tocsin.options import Block, Duration, ModelChoice, Name, Options
from tocsin.secrets import Redactor
from tocsin.settings_server import Server
from tocsin.silences import DAYS, Day, quiet_hours


def _a_rule(rule: str) -> str:
    try:
        rules.parse(rule)
    except rules.RuleError as error:
        said = {"message": error.message, "column": error.column, "hint": error.hint}
        raise PydanticCustomError("rule", "{message}", said) from None
    return rule


def _a_zone(name: str) -> str:
    times.zone(name)
    return name


def _a_budget(budget: str) -> str:
    if re.fullmatch(r"[1-9]\d{0,5} per (hour|day|week|month)", budget) is None:
        raise ValueError("must be a number per hour, day, week or month, like '1 per day'")
    return budget


def _quiet_hours(text: str) -> str:
    quiet_hours(text)
    return text


def _one_or_several(value: Any) -> Any:
    return (value,) if isinstance(value, str) else value


def _a_position(value: Any) -> tuple[float, float]:
    numbers = value if isinstance(value, list | tuple) and len(value) == 2 else ()
    if not numbers or not all(isinstance(one, int | float) and not isinstance(one, bool) for one in numbers):
        raise ValueError("a position is written [latitude, longitude], in degrees, like [52.52, 13.40]")
    latitude, longitude = map(float, numbers)
    if abs(latitude) <= 90 and abs(longitude) <= 180:
        return latitude, longitude
    swapped = abs(longitude) <= 90 and abs(latitude) <= 180
    raise PydanticCustomError(
        "position",
        "a latitude is from -90 to 90 and a longitude from -180 to 180",
        {"hint": "the latitude comes first"} if swapped else {},
    )


Rule = Annotated[str, AfterValidator(_a_rule)]
SourceName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$")]
Position = Annotated[
    tuple[float, float],
    BeforeValidator(_a_position),
    WithJsonSchema({"type": "array", "items": {"type": "number"}, "minItems": 2, "maxItems": 2}),
]
Dimension = Literal["watch", "category", "source", "language", "country", "sentiment", "entity"]
CLOCK = "([01][0-9]|2[0-3]):[0-5][0-9]"
QuietHours = Annotated[str, AfterValidator(_quiet_hours)]
Measure = Literal["mentions", "voices", "share", "negative_share", "new_phrases", "silence"]


class Part(Options):
    """A component in use: its name, its type, and the options of that type."""

    name: Name
    type: str
    options: Options

    @model_serializer
    def _as_written(self) -> dict[str, Any]:
        written = {"type": self.type, **self.options.model_dump(mode="json", exclude=set(self.options.takes))}
        choice = getattr(self.options, "model", None)
        if isinstance(choice, ModelChoice):
            written |= {"model": choice.spec, **choice.options.model_dump(mode="json")}
        return written


def part(stage: str, type_name: str) -> Part:
    """A component with its default options, named after its type."""
    options = load.component(stage, type_name).config_class()
    return Part(name=type_name, type=type_name, options=options)


class Watch(Block):
    """What to listen for."""

    name: Name
    """Its name in alerts and in the lake."""
    match: Rule
    """The rule that a post must match, in the watch language."""
    sources: Annotated[tuple[str, ...], Field(min_length=1)] | None = None
    """The sources that it listens to, by name. Default: all."""

    @field_validator("name")
    @classmethod
    def _not_all(cls, name: str) -> str:
        if name == "all":
            raise ValueError("'all' is the name of the watch that there is where the config names none")
        return name


class Category(Block):
    """What a post is about. A post in no category is kept as `other`."""

    name: Name
    """Its name in alerts and in the lake."""
    description: str | None = None
    """What belongs to it, in plain words. The better it says it, the better posts are told apart."""
    match: Rule | None = None
    """A rule of the watch language; a post that matches it is of this category, whatever a model says."""
    examples: tuple[str, ...] = ()
    """Posts that belong to it, as people write them."""
    threshold: Annotated[float, Field(ge=0, le=1)] | None = None
    """The score from which on a post belongs to it. Default: learned from your posts, or from many others' before."""

    @field_validator("name")
    @classmethod
    def _not_other(cls, name: str) -> str:
        if name == "other":
            raise ValueError("'other' is the name of what is in no category")
        return name


class Places(Block):
    """Places of your own, for everything that looks places up."""

    aliases: dict[Name, Position] = Field(default_factory=dict)
    """Your own names for places, each with its `[latitude, longitude]`. They come before all others."""
    corrections: dict[Name, Name | None] = Field(default_factory=dict)
    """What people write, and what they mean by it: another name, or `null` for no place."""
    index: Path | None = None
    """A gazetteer of your own (a folder) instead of the one that comes with Tocsin."""


class Policy(Block):
    """What is measured, and when it is unusual enough for an alert."""

    name: Name
    """Its name in alerts."""
    measure: Measure = "mentions"
    """What is counted: `mentions`, `voices` (independent authors), `share` of the parent, `negative_share` (of negative
    posts), `new_phrases` (authors who repeat words that nobody said a day before), or `silence`, which rings for falls
    only."""
    by: Annotated[tuple[Dimension, ...], Field(min_length=1)] = ("watch", "category")
    """The dimensions whose combinations are the series."""
    bucket: Duration = 60.0
    """How long a stretch of event time is counted together; a day must be a multiple of it."""
    sensitivity: Literal["balanced", "quiet", "strict"] = "balanced"
    """How readily it rings: `balanced` most, `quiet` less, `strict` for the clearest cases only."""
    budget: Annotated[str, AfterValidator(_a_budget)] | None = None
    """How many alerts of it are welcome, counted apart from all others. Default: it shares the common budget."""

    @model_validator(mode="after")
    def _fits_the_measure(self) -> Policy:
        if self.measure == "share" and len(self.by) < 2:
            raise ValueError("a share needs two dimensions in `by:` or more: it is the last one's of the others")
        if self.measure == "negative_share" and "sentiment" in self.by:
            raise ValueError("negative_share is by sentiment itself: leave `sentiment` out of `by:`")
        return self

    @field_validator("by")
    @classmethod
    def _once_each(cls, by: tuple[Dimension, ...]) -> tuple[Dimension, ...]:
        if len(set(by)) < len(by):
            raise ValueError("a dimension is named twice")
        return by

    @field_validator("bucket")
    @classmethod
    def _fits_a_day(cls, bucket: float) -> float:
        if not 10 <= bucket <= 3600 or bucket != int(bucket) or 86_400 % bucket:
            raise ValueError("must go into a day without a rest, in whole seconds from 10s to 1h, like 1m or 5m")
        return bucket


class Delivery(Block):
    """How a destination is served. Times of day are those of `zone`."""

    zone: Annotated[str, AfterValidator(_a_zone)] = "UTC"
    """IANA name of the time zone, like Europe/Berlin."""
    quiet: Annotated[tuple[QuietHours, ...], BeforeValidator(_one_or_several)] = ()
    """Quiet hours, like "22:00-07:00" or ["22:00-07:00", "sat sun 00:00-24:00"]: messages wait and come together."""
    wake_for: Annotated[int, Field(ge=0, le=100)] = 85
    """The severity that does not wait for the end of quiet hours."""
    digest: Literal["hourly", "daily", "weekly"] | None = None
    """A message about all incidents of the stretch, told or not. Weekly ones come on Monday."""
    at: Annotated[str, Field(pattern=f"^{CLOCK}$")] = "08:00"
    """When daily and weekly digests come."""
    alerts: bool = True
    """Whether single alerts come; false: only digests."""
    rate: Annotated[str, AfterValidator(_a_budget)] | None = None
    """How many messages it may get: `N per hour`, `day`, `week` or `month`; what is more comes together later."""
    budget: Annotated[str, AfterValidator(_a_budget)] | None = None
    """How many alerts are welcome here, where that is fewer than the common budget; the worst come."""
    least_severity: Annotated[int, Field(ge=0, le=100)] = 0
    """The least severity that it is told of."""
    policies: Annotated[tuple[str, ...], Field(min_length=1)] | None = None
    """The policies that it is told of. Default: all, and sources that go blind (`coverage`)."""
    watches: Annotated[tuple[str, ...], Field(min_length=1)] | None = None
    """The watches that it is told of; what is of no watch concerns all. Default: all."""

    @model_validator(mode="after")
    def _hears_something(self) -> Delivery:
        if not self.alerts and self.digest is None:
            raise ValueError("with `alerts: false` and no `digest` nothing would ever come: take one away, or add one")
        return self


class Maintenance(Block):
    """A stretch in which incidents are kept and shown, and not told of before it is over."""

    name: Name
    """What it is, as people read it."""
    match: dict[str, str] = Field(default_factory=dict)
    """The incidents that it is about, by label: watch, category, policy, source … Default: all."""
    since: datetime | None = None
    """When it begins, with a zone (ISO 8601). Default: long ago."""
    until: datetime | None = None
    """When it ends, with a zone; or `hours:` for one that comes every week."""
    hours: Annotated[str, Field(pattern=CLOCK + "-" + CLOCK)] | None = None
    """From when until when on each of its days, like "22:00-04:00"."""
    days: Annotated[tuple[Day, ...], Field(min_length=1)] = DAYS
    """The days on which it begins. Default: every day."""
    zone: Annotated[str, AfterValidator(_a_zone)] = "UTC"
    """IANA name of the zone of `hours`."""

    @model_validator(mode="after")
    def _once_or_weekly(self) -> Maintenance:
        if (self.until is None) == (self.hours is None):
            raise ValueError("give `until:` for one that comes once, or `hours:` for one that comes again")
        if any(moment is not None and moment.tzinfo is None for moment in (self.since, self.until)):
            raise ValueError("`since` and `until` need a zone, like 2026-12-24T18:00+01:00")
        return self


class Heartbeat(Block):
    """A sign of life for a service that rings when it stays away."""

    url: str
    """Where it is sent (GET)."""
    every: Annotated[Duration, Field(ge=10)] = 60.0
    """How often."""
    allow_private: bool = False
    """Whether the address may be on this machine or in a private network."""


class Alerts(Block):
    """When to ring, and whom."""

    budget: Annotated[str, AfterValidator(_a_budget)] = "1 per day"
    """How many alerts are welcome: `N per hour`, `day`, `week` or `month`."""
    policies: Annotated[tuple[Policy, ...], Field(validate_default=True)] = ()
    """What is measured. Default: one policy `volume` of mentions by watch and category."""
    destinations: Annotated[tuple[Part, ...], Field(validate_default=True)] = ()
    """Where alerts go: a `name`, a `type`, and the options of that type. Default: one `log`."""
    delivery: dict[str, Delivery] = Field(default_factory=dict)
    """How destinations are served, by their names: quiet hours, digests, rates, what they want."""
    maintenance: tuple[Maintenance, ...] = ()
    """Stretches in which nothing is told, or not all."""
    heartbeat: Heartbeat | None = None
    """Where a sign of life goes while all loops do their work."""

    @field_validator("policies")
    @classmethod
    def _some_policy(cls, policies: tuple[Policy, ...]) -> tuple[Policy, ...]:
        return policies or (Policy(name="volume"),)

    @field_validator("destinations")
    @classmethod
    def _some_destination(cls, destinations: tuple[Part, ...]) -> tuple[Part, ...]:
        return destinations or (part("notifiers", "log"),)


class Config(Block):
    """Everything that the file says, with the defaults filled in."""

    data_dir: Path = Path("tocsin-data")
    """The folder of the queue, the lake and the state."""
    watches: tuple[Watch, ...] = ()
    """What to listen for. Default: every post belongs to the watch `all`."""
    sources: dict[SourceName, Part] = Field(default_factory=dict)
    """Where to listen, by name: a `type`, and the options of that type."""
    categories: tuple[Category, ...] = ()
    """What a post may be about."""
    places: Places = Field(default_factory=Places)
    """Places of your own."""
    enrich: dict[str, Part] = Field(default_factory=dict)
    """Options of enrichers, by the name of the enricher."""
    alerts: Alerts = Field(default_factory=Alerts)
    """When to ring, and whom."""
    server: Server = Server()
    """Where the dashboard and the API listen."""
    lateness: Annotated[Duration, Field(ge=0)] = 120.0
    """How long after its end a bucket still waits for posts that come late."""
    queue: Part = Field(default_factory=lambda: part("queues", "sqlite"))
    """What keeps events between intake and processing: a `type`, and its options. Default: `sqlite`."""
    lake: Part = Field(default_factory=lambda: part("lakes", "delta"))
    """What keeps records: a `type`, and its options. Default: `delta`."""

    _base_dir: Path = PrivateAttr(Path())
    _warnings: tuple[ConfigError, ...] = PrivateAttr(())
    _references: dict[Steps, str] = PrivateAttr(default_factory=dict)
    _redactor: Redactor = PrivateAttr(default_factory=Redactor)
    _at: Callable[..., ConfigError] | None = PrivateAttr(None)

    def at(self, steps: Steps, message: str, hint: str | None) -> ConfigError:
        """Something to say about a place of the file, with its line and column."""
        return ConfigError(message, hint=hint) if self._at is None else self._at(steps, message, hint=hint)

    @property
    def base_dir(self) -> Path:
        """Where relative paths in the config start: the folder of its file."""
        return self._base_dir

    @property
    def warnings(self) -> tuple[ConfigError, ...]:
        """What is allowed and probably not meant."""
        return self._warnings

    @property
    def redactor(self) -> Redactor:
        """A logging filter that masks the secrets of this config."""
        return self._redactor

    def effective(self) -> dict[str, Any]:
        """The config as the file could have said it: all defaults filled in, references left as they are."""
        values = self.model_dump(mode="json", exclude_none=True)
        destinations = zip(self.alerts.destinations, values["alerts"]["destinations"], strict=True)
        values["alerts"]["destinations"] = [{"name": part.name, **shown} for part, shown in destinations]
        return {key: self._shown(value, (key,)) for key, value in values.items()}

    def _shown(self, value: Any, steps: Steps) -> Any:
        if isinstance(value, dict):
            return {key: self._shown(item, (*steps, key)) for key, item in value.items()}
        if isinstance(value, list):
            return [self._shown(item, (*steps, number)) for number, item in enumerate(value)]
        return self._references.get(steps) or self._redactor.mask(value) if isinstance(value, str) else value
