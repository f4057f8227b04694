"""What a fold gives depends on the rows alone: not on commits, and not on stopping in between."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.helpers.rows import row, table

from tocsin.series import Fold, Look
from tocsin.series.fold import Counting

WATCHES = st.sampled_from([(), ("acme",), ("globex",), ("acme", "globex"), ("globex", "acme")])
CATEGORIES = st.sampled_from([(), ("outage",), ("billing",), ("outage", "billing"), ("billing", "outage")])
POSTS = st.fixed_dictionaries(
    {
        "kind": st.sampled_from(["post"] * 6 + ["erased"]),
        "watches": WATCHES.map(list),
        "categories": CATEGORIES.map(list),
        "version": st.sampled_from([1, 1, 1, 2]),
        "author_id": st.sampled_from(["ann", "bob", None]),
    }
)
GAPS = st.fixed_dictionaries(
    {
        "kind": st.just("gap"),
        "begins": st.sampled_from(["first", "now", "before"]),
        "lasts": st.sampled_from([30.0, 90.0, 500.0]),
        "note": st.sampled_from(["open", "lost"]),
    }
)
OTHERS = st.fixed_dictionaries({"kind": st.sampled_from(["heartbeat", "delete"])})
STEPS = st.tuples(
    st.sampled_from([0.0, 1.0, 20.0, 61.0, 400.0, 400_000.0]),
    st.sampled_from([0.0, 0.0, 0.0, 30.0, 130.0, 1000.0]),
    st.sampled_from(["news", "blogs"]),
    st.one_of(POSTS, POSTS, POSTS, POSTS, POSTS, POSTS, GAPS, OTHERS),
)


def told(steps: list[tuple[float, float, str, dict[str, Any]]]) -> list[dict[str, Any]]:
    """Rows in the order of the queue: mostly forward in time, sometimes late, with gaps, heartbeats and jumps."""
    clock, rows = 0.0, []
    for seq, (on, behind, source, step) in enumerate(steps, 1):
        clock += on
        time = clock - behind
        values = {name: value for name, value in step.items() if name not in {"kind", "begins", "lasts"}}
        if step["kind"] == "gap":
            start = {"first": 0.0, "now": clock, "before": clock - 60}[step["begins"]]
            values["until"] = row(0, start + step["lasts"])["event_time"]
            time = start
        rows.append(row(seq, time, step["kind"], source=source, **values))
    return rows


histories = st.lists(STEPS, min_size=1, max_size=40).map(told)


def played(
    rows: list[dict[str, Any]], cuts: list[int], *, restart: bool, counting: Counting = "posts"
) -> tuple[list[Any], dict[Any, int]]:
    fold = new(counting)
    found, book = [], {}
    for start, end in zip([0, *cuts], [*cuts, len(rows)], strict=True):
        if restart:
            saved, fold = fold.save(), new(counting)
            fold.load(saved)
        for tick in fold.fold(table(rows[start:end])):
            if isinstance(tick, Look):
                found.append((tick.time, tick.seq, tick.counts.tolist(), tick.visible.tolist()))
                continue
            found.append(
                (
                    tick.time,
                    tick.seq,
                    tick.added,
                    tick.parents,
                    tick.groups,
                    tick.counts.tolist(),
                    tick.visible.tolist(),
                )
            )
        for kind, counted in (("in time", fold.counted), ("late", fold.late)):
            for key, count in counted.items():
                book[kind, key] = book.get((kind, key), 0) + count
    return found, book


def new(counting: Counting = "posts") -> Fold:
    return Fold(("watch", "category"), 60, 120, sources={"globex": frozenset({"blogs"})}, counting=counting)


@pytest.mark.parametrize("counting", ["posts", "voices"])
@pytest.mark.parametrize("restart", [False, True])
@given(rows=histories, places=st.lists(st.integers(0, 40), max_size=6))
@settings(deadline=None, max_examples=50)
def test_commits_and_restarts_leave_no_trace(
    restart: bool, counting: Counting, rows: list[dict[str, Any]], places: list[int]
) -> None:
    cuts = sorted(min(place, len(rows)) for place in places)
    whole = played(rows, [], restart=False, counting=counting)
    assert played(rows, cuts, restart=restart, counting=counting) == whole


@given(rows=histories)
@settings(deadline=None, max_examples=60)
def test_every_mention_is_in_time_or_late(rows: list[dict[str, Any]]) -> None:
    _, book = played(rows, [], restart=False)
    mentions = sum(
        len(set(row["watches"])) for row in rows if row["kind"] in ("post", "erased") and row["version"] == 1
    )
    assert sum(count for (_, (key, _)), count in book.items() if len(key) == 1) == mentions
