"""Every measure finds what it is for, and its SQL counts it again."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import msgspec
import numpy as np
import pytest
from tests.helpers.world import NOW, World

from tocsin.model import Author, Heartbeat, Incident, Post
from tocsin.sql import query

YAML = """
data_dir: data
sources: {}
watches:
  - {name: acme, match: acme}
categories:
  - {name: outage, match: down}
  - {name: praise, match: love}
alerts:
  policies:
    - {name: volume, by: [watch, category], bucket: 5m}
    - {name: people, measure: voices, by: [watch], bucket: 5m}
    - {name: part, measure: share, by: [watch, category], bucket: 5m}
    - {name: mood, measure: negative_share, by: [watch], bucket: 5m}
    - {name: quiet, measure: silence, by: [source], bucket: 5m}
    - {name: feeling, by: [watch, sentiment], bucket: 5m}
    - {name: rumours, measure: new_phrases, by: [watch], bucket: 5m}
"""
DAYS = 2
START = NOW - timedelta(days=DAYS + 1)
GOOD, BAD = "I love acme, wonderful and great", "acme is terrible, awful, the worst"


def posts(seed: int, rate: float, first: float, last: float, author: str = "") -> Iterator[Post]:
    """`rate` an hour between two hours after START, by many authors or by one."""
    random = np.random.default_rng(seed)
    for number, hour in enumerate(np.sort(random.uniform(first, last, random.poisson(rate * (last - first))))):
        time = START + timedelta(hours=float(hour))
        who = Author(id=author or f"a{random.integers(10_000)}")
        own = " ".join(f"w{word}" for word in random.integers(0, 5000, 8))
        text = f"{GOOD if number % 3 else BAD} {own}"
        uid = f"news:{seed}-{number}"
        yield Post(uid=uid, source="news", id=uid, text=text, author=who, received_at=time, created_at=time)


def played(folder: Path, events: list[Post]) -> tuple[list[Incident], dict[str, int]]:
    """All incidents from the fourth day on, and what the SQL of each counts."""
    beat = Heartbeat(source="news", stream="main", at=START + timedelta(days=DAYS, hours=12))
    folder.mkdir(exist_ok=True)
    with World(folder, YAML) as world:
        world.put([*sorted(events, key=lambda post: post.received_at), beat])
        world.process_all()
        world.detect_all()
        found = [one for one in world.state.incidents() if one.detected_at >= START + timedelta(days=DAYS)]
        counted = {one.id: query(one.sql, world.lake.snapshot).rows.to_pylist()[0]["mentions"] for one in found}
    return found, counted


@pytest.fixture(scope="module")
def everyday() -> list[Post]:
    return list(posts(1, 40, 0, DAYS * 24 + 6))


def test_a_crowd_is_many_voices_and_a_bot_is_one(everyday: list[Post], tmp_path: Path) -> None:
    crowd, _ = played(tmp_path / "crowd", everyday + list(posts(2, 300, DAYS * 24, DAYS * 24 + 1)))
    bot, _ = played(tmp_path / "bot", everyday + list(posts(2, 300, DAYS * 24, DAYS * 24 + 1, author="bot")))
    assert {one.policy for one in crowd} >= {"people", "volume"}
    assert {one.policy for one in bot} >= {"volume"}
    assert "people" not in {one.policy for one in bot if one.direction == "up"}


def test_a_turn_of_mood_at_the_same_volume_is_found_by_the_share_of_negative_posts(tmp_path: Path) -> None:
    events = list(posts(1, 60, 0, DAYS * 24))
    for post in posts(3, 60, DAYS * 24, DAYS * 24 + 5):
        events.append(msgspec.structs.replace(post, text=post.text.replace(GOOD, BAD)))
    found, counted = played(tmp_path, events)
    (mood,) = [one for one in found if one.policy == "mood"]
    assert mood.series == {"watch": "acme", "sentiment": "negative"}
    assert "negative mentions" in mood.headline
    assert mood.detected_at < START + timedelta(hours=DAYS * 24 + 3)
    assert {one.policy for one in found if one.direction == "up"} >= {"mood", "feeling"}
    assert all(counted[one.id] == one.observed for one in found)


def test_a_rumour_at_the_same_volume_is_found_by_its_words(tmp_path: Path) -> None:
    events = list(posts(1, 60, 0, DAYS * 24 + 24))
    for number, post in enumerate(posts(3, 60, DAYS * 24 + 24, DAYS * 24 + 27)):
        said = post.text.replace(GOOD, "I love acme. There is a warehouse fire.") if number % 2 else post.text
        events.append(msgspec.structs.replace(post, text=said))
    found, counted = played(tmp_path, events)
    assert {one.policy for one in found if one.direction == "up"} == {"rumours"}
    (rumour,) = [one for one in found if one.policy == "rumours"]
    assert "authors who repeat new phrases in" in rumour.headline
    assert any("warehouse" in phrase["phrase"] for phrase in rumour.explanation["phrases"])
    assert counted[rumour.id] == rumour.observed


def test_silence_of_a_source_that_is_well_rings_once(everyday: list[Post], tmp_path: Path) -> None:
    quiet = [post for post in everyday if post.received_at < START + timedelta(hours=DAYS * 24)]
    found, counted = played(tmp_path, quiet)
    (silence,) = [one for one in found if one.policy == "quiet"]
    assert (silence.direction, silence.series) == ("down", {"source": "news"})
    assert all(counted[one.id] == one.observed for one in found)


def test_what_every_incident_counts_can_be_counted_again(everyday: list[Post], tmp_path: Path) -> None:
    found, counted = played(tmp_path, everyday + list(posts(2, 300, DAYS * 24, DAYS * 24 + 1)))
    assert found
    assert {one.id: one.observed for one in found} == counted
