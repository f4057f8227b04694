"""The contract of component.Lake, run over every lake found on disk.

A case file `cases/lakes/<type>.py` holds `make(tmp_path)`: the lake in that folder, made if missing; made again on
the same folder it is the same lake.
"""

from __future__ import annotations

import importlib
import random
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from tests.helpers.rows import START, row, table

import tocsin.lakes
from tocsin import records
from tocsin.component import Lake
from tocsin.errors import Permanent

TYPES = sorted(path.stem for path in Path(tocsin.lakes.__file__).parent.glob("[!_]*.py"))
LATER = datetime(2027, 1, 1, tzinfo=UTC)
Make = Callable[[], Any]


@pytest.fixture(params=TYPES)
def make(request: pytest.FixtureRequest, tmp_path: Path) -> Make:
    try:
        case = importlib.import_module(f"tests.contract.cases.lakes.{request.param}")
    except ModuleNotFoundError:
        pytest.fail(f"lakes/{request.param}.py has no case: write tests/contract/cases/lakes/{request.param}.py")
    return lambda: case.make(tmp_path)


def posts(first: int, last: int, **values: Any) -> pa.Table:
    """Posts with seq `first` to `last`, an hour apart from each other."""
    return table([row(seq, seq * 3600, **values) for seq in range(first, last + 1)])


def seqs(lake: Lake, **bounds: Any) -> list[int]:
    return [seq for batch in lake.rows(["seq"], **bounds) for seq in batch.column("seq").to_pylist()]


def everything(lake: Lake) -> pa.Table:
    return pa.Table.from_batches(lake.rows(), records.SCHEMA).combine_chunks()


def rich_row(seq: int) -> dict[str, Any]:
    """A row with a value in every column that an enricher fills."""
    return row(
        seq, 0.000001 * seq, text="ü👍\n", raw="{}", hashtags=["acme", None], mentions=[], urls=["https://acme.example"],
        category_scores=[("outage", 0.5)], sentiment="mixed", sentiment_scores=[("negative", 0.25)], phrases=["signal"],
        entities=[{"text": "Acme", "type": "ORG", "start": 0, "end": 4}], place_name="Bern", place_level="city",
        country="CH", lat=46.9, lon=7.4, place_origin="text", place_confidence=0.5,
        stated_place={"name": "Bern", "level": "city", "country": "CH", "lat": 46.9, "lon": 7.4, "confidence": 0.25},
        about_place=dict.fromkeys(records.PLACE.names), cluster_id="c", duplicate_of="news:1",
        signature=b"\x00\xff", model="m", note="n",
    )  # fmt: skip


def test_a_new_lake_is_empty(make: Make) -> None:
    lake = make()
    assert (lake.offset("q"), lake.last_seq()) == (0, 0)
    assert list(lake.rows()) == []
    assert lake.snapshot().files == ()
    assert [commit.rows for commit in lake.commits(-1)] == [None] * (lake.version() + 1)


def test_rows_come_back_as_they_were_given(make: Make) -> None:
    lake = make()
    rows = table([rich_row(1), row(2, 5, kind="gap", stream="main", until=START), row(3, 9, kind="dead", source="")])
    version = lake.append(rows, "q", 3)
    assert everything(lake) == rows
    assert [commit.rows for commit in lake.commits(version - 1)] == [rows]
    assert (lake.offset("q"), lake.last_seq(), lake.version()) == (3, 3, version)


def test_a_lake_opened_again_is_the_same(make: Make) -> None:
    lake = make()
    version = lake.append(posts(1, 5), "q", 5)
    lake.flush()
    name, mark = lake.table_id, lake.fingerprint(version)
    lake.close()
    again = make()
    assert (again.table_id, again.fingerprint(version)) == (name, mark)
    assert (again.offset("q"), again.last_seq(), again.version()) == (5, 5, version)
    assert again.append(posts(6, 6), "q", 6) == version + 1


def test_offsets_belong_to_a_queue_and_seqs_to_the_lake(make: Make) -> None:
    lake = make()
    lake.append(posts(1, 5), "old", 5)
    assert lake.offset("new") == 0
    lake.append(posts(6, 7), "new", 7)
    assert (lake.offset("old"), lake.offset("new"), lake.last_seq()) == (5, 7, 7)


@pytest.mark.parametrize("offset", [4, 5])
def test_an_offset_that_is_there_is_refused(make: Make, offset: int) -> None:
    lake = make()
    lake.append(posts(1, 5), "q", 5)
    before = lake.version()
    with pytest.raises(Permanent, match="offset 5"):
        lake.append(posts(6, 6), "q", offset)
    assert (lake.version(), lake.offset("q")) == (before, 5)


def test_rows_of_a_new_queue_that_starts_over_are_refused(make: Make) -> None:
    lake = make()
    lake.append(posts(1, 5), "q", 5)
    with pytest.raises(Permanent, match="seq 5"):
        lake.append(posts(1, 9), "new", 9)
    assert seqs(lake) == [1, 2, 3, 4, 5]


def test_a_second_writer_is_refused_and_changes_nothing(make: Make) -> None:
    lake, zombie = make(), make()
    lake.append(posts(1, 5), "q", 5)
    for offset in (3, 5):
        with pytest.raises(Permanent, match="another process"):
            zombie.append(posts(1, offset), "q", offset)
    assert seqs(lake) == [1, 2, 3, 4, 5]
    assert lake.offset("q") == 5


def test_a_reader_sees_what_a_writer_adds(make: Make) -> None:
    writer, reader = make(), make()
    version = writer.append(posts(1, 5), "q", 5)
    assert (reader.version(), reader.offset("q"), seqs(reader)) == (version, 5, [1, 2, 3, 4, 5])
    assert len(reader.snapshot().files) == len(writer.snapshot().files)


def test_commits_are_the_appends_in_order(make: Make) -> None:
    lake = make()
    start = lake.version()
    batches = [posts(1, 30), posts(31, 31), posts(32, 60)]
    for batch in batches:
        lake.append(batch, "q", batch["seq"][-1].as_py())
    commits = list(lake.commits(start))
    assert [commit.rows for commit in commits] == batches
    assert [commit.version for commit in commits] == [start + 1, start + 2, start + 3]
    assert list(lake.commits(start + 1)) == commits[1:]
    assert list(lake.commits(start + 3)) == []
    assert len({commit.fingerprint for commit in commits}) == 3
    assert [lake.fingerprint(commit.version) for commit in commits] == [commit.fingerprint for commit in commits]
    assert lake.fingerprint(start + 4) is None


def test_an_empty_append_moves_the_offset(make: Make) -> None:
    lake = make()
    version = lake.append(records.SCHEMA.empty_table(), "q", 8)
    assert (lake.offset("q"), lake.last_seq()) == (8, 8)
    (commit,) = lake.commits(version - 1)
    assert commit.rows == records.SCHEMA.empty_table()


def test_rows_are_filtered_exactly(make: Make) -> None:
    lake = make()
    lake.append(posts(1, 30), "q", 30)
    lake.append(posts(31, 60), "q", 60)
    assert seqs(lake, after_seq=29, upto_seq=33) == [30, 31, 32, 33]
    hour = timedelta(hours=1)
    assert seqs(lake, since=START + 5 * hour, until=START + 8 * hour) == [5, 6, 7]
    assert seqs(lake, since=START + 5 * hour, upto_seq=5) == [5]
    assert seqs(lake, after_seq=60) == []


def test_filters_are_exact_to_the_microsecond(make: Make) -> None:
    lake = make()
    lake.append(table([row(1, 10.0004567)]), "q", 1)
    time = START + timedelta(seconds=10.0004567)
    tick = timedelta(microseconds=1)
    assert seqs(lake, since=time, until=time + tick) == [1]
    assert seqs(lake, since=time + tick) == []
    assert seqs(lake, until=time) == []


@pytest.mark.parametrize("columns", [["text"], ["day", "seq"], ["uid", "event_time", "day"], ["until"]])
def test_columns_are_those_asked_for(make: Make, columns: list[str]) -> None:
    lake = make()
    lake.append(posts(1, 50), "q", 50)
    got = pa.Table.from_batches(lake.rows(columns, after_seq=3))
    assert got.combine_chunks() == posts(4, 50).select(columns).combine_chunks()


def test_rows_keep_the_order_of_seq_whatever_their_days(make: Make) -> None:
    lake = make()
    random_ = random.Random(7)
    for first in range(1, 400, 40):
        rows = [row(seq, random_.randrange(5 * 86400)) for seq in range(first, first + 40)]
        lake.append(table(rows), "q", first + 39)
    assert seqs(lake) == list(range(1, 401))
    lake.maintain(LATER)
    assert seqs(lake) == list(range(1, 401))
    assert seqs(lake, after_seq=77, upto_seq=205) == list(range(78, 206))


def test_maintaining_changes_files_but_no_row(make: Make) -> None:
    lake = make()
    batches = [posts(first, first + 2) for first in range(1, 60, 3)]
    for batch in batches:
        lake.append(batch, "q", batch["seq"][-1].as_py())
    before, many, version = everything(lake), len(lake.snapshot().files), lake.version()
    lake.maintain(LATER)
    assert everything(lake) == before
    assert len(lake.snapshot().files) < many
    assert lake.version() > version
    assert all(commit.rows is None for commit in lake.commits(version))
    assert lake.offset("q") == 60
    lake.append(posts(61, 61), "q", 61)
    assert make().last_seq() == 61


def test_the_snapshot_is_the_table(make: Make) -> None:
    lake = make()
    lake.append(posts(1, 40), "q", 40)
    snapshot = lake.snapshot()
    assert snapshot.version == lake.version()
    read = [seq for file in snapshot.files for seq in pq.ParquetFile(file).read(["seq"])["seq"].to_pylist()]
    assert sorted(read) == list(range(1, 41))


def test_erasing_empties_posts_and_their_duplicates_and_nothing_else(make: Make) -> None:
    lake = make()
    rows = [
        row(1, 1, uid="news:a", author_id="7"),
        rich_row(2) | {"uid": "news:b", "author_id": "8"},
        row(3, 3, kind="duplicate", uid="news:a"),
        row(4, 4, kind="delete", uid="news:b", note="post"),
        row(5, 5, source="forum", uid="forum:c", author_id="8"),
        row(6, 6, kind="heartbeat"),
        row(7, 7, uid="news:d", author_id="9"),
        row(8, 90_000, kind="duplicate", uid="news:b"),
    ]
    lake.append(table(rows), "q", 8)
    version = lake.version()
    assert lake.erase(uids=["news:a"], authors=[("news", "8"), ("news", "nobody")]) == 4
    after = everything(lake).to_pylist()
    assert [one["kind"] for one in after] == [
        "erased", "erased", "duplicate", "delete", "post", "heartbeat", "post", "duplicate"
    ]  # fmt: skip
    assert [after[index] for index in (3, 4, 5, 6)] == table(rows[3:7]).to_pylist()
    before = rows[1]
    kept = [
        "seq",
        "event_time",
        "uid_hash",
        "source",
        "version",
        "language",
        "country",
        "watches",
        "category",
        "categories",
        "day",
    ]
    assert {name: after[1][name] for name in kept} == {name: before[name] for name in kept}
    assert {name for name, value in after[1].items() if value is not None} <= {
        *kept,
        "kind",
        "received_at",
        "backfilled",
    }
    assert (after[2]["uid"], after[7]["uid"]) == (None, None)
    assert (lake.offset("q"), lake.last_seq()) == (8, 8)
    assert [commit.rows for commit in lake.commits(version)] == [None]
    assert lake.erase(uids=["news:a"]) == 0
    assert lake.version() == version + 1


def test_commits_give_only_the_columns_asked_for(make: Make) -> None:
    lake = make()
    start = lake.version()
    lake.append(posts(20, 30), "q", 30)
    (commit,) = lake.commits(start, ["day", "uid"])
    assert commit.rows == posts(20, 30).select(["day", "uid"])


def test_erase_now_leaves_no_byte(make: Make, tmp_path: Path) -> None:
    lake = make()
    secret = "a text that nobody else wrote"
    for first in range(1, 60, 2):
        lake.append(posts(first, first + 1, text=secret if first == 31 else "other", author_id="42"), "q", first + 1)
    lake.maintain(LATER)
    lake.erase(uids=["news:31", "news:32"])
    lake.maintain(LATER + timedelta(minutes=1), erase_now=True)
    holding = [path for path in tmp_path.rglob("*") if path.is_file() and holds(path, secret)]
    assert holding == []
    assert seqs(lake) == list(range(1, 61))


def holds(path: Path, secret: str) -> bool:
    """Whether a file has the text, also behind a compression."""
    raw = path.read_bytes()
    if path.suffix == ".parquet":
        raw += str(pq.ParquetFile(path).read().to_pylist()).encode()
    return any(word in raw for word in (secret.encode(), b"news:31", b"news:32"))


def test_commits_that_are_no_longer_kept_are_a_lookup_error(make: Make) -> None:
    lake = make()
    start = lake.version()
    for seq in range(1, 10):
        lake.append(posts(seq, seq), "q", seq)
    lake.maintain(LATER, erase_now=True)
    with pytest.raises(LookupError):
        list(lake.commits(start))
    assert list(lake.commits(lake.version())) == []


def test_reading_goes_on_beside_maintenance(make: Make) -> None:
    lake = make()
    for first in range(1, 100, 10):
        lake.append(posts(first, first + 9), "q", first + 9)
    reading = lake.rows(["seq"])
    got = next(reading).column("seq").to_pylist()
    lake.maintain(LATER)
    lake.append(posts(101, 101), "q", 101)
    got += [seq for batch in reading for seq in batch.column("seq").to_pylist()]
    assert got == list(range(1, 101))


def shouted(batch: pa.RecordBatch) -> pa.RecordBatch:
    """Posts of an even seq in capitals, and nothing else."""
    even = pc.equal(pc.bit_wise_and(batch.column("seq"), 1), 0)
    texts = pc.if_else(even, pc.utf8_upper(batch.column("text")), batch.column("text"))
    return batch.set_column(batch.schema.get_field_index("text"), batch.schema.field("text"), texts)


def test_a_revision_changes_what_it_says_and_nothing_else(make: Make) -> None:
    lake = make()
    for first in (1, 21, 41):
        lake.append(posts(first, first + 19), "q", first + 19)
    before = everything(lake)
    steps = list(lake.revise(shouted))
    assert [step.upto_seq for step in steps] == sorted(step.upto_seq for step in steps)
    assert (steps[-1].upto_seq, sum(step.rows for step in steps)) == (60, 60)
    after = everything(lake)
    assert after.drop_columns(["text"]) == before.drop_columns(["text"])
    assert after.column("text").to_pylist() == [f"POST {n}" if n % 2 == 0 else f"post {n}" for n in range(1, 61)]
    assert (lake.offset("q"), lake.last_seq()) == (60, 60)
    version = lake.version()
    assert sum(step.changed for step in lake.revise(shouted)) == 0
    assert lake.version() == version


def test_a_revision_is_no_news(make: Make) -> None:
    lake = make()
    version = lake.append(posts(1, 20), "q", 20)
    list(lake.revise(shouted))
    assert [commit.rows for commit in lake.commits(version)] == [None] * (lake.version() - version)
    assert lake.version() > version


def test_a_revision_goes_on_behind_a_position_and_reads_what_is_new_enough(make: Make) -> None:
    lake = make()
    for first in (1, 25, 49):
        lake.append(posts(first, first + 23), "q", first + 23)
    first, *_ = [step for step in lake.revise(shouted) if step.upto_seq]
    seen: list[int] = []
    list(lake.revise(lambda batch: seen.extend(batch.column("seq").to_pylist()) or batch, after_seq=first.upto_seq))  # type: ignore[func-returns-value]
    assert min(seen) > 1
    seen.clear()
    since = START + timedelta(days=2)
    list(lake.revise(lambda batch: seen.extend(batch.column("seq").to_pylist()) or batch, since=since))  # type: ignore[func-returns-value]
    assert set(range(49, 73)) <= set(seen)
    assert min(seen) > 23


def test_appends_erasure_and_maintenance_may_come_between_the_steps_of_a_revision(make: Make) -> None:
    lake = make()
    for first in range(1, 121, 20):
        lake.append(posts(first, first + 19, day="2026-03-02"), "q", first + 19)
    last = 120
    for turn, _ in enumerate(lake.revise(shouted)):
        if turn == 0:
            assert lake.erase(uids=["news:2", "news:120"]) == 2
        if turn in (1, 3):
            lake.maintain(LATER, erase_now=True)
        if turn < 5:
            last += 1
            lake.append(posts(last, last), "q", last)
    rows = everything(lake).select(["seq", "kind", "text"]).to_pylist()
    assert [row["seq"] for row in rows] == list(range(1, last + 1))
    assert {row["seq"] for row in rows if row["kind"] == "erased"} == {2, 120}
    for one in rows:
        word = "POST" if one["seq"] % 2 == 0 else "post"
        assert one["text"] == (f"{word} {one['seq']}" if one["kind"] == "post" else None)


def test_a_revision_that_is_cut_off_leaves_the_file_at_work_as_it_was(make: Make) -> None:
    lake = make()
    lake.append(posts(1, 20), "q", 20)
    before = everything(lake)
    steps = lake.revise(shouted)
    assert next(steps).changed == 10
    steps.close()  # type: ignore[attr-defined]
    assert everything(lake) == before
    lake.close()
    again = make()
    assert everything(again) == before
    list(again.revise(shouted))
    assert everything(again) != before
    again.maintain(LATER, erase_now=True)
    assert len(list(Path(again.snapshot().files[0]).parent.glob("*.parquet"))) == 1


def test_a_revision_that_loses_or_moves_rows_is_refused(make: Make) -> None:
    lake = make()
    lake.append(posts(1, 20), "q", 20)
    before = everything(lake)
    for wrong in (lambda batch: batch.slice(1), lambda batch: batch.take(pa.array(range(19, -1, -1)))):
        with pytest.raises(ValueError, match="keeps all rows and their order"):
            list(lake.revise(wrong))
    assert everything(lake) == before
