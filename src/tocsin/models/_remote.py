"""What all remote models have in common: batches, time-outs, retries, bounds on what runs at once and on what it costs.

A post that the service has no answer to is asked about once more by itself, and then has none. Where no request went
through, the last error is raised. All waiting is by the injected clock; back-off and Retry-After are those of `net`.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Annotated, Any, Generic, Protocol, TypeVar

import numpy as np
from pydantic import Field

from tocsin.component import Context, Floats
from tocsin.costs import Bill, Costs, Spent, Usage
from tocsin.errors import Permanent, Transient
from tocsin.models._breaker import Breaker
from tocsin.net import backoff
from tocsin.options import Duration, Options

log = logging.getLogger(__name__)

LENGTH = 5_000
"""Characters of a text that are sent."""
REMEMBERED = 10_000
"""Answers that are kept, so that a post that comes again costs nothing."""

T = TypeVar("T")
F = TypeVar("F")
R = TypeVar("R")


class RequestOptions(Options):
    """Options of everything that is asked over the network."""

    timeout: Annotated[Duration, Field(gt=0)] = 30.0
    """How long one request may take."""
    patience: Annotated[Duration, Field(gt=0)] = 60.0
    """How long the posts of one batch may wait in all, retries included. What has no answer by then gets none."""
    tries: Annotated[int, Field(ge=1, le=10)] = 4
    """How often a request is sent before it is given up."""
    concurrency: Annotated[int, Field(ge=1, le=64)] = 4
    """How many requests run at once."""


class RemoteOptions(RequestOptions):
    """Options of every remote model."""

    max_cost_per_day: Annotated[float, Field(ge=0)] | None = 10.0
    """US dollars a UTC day; a request that could pass them is not sent. `null`: no limit."""


class Unfit(Permanent):
    """The service is well but has no answer to this request; `bill` is what it cost."""

    def __init__(self, message: str, bill: Bill | None = None) -> None:
        super().__init__(message)
        self.bill = bill or Bill()


class Unsent(Unfit):
    """Nothing was sent, so this says nothing of the service."""


class NotUnderstood(Unfit):
    """The way that a request was put may be what the service does not take; see `Forms`."""


class Lost(Transient):
    """No answer came, though the service may have got the request: so it counts as paid for."""


@dataclass(frozen=True)
class Reply(Generic[T]):
    """One answer a text, None where there is none, and what they cost."""

    answers: Sequence[T | None]
    bill: Bill


Ask = Callable[[Sequence[str]], Awaitable[Reply[T]]]
"""Sends one request. Raises Unfit, Lost, or any other Transient or Permanent."""


class Task(Protocol[T]):
    """One thing that a service can be asked about texts."""

    name: str
    """Tells the task's answers from those of others."""

    def groups(self, texts: Sequence[str]) -> Iterable[Sequence[str]]:
        """Texts that go into one request each. Those in no group cannot be asked about."""
        ...

    def at_most(self, texts: Sequence[str]) -> Bill:
        """What a request about these may cost."""
        ...

    def session(self) -> AbstractAsyncContextManager[Ask[T]]:
        """What asks the service, for the time of one batch."""
        ...


class Forms(Generic[F]):
    """Ways to put a request. The first that a service understands is kept."""

    def __init__(self, forms: Sequence[F]) -> None:
        self._forms = forms
        self.known: F | None = None

    async def ask(self, send: Callable[[F], Awaitable[R]]) -> R:
        """Raises NotUnderstood if there is none."""
        for form in self._forms if self.known is None else (self.known,):
            try:
                reply = await send(form)
            except NotUnderstood as error:
                last = error
            else:
                self.known = form
                return reply
        raise last


class Remote:
    """Asks one service. `remembers`: the last answers are kept in memory."""

    def __init__(self, service: str, options: RequestOptions, context: Context, *, remembers: bool = True) -> None:
        self.service, self.options = service, options
        self.clock, self.random = context.clock, context.random
        cap = options.max_cost_per_day if isinstance(options, RemoteOptions) else None
        self.costs = Costs(context.data_dir, context.name, cap, context.clock)
        self._remembers = remembers
        self.breaker = Breaker(service, context.clock)
        self._memory: OrderedDict[tuple[str, bytes], Any] = OrderedDict()
        self._told = ""

    def usage(self) -> Usage:
        return self.costs.usage()

    def answers(self, task: Task[T], texts: Sequence[str]) -> list[T | None]:
        """One answer a text, None where there is none. Raises Transient or Permanent where there is none at all
        because the service could not be asked."""
        texts = [text[:LENGTH] for text in texts]
        keys = {text: _key(task.name, text) for text in texts if text.strip()}
        inquiry = Inquiry(self, task)
        new = [text for text, key in keys.items() if key not in self._memory]
        if new:
            _run(inquiry.about(new))
        known = {text: self._memory[key] for text, key in keys.items() if key in self._memory} | inquiry.found
        if self._remembers:
            self._remember({keys[text]: answer for text, answer in known.items()})
        if inquiry.failure is not None and not known:
            raise inquiry.failure
        self._tell(inquiry, len(new))
        return [known.get(text) for text in texts]

    def _remember(self, answers: dict[tuple[str, bytes], Any]) -> None:
        for key, answer in answers.items():
            self._memory[key] = answer
            self._memory.move_to_end(key)
        while len(self._memory) > REMEMBERED:
            self._memory.popitem(last=False)

    def _tell(self, inquiry: Inquiry[Any], asked: int) -> None:
        missing = asked - len(inquiry.found)
        if inquiry.spent is not None and self._told != (day := self.usage().day):
            log.warning("The cap of the day is reached (%s): the service is not asked for more.", inquiry.spent)
            self._told = day
        reason = inquiry.failure or inquiry.unfit
        if missing and reason is not None:
            log.warning("%s had no answer to %d of %d posts: %s.", self.service, missing, asked, reason)


class Inquiry(Generic[T]):
    """One batch of different texts: what was found, and what went wrong last."""

    def __init__(self, remote: Remote, task: Task[T]) -> None:
        self._remote, self._task = remote, task
        self.found: dict[str, T] = {}
        self.failure: Transient | Permanent | None = None
        self.unfit: Unfit | None = None
        self.spent: Spent | None = None
        self._deadline = remote.clock.monotonic() + remote.options.patience

    async def about(self, texts: Sequence[str]) -> None:
        self._free = asyncio.Semaphore(self._remote.options.concurrency)
        async with self._task.session() as self._ask:
            await asyncio.gather(*(self._group(group) for group in self._task.groups(texts)))

    async def _group(self, texts: Sequence[str]) -> None:
        answers = await self._reply(texts)
        if answers is None:
            return
        self.found |= {text: answer for text, answer in zip(texts, answers, strict=True) if answer is not None}
        if len(texts) > 1:
            await asyncio.gather(*(self._group([text]) for text in texts if text not in self.found))

    async def _reply(self, texts: Sequence[str]) -> Sequence[T | None] | None:
        """The answers to one request, or None if the service could not be asked."""
        try:
            async with self._free:
                reply = await self._tried(texts)
        except Unfit as error:
            self.unfit = error
            return [None] * len(texts)
        except Spent as error:
            self.spent = error
            return None
        except (Transient, Permanent) as error:
            self.failure = error
            return None
        return reply.answers

    async def _tried(self, texts: Sequence[str]) -> Reply[T]:
        remote, attempt = self._remote, 0
        while True:
            if self._left() <= 0:
                raise Transient(f"{remote.service} was too slow for all posts of the batch: raise its `patience`")
            remote.breaker.check()
            try:
                reply = await self._once(texts)
            except Unfit as error:
                if not isinstance(error, Unsent):
                    remote.breaker.ok()
                raise
            except Transient as error:
                attempt += 1
                wait = max(backoff(attempt, remote.random), error.retry_after or 0.0)
                if attempt >= remote.options.tries or wait >= self._left():
                    remote.breaker.failed(error)
                    raise
            except Permanent as error:
                remote.breaker.failed(error)
                raise
            else:
                remote.breaker.ok()
                return reply
            await remote.clock.sleep(wait)

    async def _once(self, texts: Sequence[str]) -> Reply[T]:
        costs, booked = self._remote.costs, self._task.at_most(texts)
        seconds = min(self._remote.options.timeout, self._left())
        day = costs.book(booked, len(texts))
        try:
            async with asyncio.timeout(seconds):
                reply = await self._ask(texts)
        except TimeoutError:
            raise Lost(f"{self._remote.service} did not answer within {seconds:.3g} s") from None
        except Lost:
            raise
        except Unfit as error:
            costs.settle(day, booked, error.bill)
            raise
        except (Transient, Permanent):
            costs.settle(day, booked, Bill())
            raise
        costs.settle(day, booked, reply.bill)
        return reply

    def _left(self) -> float:
        return self._deadline - self._remote.clock.monotonic()


def grouped(texts: Sequence[str], size: int) -> list[Sequence[str]]:
    """
    >>> grouped(["a", "b", "c"], 2)
    [['a', 'b'], ['c']]
    """
    return [texts[start : start + size] for start in range(0, len(texts), size)]


def sendable(text: str) -> str:
    """Text that UTF-8 can carry: a lone surrogate is put as one other sign, so that offsets stay right."""
    return text.encode("utf-8", "replace").decode()


def rows(answers: Sequence[Sequence[float] | None], width: int) -> Floats:
    """(n, width), NaN where there is no answer."""
    return np.array([[np.nan] * width if row is None else row for row in answers], np.float32).reshape(
        len(answers), width
    )


def _key(task: str, text: str) -> tuple[str, bytes]:
    return task, hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).digest()


def _run(work: Coroutine[Any, Any, None]) -> None:
    """In a thread of its own, so that it also works where a loop is running."""
    with ThreadPoolExecutor(1, "tocsin-remote") as thread:
        thread.submit(asyncio.run, work).result()
