"""What the spine is fed in the kill test: a deterministic stream in which every offset has a known fate.

Event number n (from 1) gets offset n of the queue. Watches: `acme` and `brand`, with a burst about every 28 hours,
and `quiet`, whose few posts are the only ones that are deleted (so that no incident's text depends on when). There
are copies of uids, edits, late posts, gaps and heartbeats.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import islice

from tocsin.model import Author, Delete, Event, Gap, Heartbeat, Post

START = datetime(2026, 3, 2, tzinfo=UTC)
SOURCE = "news"
SLOT = timedelta(minutes=10)
BURST_EVERY, BURST_SLOTS = 170, 9
QUIET_EVERY = 18
TOPICS = ("login is down again", "charged me twice, where is my refund", "parcel is still not here")
WORDS = [
    "amber",
    "birch",
    "copper",
    "dune",
    "ember",
    "fjord",
    "grove",
    "harbour",
    "iris",
    "juniper",
    "kelp",
    "lark",
    "meadow",
    "nettle",
    "opal",
    "pine",
    "quartz",
]

YAML = """
data_dir: {folder}
queue: {{type: sqlite, keep: 0, low_space: 0, ballast: 0}}
watches:
  - {{name: acme, match: acme}}
  - {{name: brand, match: acme OR borealis}}
  - {{name: quiet, match: quiet}}
categories:
  - {{name: outage, match: down OR outage}}
  - {{name: billing, match: charged OR refund}}
  - {{name: delivery, match: parcel}}
alerts:
  policies:
    - {{name: volume, by: [watch, category], bucket: 5m}}
  destinations:
    - {{name: log, type: log}}
    - {{name: copy, type: log, path: copy.jsonl}}
"""


def events(seed: int, count: int) -> list[Event]:
    """The first `count` events."""
    return list(islice(_stream(random.Random(seed)), count))


def _stream(chance: random.Random) -> Iterator[Event]:
    told: list[Post] = []
    slot = 0
    while True:
        time = START + slot * SLOT
        turn, since = divmod(slot, BURST_EVERY)
        burst = TOPICS[turn % len(TOPICS)] if turn and since < BURST_SLOTS else None
        for _ in range(chance.randint(10, 15) if burst else chance.choice((0, 1, 1, 2))):
            yield _told(told, _post(chance, len(told), time, burst))
        if slot % QUIET_EVERY == 0:
            yield _told(told, _quiet(chance, slot, time))
        yield from _oddities(chance, told, slot, time)
        if slot % 6 == 5:
            yield Heartbeat(source=SOURCE, stream="main", at=time + SLOT)
        slot += 1


def _told(told: list[Post], post: Post) -> Post:
    told.append(post)
    return post


def _post(chance: random.Random, number: int, time: datetime, burst: str | None) -> Post:
    arrived = time + timedelta(seconds=chance.uniform(0, 590))
    late = timedelta(minutes=chance.uniform(10, 200)) if chance.random() < 0.06 else timedelta()
    words = burst or (chance.choice(TOPICS) if chance.random() < 0.4 else "wrote to me today")
    author = Author(id=f"a{number % 60}", handle=f"user{number % 60}")
    return Post(
        uid=f"{SOURCE}:{number}", source=SOURCE, id=str(number), text=f"acme {words} {number % 7} {number}",
        author=author, received_at=arrived, created_at=arrived - late,
    )  # fmt: skip


def _quiet(chance: random.Random, slot: int, time: datetime) -> Post:
    """A post like no other: near-copies of what was deleted would be known as such until the next restart only."""
    text = " ".join(["quiet", *(chance.choice(WORDS) + str(chance.randrange(10**6)) for _ in range(9))])
    uid = f"{SOURCE}:q{slot}"
    author = Author(id=f"q{slot % 5}", handle=f"calm{slot % 5}")
    return Post(uid=uid, source=SOURCE, id=uid, text=text, author=author, received_at=time, created_at=time)


def _oddities(chance: random.Random, told: list[Post], slot: int, time: datetime) -> Iterator[Event]:
    """Now and then: a post once more, an edit, a deletion (also of what has not come yet), a gap."""
    recent = told[-200:]
    if recent and chance.random() < 0.06:
        yield chance.choice(recent)
    if recent and chance.random() < 0.03:
        old = chance.choice(recent)
        values = {name: getattr(old, name) for name in ("uid", "source", "id", "author", "created_at")}
        yield Post(**values, text=f"{old.text} (edited)", received_at=time + SLOT, version=2)
    if chance.random() < 0.02:
        doomed = (slot // QUIET_EVERY - chance.choice((-1, -1, 0, 1, 4))) * QUIET_EVERY
        yield Delete(source=SOURCE, uid=f"{SOURCE}:q{doomed}", at=time)
    if chance.random() < 0.004:
        yield Gap(source=SOURCE, stream="main", start=time - 3 * SLOT, end=time, state="lost")
