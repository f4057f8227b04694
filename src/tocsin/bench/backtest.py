"""What a backtest costs: counts stored in a state database, read, judged, told or not; beside numpy alone."""

from __future__ import annotations

import sqlite3
import tempfile
from contextlib import closing
from pathlib import Path
from time import process_time
from typing import Any

import numpy as np

from tocsin.alerts.lifecycle import Lifecycle
from tocsin.component import Context, Floats, Readings
from tocsin.detectors.volume import Config, Volume
from tocsin.pipeline.policy import Policy, name_of
from tocsin.runners.backtest import Trial, Wish
from tocsin.runners.past import Past, of_state
from tocsin.runners.trials import DAY, tried
from tocsin.series import Fold, Key
from tocsin.state import State

START, BUCKET = 1_767_571_200, 60
WATCHES = 10
PASSES = 50
BURSTS = 3
"""A week, somewhere: an hour of ten times the usual."""


def run(days: int = 30, series: int = 1000, posts: int = 1000, seed: int = 0) -> dict[str, Any]:
    """Seconds of CPU for so many days of so many series in buckets of a minute, `posts` a minute in all.

    Series differ in volume as real ones do: the n-th has a share of 1/n. `read` is the database, `judged` the detector,
    `rest` everything else: births, life of incidents, budget, report. The floor is a pass of numpy over the
    detector's state for each bucket.
    """
    with (
        tempfile.TemporaryDirectory(prefix="tocsin-bench-") as folder,
        closing(State(Path(folder) / "state.db")) as state,
    ):
        with sqlite3.connect(state.path) as db:
            rows = _fill(db, days, series, posts, seed)
        timed = _Timed(Config(bucket=BUCKET))
        policy = Policy("volume", "", "mentions", _fold(), timed, Lifecycle(2))
        begun = process_time()
        past = of_state(state, policy, START)
        report = tried([Trial(policy, past)], Wish(days, "1 per day"), START + days * DAY)
        total = process_time() - begun
        reading, floor = _read(past), _floor(timed, days * DAY // BUCKET)
    return {
        "series": len(past.keys),
        "days": days,
        "stored_counts": rows,
        "seconds": round(total, 2),
        "read": round(reading, 2),
        "judged": round(timed.seconds, 2),
        "rest": round(total - reading - timed.seconds, 2),
        "floor_seconds": round(floor, 2),
        "ratio": round(total / floor, 1),
        "incidents": len(report.incidents),
        "alerts": sum(one.told for one in report.incidents),
    }


class _Timed(Volume):
    """A detector that knows how long it took."""

    seconds = 0.0

    def __init__(self, config: Config) -> None:
        super().__init__(config, Context(name="bench", data_dir=Path()))

    def step(self, time: int, counts: Floats, visible: Any) -> Readings:
        begun = process_time()
        try:
            return super().step(time, counts, visible)
        finally:
            self.seconds += process_time() - begun


def _fold() -> Fold:
    return Fold(dimensions=("watch", "category"), bucket=BUCKET, lateness=120)


def _read(past: Past) -> float:
    """Seconds to read all counts."""
    begun = process_time()
    for _ in past.stretches():
        pass
    return process_time() - begun


def _floor(detector: Volume, ticks: int) -> float:
    """Seconds of so many of the fastest passes over as much memory as the detector's state."""
    memory, passes = np.ones(detector.nbytes // 4, np.float32), []
    for _ in range(PASSES):
        begun = process_time()
        memory += 1
        passes.append(process_time() - begun)
    return min(passes) * ticks


def _fill(db: sqlite3.Connection, days: int, series: int, posts: int, seed: int) -> int:
    """Counts of a watch's categories, and of the watches; how many rows."""
    random, categories = np.random.default_rng(seed), (series - WATCHES) // WATCHES
    ranks = 1 / np.arange(1, WATCHES * categories + 1)
    rates = posts * random.permutation(ranks / ranks.sum()).reshape(WATCHES, categories)
    minutes = days * DAY // BUCKET
    clock = np.arange(minutes)
    rhythm = 1 + 0.5 * np.sin(2 * np.pi * clock * BUCKET / DAY)
    rows = 0
    for watch in range(WATCHES):
        total = np.zeros(minutes, np.int64)
        for category in range(categories):
            usual = rates[watch, category] * rhythm
            for begins in random.integers(0, minutes, days * BURSTS // 7):
                usual[begins : begins + 60] *= 10 if category == 0 else 1
            counts = random.poisson(usual)
            total += counts
            rows += _store(db, (f"brand-{watch}", f"subject-{category}"), counts)
        rows += _store(db, (f"brand-{watch}",), total)
    return rows


def _store(db: sqlite3.Connection, key: Key, counts: Any) -> int:
    some = np.flatnonzero(counts)
    rows = zip((START + some * BUCKET).tolist(), counts[some].tolist(), strict=True)
    db.executemany(f"INSERT INTO counts VALUES ('volume', '{name_of(key)}', ?, ?, 0)", rows)
    return len(some)
