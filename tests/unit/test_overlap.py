"""How many posts two incidents have in common."""

from __future__ import annotations

from pathlib import Path

from tests.helpers.rows import START, row, table
from tests.helpers.world import World

from tocsin.alerts.ringing import Opening
from tocsin.pipeline.overlap import shared


def test_posts_are_counted_in_both_windows_up_to_the_row(tmp_path: Path) -> None:
    rows = [row(n, n * 60, watches=["acme"], categories=["outage"] if n % 2 else []) for n in range(1, 21)]
    rows += [row(n, n * 60, watches=["globex"], categories=["outage"]) for n in range(21, 31)]
    at = int(START.timestamp()) + 3600
    watch, topic = (Opening(name, series, "up", at, 1.0, "", 3600) for name, series in
                    (("a", {"watch": "acme"}), ("b", {"category": "outage"})))  # fmt: skip
    with World(tmp_path) as world:
        world.lake.append(table(rows), "q" * 32, 30)
        assert shared(world.lake, 20, watch, topic) == 1.0
        assert shared(world.lake, 30, watch, topic) == 0.5
        assert shared(world.lake, 30, topic, Opening("c", {"watch": "none"}, "up", at, 1.0, "", 3600)) == 0.0
