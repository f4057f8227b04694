"""Adds what the dump files of GeoNames have more (`dump.py`) to the tables that `tables.py` wrote."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import TypeVar

import curated
import dump
import numpy as np
import pandas as pd
from names import LARGER
from place import Name, Place, fold

AT_ONCE = 100_000
"""Rows that are Python objects at a time; a table takes a tenth of their memory."""
COLUMNS = ["name", "tier", "country", "admin1", "admin2", "lat", "lon", "population", "geoname", "feature", "radius_km"]
Given = TypeVar("Given")


def joined(
    places: pd.DataFrame, names: pd.DataFrame, file: Path, alternates: Path | None, countries: frozenset[str]
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The tables with the places of the dump and their names. Ids must be row numbers; no countries stands for all.

    Raises SystemExit for a file that is missing or no dump, and for a country that the tables do not have.
    """
    for needed in filter(None, (file, alternates)):
        if not needed.is_file():
            raise SystemExit(f"{needed}: no such file; download and unpack it first")
    all_countries = frozenset(places.country[places.tier == "country"])
    if countries - all_countries:
        raise SystemExit(f"no such countries: {', '.join(sorted(countries - all_countries))}")
    wanted = countries or all_countries
    bad: Counter[str] = Counter()
    known = dump.Known(_as_places(places[places.country.isin(wanted)], names))
    found = _new(dump.places(dump.lines(file), wanted, bad), known, first=len(places))
    tables = [_tables(chunk) for chunk in _chunks(found)]
    if not tables:
        raise SystemExit(f"{file}: holds no new place of these countries; is it the unpacked allCountries.txt?")
    print("dump:", dict(Counter(tier for added, _ in tables for tier in added.tier)), "unreadable:", bad["places"])
    more = pd.concat([places, *(added for added, _ in tables)], ignore_index=True)
    fresh = [given for _, given in tables]
    if alternates:
        useful = _useful(dump.alternates(dump.lines(alternates), known.ids, bad), known.ids, more, names)
        fresh += [pd.DataFrame(chunk, columns=["place", "name", "kind"]) for chunk in _chunks(useful)]
        print("alternate names:", sum(map(len, fresh[len(tables) :])), "unreadable:", bad["alternates"])
    return more, _with(names, fresh)


def _as_places(places: pd.DataFrame, names: pd.DataFrame) -> Iterator[tuple[int, Place]]:
    """With what people call those that have no GeoNames id."""
    called: dict[int, list[Name]] = defaultdict(list)
    without = names.place.isin(places.id[places.geoname == 0]) & names.kind.isin(["official", "stripped", "curated"])
    for number, text, kind in names.loc[without, ["place", "name", "kind"]].itertuples(index=False, name=None):
        called[number].append(Name(text, kind))
    for number, *values in places[["id", *COLUMNS]].itertuples(index=False, name=None):
        yield number, Place(*values, names=called.get(number, []))


def _new(rows: Iterator[Place], known: dump.Known, first: int) -> Iterator[tuple[int, Place]]:
    """The places that the tables do not have, numbered from `first` on."""
    for place in rows:
        if known.find(place) is None:
            known.ids[place.geoname] = first
            yield first, place
            first += 1


def _chunks(rows: Iterator[Given]) -> Iterator[list[Given]]:
    while chunk := list(islice(rows, AT_ONCE)):
        yield chunk


def _tables(chunk: list[tuple[int, Place]]) -> tuple[pd.DataFrame, pd.DataFrame]:
    rows = [(number, *(getattr(place, column) for column in COLUMNS)) for number, place in chunk]
    names = [(number, name.text, name.kind) for number, place in chunk for name in place.names]
    return pd.DataFrame(rows, columns=["id", *COLUMNS]), pd.DataFrame(names, columns=["place", "name", "kind"])


def _useful(
    alternates: Iterator[tuple[int, Name]], ids: dict[int, int], places: pd.DataFrame, names: pd.DataFrame
) -> Iterator[tuple[int, str, str]]:
    """Place, name and kind, unless a much larger place of the country, or the country itself, is called so."""
    largest = _largest(places, names)
    countries, populations = places.country.tolist(), places.population.tolist()
    for geoname, name in alternates:
        place = ids[geoname]
        if largest.get((countries[place], fold(name.text)), 0) <= LARGER * populations[place]:
            yield place, name.text, name.kind


def _largest(places: pd.DataFrame, names: pd.DataFrame) -> dict[tuple[str, str], int]:
    """People in the largest town of each country and folded name; a country counts under all its names."""
    towns = places[places.tier == "town"]
    nations = names.merge(
        places.loc[places.tier == "country", ["id", "country", "population"]], left_on="place", right_on="id"
    )
    largest: dict[tuple[str, str], int] = defaultdict(int)
    for table in (towns, nations[nations.kind.str.fullmatch("primary|official|translated|alternate")]):
        for country, name, people in zip(table.country, table.name, table.population, strict=True):
            key = (country, fold(name))
            largest[key] = max(largest[key], people)
    return dict(largest)


def _with(names: pd.DataFrame, fresh: list[pd.DataFrame]) -> pd.DataFrame:
    """The names and those of the fresh ones that their place does not have yet, as the index compares them."""
    both = pd.concat([names, *fresh], ignore_index=True)
    keys = [curated.keys_of(both.name[start : start + AT_ONCE]) for start in range(0, len(both), AT_ONCE)]
    again = both.assign(key=np.concatenate(keys)).duplicated(["place", "key"]).to_numpy(copy=True)
    again[: len(names)] = False
    return both[~again].reset_index(drop=True)
