"""What every remote model does: waiting, retrying, giving up, leaving alone, counting the cost."""

from __future__ import annotations

import asyncio
import logging
import random
import sqlite3
from collections.abc import AsyncIterator, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from tocsin.clock import ManualClock
from tocsin.component import Context
from tocsin.costs import FILE, Bill, Costs, Spent
from tocsin.errors import Permanent, Transient
from tocsin.models import _remote
from tocsin.models._breaker import LIMIT, REST
from tocsin.models._remote import Ask, Forms, Lost, NotUnderstood, Remote, RemoteOptions, Reply, Unfit, grouped, rows

NOW = datetime(2026, 11, 25, 12, 0, tzinfo=UTC)
CENT = Bill(1.0, 0.01)


class Script:
    """A Task that answers with a text's length: `plan` says what else happens, a request at a time."""

    name = "lengths"

    def __init__(self, size: int = 1) -> None:
        self.size = size
        self.plan: list[Exception | Callable[[Sequence[str]], Reply[int]]] = []
        self.poison: set[str] = set()
        self.asked: list[list[str]] = []
        self.seconds = 0.0
        self.running = self.most = 0

    def groups(self, texts: Sequence[str]) -> list[Sequence[str]]:
        return grouped(texts, self.size)

    def at_most(self, texts: Sequence[str]) -> Bill:
        return Bill(len(texts), 0.01 * len(texts))

    @asynccontextmanager
    async def session(self) -> AsyncIterator[Ask[int]]:
        yield self.ask

    async def ask(self, texts: Sequence[str]) -> Reply[int]:
        self.asked.append(list(texts))
        self.running += 1
        self.most = max(self.most, self.running)
        try:
            await asyncio.sleep(self.seconds)
        finally:
            self.running -= 1
        step = self.plan.pop(0) if self.plan else None
        if isinstance(step, Exception):
            raise step
        if step is not None:
            return step(texts)
        if self.poison & set(texts):
            raise Unfit("poison", self.at_most(texts))
        return Reply([len(text) for text in texts], self.at_most(texts))


class Setting:
    """A remote model's inside, with a clock that jumps over all waiting."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.clock = folder, ManualClock(NOW)

    def remote(self, name: str = "sentiment", **options: Any) -> Remote:
        context = Context(name, self.folder, clock=self.clock, random=random.Random(7))
        return Remote("the service", RemoteOptions(**options), context)


@pytest.fixture
def setting(tmp_path: Path) -> Setting:
    return Setting(tmp_path / "data")


def test_answers_come_in_the_order_of_the_texts_and_blank_texts_are_not_sent(setting: Setting) -> None:
    task = Script(size=2)
    assert setting.remote().answers(task, ["ccc", "", "a", " \n", "bb", "a"]) == [3, None, 1, None, 2, 1]
    assert sorted(text for group in task.asked for text in group) == ["a", "bb", "ccc"]


def test_nothing_is_sent_for_nothing(setting: Setting) -> None:
    task = Script()
    assert setting.remote().answers(task, []) == []
    assert setting.remote().answers(task, ["", " "]) == [None, None]
    assert task.asked == []
    assert not (setting.folder / FILE).exists()
    assert setting.remote().usage().requests == 0


def test_a_text_that_comes_again_costs_nothing(setting: Setting, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_remote, "REMEMBERED", 2)
    remote, task = setting.remote(), Script()
    for texts, answers in ((["a", "bb"], [1, 2]), (["bb"], [2]), (["ccc"], [3]), (["bb", "a"], [2, 1])):
        assert remote.answers(task, texts) == answers
    assert task.asked == [["a"], ["bb"], ["ccc"], ["a"]]


def test_it_works_where_a_loop_is_running(setting: Setting) -> None:
    async def inside() -> list[int | None]:
        return setting.remote().answers(Script(), ["a"])

    assert asyncio.run(inside()) == [1]


def test_only_so_many_requests_run_at_once(setting: Setting) -> None:
    task = Script()
    task.seconds = 0.01
    setting.remote(concurrency=3).answers(task, [str(number) for number in range(12)])
    assert task.most == 3


def test_a_failure_that_passes_is_tried_again_after_a_growing_wait(setting: Setting) -> None:
    task = Script()
    task.plan = [Transient("busy"), Transient("busy"), Transient("busy")]
    assert setting.remote(tries=4).answers(task, ["a"]) == [1]
    waited = setting.clock.monotonic()
    assert 0 < waited <= 2 + 4 + 8
    assert len(task.asked) == 4


def test_retry_after_is_waited_for(setting: Setting) -> None:
    task = Script()
    task.plan = [Transient("busy", 20)]
    assert setting.remote().answers(task, ["a"]) == [1]
    assert setting.clock.monotonic() >= 20


def test_a_retry_after_past_the_patience_ends_the_batch_and_the_service_is_left_alone_so_long(setting: Setting) -> None:
    remote, task = setting.remote(patience=60), Script()
    task.plan = [Transient("busy", 300)]
    with pytest.raises(Transient, match="busy"):
        remote.answers(task, ["a"])
    assert setting.clock.monotonic() == 0
    setting.clock.advance(299)
    with pytest.raises(Transient, match="left alone for 1 s, since busy"):
        remote.answers(task, ["a"])
    setting.clock.advance(1)
    assert remote.answers(task, ["a"]) == [1]
    assert len(task.asked) == 2


def test_all_of_a_batch_waits_no_longer_than_the_patience(setting: Setting) -> None:
    task = Script()

    def slowly(texts: Sequence[str]) -> Reply[int]:
        setting.clock.advance(4)
        return Reply([len(texts[0])], CENT)

    task.plan = [slowly] * 10
    remote = setting.remote(patience=10, concurrency=1)
    answers = remote.answers(task, [str(number) for number in range(10)])
    assert answers == [1, 1, 1] + [None] * 7
    assert setting.clock.monotonic() == 12
    assert remote.answers(Script(), ["too slow, yet not left alone"]) == [28]


def test_a_request_that_hangs_is_given_up_and_counts_as_paid_for(setting: Setting) -> None:
    remote, task = setting.remote(timeout=0.02, tries=2), Script()
    task.seconds = 5
    with pytest.raises(Lost, match=r"the service did not answer within 0.02 s"):
        remote.answers(task, ["a"])
    assert len(task.asked) == 2
    assert remote.usage().cost == pytest.approx(0.02)


def test_what_was_refused_is_not_paid_for(setting: Setting) -> None:
    remote, task = setting.remote(tries=1), Script()
    task.plan = [Transient("busy"), Permanent("no")]
    for kind in (Transient, Permanent):
        with pytest.raises(kind):
            remote.answers(task, ["a"])
    assert (remote.usage().requests, remote.usage().cost) == (2, 0)


def test_some_answers_are_better_than_an_error(setting: Setting, caplog: pytest.LogCaptureFixture) -> None:
    task = Script()
    task.plan = [lambda _: Reply([1], CENT), Permanent("no")]
    assert setting.remote(concurrency=1).answers(task, ["a", "b"]) == [1, None]
    assert "the service had no answer to 1 of 2 posts: no." in caplog.text


def test_a_service_that_keeps_failing_is_left_alone_then_tried_with_one_request(setting: Setting) -> None:
    remote, task = setting.remote(tries=1, concurrency=8), Script()
    texts = [str(number) for number in range(50)]
    task.plan = [Permanent("401: no")] * 100
    with pytest.raises((Permanent, Transient), match="401"):
        remote.answers(task, texts)
    assert LIMIT <= len(task.asked) <= 8
    rest = REST
    for _ in range(8):
        task.asked.clear()
        setting.clock.advance(rest - 1)
        with pytest.raises(Transient, match="left alone"):
            remote.answers(task, texts)
        assert task.asked == []
        setting.clock.advance(1)
        with pytest.raises((Permanent, Transient)):
            remote.answers(task, texts)
        assert len(task.asked) == 1
        rest = min(rest * 2, 600)
    task.plan.clear()
    setting.clock.advance(600)
    assert remote.answers(task, texts).count(None) < 50
    assert None not in remote.answers(task, texts)


def test_a_post_that_the_service_cannot_answer_costs_that_post_alone(
    setting: Setting, caplog: pytest.LogCaptureFixture
) -> None:
    task = Script(size=4)
    task.poison = {"bad", "worse"}
    texts = ["a", "bad", "bb", "ccc", "worse", "dddd", "eeeee", "ffffff"]
    remote = setting.remote()
    assert remote.answers(task, texts) == [1, None, 2, 3, None, 4, 5, 6]
    assert remote.answers(task, ["bad"]) == [None]
    assert "had no answer to 2 of 8 posts: poison." in caplog.text
    for _ in range(2 * LIMIT):
        remote.answers(task, ["bad"])
    assert remote.answers(task, ["well, still"]) == [11]


@settings(deadline=None, max_examples=60)
@given(
    texts=st.lists(st.sampled_from(["a", "bb", "ccc", "dddd", "", "bad", "worse"]), max_size=12),
    size=st.integers(1, 5),
    cut=st.integers(0, 12),
)
def test_answers_do_not_depend_on_the_batches(
    tmp_path_factory: pytest.TempPathFactory, texts: list[str], size: int, cut: int
) -> None:
    setting = Setting(tmp_path_factory.mktemp("data"))
    task, other = Script(size), Script(1)
    task.poison = other.poison = {"bad", "worse"}
    expected = [None if text in {"", "bad", "worse"} else len(text) for text in texts]
    assert setting.remote(max_cost_per_day=None).answers(task, texts) == expected
    remote = setting.remote(max_cost_per_day=None)
    assert remote.answers(other, texts[:cut]) + remote.answers(other, texts[cut:]) == expected


def test_what_is_missing_in_an_answer_is_asked_for_alone_once(setting: Setting) -> None:
    task = Script(size=3)
    task.plan = [lambda texts: Reply([1, None, 3], CENT), lambda texts: Reply([None], CENT)]
    assert setting.remote().answers(task, ["a", "b", "ccc"]) == [1, None, 3]
    assert task.asked == [["a", "b", "ccc"], ["b"]]


def test_the_first_way_of_asking_that_is_understood_is_kept() -> None:
    forms, tried = Forms(["new", "middle", "old"]), []

    async def send(form: str) -> str:
        tried.append(form)
        if form == "new":
            raise NotUnderstood("what?")
        return form

    assert [asyncio.run(forms.ask(send)) for _ in range(3)] == ["middle"] * 3
    assert tried == ["new", "middle", "middle", "middle"]

    async def never(form: str) -> str:
        raise NotUnderstood(form)

    with pytest.raises(NotUnderstood, match="old"):
        asyncio.run(Forms(["new", "old"]).ask(never))


# The cost


def test_what_was_done_is_counted(setting: Setting) -> None:
    remote, task = setting.remote(), Script(size=2)
    remote.answers(task, ["a", "b", "c"])
    usage = remote.usage()
    assert (usage.day, usage.requests, usage.texts, usage.units, usage.cap) == ("2026-11-25", 2, 3, 3.0, 10.0)
    assert usage.cost == pytest.approx(0.03)


def test_at_the_cap_in_the_middle_of_a_batch_the_rest_has_no_answer(
    setting: Setting, caplog: pytest.LogCaptureFixture
) -> None:
    remote, task = setting.remote(max_cost_per_day=0.05, concurrency=1), Script()
    assert remote.answers(task, list("abcdefgh")) == [1] * 5 + [None] * 3
    assert remote.answers(task, ["x"]) == [None]
    assert len(task.asked) == 5
    assert remote.usage().cost == pytest.approx(0.05)
    assert [record.levelno for record in caplog.records] == [logging.WARNING]
    assert "cap of the day is reached (sentiment: $0.05 of $0.05 are spent on 2026-11-25 (UTC))" in caplog.text


def test_a_cap_of_nothing_sends_nothing_and_none_at_all_has_no_end(setting: Setting) -> None:
    task = Script()
    assert setting.remote(max_cost_per_day=0).answers(task, ["a"]) == [None]
    assert task.asked == []
    assert setting.remote(max_cost_per_day=None).answers(task, [str(n) for n in range(1100)]).count(None) == 0


def test_the_cap_of_a_day_holds_across_restarts_and_ends_at_midnight(setting: Setting) -> None:
    task = Script()
    for _ in range(3):
        setting.remote(max_cost_per_day=0.04, concurrency=1).answers(task, list("abc"))
    assert len(task.asked) == 4
    setting.clock.advance(12 * 3600 - 1)
    assert setting.remote(max_cost_per_day=0.04).answers(task, ["x"]) == [None]
    setting.clock.advance(1)
    assert setting.remote(max_cost_per_day=0.04).answers(task, ["x"]) == [1]
    assert setting.remote().usage().day == "2026-11-26"
    assert setting.remote().usage().requests == 1


def test_a_clock_that_goes_back_gives_no_second_allowance(setting: Setting) -> None:
    task = Script()
    remote = setting.remote(max_cost_per_day=0.02, concurrency=1)
    assert remote.answers(task, list("abc")) == [1, 1, None]
    setting.clock.jump(13 * 3600)
    assert remote.answers(task, list("def")) == [1, 1, None]
    setting.clock.jump(-13 * 3600)
    assert remote.answers(task, ["x"]) == [None]
    setting.clock.jump(13 * 3600)
    assert remote.answers(task, ["y"]) == [None]


def test_a_request_over_midnight_is_settled_on_the_day_of_its_booking(setting: Setting) -> None:
    setting.clock.advance(12 * 3600 - 1)
    task = Script()

    def over_midnight(texts: Sequence[str]) -> Reply[int]:
        setting.clock.advance(2)
        return Reply([1], Bill())

    task.plan = [over_midnight]
    remote = setting.remote()
    remote.answers(task, ["a"])
    assert (remote.usage().day, remote.usage().cost) == ("2026-11-26", 0)
    setting.clock.jump(-3600)
    assert (remote.usage().requests, remote.usage().cost) == (1, 0)


def test_what_was_under_way_at_a_kill_counts_as_spent(setting: Setting) -> None:
    Costs(setting.folder, "sentiment", 0.05, setting.clock).book(Bill(1, 0.04), 1)
    assert setting.remote(max_cost_per_day=0.05, concurrency=1).answers(Script(), ["a", "b"]) == [1, None]


def test_names_have_accounts_of_their_own_and_processes_share_one(setting: Setting) -> None:
    costs = [Costs(setting.folder, "sentiment", 0.03, setting.clock) for _ in range(3)]
    for one in costs:
        one.book(CENT, 1)
    with pytest.raises(Spent):
        costs[0].book(CENT, 1)
    Costs(setting.folder, "category", 0.03, setting.clock).book(CENT, 1)


def test_a_booking_waits_for_that_of_another_process(setting: Setting) -> None:
    account = Costs(setting.folder, "sentiment", 0.05, setting.clock)
    account.book(CENT, 1)
    with (
        closing(sqlite3.connect(setting.folder / FILE, isolation_level=None)) as other,
        ThreadPoolExecutor(1) as thread,
    ):
        other.execute("BEGIN IMMEDIATE")
        booking = thread.submit(account.book, CENT, 1)
        other.execute("UPDATE costs SET cost = 0.05")
        with pytest.raises(TimeoutError):
            booking.result(0.2)
        other.execute("COMMIT")
        with pytest.raises(Spent):
            booking.result(10)


@pytest.mark.parametrize("damage", ["not a database, at all, and long enough to be looked at" * 20, "a folder"])
def test_where_the_cost_cannot_be_kept_nothing_is_sent(setting: Setting, damage: str) -> None:
    setting.folder.mkdir()
    file = setting.folder / FILE
    file.mkdir() if damage == "a folder" else file.write_text(damage)
    task = Script()
    with pytest.raises(Permanent, match=r"cannot be kept in .*costs\.db") as caught:
        setting.remote().answers(task, ["a"])
    assert isinstance(caught.value.__cause__, sqlite3.Error)
    assert task.asked == []


@pytest.mark.parametrize(
    "options",
    [{"timeout": 0}, {"patience": "0s"}, {"tries": 0}, {"concurrency": 0}, {"max_cost_per_day": -1}, {"x": 1}],
)
def test_options_that_make_no_sense_are_refused(options: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        RemoteOptions(**options)


def test_rows_have_nan_where_there_is_no_answer() -> None:
    made = rows([[0.25, 0.75], None], 2)
    assert made.dtype == np.float32
    assert made[0].tolist() == [0.25, 0.75]
    assert np.isnan(made[1]).all()
    assert rows([], 3).shape == (0, 3)
    assert rows([None, None], 0).shape == (2, 0)
