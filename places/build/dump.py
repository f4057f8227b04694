"""Reads the dump files of GeoNames, allCountries.txt and alternateNamesV2.txt, and tells what the tables have of them.

Columns: https://download.geonames.org/export/dump/readme.txt. Files are read line by line, whatever their size.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Container, Iterable, Iterator
from pathlib import Path

from formal import stripped
from localities import POPULATION, SAME_KM
from names import _is_noise, language_of
from place import Name, Place, distance_km, fold
from towns import GONE, UNKNOWN_POPULATION

COLUMNS = 19
AREAS = {
    ("A", "ADM1"): "first", ("A", "ADM2"): "second", ("A", "ADM3"): "quarter",
    ("T", "ISL"): "region", ("T", "ISLS"): "region", ("L", "RGN"): "region", ("L", "PRK"): "region",
}  # fmt: skip
FEATURES = {"PPLC": "capital", "PPLA": "seat", "PPLA2": "seat", "PPLX": "quarter"}
SAME_AREA_KM = 100.0
"""An island this near to the middle of an area of its name is that area."""
_LANGUAGE = re.compile(r"(?:[a-z]{2,3}(?:-\w+)*)?")
"""ISO 639, or unknown. Longer codes are no languages: link, post, iata, wkdt, abbr."""


def lines(file: Path) -> Iterator[str]:
    """The lines of a file; bytes that are not UTF-8 become U+FFFD, for which the line is left out later."""
    with file.open(encoding="utf-8", errors="replace", newline="\n") as opened:
        for line in opened:
            yield line.rstrip("\r\n")


def places(rows: Iterable[str], countries: Container[str], bad: Counter[str]) -> Iterator[Place]:
    """The populated places, islands, regions and areas of some countries. Counts lines that cannot be read in `bad`."""
    for line in rows:
        row = line.split("\t")
        if len(row) != COLUMNS:
            bad["places"] += 1
        elif (tier := _tier(row[6], row[7])) and row[8] in countries:
            place = _place(row, tier)
            if place:
                yield place
            else:
                bad["places"] += 1


def _tier(kind: str, code: str) -> str:
    """The tier of a feature by its class and code, "" for one that is not wanted; a settlement counts as a town."""
    if kind == "P":
        return "" if code in GONE else "quarter" if code == "PPLX" else "town"
    return AREAS.get((kind, code), "")


def _place(row: list[str], tier: str) -> Place | None:
    try:
        geoname, lat, lon, population = int(row[0]), float(row[4]), float(row[5]), int(row[14] or 0)
    except ValueError:
        return None
    name = row[1].strip()
    sound = 0 < geoname < 2**31 and abs(lat) <= 90 and abs(lon) <= 180 and 0 <= population < 10**10
    if not sound or not name or "\ufffd" in name:
        return None
    if tier == "town" and not population:
        tier, population = "locality", POPULATION
    if (tier == "first" and not row[10]) or (tier == "second" and not row[11]):
        tier = "region"  # without a code nothing can be in it
    people = population or UNKNOWN_POPULATION
    wide = radius(people) if tier in ("first", "second", "region") else 0.0
    place = Place(name, tier, row[8], row[10], row[11], lat, lon, people, geoname, FEATURES.get(row[7], ""), wide)
    place.add(name, "primary")
    place.add(row[2] if "\ufffd" not in row[2] else "", "ascii")
    for bare in stripped(name) if row[6] != "P" else ():
        place.add(bare, "stripped")
    return place


def radius(population: int) -> float:
    """km from the middle of an area within which its people live, as far as their number tells."""
    return min(max(40 * (population / 1e6) ** 0.6, 10.0), 1500.0)


def alternates(rows: Iterable[str], wanted: Container[int], bad: Counter[str]) -> Iterator[tuple[int, Name]]:
    """GeoNames id and name of the lines of alternateNamesV2.txt that are of wanted ids; counts what cannot be read."""
    for line in rows:
        row = line.split("\t")
        if len(row) < 8 or not row[1].isdecimal() or "\ufffd" in row[3]:
            bad["alternates"] += 1
        elif int(row[1]) in wanted and _LANGUAGE.fullmatch(row[2]):
            text = " ".join(row[3].split())
            doubtful = not row[2] or "1" in row[6:8]  # colloquial, historic
            if text and not _is_noise(text):
                yield int(row[1]), Name(text, "alternate" if doubtful else "translated", language_of(row[2]))


class Known:
    """The places that the tables have: by GeoNames id, areas also by their codes, others also by name and position."""

    def __init__(self, places: Iterable[tuple[int, Place]]) -> None:
        self.ids: dict[int, int] = {}
        """The id in the tables of each GeoNames id; grows as places are found or added."""
        self._areas: dict[tuple[str, ...], int] = {}
        self._named: dict[tuple[bool, str, str], list[tuple[float, float, int]]] = defaultdict(list)
        for number, place in places:
            if place.geoname:
                self.ids[place.geoname] = number
            if place.tier in ("first", "second"):
                self._areas[_code(place)] = number
            area = place.tier in ("country", "first", "second", "region")
            for name in place.folded():
                self._named[area, place.country, name].append((place.lat, place.lon, number))

    def find(self, place: Place) -> int | None:
        """The id of what the tables have of a place of the dump, which is from then on known by its GeoNames id."""
        number = self.ids.get(place.geoname)
        if number is None:
            number = self._areas.get(_code(place)) if place.tier in ("first", "second") else self._beside(place)
        if number is not None:
            self.ids[place.geoname] = number
        return number

    def _beside(self, place: Place) -> int | None:
        region = place.tier == "region"
        reach = SAME_AREA_KM if region else SAME_KM
        for name in place.names:
            for lat, lon, number in self._named.get((region, place.country, fold(name.text)), ()):
                if distance_km(place.lat, place.lon, lat, lon) <= reach:
                    return number
        return None


def _code(area: Place) -> tuple[str, ...]:
    return (area.country, area.admin1, area.admin2) if area.tier == "second" else (area.country, area.admin1)
