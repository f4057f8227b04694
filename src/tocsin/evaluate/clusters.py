"""How well the near-duplicate enricher finds copies, and how fast: on a scenario, which knows its copies.

Judged are pairs of posts. Two posts belong together if one repeats the other or both repeat the same; they were
found together if both have the same `cluster_id`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterable
from pathlib import Path
from typing import Any

from tocsin.clock import Clock, SystemClock
from tocsin.component import Context
from tocsin.enrichers.cluster import Cluster, Config
from tocsin.model import Post
from tocsin.records import post_row, to_batch
from tocsin.sources import scenario

HELD_SEED = 1001
"""Judges only: the enricher and its defaults were chosen on seeds below 100."""
_NAME = "scenario"
_ROWS = 1000


def run(seed: int = HELD_SEED, hours: float = 24.0, rate: float = 1000.0, clock: Clock | None = None) -> dict[str, Any]:
    """Fold the copies of a scenario, and judge it.

    `pairs` are counts, `precision` and `recall` shares of pairs; `reposts` and `near_copies` are the shares of these
    that got their original's cluster, `independent_folded` the share of posts of their own that were taken for copies.
    """
    config = scenario.Config(seed=seed, duration=hours * 3600.0, rate=rate, bots=4, outages=(), copies=0.15)
    posts = [
        event
        for batch in scenario.generate(config, _NAME)
        for event in batch.events
        if isinstance(event, Post) and event.version == 1
    ]
    same = scenario.copies(config, _NAME)
    clusters, seconds = _fold(posts, clock or SystemClock())
    return {"seed": seed, "posts": len(posts), **_judge(posts, same, clusters)} | {
        "microseconds_per_post": round(seconds / len(posts) * 1e6, 1),
        "characters_per_post": round(sum(len(post.text) for post in posts) / len(posts)),
    }


def _fold(posts: list[Post], clock: Clock) -> tuple[dict[str, str], float]:
    """The cluster of each uid, and the seconds that it took to find them."""
    enricher = Cluster(Config(), Context("cluster", Path(), clock=clock))
    batches = [
        to_batch([post_row(start + offset, post) for offset, post in enumerate(posts[start : start + _ROWS], 1)])
        for start in range(0, len(posts), _ROWS)
    ]
    began = clock.monotonic()
    filled = [enricher.enrich(batch)["cluster_id"] for batch in batches]
    seconds = clock.monotonic() - began
    found = [cluster for column in filled for cluster in column.to_pylist()]
    return dict(zip((post.uid for post in posts), found, strict=True)), seconds


def _judge(posts: list[Post], same: dict[str, str], clusters: dict[str, str]) -> dict[str, Any]:
    uids = [post.uid for post in posts]
    both = _pairs((same[uid], clusters[uid]) for uid in uids)
    true, found = _pairs(same[uid] for uid in uids), _pairs(clusters[uid] for uid in uids)
    reposts = {post.uid for post in posts if any(ref.type == "repost" for ref in post.refs)}
    copied = [uid for uid in uids if same[uid] in clusters and same[uid] != uid]
    own = [uid for uid in uids if same[uid] == uid]
    return {
        "pairs": {"true": true, "found": found, "both": both},
        "precision": _share(both, found),
        "recall": _share(both, true),
        "reposts": _joined([uid for uid in copied if uid in reposts], same, clusters),
        "near_copies": _joined([uid for uid in copied if uid not in reposts], same, clusters),
        "independent_folded": _share(sum(clusters[uid] != uid for uid in own), len(own)),
    }


def _joined(uids: list[str], same: dict[str, str], clusters: dict[str, str]) -> float:
    return _share(sum(clusters[uid] == clusters[same[uid]] for uid in uids), len(uids))


def _pairs(groups: Iterable[Hashable]) -> int:
    return sum(size * (size - 1) // 2 for size in Counter(groups).values())


def _share(part: int, whole: int) -> float:
    return round(part / whole, 4) if whole else 1.0
