"""Echoes: words of another that were unheard of until a day ago."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tocsin.series.echoes import DAY, Echoes

KEY = ("acme",)
SAYINGS = st.lists(
    st.tuples(st.integers(0, 3), st.integers(0, 3 * DAY), st.lists(st.integers(0, 5), max_size=3, unique=True)),
    max_size=40,
)


def test_whoever_says_it_first_is_no_echo_and_nobody_is_a_day_later() -> None:
    echoes = Echoes()
    assert not echoes.heard(KEY, 9, 0, [])
    assert not echoes.heard(KEY, 1, DAY, [7])
    assert not echoes.heard(KEY, 1, DAY + 60, [7])
    assert echoes.heard(KEY, 2, DAY + 120, [5, 7])
    assert echoes.heard(KEY, 1, DAY + 130, [5])
    assert not echoes.heard(KEY, 3, 2 * DAY, [7])


def test_nothing_is_an_echo_in_the_first_day_of_a_series() -> None:
    echoes = Echoes()
    assert not echoes.heard(KEY, 1, 0, [7])
    assert not echoes.heard(KEY, 2, DAY - 1, [7])
    echoes.heard(KEY, 1, DAY, [8])
    assert echoes.heard(KEY, 2, DAY + 1, [8])
    assert not echoes.heard(("other",), 2, DAY + 1, [8])


@given(SAYINGS)
def test_it_goes_on_as_if_never_stopped(sayings: list[tuple[int, int, list[int]]]) -> None:
    straight, stopped = Echoes(most=6), Echoes(most=6)
    for author, time, said in sayings:
        again = Echoes(most=6)
        again.load(stopped.saved())
        stopped = again
        assert straight.heard(KEY, author, time, said) == stopped.heard(KEY, author, time, said)
    assert len(straight.saved()[1]) <= 6


def test_what_was_heard_least_lately_is_forgotten() -> None:
    echoes = Echoes(most=2)
    for phrase in (1, 2, 1, 3):
        echoes.heard(KEY, 1, 0, [phrase])
    assert [phrase for _, phrase, _ in echoes.saved()[1]] == [1, 3]
