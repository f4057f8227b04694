"""The ingest loop: cursor and events together, faults waited out, nothing implausible let in."""

from __future__ import annotations

import random
from collections.abc import AsyncGenerator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import ClassVar

import pytest

from tocsin.clock import ManualClock
from tocsin.component import Context
from tocsin.errors import LowSpace, Permanent, Transient
from tocsin.model import Batch, DeadLetter, Heartbeat, Post
from tocsin.options import Options
from tocsin.pipeline.ingest import admit, ingest
from tocsin.queues.memory import Config, Memory
from tocsin.telemetry import Telemetry

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)


def post(number: int, created: datetime | None = NOW, text: str = "hello") -> Post:
    return Post(uid=f"news:{number}", source="news", id=str(number), text=text, received_at=NOW, created_at=created)


class Scripted:
    """A source that plays a script: batches, and faults to raise in between. Its cursor is the place in the script."""

    finite: ClassVar[bool] = True
    live: ClassVar[bool] = True

    def __init__(self, *script: Batch | Exception) -> None:
        self.script, self.opened, self.done = list(script), [], 0

    async def read(self, cursor: str | None) -> AsyncGenerator[Batch, None]:
        self.opened.append(cursor)
        for place in range(int(cursor or 0), len(self.script)):
            step = self.script[place]
            if isinstance(step, Exception):
                self.script[place] = Batch()
                raise step
            yield Batch(events=step.events, dead=step.dead, cursor=str(place + 1))
            self.done = place + 1


@pytest.fixture
def context(tmp_path: Path) -> Context:
    return Context("news", tmp_path, ManualClock(NOW), random.Random(1))


def a_queue(context: Context) -> Memory:
    return Memory(Config(), context)


async def test_events_and_cursor_are_in_the_queue_and_the_end_ends(context: Context) -> None:
    queue, source = a_queue(context), Scripted(Batch(events=[post(1), post(2)]), Batch(events=[post(3)]))
    await ingest(source, queue, context, Telemetry())
    assert (queue.end(), queue.cursor("news"), source.done) == (3, "2", 2)


async def test_a_passing_fault_is_waited_out_and_the_source_opened_at_its_cursor(context: Context) -> None:
    script = [Batch(events=[post(1)]), Transient("no answer", retry_after=30), Batch(events=[post(2)])]
    queue, source = a_queue(context), Scripted(*script)
    await ingest(source, queue, context, Telemetry())
    assert source.opened == [None, "1"]
    assert queue.end() == 2
    assert context.clock.monotonic() == 30


async def test_what_cannot_pass_is_raised(context: Context) -> None:
    with pytest.raises(Permanent, match="refused"):
        await ingest(Scripted(Permanent("token refused")), a_queue(context), context, Telemetry())


async def test_a_full_queue_pauses_the_source_and_loses_nothing(
    context: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    queue, telemetry = a_queue(context), Telemetry()
    put, refusals = queue.put, [LowSpace("disk nearly full")] * 3
    source = Scripted(Batch(events=[post(1)]), Batch(events=[post(2)]))

    def putting(name: str, batch: Batch) -> int:
        if refusals:
            assert source.done == 0
            raise refusals.pop()
        return put(name, batch)

    monkeypatch.setattr(queue, "put", putting)
    await ingest(source, queue, context, telemetry)
    assert (queue.end(), source.opened) == (2, [None])
    assert b'tocsin_source_paused_seconds_total{source="news"}' in telemetry.render()


@pytest.mark.parametrize("created", [None, NOW + timedelta(hours=1), datetime(1970, 1, 1, tzinfo=UTC)])
def test_a_live_post_with_an_unbelievable_time_counts_when_it_came(created: datetime | None) -> None:
    (found,) = admit(Batch(events=[post(1, created)]), NOW, live=True).events
    assert isinstance(found, Post)
    assert (found.event_time, found.created_at) == (NOW, created)


def test_a_live_post_of_just_now_counts_at_its_own_time() -> None:
    (found,) = admit(Batch(events=[post(1, NOW - timedelta(days=6))]), NOW, live=True).events
    assert isinstance(found, Post)
    assert found.event_time is None


@pytest.mark.parametrize("created", [None, NOW + timedelta(hours=1), datetime(1970, 1, 1, tzinfo=UTC)])
def test_an_archived_post_with_an_unbelievable_time_is_a_dead_letter(created: datetime | None) -> None:
    batch = admit(Batch(events=[post(1, created), post(2)], cursor="c"), NOW, live=False)
    assert [event.uid for event in batch.events if isinstance(event, Post)] == ["news:2"]
    (letter,) = batch.dead
    assert (letter.stage, letter.place, batch.cursor) == ("ingest", "news:1", "c")
    assert "1990" in letter.reason


def test_other_events_and_dead_letters_pass_as_they_are() -> None:
    beat, letter = Heartbeat(source="news", stream="s", at=NOW), DeadLetter(source="news", stage="ingest", reason="bad")
    batch = admit(Batch(events=[beat], dead=[letter]), NOW, live=False)
    assert (list(batch.events), list(batch.dead)) == ([beat], [letter])


def test_text_is_made_storable() -> None:
    (found,) = admit(Batch(events=[post(1, text="a\x00b")]), NOW, live=True).events
    assert isinstance(found, Post)
    assert "\x00" not in found.text


def test_options_are_strict() -> None:
    with pytest.raises(ValueError, match="extra"):
        Options.model_validate({"nonsense": 1})
