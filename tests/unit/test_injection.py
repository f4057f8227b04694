"""Planted events: that they are what they say, and that the detector finds them and little else."""

from __future__ import annotations

import numpy as np
import pytest

from tocsin.bench import detect
from tocsin.detectors.volume import Config
from tocsin.evaluate import injection
from tocsin.evaluate.injection import Event
from tocsin.evaluate.judging import episodes, judge
from tocsin.evaluate.nab import File

CONFIG = Config(bucket=900)
DAY = 96


def calm(name: str, per_hour: float, days: int = 13) -> File:
    """Poisson counts with one window at its start."""
    times = np.arange(days * DAY) * 900
    values = np.random.default_rng(len(name)).poisson(per_hour / 4, days * DAY).astype(float)
    return File(name, times, values, ((300, 320),), (int(times[310]),))


def test_a_burst_multiplies_the_mean_of_the_day_before() -> None:
    counts = np.full(300, 10.0)
    injection._plant(counts, 200, Event("", 24 * 3600, 4), 900, np.random.default_rng(1))
    assert counts[:200].tolist() == counts[296:].tolist() * 50
    assert counts[200:296].mean() == pytest.approx(40, rel=0.25)


def test_a_ramp_ends_at_its_height() -> None:
    counts = np.full(300, 1000.0)
    injection._plant(counts, 100, Event("", 24 * 3600, 5, ramp=True), 900, np.random.default_rng(1))
    first, last = counts[100:124].mean(), counts[172:196].mean()
    assert first < 2000
    assert last == pytest.approx(4500, rel=0.25)


def test_nothing_is_planted_where_the_event_is_nothing() -> None:
    counts = np.full(300, 10.0)
    injection._plant(counts, 200, Event("", 3600, 1), 900, np.random.default_rng(1))
    assert (counts == 10).all()


def test_quiet_places_are_far_from_labels_alerts_and_the_ends() -> None:
    alerts = np.zeros(20 * DAY, np.bool_)
    alerts[15 * DAY] = True
    file = File("made", np.arange(20 * DAY) * 900, np.zeros(20 * DAY), ((11 * DAY, 12 * DAY),), ())
    quiet = injection._quiet(file, 0, np.zeros(20 * DAY), alerts, CONFIG) / DAY
    assert ((quiet >= 8) & (quiet < 18)).all()
    assert not ((quiet >= 9) & (quiet < 13)).any()
    assert not ((quiet >= 14) & (quiet < 16)).any()
    assert ((quiet >= 8) & (quiet < 9)).any()


def test_planted_events_in_calm_counts_are_found_and_nothing_is_not() -> None:
    files = [calm("a", 40), calm("bb", 100)]
    table = {power.event: power for power in injection.tickers(files, CONFIG, positions=4, seed=3)}
    assert list(table) == [event.name for event in injection.TABLE]
    assert all(power.planted == 8 for power in table.values())
    assert table["2 h x8"].found == table["24 h x4"].found == 1
    assert table["2 h x8"].delay <= 60
    assert table["nothing, 24 h"].found == 0
    again = {power.event: power for power in injection.tickers(files, CONFIG, positions=4, seed=3)}
    assert again == table


def test_false_alarms_in_calm_counts_are_rare() -> None:
    found = injection.synthetic_silence(CONFIG, days=15, copies=8, seed=2)
    assert found["poisson"] <= 0.2
    assert found["negative_binomial"] <= 0.45


def test_bursts_have_the_power_that_the_docs_promise() -> None:
    table = {power.event: power.found for power in injection.synthetic_power(CONFIG, copies=3, seed=2)}
    assert table["2 h x4"] >= 0.6
    assert table["6 h x3"] >= 0.7
    assert table["24 h x2"] >= 0.75
    assert table["nothing, 24 h"] <= 0.1


def test_episodes_begin_anew_only_after_a_pause() -> None:
    over = np.zeros((100, 2), np.bool_)
    over[[5, 6, 7, 20, 90], 0] = True
    over[0, 1] = True
    assert episodes(over, 24) == 3
    assert episodes(over, 5) == 4
    assert episodes(over[:, :0], 5) == 0


def test_judging_is_the_detector_bucket_by_bucket() -> None:
    counts = np.random.default_rng(1).poisson(5, (300, 2))
    counts[250:] *= 10
    judged = judge(counts, CONFIG, start=900 * 7)
    assert judged.rise.any()
    assert (judged.score[judged.rise] >= 1).all()
    np.testing.assert_array_equal(judge(counts[:260], CONFIG, start=900 * 7).score, judged.score[:260])


def test_speed_is_given_beside_a_floor() -> None:
    figures = detect.speed(50, ticks=4)
    assert figures["series"] == 50
    assert figures["bytes_per_series"] <= 4200
    assert figures["ratio"] == pytest.approx(figures["tick_ms"] / figures["floor_ms"], rel=0.5)
