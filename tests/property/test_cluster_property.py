"""The near-duplicate enricher: its answers follow from the rows and their order, and from nothing else."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from random import Random
from typing import Any, NamedTuple

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tocsin import records
from tocsin.component import Context
from tocsin.enrichers.cluster import Cluster, Config
from tocsin.model import Post, Ref

START = datetime(2026, 3, 1, tzinfo=UTC)
WORDS = ["acme", "down", "again", "tram", "bell", "tower", "parcel", "shoes", "morning", "nobody", "station", "refund"]


class Said(NamedTuple):
    uid: int
    words: list[int]
    hours: int
    skip: int
    repost_of: int | None


said = st.builds(
    Said,
    uid=st.integers(0, 200),
    words=st.one_of(
        st.integers(0, 3).map(lambda start: [start, 5, 7, start + 1, 2, 9, 11, start + 2, 4, 1, 6]),
        st.lists(st.integers(0, len(WORDS) - 1), max_size=12),
        st.permutations(range(8)).map(lambda order: [0, 1, 2, 3, 4, 5, 6, 7, 8, *order[:2]]),
    ),
    hours=st.sampled_from([0, 0, 0, 1, 30, 71, 73, 150, 9000]),
    skip=st.sampled_from([0, 0, 0, 0, 1, 5]),
    repost_of=st.one_of(st.none(), st.none(), st.none(), st.integers(0, 220)),
)
streams = st.lists(said, min_size=1, max_size=90)
capacities = st.sampled_from([16, 17, 40, 131_072])


def batch_of(stream: list[Said]) -> pa.RecordBatch:
    made, seq = [], 0
    for one in stream:
        seq += 1 + one.skip
        refs = () if one.repost_of is None else (Ref(type="repost", id=f"p{one.repost_of}"),)
        text = " ".join(WORDS[word] for word in one.words)
        time = START + timedelta(hours=one.hours)
        post = Post(uid=f"p{one.uid}", source="s", id="1", text=text, received_at=time, created_at=time, refs=refs)
        made.append(records.post_row(seq, post))
    return records.to_batch(made)


def cluster(capacity: int, similarity: float = 0.65) -> Cluster:
    return Cluster(Config(posts=capacity, similarity=similarity), Context("cluster", Path()))


def answers(enricher: Cluster, batch: pa.RecordBatch, cuts: list[int]) -> list[dict[str, Any]]:
    """What is filled into each row, with the batch cut before the rows numbered."""
    edges = sorted({0, batch.num_rows, *(cut for cut in cuts if cut < batch.num_rows)})
    found: list[dict[str, Any]] = []
    for start, stop in pairwise(edges):
        found += pa.RecordBatch.from_pydict(enricher.enrich(batch.slice(start, stop - start))).to_pylist()
    return found


@settings(deadline=None, max_examples=150)
@given(streams, capacities, st.lists(st.integers(1, 90), max_size=6))
def test_batch_borders_make_no_difference(stream: list[Said], capacity: int, cuts: list[int]) -> None:
    batch = batch_of(stream)
    one_by_one = answers(cluster(capacity), batch, list(range(len(stream))))
    assert answers(cluster(capacity), batch, []) == one_by_one
    assert answers(cluster(capacity), batch, cuts) == one_by_one


@settings(deadline=None, max_examples=100)
@given(streams, capacities, st.integers(0, 90), st.lists(st.integers(1, 90), max_size=4))
def test_a_restart_makes_no_difference(stream: list[Said], capacity: int, at: int, cuts: list[int]) -> None:
    batch = batch_of(stream)
    at = min(at, batch.num_rows)
    steady, restarted = cluster(capacity), cluster(capacity)
    lake = lake_of(batch.slice(0, at), answers(steady, batch.slice(0, at), cuts))
    for start in range(0, at, 1 + len(cuts) * 10):
        restarted.recall(lake.slice(start, 1 + len(cuts) * 10))
    restarted.recall(lake.slice(at // 2))
    assert answers(restarted, batch.slice(at), []) == answers(steady, batch.slice(at), cuts)


def lake_of(batch: pa.RecordBatch, filled: list[dict[str, Any]]) -> pa.RecordBatch:
    columns = {name: batch.column(name) for name in ("seq", "uid", "event_time")}
    for name in ("cluster_id", "signature"):
        columns[name] = pa.array([row[name] for row in filled], records.SCHEMA.field(name).type)
    return pa.RecordBatch.from_pydict(columns)


@settings(deadline=None, max_examples=60)
@given(streams, st.integers(0, 89), st.integers(1, 40))
def test_doing_a_batch_again_makes_no_difference(stream: list[Said], start: int, length: int) -> None:
    batch = batch_of(stream)
    start = min(start, batch.num_rows - 1)
    once, twice = cluster(131_072), cluster(131_072)
    answers(once, batch.slice(0, start), [])
    answers(twice, batch.slice(0, start), [])
    failed = batch.slice(start, length)
    assert answers(twice, failed, []) == answers(once, failed, [])
    assert answers(twice, failed, [length // 2]) == answers(twice, failed, [])
    assert answers(twice, batch.slice(start + failed.num_rows), []) == answers(
        once, batch.slice(start + failed.num_rows), []
    )


@settings(deadline=None, max_examples=60)
@given(streams)
def test_every_copy_points_at_a_cluster_that_somebody_began(stream: list[Said]) -> None:
    batch = batch_of(stream)
    uids = batch.column("uid").to_pylist()
    originals = set(filter(None, batch.column("repost_of").to_pylist()))
    for uid, row in zip(uids, answers(cluster(131_072), batch, []), strict=True):
        assert row["cluster_id"] in originals.union(uids)
        assert row["duplicate_of"] == (None if row["cluster_id"] == uid else row["cluster_id"])


@pytest.mark.parametrize("hours", [[0], [0, 1, 40, 71, 73, 110]])
@pytest.mark.parametrize("capacity", [16, 48])
def test_batch_borders_make_no_difference_where_memory_is_crowded(capacity: int, hours: list[int]) -> None:
    """Few slots, and texts about as similar as copies must be: places are often taken, and found by a hair."""
    random = Random(capacity)
    bases = [[random.choice(WORDS) + str(random.randrange(30)) for _ in range(16)] for _ in range(12)]
    made = []
    for seq in range(1, 1501):
        words = [word if random.random() > 0.15 else random.choice(WORDS) for word in random.choice(bases)]
        time = START + timedelta(hours=random.choice(hours))
        post = Post(uid=f"p{seq}", source="s", id="1", text=" ".join(words), received_at=time, created_at=time)
        made.append(records.post_row(seq, post))
    batch = records.to_batch(made)
    one_by_one = answers(cluster(capacity, 0.4), batch, list(range(batch.num_rows)))
    assert answers(cluster(capacity, 0.4), batch, []) == one_by_one
    assert answers(cluster(capacity, 0.4), batch, list(range(0, batch.num_rows, 11))) == one_by_one
