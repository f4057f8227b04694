"""What stood beside it: coverage, the day before as a chart, categories that move with it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import numpy as np

from tocsin.alerts.explain.counting import Longs, gain

MOST_BARS = 120
BARS = (60, 300, 600, 900, 1800, 3600)
MOST_MATES = 5
LEAST_GAIN, LEAST_LIFT = 6.0, 1.5


def coverage(gaps: Sequence[Mapping[str, Any]], since: datetime, until: datetime) -> dict[str, Any]:
    """What share of [since, until) was seen by all sources, and when which of them was blind."""
    blind = [(max(gap["event_time"], since), min(gap["until"] or until, until), gap["source"]) for gap in gaps]
    shown = [{"source": name, "start": a.isoformat(), "end": b.isoformat()} for a, b, name in blind if a < b]
    dark, reached = 0.0, since
    for start, end, _ in sorted(blind):
        dark += max((end - max(start, reached)).total_seconds(), 0.0)
        reached = max(reached, end)
    return {"share": round(1 - dark / (until - since).total_seconds(), 4), "gaps": shown}


def chart(times: Longs, since: int, until: int, bucket: int, rate: float) -> dict[str, Any]:
    """Posts in bars from `since` to `until` (Unix seconds): {"start", "bucket", "counts", "expected" (in a bar)}.

    `times` are those of the posts, `rate` what is expected in a second; bars are whole `bucket`s.
    """
    wide = [bar for bar in BARS if bar % bucket == 0 and (until - since) / bar <= MOST_BARS]
    bar = wide[0] if wide else max(3600, bucket)
    first, last = since // bar * bar, -(-until // bar) * bar
    counts = np.bincount((times[(times >= first) & (times < last)] - first) // bar, minlength=(last - first) // bar)
    return {"start": first, "bucket": bar, "counts": counts.tolist(), "expected": round(rate * bar, 2)}


def together(
    now: Mapping[str, int], then: Mapping[str, int], ratio: float, own: str | None, direction: str = "up"
) -> list[dict[str, Any]]:
    """Other categories that rise (or fall) at the same time: {"category", "observed", "usual"}, most remarkable first.

    `now` and `then` are counts by category in the window and before it, `ratio` what is usual of the one for the other.
    """
    names = sorted(name for name in {*now, *then} if name != own)
    counts = np.array([[now.get(name, 0), then.get(name, 0)] for name in names], float).reshape(-1, 2)
    seen, usual = counts[:, 0], ratio * counts[:, 1]
    moved = seen >= LEAST_LIFT * usual if direction == "up" else usual >= LEAST_LIFT * seen
    worth = np.where(moved, gain(seen, counts[:, 1], ratio), 0.0)
    found = sorted((-worth[place], name, place) for place, name in enumerate(names) if worth[place] >= LEAST_GAIN)
    return [
        {"category": name, "observed": int(counts[place, 0]), "usual": round(float(ratio * counts[place, 1]), 1)}
        for _, name, place in found[:MOST_MATES]
    ]
