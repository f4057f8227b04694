"""sources/file.py: the order of delivery, its pace, and positions to go on from."""

from __future__ import annotations

import asyncio
import gzip
import json
import logging
import os
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import zstandard
from tests.helpers.files import HEADER, NOW, START, batches_of, csv_text, events_of, read_all, row, source, split, write

from tocsin.clock import ManualClock
from tocsin.errors import Transient
from tocsin.model import Batch, Heartbeat, Post

SHUFFLED = [3, 0, 4, 1, 5, 9, 2, 6, 8, 7]


def ids(posts: Sequence[Post]) -> list[int]:
    return [int(post.id) for post in posts]


# ---- order and form


@pytest.mark.parametrize("name", ["x.csv", "x.csv.gz", "x.csv.zst", "x.jsonl", "x.json", "x.parquet"])
@pytest.mark.parametrize("order", ["time", "file"])
def test_every_format_in_both_orders(tmp_path: Path, name: str, order: str) -> None:
    rows = [row(number) for number in SHUFFLED]
    values = [dict(zip(HEADER, cells, strict=True)) for cells in rows]
    path = tmp_path / name
    if name.endswith("parquet"):
        pq.write_table(pa.Table.from_pylist(values), path, row_group_size=3)
    elif name.endswith("jsonl"):
        write(path, "\n".join(json.dumps(value) for value in values))
    elif name.endswith("json"):
        write(path, json.dumps(values))
    else:
        pack = {"csv": bytes, "gz": gzip.compress, "zst": zstandard.ZstdCompressor().compress}[
            name.rsplit(".", maxsplit=1)[-1]
        ]
        write(path, pack(csv_text(rows).encode()))
    posts, dead = read_all(path, order=order, batch=4)
    assert dead == []
    assert ids(posts) == (sorted(SHUFFLED) if order == "time" else SHUFFLED)
    assert [post.text for post in posts] == [f"row {post.id} says, hello" for post in posts]


def test_rows_of_one_time_stay_as_they_lie_and_bad_ones_behind_the_row_before(tmp_path: Path) -> None:
    rows = [row(1, seconds=9), row(2, seconds=5), ("3", "?", "ann", "x"), row(4, seconds=9), row(5, seconds=5)]
    batches = asyncio.run(batches_of(write(tmp_path / "x.csv", csv_text(rows)), batch=1))
    order = [batch.dead[0].place if batch.dead else batch.events[0] for batch in batches]
    assert [item.id if isinstance(item, Post) else item for item in order[:5]] == ["2", "x.csv:4", "5", "1", "4"]


def test_many_rows_of_one_time_stay_as_they_lie(tmp_path: Path) -> None:
    rows = [row(number, seconds=number % 2) for number in range(400)]
    found = ids(read_all(write(tmp_path / "x.csv", csv_text(rows)))[0])
    assert found == [*range(0, 400, 2), *range(1, 400, 2)]


def test_a_glob_is_one_stream_in_time_order_with_a_label_for_each_file(tmp_path: Path) -> None:
    for folder, numbers in (("a", [5, 1]), ("b", [2, 8]), ("c", [3])):
        (tmp_path / folder).mkdir()
        rows = [row(number) for number in numbers]
        write(tmp_path / folder / "posts.csv", csv_text([*rows, ("bad",)]))
    posts, dead = read_all(tmp_path / "*" / "posts.csv")
    assert ids(posts) == [1, 2, 3, 5, 8]
    assert sorted(letter.place for letter in dead) == ["a/posts.csv:4", "b/posts.csv:4", "c/posts.csv:3"]
    assert ids(read_all(tmp_path / "**" / "*.csv", order="file")[0]) == [5, 1, 2, 8, 3]


def test_more_files_than_may_be_open(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tocsin.sources._orders._OPEN_FILES", 2)
    for number in range(9):
        write(tmp_path / f"{number}.csv", csv_text([row(number), row(number + 20)]))
    before = len(os.listdir("/proc/self/fd")) if Path("/proc/self/fd").exists() else 0
    posts, _ = read_all(tmp_path / "*.csv")
    assert ids(posts) == [*range(9), *range(20, 29)]
    if before:
        assert len(os.listdir("/proc/self/fd")) == before


def test_relative_paths_start_at_the_folder_of_the_config(tmp_path: Path) -> None:
    write(tmp_path / "x.csv", csv_text([row(0)]))
    found = source("x.csv", base=tmp_path)

    async def first() -> Batch:
        stream = found.read(None)
        batch = await anext(stream)
        await stream.aclose()  # type: ignore[attr-defined]
        return batch

    assert isinstance(asyncio.run(first()).events[0], Post)


def test_the_scratch_file_has_no_name_and_nothing_is_left(tmp_path: Path) -> None:
    read_all(write(tmp_path / "x.csv.gz", gzip.compress(csv_text([row(1), row(0)]).encode())))
    assert list((tmp_path / "scratch").iterdir()) == []


def test_the_last_event_is_a_heartbeat_at_the_latest_time(tmp_path: Path) -> None:
    rows = [row(0), row(9), row(3), ("4", "2199-01-01 00:00:00", "ann", "not yet")]
    for order in ("time", "file"):
        batches = asyncio.run(batches_of(write(tmp_path / "x.csv", csv_text(rows)), order=order, batch=2))
        assert events_of(batches)[-1] == Heartbeat(source="archive", stream="file", at=START + timedelta(seconds=9))
        assert sum(isinstance(event, Heartbeat) for event in events_of(batches)) == 1


def test_a_file_without_posts_gives_no_heartbeat(tmp_path: Path) -> None:
    assert asyncio.run(batches_of(write(tmp_path / "x.csv", csv_text([])))) == []
    [batch] = asyncio.run(batches_of(write(tmp_path / "x.csv", csv_text([("bad",)]))))
    assert (batch.events, len(batch.dead)) == ([], 1)


# ---- pace


async def paced(path: Path, **options: Any) -> tuple[list[Batch], list[float]]:
    """Batches, and the seconds on the clock when each came."""
    clock = ManualClock(NOW)
    batches, seconds = [], []
    async for batch in source(path, clock, **options).read(None):
        batches.append(batch)
        seconds.append(clock.monotonic())
    return batches, seconds


async def test_posts_come_as_far_apart_as_they_were_divided_by_the_speed(tmp_path: Path) -> None:
    rows = [row(number, seconds=time) for number, time in enumerate((0, 0, 600, 602, 6000))]
    path = write(tmp_path / "x.csv", csv_text(rows))
    batches, seconds = await paced(path, speed=60)
    assert [[post.id for post in split([batch])[0]] for batch in batches] == [["0", "1"], ["2"], ["3"], ["4"]]
    assert seconds[:1] == [0.0]
    assert seconds[1] == pytest.approx(10.05, abs=0.06)
    assert seconds[-1] == pytest.approx(100.0, abs=0.06)
    assert split(batches[1:2])[0][0].received_at == NOW + timedelta(seconds=10)


async def test_events_and_their_order_are_the_same_at_every_speed(tmp_path: Path) -> None:
    rows = [row(number, seconds=number * 37 % 400) for number in range(60)]
    path = write(tmp_path / "x.csv", csv_text([*rows[:30], ("bad",), *rows[30:]]))

    def plain(batches: list[Batch]) -> tuple[list[Any], list[str]]:
        events = [
            msgspec.structs.replace(event, received_at=NOW) if isinstance(event, Post) else event
            for event in events_of(batches)
        ]
        return events, [letter.place for batch in batches for letter in batch.dead]

    told = [plain((await paced(path, speed=speed, batch=7))[0]) for speed in ("max", 1, 60, 3600.0)]
    assert told[0] == told[1] == told[2] == told[3]
    assert len(told[0][0]) == 61


async def test_at_high_speed_posts_go_together(tmp_path: Path) -> None:
    rows = [row(number, seconds=number) for number in range(1000)]
    batches, seconds = await paced(write(tmp_path / "x.csv", csv_text(rows)), speed=3600)
    assert 4 <= len(batches) <= 9
    assert seconds[-1] == pytest.approx(999 / 3600, abs=0.06)


async def test_a_slow_reader_makes_no_debt(tmp_path: Path) -> None:
    rows = [row(number, seconds=number) for number in range(100)]
    clock = ManualClock(NOW)
    sizes = []
    async for batch in source(write(tmp_path / "x.csv", csv_text(rows)), clock, speed=1).read(None):
        sizes.append(len(batch.events))
        clock.advance(50)
    assert sizes[:2] == [1, 51]
    assert clock.monotonic() < 250


# ---- positions


def cursors(batches: Sequence[Batch]) -> list[str]:
    return [str(batch.cursor) for batch in batches]


def test_a_finished_source_has_nothing_more_to_say(tmp_path: Path) -> None:
    path = write(tmp_path / "x.csv", csv_text([row(0), row(1)]))
    for order in ("time", "file"):
        last = cursors(asyncio.run(batches_of(path, order=order)))[-1]
        assert asyncio.run(batches_of(path, last, order=order)) == []


def test_a_finished_source_does_not_sort_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(tmp_path / "x.csv", csv_text([row(0), row(1)]))
    last = cursors(asyncio.run(batches_of(path)))[-1]
    monkeypatch.setattr("tocsin.sources._orders.TimeOrder.prepare", None)
    assert asyncio.run(batches_of(path, last)) == []


def test_a_change_at_the_end_of_a_file_of_the_same_size_is_seen(tmp_path: Path) -> None:
    rows = [row(number, "x" * 1000) for number in range(200)]
    path = write(tmp_path / "x.csv", csv_text(rows))
    second = cursors(asyncio.run(batches_of(path, batch=100)))[0]
    assert len(read_all(path, second)[0]) == 100
    write(path, csv_text([*rows[:199], row(199, "y" * 1000)]))
    assert len(read_all(path, second)[0]) == 200


def test_what_was_appended_is_found_in_file_order(tmp_path: Path) -> None:
    path = write(tmp_path / "b.csv", csv_text([row(0), row(1)]))
    pattern = tmp_path / "*.csv"
    last = cursors(asyncio.run(batches_of(pattern, order="file")))[-1]
    with path.open("a") as file:
        file.write(csv_text([row(2), ("bad",)], header=()).strip() + "\n")
    write(tmp_path / "c.csv", csv_text([row(3)]))
    more = asyncio.run(batches_of(pattern, last, order="file"))
    posts, dead = split(more)
    assert ids(posts) == [2, 3]
    assert [letter.place for letter in dead] == ["b.csv:5"]
    assert isinstance(events_of(more)[-1], Heartbeat)


@pytest.mark.parametrize("order", ["time", "file"])
def test_a_file_that_was_replaced_is_read_from_its_beginning(
    tmp_path: Path, order: str, caplog: pytest.LogCaptureFixture
) -> None:
    path = write(tmp_path / "x.csv", csv_text([row(number) for number in range(4)]))
    second = cursors(asyncio.run(batches_of(path, order=order, batch=2)))[0]
    write(path, csv_text([row(number) for number in range(7, 11)]))
    with caplog.at_level(logging.WARNING):
        posts, _ = read_all(path, second, order=order)
    assert ids(posts) == [7, 8, 9, 10]
    assert "starting at their beginning" in caplog.text


def test_a_shorter_file_is_read_from_its_beginning(tmp_path: Path) -> None:
    path = write(tmp_path / "x.csv", csv_text([row(number, "x" * 1000) for number in range(200)]))
    third = cursors(asyncio.run(batches_of(path, order="file", batch=50)))[2]
    write(path, csv_text([row(number, "x" * 1000) for number in range(100)]))
    assert len(read_all(path, third, order="file")[0]) == 100


def test_a_file_before_it_that_changed_makes_it_start_anew(tmp_path: Path) -> None:
    write(tmp_path / "a.csv", csv_text([row(0)]))
    write(tmp_path / "b.csv", csv_text([row(1)]))
    last = cursors(asyncio.run(batches_of(tmp_path / "*.csv", order="file")))[-1]
    assert read_all(tmp_path / "*.csv", last, order="file") == ([], [])
    write(tmp_path / "a.csv", csv_text([row(0), row(5)]))
    assert ids(read_all(tmp_path / "*.csv", last, order="file")[0]) == [0, 5, 1]


def test_in_time_order_any_change_sorts_anew(tmp_path: Path) -> None:
    path = write(tmp_path / "x.csv", csv_text([row(4), row(2)]))
    first = cursors(asyncio.run(batches_of(path, batch=1)))[0]
    assert ids(read_all(path, first)[0]) == [4]
    assert ids(read_all(path, first, zone="Europe/Berlin")[0]) == [2, 4]
    write(path, csv_text([row(4), row(2), row(1)]))
    assert ids(read_all(path, first)[0]) == [1, 2, 4]


@pytest.mark.parametrize(
    "text", ["", "7", '{"order":"time"}', "not json", '{"order":"file","files":"","mark":[5,0,1]}']
)
def test_a_cursor_of_something_else_means_the_beginning(tmp_path: Path, text: str) -> None:
    path = write(tmp_path / "x.csv", csv_text([row(0)]))
    for order in ("time", "file"):
        assert ids(read_all(path, text, order=order)[0]) == [0]


def test_killed_before_the_heartbeat_only_that_is_left(tmp_path: Path) -> None:
    path = write(tmp_path / "x.csv", csv_text([row(0), row(1)]))
    for order in ("time", "file"):
        before_last = cursors(asyncio.run(batches_of(path, order=order, batch=2)))[-2]
        [batch] = asyncio.run(batches_of(path, before_last, order=order))
        assert batch.events == [Heartbeat(source="archive", stream="file", at=START + timedelta(seconds=1))]


def test_a_file_cut_short_while_it_is_read_is_a_passing_fault(tmp_path: Path) -> None:
    path = write(tmp_path / "x.csv", csv_text([row(number) for number in range(9)]))

    async def cut() -> None:
        stream = source(path, batch=1).read(None)
        await anext(stream)
        os.truncate(path, 60)
        async for _ in stream:
            pass

    with pytest.raises(Transient, match="became shorter"):
        asyncio.run(cut())
