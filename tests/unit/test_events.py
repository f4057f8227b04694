"""Server-sent events: what pages hear, what they have missed, and that a slow one costs nobody anything."""

from __future__ import annotations

import asyncio
import re
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tocsin.clock import ManualClock
from tocsin.links import Links
from tocsin.people import Done
from tocsin.server.accounts import Accounts
from tocsin.server.app import Site
from tocsin.server.events import KEPT, WAITING, Events, Watch
from tocsin.state import Position, State

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)


def kinds(parts: list[bytes]) -> list[str]:
    return re.findall(r"^event: (\w+)$", b"".join(parts).decode(), re.MULTILINE)


async def heard(events: Events, last: int | None, many: int) -> list[bytes]:
    stream, found = events.stream(last), list[bytes]()
    async for part in stream:
        found.append(part)
        if len(kinds(found)) == many:
            break
    await stream.aclose()  # type: ignore[attr-defined]
    return found


async def test_a_page_hears_what_comes_after_it() -> None:
    events = Events(ManualClock(NOW))
    events.tell("posts")
    listening = asyncio.create_task(heard(events, None, 3))
    await asyncio.sleep(0)
    events.tell("counted")
    events.tell("acted")
    assert kinds(await listening) == ["hello", "counted", "acted"]
    assert events.pages == 0


async def test_a_page_that_comes_back_gets_what_it_missed_and_no_more() -> None:
    events = Events(ManualClock(NOW))
    for kind in ("posts", "counted", "posts", "acted"):
        events.tell(kind)
    numbers = [event.number for event in events._kept]
    assert [event.kind for event in events.since(numbers[1])] == ["posts", "acted"]
    assert events.since(numbers[-1]) == []
    assert events.since(None) == []
    assert kinds(await heard(events, numbers[2], 1)) == ["acted"]


@pytest.mark.parametrize("last", [0, 1, 10**18])
async def test_one_that_missed_more_than_is_kept_is_to_ask_for_everything(last: int) -> None:
    events = Events(ManualClock(NOW))
    for _ in range(KEPT + 10):
        events.tell("posts")
    assert [event.kind for event in events.since(last)] == ["reset"]


async def test_a_page_that_does_not_read_loses_the_oldest_and_holds_nobody_up() -> None:
    events = Events(ManualClock(NOW))
    stream = events.stream(None)
    await anext(stream)
    for _ in range(10 * WAITING):
        events.tell("posts")
    (page,) = events._pages
    assert page.qsize() == WAITING
    assert page.get_nowait().number == events._number - WAITING + 1
    await stream.aclose()  # type: ignore[attr-defined]


async def test_an_event_is_one_frame() -> None:
    events = Events(ManualClock(NOW))
    events.tell("posts")
    text = events._kept[-1].text.decode()
    assert re.fullmatch(r"id: \d+\nevent: posts\ndata: \{\}\n\n", text)


async def test_pages_are_told_of_counts_and_deeds(tmp_path: Path) -> None:
    clock, state = ManualClock(NOW), State(tmp_path / "state.db")
    events = Events(clock)
    watch = Watch(Site(state, Links(b"k", "", clock), clock, Accounts(b"k", clock)), events)
    watch._tell(watch._look())
    assert not events._kept
    with state.transaction() as tx:
        tx.move(Position("lake", 3, 10, ""))
    watch._tell(watch._look())
    state.did(Done("i1", "ack", None, "ann", NOW))
    watch._tell(watch._look())
    watch._tell(watch._look())
    assert [event.kind for event in events._kept] == ["counted", "acted"]
    state.close()
