"""What a tick of the volume detector costs, beside one pass of numpy over as much memory as its state."""

from __future__ import annotations

from time import process_time
from typing import Any

import numpy as np

from tocsin.detectors.volume import Config, Volume
from tocsin.evaluate.judging import DAY, armed

SIZES = (60, 10_000, 100_000)
MINUTE = 60
PASSES = 50


def tick(size: int, *, ticks: int = 48, seed: int = 0) -> dict[str, Any]:
    """Milliseconds of CPU a tick of `size` series."""
    detector = _detector(size)
    took = _ticks(detector, 2 * ticks, seed)[ticks:]
    mean, floor = float(np.mean(took)), _floor(detector)
    return {
        "series": size,
        "tick_ms": round(mean, 3),
        "worst_tick_ms": round(max(took), 3),
        "floor_ms": round(floor, 3),
        "ratio": round(mean / floor, 2),
        "bytes_per_series": detector.nbytes // size,
    }


def backtest(*, series: int = 1000, days: int = 30, seed: int = 0) -> dict[str, Any]:
    """Seconds of CPU to judge so many days of buckets of a minute; the floor is as many passes."""
    detector, ticks = _detector(series), days * DAY // MINUTE
    seconds = sum(_ticks(detector, ticks, seed)) / 1000
    floor = _floor(detector) * ticks / 1000
    return {
        "series": series,
        "days": days,
        "seconds": round(seconds, 2),
        "floor_seconds": round(floor, 2),
        "ratio": round(seconds / floor, 2),
    }


def _detector(size: int) -> Volume:
    return armed(Config(bucket=MINUTE), size, parents=[-1] + [0] * (size - 1))


def _ticks(detector: Volume, number: int, seed: int) -> list[float]:
    """Milliseconds of each of so many ticks."""
    size = detector.members.parent.size
    counts = np.random.default_rng(seed).poisson(1.0, (8, size)).astype(np.float32)
    visible, took = np.ones(size, np.bool_), []
    for tick in range(number):
        begun = process_time()
        detector.step(tick * MINUTE, counts[tick % 8], visible)
        took.append(1000 * (process_time() - begun))
    return took


def _floor(detector: Volume) -> float:
    """Milliseconds of the fastest pass."""
    memory, passes = np.ones(detector.nbytes // 4, np.float32), []
    for _ in range(PASSES):
        begun = process_time()
        memory += 1
        passes.append(1000 * (process_time() - begun))
    return min(passes)
