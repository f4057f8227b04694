"""What an explanation costs: a million invented posts around an incident, in memory and from a lake; beside it one
sort of as many numbers."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from time import process_time
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa

from tocsin.alerts.explain import COLUMNS, Case, Sides, explain
from tocsin.alerts.lifecycle import Change, Lifecycle
from tocsin.component import Context
from tocsin.detectors import volume
from tocsin.lakes import delta
from tocsin.model import Incident
from tocsin.pipeline import explaining
from tocsin.pipeline.policy import Policy
from tocsin.records import SCHEMA, complete
from tocsin.series import Fold

START = datetime(2026, 3, 2, 8, tzinfo=UTC)
"""When the window begins; the other half of the posts is of the day before it."""
HOUR, DAY = 3600, 86_400
WORDS = 20_000
AUTHORS = 2_000_000
COMMITS = 10


def run(posts: int = 1_000_000, seed: int = 0, folder: Path | None = None) -> dict[str, Any]:
    """Seconds of CPU for the explanation of a window with half of the posts, and for all that opens the incident, which
    is reading both halves from a lake, too; bytes of the incident. `folder` is where the lake is made."""
    random = np.random.default_rng(seed)
    then, now = (_posts(random, posts // 2, *side) for side in ((0, 0.05, -DAY, DAY), (posts // 2, 0.5, 0, HOUR)))
    change = _change(posts)
    sides = [side.select(COLUMNS) for side in (now, then)]
    case = Case(Sides(sides[0], sides[1], change.observed, change.expected), change.high, START, "up", {})
    begun = process_time()
    explain(case)
    seconds = process_time() - begun
    with TemporaryDirectory(prefix="tocsin-bench-", dir=folder) as name:
        lake = _lake(Path(name), pa.concat_tables([then, now]))
        begun = process_time()
        incident = _opened(lake, change)
        opening = process_time() - begun
    begun = process_time()
    np.sort(random.random(posts))
    floor = process_time() - begun
    return {
        "posts": posts,
        "explain seconds": seconds,
        "open seconds": opening,
        "named first": incident.explanation["slices"][0]["value"],
        "incident bytes": len(msgspec.json.encode(incident)),
        "floor seconds": floor,
        "ratio": seconds / floor,
    }


def _change(posts: int) -> Change:
    """A window that should have had a tenth of what it had."""
    at, observed = int(START.timestamp()) + HOUR, posts / 2
    figures = {"observed": observed, "expected": observed / 10, "low": observed / 20, "high": observed / 5}
    return Change("opened", ("acme",), "up", at, at, 0, score=3.0, severity=90, peak=observed, scale=HOUR, **figures)


def _lake(root: Path, rows: pa.Table) -> delta.Delta:
    lake = delta.Delta(delta.Config(), Context("lake", root))
    size = -(-rows.num_rows // COMMITS)
    for begin in range(0, rows.num_rows, size):
        some = rows.slice(begin, size).combine_chunks().to_batches()[0]
        lake.append(complete(some), "bench", begin + some.num_rows)
    return lake


def _opened(lake: delta.Delta, change: Change) -> Incident:
    detector = volume.Volume(volume.Config(), Context("detector", Path()))
    policy = Policy("volume", "", "mentions", Fold(("watch",), 60, 0), detector, Lifecycle(1))
    return explaining.opened(lake, policy, change, lake.last_seq())


def _posts(random: np.random.Generator, many: int, after: int, forum: float, since: int, span: int) -> pa.Table:
    """Posts from `since` on (seconds after START); so large a part of them is from one source."""
    sources = np.where(random.random(many) < forum, 0, random.integers(1, 6, many))
    authors = random.integers(0, AUTHORS // 6, many) * 6 + sources
    words = random.zipf(1.3, (many, 8)) % WORDS
    topics = [f"topic{code}" for code in random.integers(0, 12, many).tolist()]
    names = pa.array([f"user{number}" for number in authors.tolist()])
    seconds = int(START.timestamp()) + since + np.sort(random.random(many)) * span
    copied = random.integers(0, many, many) // 2 + after
    columns = {
        "seq": pa.array(np.arange(1, many + 1) + after),
        "kind": pa.array(["post"] * many),
        "version": pa.array([1] * many, pa.int32()),
        "uid": pa.array([f"news:{number + after}" for number in range(many)]),
        "event_time": pa.array((seconds * 1_000_000).astype(np.int64)).cast(SCHEMA.field("event_time").type),
        "watches": pa.array([["acme"]] * many),
        "source": _some(sources, "source"),
        "language": _some(random.integers(0, 20, many), "l"),
        "country": _some(random.integers(0, 60, many), "c"),
        "sentiment": _some(random.integers(0, 4, many), "mood"),
        "category": pa.array(topics),
        "categories": pa.array([[topic] for topic in topics]),
        "author_id": names,
        "author_handle": names,
        "cluster_id": pa.array([f"news:{number}" for number in copied.tolist()]),
        "is_repost": pa.array(random.random(many) < 0.1),
        "text": pa.array([" ".join(f"w{word}" for word in own) for own in words.tolist()]),
        "url": pa.nulls(many, pa.string()),
        "entities": pa.nulls(many, SCHEMA.field("entities").type),
        "place_name": _some(random.integers(0, 3000, many), "town"),
    }
    return pa.table(columns)


def _some(codes: Any, name: str) -> pa.Array:
    return pa.array([f"{name}{code}" for code in range(int(codes.max()) + 1)]).take(pa.array(codes))
