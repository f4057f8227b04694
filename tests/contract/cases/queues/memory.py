"""The queue in memory for the contract suite."""

from pathlib import Path

from tocsin.component import Context
from tocsin.queues.memory import Config, Memory

DURABLE = False


def make(tmp_path: Path, *, keep: int = 10_000, max_events: int = 1_000_000) -> Memory:
    return Memory(Config(keep=keep, max_events=max_events, max_event_bytes=2_000), Context("queue", tmp_path))
