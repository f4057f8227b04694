"""Group commit: jobs of several threads share one transaction, and so one flush of the disk.

Whoever gets the writing lock commits every job that waits by then (the leader); the others find theirs done
(the followers). If the shared transaction fails, each job is tried alone, so that one cannot fail another.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from threading import Lock
from typing import Any, TypeVar

from tocsin.errors import TocsinError

Result = TypeVar("Result")
Work = Callable[[], Any]
Transact = Callable[[Sequence[Work]], list[Any]]
"""Does all of some work in one transaction: all is durable on return, or it raises and nothing is kept."""


class _Job:
    def __init__(self, work: Work) -> None:
        self.work = work
        self.done = False
        self.result: Any = None
        self.error: TocsinError | None = None


class GroupCommit:
    """Runs jobs through `transact`, several at a time where several threads wait."""

    def __init__(self, transact: Transact) -> None:
        self._transact = transact
        self._waiting: list[_Job] = []
        self._waiting_lock = Lock()
        self.writing = Lock()

    def run(self, work: Callable[[], Result]) -> Result:
        """What `work` returns, once its transaction is durable; raises what it, or the commit, raised."""
        job = _Job(work)
        with self._waiting_lock:
            self._waiting.append(job)
        with self.writing:
            if not job.done:
                self._lead(job)
        if job.error is not None:
            raise job.error
        result: Result = job.result
        return result

    def _lead(self, mine: _Job) -> None:
        with self._waiting_lock:
            jobs, self._waiting = self._waiting, []
        try:
            self._commit(jobs)
        finally:  # after an interrupt the others' jobs still wait for somebody
            with self._waiting_lock:
                self._waiting[:0] = [job for job in jobs if not job.done and job is not mine]

    def _commit(self, jobs: list[_Job]) -> None:
        try:
            results = self._transact([job.work for job in jobs])
        except TocsinError as error:
            if len(jobs) > 1:
                for job in jobs:
                    self._commit([job])
                return
            jobs[0].error, jobs[0].done = error, True
        else:
            for job, result in zip(jobs, results, strict=True):
                job.result, job.done = result, True
