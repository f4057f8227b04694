"""The queue's benchmark measures what it says; how fast it is here is not a test."""

from __future__ import annotations

from pathlib import Path

import pytest

from tocsin.bench import queue
from tocsin.model import Batch


def test_it_gives_every_figure_and_leaves_nothing_behind(tmp_path: Path) -> None:
    found = queue.run(events=60, bytes=700, folder=tmp_path)
    assert [row["batch"] for row in found["put"]] == [1, 50, 500, 1000]
    assert all(row["put"] > 0 and row["floor"] > 0 for row in found["put"])
    assert (found["events"], found["bytes"]) == (60, 700)
    assert min(found["read"], found["trim"], found["open_seconds"]) > 0
    assert list(tmp_path.iterdir()) == []


def test_put_and_floor_store_the_same_bytes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    taken: list[int] = []
    real = queue.Sqlite.put

    def put(self: queue.Sqlite, source: str, batch: Batch) -> int:
        taken.append(len(batch.events))
        return real(self, source, batch)

    monkeypatch.setattr(queue.Sqlite, "put", put)
    posts = queue._posts(queue.random.Random(1), 10, 500)
    batches = [posts[:5], posts[5:]]
    queue._putting(tmp_path / "queue", batches)()
    queue._appending(tmp_path / "floor", batches)()
    assert taken == [0, 5, 5]
    assert (tmp_path / "floor").stat().st_size == 10 * 500
