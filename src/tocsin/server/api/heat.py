"""`/api/heat` and the band of `/api/series`: how unusual every stretch of every series was."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt
import pyarrow as pa
from starlette.requests import Request

from tocsin.bands import rescaled
from tocsin.search.filters import quoted, stamp
from tocsin.server.api.answers import Panel, Wrong
from tocsin.server.api.asked import horizon, stretch, whole
from tocsin.server.api.steps import step_of
from tocsin.server.app import Site
from tocsin.server.judged import Cells, Course

CELLS, MOST = 96, 1000
SERIES = 24
TIME = pa.timestamp("s", tz="UTC")
Floats = npt.NDArray[np.float32]


def heat(site: Site, request: Request) -> Panel:
    """Of each series of a policy over time: the highest score (1 would alert; negative for a fall) and the count of
    every cell. Those that stood out most, first. Raises Wrong.

    A cell whose `score` is null was not judged: the source was blind, or nothing is known of that time. One that is not
    over has no `count` either.
    """
    policy, course = course_of(site, request)
    since, until = stretch(request, horizon(site))
    step = step_of(until - since, whole(request, "points", CELLS, MOST), course.bucket)
    since, until = since // step * step, -(-until // step) * step
    wanted = request.query_params.getlist("watch")
    places = [
        place for place, key in enumerate(course.keys) if len(key) > 1 and (not wanted or set(wanted) & set(key))
    ] or list(range(len(course.keys)))
    cells = course.cells(places, since, until, step)
    score, counts = _worst(cells, step), _sums(cells, step)
    order = np.argsort(-np.nan_to_num(np.abs(score)).max(axis=1, initial=0), kind="stable")
    order = order[: whole(request, "limit", SERIES, 200)]
    rows = [
        {
            "series": list(course.keys[places[place]]),
            "start": since + number * step,
            "score": None if np.isnan(score[place, number]) else round(float(score[place, number]), 3),
            "count": None if np.isnan(counts[place, number]) else int(counts[place, number]),
        }
        for place in order.tolist()
        for number in range(score.shape[1])
    ]
    names = ", ".join(quoted(course.names[places[place]]) for place in order.tolist())
    sql = (
        "-- The scores are the detector's; these are the counts.\n"
        f"SELECT series, time_bucket(INTERVAL {step} SECOND, bucket, TIMESTAMPTZ '1970-01-01 00:00:00+00') AS start,\n"
        f"  sum(count)::BIGINT AS count\nFROM series WHERE policy = {quoted(policy)}\n"
        f"  AND series IN ({names or 'NULL'})\n  AND bucket >= {stamp(since)} AND bucket < {stamp(until)}\n"
        "GROUP BY ALL ORDER BY ALL"
    )
    schema = pa.schema(
        [("series", pa.list_(pa.string())), ("start", TIME), ("score", pa.float64()), ("count", pa.int64())]
    )
    return Panel(pa.Table.from_pylist(rows, schema), sql, {"policy": policy, "bucket_seconds": step})


def course_of(site: Site, request: Request) -> tuple[str, Course]:
    """The policy that is asked for, the first by default, and its series. Raises Wrong."""
    policy = request.query_params.get("policy") or next(iter(site.buckets), "")
    if policy not in site.buckets:
        raise Wrong(f"there is no such policy; there are {', '.join(site.buckets) or 'none'}", 404)
    course = None if site.judged is None else site.judged.course(policy)
    if course is None:
        raise Wrong("what is usual is being learned from the past: ask again in a few seconds", 503)
    return policy, course


def _grouped(values: Floats, step: int, seconds: int) -> Floats:
    """(series, cells) as (series, buckets, cells in a bucket)."""
    many = step // seconds
    whole_cells = values.shape[1] // many * many
    return values[:, :whole_cells].reshape(values.shape[0], whole_cells // many, many)


def _worst(cells: Cells, step: int) -> Floats:
    """The score that is furthest out in each bucket; NaN where none is known."""
    grouped = _grouped(cells.score, step, cells.seconds)
    size = np.where(np.isnan(grouped), -1, np.abs(grouped))
    best: Floats = np.take_along_axis(grouped, size.argmax(axis=2)[..., None], axis=2)[..., 0]
    return best


def _sums(cells: Cells, step: int) -> Floats:
    grouped = _grouped(cells.counts, step, cells.seconds)
    total: Floats = np.where(np.isnan(grouped).all(axis=2), np.nan, np.nansum(grouped, axis=2))
    return total


def band(site: Site, policy: str, name: str, start: int, end: int, step: int) -> dict[str, list[float | None]]:
    """Expected, low, high and score of each bucket of a series; null where nothing is known."""
    course = None if site.judged is None else site.judged.course(policy)
    key, many = tuple(msgspec.json.decode(name, type=list[str])), (end - start) // step
    if course is None or key not in course.keys:
        return {what: [None] * many for what in ("expected", "low", "high", "score")}
    cells = course.cells([course.keys.index(key)], start, end, step)
    first = (start + np.arange(many) * step - cells.start) // cells.seconds
    last = (start + (np.arange(many) + 1) * step - 1 - cells.start) // cells.seconds
    parts = [slice(a, b + 1) for a, b in zip(first.tolist(), last.tolist(), strict=True)]
    bands = rescaled(cells.band[:, 0], step / cells.window)
    found = {
        what: [_of(bands[row, part], np.mean) for part in parts] for row, what in enumerate(("expected", "low", "high"))
    }
    return found | {"score": [_of(cells.score[0, part], _furthest) for part in parts]}


def _of(values: Floats, reduce: Callable[[Floats], Any]) -> float | None:
    known = values[~np.isnan(values)]
    return round(float(reduce(known)), 3) if known.size else None


def _furthest(scores: Floats) -> float:
    return float(scores[np.abs(scores).argmax()])
