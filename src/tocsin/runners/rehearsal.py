"""An alert that is none: what `tocsin alerts test` sends."""

from __future__ import annotations

from datetime import datetime, timedelta

from tocsin.model import Alert, Incident


def rehearsal(now: datetime) -> Alert:
    """An invented incident, with everything that a real one has, that says that it is a test."""
    start = now - timedelta(minutes=10)
    counts = [3, 4, 2, 5, 3, 4, 3, 2, 4, 3, 5, 4, 3, 4, 2, 3, 4, 12, 24, 33]
    first = int(start.timestamp()) // 300 * 300 - 17 * 300
    why = {
        "why": "This is a test. Nothing has happened.",
        "slices": [{"dimension": "rest", "value": "", "where": {}, "share": 100.0, "posts": 42, "lift": None}],
        "phrases": [{"phrase": "a test", "authors": 31, "z": 5.0}],
        "posts": [],
        "voices": {"posts": 42, "authors": 31, "texts": 36, "copies": 6, "busiest_four_share": 0.19},
        "coverage": {"share": 1.0, "gaps": []},
        "chart": {"start": first, "bucket": 300, "counts": counts, "expected": 3.4},
    }
    incident = Incident(
        id="test", policy="test", series={"watch": "test"}, state="open", direction="up", start=start, detected_at=now,
        end=None, observed=42.0, expected=6.5, low=2.0, high=12.0, severity=50, explanation=why, sql="SELECT 1",
        scale=600, headline=f"a test: 42 mentions in 10 min, expected 3 to 11, since {start:%H:%M} UTC", score=1.2,
    )  # fmt: skip
    return Alert(key=f"test.{now:%Y%m%dT%H%M%S}", event="test", incident=incident)
