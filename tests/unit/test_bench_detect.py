"""The detector's benchmark: parts by name, speed beside a floor, plain rules on the same files."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.helpers.nab import write

from tocsin.bench import _detect_speed as speeds
from tocsin.bench import detect
from tocsin.errors import ConfigError
from tocsin.evaluate import nab


def test_speed_is_given_beside_a_floor() -> None:
    figures = speeds.tick(50, ticks=4)
    assert figures["series"] == 50
    assert figures["bytes_per_series"] <= 4400
    assert figures["ratio"] == pytest.approx(figures["tick_ms"] / figures["floor_ms"], rel=0.5)
    figures = speeds.backtest(series=20, days=1)
    assert (figures["series"], figures["days"]) == (20, 1)
    assert figures["seconds"] > 0


def test_parts_are_asked_for_by_name() -> None:
    figures = detect.run(only="speed", series=60)
    assert set(figures) == {"sensitivity", "seed", "speed"}
    assert [row["series"] for row in figures["speed"]] == [60]
    with pytest.raises(ConfigError, match=r"only: nab_held, nothing is not among .*budget"):
        detect.run(only="nab_held,nothing,speed")


def test_the_benchmark_folder_may_be_in_a_folder_of_data(tmp_path: Path) -> None:
    days = [(f"2026-03-{day:02} {hour:02}:00:00", 50.0) for day in range(1, 6) for hour in range(24)]
    (tmp_path / "nab").mkdir()
    write(tmp_path / "nab", dict.fromkeys(nab.DEVELOPMENT, days))
    inner, outer = (detect.run(folder, only="nab_development") for folder in (tmp_path / "nab", tmp_path))
    assert inner == outer
    found = outer["nab_development"]
    assert (found["windows"], found["windows_found"], found["false_alarms_per_week"]) == (5, 0, 0)
    assert [row["rule"] for row in found["rules"]] == ["mean and 3 deviations", "cumulative sum"]
