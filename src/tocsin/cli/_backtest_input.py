"""A backtest over counts in a CSV file: one policy, whose series are siblings and have their sum as parent."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from tocsin import times
from tocsin.alerts.lifecycle import Lifecycle
from tocsin.cli import _counts
from tocsin.cli._common import opened
from tocsin.cli.detect import Bad, Sensitivity, volume_config
from tocsin.component import Context
from tocsin.detectors.volume import Volume
from tocsin.pipeline.policy import Policy
from tocsin.runners.backtest import Trial, Wish
from tocsin.runners.backtest_report import Report
from tocsin.runners.past import of_sums
from tocsin.runners.trials import tried
from tocsin.series import Fold, Key


@dataclass(frozen=True)
class Input:
    source: str
    names: _counts.Names
    bucket: str
    sensitivity: Sensitivity


def backtest(given: Input, days: float, budget: str) -> Report:
    """Raises ConfigError or Permanent for a file that cannot be used."""
    config = volume_config(given.bucket, given.sensitivity)
    bad, name = Bad(given.source), "stdin" if given.source == "-" else Path(given.source).stem
    with opened(given.source) as lines:
        counts = _counts.read(lines, given.names, int(config.bucket), times.zone("UTC"), bad.tell)
    bad.sum_up(counts.rows)
    fold = Fold(dimensions=("series",), bucket=counts.bucket, lateness=0)
    detector = Volume(config, Context(name=name, data_dir=Path()))
    policy = Policy(name, "", "mentions", fold, detector, Lifecycle(1))
    past = of_sums(_sums(counts, name), counts.bucket)
    return tried([Trial(policy, past, config.sensitivity)], Wish(days, budget), past.end)


def _sums(counts: _counts.Counts, name: str) -> dict[Key, dict[int, float]]:
    """By series, and, where there are several, their sum."""
    keys = [(own or name,) for own in counts.series]
    sums: dict[Key, dict[int, float]] = {key: {} for key in keys}
    total: dict[int, float] = {}
    for time, row in counts.sums.items():
        for number, value in row.items():
            sums[keys[number]][time] = value
        total[time] = sum(row.values())
    return {(): total, **sums} if len(keys) > 1 else sums
