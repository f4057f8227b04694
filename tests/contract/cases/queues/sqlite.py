"""The embedded queue for the contract suite."""

from pathlib import Path

from tocsin.component import Context
from tocsin.queues.sqlite import Config, Sqlite

DURABLE = True


def make(tmp_path: Path, *, keep: int = 10_000, max_events: int = 1_000_000) -> Sqlite:
    config = Config(keep=keep, max_events=max_events, max_event_bytes=2_000, low_space=0, ballast=0)
    return Sqlite(config, Context("queue", tmp_path))
