"""Any interleaving of messages, failures, crashes, silences and time: everything arrives, nothing out of its order."""

from __future__ import annotations

from datetime import timedelta

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.helpers.faults import by_length
from tests.unit.test_delivery import Desk, House, alert

from tocsin.alerts.budget import Rate
from tocsin.alerts.manners import Manners
from tocsin.errors import Permanent, Transient
from tocsin.model import Alert, Digest, Incident, Message
from tocsin.pipeline.notify import GIVE_UP_TRIES
from tocsin.silences import Matcher, Silence, quiet_hours

INCIDENTS, HOUR = 4, 3600.0
EXAMPLES = by_length(40, 400, 3000)


class Crash(BaseException):
    """The process is gone."""


class Fragile(Desk):
    """Crashes whoever speaks to it, before or after it has taken the message."""

    crash, crashes = "", 0

    async def send(self, message: Message) -> None:
        how, self.crash = self.crash, ""
        if how != "before":
            await super().send(message)
        if how:
            self.crashes += 1
            raise Crash


manners = st.builds(
    Manners,
    quiet=st.sampled_from([(), (quiet_hours("22:00-06:00", "UTC"),), (quiet_hours("mon tue 00:00-24:00", "UTC"),)]),
    wake_for=st.sampled_from([70, 101]),
    rate=st.sampled_from([None, Rate.parse("1 per hour"), Rate.parse("3 per day")]),
)
steps = st.lists(
    st.one_of(
        st.tuples(st.sampled_from(["post", "grow", "end"]), st.integers(1, INCIDENTS), st.integers(30, 99)),
        st.tuples(st.just("wait"), st.integers(1, 40_000), st.just(0)),
        st.tuples(st.just("jump"), st.integers(-90_000, 90_000), st.just(0)),
        st.tuples(st.just("fail"), st.integers(1, 4), st.integers(0, 5)),
        st.tuples(st.just("silence"), st.integers(1, INCIDENTS), st.integers(1, 60)),
        st.tuples(st.sampled_from(["restart", "round", "before", "after"]), st.just(0), st.just(0)),
    ),
    max_size=40,
)


class Play:
    """A house with one destination. `observed` of an incident numbers what was said of it, in order."""

    def __init__(self, house: House, *, folds: bool) -> None:
        self.house, self.desk, self.said = house, Fragile(digests=folds), 0
        self.state = dict.fromkeys(range(1, INCIDENTS + 1), "none")
        self.posted: dict[str, float] = {}
        self.failures = GIVE_UP_TRIES - 1
        """So many may still come before a message is given up."""
        house.serve(ops=self.desk)

    def step(self, step: str, number: int, much: int) -> None:
        if step in {"post", "grow", "end"}:
            self.say(step, number, much)
        elif step == "wait":
            self.house.clock.advance(number)
        elif step == "jump":
            self.house.clock.jump(number)
        elif step == "fail":
            number, self.failures = min(number, self.failures), max(self.failures - number, 0)
            self.desk.script += [Transient("busy", retry_after=60.0 * much if much else None)] * number
        elif step == "silence":
            now = self.house.clock.now()
            ends = now + timedelta(hours=much)
            said = Silence(f"s{number}", (Matcher("incident", f"incident-{number}"),), now, ends, "ann", "", now)
            self.house.state.silences.put(said)
        elif step in {"before", "after"}:
            self.desk.crash = step
        self.restart() if step == "restart" else self.round()

    def say(self, step: str, number: int, severity: int) -> None:
        before, event = self.state[number], {"post": "opened", "grow": "escalated", "end": "resolved"}[step]
        if (step == "post") != (before == "none") or before == "resolved":
            return
        self.said += 1
        self.state[number] = "resolved" if step == "end" else "open"
        told = alert(number, event, severity, observed=float(self.said), state=self.state[number])
        told = msgspec.structs.replace(told, key=f"{told.incident.id}.{event}.{self.said}")
        with self.house.state.transaction() as tx:
            tx.post_alert(told, ["ops"], self.house.clock.now().timestamp())
        self.posted[f"incident-{number}"] = float(self.said)

    def restart(self) -> None:
        self.house.serve(ops=self.desk)

    def round(self) -> None:
        try:
            self.house.round()
        except Crash:
            self.restart()

    def settle(self) -> None:
        self.desk.crash = ""
        for hours in [1.0] * 24 + [6.0] * 48:
            self.house.clock.advance(hours * HOUR)
            self.round()

    def told(self) -> list[Incident]:
        """What was said of incidents, in the order in which it arrived."""
        found: list[Incident] = []
        for message in self.desk.got:
            found += message.incidents if isinstance(message, Digest) else [message.incident]
        return found


@given(steps=steps, manners=manners, folds=st.booleans())
@settings(max_examples=EXAMPLES, deadline=None)
def test_everything_arrives_and_nothing_out_of_its_order(
    tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[str, int, int]], manners: Manners, folds: bool
) -> None:
    house = House(tmp_path_factory.mktemp("house"), ops=manners)
    try:
        play = Play(house, folds=folds)
        for one in steps:
            play.step(*one)
        play.settle()
        assert {row["state"] for row in house.state.outbox()} <= {"sent", "folded"}
        last: dict[str, float] = {}
        for incident in play.told():
            assert incident.observed >= last.get(incident.id, 0.0), "told out of order"
            last[incident.id] = incident.observed
        assert last == play.posted, "the last word on each incident arrived"
        keys = [message.key for message in play.desk.got]
        assert set(keys) == {row["key"] for row in house.state.outbox() if row["state"] == "sent"}
        assert len(keys) - len(set(keys)) <= play.desk.crashes
    finally:
        house.state.close()


def test_the_play_sees_a_lost_message(tmp_path_factory: pytest.TempPathFactory) -> None:
    house = House(tmp_path_factory.mktemp("house"))
    play = Play(house, folds=True)
    play.desk.script = [Permanent("never")]
    play.step("post", 1, 50)
    play.settle()
    assert {one.id for one in play.told()} != set(play.posted)
    assert not any(isinstance(message, Alert) for message in play.desk.got)
    house.state.close()
