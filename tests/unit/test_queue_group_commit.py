"""Threads share a commit, each with its own answer."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from tocsin.errors import LowSpace
from tocsin.queues._group_commit import GroupCommit


def test_waiting_jobs_share_one_transaction() -> None:
    sizes: list[int] = []
    inside, go_on = threading.Event(), threading.Event()

    def transact(works: Any) -> list[Any]:
        sizes.append(len(works))
        if len(sizes) == 1:
            inside.set()
            go_on.wait(10)
        return [work() for work in works]

    group, results = GroupCommit(transact), dict[int, int]()
    threads = [threading.Thread(target=lambda n=n: results.update({n: group.run(lambda: n)})) for n in range(5)]
    threads[0].start()
    inside.wait(10)
    for thread in threads[1:]:
        thread.start()
    while len(group._waiting) < 4:
        threading.Event().wait(0.001)
    go_on.set()
    for thread in threads:
        thread.join(10)
    assert sizes == [1, 4]
    assert results == {n: n for n in range(5)}


def test_one_job_that_fails_does_not_fail_the_others() -> None:
    done: list[str] = []

    def transact(works: Any) -> list[Any]:
        before = list(done)
        try:
            return [work() for work in works]
        except LowSpace:
            done[:] = before
            raise

    def bad() -> None:
        raise LowSpace("no room")

    group = GroupCommit(transact)
    jobs = [lambda: done.append("a"), bad, lambda: done.append("b")]
    errors: list[str] = []

    def run(job: Callable[[], None]) -> None:
        try:
            group.run(job)
        except LowSpace as error:
            errors.append(str(error))

    with group.writing:
        threads = [threading.Thread(target=run, args=(job,)) for job in jobs]
        for thread in threads:
            thread.start()
        while len(group._waiting) < 3:
            threading.Event().wait(0.001)
    for thread in threads:
        thread.join(10)
    assert (sorted(done), errors) == (["a", "b"], ["no room"])


def test_an_interrupted_leader_acknowledges_nobody() -> None:
    """A follower whose leader dies must not take its silence for success."""
    interrupt = [True]

    def transact(works: Any) -> list[Any]:
        if interrupt.pop() if interrupt else False:
            raise KeyboardInterrupt
        return [work() for work in works]

    group = GroupCommit(transact)
    done: list[int] = []
    outcome: list[str] = []

    def run(number: int) -> None:
        try:
            group.run(lambda: done.append(number))
            outcome.append("acknowledged")
        except KeyboardInterrupt:
            outcome.append("interrupted")

    with group.writing:
        threads = [threading.Thread(target=run, args=(n,)) for n in range(3)]
        for thread in threads:
            thread.start()
        while len(group._waiting) < 3:
            threading.Event().wait(0.001)
    for thread in threads:
        thread.join(10)
    assert sorted(outcome) == ["acknowledged", "acknowledged", "interrupted"]
    assert len(done) == 2
