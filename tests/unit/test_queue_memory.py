"""What only the queue in memory does; the rest is in tests/contract/test_queue.py."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from tocsin.clock import ManualClock
from tocsin.component import Context
from tocsin.model import Batch, DeadLetter, Heartbeat
from tocsin.queues.memory import Config, Memory

NOW = datetime(2026, 3, 1, tzinfo=UTC)


def test_nothing_survives_and_nothing_is_written(tmp_path: Path) -> None:
    first = Memory(Config(), Context("queue", tmp_path))
    first.put("feed", Batch(events=[Heartbeat(source="feed", stream="all", at=NOW)], cursor="1"))
    first.close()
    second = Memory(Config(), Context("queue", tmp_path))
    assert (second.end(), second.cursor("feed"), list(tmp_path.iterdir())) == (0, None, [])
    assert second.uuid != first.uuid


def test_dead_letters_get_the_time_of_the_injected_clock(tmp_path: Path) -> None:
    queue = Memory(Config(), Context("queue", tmp_path, clock=ManualClock(NOW)))
    queue.bury([DeadLetter(source="feed", stage="ingest", reason="bad")])
    assert [letter.at for _, letter in queue.dead_letters()] == [NOW]
