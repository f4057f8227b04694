"""The contract of component.Source, run over every source found on disk.

A case file `cases/sources/<type>.py` holds

    POSTS                  how many posts the case has (an endless source: how many are enough to judge it)
    options(tmp_path)      valid options, as a dict of what the config would hold
    make(tmp_path)         a source of these options, named "feed"; each call gives a new one of the same events
    drive(source)          only for a source that is sent to: a coroutine that sends it POSTS posts, once it is
                           being read, and returns when they are acknowledged
"""

from __future__ import annotations

import asyncio
import importlib
from collections.abc import Callable, Coroutine, Sequence
from contextlib import aclosing, suppress
from pathlib import Path
from typing import Any

import msgspec
import pytest
from pydantic import ValidationError

import tocsin.sources
from tocsin import load
from tocsin.component import Source
from tocsin.model import Batch, DeadLetter, Delete, Event, Gap, Heartbeat, Post, decoder, encoder

TYPES = sorted(path.stem for path in Path(tocsin.sources.__file__).parent.glob("[!_]*.py"))
NAME = "feed"
PATIENCE = 30.0


class Case:
    """A case file and a folder of its own."""

    def __init__(self, type_name: str, module: Any, folder: Path) -> None:
        self.type, self.posts, self._module, self._folder = type_name, module.POSTS, module, folder
        self.drive: Callable[[Source], Coroutine[Any, Any, None]] | None = getattr(module, "drive", None)

    def make(self) -> Source:
        source: Source = self._module.make(self._folder)
        return source

    def options(self) -> dict[str, Any]:
        options: dict[str, Any] = self._module.options(self._folder)
        return options


@pytest.fixture(params=TYPES)
def case(request: pytest.FixtureRequest, tmp_path: Path) -> Case:
    name = request.param
    try:
        module = importlib.import_module(f"tests.contract.cases.sources.{name}")
    except ModuleNotFoundError:
        pytest.fail(f"sources/{name}.py has no case: write tests/contract/cases/sources/{name}.py")
    return Case(name, module, tmp_path)


def posts(batches: Sequence[Batch]) -> list[Post]:
    return [event for batch in batches for event in batch.events if isinstance(event, Post)]


async def read(source: Source, case: Case, cursor: str | None = None, least: int | None = None) -> list[Batch]:
    """All batches from the cursor on; of an endless source so many that they hold `least` posts (else `case.posts`)."""
    batches: list[Batch] = []
    wanted = case.posts if least is None else least

    async def take() -> None:
        async with aclosing(source.read(cursor)) as stream:
            async for batch in stream:
                batches.append(batch)
                if not source.finite and case.drive is None and len(posts(batches)) >= wanted:
                    return

    async with asyncio.timeout(PATIENCE):
        reading = asyncio.create_task(take())
        if case.drive is not None:
            await case.drive(source)
            reading.cancel()
        with suppress(asyncio.CancelledError):
            await reading
    return batches


def told(batches: Sequence[Batch]) -> list[Event | DeadLetter]:
    """What batches hold, batch by batch, without what depends on the hour of reading."""
    found: list[Event | DeadLetter] = []
    for batch in batches:
        for event in batch.events:
            found.append(msgspec.structs.replace(event, received_at=None) if isinstance(event, Post) else event)
        found += [msgspec.structs.replace(letter, at=None) for letter in batch.dead]
    return found


def sorted_by_kind(things: Sequence[Event | DeadLetter]) -> tuple[list[Any], list[Any]]:
    """Events and dead letters apart: within a batch there is no order between them."""
    dead = [thing for thing in things if isinstance(thing, DeadLetter)]
    return [thing for thing in things if not isinstance(thing, DeadLetter)], dead


def test_component_is_found_by_its_file_name(case: Case) -> None:
    loaded = load.component("sources", case.type)
    assert isinstance(case.make(), loaded.component_class)
    assert isinstance(loaded.component_class.finite, bool)
    assert isinstance(loaded.component_class.live, bool)


def test_known_options_are_taken_and_an_unknown_one_is_refused(case: Case) -> None:
    config = load.component("sources", case.type).config_class
    config.model_validate(case.options())
    with pytest.raises(ValidationError, match="no_such_option"):
        config.model_validate(case.options() | {"no_such_option": 1})


async def test_delivers_what_there_is_and_ends_if_finite(case: Case) -> None:
    source = case.make()
    batches = await read(source, case)
    found = posts(batches)
    assert len(found) == case.posts if source.finite else len(found) >= case.posts
    assert len({post.uid for post in found}) == len(found)


async def test_events_are_what_the_queue_can_keep(case: Case) -> None:
    for batch in await read(case.make(), case):
        assert batch.cursor is None or isinstance(batch.cursor, str)
        assert batch.events or batch.dead or batch.cursor
        for event in batch.events:
            assert isinstance(event, Post | Delete | Gap | Heartbeat)
            assert event.source == NAME
            assert decoder.decode(encoder.encode(event)) == event
            if isinstance(event, Post):
                assert event.uid.startswith(f"{NAME}:")
                assert event.id
                assert event.received_at.tzinfo is not None
        for letter in batch.dead:
            assert (letter.source, letter.stage) == (NAME, "ingest")
            assert letter.reason
            assert letter.place
            assert len(letter.body) <= 65536


async def test_reads_twice_and_gives_the_same(case: Case) -> None:
    source = case.make()
    first, again, other = [told(await read(one, case)) for one in (source, source, case.make())]
    if case.drive is None:
        length = None if source.finite else min(len(first), len(again), len(other))
        assert first[:length] == again[:length] == other[:length]
    else:
        assert len(first) >= case.posts
        assert len(again) >= case.posts


async def test_goes_on_from_every_cursor_without_gap_or_repeat(case: Case) -> None:
    source = case.make()
    whole = await read(source, case)
    cursors = [batch.cursor for batch in whole]
    if None in cursors:
        assert set(cursors) == {None}, "either every batch has a cursor or none"
        pytest.skip("has no cursors: its senders repeat themselves")
    for number, cursor in enumerate(cursors, 1):
        left = len(posts(whole[number:]))
        if not (source.finite or left):
            continue
        rest = sorted_by_kind(told(await read(case.make(), case, cursor, left)))
        expected = sorted_by_kind(told(whole[number:]))
        if source.finite:
            assert rest == expected
        else:
            length = min(len(rest[0]), len(expected[0]))
            assert rest[0][:length] == expected[0][:length]


async def test_can_be_closed_in_the_middle(case: Case) -> None:
    source = case.make()
    before = asyncio.all_tasks()
    async with asyncio.timeout(PATIENCE):
        stream = source.read(None)
        sending = asyncio.create_task(case.drive(source)) if case.drive is not None else None
        await anext(stream)
        await stream.aclose()
        if sending is not None:
            sending.cancel()
            with suppress(asyncio.CancelledError, Exception):
                await sending
    assert asyncio.all_tasks() <= before
    assert len(posts(await read(source, case))) >= case.posts
