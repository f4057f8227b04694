"""Measures the volume detector: what it finds, how often it is wrong, what a tick costs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from statistics import median
from time import process_time
from typing import Any

import numpy as np

from tocsin.component import Context
from tocsin.detectors.volume import Config, Volume
from tocsin.evaluate import injection, nab
from tocsin.evaluate.judging import episodes

SIZES = (60, 10_000, 100_000)
SCORES = (0.5, 0.75, 1.0, 1.5, 2.0, 3.0)
SIX_HOURS = 6 * 3600


def run(
    data: Path | None = None,
    *,
    sensitivity: Path | str = "balanced",
    held: bool = False,
    series: int = SIZES[-1],
    seed: int = 0,
) -> dict[str, Any]:
    """All measurements as one JSON-able dict. `data` is the benchmark's folder (with `realTweets/`); without it the
    parts that need it are left out. `held` also reads the tickers that were kept for judging. Speed is measured up
    to this many `series`.

    Quality is at buckets of 5 minutes, speed at buckets of one minute.
    """
    config = Config.model_validate({"bucket": 300, "sensitivity": str(sensitivity)})
    found: dict[str, Any] = {"sensitivity": config.sensitivity, "seed": seed}
    if data is not None:
        files = nab.load(data, nab.DEVELOPMENT)
        found["nab_development"] = _tweets(files, config, data)
        if held:
            found["nab_held"] = _tweets(nab.load(data, nab.HELD), config, data)
        found["injection"] = [asdict(power) for power in injection.tickers(files, config, seed=seed)]
    found["silence"] = injection.synthetic_silence(config, seed=seed)
    found["power"] = [asdict(power) for power in injection.synthetic_power(config, seed=seed)]
    found["speed"] = [speed(size, seed=seed) for size in SIZES if size <= series]
    return found


def _tweets(files: Sequence[nab.File], config: Config, data: Path) -> dict[str, Any]:
    """Score of each profile of the benchmark, windows, false alarms, delay, and how rare each score is."""
    rows, judged = nab.detections(files, config)
    scores = {name: nab.score(files, rows, profile) for name, profile in nab.profiles(data).items()}
    standard = scores["standard"]
    weeks = judged.score.size * config.bucket / nab.WEEK
    apart = SIX_HOURS // int(config.bucket)
    return {
        "files": [file.name for file in files],
        "scores": {name: round(of.score, 1) for name, of in scores.items()},
        "windows_found": standard.found,
        "windows": standard.windows,
        "false_alarms_per_week": round(standard.false_alarms_per_week, 2),
        "median_delay_minutes": round(median(standard.delays) / 60, 1) if standard.delays else None,
        "falls": int(judged.fall.sum()),
        "episodes_per_week": {str(score): round(episodes(judged.score >= score, apart) / weeks, 2) for score in SCORES},
    }


def speed(size: int, *, ticks: int = 48, seed: int = 0) -> dict[str, Any]:
    """Milliseconds of CPU a tick of `size` series; the floor is one pass of numpy over as much memory as the state."""
    detector = Volume(Config(), Context(name="bench", data_dir=Path()))
    detector.add([-1] + [0] * (size - 1), [0] * size)
    counts = np.random.default_rng(seed).poisson(1.0, (8, size)).astype(np.float32)
    visible = np.ones(size, np.bool_)
    took = []
    for number in range(2 * ticks):
        begun = process_time()
        detector.step(number * 60, counts[number % 8], visible)
        took.append(1000 * (process_time() - begun))
    memory = np.ones(detector.nbytes // 4, np.float32)
    passes = []
    for _ in range(5):
        begun = process_time()
        memory += 1
        passes.append(1000 * (process_time() - begun))
    mean, floor = float(np.mean(took[ticks:])), min(passes)
    return {
        "series": size,
        "tick_ms": round(mean, 3),
        "worst_tick_ms": round(max(took[ticks:]), 3),
        "floor_ms": round(floor, 3),
        "ratio": round(mean / floor, 2),
        "bytes_per_series": detector.nbytes // size,
    }
