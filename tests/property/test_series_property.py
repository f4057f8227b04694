"""What a fold gives depends on the rows alone: not on commits, and not on stopping in between."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.helpers.rows import row, table

from tocsin.series import Fold


@st.composite
def histories(draw: st.DrawFn) -> list[dict[str, Any]]:
    """Rows in the order of the queue: mostly forward in time, sometimes late, with gaps, heartbeats and jumps."""
    clock, rows = 0.0, []
    for seq in range(1, draw(st.integers(1, 40)) + 1):
        clock += draw(st.sampled_from([0.0, 1.0, 20.0, 61.0, 400.0, 400_000.0]))
        back = draw(st.sampled_from([0.0, 0.0, 0.0, 30.0, 130.0, 1000.0]))
        kind = draw(st.sampled_from(["post"] * 6 + ["heartbeat", "gap", "delete", "erased"]))
        values: dict[str, Any] = {"source": draw(st.sampled_from(["news", "blogs"]))}
        if kind in ("post", "erased"):
            values |= {
                "watches": draw(st.lists(st.sampled_from(["acme", "globex"]), max_size=2, unique=True)),
                "categories": draw(st.lists(st.sampled_from(["outage", "billing"]), max_size=2, unique=True)),
                "version": draw(st.sampled_from([1, 1, 1, 2])),
            }
        elif kind == "gap":
            start = draw(st.sampled_from([0.0, clock, clock - 60]))
            values |= {
                "until": row(0, start + draw(st.sampled_from([30.0, 90.0, 500.0])))["event_time"],
                "note": draw(st.sampled_from(["open", "lost"])),
            }
            back = clock - start
        rows.append(row(seq, clock - back, kind, **values))
    return rows


def played(rows: list[dict[str, Any]], cuts: list[int], *, restart: bool) -> tuple[list[Any], dict[Any, int]]:
    fold = new()
    found, book = [], {}
    for start, end in zip([0, *cuts], [*cuts, len(rows)], strict=True):
        if restart:
            saved, fold = fold.save(), new()
            fold.load(saved)
        for tick in fold.fold(table(rows[start:end])):
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


def new() -> Fold:
    return Fold(("watch", "category"), 60, 120, sources={"globex": frozenset({"blogs"})})


@pytest.mark.parametrize("restart", [False, True])
@given(rows=histories(), data=st.data())
@settings(deadline=None, max_examples=60)
def test_commits_and_restarts_leave_no_trace(restart: bool, rows: list[dict[str, Any]], data: st.DataObject) -> None:
    cuts = sorted(data.draw(st.lists(st.integers(0, len(rows)), max_size=6)))
    assert played(rows, cuts, restart=restart) == played(rows, [], restart=False)


@given(rows=histories())
@settings(deadline=None, max_examples=60)
def test_every_mention_is_in_time_or_late(rows: list[dict[str, Any]]) -> None:
    _, book = played(rows, [], restart=False)
    mentions = sum(
        len(set(row["watches"])) for row in rows if row["kind"] in ("post", "erased") and row["version"] == 1
    )
    assert sum(count for (_, (key, _)), count in book.items() if len(key) == 1) == mentions
