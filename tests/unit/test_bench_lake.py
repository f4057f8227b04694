"""The lake's benchmark measures what it says; how fast it is here is not a test."""

from __future__ import annotations

from pathlib import Path

import pytest

from tocsin.bench import lake


def test_it_gives_every_figure_and_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lake, "SIZES", (5, 40))
    found = lake.run(commits=8, folder=tmp_path)
    assert [row["rows"] for row in found["by_rows"]] == [5, 40]
    for row in found["by_rows"]:
        assert min(row.values()) > 0
        assert row["ratio"] == round((row["commit_p50_ms"] + row["flush_p50_ms"]) / row["floor_p50_ms"], 2)
    assert found["total_rows"] == 8 * 45
    assert found["files"] == 16
    assert found["files_after"] < 16
    assert list(tmp_path.iterdir()) == []


def test_commit_and_floor_write_the_same_rows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    written: list[int] = []
    real = lake.pq.write_table
    monkeypatch.setattr(
        lake.pq, "write_table", lambda rows, *a, **k: (written.append(rows.num_rows), real(rows, *a, **k))
    )
    monkeypatch.setattr(lake, "SIZES", (7,))
    lake.run(commits=3, folder=tmp_path)
    assert set(written) == {7}
