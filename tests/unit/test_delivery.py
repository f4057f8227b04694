"""How destinations are served: quiet hours, rates, digests, breakers, and an order that nothing disturbs."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Iterator
from datetime import UTC, datetime, time, timedelta
from pathlib import Path

import msgspec
import pytest
from tests.helpers.alerts import an_alert

from tocsin.alerts.budget import Rate
from tocsin.alerts.manners import Manners
from tocsin.clock import ManualClock
from tocsin.component import Context
from tocsin.errors import Permanent, Transient
from tocsin.model import Alert, Digest, Message
from tocsin.pipeline.notify import Couriers, Office
from tocsin.queues.memory import Config, Memory
from tocsin.silences import quiet_hours
from tocsin.state import State
from tocsin.telemetry import Telemetry

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
HOUR = 3600.0


class Desk:
    """Takes everything but what its script says."""

    def __init__(self, *script: Exception, digests: bool = True) -> None:
        self.script, self.got = list(script), list[Message]()
        self.takes_digests = digests

    async def send(self, message: Message) -> None:
        if self.script:
            raise self.script.pop(0)
        self.got.append(message)

    @property
    def keys(self) -> list[str]:
        return [message.key for message in self.got]


class House:
    def __init__(self, folder: Path, **manners: Manners) -> None:
        self.clock, self.state = ManualClock(NOW), State(folder / "state.db")
        self.queue = Memory(Config(), Context("queue", folder, self.clock))
        self.manners, self.desks, self.telemetry = manners, dict[str, Desk](), Telemetry()

    def serve(self, **desks: Desk) -> None:
        self.desks = desks
        office = Office(self.state, self.queue, self.clock, random.Random(1), self.telemetry, Rate.parse("1 per day"))
        self.couriers = Couriers(desks, office, self.manners)

    def post(self, number: int = 1, event: str = "opened", severity: int = 50, **values: object) -> None:
        told = alert(number, event, severity, **values)
        with self.state.transaction() as tx:
            tx.put_incident(told.incident)
            if event != "escalated":
                tx.news(told.incident.id, opened=event == "opened")
            tx.post_alert(told, list(self.desks), self.clock.now().timestamp())

    def round(self) -> int:
        return asyncio.run(self.couriers.round())

    def at(self, moment: datetime) -> None:
        self.clock.advance((moment - self.clock.now()).total_seconds())


def alert(number: int = 1, event: str = "opened", severity: int = 50, **values: object) -> Alert:
    told = an_alert(number)
    incident = msgspec.structs.replace(told.incident, severity=severity, **({"detected_at": NOW} | values))
    return Alert(f"{incident.id}.{event}.0", event, incident)  # type: ignore[arg-type]


@pytest.fixture
def house(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[House]:
    made = House(tmp_path, **getattr(request, "param", {}))
    yield made
    made.state.close()


NOON = (quiet_hours("11:00-13:00", "UTC"),)
BERLIN = Manners(zone="Europe/Berlin", quiet=(quiet_hours("22:00-07:00", "Europe/Berlin"),), wake_for=80)


@pytest.mark.parametrize(
    ("local", "until"),
    [
        ("2026-03-02T21:59", None),
        ("2026-03-02T22:00", "2026-03-03T07:00"),
        ("2026-03-03T03:00", "2026-03-03T07:00"),
        ("2026-03-03T07:00", None),
        ("2026-03-28T23:00", "2026-03-29T07:00"),
        ("2026-10-24T23:00", "2026-10-25T07:00"),
    ],
)
def test_quiet_hours_are_those_of_the_wall_clock_there(local: str, until: str | None) -> None:
    from zoneinfo import ZoneInfo

    now = datetime.fromisoformat(local).replace(tzinfo=ZoneInfo("Europe/Berlin")).timestamp()
    found = BERLIN.quiet_until(alert().incident, now)
    assert (
        None if found is None else f"{datetime.fromtimestamp(found, ZoneInfo('Europe/Berlin')):%Y-%m-%dT%H:%M}"
    ) == until
    assert BERLIN.quiet_until(alert(severity=80).incident, now) is None


@pytest.mark.parametrize("house", [{"ops": Manners(quiet=NOON, wake_for=80)}], indirect=True)
def test_what_comes_in_quiet_hours_comes_together_when_they_are_over(house: House) -> None:
    house.serve(ops=Desk())
    house.post(1)
    house.post(2, severity=60)
    house.post(1, "resolved", state="resolved")
    house.post(3, severity=90)
    assert house.round() == 1
    assert house.desks["ops"].keys == ["incident-3.opened.0"]
    assert house.state.untried(house.clock.now().timestamp()) == 0
    house.at(NOW + timedelta(hours=1))
    house.round()
    (digest,) = house.desks["ops"].got[1:]
    assert isinstance(digest, Digest)
    assert (digest.period, [one.id for one in digest.incidents]) == ("held", ["incident-2", "incident-1"])
    assert digest.incidents[1].state == "resolved"
    assert {row["key"]: row["state"] for row in house.state.outbox()} == {
        "incident-1.opened.0": "folded",
        "incident-2.opened.0": "folded",
        "incident-1.resolved.0": "folded",
        "incident-3.opened.0": "sent",
        "held.ops.incident-1.opened.0": "sent",
    }


@pytest.mark.parametrize("house", [{"pager": Manners(quiet=NOON)}], indirect=True)
def test_one_that_takes_no_digests_gets_its_messages_one_by_one(house: House) -> None:
    house.serve(pager=Desk(digests=False))
    house.post(1)
    house.post(2)
    house.round()
    house.at(NOW + timedelta(hours=1))
    house.round()
    assert house.desks["pager"].keys == ["incident-1.opened.0", "incident-2.opened.0"]


@pytest.mark.parametrize("house", [{"ops": Manners(rate=Rate.parse("2 per hour"))}], indirect=True)
def test_what_is_more_than_a_destination_wants_comes_together_later(house: House) -> None:
    house.serve(ops=Desk())
    for number in range(1, 6):
        house.post(number)
        house.round()
        house.clock.advance(60)
    assert len(house.desks["ops"].got) == 2
    house.clock.advance(HOUR)
    house.round()
    assert [type(message) for message in house.desks["ops"].got] == [Alert, Alert, Digest]
    assert len(house.desks["ops"].got[-1].incidents) == 3  # type: ignore[union-attr]


@pytest.mark.parametrize("house", [{"ops": Manners(least_severity=60, policies=frozenset({"volume"}))}], indirect=True)
def test_a_destination_hears_of_what_it_wants_and_of_its_end(house: House) -> None:
    house.serve(ops=Desk(), all=Desk())
    house.post(1, severity=50)
    house.post(2, severity=70)
    house.post(3, severity=70, policy="mood")
    for number in (1, 2, 3):
        house.post(number, "resolved", severity=70)
    house.round()
    assert house.desks["ops"].keys == ["incident-2.opened.0", "incident-2.resolved.0"]
    assert len(house.desks["all"].got) == 6


@pytest.mark.parametrize("house", [{"ops": Manners(digest="daily", at=time(8), alerts=False)}], indirect=True)
def test_a_digest_comes_once_a_day_with_what_was_told_and_what_was_not(house: House) -> None:
    house.serve(ops=Desk())
    house.round()
    house.post(1)
    house.post(2, severity=70, told=False)
    house.round()
    assert house.desks["ops"].got == []
    house.at(datetime(2026, 3, 3, 8, 0, 5, tzinfo=UTC))
    for _ in range(3):
        house.serve(ops=house.desks["ops"])
        house.round()
    (digest,) = house.desks["ops"].got
    assert isinstance(digest, Digest)
    assert [one.id for one in digest.incidents] == ["incident-2", "incident-1"]
    assert (digest.key, digest.told, digest.promised) == ("digest.daily.ops.2026-03-03T08:00Z", 1, 0.83)
    house.at(datetime(2026, 3, 4, 9, tzinfo=UTC))
    house.round()
    assert len(house.desks["ops"].got) == 2
    assert house.desks["ops"].got[1].incidents == ()  # type: ignore[union-attr]


@pytest.mark.parametrize("house", [{"ops": Manners(digest="hourly")}], indirect=True)
def test_an_hour_without_anything_has_no_digest(house: House) -> None:
    house.serve(ops=Desk())
    house.round()
    house.clock.advance(3 * HOUR)
    assert house.round() == 0


def test_weeks_begin_on_monday_also_where_clocks_change() -> None:
    manners = Manners(zone="Europe/Berlin", digest="weekly", at=time(8))

    def boundary(now: datetime) -> datetime:
        return datetime.fromtimestamp(manners.boundary(now.timestamp()), UTC)

    assert boundary(datetime(2026, 4, 1, tzinfo=UTC)) == datetime(2026, 3, 30, 6, tzinfo=UTC)
    assert boundary(datetime(2026, 3, 30, 5, 59, tzinfo=UTC)) == datetime(2026, 3, 23, 7, tzinfo=UTC)


def test_a_destination_that_hangs_delays_no_other(house: House) -> None:
    free = asyncio.Event()

    class Hanging(Desk):
        async def send(self, message: Message) -> None:
            await free.wait()

    async def both() -> list[str]:
        slow, quick = (asyncio.create_task(courier.deliver()) for courier in house.couriers.each)
        await quick
        assert not slow.done()
        free.set()
        await slow
        return house.desks["quick"].keys

    house.serve(slow=Hanging(), quick=Desk())
    house.post(1)
    assert asyncio.run(both()) == ["incident-1.opened.0"]


def test_a_destination_that_keeps_failing_is_left_alone_and_then_tried_once(house: House) -> None:
    class Broken(Desk):
        tries = 0

        async def send(self, message: Message) -> None:
            self.tries += 1
            raise Transient("down")

    desk = Broken()
    house.serve(ops=desk)
    for number in range(1, 20):
        house.post(number)
    house.round()
    assert desk.tries == 3
    house.clock.advance(16)
    house.round()
    assert desk.tries == 4


def test_what_ends_never_overtakes_what_begins(house: House) -> None:
    house.serve(ops=Desk(Transient("busy")))
    house.post(1)
    house.post(1, "resolved")
    house.post(2)
    house.round()
    assert house.desks["ops"].keys == ["incident-2.opened.0"]
    house.clock.advance(HOUR)
    house.round()
    assert house.desks["ops"].keys[1:] == ["incident-1.opened.0", "incident-1.resolved.0"]


def test_a_dead_alert_can_be_sent_again_with_the_same_key(house: House) -> None:
    house.serve(ops=Desk(Permanent("gone")))
    house.post(1)
    house.round()
    (row,) = house.state.outbox()
    assert row["state"] == "dead"
    house.state.revive([row["number"]], house.clock.now().timestamp())
    house.round()
    assert house.desks["ops"].keys == ["incident-1.opened.0"]
