"""`tocsin bench sources`: the figures are of what they say."""

from __future__ import annotations

from pathlib import Path

from tocsin.bench.sources import run


def test_every_way_is_measured_against_the_source() -> None:
    found = run(events=2000)
    rates = found["per_cpu_second"]
    assert set(rates) == {"jetstream", "x"}
    for name, some in rates.items():
        assert set(some) == {"ours", "received", "json_loads", "msgspec"}
        assert all(rate > 0 for rate in some.values())
        assert set(found["ours_against"][name]) == set(some) - {"ours"}


def test_a_python_for_peers_that_is_not_there_is_said() -> None:
    assert "left out" in run(events=500, peers=Path("nowhere/python"))["peers"]
