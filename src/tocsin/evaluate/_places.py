"""Lists of places that people wrote, with where they are, and how an answer is judged by them."""

from __future__ import annotations

import csv
import math
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from tocsin.errors import ConfigError
from tocsin.gazetteer._index import NOWHERE, Index, Tier
from tocsin.gazetteer.embedded import index
from tocsin.model import Place

Outcome = Literal["right", "coarse", "wrong", "missed"]
OUTCOMES: tuple[Outcome, ...] = ("right", "coarse", "wrong", "missed")
JUNK = "junk"
COLUMNS = ("id", "text", "level", "lat", "lon", "tol_km", "cc", "alt_lat", "alt_lon", "tags", "source")
LEVELS = ("city", "region", "country", JUNK)
_OPTIONAL = ("source",)
_WIDTH = {"point": 0, "city": 1, "region": 2, "country": 3}
_EARTH_KM = 6371.0
_NORMAL = 1.959964
"""The quantile of the normal distribution that leaves 5 % outside on both sides together."""


@dataclass(frozen=True)
class Row:
    """What somebody wrote, and where that is. Of `junk` there are only the text and the tags."""

    id: str
    text: str
    level: str
    points: tuple[tuple[float, float], ...] = ()
    """Latitude and longitude of the truth; a second one where both are right ("London / Paris")."""
    within: float = 0.0
    """How many km an answer may be off."""
    country: str = ""
    """ISO 3166-1 alpha-2"""
    tags: tuple[str, ...] = ()


def read(file: Path) -> list[Row]:
    """The rows of a CSV file with COLUMNS (others are passed over). Raises ConfigError at the first that is bad."""
    try:
        with file.open(encoding="utf-8-sig", newline="") as lines:
            reader = csv.DictReader(lines, strict=True)
            missing = [name for name in COLUMNS if name not in (reader.fieldnames or ()) and name not in _OPTIONAL]
            if missing:
                hint = f"the columns are {', '.join(COLUMNS)}"
                raise ConfigError(f"there is no column {', '.join(missing)}", file=str(file), line=1, hint=hint)
            rows = list(_rows(reader, str(file)))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise ConfigError(f"no list of places can be read: {error}", file=str(file)) from error
    if not rows:
        raise ConfigError("the list has no rows", file=str(file))
    return rows


def _rows(reader: csv.DictReader[str], file: str) -> Iterator[Row]:
    ids: set[str] = set()
    for fields in reader:
        try:
            row = row_of(fields)
            if row.id in ids:
                raise ValueError(f"column id: {row.id!r} is there twice")
        except ValueError as error:
            raise ConfigError(str(error), file=file, line=reader.line_num) from None
        ids.add(row.id)
        yield row


def row_of(fields: dict[str, str]) -> Row:
    """A row of a list. Raises ValueError with the column that is bad."""
    if None in fields or None in fields.values():
        raise ValueError("the row has more or fewer fields than the first line; quote texts that have commas")
    if not fields["text"].strip():
        raise ValueError("column text: it is empty")
    level = fields["level"]
    if level not in LEVELS:
        raise ValueError(f"column level: {level!r} is none of {', '.join(LEVELS)}")
    tags = tuple(re.findall(r"[^\s|;]+", fields["tags"]))
    if level == JUNK:
        return Row(fields["id"], fields["text"], level, tags=tags)
    points = [(_number(fields, "lat", -90, 90), _number(fields, "lon", -180, 180))]
    if fields["alt_lat"] or fields["alt_lon"]:
        points.append((_number(fields, "alt_lat", -90, 90), _number(fields, "alt_lon", -180, 180)))
    if not re.fullmatch("[A-Z]{2}", fields["cc"]):
        raise ValueError(f"column cc: {fields['cc']!r} is no country code such as DE")
    within = _number(fields, "tol_km", 1, 5000)
    return Row(fields["id"], fields["text"], level, tuple(points), within, fields["cc"], tags)


def _number(fields: dict[str, str], column: str, least: float, most: float) -> float:
    try:
        value = float(fields[column])
    except ValueError:
        value = math.nan
    if not least <= value <= most:
        raise ValueError(f"column {column}: {fields[column]!r} is not a number from {least} to {most}")
    return value


def outcome(row: Row, place: Place | None) -> Outcome:
    """How good an answer is, for a row that is no junk.

    `right`: within the row's tolerance; for a country, its code at level country, or a place within the tolerance that
    is in it. `coarse`: an area that the truth is in: its country, or a region with the same first-level area.
    """
    if place is None:
        return "missed"
    same_country = place.country == row.country
    near = min((away(place, point) for point in row.points), default=math.inf) <= row.within
    if row.level == "country":
        return "right" if same_country and (place.level == "country" or near) else "wrong"
    if near:
        return "right"
    wider = _WIDTH[place.level or "city"] > _WIDTH[row.level]
    return "coarse" if wider and same_country and _holds(place, row.points[0]) else "wrong"


def away(place: Place, point: tuple[float, float]) -> float:
    """km along the great circle; infinite where the place has no position."""
    if place.lat is None or place.lon is None:
        return math.inf
    here, there = math.radians(place.lat), math.radians(point[0])
    across = math.radians(point[1] - place.lon)
    chord = math.sin((there - here) / 2) ** 2 + math.cos(here) * math.cos(there) * math.sin(across / 2) ** 2
    return 2 * _EARTH_KM * math.asin(math.sqrt(min(chord, 1.0)))


def _holds(place: Place, point: tuple[float, float]) -> bool:
    """Whether a country or region holds a point of the same country: a region's middle is in the same first level."""
    if place.level == "country":
        return True
    if place.lat is None or place.lon is None or place.country is None:
        return False
    middle, truth = (_first_level(index(), place.country, *at) for at in ((place.lat, place.lon), point))
    return middle == truth != NOWHERE


def _first_level(places: Index, country: str, lat: float, lon: float) -> int:
    """The row of the first-level area that the nearest town of the country is in; NOWHERE where there is none."""
    codes = np.asarray(places.codes).reshape(-1, 2)
    of_country = np.flatnonzero((codes == list(country.encode())).all(axis=1))
    towns = np.flatnonzero(np.isin(places.countries, of_country) & (places.tiers == Tier.TOWN))
    if not len(towns):
        return NOWHERE
    north = places.latitudes[towns] / 10_000 - lat
    east = (places.longitudes[towns] / 10_000 - lon) * math.cos(math.radians(lat))
    return int(places.firsts[towns[int(np.argmin(north**2 + east**2))]])


@dataclass(frozen=True)
class Judged:
    """Rows with their answers. `outcomes` is None for junk."""

    rows: Sequence[Row]
    places: Sequence[Place | None]
    outcomes: Sequence[Outcome | None]

    @classmethod
    def of(cls, rows: Sequence[Row], places: Sequence[Place | None]) -> Judged:
        pairs = zip(rows, places, strict=True)
        return cls(rows, places, [None if row.level == JUNK else outcome(row, place) for row, place in pairs])

    def counts(self) -> Counter[Outcome]:
        return Counter(outcome for outcome in self.outcomes if outcome)

    def junk(self) -> tuple[int, int]:
        """(answered, all)"""
        answers = [place for place, outcome in zip(self.places, self.outcomes, strict=True) if outcome is None]
        return sum(place is not None for place in answers), len(answers)

    def where(self, level: str = "", tag: str = "") -> Judged:
        """The rows of a level, or with a tag."""
        kept = [
            n for n, row in enumerate(self.rows) if (not level or row.level == level) and (not tag or tag in row.tags)
        ]
        return Judged([self.rows[n] for n in kept], [self.places[n] for n in kept], [self.outcomes[n] for n in kept])

    def shares(self) -> dict[str, float]:
        """Of right, coarse, wrong and missed among the places, and of the junk that was answered."""
        counts, (answered, junk) = self.counts(), self.junk()
        whole = counts.total()
        found = {name: share(counts[name], whole) for name in OUTCOMES}
        return found | {"junk_answered": share(answered, junk)}


def share(part: int, whole: int) -> float:
    return round(part / whole, 4) if whole else 0.0


def estimate(part: int, whole: int) -> dict[str, Any]:
    """A share with Wilson's 95 % interval (Wilson 1927, doi:10.1080/01621459.1927.10502953)."""
    if not whole:
        return {"rows": 0, "share": 0.0, "low": 0.0, "high": 1.0}
    ratio, spread = part / whole, _NORMAL**2 / whole
    middle = (ratio + spread / 2) / (1 + spread)
    half = math.sqrt(spread * (ratio * (1 - ratio) + spread / 4)) / (1 + spread)
    low, high = max(middle - half, 0.0), min(middle + half, 1.0)
    return {"rows": part, "share": share(part, whole), "low": round(low, 4), "high": round(high, 4)}
