"""Measures the volume detector: what it finds, how soon, how often it is wrong, what a tick costs; rules beside it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from statistics import median
from typing import Any

from tocsin.bench import _detect_speed as speeds
from tocsin.detectors.volume import Config
from tocsin.errors import ConfigError
from tocsin.evaluate import budget, crises, injection, nab, quickest, storm, synthetic
from tocsin.evaluate.judging import APART, Rule, detector, episodes, series_weeks
from tocsin.evaluate.rules import rules
from tocsin.evaluate.spread import spread

SCORES = (0.5, 0.75, 1.0, 1.5, 2.0, 3.0)
FIVE_MINUTES = 300
Part = Callable[[], Any]


def run(
    data: Path | None = None,
    *,
    only: Path | str = "",
    sensitivity: Path | str = "balanced",
    held: bool = False,
    series: int = speeds.SIZES[-1],
    positions: int = 8,
    seed: int = 0,
) -> dict[str, Any]:
    """All measurements as one JSON-able dict, or with `only` those named, with commas between.

    `data` is a folder with `nab/realTweets/`, `airline/tweets.csv` and `crisislex/T26/`, or that of the Numenta
    benchmark itself; what needs files that are not there is left out. `held` also reads the tickers that were kept for
    judging. Each event is planted at so many `positions` of each ticker. Speed is measured up to this many `series`.

    Quality is at buckets of 5 minutes, but for the delay on lively series; speed at buckets of one minute.
    """
    config = Config.model_validate({"bucket": FIVE_MINUTES, "sensitivity": str(sensitivity)})
    parts = (_on_files(data, config, held, positions, seed) if data is not None else {}) | _on_none(
        config, series, seed
    )
    parts["budget"] = lambda: budget.run(data and _benchmark(data), sensitivity=config.sensitivity, seed=seed)
    names = str(only).split(",") if str(only) else list(parts)
    if unknown := set(names) - set(parts):
        raise ConfigError(f"only: {', '.join(sorted(unknown))} is not among {', '.join(parts)}")
    return {"sensitivity": config.sensitivity, "seed": seed, **{name: parts[name]() for name in names}}


def _benchmark(data: Path) -> Path:
    """The folder of the Numenta benchmark."""
    return data / "nab" if (data / "nab").exists() else data


def _on_files(data: Path, config: Config, held: bool, positions: int, seed: int) -> dict[str, Part]:
    benchmark = _benchmark(data)
    posts, disasters = data / "airline" / "tweets.csv", data / "crisislex" / "T26"
    parts: dict[str, Part] = {"nab_development": lambda: tweets(nab.DEVELOPMENT, config, benchmark)}
    if held:
        parts["nab_held"] = lambda: tweets(nab.HELD, config, benchmark)
    parts["injection"] = lambda: planted(config, benchmark, positions, seed)
    if posts.exists():
        parts["storm"] = lambda: storm.run(posts, config.sensitivity)
    if disasters.exists():
        parts["crises"] = lambda: crises.real(disasters, config, seed)
    return parts


def _on_none(config: Config, series: int, seed: int) -> dict[str, Part]:
    return {
        "invented_crises": lambda: crises.imagined(config, seed=seed),
        "delay": lambda: [
            asdict(row) for case in quickest.CASES for row in quickest.delays(case, config.sensitivity, seed=seed)
        ],
        "silence": lambda: synthetic.silence(config, seed=seed),
        "power": lambda: [asdict(power) for power in synthetic.powers(config, seed=seed)],
        "low_volumes": lambda: synthetic.low_volumes(config, seed=seed),
        "speed": lambda: [speeds.tick(size, seed=seed) for size in speeds.SIZES if size <= series],
        "backtest": lambda: speeds.backtest(series=min(series, 1000), seed=seed),
    }


def tweets(tickers: Sequence[str], config: Config, data: Path) -> dict[str, Any]:
    """Score of each profile of the benchmark with its spread, windows, false alarms, delay, how rare each score is;
    and plain rules on the same files."""
    files, bucket = nab.load(data, tickers), int(config.bucket)
    profiles = nab.profiles(data)
    rows, judged = nab.detections(files, detector(config), bucket)
    weeks = series_weeks(judged.score, bucket)
    return {
        "files": [file.name for file in files],
        "scores": {name: round(nab.score(files, rows, of).score, 1) for name, of in profiles.items()},
        "spread": asdict(spread(files, judged, rows, profiles["standard"], bucket)),
        **_found(files, detector(config), profiles["standard"], bucket),
        "falls": int(judged.fall.sum()),
        "episodes_per_week": {
            str(score): round(episodes(judged.score >= score, APART // bucket) / weeks, 2) for score in SCORES
        },
        "rules": [
            {"rule": name, **_found(files, rule, profiles["standard"], bucket)} for name, rule in rules(bucket).items()
        ],
    }


def _found(files: Sequence[nab.File], rule: Rule, profile: nab.Profile, bucket: int) -> dict[str, Any]:
    rows, judged = nab.detections(files, rule, bucket)
    score = nab.score(files, rows, profile)
    rate = injection.calm(files, rule, bucket)
    equal = nab.score(files, nab.at_rows(files, judged.begins(rate.one_a_week, bucket), bucket), profile)
    return {
        "score": round(score.score, 1),
        "windows_found": score.found,
        "windows": score.windows,
        "false_alarms_per_week": round(score.false_alarms_per_week, 2),
        "median_delay_minutes": round(median(score.delays) / 60, 1) if score.delays else None,
        "alerts_per_week": round(rate.alerts_per_week, 2),
        "threshold_of_one_a_week": round(rate.one_a_week, 2),
        "score_at_one_a_week": round(equal.score, 1),
    }


def planted(config: Config, data: Path, positions: int, seed: int) -> dict[str, Any]:
    """Events planted into the development tickers, found by the detector and by plain rules."""
    files, bucket = nab.load(data, nab.DEVELOPMENT), int(config.bucket)
    trial = injection.trial(files, config, positions=positions, seed=seed)
    found: dict[str, Any] = {}
    for name, rule in {"detector": detector(config), **rules(bucket)}.items():
        rate = injection.calm(files, rule, bucket)
        table = injection.powers(trial, rule, rate.one_a_week)
        found[name] = {**asdict(rate), "events": [asdict(power) for power in table]}
    return found
