"""`/api/series`: what was counted, in as many points as a chart can show."""

from __future__ import annotations

from datetime import UTC, datetime

import msgspec
import numpy as np
import pyarrow as pa
from starlette.requests import Request

from tocsin.server.api.answers import Panel, Wrong
from tocsin.server.app import Site

POINTS, MOST_POINTS = 400, 5000
DAY = 86_400
STEPS = (60, 120, 300, 600, 900, 1800, 3600, 7200, 10_800, 21_600, 43_200, DAY, 2 * DAY, 7 * DAY)
"""Seconds of the buckets that a chart may have: those that people know."""
LONGEST = 3650 * DAY


def series(site: Site, request: Request) -> Panel:
    """The counts of one series of a policy. Raises Wrong.

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
    end = _moment(asked.get("end"), last, last)
    start = _moment(asked.get("start"), last, end - DAY)
    if not 0 < end - start <= LONGEST:
        raise Wrong("start must be before end, by ten years at most")
    points = _whole(asked.get("points"), POINTS)
    step = step_of(end - start, points, bucket)
    start, end = start // step * step, -(-end // step) * step
    times, counts = _sums(site, policy, name, start, end, step)
    starts = pa.array(times, pa.int64()).cast(pa.timestamp("s", tz="UTC"))
    rows = pa.table({"start": starts, "count": pa.array(counts, pa.int64())})
    sql = (
        f"SELECT start, coalesce(sum(count), 0)::BIGINT AS count\n"
        f"FROM unnest(generate_series({_stamp(start)}, {_stamp(end - step)}, INTERVAL {step} SECOND)) AS t(start)\n"
        f"LEFT JOIN series ON policy = {_quoted(policy)} AND series = {_quoted(name)}\n"
        f"  AND bucket >= start AND bucket < start + INTERVAL {step} SECOND\nGROUP BY start ORDER BY start"
    )
    about = {
        "policy": policy,
        "series": msgspec.json.decode(name),
        "bucket_seconds": step,
        "counted_in_seconds": bucket,
    }
    return Panel(rows, sql, about)


def step_of(length: int, points: int, bucket: int) -> int:
    """Seconds of a bucket: the shortest that people know, is a whole number of those that are counted, and gives no
    more points than wanted.

    >>> step_of(86_400, 400, 60), step_of(30 * 86_400, 400, 60), step_of(3600, 400, 300)
    (300, 7200, 300)
    """
    known = [step for step in STEPS if step >= bucket and step % bucket == 0] or [bucket]
    return next((step for step in known if length <= step * points), -(-length // (points * bucket)) * bucket)


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


def _moment(text: str | None, newest: int, default: int) -> int:
    """Unix seconds of a time in ISO 8601, or of so many seconds before the newest."""
    if text is None:
        return default
    if text.lstrip("-").isdigit():
        return newest + int(text[:12])
    try:
        moment = datetime.fromisoformat(text)
        return int((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp())
    except (ValueError, OverflowError):
        raise Wrong("start and end are times like 2026-03-01T12:00Z, or seconds back like -86400") from None


def _whole(text: str | None, default: int) -> int:
    if text is None:
        return default
    if not text.isascii() or not text.isdigit() or not 1 <= int(text[:9]) <= MOST_POINTS:
        raise Wrong(f"points is a number from 1 to {MOST_POINTS}")
    return int(text)


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _stamp(second: int) -> str:
    return f"TIMESTAMPTZ '{datetime.fromtimestamp(second, UTC):%Y-%m-%d %H:%M:%S}+00'"
