from __future__ import annotations

from datetime import UTC, datetime

from tocsin.bench.rules import COUNTS, run
from tocsin.clock import ManualClock


class Ticking(ManualClock):
    """One second passes between two looks."""

    def monotonic(self) -> float:
        self.advance(1)
        return super().monotonic()


def test_the_figures_follow_from_the_time_taken() -> None:
    figures = run(posts=100, clock=Ticking(datetime(2026, 1, 1, tzinfo=UTC)))
    assert figures["words_microseconds"] == 10_000
    for count in COUNTS:
        assert figures[f"microseconds_{count}"] == 10_000
        assert figures[f"posts_per_second_{count}"] == 50
    assert figures["naive_ratio"] == 1
    assert figures["matches_per_post"] > 0.5


def test_the_same_seed_makes_the_same_posts_and_rules() -> None:
    assert (
        run(posts=50)["matches_per_post"]
        == run(posts=50)["matches_per_post"]
        != run(posts=50, seed=1)["matches_per_post"]
    )
