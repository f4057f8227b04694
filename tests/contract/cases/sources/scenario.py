"""Three hours with everything in them: copies, edits, deletes, an outage, late posts, heartbeats."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tocsin.clock import ManualClock
from tocsin.component import Context
from tocsin.model import Post
from tocsin.sources.scenario import Config, Scenario, generate

_OPTIONS: dict[str, Any] = {
    "start": "2026-01-07T10:00:00Z", "duration": "3h", "rate": 60, "seed": 5, "heartbeat": "10m", "disorder": "5m",
    "outages": [{"at": "1h", "duration": "20m"}],
}  # fmt: skip


def _config() -> Config:
    # An edit has its post's uid, so it would not be one of the posts that the suite counts.
    seeds = (Config(**(_OPTIONS | {"seed": seed})) for seed in range(100))
    return next(config for config in seeds if all(post.version == 1 for post in _posts(config)))


def _posts(config: Config) -> list[Post]:
    return [event for batch in generate(config, "feed") for event in batch.events if isinstance(event, Post)]


POSTS = len(_posts(_config()))


def options(tmp_path: Path) -> dict[str, Any]:
    return _OPTIONS | {"seed": _config().seed}


def make(tmp_path: Path) -> Scenario:
    config = _config()
    return Scenario(config, Context("feed", tmp_path, clock=ManualClock(config.start)))
