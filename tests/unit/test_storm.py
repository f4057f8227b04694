"""The airline storm as an evaluation: which posts count where, and what it says of them."""

from __future__ import annotations

import csv
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from tocsin.errors import ConfigError
from tocsin.evaluate import storm


def write(path: Path, rows: list[tuple[str, datetime, str]]) -> Path:
    """Posts of an airline, a time and a text."""
    with path.open("w", encoding="utf-8", newline="") as lines:
        out = csv.writer(lines)
        out.writerow(["tweet_id", "airline", "tweet_created", "text"])
        out.writerows(
            [number, airline, f"{at:%Y-%m-%d %H:%M:%S %z}", text] for number, (airline, at, text) in enumerate(rows)
        )
    return path


def test_a_post_counts_for_its_airline_for_all_and_for_its_topics(tmp_path: Path) -> None:
    posts = [("Delta", storm.STORM, "Cancelled, and my BAG is gone"), ("American", storm.STORM, "cancelled")]
    series = storm.load(write(tmp_path / "posts.csv", posts))
    assert len(series.names) == 60
    counted = {series.names[number] for number in np.flatnonzero(series.counts.sum(axis=0))}
    assert counted == {of + topic for of in ("all", "Delta") for topic in ("", "/cancel", "/luggage")}
    assert series.start == int(storm.STORM.timestamp()) // 300 * 300
    children = {series.names[number]: parent for number, parent in enumerate(series.parents)}
    assert (children["all"], children["Delta"]) == (-1, 0)
    assert series.names[children["Delta/cancel"]] == "Delta"


def test_a_wave_of_cancellations_is_seen_when_it_comes(tmp_path: Path) -> None:
    random = np.random.default_rng(1)
    begin = storm.STORM - timedelta(days=4)
    usual = [("United", begin + timedelta(minutes=float(at)), "nice seat") for at in random.uniform(0, 4 * 1440, 2000)]
    wave = [("Delta", storm.STORM + timedelta(minutes=at), "flight cancelled") for at in range(60)]
    figures = storm.run(write(tmp_path / "posts.csv", usual + wave))
    seen = datetime.fromisoformat(figures["first_seen"]["cancel"])
    assert storm.STORM < seen <= storm.STORM + timedelta(minutes=30)
    assert figures["first_seen"]["luggage"] is None
    assert figures["series"] == 60
    assert figures["alerts"] >= figures["series_that_alert"] >= 2


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="missing"):
        storm.load(tmp_path / "posts.csv")
