"""Figures in words: lengths of time, bands, how rare, parts of an excess."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from tocsin.severity import once_in

DAY = 86_400


def span(seconds: int) -> str:
    """A length of time in words.

    >>> span(900), span(10800)
    ('15 min', '3 h')
    """
    minutes = max(round(seconds / 60), 1)
    return f"{minutes // 60} h" if minutes % 60 == 0 else f"{minutes} min"


def lasting(seconds: float) -> str:
    """How long something lasted: minutes up to three hours, then hours, then days.

    >>> lasting(1500), lasting(99_900), lasting(400_000)
    ('25 min', '28 h', '4.6 days')
    """
    if seconds < 3 * 3600:
        return f"{max(round(seconds / 60), 1)} min"
    return f"{round(seconds / 3600)} h" if seconds < 2 * DAY else f"{seconds / DAY:.1f} days"


def usual(low: float, high: float) -> tuple[int, int]:
    """The least and the most mentions that do not ring, where `low` or fewer and `high` or more do.

    >>> usual(2.4, 17.5), usual(0.0, 10.0)
    ((3, 17), (0, 9))
    """
    return math.floor(low) + 1 if low > 0 else 0, max(math.ceil(high) - 1, 0)


def rarity(score: float) -> str:
    """How often a lively series gets so high.

    >>> rarity(1.0), rarity(3.0)
    ('about once in 8 days', 'about once in 3 months')
    """
    days = once_in(score) / DAY
    for unit, length in (("year", 365.0), ("month", 30.4), ("day", 1.0)):
        if days >= 1.5 * length or unit == "day":
            number = max(round(days / length), 1)
            return f"about once in {number} {unit}s" if number > 1 else f"about once a {unit}"
    raise AssertionError


def lifted(lift: float | None) -> str:
    """How much more a slice has than usual.

    >>> lifted(3.14), lifted(810.3), lifted(None)
    ('3.1 times its usual share', 'over 100 times its usual share', 'new')
    """
    if lift is None:
        return "new"
    return f"{round(lift, 1):g} times its usual share" if lift <= 100 else "over 100 times its usual share"


def described(cause: Mapping[str, Any]) -> str:
    """A slice in words.

    >>> described({"dimension": "source+country", "value": "news + DE", "where": {"source": "news", "country": "DE"}})
    'source news, country DE'
    """
    if cause["dimension"] == "author_handle":
        return f"the account @{cause['value']}"
    if cause["dimension"] == "cluster_id":
        return "one text and its copies"
    where = cause.get("where") or {cause["dimension"]: cause["value"]}
    return ", ".join(f"{name} {value}" for name, value in where.items())
