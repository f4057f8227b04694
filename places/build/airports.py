"""Airport codes: each IATA code as a name of the town that the airport serves, else as a place of its own."""

from __future__ import annotations

import csv
import io
import math
from collections import defaultdict
from pathlib import Path

from place import Place, distance_km, fold
from sources import AIRPORTS, Archive

NAMED_KM = 80.0
UNNAMED_KM = 35.0
LONELY_KM = 150.0
POPULATION = 100


def add_airports(folder: Path, towns: list[Place]) -> list[Place]:
    """Give towns the codes of their airports; returns the airports that serve no listed town, as localities."""
    archive = Archive(folder, AIRPORTS)
    grid, named = defaultdict(list), defaultdict(list)
    for town in towns:
        grid[town.country, round(town.lat), round(town.lon)].append(town)
        for name in town.folded():
            named[town.country, name].append(town)
    metropolitan = list(csv.DictReader(io.StringIO(archive.read("airportsdata/iata_macs.csv").decode())))
    cities = {row["Airport Code"]: row["City Name"] for row in metropolitan}
    alone = []
    for row in csv.DictReader(io.StringIO(archive.read("airportsdata/airports.csv").decode())):
        if not row["iata"]:
            continue
        lat, lon = float(row["lat"]), float(row["lon"])
        served = _near(lat, lon, named[row["country"], fold(cities.get(row["iata"], row["city"]))], NAMED_KM)
        served = served or _near(lat, lon, _around(grid, row["country"], lat, lon), UNNAMED_KM)
        if not served:
            served = _by_itself(row, _near(lat, lon, _around(grid, row["country"], lat, lon), LONELY_KM))
            alone.append(served)
        served.add(row["iata"], "airport")
    for code, key in {row["City Code"]: (row["Country"], fold(row["City Name"])) for row in metropolitan}.items():
        if named.get(key):  # codes that stand for all airports of a city: LON, NYC, TYO
            max(named[key], key=lambda town: town.population).add(code, "airport")
    return alone


def _by_itself(row: dict[str, str], nearest: Place | None) -> Place:
    codes = (nearest.admin1, nearest.admin2) if nearest else ("", "")
    place = Place(row["city"] or row["name"], "locality", row["country"], *codes, population=POPULATION)
    place.lat, place.lon = float(row["lat"]), float(row["lon"])
    place.add(place.name, "primary")
    return place


def _around(grid: dict[tuple[str, int, int], list[Place]], country: str, lat: float, lon: float) -> list[Place]:
    steps = (-1, 0, 1)
    return [town for y in steps for x in steps for town in grid.get((country, round(lat) + y, round(lon) + x), ())]


def _near(lat: float, lon: float, towns: list[Place], within_km: float) -> Place | None:
    """The town that an airport most likely serves: large counts, and near counts."""
    reach = [(distance_km(lat, lon, town.lat, town.lon), town) for town in towns]
    fit = [(math.log10(town.population + 100) - away / 20, town) for away, town in reach if away <= within_km]
    return max(fit, key=lambda pair: pair[0])[1] if fit else None
