"""Whether a budget of alerts is kept, and what is missed for its sake: invented posts of sixty days, and real counts.

The detector's readings become incidents, and those ring or not, as in a live run. Beside each budget stands the preset
alone, for which nothing is too much. A planted incident is found if something of its watch rings from its start to an
hour after its end.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from tocsin.alerts.budget import Rate
from tocsin.alerts.lifecycle import Change, Lifecycle
from tocsin.alerts.ringing import Opening, Ringing
from tocsin.detectors.volume import Config
from tocsin.evaluate import nab
from tocsin.evaluate.judging import DAY, HOUR, WEEK, armed
from tocsin.model import Post
from tocsin.sources import scenario

BUDGETS = ("1 per day", "3 per week", "1 per week")
NO_BUDGET = Rate(10**6, HOUR)
WITHIN = 1.25
BUCKET = 300
DAYS = 60
START = datetime(2026, 1, 5, tzinfo=UTC)
EVERY, JITTER = 10 * DAY, 3 * DAY
"""Incidents are planted at least a week apart, so that the smallest budget has room for each."""


Counts = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Planted:
    """Unix seconds."""

    watch: str
    start: int
    end: int


@dataclass(frozen=True)
class World:
    """Counts (bucket, series) of one installation from `start` on; keys are the watch, or the watch and a language."""

    keys: tuple[tuple[str, ...], ...]
    start: int
    counts: Counts
    planted: tuple[Planted, ...] = ()


@dataclass(frozen=True)
class Rung:
    """Something that was sent: the `first` of its incident, or that it has grown."""

    watch: str
    at: int
    first: bool = True


def run(
    data: Path | None = None, *, sensitivity: Path | str = "balanced", worlds: int = 6, seed: int = 0
) -> dict[str, Any]:
    """For each budget: alerts a week against the promise, weeks within 1.25 times it, and what was missed.

    `data` is the folder of the Numenta benchmark, whose development tickers are one more world.
    """
    config = Config.model_validate({"bucket": BUCKET, "sensitivity": str(sensitivity)})
    invented = [imagined(DAYS, seed + number) for number in range(worlds)]
    figures = {
        "scenario_mentions": table([mentions for mentions, _ in invented], config),
        "scenario_voices": table([voices for _, voices in invented], config),
    }
    if data is not None:
        files = nab.load(data, nab.DEVELOPMENT)
        start, counts = nab.grid(files, BUCKET)
        figures["nab_development"] = table([World(tuple((file.name,) for file in files), start, counts)], config)
    return figures


def table(worlds: Sequence[World], config: Config) -> list[dict[str, Any]]:
    """The preset alone, then each budget, over all worlds together."""
    changes = [list(incidents(world, config)) for world in worlds]
    fixed = [ring(told, NO_BUDGET) for told in changes]
    rows = [{"budget": "none", **_figures(worlds, fixed, fixed, NO_BUDGET)}]
    for text in BUDGETS:
        rate = Rate.parse(text)
        rung = [ring(told, rate) for told in changes]
        rows.append({"budget": text, **_figures(worlds, rung, fixed, rate)})
    return rows


def _figures(
    worlds: Sequence[World], rung: Sequence[Sequence[Rung]], fixed: Sequence[Sequence[Rung]], rate: Rate
) -> dict[str, Any]:
    weeks = np.concatenate([by_week(world, alerts) for world, alerts in zip(worlds, rung, strict=True)])
    planted = [
        (one, told, alone) for world, told, alone in zip(worlds, rung, fixed, strict=True) for one in world.planted
    ]
    found_alone = [(one, told) for one, told, alone in planted if found(one, alone)]
    return {
        "alerts_per_week": round(float(weeks.mean()), 2),
        "grown_per_week": round(sum(not alert.first for alerts in rung for alert in alerts) / len(weeks), 2),
        "highest_week": int(weeks.max()),
        "weeks": len(weeks),
        "within": round(float((weeks <= WITHIN * rate.per_week).mean()), 3),
        "planted": len(planted),
        "found_alone": len(found_alone),
        "missed": sum(not found(one, told) for one, told in found_alone),
    }


def by_week(world: World, rung: Sequence[Rung]) -> npt.NDArray[np.int64]:
    """How many incidents first rang in each full week."""
    weeks = len(world.counts) * BUCKET // WEEK
    numbers = [(alert.at - 1 - world.start) // WEEK for alert in rung if alert.first]
    return np.bincount([number for number in numbers if number < weeks], minlength=weeks)


def found(planted: Planted, rung: Sequence[Rung]) -> bool:
    return any(alert.watch == planted.watch and planted.start < alert.at <= planted.end + HOUR for alert in rung)


def incidents(world: World, config: Config) -> Iterator[Change]:
    """What happens to incidents, of watches and of their languages, as two policies would see it."""
    index = {key: number for number, key in enumerate(world.keys)}
    parents = [index[key[:1]] if len(key) > 1 else -1 for key in world.keys]
    groups = [index[key[:1]] if len(key) > 1 else 0 for key in world.keys]
    volume = armed(config, len(world.keys), parents=parents, groups=groups)
    lifecycles = [Lifecycle(depth) for depth in sorted({len(key) for key in world.keys})]
    visible = np.ones(len(world.keys), np.bool_)
    for number, counts in enumerate(world.counts.astype(np.float32)):
        time = world.start + number * BUCKET
        readings = volume.step(time, counts, visible)
        for lifecycle in lifecycles:
            yield from lifecycle.step(time + BUCKET, world.keys, index, readings, visible)


def ring(changes: Sequence[Change], rate: Rate) -> list[Rung]:
    """What is sent: incidents that ring, each with what is part of it, and that they have grown."""
    ringing, rung = Ringing(rate), []
    heads: dict[str, str] = {}
    told: set[str] = set()
    for at, together in groupby(changes, key=lambda change: change.at):
        by_id = {f"{change.key} {change.direction} {change.opened}": change for change in together}
        openings = [_opening(id, change) for id, change in by_id.items() if change.event == "opened"]
        decisions = ringing.open(openings)
        heads |= {id: decision.part_of or id for id, decision in decisions.items()}
        rings = [id for id, decision in decisions.items() if decision.told and heads[id] == id]
        rings += [id for id, one in by_id.items() if one.event == "escalated" and ringing.grown(id, at, one.score)]
        for id in rings:
            rung.append(Rung(by_id[id].key[0], at, first=heads[id] not in told))
            told.add(heads[id])
    return rung


def _opening(id: str, change: Change) -> Opening:
    series = dict(zip(("watch", "language"), change.key, strict=False))
    return Opening(id, series, change.direction, change.at, change.score)


def imagined(days: int, seed: int) -> tuple[World, World]:
    """Posts on three brands in seven languages, with an incident about every ten days after the first week, of 4 to
    12 times the usual volume for 1 to 4 hours: all mentions, and those that repeat nobody (bots, copies left out)."""
    random = np.random.default_rng(seed)
    options = scenario.Config(seed=seed, start=START, duration=days * DAY, rate=100)
    surges = tuple(
        scenario.Incident(
            watch=str(random.choice(options.names)),
            at=float(at + random.uniform(0, JITTER)),
            duration=float(random.uniform(1, 4)) * HOUR,
            factor=float(np.exp(random.uniform(np.log(4), np.log(12)))),
        )
        for at in range(WEEK, days * DAY - JITTER - DAY, EVERY)
    )
    options = options.model_copy(update={"incidents": surges, "outages": ()})
    keys = tuple((name, *more) for name in options.names for more in ((), *((code,) for code in options.languages)))
    start = int(START.timestamp())
    planted = tuple(Planted(str(one.watch), start + int(one.at), start + int(one.at + one.duration)) for one in surges)
    mentions, voices = _counts(options, keys)
    return World(keys, start, mentions, planted), World(keys, start, voices, planted)


def _counts(options: scenario.Config, keys: Sequence[tuple[str, ...]]) -> tuple[Counts, Counts]:
    index = {key: number for number, key in enumerate(keys)}
    repeated = scenario.copies(options)
    mentions, voices = np.zeros((2, int(options.duration) // BUCKET, len(keys)))
    for batch in scenario.generate(options):
        for event in batch.events:
            if not isinstance(event, Post) or event.version > 1:
                continue
            bucket = int(((event.created_at or event.received_at) - options.start).total_seconds()) // BUCKET
            for key in _keys(event, options.names):
                if key in index and bucket < len(mentions):
                    mentions[bucket, index[key]] += 1
                    voices[bucket, index[key]] += repeated[event.uid] == event.uid
    return mentions, voices


def _keys(post: Post, names: Sequence[str]) -> Iterator[tuple[str, ...]]:
    text = post.text.lower()
    for name in names:
        if name in text:
            yield (name,)
            yield (name, post.lang or "")
