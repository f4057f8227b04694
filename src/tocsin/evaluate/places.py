"""Places: how often what people write is located right, too coarsely or wrong, and how honest the confidence is.

The published lists are under `evaluate/lists/`; no rule and no weight was chosen by them (docs/explanation/places.md).
"""

from __future__ import annotations

import csv
import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np

from tocsin.component import Context
from tocsin.errors import ConfigError
from tocsin.evaluate import _corpora
from tocsin.evaluate._places import JUNK, OUTCOMES, Judged, Row, away, estimate, read, row_of
from tocsin.gazetteer.embedded import Config, Embedded
from tocsin.model import Place

THRESHOLDS = (0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)
BINS = (0.0, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 1.0)
"""Bounds of the bins of confidence; the last bin holds both of its."""
LEAST_TAGGED = 10
"""A tag with fewer rows has no figures of its own."""
DEVELOPMENT = Path("geo") / "locations_dev.csv"
"""Under the folder of the measuring data. Settings were chosen with it."""
AIRLINE = Path("airline") / "tweets.csv"
"""There, too: 9,907 posts with a location of their author."""


def run(list: Path | None = None, data: Path = Path("../shared/data"), mistakes: int = 0) -> dict[str, Any]:
    """Figures of each list: the published ones and the development list under `data`, or the one file `list`.

    Places are `right`, `coarse` (an area that holds the truth), `wrong` or `missed`; `junk` is answered or not. Bounds
    are Wilson's 95 % intervals. `mistakes=1` lists every row that is not right. Raises ConfigError for a bad list.
    """
    geocoder = _embedded()
    found = {file.stem: read(file) for file in ([list] if list else lists(data))}
    if not found:
        raise ConfigError("there is no list of places", hint="name one with --set list=FILE")
    figures = {"geocoder": geocoder.id} | {name: _figures(geocoder, rows, mistakes) for name, rows in found.items()}
    return figures | ({} if list or not (data / AIRLINE).is_file() else {"airline": _airline(geocoder, data)})


def _embedded() -> Embedded:
    return Embedded(Config(), Context("evaluate", Path()))


def _airline(geocoder: Embedded, data: Path) -> dict[str, Any]:
    """The authors of the airline posts: the share that is resolved, and 200 posts drawn and labelled by hand.

    The labels are kept by hashes of the texts, which are nobody's to publish.
    """
    stated = [row["tweet_location"] for row in _corpora.airline(data) if row["tweet_location"].strip()]
    resolved = dict(zip(stated, geocoder.locate(stated), strict=True))
    by_key = {hashlib.sha256(text.encode()).hexdigest()[:16]: text for text in resolved}
    truth = resources.files(__package__).joinpath("lists", "airline_truth.csv")
    with Path(str(truth)).open(encoding="utf-8", newline="") as lines:
        labelled = [row | {"id": row["key"], "text": by_key[row["key"]], "tags": ""} for row in csv.DictReader(lines)]
    rows = [row_of(fields) for fields in labelled for _ in range(int(fields["posts"]))]
    judged = Judged.of(rows, [resolved[row.text] for row in rows])
    answered, junk = judged.junk()
    given = sum(place is not None for place in judged.places)
    right = judged.counts()["right"] + judged.counts()["coarse"]
    return {
        "posts": [estimate(sum(place is not None for place in map(resolved.get, stated)), len(stated))],
        "texts": [estimate(sum(place is not None for place in resolved.values()), len(resolved))],
        "sample": outcomes(judged),
        "junk_answered": [estimate(answered, junk)],
        "precision": [estimate(right, given)],
    }


def lists(data: Path) -> list[Path]:
    """The published lists, and the development list where it is there."""
    published = Path(str(resources.files(__package__).joinpath("lists")))
    return sorted(published.glob("places_*.csv")) + [file for file in [data / DEVELOPMENT] if file.is_file()]


def _figures(geocoder: Embedded, rows: Sequence[Row], mistakes: int) -> dict[str, Any]:
    texts = [row.text for row in rows]
    judged = Judged.of(rows, geocoder.locate(texts))
    answered, junk = judged.junk()
    found: dict[str, Any] = {
        "places": len(rows) - junk,
        "outcomes": outcomes(judged),
        "junk": junk,
        "junk_answered": [estimate(answered, junk)],
        "by_level": [_line("level", level, judged.where(level=level)) for level in _levels(rows)],
        "by_tag": [_line("tag", tag, judged.where(tag=tag)) for tag in _tags(rows)],
        "calibration": calibration(judged),
        "calibration_error": calibration_error(judged),
        "threshold": geocoder.weights.threshold,
        "by_threshold": [_swept(rows, threshold) for threshold in THRESHOLDS],
    }
    return found | ({"mistakes": _mistakes(judged)} if mistakes else {})


def outcomes(judged: Judged) -> list[dict[str, Any]]:
    counts = judged.counts()
    return [{"outcome": name} | estimate(counts[name], counts.total()) for name in OUTCOMES]


def _line(key: str, name: str, judged: Judged) -> dict[str, Any]:
    counts = judged.counts()
    right = estimate(counts["right"], counts.total())
    rest: dict[str, int] = {outcome: counts[outcome] for outcome in OUTCOMES[1:]}
    bounds = {bound: right[bound] for bound in ("share", "low", "high")}
    return {key: name, "places": counts.total(), "right": right["rows"], **rest, **bounds}


def _levels(rows: Sequence[Row]) -> list[str]:
    return [level for level in dict.fromkeys(row.level for row in rows) if level != JUNK]


def _tags(rows: Sequence[Row]) -> list[str]:
    counts = Counter(tag for row in rows if row.level != JUNK for tag in row.tags)
    return [tag for tag, count in counts.most_common() if count >= LEAST_TAGGED]


def _sure(judged: Judged) -> tuple[list[float], list[bool]]:
    """Confidence of each answer, and whether it is true: right, or an area that holds the truth."""
    pairs = zip(judged.places, judged.outcomes, strict=True)
    kept = [(place.confidence or 0.0, outcome in {"right", "coarse"}) for place, outcome in pairs if place]
    return [sure for sure, _ in kept], [true for _, true in kept]


def calibration(judged: Judged) -> list[dict[str, Any]]:
    """By bin of confidence: answers, mean confidence, and the share that is true with its interval."""
    sure, true = (np.array(values) for values in _sure(judged))
    bins = np.searchsorted(BINS[1:-1], sure, side="right")
    found = []
    for number in np.unique(bins):
        here = bins == number
        share = estimate(int(true[here].sum()), int(here.sum()))
        bounds = {"from": BINS[number], "to": BINS[number + 1], "answers": int(here.sum())}
        found.append(bounds | {"confidence": round(float(sure[here].mean()), 4), "true": share.pop("rows")} | share)
    return found


def calibration_error(judged: Judged) -> float:
    """Expected calibration error over the bins (Guo et al. 2017, arXiv:1706.04599)."""
    bins = calibration(judged)
    gaps = sum(abs(part["true"] - part["answers"] * part["confidence"]) for part in bins)
    return float(round(gaps / max(sum(part["answers"] for part in bins), 1), 4))


def _swept(rows: Sequence[Row], threshold: float) -> dict[str, float]:
    judged = Judged.of(rows, _at(threshold, [row.text for row in rows]))
    return {"threshold": threshold, **judged.shares()}


def _at(threshold: float, texts: Sequence[str]) -> Sequence[Place | None]:
    """What would be answered were this the threshold."""
    geocoder = _embedded()
    geocoder.weights = replace(geocoder.weights, threshold=threshold)
    return geocoder.locate(texts)


def _mistakes(judged: Judged) -> list[dict[str, Any]]:
    found = []
    for row, place, outcome in zip(judged.rows, judged.places, judged.outcomes, strict=True):
        if outcome == "right" or (outcome is None and place is None):
            continue
        line: dict[str, Any] = {"id": row.id, "outcome": outcome or "junk answered", "text": row.text}
        if place:
            line |= {
                "answer": place.name,
                "level": place.level,
                "country": place.country,
                "confidence": place.confidence,
            }
            line |= {"km": round(away(place, row.points[0]))} if row.points and place.lat is not None else {}
        found.append(line)
    return found
