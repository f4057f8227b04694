"""How many posts two incidents have in common, counted in the lake."""

from __future__ import annotations

from datetime import UTC, datetime

import pyarrow.compute as pc

from tocsin.alerts import membership
from tocsin.alerts.ringing import Opening
from tocsin.component import History
from tocsin.series import COLUMNS


def shared(lake: History, seq: int, one: Opening, other: Opening) -> float:
    """The share of the posts of the smaller one that are posts of the other too, as row `seq` of the lake shows it."""
    since, until = min(one.at - one.window, other.at - other.window), max(one.at, other.at)
    columns = {"kind", *(COLUMNS[dimension] for series in (one.series, other.series) for dimension in series)}
    counts = [0, 0, 0]
    for batch in lake.rows(
        sorted(columns),
        upto_seq=seq,
        since=datetime.fromtimestamp(since, UTC),
        until=datetime.fromtimestamp(until, UTC),
    ):
        posts = batch.filter(pc.equal(batch.column("kind"), "post"))
        first, second = (membership.members(posts, incident.series) for incident in (one, other))
        for place, mask in enumerate((first, second, pc.and_(first, second))):
            counts[place] += pc.sum(mask).as_py() or 0
    return counts[2] / max(min(counts[0], counts[1]), 1)
