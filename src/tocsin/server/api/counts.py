"""`/api/series`: what was counted, in as many points as a chart can show."""

from __future__ import annotations

import msgspec
import numpy as np
import pyarrow as pa
from starlette.requests import Request

from tocsin.search.filters import quoted, stamp
from tocsin.server.api.answers import Panel, Wrong
from tocsin.server.api.asked import DAY, stretch, whole
from tocsin.server.api.heat import band
from tocsin.server.api.steps import POINTS, step_of
from tocsin.server.app import Site

MOST_POINTS = 5000


def series(site: Site, request: Request) -> Panel:
    """The counts of one series of a policy, and what was expected. Raises Wrong.

    `policy`, `series` (its values as a JSON array, like `["acme","outage"]`; by default the first), `start` and `end`
    (ISO 8601, or seconds back like -86400; by default the last day), `points` (at most).
    """
    asked = request.query_params
    policy = _policy(site, asked.get("policy"))
    names = site.state.counted.series(policy)
    name = _series(names, asked.get("series"))
    bucket = site.buckets[policy]
    newest = site.state.counted.last(policy)
    last = int(site.clock.now().timestamp()) if newest is None else newest + bucket
    start, end = stretch(request, last)
    points = whole(request, "points", POINTS, MOST_POINTS)
    step = step_of(end - start, points, bucket)
    start, end = start // step * step, -(-end // step) * step
    times, counts = _sums(site, policy, name, start, end, step)
    starts = pa.array(times, pa.int64()).cast(pa.timestamp("s", tz="UTC"))
    judged = {what: pa.array(one, pa.float64()) for what, one in band(site, policy, name, start, end, step).items()}
    rows = pa.table({"start": starts, "count": pa.array(counts, pa.int64()), **judged})
    sql = (
        f"SELECT start, coalesce(sum(count), 0)::BIGINT AS count\n"
        f"FROM unnest(generate_series({stamp(start)}, {stamp(end - step)}, INTERVAL {step} SECOND)) AS t(start)\n"
        f"LEFT JOIN series ON policy = {quoted(policy)} AND series = {quoted(name)}\n"
        f"  AND bucket >= start AND bucket < start + INTERVAL {step} SECOND\nGROUP BY start ORDER BY start"
    )
    about = {
        "policy": policy,
        "series": msgspec.json.decode(name),
        "bucket_seconds": step,
        "counted_in_seconds": bucket,
    }
    return Panel(rows, sql, about)


def _sums(site: Site, policy: str, name: str, start: int, end: int, step: int) -> tuple[list[int], list[int]]:
    """The start of every bucket and its count, empty ones too."""
    sums = np.zeros((end - start) // step, np.int64)
    for since in range(start, end, 90 * DAY):
        for _, buckets, counts in site.state.counted.stretch(policy, [name], since, min(since + 90 * DAY, end)):
            np.add.at(sums, (buckets - start) // step, counts)
    return list(range(start, end, step)), sums.tolist()


def _policy(site: Site, name: str | None) -> str:
    if name is None and site.buckets:
        return next(iter(site.buckets))
    if name is None or name not in site.buckets:
        raise Wrong(f"there is no such policy; there are {', '.join(site.buckets) or 'none'}", 404)
    return name


def _series(names: list[str], asked: str | None) -> str:
    if not names:
        raise Wrong("nothing has been counted yet", 404)
    if asked is None:
        return names[0]
    try:
        wanted = msgspec.json.encode(msgspec.json.decode(asked, type=list[str])).decode()
    except msgspec.MsgspecError:
        raise Wrong('series is a JSON array of values, like ["acme","outage"]') from None
    if wanted not in names:
        raise Wrong("this policy has no such series", 404)
    return wanted
