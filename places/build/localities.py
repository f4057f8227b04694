"""Small places that cities500 lacks: GeoNames' postal places of the United States and India."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path

from place import Place, distance_km, fold
from sources import POSTAL_IN, POSTAL_US, Archive, Source

POPULATION = 100
SAME_KM = 15.0
EXACT = {"4", "5", "6"}  # GeoNames' own measure: the position is that of a known place, not of the district
CROWD = 3  # more names at one point than this: the point is a guess


def localities(folder: Path, towns: list[Place], first: list[Place]) -> list[Place]:
    """Postal places that no town of the same name and first-level area lies near, each once."""
    known = {(area.country, area.admin1) for area in first}
    near: dict[tuple[str, str, str], list[Place]] = defaultdict(list)
    for town in towns:
        for name in town.folded():
            near[town.country, town.admin1, name].append(town)
    found = []
    for source, member in ((POSTAL_US, "data/US.txt"), (POSTAL_IN, "data/IN.txt")):
        for place in _rows(folder, source, member):
            same = near[place.country, place.admin1, fold(place.name)]
            if (place.country, place.admin1) in known and not _beside(place, same):
                place.add(place.name, "primary")
                same.append(place)
                found.append(place)
    return found


def _beside(place: Place, others: list[Place]) -> bool:
    return any(distance_km(place.lat, place.lon, other.lat, other.lon) <= SAME_KM for other in others)


def _rows(folder: Path, source: Source, member: str) -> Iterator[Place]:
    """GeoNames' postal columns: country, code, name, names and codes of three levels, latitude, longitude, accuracy."""
    rows = [line.split("\t") for line in Archive(folder, source).read(member).decode().splitlines()]
    points = Counter((row[9], row[10]) for row in rows)
    for row in rows:
        country, _, name, _, admin1, _, admin2 = row[:7]
        guessed = country == "IN" and (row[11] not in EXACT or points[row[9], row[10]] > CROWD)
        if guessed or not all(row[9:11]) or any(character.isdigit() for character in name):
            continue
        yield Place(
            name.strip(),
            "locality",
            country,
            admin1,
            admin2,
            lat=float(row[9]),
            lon=float(row[10]),
            population=POPULATION,
        )
