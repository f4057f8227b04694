"""The score of the Numenta Anomaly Benchmark, from its published description, and its files of mention counts.

A file has windows around its labelled anomalies. With y the position of a detection relative to a window (-1 at its
left edge, 0 at its right edge, beyond that in window lengths) it is worth sigma(y) = 2/(1 + exp(5 y)) - 1. The first
detection in a window earns sigma over its highest value; a window without one costs the profile's weight of a miss;
each detection outside costs the weight of a false alarm times -sigma after the last window, at most (and before the
first window always) the whole weight. The first 15 % of a file, at most 750 rows, do not count. The sum is scaled so
that no detections at all are 0 and the best possible ones 100.
Source: Lavin and Ahmad, "Evaluating real-time anomaly detection algorithms: the Numenta Anomaly Benchmark", 2015.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from math import exp
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from tocsin.errors import ConfigError
from tocsin.evaluate.judging import WEEK, Bools, Judged, Rule

DEVELOPMENT = ("AAPL", "CRM", "FB", "IBM", "PFE")
HELD = ("AMZN", "CVS", "GOOG", "KO", "UPS")
"""Tickers that judged and did not choose; read them rarely."""

PROBATION, LONGEST_PROBATION = 0.15, 750


@dataclass(frozen=True)
class File:
    """`times` (Unix seconds) and `values` of the rows; `windows` as first and last row; `labels` as times."""

    name: str
    times: npt.NDArray[np.int64]
    values: npt.NDArray[np.float64]
    windows: tuple[tuple[int, int], ...]
    labels: tuple[int, ...]

    @property
    def probation(self) -> int:
        return min(int(PROBATION * len(self.times)), LONGEST_PROBATION)


@dataclass(frozen=True)
class Profile:
    """What is a hit worth, and what do a false alarm and a miss cost."""

    hit: float = 1.0
    false_alarm: float = 0.11
    miss: float = 1.0


@dataclass(frozen=True)
class Score:
    """`score` of at most 100; windows found of those there are; false alarms a week of a series; seconds from a
    window's label to its first detection (negative: before it)."""

    score: float
    found: int
    windows: int
    false_alarms_per_week: float
    delays: tuple[int, ...]


def profiles(folder: Path) -> dict[str, Profile]:
    """The benchmark's own weights by the name of the profile, from `profiles.json`."""
    weights = {name: profile["CostMatrix"] for name, profile in _json(folder / "profiles.json").items()}
    return {name: Profile(of["tpWeight"], of["fpWeight"], of["fnWeight"]) for name, of in weights.items()}


def load(folder: Path, tickers: Sequence[str]) -> list[File]:
    """Files of mention counts (realTweets), with their windows. Raises ConfigError for what is not there."""
    windows, labels = _json(folder / "combined_windows.json"), _json(folder / "combined_labels.json")
    names = [f"realTweets/Twitter_volume_{ticker}.csv" for ticker in tickers]
    if missing := [name for name in names if name not in windows]:
        raise ConfigError(f"{folder}: there are no labels for {', '.join(missing)}")
    return [_file(folder / name, windows[name], labels[name]) for name in names]


def _json(path: Path) -> dict[str, Any]:
    if not path.exists():
        raise ConfigError(f"{path} is missing", hint="give the folder that holds the benchmark's realTweets/")
    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return found


def _file(path: Path, windows: Sequence[Sequence[str]], labels: Sequence[str]) -> File:
    if not path.exists():
        raise ConfigError(f"{path} is missing", hint="the other tickers can be read without it")
    with path.open(encoding="utf-8", newline="") as lines:
        rows = [(_seconds(row["timestamp"]), float(row["value"])) for row in csv.DictReader(lines)]
    times = np.array([time for time, _ in rows], np.int64)
    edges = np.searchsorted(times, [[_seconds(edge) for edge in window] for window in windows])
    return File(
        name=path.stem,
        times=times,
        values=np.array([value for _, value in rows]),
        windows=tuple((int(first), int(last)) for first, last in edges),
        labels=tuple(_seconds(label) for label in labels),
    )


def _seconds(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp())


def _sigma(position: float) -> float:
    return -1.0 if position > 3 else 2 / (1 + exp(5 * position)) - 1


def _hit(row: int, window: tuple[int, int]) -> float:
    """What a detection at this row of the window is worth: 1 at its left edge."""
    first, last = window
    return _sigma(-(last - row + 1) / (last - first + 1)) / _sigma(-1)


def _miss(row: int, windows: Sequence[tuple[int, int]]) -> float:
    """What a detection outside all windows is worth: 0 just after one, -1 far from one."""
    before = [window for window in windows if window[1] < row]
    if not before:
        return -1.0
    first, last = before[-1]
    return _sigma((row - last) / (last - first))


def score(files: Sequence[File], detections: Sequence[Bools], profile: Profile) -> Score:
    """Score detections, one mark for each row of each file."""
    total, found, windows, false_alarms, weeks = 0.0, 0, 0, 0, 0.0
    delays: list[int] = []
    for file, detected in zip(files, detections, strict=True):
        first_hits: dict[tuple[int, int], int] = {}
        for row in (np.flatnonzero(detected[file.probation :]) + file.probation).tolist():
            window = next((window for window in file.windows if window[0] <= row <= window[1]), None)
            if window is None:
                total += profile.false_alarm * _miss(row, file.windows)
                false_alarms += 1
            else:
                first_hits.setdefault(window, row)
        total += sum(profile.hit * _hit(row, window) for window, row in first_hits.items())
        total -= profile.miss * (len(file.windows) - len(first_hits))
        delays += [_delay(file, window, row) for window, row in first_hits.items()]
        found, windows = found + len(first_hits), windows + len(file.windows)
        weeks += float(file.times[-1] - file.times[file.probation]) / WEEK
    nothing, best = -profile.miss * windows, profile.hit * windows
    return Score(100 * (total - nothing) / (best - nothing), found, windows, false_alarms / weeks, tuple(delays))


def _delay(file: File, window: tuple[int, int], row: int) -> int:
    first, last = file.times[window[0]], file.times[window[1]]
    label = next(label for label in file.labels if first <= label <= last)
    return int(file.times[row] - label)


def grid(files: Sequence[File], bucket: int) -> tuple[int, npt.NDArray[np.float64]]:
    """All files on the buckets from the first row to the last: its start, and counts (bucket, file)."""
    start = min(int(file.times[0]) for file in files) // bucket * bucket
    end = max(int(file.times[-1]) for file in files)
    counts = np.zeros(((end - start) // bucket + 1, len(files)))
    for number, file in enumerate(files):
        np.add.at(counts[:, number], (file.times - start) // bucket, file.values)
    return start, counts


def detections(files: Sequence[File], rule: Rule, bucket: int) -> tuple[list[Bools], Judged]:
    """A rule's alerts at the rows of each file (the files are siblings), and all that it said."""
    start, counts = grid(files, bucket)
    judged = rule(counts, start, None)
    return at_rows(files, judged.rise | judged.fall, bucket), judged


def at_rows(files: Sequence[File], alerts: Bools, bucket: int) -> list[Bools]:
    """Of alerts (bucket, file) on the grid, those at the rows of each file."""
    start, _ = grid(files, bucket)
    return [alerts[(file.times - start) // bucket, number] for number, file in enumerate(files)]
