"""R15: the same posts give the same alerts, to the byte, and the same lake, however they come in and wherever."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.helpers.faults import by_length, last_json, python, record

SIZES = by_length([7, 10_000], [1, 7, 100, 10_000], [1, 2, 7, 50, 100, 500, 1000, 10_000])
pytestmark = pytest.mark.timeout(by_length(300, 900, 1_800))


def test_the_same_posts_give_the_same_alerts_to_the_byte(tmp_path: Path) -> None:
    found = []
    for seed, size in enumerate(SIZES):
        folder = tmp_path / str(size)
        folder.mkdir()
        environ = {"PYTHONHASHSEED": str(seed), "TZ": "Asia/Tokyo" if seed % 2 else "UTC"}
        found.append(last_json(python("-m", "tests.fault.replay_child", folder, size, environ=environ)))
    same = all(one == found[0] for one in found)
    figure = f"{len(found)} runs in batches of {SIZES[0]} to {SIZES[-1]}: {len(found[0]['alerts'])} alerts"
    record("R15", f"{figure}, {'the same bytes' if same else 'others'}", "the same bytes", same)
    assert found[0]["alerts"]
    assert found[0]["told"]
    for one in found[1:]:
        assert one == found[0]
