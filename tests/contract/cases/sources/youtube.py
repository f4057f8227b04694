"""Youtube of a fake that shows all of its posts at once."""

from __future__ import annotations

import atexit
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

from tests.helpers.clocks import Standing
from tests.helpers.listings import Listings, story
from tests.helpers.serving import Serving

from tocsin.component import Context
from tocsin.sources.youtube import Config, Youtube

NOW = datetime(2026, 3, 1, 13, 0, tzinfo=UTC)
POSTS = 20


@cache
def served() -> Serving[Listings]:
    serving = Serving(Listings(story(POSTS), Standing(NOW), first=POSTS))
    serving.__enter__()
    atexit.register(serving.__exit__, None, None, None)
    return serving


def options(tmp_path: Path) -> dict[str, Any]:
    return {
        "url": served().simulator.url, "every": "60s", "key": "invented", "channels": ["UC1"],
    }  # fmt: skip


def make(tmp_path: Path) -> Youtube:
    return Youtube(Config.model_validate(options(tmp_path)), Context("feed", tmp_path, clock=Standing(NOW)))
