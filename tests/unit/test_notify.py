"""The notify loop: at least once, waits that grow, dead letters after a day."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tocsin.clock import ManualClock
from tocsin.component import Context
from tocsin.errors import Permanent, Transient
from tocsin.model import Alert, Incident
from tocsin.pipeline.notify import Couriers
from tocsin.pipeline.notify import Office as Shared
from tocsin.queues.memory import Config, Memory
from tocsin.state import State
from tocsin.telemetry import Telemetry

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)


def an_alert(number: int = 1) -> Alert:
    incident = Incident(
        id=f"i{number}", policy="volume", series={"watch": "acme"}, state="open", direction="up", start=NOW,
        detected_at=NOW, end=None, observed=9, expected=1, low=0, high=3, severity=50, headline="acme: 9 mentions",
        explanation={"posts": []}, sql="SELECT 1",
    )  # fmt: skip
    return Alert(key=f"i{number}.opened.0", event="opened", incident=incident)


class Desk:
    """A destination that follows a script, then takes everything."""

    def __init__(self, *script: Exception) -> None:
        self.script, self.got = list(script), []

    async def send(self, alert: Alert) -> None:
        if self.script:
            raise self.script.pop(0)
        self.got.append(alert.key)


class Office:
    def __init__(self, folder: Path) -> None:
        self.clock, self.state = ManualClock(NOW), State(folder / "state.db")
        self.queue = Memory(Config(), Context("queue", folder, self.clock))
        shared = Shared(self.state, self.queue, self.clock, random.Random(1), Telemetry())
        self.couriers = Couriers({}, shared)

    def post(self, *destinations: str, number: int = 1) -> None:
        with self.state.transaction() as tx:
            tx.post_alert(an_alert(number), destinations, self.clock.now().timestamp())

    async def tell(self, **desks: Desk) -> int:
        self.couriers.notifiers = desks
        self.couriers.__post_init__()
        return await self.couriers.round()


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    made = Office(tmp_path)
    yield made
    made.state.close()


async def test_each_destination_gets_it_once(office: Office) -> None:
    one, two = Desk(), Desk()
    office.post("one", "two")
    office.post("one")
    assert await office.tell(one=one, two=two) == 2
    assert await office.tell(one=one, two=two) == 0
    assert (one.got, two.got) == (["i1.opened.0"], ["i1.opened.0"])


async def test_a_passing_fault_is_tried_again_later_not_at_once(office: Office) -> None:
    desk = Desk(Transient("busy"))
    office.post("desk")
    await office.tell(desk=desk)
    assert await office.tell(desk=desk) == 0
    assert office.state.untried(office.clock.now().timestamp()) == 0
    office.clock.advance(3600)
    await office.tell(desk=desk)
    assert desk.got == ["i1.opened.0"]


async def test_the_other_sides_wish_is_kept(office: Office) -> None:
    desk = Desk(Transient("slow down", retry_after=7200))
    office.post("desk")
    await office.tell(desk=desk)
    office.clock.advance(7199)
    assert await office.tell(desk=desk) == 0
    office.clock.advance(2)
    assert await office.tell(desk=desk) == 1


async def test_one_bad_destination_does_not_hold_up_the_others(office: Office) -> None:
    bad, good = Desk(*[Transient("down")] * 50), Desk()
    office.post("bad", "good")
    office.post("good", number=2)
    await office.tell(bad=bad, good=good)
    assert good.got == ["i1.opened.0", "i2.opened.0"]


async def test_after_a_day_it_is_a_dead_letter(office: Office) -> None:
    desk = Desk(*[Transient("down")] * 500)
    office.post("desk")
    tries = 0
    while office.clock.now().timestamp() - NOW.timestamp() < 30 * 3600:
        tries += await office.tell(desk=desk)
        office.clock.advance(600)
    ((_, letter),) = office.queue.dead_letters()
    assert (letter.stage, letter.source, letter.place) == ("notify", "desk", "i1.opened.0 to desk")
    assert "24 hours" in letter.reason
    assert b"acme: 9 mentions" in letter.body
    assert 10 < tries < 180
    assert office.state.outbox()[0]["state"] == "dead"


async def test_a_clock_that_is_set_forward_gives_nothing_up(office: Office) -> None:
    desk = Desk(Transient("busy"))
    office.post("desk")
    office.clock.jump(30 * 86_400)
    await office.tell(desk=desk)
    office.clock.advance(3600)
    await office.tell(desk=desk)
    assert desk.got == ["i1.opened.0"]


async def test_what_the_other_side_will_never_take_is_dead_at_once(office: Office) -> None:
    office.post("desk")
    await office.tell(desk=Desk(Permanent("410: gone")))
    ((_, letter),) = office.queue.dead_letters()
    assert letter.reason == "410: gone"


async def test_a_destination_that_left_the_config_is_said(office: Office) -> None:
    office.post("old")
    await office.tell()
    ((_, letter),) = office.queue.dead_letters()
    assert "'old'" in letter.reason
