"""What is held back: by quiet hours, silences, rates and budgets of a destination's own; and what digests tell."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from pathlib import Path

import pytest
from tests.unit.test_delivery import HOUR, NOON, NOW, Desk, House, alert

from tocsin.alerts.budget import Rate
from tocsin.alerts.manners import Manners
from tocsin.errors import Permanent, Transient
from tocsin.model import Alert, Digest, Message
from tocsin.silences import Matcher, Silence, quiet_hours

TWO_AN_HOUR = Rate.parse("2 per hour")


@pytest.fixture
def house(tmp_path: Path, request: pytest.FixtureRequest) -> House:
    return House(tmp_path, **getattr(request, "param", {}))


def with_manners(**manners: Manners) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("house", [manners], indirect=True)


def silence(hours: float, name: str = "acme") -> Silence:
    matchers = (Matcher("watch", name),)
    return Silence("s1", matchers, NOW, NOW + timedelta(hours=hours), "ann", "release", NOW)


def digests(desk: Desk) -> list[Digest]:
    return [message for message in desk.got if isinstance(message, Digest)]


def in_it(digest: Message) -> set[str]:
    assert isinstance(digest, Digest)
    return {one.id for one in digest.incidents}


@with_manners(ops=Manners(quiet=NOON, wake_for=85))
def test_what_grows_in_quiet_hours_wakes_and_tells_of_all_before(house: House) -> None:
    house.serve(ops=Desk())
    house.post(1, severity=60)
    house.round()
    house.post(1, "escalated", severity=90)
    house.round()
    assert house.desks["ops"].keys == ["incident-1.escalated.0"]
    house.clock.advance(HOUR)
    house.round()
    assert len(house.desks["ops"].got) == 1, "its opening is not told after it"


@with_manners(ops=Manners(quiet=NOON, wake_for=85))
def test_the_end_of_what_nobody_was_told_of_wakes_nobody(house: House) -> None:
    house.serve(ops=Desk())
    house.post(1, severity=60)
    house.post(2, severity=90)
    house.round()
    house.post(1, "resolved", severity=86, state="resolved")
    house.post(2, "resolved", severity=90, state="resolved")
    house.clock.advance(120)
    house.round()
    assert house.desks["ops"].keys == ["incident-2.opened.0", "incident-2.resolved.0"]
    house.clock.advance(HOUR)
    house.round()
    assert [in_it(one) for one in digests(house.desks["ops"])] == [{"incident-1"}]


@with_manners(ops=Manners(quiet=NOON))
def test_what_comes_behind_something_held_is_no_reason_to_wait_for_the_end(house: House) -> None:
    house.serve(ops=Desk())
    house.post(1)
    house.round()
    house.post(1, "resolved")
    house.round()
    assert house.state.untried(house.clock.now().timestamp()) == 0


def test_neither_is_what_comes_behind_something_that_fails(house: House) -> None:
    house.serve(ops=Desk(*[Transient("down")] * 9))
    house.post(1)
    house.round()
    for number in range(2, 30):
        house.post(number)
    house.post(1, "resolved")
    house.round()
    house.round()
    assert house.state.untried(house.clock.now().timestamp()) == 0
    assert len(house.desks["ops"].script) == 6, "three in a row, and it is left alone"
    assert sum(row["attempts"] for row in house.state.outbox()) == 3


@with_manners(ops=Manners(quiet=NOON))
def test_what_is_held_apart_is_told_once_and_together(house: House) -> None:
    house.serve(ops=Desk())
    for number in range(1, 251):
        house.post(number, severity=99 if number % 3 == 0 else 50)
    for _ in range(4):
        house.round()
    house.clock.advance(HOUR)
    house.round()
    (digest,) = digests(house.desks["ops"])
    assert in_it(digest) == {f"incident-{number}" for number in range(1, 251) if number % 3}
    assert digest.told == 250 - 83


def test_a_silence_of_days_is_kept(house: House) -> None:
    house.serve(ops=Desk())
    house.state.silences.put(silence(100))
    house.post(1)
    for _ in range(3):
        house.round()
        house.clock.advance(24 * HOUR)
    assert house.desks["ops"].got == []
    house.clock.advance(50 * HOUR)
    house.desks["ops"].script = [Transient("busy")]
    house.round()
    house.clock.advance(HOUR)
    house.round()
    assert house.desks["ops"].keys == ["incident-1.opened.0"], "waiting is no failing: it is not given up"


def test_what_a_changed_silence_holds_no_more_goes_within_a_minute(house: House) -> None:
    house.serve(ops=Desk())
    house.state.silences.put(silence(2))
    house.post(1)
    house.round()
    house.state.silences.put(silence(2, "globex"))
    house.clock.advance(61)
    house.round()
    assert house.desks["ops"].keys == ["incident-1.opened.0"]


@with_manners(ops=Manners(quiet=NOON))
def test_a_message_that_failed_before_quiet_hours_waits_too(house: House) -> None:
    house.at(datetime(2026, 3, 3, 10, 59, 58, tzinfo=UTC))
    house.serve(ops=Desk(Transient("busy", retry_after=60)))
    house.post(1)
    house.round()
    house.clock.advance(90)
    assert house.round() == 0
    house.at(datetime(2026, 3, 3, 13, tzinfo=UTC))
    house.round()
    assert house.desks["ops"].keys == ["incident-1.opened.0"]


@with_manners(ops=Manners(quiet=(quiet_hours("22:00-07:00", "UTC"), quiet_hours("sat sun 00:00-24:00", "UTC"))))
def test_nights_and_weekends(house: House) -> None:
    house.at(datetime(2026, 3, 6, 23, tzinfo=UTC))  # a Friday
    house.serve(ops=Desk())
    house.post(1)
    house.round()
    for hour in range(56):
        house.round()
        assert house.desks["ops"].got == [], hour
        house.clock.advance(HOUR)
    assert house.clock.now() == datetime(2026, 3, 9, 7, tzinfo=UTC)
    house.round()
    assert house.desks["ops"].keys == ["incident-1.opened.0"]


@pytest.mark.parametrize("text", ["22:00", "22:00-7:00", "25:00-07:00", "mon-fri 22:00-07:00", "Mon 22:00-07:00", ""])
def test_other_quiet_hours_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"\d|hour"):
        quiet_hours(text, "UTC")


@with_manners(pager=Manners(rate=TWO_AN_HOUR))
def test_one_that_takes_no_digests_gets_no_more_than_its_rate(house: House) -> None:
    house.serve(pager=Desk(digests=False))
    for number in range(1, 7):
        house.post(number)
    told = []
    for _ in range(4):
        house.round()
        told.append(len(house.desks["pager"].got))
        house.clock.advance(HOUR)
    assert told == [2, 4, 6, 6]
    assert house.desks["pager"].keys == [f"incident-{number}.opened.0" for number in range(1, 7)]


@with_manners(ops=Manners(quiet=NOON))
def test_what_is_told_together_can_die_and_be_sent_again(house: House) -> None:
    house.serve(ops=Desk(Permanent("gone")))
    house.post(1)
    house.post(2)
    house.round()
    house.clock.advance(HOUR)
    house.round()
    ((_, letter),) = house.queue.dead_letters()
    assert letter.place == "held.ops.incident-1.opened.0 to ops"
    (dead,) = [row for row in house.state.outbox() if row["state"] == "dead"]
    house.state.revive([dead["number"]], house.clock.now().timestamp())
    house.round()
    assert [in_it(one) for one in house.desks["ops"].got] == [{"incident-1", "incident-2"}]


@with_manners(ops=Manners(quiet=NOON))
def test_a_digest_of_what_was_held_tells_also_of_what_failed_before(house: House) -> None:
    house.at(datetime(2026, 3, 3, 10, 59, 58, tzinfo=UTC))
    house.serve(ops=Desk(*[Transient("down", retry_after=3 * HOUR)]))
    house.post(1)
    house.round()
    house.clock.advance(60)
    house.post(2)
    house.round()
    house.at(datetime(2026, 3, 3, 16, tzinfo=UTC))
    house.round()
    told = {one.incident.id for one in house.desks["ops"].got if isinstance(one, Alert)}
    told |= {id for one in digests(house.desks["ops"]) for id in in_it(one)}
    assert told == {"incident-1", "incident-2"}


@with_manners(ops=Manners(watches=frozenset({"globex"})))
def test_a_destination_may_be_for_some_watches(house: House) -> None:
    house.serve(ops=Desk())
    house.post(1)
    house.post(2, series={"watch": "globex"})
    house.post(3, series={"source": "news"}, policy="coverage")
    house.round()
    assert house.desks["ops"].keys == ["incident-2.opened.0", "incident-3.opened.0"]


@with_manners(boss=Manners(budget=Rate.parse("1 per week")))
def test_a_destination_may_have_a_stricter_budget(house: House) -> None:
    house.serve(boss=Desk(), all=Desk())
    for day, score in enumerate([1.2, 1.5, 9.0, 1.2, 1.3]):
        moment = NOW + timedelta(days=day)
        house.at(moment)
        house.post(day + 1, score=score, detected_at=moment)
        house.round()
    house.post(2, "resolved")
    house.post(1, "resolved")
    house.round()
    assert len(house.desks["all"].got) == 7
    assert house.desks["boss"].keys == ["incident-1.opened.0", "incident-3.opened.0", "incident-1.resolved.0"]


@with_manners(ops=Manners(digest="daily", at=time(8), alerts=False))
def test_no_incident_falls_between_two_digests(house: House) -> None:
    house.serve(ops=Desk())
    house.round()
    house.at(datetime(2026, 3, 3, 8, 0, 1, tzinfo=UTC))
    house.round()
    late = datetime(2026, 3, 3, 7, 59, tzinfo=UTC)
    house.post(1, detected_at=late)
    house.post(2, detected_at=datetime(2015, 1, 1, tzinfo=UTC))
    house.at(datetime(2026, 3, 6, 9, tzinfo=UTC))
    house.round()
    first, second = digests(house.desks["ops"])
    assert in_it(first) == set()
    assert in_it(second) == {"incident-1", "incident-2"}
    assert (second.since, second.told, second.promised) == (first.until, 2, 3.0)
    house.post(1, "resolved", state="resolved", detected_at=late)
    house.at(datetime(2026, 3, 7, 9, tzinfo=UTC))
    house.round()
    third = digests(house.desks["ops"])[2]
    assert (in_it(third), third.told) == ({"incident-1"}, 0)


@with_manners(ops=Manners(digest="daily", at=time(8), alerts=False))
def test_a_clock_that_jumps_loses_no_digest_and_no_incident(house: House) -> None:
    house.serve(ops=Desk())
    house.round()
    house.post(1)
    house.clock.jump(30 * 24 * HOUR)
    house.round()
    house.post(2)
    house.clock.jump(-30 * 24 * HOUR)
    house.round()
    house.clock.advance(30 * 24 * HOUR)
    house.post(3)
    house.round()
    house.clock.advance(24 * HOUR)
    house.round()
    assert [in_it(one) for one in digests(house.desks["ops"])] == [{"incident-1"}, {"incident-2", "incident-3"}]


@with_manners(ops=Manners(budget=Rate.parse("1 per week"), digest="weekly"))
def test_a_digest_says_what_this_destination_was_told(house: House) -> None:
    house.serve(ops=Desk())
    house.round()
    house.post(1, score=1.5)
    house.round()
    house.post(2, score=1.2)
    house.round()
    house.at(datetime(2026, 3, 9, 9, tzinfo=UTC))
    house.round()
    (digest,) = digests(house.desks["ops"])
    assert {one.id: one.told for one in digest.incidents} == {"incident-1": True, "incident-2": False}
    assert digest.told == 1


def test_a_notifier_with_a_bug_stops_nothing(house: House) -> None:
    house.serve(ops=Desk(KeyError("what")), all=Desk())
    house.post(1)
    house.round()
    assert house.desks["all"].keys == ["incident-1.opened.0"]
    house.clock.advance(HOUR)
    house.round()
    assert house.desks["ops"].keys == ["incident-1.opened.0"]


def test_what_waits_is_measured(house: House) -> None:
    house.serve(ops=Desk(*[Transient("down")] * 9), all=Desk())
    for number in range(1, 5):
        house.post(number)
    house.round()
    house.clock.advance(10)
    house.round()
    shown = house.telemetry.render().decode()
    assert 'tocsin_outbox_messages{destination="ops"} 4.0' in shown
    assert 'tocsin_outbox_age_seconds{destination="ops"} 10.0' in shown
    assert 'tocsin_outbox_messages{destination="all"} 0.0' in shown
    assert 'tocsin_destination_resting{destination="ops"} 1.0' in shown
    house.desks["ops"].script = []
    house.clock.advance(HOUR)
    house.round()
    assert 'tocsin_destination_resting{destination="ops"} 0.0' in house.telemetry.render().decode()


def test_an_alert_is_what_is_told(house: House) -> None:
    house.serve(ops=Desk())
    house.post(1)
    house.round()
    assert house.desks["ops"].got == [alert(1)]
