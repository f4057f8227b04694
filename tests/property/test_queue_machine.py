"""A queue does what a few lists and dicts do, through any order of calls, clean restarts and crashes."""

from __future__ import annotations

import shutil
import tempfile
from datetime import UTC, datetime
from pathlib import Path

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from tests.helpers.faults import by_length

from tocsin.clock import ManualClock
from tocsin.component import Context
from tocsin.errors import LowSpace
from tocsin.model import Batch, DeadLetter, Heartbeat, encoder
from tocsin.queues.memory import Config as MemoryConfig
from tocsin.queues.memory import Memory
from tocsin.queues.sqlite import Config, Sqlite

NOW = datetime(2026, 3, 1, tzinfo=UTC)
KEEP, MAX_EVENTS = 3, 12
SOURCES = st.sampled_from(["a", "b"])
LETTERS = st.lists(
    st.builds(
        DeadLetter,
        source=SOURCES,
        stage=st.sampled_from(["ingest", "process"]),
        reason=st.text(max_size=3),
        place=st.sampled_from(["", "", "x:1", "x:2"]),
        at=st.just(NOW),
    ),
    max_size=3,
)


class SqliteMachine(RuleBasedStateMachine):
    """The embedded queue; a crash is another start on the files as they lie on the disk at that moment."""

    @initialize()
    def start(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="tocsin-queue-"))
        self.starts = 0
        self.queue = self.open()
        self.uuid = self.queue.uuid
        self.bodies: dict[int, bytes] = {}
        self.last = self.trimmed = self.made = 0
        self.cursors: dict[str, str] = {}
        self.letters: list[DeadLetter] = []

    def open(self) -> Sqlite | Memory:
        config = Config(keep=KEEP, max_events=MAX_EVENTS, low_space=0, ballast=0)
        return Sqlite(config, self.context())

    def context(self) -> Context:
        return Context("queue", self.folder / str(self.starts), clock=ManualClock(NOW))

    def waiting(self) -> int:
        return sum(offset > self.trimmed for offset in self.bodies)

    def note(self, letters: list[DeadLetter]) -> None:
        for letter in letters:
            same = (letter.source, letter.stage, letter.place)
            self.letters = [
                one for one in self.letters if not letter.place or (one.source, one.stage, one.place) != same
            ]
            self.letters.append(letter)

    @rule(source=SOURCES, count=st.integers(0, 5), cursor=st.none() | st.text(max_size=3), dead=LETTERS)
    def put(self, source: str, count: int, cursor: str | None, dead: list[DeadLetter]) -> None:
        events = [Heartbeat(source=source, stream=str(self.made + n), at=NOW) for n in range(count)]
        self.made += count
        try:
            last = self.queue.put(source, Batch(events=events, cursor=cursor, dead=dead))
        except LowSpace:
            assert self.waiting() >= MAX_EVENTS
            return
        assert self.waiting() < MAX_EVENTS
        self.bodies |= dict(enumerate(map(encoder.encode, events), self.last + 1))
        self.last += count
        assert last == self.last
        self.note(dead)
        if cursor is not None:
            self.cursors[source] = cursor

    @rule(letters=LETTERS)
    def bury(self, letters: list[DeadLetter]) -> None:
        self.queue.bury(letters)
        self.note(letters)

    @precondition(lambda self: self.letters)
    @rule(data=st.data())
    def forget(self, data: st.DataObject) -> None:
        numbers = [number for number, _ in self.queue.dead_letters()]
        chosen = data.draw(st.sets(st.sampled_from(range(len(numbers)))))
        assert self.queue.forget({numbers[index] for index in chosen}) == len(chosen)
        self.letters = [letter for index, letter in enumerate(self.letters) if index not in chosen]

    @rule(behind=st.integers(-2, 12))
    def trim(self, behind: int) -> None:
        self.queue.trim(self.last - behind)
        self.trimmed = max(self.trimmed, min(self.last, self.last - behind))
        self.bodies = {offset: body for offset, body in self.bodies.items() if offset > self.trimmed - KEEP}

    @rule(ahead=st.integers(-3, 3))
    def start_after(self, ahead: int) -> None:
        self.queue.start_after(self.last + ahead)
        self.last += max(ahead, 0)

    @rule(behind=st.integers(0, 15), limit=st.integers(1, 6))
    def read(self, behind: int, limit: int) -> None:
        after = max(self.last - behind, 0)
        expected = sorted(offset for offset in self.bodies if offset > after)[:limit]
        events = self.queue.read(after, limit)
        assert list(events.offsets) == expected
        assert list(events.bodies) == [self.bodies[offset] for offset in expected]

    @rule()
    def stop_and_start(self) -> None:
        self.queue.close()
        self.queue = self.open()

    @rule()
    def crash(self) -> None:
        here = self.folder / str(self.starts)
        self.starts += 1
        there = self.folder / str(self.starts)
        there.mkdir()
        for file in here.glob("queue.db*"):
            if not file.name.endswith("-shm"):
                shutil.copy(file, there)
        self.queue.close()
        self.queue = self.open()

    @invariant()
    def queue_and_model_agree(self) -> None:
        events = self.queue.read(0, 1_000)
        assert dict(zip(events.offsets, events.bodies, strict=True)) == self.bodies
        assert list(events.offsets) == sorted(self.bodies)
        assert [letter for _, letter in self.queue.dead_letters()] == self.letters
        assert {source: self.queue.cursor(source) for source in self.cursors} == self.cursors
        assert (self.queue.end(), self.queue.length(), self.queue.uuid) == (self.last, self.waiting(), self.uuid)

    def teardown(self) -> None:
        if hasattr(self, "queue"):
            self.queue.close()
            shutil.rmtree(self.folder)


class MemoryMachine(SqliteMachine):
    """The queue of the tests agrees with the same model, but for restarts."""

    def open(self) -> Memory:
        return Memory(MemoryConfig(keep=KEEP, max_events=MAX_EVENTS), self.context())

    @rule()
    def stop_and_start(self) -> None:
        pass

    @rule()
    def crash(self) -> None:
        pass


MODEST = settings(
    max_examples=by_length(100, 300, 20_000),
    stateful_step_count=by_length(25, 30, 30),
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)
SqliteMachine.TestCase.settings = MODEST
MemoryMachine.TestCase.settings = MODEST
TestSqlite = SqliteMachine.TestCase
TestMemory = MemoryMachine.TestCase
