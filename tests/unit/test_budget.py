"""The promise is kept, the worst comes first, and what people say moves the threshold and no further."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tocsin.alerts.budget import WEEK, Budget, Rate, factor

DAY = 86_400


def test_a_calm_stream_rings_whenever_something_opens() -> None:
    budget = Budget(Rate.parse("1 per day"))
    assert all(budget.admit(day * 3 * DAY, {"a": 1.01}) == {"a"} for day in range(20))


def test_the_worst_ring_and_the_rest_is_left_to_the_digest() -> None:
    budget = Budget(Rate.parse("1 per week"))
    random = np.random.default_rng(1)
    scores = 1 + random.exponential(0.5, 600)
    rang = [score for hour, score in enumerate(scores) if budget.admit(hour * 8 * 3600, {"a": float(score)})]
    weeks = len(scores) * 8 * 3600 / WEEK
    assert len(rang) <= weeks + 1
    assert np.mean(rang) > np.mean(scores) + 0.5


def test_of_those_that_open_together_the_worst_rings() -> None:
    budget = Budget(Rate.parse("1 per week"))
    assert budget.admit(WEEK, {"mild": 1.1, "bad": 3.0, "middling": 2.0}) == {"bad"}


def test_what_is_far_beyond_the_threshold_rings_beyond_the_promise_but_not_for_ever() -> None:
    """A quarter of a full week is kept for it, be it not the worst that there was."""
    budget = Budget(Rate.parse("1 per day"))
    for number in range(7):
        budget.admit(4 * WEEK + number * DAY, {"a": 9.0 if number == 0 else 1.1})
    at = 5 * WEEK - 3600
    assert budget.admit(at, {"b": 1.4}) == set()
    assert budget.admit(at + 60, {"c": 2.7}) == {"c"}
    assert budget.admit(at + 120, {"d": 99.0}) == set()


RATES = ["1 per hour", "3 per day", "1 per day", "2 per week", "1 per week", "1 per month"]


@pytest.mark.parametrize("text", RATES)
@given(
    opened=st.lists(st.tuples(st.integers(0, 60 * 24 * 40), st.floats(1, 50)), max_size=150),
    cut=st.integers(0, 150),
)
@settings(deadline=None, max_examples=30)
def test_no_window_holds_more_than_a_quarter_over_the_promise(
    text: str, opened: list[tuple[int, float]], cut: int
) -> None:
    rate = Rate.parse(text)
    budget, rang = Budget(rate), []
    for number, (minute, score) in enumerate(sorted(opened)):
        if number == cut:
            saved, budget = budget.save(), Budget(rate)
            budget.load(saved)
        rang += [minute * 60] * len(budget.admit(minute * 60, {str(number): score}))
    held = [sum(start <= time < start + rate.window for time in rang) for start in rang]
    assert max(held, default=0) <= max(1.25 * rate.most, rate.most + 1)


def test_a_budget_is_a_number_in_a_period() -> None:
    assert Rate.parse("1 per day").per_week == 7
    assert Rate.parse("1 per month").most == 1
    for wrong in ("0 per day", "1 per year", "one per day", "1 a day"):
        with pytest.raises(ValueError, match="per hour, day, week or month"):
            Rate.parse(wrong)


@given(st.lists(st.sampled_from(["useful", "not_useful", "planned"])))
def test_feedback_moves_the_threshold_within_bounds(said: list[str]) -> None:
    assert 1 <= factor(said) <= 2


def test_under_a_small_budget_what_is_unheard_of_rings_once_in_twenty_weeks() -> None:
    budget = Budget(Rate.parse("1 per week"))
    rang = []
    for week in range(40):
        at = week * WEEK + 2 * WEEK
        rang.append(len(budget.admit(at, {"a": 1.2})) + len(budget.admit(at + DAY, {"b": 10.0 * 3**week})))
    assert rang[0] == 2
    assert sum(number > 1 for number in rang) <= 2
