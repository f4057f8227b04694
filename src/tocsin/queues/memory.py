"""The queue of the tests: the same contract as `sqlite`, and nothing survives the process."""

from __future__ import annotations

import uuid
from bisect import bisect_right
from collections.abc import Collection, Iterator, Sequence
from threading import Lock
from typing import Annotated, Literal

from pydantic import Field

from tocsin.component import Context
from tocsin.errors import LowSpace
from tocsin.model import Batch, DeadLetter
from tocsin.options import Options, Size
from tocsin.queues._intake import Events, prepare, tidy


class Config(Options):
    """Options of the queue in memory."""

    type: Literal["memory"] = "memory"
    keep: Annotated[int, Field(ge=0)] = 10_000
    """How many events stay behind those that are safe in the lake."""
    max_events: Annotated[int, Field(ge=1)] = 5_000_000
    """Intake pauses while this many events wait to be processed."""
    max_event_bytes: Annotated[Size, Field(ge=1)] = 2**20
    """An event longer than this goes to the dead letters."""


class Memory:
    """A `Queue` (component.py) without a disk."""

    def __init__(self, config: Config, context: Context) -> None:
        self._config, self._clock = config, context.clock
        self._uuid = str(uuid.uuid4())
        self._lock = Lock()
        self._offsets: list[int] = []
        self._bodies: list[bytes] = []
        self._last = 0
        self._trimmed = 0
        self._cursors: dict[str, str] = {}
        self._letters: dict[int, DeadLetter] = {}
        self._letters_given = 0

    @property
    def uuid(self) -> str:
        return self._uuid

    def put(self, source: str, batch: Batch) -> int:
        intake = prepare(source, batch, self._config.max_event_bytes, self._clock.now())
        with self._lock:
            waiting = self._waiting()
            if waiting >= self._config.max_events:
                raise LowSpace(
                    f"{waiting:,} events wait to be processed (queue: max_events): nothing new is taken in until there "
                    "are fewer"
                )
            self._bodies += intake.bodies
            self._offsets += range(self._last + 1, self._last + 1 + len(intake.bodies))
            self._last += len(intake.bodies)
            self._keep_letters(intake.letters)
            if intake.cursor is not None:
                self._cursors[source] = intake.cursor
            return self._last

    def cursor(self, source: str) -> str | None:
        return self._cursors.get(source)

    def read(self, after: int, limit: int) -> Events:
        with self._lock:
            start = bisect_right(self._offsets, after)
            return Events(self._offsets[start : start + limit], self._bodies[start : start + limit])

    def end(self) -> int:
        return self._last

    def length(self) -> int:
        """How many events wait: given an offset, and not yet trimmed."""
        with self._lock:
            return self._waiting()

    def start_after(self, offset: int) -> None:
        with self._lock:
            self._last = max(self._last, offset)

    def trim(self, upto: int) -> None:
        with self._lock:
            self._trimmed = max(self._trimmed, min(upto, self._last))
            gone = bisect_right(self._offsets, self._trimmed - self._config.keep)
            del self._offsets[:gone], self._bodies[:gone]

    def drop_tail(self) -> None:
        with self._lock:
            gone = bisect_right(self._offsets, self._trimmed)
            del self._offsets[:gone], self._bodies[:gone]

    def bury(self, letters: Sequence[DeadLetter]) -> None:
        with self._lock:
            self._keep_letters(tidy(letters, self._clock.now()))

    def dead_letters(self) -> Iterator[tuple[int, DeadLetter]]:
        with self._lock:
            return iter(list(self._letters.items()))

    def forget(self, numbers: Collection[int]) -> int:
        with self._lock:
            return sum(self._letters.pop(number, None) is not None for number in set(numbers))

    def close(self) -> None:
        """Nothing is held."""

    def _waiting(self) -> int:
        return len(self._offsets) - bisect_right(self._offsets, self._trimmed)

    def _keep_letters(self, letters: Sequence[DeadLetter]) -> None:
        for letter in letters:
            same = [number for number, other in self._letters.items() if letter.place and _spot(other) == _spot(letter)]
            for number in same:
                del self._letters[number]
            self._letters_given += 1
            self._letters[self._letters_given] = letter


def _spot(letter: DeadLetter) -> tuple[str, str, str]:
    return letter.source, letter.stage, letter.place
