"""Kafka of a broker that has all messages at once."""

from __future__ import annotations

import atexit
import json
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

from tests.helpers.kafka_broker import TOPIC, Broker
from tests.helpers.serving import Serving

from tocsin.clock import ManualClock
from tocsin.component import Context
from tocsin.sources.kafka import Config, Kafka

NOW = datetime(2026, 3, 1, 13, 0, tzinfo=UTC)
POSTS = 20


@cache
def served() -> Serving[Broker]:
    bodies = [json.dumps({"id": str(number), "text": f"acme {number}"}).encode() for number in range(POSTS)]
    serving = Serving(Broker([bodies], first=POSTS))
    serving.__enter__()
    atexit.register(serving.__exit__, None, None, None)
    return serving


def options(tmp_path: Path) -> dict[str, Any]:
    return {"brokers": [served().simulator.url], "topic": TOPIC, "start": "oldest", "heartbeat": "60s"}


def make(tmp_path: Path) -> Kafka:
    return Kafka(Config.model_validate(options(tmp_path)), Context("feed", tmp_path, clock=ManualClock(NOW)))
