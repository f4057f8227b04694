"""From a change to what people read: onset, headline, SQL, id."""

from __future__ import annotations

from datetime import UTC, datetime

import pyarrow as pa
import pytest
from tests.helpers.rows import row

from tocsin.alerts import incidents, membership
from tocsin.alerts.lifecycle import Change
from tocsin.records import SCHEMA

T0 = int(datetime(2026, 3, 2, 8, tzinfo=UTC).timestamp())
SERIES = {"watch": "acme", "category": "outage"}


def a_change(**values: object) -> Change:
    base: dict[str, object] = {
        "event": "opened", "key": ("acme", "outage"), "direction": "up", "at": T0 + 3600, "opened": T0 + 3600,
        "turn": 0, "score": 1.5, "severity": 63, "peak": 40.0, "observed": 40.0, "expected": 8.0, "low": 2.3,
        "high": 17.8, "scale": 3600,
    }  # fmt: skip
    return Change(**(base | values))  # type: ignore[arg-type]


def an_opening(**values: object) -> incidents.Opening:
    return incidents.Opening("volume", "mentions", SERIES, a_change(**values), T0, 7)


def test_onset_is_where_the_rate_changes() -> None:
    quiet = {T0 + 60 * minute: 1 for minute in range(0, 30, 10)}
    burst = {T0 + 60 * minute: 6 for minute in range(45, 60)}
    assert incidents.onset(quiet | burst, 60, a_change(expected=6.0)) == T0 + 45 * 60


def test_onset_of_a_single_full_bucket_is_that_bucket() -> None:
    assert incidents.onset({T0 + 600: 50}, 60, a_change(expected=3.0)) == T0 + 600


def test_onset_without_any_excess_is_the_last_bucket() -> None:
    assert incidents.onset({}, 60, a_change(expected=50.0)) == T0 + 3540


def test_a_long_window_does_not_pull_the_onset_back() -> None:
    day = {T0 + 3600 * hour: 2 for hour in range(24)}
    day |= {T0 + 3600 * hour: 15 for hour in range(18, 24)}
    assert incidents.onset(day, 3600, a_change(at=T0 + 86_400, scale=86_400, expected=48.0)) == T0 + 18 * 3600


def test_the_headline_stands_alone() -> None:
    start = datetime.fromtimestamp(T0 + 900, UTC)
    line = incidents.headline(SERIES, a_change(), start)
    assert line == "outage (acme): 40 mentions in 1 h, expected 3 to 17, since 08:15 UTC"


def test_the_usual_range_holds_what_does_not_ring() -> None:
    assert incidents.usual(low=3.0, high=10.0) == (4, 9)
    assert incidents.usual(low=0.0, high=0.5) == (0, 0)


def test_the_headline_names_the_day_when_it_was_another() -> None:
    start = datetime(2026, 3, 1, 23, 5, tzinfo=UTC)
    assert incidents.headline({"category": "outage"}, a_change(), start).endswith("since 01 Mar 23:05 UTC")


@pytest.mark.parametrize(
    ("series", "condition"),
    [
        (SERIES, "array_contains(watches, 'acme') AND array_contains(categories, 'outage')"),
        ({"category": "other"}, "category = 'other'"),
        ({"source": "it's"}, "source = 'it''s'"),
        ({"language": "unknown"}, "coalesce(language, 'unknown') = 'unknown'"),
        ({"country": "DE"}, "country = 'DE'"),
        ({}, "true"),
        ({"watch": "all"}, "true"),
        ({"watch": "all", "category": "outage"}, "array_contains(categories, 'outage')"),
    ],
)
def test_the_condition_picks_the_series(series: dict[str, str], condition: str) -> None:
    assert membership.predicate(series) == condition


def belongs(series: dict[str, str], **values: object) -> bool:
    batch = pa.RecordBatch.from_pylist([row(1, 1), row(2, 2, **values)], schema=SCHEMA)
    return membership.members(batch, series).to_pylist()[1]


@pytest.mark.parametrize(
    ("values", "member"),
    [
        ({"watches": ["acme"], "categories": ["outage", "billing"]}, True),
        ({"watches": ["globex"], "categories": ["outage"]}, False),
        ({"watches": ["acme"], "categories": []}, False),
        ({"watches": None, "categories": ["outage"]}, False),
    ],
)
def test_belonging_agrees_with_the_condition(values: dict[str, object], member: bool) -> None:
    assert belongs(SERIES, **values) is member


def test_other_and_unknown_belong_where_nothing_is_said() -> None:
    assert belongs({"category": "other"}, categories=[])
    assert belongs({"category": "other"}, categories=None)
    assert not belongs({"category": "other"}, categories=["outage"])
    assert belongs({"language": "unknown"}, language=None)
    assert not belongs({"language": "unknown"}, language="en")


def test_the_same_incident_has_the_same_id_and_others_another() -> None:
    one = incidents.incident_id("volume", SERIES, "up", T0)
    assert one == incidents.incident_id("volume", dict(reversed(SERIES.items())), "up", T0)
    others = {
        incidents.incident_id("else", SERIES, "up", T0),
        incidents.incident_id("volume", SERIES, "down", T0),
        incidents.incident_id("volume", SERIES, "up", T0 + 60),
        incidents.incident_id("volume", {"watch": "acme"}, "up", T0),
    }
    assert len(others | {one}) == 5


def test_a_later_change_moves_state_and_peak_and_keeps_the_evidence() -> None:
    incident = incidents.opened(an_opening(), {"posts": []})
    worse = incidents.changed(incident, a_change(event="escalated", severity=90, peak=99.0, observed=99.0, turn=1))
    assert (worse.state, worse.severity, worse.peak, worse.observed, worse.end) == ("open", 90, 99.0, 40.0, None)
    over = incidents.changed(worse, a_change(event="resolved", severity=10, at=T0 + 7200))
    assert (over.state, over.severity, over.end) == ("resolved", 90, datetime.fromtimestamp(T0 + 7200, UTC))


def test_every_message_of_an_incident_has_its_own_key() -> None:
    incident = incidents.opened(an_opening(), {})
    changes = [
        a_change(),
        a_change(event="escalated", turn=1),
        a_change(event="escalated", turn=2),
        a_change(event="resolved", turn=2),
    ]
    assert len({incidents.alert(incident, change.event, change.turn).key for change in changes}) == 4


def test_without_watches_every_post_belongs_to_all() -> None:
    assert belongs({"watch": "all", "category": "outage"}, watches=[])
    assert belongs({"watch": "all", "category": "outage"}, watches=["old"])
    assert not belongs({"watch": "all", "category": "billing"}, watches=[])


def test_voices_are_counted_by_author_and_hour() -> None:
    sql = membership.statement(SERIES, T0, T0 + 3600, 9, "voices")
    assert sql.startswith("SELECT count(*) AS mentions FROM (SELECT DISTINCT source, coalesce(author_id, uid)")
    assert "seq <= 9" in sql


def test_the_headline_says_what_is_counted() -> None:
    start = datetime.fromtimestamp(T0 + 900, UTC)
    line = incidents.headline(SERIES | {"sentiment": "negative"}, a_change(), start, "negative_share")
    assert line.startswith("outage (acme): 40 negative mentions in 1 h")
    assert "independent authors" in incidents.headline(SERIES, a_change(), start, "voices")


def test_an_entity_is_found_in_the_list_of_entities() -> None:
    named = [{"text": "Acme", "type": "ORG", "start": 0, "end": 4}]
    assert belongs({"entity": "Acme"}, entities=named)
    assert not belongs({"entity": "Globex"}, entities=named)
    assert not belongs({"entity": "Acme"}, entities=None)
