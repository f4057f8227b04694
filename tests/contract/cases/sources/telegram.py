"""Telegram of a fake that has all messages at once."""

from __future__ import annotations

import atexit
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

from tests.helpers.chats import TOKEN, Chats, story
from tests.helpers.clocks import Standing
from tests.helpers.serving import Serving

from tocsin.component import Context
from tocsin.sources.telegram import Config, Telegram

NOW = datetime(2026, 3, 1, 13, 0, tzinfo=UTC)
POSTS = 20


def served() -> Serving[Chats]:
    """A server for each source: it forgets what was confirmed."""
    serving = Serving(Chats(story(POSTS), Standing(NOW), first=POSTS))
    serving.__enter__()
    atexit.register(serving.__exit__, None, None, None)
    return serving


@cache
def url() -> str:
    return served().simulator.url


def options(tmp_path: Path) -> dict[str, Any]:
    return {"url": url(), "token": TOKEN, "wait": "10s"}


def make(tmp_path: Path) -> Telegram:
    own = options(tmp_path) | {"url": served().simulator.url}
    return Telegram(Config.model_validate(own), Context("feed", tmp_path, clock=Standing(NOW)))
