"""A source that has gone blind is an incident of its own, from the word on its gap to its next sign of life."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from tocsin.alerts import blindness
from tocsin.alerts.blindness import Blindnesses

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)


def row(seq: int, kind: str, minutes: float, until: float | None = None, note: str | None = None) -> dict[str, Any]:
    return {
        "seq": seq,
        "kind": kind,
        "event_time": NOON + timedelta(minutes=minutes),
        "until": None if until is None else NOON + timedelta(minutes=until),
        "source": "news",
        "stream": "news",
        "note": note,
    }


OPEN = row(1, "gap", 0, 3, "open: nothing heard")


def test_an_open_gap_opens_and_its_last_word_resolves() -> None:
    watch = Blindnesses()
    first, last = watch.advance([OPEN, row(2, "gap", 0, 9, "lost: nothing heard")])
    assert (first.event, last.event) == ("opened", "resolved")
    assert last.at - first.at == 6 * 60
    incident = blindness.opened(first, expected=120)
    assert incident.headline == (
        "news has gone blind: nothing seen since 12:00 UTC (nothing heard); it usually brings 120 posts an hour"
    )
    assert incident.expected == 6.0
    assert sum(part["share"] for part in incident.explanation["slices"]) == 100
    ended = blindness.resolved(incident, last)
    assert (ended.state, ended.end) == ("resolved", NOON + timedelta(minutes=9))


def test_a_sign_of_life_resolves_where_no_word_came() -> None:
    watch = Blindnesses()
    changes = list(watch.advance([OPEN, row(2, "heartbeat", 2), row(3, "post", 5)]))
    assert [(change.seq, change.event) for change in changes] == [(1, "opened"), (3, "resolved")]


def test_a_gap_that_is_over_when_it_is_told_opens_nothing() -> None:
    assert list(Blindnesses().advance([row(1, "gap", 0, 3, "lost: not listening")])) == []


def test_it_is_told_once() -> None:
    assert len(list(Blindnesses().advance([OPEN, row(2, "gap", 0, 6, "open: nothing heard")]))) == 1


rows = st.lists(st.tuples(st.sampled_from(["open", "lost", "post", "heartbeat"]), st.integers(0, 30)), max_size=20)


@given(rows, st.integers(0, 20))
def test_a_restart_between_any_two_rows_changes_nothing(script: list[tuple[str, int]], cut: int) -> None:
    made = [
        row(seq, "gap", minute, minute + 3, kind) if kind in {"open", "lost"} else row(seq, kind, minute)
        for seq, (kind, minute) in enumerate(script, 1)
    ]
    whole = list(Blindnesses().advance(made))
    watch, again = Blindnesses(), Blindnesses()
    before = list(watch.advance(made[:cut]))
    again.load(watch.save())
    assert before + list(again.advance(made[cut:])) == whole
    assert [change.event for change in whole] == [("opened", "resolved")[n % 2] for n in range(len(whole))]
