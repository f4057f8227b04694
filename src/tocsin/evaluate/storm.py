"""A real storm in thin human categories: posts to six US airlines, 17 to 24 February 2015.

Sixty series: five airlines and all of them, in total and by nine topics. Many flights were cancelled from the 21st on.
American Airlines is left out, since its posts were collected only from the 22nd on.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt

from tocsin.detectors.volume import Config
from tocsin.errors import ConfigError
from tocsin.evaluate.judging import judge

ZONE = "America/Los_Angeles"
STORM = datetime(2015, 2, 21, tzinfo=ZoneInfo(ZONE))
EVERYONE = "all"
AIRLINES = ("United", "US Airways", "Southwest", "Delta", "Virgin America")
TOPICS = {name: (name,) for name in ("cancel", "delay", "book", "refund", "wifi", "seat", "gate")} | {
    "phone": ("hold", "phone"),
    "luggage": ("luggage", "bag"),
}
BUCKET = 300


@dataclass(frozen=True)
class Series:
    """Counts (bucket, series) from `start` (Unix seconds); the number of each one's parent, or -1."""

    names: tuple[str, ...]
    parents: tuple[int, ...]
    start: int
    counts: npt.NDArray[np.float64]


def run(posts: Path, sensitivity: Path | str = "balanced") -> dict[str, Any]:
    """When cancellations are first seen, how many alerts there are in eight days, and before the storm.

    `posts` is the CSV file of the airline posts. Raises ConfigError if it is not there.
    """
    series = load(posts)
    config = Config.model_validate({"bucket": BUCKET, "sensitivity": str(sensitivity), "zone": ZONE})
    judged = judge(series.counts, config, start=series.start, parents=series.parents)
    alerts = judged.rise | judged.fall
    before = int((STORM.timestamp() - series.start) // BUCKET)

    def first(name: str) -> str | None:
        seen = np.flatnonzero(judged.rise[before:, series.names.index(name)])
        ended = series.start + (before + int(seen[0]) + 1) * BUCKET if seen.size else None
        return None if ended is None else datetime.fromtimestamp(ended, STORM.tzinfo).isoformat(timespec="minutes")

    return {
        "series": len(series.names),
        "first_seen": {topic: first(f"{EVERYONE}/{topic}") for topic in ("cancel", "phone", "luggage", "delay")},
        "alerts": int(alerts.sum()),
        "alerts_before": int(alerts[:before].sum()),
        "series_that_alert": int(alerts.any(axis=0).sum()),
    }


def load(posts: Path) -> Series:
    """The sixty series. Raises ConfigError if the file is not there."""
    if not posts.exists():
        raise ConfigError(f"{posts} is missing", hint="give the CSV file of the airline posts")
    names: list[str] = []
    parents: list[int] = []
    for total in (EVERYONE, *AIRLINES):
        parents += [-1 if total == EVERYONE else 0] + [len(names)] * len(TOPICS)
        names += [total, *(f"{total}/{topic}" for topic in TOPICS)]
    with posts.open(encoding="utf-8", newline="") as lines:
        rows = {row["tweet_id"]: row for row in csv.DictReader(lines)}
    cells = [(at, names.index(name)) for row in rows.values() for at, name in _cells(row)]
    first, last = min(cells)[0], max(cells)[0]
    counts = np.zeros((last - first + 1, len(names)))
    for at, number in cells:
        counts[at - first, number] += 1
    return Series(tuple(names), tuple(parents), first * BUCKET, counts)


def _cells(row: Mapping[str, str]) -> Iterator[tuple[int, str]]:
    """The bucket of a post with each series that it counts in."""
    if row["airline"] not in AIRLINES:
        return
    at = int(datetime.strptime(row["tweet_created"], "%Y-%m-%d %H:%M:%S %z").timestamp()) // BUCKET
    text = row["text"].lower()
    about = [topic for topic, words in TOPICS.items() if any(word in text for word in words)]
    for total in (EVERYONE, row["airline"]):
        yield at, total
        yield from ((at, f"{total}/{topic}") for topic in about)
