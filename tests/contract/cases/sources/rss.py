"""Two feeds of a simulator that shows all of its items at once."""

from __future__ import annotations

import atexit
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

from tests.helpers.clocks import Standing
from tests.helpers.serving import Serving

from tocsin.component import Context
from tocsin.simulators.rss import Rss as Simulator
from tocsin.simulators.rss import story
from tocsin.sources.rss import Config, Rss

NOW = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
ITEMS = 7
POSTS = 2 * ITEMS


@cache
def served() -> Serving[Simulator]:
    serving = Serving(Simulator(story(ITEMS), first=ITEMS))
    serving.__enter__()
    atexit.register(serving.__exit__, None, None, None)
    return serving


def options(tmp_path: Path) -> dict[str, Any]:
    return {"feeds": [f"{served().simulator.url}/{name}.xml" for name in ("feed", "atom")], "every": "60s"}


def make(tmp_path: Path) -> Rss:
    return Rss(Config(**options(tmp_path)), Context("feed", tmp_path, clock=Standing(NOW)))
