"""Hacker News of a simulator that shows all of its items at once, from the first on."""

from __future__ import annotations

import atexit
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

from tests.helpers.clocks import Standing
from tests.helpers.serving import Serving

from tocsin.component import Context
from tocsin.simulators.hackernews import Hackernews as Simulator
from tocsin.simulators.hackernews import story
from tocsin.sources.hackernews import Config, Hackernews

NOW = datetime(2026, 3, 1, 13, 0, tzinfo=UTC)
ITEMS = 90
STORY = story(1, ITEMS)


@cache
def served() -> Serving[Simulator]:
    serving = Serving(Simulator(STORY, first=ITEMS))
    serving.__enter__()
    atexit.register(serving.__exit__, None, None, None)
    return serving


POSTS = len(Simulator(STORY).matched)


def options(tmp_path: Path) -> dict[str, Any]:
    return {"url": served().simulator.url, "every": "60s", "history": ITEMS}


def make(tmp_path: Path) -> Hackernews:
    return Hackernews(Config(**options(tmp_path)), Context("feed", tmp_path, clock=Standing(NOW)))
