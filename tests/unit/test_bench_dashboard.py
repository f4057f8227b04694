from __future__ import annotations

from tocsin.bench import dashboard


def test_a_short_run_measures_everything() -> None:
    figures = dashboard.run(posts=3_000, rounds=2, tabs=2, live_posts=1_500)
    assert {f"{name}_warm_p95_ms" for name in dashboard.PANELS} <= set(figures)
    assert figures["posts"] == 3_000
    assert min(figures["indexed_posts_s"], figures["index_bytes_a_post"], figures["live_alone_posts_s"]) > 0
    assert figures["search_worst_ms"] >= figures["search_p95_ms"] > 0
