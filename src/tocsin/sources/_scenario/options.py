"""What a scenario can be asked for."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Literal, get_args

from pydantic import AwareDatetime, Field, PositiveFloat, model_validator

from tocsin.options import Duration, Options, Size

Language = Literal["en", "de", "es", "fr", "pt", "ja", "ar"]
Category = Literal["outage", "billing", "delivery", "app", "staff", "praise"]

LANGUAGES: tuple[Language, ...] = get_args(Language)
CATEGORIES: tuple[Category, ...] = get_args(Category)
_NAMES = ("acme", "borealis", "cumulo", "dunwich", "everlane", "fjordia", "galenta", "hexaly", "ilmora", "juniqo")
_DAY = 86400.0
LARGEST_BODY = 1 << 16

Positive = Annotated[Duration, Field(gt=0)]


class Incident(Options):
    """Something happens to one watch: people write more, and about one thing."""

    watch: str | None = None
    """Which watch; the first if not said."""
    category: Category = "outage"
    """What the additional posts are about."""
    at: Duration
    """When it begins, from the start of the scenario."""
    duration: Positive = 1800.0
    """How long it lasts: it rises in the first sixth and fades in the last third."""
    factor: float = Field(default=8.0, gt=1)
    """How many times the watch's usual volume is reached at the height of it."""


class Outage(Options):
    """The source delivers nothing, and says so afterwards with a gap."""

    at: Duration
    """When it begins, from the start of the scenario."""
    duration: Positive = 1200.0
    """How long the source is blind."""


class Config(Options):
    """Posts about invented brands, always the same for the same options."""

    seed: int = Field(default=1, ge=0)
    """Another number gives other posts."""
    start: AwareDatetime = datetime(2026, 1, 5, tzinfo=UTC)
    """When the first post may be written."""
    duration: Positive = 7 * _DAY
    """How long the stream is, in its own time."""
    rate: PositiveFloat = 50.0
    """Posts per hour, all watches together, averaged over a week without incidents."""
    watches: int | tuple[str, ...] = Field(default=3)
    """Names of the brands that people write about, or how many (up to 10) of our own."""
    languages: tuple[Language, ...] = LANGUAGES
    """Languages to write in, in their usual proportions."""
    incidents: tuple[Incident, ...] | None = None
    """What happens. If not said: an outage of the first watch, after three quarters of the time."""
    outages: tuple[Outage, ...] | None = None
    """When the source is blind. If not said: once for 20 minutes, after two fifths, in a scenario of a day or more."""
    bots: int = Field(default=2, ge=0, le=20)
    """Accounts that each repeat one text for an hour a day."""
    copies: float = Field(default=0.12, ge=0, lt=1)
    """Share of posts that repeat another one: half as reposts, half as near-copies."""
    disorder: Duration = 0.0
    """How much later than written a post may arrive, at most (one in twenty does)."""
    heartbeat: Positive = 60.0
    """How often the source says that it is complete, in its own time."""
    speed: Literal["max"] | PositiveFloat = "max"
    """How fast it plays: all at once, or so many times real time."""
    paced_from: Duration = 0.0
    """Up to here, from the start, posts come at once, whatever the speed."""
    body_bytes: Annotated[Size, Field(ge=0, le=LARGEST_BODY)] = 0
    """Fill up each post to about this many bytes, for benchmarks."""
    truth: str | None = None
    """A file to write the truth to (incidents, bots, gaps, counts), as JSON, before the first post."""

    @model_validator(mode="after")
    def _check(self) -> Config:
        if not self.names:
            raise ValueError("watches: name at least one, or give a number from 1 to 10")
        if not self.languages:
            raise ValueError(f"languages: name at least one of {', '.join(LANGUAGES)}")
        for incident in self.incidents or ():
            if incident.watch is not None and incident.watch not in self.names:
                raise ValueError(f"incidents: {incident.watch!r} is none of the watches {', '.join(self.names)}")
        return self

    @property
    def names(self) -> tuple[str, ...]:
        if isinstance(self.watches, int):
            return _NAMES[: max(self.watches, 0)] if self.watches <= len(_NAMES) else ()
        return self.watches

    @property
    def planned_incidents(self) -> tuple[Incident, ...]:
        if self.incidents is None:
            return (Incident(at=0.75 * self.duration, duration=min(1800.0, self.duration / 8)),)
        return self.incidents

    @property
    def planned_outages(self) -> tuple[Outage, ...]:
        if self.outages is None:
            return (Outage(at=0.4 * self.duration),) if self.duration >= _DAY else ()
        return self.outages
