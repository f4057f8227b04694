"""What flows through Tocsin: events in, records in the lake, incidents and alerts out.

Events travel as JSON, tagged by `kind`; times are aware UTC; every struct is frozen.
Unknown fields are ignored on reading, so that an older program reads a newer queue.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

import msgspec

UID_SEPARATOR = ":"


class Author(msgspec.Struct, frozen=True, omit_defaults=True):
    """Who wrote a post. `id` is the platform's stable one; `location` is free text as the person wrote it."""

    id: str
    handle: str | None = None
    name: str | None = None
    url: str | None = None
    description: str | None = None
    followers: int | None = None
    following: int | None = None
    posts: int | None = None
    created_at: datetime | None = None
    location: str | None = None
    verified: bool | None = None
    bot: bool | None = None


class Place(msgspec.Struct, frozen=True, omit_defaults=True):
    """Where a post is from or about. `country` is ISO 3166-1 alpha-2; degrees are WGS 84."""

    name: str | None = None
    country: str | None = None
    lat: float | None = None
    lon: float | None = None
    bbox: tuple[float, float, float, float] | None = None
    level: Literal["point", "city", "region", "country"] | None = None
    origin: Literal["post_geo", "post_place", "coordinates", "text", "profile", "source"] = "source"
    confidence: float | None = None


class Ref(msgspec.Struct, frozen=True, omit_defaults=True):
    """A post that this one answers, repeats or quotes; `id` is the other post's uid."""

    type: Literal["reply", "repost", "quote", "root"]
    id: str
    author_id: str | None = None
    text: str | None = None


class Media(msgspec.Struct, frozen=True, omit_defaults=True):
    """A picture, film, sound or link card. `type` is image, video, gif, audio or link."""

    type: str
    url: str | None = None
    alt: str | None = None
    title: str | None = None


class Post(msgspec.Struct, frozen=True, omit_defaults=True, tag_field="kind", tag="post"):
    """One post. `uid` ("<source>:<native id>") and `version` (edits: higher wins) identify it."""

    uid: str
    source: str
    id: str
    text: str
    received_at: datetime
    created_at: datetime | None = None
    url: str | None = None
    author: Author | None = None
    title: str | None = None
    lang: str | None = None
    langs: tuple[str, ...] = ()
    place: Place | None = None
    hashtags: tuple[str, ...] = ()
    mentions: tuple[str, ...] = ()
    urls: tuple[str, ...] = ()
    cashtags: tuple[str, ...] = ()
    refs: tuple[Ref, ...] = ()
    conversation: str | None = None
    metrics: dict[str, int] = {}
    media: tuple[Media, ...] = ()
    labels: tuple[str, ...] = ()
    topics: tuple[str, ...] = ()
    version: Annotated[int, msgspec.Meta(ge=1, le=2**31 - 1)] = 1
    edited_at: datetime | None = None
    stream: str | None = None
    backfilled: bool = False
    raw: str | None = None
    event_time: datetime | None = None
    """The time it counts at, where that is not `created_at` (set at intake, records.event_time)."""


class Delete(msgspec.Struct, frozen=True, omit_defaults=True, tag_field="kind", tag="delete"):
    """A demand to forget: one post (`uid`), all of an author (`author_id`), or only their location (`geo`)."""

    source: str = ""
    uid: str | None = None
    author_id: str | None = None
    up_to_id: str | None = None
    scope: Literal["post", "author", "geo"] = "post"
    reason: str | None = None
    reversible: bool = False
    at: datetime | None = None


class Gap(msgspec.Struct, frozen=True, omit_defaults=True, tag_field="kind", tag="gap"):
    """A stretch that a source could not deliver. Silence within it means nothing."""

    source: str
    stream: str
    start: datetime
    end: datetime
    state: Literal["open", "filled", "partial", "lost"] = "open"
    note: str | None = None


class Heartbeat(msgspec.Struct, frozen=True, omit_defaults=True, tag_field="kind", tag="heartbeat"):
    """A source's word that it was healthy and has delivered everything up to `at` (event time).

    Without it a quiet stream and a dead one look the same, and the last bucket would never close.
    """

    source: str
    stream: str
    at: datetime


Event = Post | Delete | Gap | Heartbeat

encoder = msgspec.json.Encoder()
decoder: msgspec.json.Decoder[Event] = msgspec.json.Decoder(Event)


class DeadLetter(msgspec.Struct, frozen=True, omit_defaults=True):
    """Something that could not be used, kept with the reason.

    `place` says where it came from ("posts.csv:1042", "queue:77"); `body` is what came, cut to 64 KiB.
    """

    source: str
    stage: Literal["ingest", "process", "notify"]
    reason: str
    place: str = ""
    body: bytes = b""
    at: datetime | None = None


class Batch(msgspec.Struct, frozen=True):
    """What a source hands over in one step: events, unusable input, and the cursor to go on from.

    The queue stores all of it in one transaction. `cursor` is the source's own text (usually JSON).
    """

    events: tuple[Event, ...] | list[Event] = ()
    cursor: str | None = None
    dead: tuple[DeadLetter, ...] | list[DeadLetter] = ()


class Reading(msgspec.Struct, frozen=True):
    """What the detector says of one series in one bucket.

    `score` is the reading over its threshold (1 or more would alert); `expected`, `low` and `high` are counts
    per window of `scale` seconds, `value` the count in that window; `direction` is "up" or "down".
    """

    time: datetime
    value: float
    score: float
    expected: float
    low: float
    high: float
    severity: int
    scale: int
    direction: Literal["up", "down"]
    alert: bool


class Note(msgspec.Struct, frozen=True):
    """What a person wrote about an incident."""

    at: datetime
    by: str
    text: str


class Incident(msgspec.Struct, frozen=True, omit_defaults=False):
    """One unusual thing, from its start to its end. Field names are the contract of `alerts list --json`.

    What the detect loop knows comes from the posts alone, so that a replay gives the same; what people did with it
    (`acked_at` and below) is kept beside it.
    """

    id: str
    policy: str
    series: dict[str, str]
    state: Literal["open", "resolved", "expired"]
    direction: Literal["up", "down"]
    start: datetime
    detected_at: datetime
    end: datetime | None
    observed: float
    expected: float
    low: float
    high: float
    severity: int
    headline: str
    explanation: dict[str, Any]
    sql: str
    peak: float = 0.0
    scale: int = 0
    measure: str = "mentions"
    score: float = 0.0
    """The reading over its threshold when it opened or last grew; 1 is the threshold of the preset."""
    threshold: float = 1.0
    """The score from which on the budget let incidents ring when it opened."""
    told: bool = True
    """Whether it rang; False: the budget left it to the digest."""
    part_of: str | None = None
    """The id of the incident that it is told with."""
    total_excess: float | None = None
    """Mentions over (or under) what was expected, from the start to the end; known when it ends."""
    receipt: dict[str, Any] = {}
    """The versions of lake, config, model and code that it can be computed again with."""
    acked_at: datetime | None = None
    acked_by: str | None = None
    assigned_to: str | None = None
    snoozed_until: datetime | None = None
    feedback: Literal["useful", "not_useful", "planned"] | None = None
    notes: tuple[Note, ...] = ()


class Alert(msgspec.Struct, frozen=True, omit_defaults=False, tag_field="type", tag="alert"):
    """One message about an incident. `key` makes a repeat harmless: incident, event and turn.

    `also` are incidents that are told with it.
    """

    key: str
    event: Literal["opened", "escalated", "resolved", "expired", "test"]
    incident: Incident
    also: tuple[Incident, ...] = ()


class Digest(msgspec.Struct, frozen=True, omit_defaults=False, tag_field="type", tag="digest"):
    """One message about all incidents of a stretch of time, told and not told, worst first; or, "held", about those
    whose messages had to wait.

    `promised` and `told` are alerts: as many as the budget allows in the stretch, as many as rang.
    """

    key: str
    period: Literal["hourly", "daily", "weekly", "held"]
    since: datetime
    until: datetime
    incidents: tuple[Incident, ...]
    promised: float | None = None
    told: int = 0
    coverage: float | None = None
    """What share of the expected stream was seen; None where it is not known."""


Message = Alert | Digest
"""What a notifier sends."""
