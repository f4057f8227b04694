"""How Tocsin itself is: what sources bring, what waits where, who runs, how much room there is."""

from __future__ import annotations

import os
import shutil
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from starlette.requests import Request

from tocsin import __version__
from tocsin.component import Queue
from tocsin.runners.locks import LOOPS
from tocsin.server.api.answers import Panel, Wrong
from tocsin.server.api.asked import horizon
from tocsin.server.app import Site

HOURS = 24 * 7
COVERAGE = """SELECT source, stream, start, arrived, expected, seen, state FROM coverage
WHERE start >= (SELECT max(start) FROM coverage) - INTERVAL 7 DAY
ORDER BY source, stream, start"""


def coverage(site: Site, _: Request) -> Panel:
    """Of every stream, each hour of the last week: what arrived, what was expected, and what share was seen."""
    columns = ["source", "stream", "start", "arrived", "expected", "seen", "state"]
    table = site.state.coverage().select(columns)
    if table.num_rows:
        newest = pc.max(table.column("start"))
        since = pc.subtract(newest, pa.scalar(HOURS * 3600, pa.duration("s")))
        table = table.filter(pc.greater_equal(table.column("start"), since))
    order = [("source", "ascending"), ("stream", "ascending"), ("start", "ascending")]
    return Panel(table.sort_by(order), COVERAGE)


def about(site: Site) -> dict[str, Any]:
    """What the pages need to know before they ask: names, policies, the present."""
    found: dict[str, Any] = {
        "version": __version__,
        "now": datetime.fromtimestamp(horizon(site), UTC),
        "clock": site.clock.now(),
        "policies": [{"name": name, "bucket_seconds": bucket} for name, bucket in site.buckets.items()],
        "watches": [], "categories": [], "sources": [], "destinations": [],
    }  # fmt: skip
    if site.assembly is None:
        return found
    config = site.assembly.config
    found["policies"] = [
        {
            "name": one.name, "bucket_seconds": int(one.bucket), "measure": one.measure, "by": list(one.by),
            "sensitivity": one.sensitivity, "budget": one.budget,
        }
        for one in config.alerts.policies
    ]  # fmt: skip
    found["budget"] = config.alerts.budget
    found["watches"] = [{"name": one.name, "match": one.match} for one in config.watches]
    found["categories"] = [{"name": one.name, "description": one.description} for one in config.categories]
    found["sources"] = [{"name": name, "type": part.type} for name, part in config.sources.items()]
    found["destinations"] = [{"name": part.name, "type": part.type} for part in config.alerts.destinations]
    return found


def system(site: Site) -> dict[str, Any]:
    """Queue, lake, index, outbox, disk, and which loops run. Raises Wrong."""
    if site.assembly is None or site.lake is None:
        raise Wrong("nothing is known of the machine here", 404)
    folder = site.assembly.data_dir
    room = shutil.disk_usage(folder)
    with closing(site.assembly.queue()) as queue:
        waiting = _waiting(queue, site.lake.last_seq())
    place = None if site.index is None else site.index().place
    return {
        "version": __version__,
        "queue": waiting,
        "lake": {"rows": site.lake.last_seq(), "version": site.lake.version()},
        "index": None if place is None else {"rows": place.seq, "behind": max(site.lake.last_seq() - place.seq, 0)},
        "detect": _detect(site),
        "outbox": [
            {
                "destination": name, "waiting": one.number, "held": one.held,
                "since": datetime.fromtimestamp(one.since, UTC), "fault": one.fault,
            }
            for name, one in site.state.waiting().items()
        ],
        "dead": sum(row["state"] == "dead" for row in site.state.outbox()),
        "disk": {"free": room.free, "total": room.total},
        "loops": {loop: _runs(folder, loop) for loop in LOOPS},
        "pages": 0 if site.events is None else site.events.pages,
    }  # fmt: skip


def _waiting(queue: Queue, last: int) -> dict[str, int]:
    return {"waiting": max(queue.end() - last, 0), "dead": sum(1 for _ in queue.dead_letters())}


def _detect(site: Site) -> dict[str, int]:
    assert site.lake is not None
    position = site.state.position(site.lake.table_id)
    rows = 0 if position is None else position.seq
    return {"rows": rows, "behind": max(site.lake.last_seq() - rows, 0)}


def _runs(folder: Path, loop: str) -> bool:
    """Whether the process that last held the lock of a loop still runs. The lock itself is not touched: that could make
    a run fail that begins at this moment."""
    try:
        holder = int((folder / "locks" / f"{loop}.lock").read_text())
        os.kill(holder, 0)
    except (OSError, ValueError) as error:
        return isinstance(error, PermissionError)
    return True
