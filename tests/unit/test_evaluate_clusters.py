"""The figures about the near-duplicate enricher: they are good, and they would show it if they were not."""

from __future__ import annotations

import pytest

from tocsin.clock import ManualClock
from tocsin.evaluate import clusters


def test_copies_are_found_and_little_else() -> None:
    found = clusters.run(seed=6, hours=6, rate=300)
    assert found["posts"] > 1500
    assert found["precision"] > 0.97
    assert found["recall"] > 0.95
    assert found["reposts"] == 1
    assert found["near_copies"] > 0.97
    assert found["independent_folded"] < 0.02
    assert found["microseconds_per_post"] > 0


def test_the_time_is_the_clocks() -> None:
    class Slow(ManualClock):
        def monotonic(self) -> float:
            self.advance(3.0)
            return super().monotonic()

    found = clusters.run(seed=6, hours=1, rate=100, clock=Slow(clusters.scenario.Config().start))
    assert found["microseconds_per_post"] == pytest.approx(3e6 / found["posts"], rel=0.01)


def test_pairs_are_judged_by_what_repeats_what() -> None:
    posts = [
        event
        for batch in clusters.scenario.generate(clusters.scenario.Config(duration=7200, rate=30, outages=()))
        for event in batch.events
        if isinstance(event, clusters.Post)
    ][:4]
    a, b, c, d = (post.uid for post in posts)
    same = {a: a, b: a, c: a, d: d}
    judged = clusters._judge(posts, same, {a: a, b: a, c: c, d: a})
    assert judged["pairs"] == {"true": 3, "found": 3, "both": 1}
    assert judged["precision"] == judged["recall"] == pytest.approx(1 / 3, abs=1e-4)
    assert judged["independent_folded"] == 0.5
