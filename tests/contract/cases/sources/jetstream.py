"""Jetstream of a simulator that has told its whole story, read from a minute before its first event."""

from __future__ import annotations

import atexit
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

from tests.helpers.clocks import Standing
from tests.helpers.serving import Serving

from tocsin.component import Context
from tocsin.simulators.jetstream import Jetstream as Simulator
from tocsin.simulators.jetstream import Told, story
from tocsin.sources.jetstream import Config, Jetstream

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
STORY: list[Told] = [one for one in story(1, 120) if one.kind not in {"account", "update"}]
POSTS = sum(one.kind == "create" and "like" not in one.collection for one in STORY)


@cache
def served() -> Serving[Simulator]:
    serving = Serving(Simulator(STORY, pace=0.0))
    serving.__enter__()
    atexit.register(serving.__exit__, None, None, None)
    return serving


def options(tmp_path: Path) -> dict[str, Any]:
    return {"hosts": [served().simulator.url], "heartbeat": "10s", "history": "1m"}


def make(tmp_path: Path) -> Jetstream:
    return Jetstream(Config(**options(tmp_path)), Context("feed", tmp_path, clock=Standing(NOW)))
