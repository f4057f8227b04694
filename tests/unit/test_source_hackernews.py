"""Hacker News: what items become, what is given up, and what is forgotten."""

from __future__ import annotations

from contextlib import aclosing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
from tests.helpers.serving import Serving

from tocsin.clock import ManualClock
from tocsin.component import Context
from tocsin.errors import Permanent, Transient
from tocsin.model import DeadLetter, Delete, Event, Gap, Heartbeat, Post, Ref
from tocsin.simulators.hackernews import FIRST, START
from tocsin.simulators.hackernews import Hackernews as Simulator
from tocsin.sources.hackernews import Config, Cursor, Hackernews

NOW = datetime.fromtimestamp(START + 60, UTC)


def comment(number: int, **more: Any) -> dict[str, Any]:
    item = {"id": FIRST + number, "type": "comment", "by": "sam", "time": START, "text": "acme", "parent": 7}
    return item | more


class Reader:
    """A source and what it has said; each `rounds` is a connection of its own, from the last cursor on."""

    def __init__(self, folder: Path, simulator: Simulator, **options: Any) -> None:
        self.clock = ManualClock(NOW)
        values = {"url": simulator.url, "every": "10s", "history": simulator._shown} | options
        self._source = Hackernews(Config.model_validate(values), Context("feed", folder, clock=self.clock))
        self.cursor: str | None = None
        self.events: list[Event] = []
        self.dead: list[DeadLetter] = []

    async def round(self) -> list[Event]:
        """Until the next heartbeat, or what stands in for it."""
        fresh: list[Event] = []
        async with aclosing(self._source.read(self.cursor)) as batches:
            async for batch in batches:
                self.cursor = batch.cursor
                self.dead += batch.dead
                fresh += batch.events
                if any(isinstance(event, Heartbeat) for event in batch.events):
                    break
        self.events += fresh
        return fresh


def posts(events: list[Event]) -> list[Post]:
    return [event for event in events if isinstance(event, Post)]


async def test_a_comment_and_a_story_become_posts(tmp_path: Path) -> None:
    text = '<p>It&#x27;s <i>down</i><p>See <a href="https://acme.example/x" rel="nofollow">acme.example&#x2F;x</a>'
    story = {
        "id": FIRST + 1,
        "type": "story",
        "by": "ann",
        "time": START,
        "title": "Acme &amp; more",
        "url": "https://a.example/",
        "score": 3,
    }
    with Serving(Simulator([comment(0, text=text), story], first=2)) as serving:
        first, second = posts(await Reader(tmp_path, serving.simulator).round())
    assert (first.uid, first.id, first.text) == (f"feed:{FIRST}", str(FIRST), "It's down\n\nSee acme.example/x")
    assert (first.backfilled, second.backfilled) == (True, True)
    assert (first.urls, first.refs) == (("https://acme.example/x",), (Ref(type="reply", id="feed:7"),))
    assert first.author is not None
    assert (first.author.handle, first.created_at) == ("sam", datetime.fromtimestamp(START, UTC))
    assert (second.text, second.title, second.urls, second.metrics) == (
        "Acme & more",
        None,
        ("https://a.example/",),
        {"score": 3},
    )


@pytest.mark.parametrize(
    "more", [{"type": "job"}, {"type": "pollopt"}, {"dead": True}, {"deleted": True}, {"type": ""}]
)
async def test_what_nobody_wants_is_no_post(tmp_path: Path, more: dict[str, Any]) -> None:
    with Serving(Simulator([comment(0, **more), comment(1)], first=2)) as serving:
        found = posts(await Reader(tmp_path, serving.simulator).round())
    assert [post.id for post in found] == [str(FIRST + 1)]


async def test_only_what_a_watch_might_match_is_taken(tmp_path: Path) -> None:
    watches = [{"name": "acme", "match": "acme -is:reply"}]
    with Serving(Simulator([comment(0, text="a quiet day"), comment(1)], first=2)) as serving:
        found = posts(await Reader(tmp_path, serving.simulator, watches=watches).round())
    assert [post.id for post in found] == [str(FIRST + 1)]


async def test_an_item_that_stays_null_is_a_dead_letter_and_the_rest_goes_on(tmp_path: Path) -> None:
    with Serving(Simulator([comment(0), comment(1), comment(2)], first=3)) as serving:
        serving.simulator._null[FIRST + 1] = 10**9
        reader = Reader(tmp_path, serving.simulator, patience="15s")
        found = posts(await reader.round())
    assert [post.id for post in found] == [str(FIRST), str(FIRST + 2)]
    assert [(letter.place, letter.reason) for letter in reader.dead] == [
        (f"item {FIRST + 1}", "the item stayed null for 15 s")
    ]


async def test_a_delete_of_what_was_taken_is_told_once(tmp_path: Path) -> None:
    with Serving(Simulator([comment(0), comment(1, type="job")], first=2)) as serving:
        reader = Reader(tmp_path, serving.simulator)
        await reader.round()
        serving.simulator.change(FIRST, deleted=True, text="")
        serving.simulator.change(FIRST + 1, deleted=True)
        told = [event for event in await reader.round() if isinstance(event, Delete)]
        assert [(event.uid, event.reason) for event in told] == [(f"feed:{FIRST}", "deleted")]
        assert not [event for event in await reader.round() if isinstance(event, Delete)]


async def test_after_a_stop_what_was_missed_is_history_and_its_gap_is_filled(tmp_path: Path) -> None:
    with Serving(Simulator([comment(number) for number in range(30)], first=2, pace=60)) as serving:
        reader = Reader(tmp_path, serving.simulator)
        await reader.round()
        reader.clock.advance(3600)
        serving.simulator._shown = 30
        events = await reader.round()
    assert [(post.id, post.backfilled) for post in posts(events)] == [(str(FIRST + n), True) for n in range(2, 30)]
    gaps = [event for event in events if isinstance(event, Gap)]
    assert [gap.state for gap in gaps] == ["open", "filled"]
    assert gaps[0].start == gaps[1].start
    assert gaps[0].end - gaps[0].start >= timedelta(hours=1)


@pytest.mark.parametrize("cursor", ["", "{}", "[1]", "2026-03-01T12:00:00+00:00"])
async def test_a_cursor_of_another_source_counts_as_none(tmp_path: Path, cursor: str) -> None:
    with Serving(Simulator([comment(0)], first=1)) as serving:
        reader = Reader(tmp_path, serving.simulator)
        reader.cursor = cursor
        assert posts(await reader.round())
    assert msgspec.json.decode(reader.cursor or "", type=Cursor).id == FIRST


async def test_a_host_that_is_not_there_is_one_line(tmp_path: Path) -> None:
    source = Hackernews(Config(url="http://127.0.0.1:9"), Context("feed", tmp_path))
    with pytest.raises(Transient, match=r"127\.0\.0\.1:9 could not be reached") as caught:
        await anext(source.read(None))
    assert caught.value.retry_after is not None
    with pytest.raises(Permanent):
        Hackernews(Config(url="news"), Context("feed", tmp_path))
