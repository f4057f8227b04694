"""Planted events: that they are what they say, and that the detector finds them and little else."""

from __future__ import annotations

import numpy as np
import pytest

from tocsin.detectors.volume import Config
from tocsin.evaluate import injection, synthetic
from tocsin.evaluate.injection import Event
from tocsin.evaluate.judging import detector
from tocsin.evaluate.nab import File

CONFIG = Config(bucket=900)
DAY = 96


def calm(name: str, per_hour: float, days: int = 13) -> File:
    """Poisson counts with one window at its start."""
    times = np.arange(days * DAY) * 900
    values = np.random.default_rng(len(name)).poisson(per_hour / 4, days * DAY).astype(float)
    return File(name, times, values, ((300, 320),), (int(times[310]),))


def planted(counts: np.ndarray, at: int, event: Event, seed: int = 1) -> np.ndarray:
    return injection._planted(counts.copy(), at, event, 900, np.random.default_rng(seed))


def test_a_burst_adds_multiples_of_the_mean_of_the_day_before() -> None:
    counts = planted(np.full(300, 10.0), 200, Event("", 24 * 3600, 4))
    assert counts[:200].tolist() == counts[296:].tolist() * 50
    assert counts[200:296].mean() == pytest.approx(50, rel=0.25)


def test_a_ramp_ends_at_its_height() -> None:
    counts = planted(np.full(300, 1000.0), 100, Event("", 24 * 3600, 5, "ramp"))
    first, last = counts[100:124].mean(), counts[172:196].mean()
    assert first < 2000
    assert last == pytest.approx(5500, rel=0.25)


def test_a_dip_leaves_a_part_and_nothing_else_changes() -> None:
    counts = planted(np.full(300, 100.0), 100, Event("", 24 * 3600, 0.3, "dip"))
    assert counts[100:196].mean() == pytest.approx(30, rel=0.1)
    assert (np.delete(counts, slice(100, 196)) == 100).all()
    assert not planted(np.full(300, 100.0), 100, Event("", 24 * 3600, 0, "dip"))[100:196].any()


def test_a_share_is_a_part_of_the_parent_that_changes() -> None:
    counts = planted(np.full(300, 1000.0), 100, Event("", 24 * 3600, 4, "share"))
    assert counts[:100].mean() == pytest.approx(100, rel=0.1)
    assert counts[100:196].mean() == pytest.approx(400, rel=0.1)


def test_nothing_is_planted_where_the_event_is_nothing() -> None:
    assert (planted(np.full(300, 10.0), 100, Event("", 3600, 0)) == 10).all()


def test_quiet_places_are_far_from_labels_alerts_and_the_ends() -> None:
    alerts = np.zeros(20 * DAY, np.bool_)
    alerts[15 * DAY] = True
    file = File("made", np.arange(20 * DAY) * 900, np.zeros(20 * DAY), ((11 * DAY, 12 * DAY),), ())
    quiet = injection._quiet(file, 0, alerts, 900) / DAY
    assert ((quiet >= 8) & (quiet < 18)).all()
    assert not ((quiet >= 9) & (quiet < 13)).any()
    assert not ((quiet >= 14) & (quiet < 16)).any()
    assert ((quiet >= 8) & (quiet < 9)).any()


def test_planted_events_in_calm_counts_are_found_and_nothing_is_not() -> None:
    files, rule = [calm("a", 40), calm("bb", 100)], detector(CONFIG)
    trial = injection.trial(files, CONFIG, positions=4, seed=3)
    rate = injection.calm(files, rule, 900)
    assert rate.alerts_per_week <= 0.5
    table = {power.event: power for power in injection.powers(trial, rule, rate.one_a_week)}
    assert list(table) == [event.name for event in injection.TABLE]
    assert all(power.planted == 8 for power in table.values())
    assert table["2 h x8"].found == table["24 h x4"].found == table["share x4, 24 h"].found == 1
    assert table["2 h x8"].delay <= 60
    assert table["dip to 0, 24 h"].found == 1
    assert table["nothing, 24 h"].found == table["no dip, 24 h"].found == table["same share, 24 h"].found == 0
    assert all(power.found_at_one_a_week >= power.found - 0.25 for power in table.values())
    again = injection.powers(injection.trial(files, CONFIG, positions=4, seed=3), rule, rate.one_a_week)
    assert again == list(table.values())


def test_false_alarms_in_calm_counts_are_rare() -> None:
    found = synthetic.silence(CONFIG, days=15, copies=8, seed=2)
    assert found["poisson"] <= 0.2
    assert found["negative_binomial"] <= 0.45


def test_bursts_have_the_power_that_the_docs_promise() -> None:
    table = {power.event: power.found for power in synthetic.powers(CONFIG, copies=3, seed=2)}
    assert table["2 h x4"] >= 0.6
    assert table["6 h x3"] >= 0.7
    assert table["24 h x2"] >= 0.75
    assert table["nothing, 24 h"] <= 0.1


def test_low_volumes_are_found_as_far_as_there_is_something_to_count() -> None:
    rows = synthetic.low_volumes(CONFIG, copies=2, seed=2)
    assert [row["per_five_minutes"] for row in rows] == list(synthetic.RATES)
    least, most = rows[0], rows[-1]
    assert least["2 h x4"] == 0
    assert least["20 posts in 1 h"] >= 0.8
    assert most["2 h x4"] == most["24 h x0"] == 1
    assert max(row["alerts_per_week"] for row in rows) <= 0.5
