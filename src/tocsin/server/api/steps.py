"""How long the buckets of a chart are."""

from __future__ import annotations

DAY = 86_400
POINTS = 400
"""As many as a chart can show."""
STEPS = (60, 120, 300, 600, 900, 1800, 3600, 7200, 10_800, 21_600, 43_200, DAY, 2 * DAY, 7 * DAY)
"""Seconds of the buckets that a chart may have: those that people know."""


def step_of(length: int, points: int, bucket: int) -> int:
    """Seconds of a bucket: the shortest that people know, is a whole number of those that are counted, and gives no
    more points than wanted.

    >>> step_of(86_400, 400, 60), step_of(30 * 86_400, 400, 60), step_of(3600, 400, 300)
    (300, 7200, 300)
    """
    known = [step for step in STEPS if step >= bucket and step % bucket == 0] or [bucket]
    return next((step for step in known if length <= step * points), -(-length // (points * bucket)) * bucket)
