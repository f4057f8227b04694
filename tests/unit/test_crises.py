"""Crises over something thin: planted ones are found, the onset is where it says, other seeds change it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tocsin.detectors.volume import Config
from tocsin.errors import ConfigError
from tocsin.evaluate import crises

FIVE_MINUTES = Config.model_validate({"bucket": 300})
QUARTERS = Config.model_validate({"bucket": 900})


def test_the_onset_is_the_first_hour_that_is_full_enough() -> None:
    times = np.array([0, 5000, 9000, 9100, 9200, 9300, 9400], np.int64)
    assert crises.onset(times, 1) == 9400
    assert crises.onset(times, 7) is None


def test_crises_that_jump_are_found_within_the_hour_and_what_came_before_is_counted() -> None:
    found = crises.judged(crises.invented(60, number=6, seed=3), FIVE_MINUTES, per_hour=4)
    figures = crises.summary(found)
    assert figures["found"] == figures["crises"] == 6
    assert figures["within_60_minutes"] >= 5
    assert sum(one.series_weeks for one in found) > 6 * 9 * 0.8


def test_ids_tell_the_time(tmp_path: Path) -> None:
    folder = tmp_path / "2012_Flood"
    folder.mkdir()
    identity = (1_340_000_000_000 - crises.EPOCH) << 22
    (folder / "2012_Flood-tweetids_entire_period.csv").write_text(f"Tweet ID\n'{identity}'\nno id\n")
    for given in (tmp_path, folder):
        assert crises.load(given)["2012_Flood"].tolist() == [1_340_000_000]
    (tmp_path / "empty").mkdir()
    with pytest.raises(ConfigError, match="no crisis"):
        crises.load(tmp_path / "empty")


def test_figures_are_of_each_crisis_and_of_all_by_base(tmp_path: Path) -> None:
    for name, times in crises.invented(3600, number=2, seed=1).items():
        folder = tmp_path / name.split(",")[0]
        folder.mkdir()
        ids = "\n".join(str((int(time) * 1000 - crises.EPOCH) << 22) for time in times)
        (folder / f"{folder.name}-tweetids_entire_period.csv").write_text(ids)
    figures = crises.real(tmp_path, QUARTERS)
    assert [(one["crisis"], one["per_hour"]) for one in figures["each"]] == [
        (name, base) for base in crises.BASES for name in ("0", "1")
    ]
    assert [row["crises"] for row in figures["together"]] == [2, 2, 2]


def test_invented_crises_take_as_long_as_they_should_to_their_height() -> None:
    rows = crises.imagined(QUARTERS, number=2)
    assert [(row["begins"], row["per_hour"]) for row in rows] == [
        (name, base) for name in crises.RISES for base in crises.BASES
    ]
    slow, fast = (crises.invented(rise, number=20) for rise in (12 * 3600, 60))
    assert [len(times) >= 20 for times in slow.values()] == [True] * 20
    assert np.median([times[9] - times[0] for times in fast.values()]) < np.median(
        [times[9] - times[0] for times in slow.values()]
    )
