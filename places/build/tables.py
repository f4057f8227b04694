"""Build places.parquet and names.parquet, the gazetteer that the index is packed from.

Run: .venv/bin/python places/build/tables.py
"""

from __future__ import annotations

import argparse
import math
from collections import Counter
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from airports import add_airports
from areas import countries, locate, locate_by_name, official_languages, subdivisions
from localities import localities
from names import name_alternates, name_areas, name_countries, name_towns, one_of_each, strip_areas
from place import Place
from sources import fetch
from towns import towns

PLACES = pa.schema(
    [
        ("id", pa.int32()),
        ("geoname", pa.int64()),
        ("name", pa.string()),
        ("tier", pa.string()),
        ("feature", pa.string()),
        ("country", pa.string()),
        ("admin1", pa.string()),
        ("admin2", pa.string()),
        ("lat", pa.float64()),
        ("lon", pa.float64()),
        ("population", pa.int64()),
        ("radius_km", pa.float32()),
    ]
)
NAMES = pa.schema([("place", pa.int32()), ("name", pa.string()), ("kind", pa.string()), ("language", pa.string())])


def build(folder: Path) -> list[Place]:
    """Every place with all its names, areas before towns before localities."""
    nations, (first, second) = countries(folder), subdivisions(folder)
    settled, alternates = towns(folder)
    name_countries(folder, nations)
    name_areas(folder, nations, first, second)
    name_towns(folder, settled)
    postal = localities(folder, settled, first)
    locate(nations, first, second, settled, postal)
    languages = official_languages(folder)
    name_alternates(settled, alternates, nations, first, languages)
    airports = add_airports(folder, settled)
    locate_by_name([area for area in first if math.isnan(area.lat)], airports)
    areas = [area for area in (*nations, *first, *second) if not math.isnan(area.lat)]
    strip_areas([area for area in areas if area.tier != "country"], nations)
    wanted = Counter(area.tier for area in (*nations, *first, *second))
    print("areas without a position, left out:", dict(wanted - Counter(area.tier for area in areas)))
    places = [*areas, *settled, *postal, *airports]
    for place in places:
        place.names = one_of_each(place.names, languages.get(place.country, []))
    return places


def write(places: list[Place], folder: Path) -> None:
    """Write both tables into `folder`."""
    rows = [
        {**{name: getattr(place, name) for name in PLACES.names if name != "id"}, "id": number}
        for number, place in enumerate(places)
    ]
    pq.write_table(pa.Table.from_pylist(rows, schema=PLACES), folder / "places.parquet", compression="zstd")
    names = [
        {"place": number, "name": name.text, "kind": name.kind, "language": name.language}
        for number, place in enumerate(places)
        for name in place.names
    ]
    pq.write_table(pa.Table.from_pylist(names, schema=NAMES), folder / "names.parquet", compression="zstd")
    print("places:", dict(Counter(row["tier"] for row in rows)))
    print("names:", len(names), dict(Counter(row["kind"] for row in names)))


def main() -> None:
    """Fetch, build, write."""
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--work", type=Path, default=Path(__file__).parent / "work")
    work = arguments.parse_args().work
    fetch(work / "downloads")
    write(build(work / "downloads"), work)


if __name__ == "__main__":
    main()
