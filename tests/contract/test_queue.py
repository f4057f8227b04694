"""The contract of component.Queue, run over every queue found on disk.

A case file `cases/queues/<type>.py` holds `DURABLE` and `make(tmp_path, *, keep, max_events)`: a queue that refuses
events over 2,000 bytes; made again on the same folder, a durable one is the same log.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

import tocsin.queues
from tocsin.errors import LowSpace
from tocsin.model import Batch, DeadLetter, Delete, Gap, Heartbeat, Post, decoder

TYPES = sorted(path.stem for path in Path(tocsin.queues.__file__).parent.glob("[!_]*.py"))
NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
Make = Callable[..., Any]


def case_of(type_name: str) -> ModuleType:
    try:
        return importlib.import_module(f"tests.contract.cases.queues.{type_name}")
    except ModuleNotFoundError:
        pytest.fail(f"queues/{type_name}.py has no case: write tests/contract/cases/queues/{type_name}.py")


@pytest.fixture(params=TYPES)
def case(request: pytest.FixtureRequest) -> ModuleType:
    return case_of(request.param)


@pytest.fixture
def make(case: ModuleType, tmp_path: Path) -> Iterator[Make]:
    """Makes queues in one folder, and closes those that the test left open."""
    made = []

    def one(**options: Any) -> Any:
        made.append(case.make(tmp_path, **options))
        return made[-1]

    yield one
    for queue in made:
        queue.close()


@pytest.fixture
def queue(make: Make) -> Any:
    return make()


def post(number: int, source: str = "feed", text: str = "the bell rings") -> Post:
    return Post(uid=f"{source}:{number}", source=source, id=str(number), text=text, received_at=NOW, created_at=NOW)


def batch(*numbers: int, source: str = "feed", cursor: str | None = None) -> Batch:
    return Batch(events=[post(number, source) for number in numbers], cursor=cursor)


def letter(reason: str, place: str = "") -> DeadLetter:
    return DeadLetter(source="feed", stage="process", reason=reason, place=place, body=b"{", at=NOW)


def ids(queue: Any, after: int = 0, limit: int = 10_000) -> list[str]:
    events = [decoder.decode(body) for body in queue.read(after, limit).bodies]
    return [event.id for event in events if isinstance(event, Post)]


def reasons(queue: Any) -> list[str]:
    return [letter.reason for _, letter in queue.dead_letters()]


def test_a_new_queue_is_empty(queue: Any) -> None:
    events = queue.read(0, 10)
    assert (queue.end(), list(events.offsets), list(events.bodies), list(queue.dead_letters())) == (0, [], [], [])


def test_unknown_cursor_is_none(queue: Any) -> None:
    queue.put("feed", batch(1, cursor="here"))
    assert queue.cursor("another") is None


def test_offsets_start_at_one_and_put_gives_the_last(queue: Any) -> None:
    assert queue.put("feed", batch(1, 2)) == 2
    assert queue.put("feed", batch(3)) == 3
    assert (list(queue.read(0, 10).offsets), queue.end()) == ([1, 2, 3], 3)


def test_events_come_back_whole_and_in_order(queue: Any) -> None:
    events = [
        post(1, text="Grüße, 世界 \u202e\x00 \U0001f514"),
        Delete(source="feed", uid="feed:0", at=NOW),
        Gap(source="feed", stream="all", start=NOW, end=NOW),
        Heartbeat(source="feed", stream="all", at=NOW),
    ]
    queue.put("feed", Batch(events=events))
    assert [decoder.decode(body) for body in queue.read(0, 10).bodies] == events


def test_read_respects_after_and_limit(queue: Any) -> None:
    queue.put("feed", batch(*range(1, 11)))
    assert list(queue.read(0, 3).offsets) == [1, 2, 3]
    assert list(queue.read(3, 3).offsets) == [4, 5, 6]
    assert list(queue.read(9, 100).offsets) == [10]
    assert list(queue.read(10, 100).offsets) == []
    assert list(queue.read(1_000, 100).offsets) == []


def test_reading_twice_gives_the_same(queue: Any) -> None:
    queue.put("feed", batch(1, 2))
    assert ids(queue) == ids(queue) == ["1", "2"]


def test_cursor_moves_with_its_events(queue: Any) -> None:
    queue.put("feed", batch(1, cursor='{"line": 1}'))
    queue.put("other", batch(1, source="other", cursor="x"))
    queue.put("feed", batch(2, cursor='{"line": 2}'))
    assert (queue.cursor("feed"), queue.cursor("other")) == ('{"line": 2}', "x")


def test_a_batch_without_cursor_leaves_it(queue: Any) -> None:
    queue.put("feed", batch(1, cursor="one"))
    queue.put("feed", batch(2))
    assert queue.cursor("feed") == "one"


def test_a_cursor_may_move_without_events(queue: Any) -> None:
    assert queue.put("feed", Batch(cursor="\x00 ünï \ud800")) == 0
    assert queue.cursor("feed") == "\x00 ünï \ud800"


def test_dead_letters_of_a_batch_are_kept_and_have_no_offset(queue: Any) -> None:
    queue.put("feed", Batch(events=[post(1)], dead=[letter("bad row", "a.csv:7")]))
    assert (queue.end(), reasons(queue)) == (1, ["bad row"])
    number, kept = next(iter(queue.dead_letters()))
    assert number >= 1
    assert kept == letter("bad row", "a.csv:7")


def test_a_dead_letter_replaces_one_of_the_same_stage_and_place(queue: Any) -> None:
    queue.bury([letter("first", "queue:7"), letter("other place", "queue:8")])
    first = {kept.place: number for number, kept in queue.dead_letters()}["queue:7"]
    queue.bury([letter("second", "queue:7")])
    assert sorted(reasons(queue)) == ["other place", "second"]
    assert queue.forget([first]) == 0, "whoever read the first one must not remove the second"
    queue.bury([DeadLetter(source="feed", stage="ingest", reason="other stage", place="queue:7")])
    assert len(reasons(queue)) == 3


def test_dead_letters_without_a_place_are_all_kept(queue: Any) -> None:
    queue.bury([letter("same"), letter("same")])
    assert reasons(queue) == ["same", "same"]


def test_dead_letters_are_cut_dated_and_made_valid(queue: Any) -> None:
    queue.bury([DeadLetter(source="feed", stage="process", reason="bad \ud800 text", body=b"x" * 100_000)])
    (_, kept), *_ = queue.dead_letters()
    assert len(kept.body) == 64 * 1024
    assert kept.at is not None
    assert kept.reason == r"bad \ud800 text"


def test_many_dead_letters_are_all_given_in_order(queue: Any) -> None:
    queue.bury([letter(str(number)) for number in range(250)])
    assert reasons(queue) == [str(number) for number in range(250)]


def test_forget_removes_by_number_and_says_how_many(queue: Any) -> None:
    queue.bury([letter("a"), letter("b"), letter("c")])
    first, second, _ = (number for number, _ in queue.dead_letters())
    assert queue.forget([]) == 0
    assert queue.forget([first, second, 999_999]) == 2
    assert queue.forget([first]) == 0
    assert reasons(queue) == ["c"]


def test_an_event_too_long_becomes_a_dead_letter_and_its_neighbours_go_on(queue: Any) -> None:
    queue.put("feed", Batch(events=[post(1), post(2, text="x" * 3_000), post(3)], cursor="on"))
    assert (ids(queue), queue.cursor("feed"), queue.end()) == (["1", "3"], "on", 2)
    (_, kept), *_ = queue.dead_letters()
    assert kept.place == "feed:2"
    assert "over max_event_bytes (2,000)" in kept.reason
    assert kept.body.startswith(b'{"kind":"post"')


def test_an_event_that_is_not_json_becomes_a_dead_letter(queue: Any) -> None:
    queue.put("feed", Batch(events=[post(1, text="half a pair: \ud83d"), post(2)]))
    assert ids(queue) == ["2"]
    assert "cannot be written as JSON" in reasons(queue)[0]


def test_trim_keeps_the_tail_and_what_is_behind_upto(make: Make) -> None:
    queue = make(keep=3)
    queue.put("feed", batch(*range(1, 11)))
    queue.trim(7)
    assert ids(queue) == ["5", "6", "7", "8", "9", "10"]
    queue.trim(2)
    assert ids(queue)[0] == "5", "going back changes nothing"


def test_offsets_grow_over_a_trim_of_everything(make: Make) -> None:
    queue = make(keep=0)
    queue.put("feed", batch(1, 2, 3))
    queue.trim(3)
    assert (ids(queue), queue.end()) == ([], 3)
    assert queue.put("feed", batch(4)) == 4
    assert list(queue.read(0, 10).offsets) == [4]


def test_trim_past_the_end_does_not_reach_what_comes_later(make: Make) -> None:
    queue = make(keep=0)
    queue.put("feed", batch(1))
    queue.trim(100)
    queue.put("feed", batch(2))
    queue.trim(1)
    assert ids(queue) == ["2"]


def test_start_after_jumps_forward_only(queue: Any) -> None:
    queue.start_after(41)
    assert queue.end() == 41
    assert queue.put("feed", batch(1, 2)) == 43
    queue.start_after(10)
    assert queue.put("feed", batch(3)) == 44
    assert list(queue.read(0, 10).offsets) == [42, 43, 44]
    queue.start_after(100)
    queue.put("feed", batch(4))
    assert list(queue.read(43, 10).offsets) == [44, 101]


def test_length_counts_what_waits(make: Make) -> None:
    queue = make(keep=2)
    queue.start_after(1_000)
    assert queue.length() == 0
    queue.put("feed", batch(1, 2, 3, 4))
    queue.start_after(2_000)
    queue.put("feed", batch(5))
    assert queue.length() == 5
    queue.trim(1_003)
    assert queue.length() == 2
    queue.trim(2_001)
    assert queue.length() == 0


def test_low_space_keeps_nothing(make: Make) -> None:
    queue = make(max_events=3, keep=0)
    queue.put("feed", batch(1, 2, 3, cursor="three"))
    with pytest.raises(LowSpace, match="3 events wait to be processed"):
        queue.put("feed", Batch(events=[post(4)], cursor="four", dead=[letter("bad")]))
    assert (ids(queue), queue.cursor("feed"), queue.end(), reasons(queue)) == (["1", "2", "3"], "three", 3, [])
    queue.bury([letter("what makes room still works")])
    queue.trim(3)
    assert queue.put("feed", batch(4, cursor="four")) == 4


def test_puts_of_many_threads_lose_nothing_and_stay_contiguous(queue: Any) -> None:
    def work(thread: int) -> list[int]:
        source = f"s{thread}"
        return [
            queue.put(source, batch(*range(turn * 5, turn * 5 + 5), source=source, cursor=str(turn)))
            for turn in range(20)
        ]

    with ThreadPoolExecutor(8) as pool:
        lasts = list(pool.map(work, range(8)))
    events = queue.read(0, 10_000)
    uids = [decoder.decode(body).uid for body in events.bodies]
    assert list(events.offsets) == list(range(1, 801))
    for thread, ends in enumerate(lasts):
        assert ends == sorted(ends)
        for turn, end in enumerate(ends):
            assert uids[end - 5 : end] == [f"s{thread}:{number}" for number in range(turn * 5, turn * 5 + 5)]
        assert queue.cursor(f"s{thread}") == "19"


def test_one_thread_may_read_while_another_writes(queue: Any) -> None:
    def write() -> None:
        for number in range(100):
            queue.put("feed", batch(2 * number, 2 * number + 1))

    with ThreadPoolExecutor(1) as pool:
        writing = pool.submit(write)
        seen: list[int] = []
        while len(seen) < 200:
            seen += queue.read(seen[-1] if seen else 0, 50).offsets
        writing.result()
    assert seen == list(range(1, 201))


def test_a_batch_is_seen_whole_or_not_at_all(queue: Any) -> None:
    with ThreadPoolExecutor(1) as pool:
        writing = pool.submit(lambda: [queue.put("feed", batch(*range(7))) for _ in range(50)])
        while not writing.done():
            assert len(queue.read(0, 10_000).offsets) % 7 == 0
        writing.result()


def test_two_queues_have_two_identities(case: ModuleType, tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    with closing(case.make(tmp_path / "a")) as one, closing(case.make(tmp_path / "b")) as other:
        assert one.uuid != other.uuid


def test_close_twice(queue: Any) -> None:
    queue.close()
    queue.close()


def test_a_durable_queue_is_the_same_when_opened_again(case: ModuleType, make: Make) -> None:
    if not case.DURABLE:
        pytest.skip("keeps nothing between two openings, by design")
    first = make(keep=1)
    first.put("feed", Batch(events=[post(1), post(2), post(3)], cursor="three", dead=[letter("bad", "x:1")]))
    first.trim(2)
    identity = first.uuid
    first.close()
    second = make(keep=1)
    assert (second.uuid, second.end(), ids(second), second.length()) == (identity, 3, ["2", "3"], 1)
    assert (second.cursor("feed"), reasons(second)) == ("three", ["bad"])
    assert second.put("feed", batch(4)) == 4


def test_a_durable_queue_never_gives_an_offset_twice(case: ModuleType, make: Make) -> None:
    if not case.DURABLE:
        pytest.skip("keeps nothing between two openings, by design")
    first = make(keep=0)
    first.put("feed", batch(1, 2, 3))
    first.bury([letter("old", "q:1")])
    (number, _), *_ = first.dead_letters()
    first.forget([number])
    first.trim(3)
    first.close()
    second = make(keep=0)
    assert second.put("feed", batch(4)) == 4
    second.bury([letter("new", "q:1")])
    assert next(iter(second.dead_letters()))[0] > number
    second.start_after(50)
    second.close()
    assert make(keep=0).put("feed", batch(5)) == 51


def test_every_case_has_a_queue() -> None:
    cases = {path.stem for path in (Path(__file__).parent / "cases" / "queues").glob("[!_]*.py")}
    assert cases <= set(TYPES), f"cases without a component: {sorted(cases - set(TYPES))}"
