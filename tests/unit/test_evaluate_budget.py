"""The evaluation of budgets: what is planted, what rings in which week, what is missed."""

from __future__ import annotations

import numpy as np
import pytest

from tocsin.alerts.budget import Rate
from tocsin.detectors.volume import Config
from tocsin.evaluate import budget
from tocsin.evaluate.budget import Planted, Rung, World

HOUR, DAY, WEEK = 3600, 86_400, 7 * 86_400
CONFIG = Config(bucket=300)


@pytest.fixture(scope="module")
def world() -> World:
    """Three calm weeks of two watches, with an incident in the last two of each."""
    random = np.random.default_rng(3)
    counts = random.poisson(3, (21 * 288, 2)).astype(float)
    planted = []
    for day, series in ((9, 0), (12, 1), (16, 0), (19, 1)):
        start = day * DAY + 15 * HOUR
        counts[start // 300 : start // 300 + 24, series] *= 3 + day
        planted.append(Planted("ab"[series], start, start + 2 * HOUR))
    return World((("a",), ("b",)), 0, counts, tuple(planted))


def test_an_incident_is_found_by_an_alert_of_its_watch_in_its_time() -> None:
    planted = Planted("a", 1000, 2000)
    assert budget.found(planted, [Rung("b", 1500), Rung("a", 1000), Rung("a", 2000 + HOUR)])
    assert not budget.found(planted, [Rung("b", 1500), Rung("a", 1000), Rung("a", 2001 + HOUR)])


def test_only_full_weeks_and_first_alerts_count(world: World) -> None:
    rung = [Rung("a", at) for at in (1, WEEK, WEEK + 1, 3 * WEEK, 3 * WEEK + 1)] + [Rung("a", 2, first=False)]
    assert budget.by_week(world, rung).tolist() == [2, 1, 1]


def test_the_preset_finds_what_is_planted_and_a_budget_rings_for_no_more_than_it_promises(world: World) -> None:
    rows = {row["budget"]: row for row in budget.table([world], CONFIG)}
    assert list(rows) == ["none", *budget.BUDGETS]
    assert (rows["none"]["planted"], rows["none"]["found_alone"], rows["none"]["missed"]) == (4, 4, 0)
    assert rows["1 per day"]["missed"] == 0
    for text in budget.BUDGETS:
        assert rows[text]["highest_week"] <= 1.25 * Rate.parse(text).per_week + 1
        assert rows[text]["alerts_per_week"] <= rows["none"]["alerts_per_week"]
    assert rows["1 per week"]["weeks"] == 3


def test_one_incident_rings_once_however_much_it_grows(world: World) -> None:
    changes = list(budget.incidents(world, CONFIG))
    opened = sum(change.event == "opened" for change in changes)
    rung = budget.ring(changes, budget.NO_BUDGET)
    assert 4 <= sum(one.first for one in rung) <= opened
    assert rung == budget.ring(changes, budget.NO_BUDGET)


def test_invented_posts_have_their_incidents_and_voices_leave_out_what_is_repeated() -> None:
    mentions, voices = budget.imagined(13, seed=1)
    assert mentions.planted == voices.planted
    assert len(mentions.planted) == 1
    assert (voices.counts <= mentions.counts).all()
    assert 0.6 < voices.counts.sum() / mentions.counts.sum() < 0.95
    one = mentions.planted[0]
    number = mentions.keys.index((one.watch,))
    first, last = ((at - mentions.start) // 300 for at in (one.start, one.end))
    assert mentions.counts[first:last, number].mean() > 2 * mentions.counts[:, number].mean()
    children = [place for place, key in enumerate(mentions.keys) if key[:1] == (one.watch,) and len(key) == 2]
    assert mentions.counts[:, children].sum() < mentions.counts[:, number].sum()
