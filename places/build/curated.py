"""The curated tables (`places/curated/*.tsv`) joined to the places of the gazetteer.

A row names a place by name, level, country and position. Where the gazetteer has it, the row adds names; else it adds
the place, as a part of the nearest town's areas.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from tocsin.gazetteer import _text
from tocsin.gazetteer._index import KEY_MASK

FOLDER = Path(__file__).parents[1] / "curated"
AREAS = ("first", "second")
NAMES = ("primary", "ascii", "official", "stripped", "translated", "alternate")
"""Kinds of names by which a place is recognised; by the first two it is known to everybody."""
IDENTITY = ["name", "country", "level", "region"]
"""Rows that agree in these mean one place."""
WITHIN = {"city": 30.0, "region": 300.0, "country": 20_000.0}
"""km within which a place of the same name is the same place."""
MUCH_SMALLER = 10
"""How many times larger a place must be for it to take a name that another place bears."""
NEAREST = 60.0
"""km to a town that tells in which areas a new place is."""


def joined(places: pd.DataFrame, names: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The places with those that only the tables have, and the names that the tables give."""
    rows = _rows()
    if rows.empty:
        return places, pd.DataFrame(columns=["place", "name", "kind"])
    by_key = _by_key(names, NAMES)
    found = [_same(row, key, by_key, places) for row, key in zip(rows.itertuples(), keys_of(rows.name), strict=True)]
    rows["place"] = found
    new = _as_places(rows[rows.place < 0].drop_duplicates(IDENTITY), places, first=int(places.id.max()) + 1)
    known = pd.Series(new.id.to_numpy(), index=pd.MultiIndex.from_frame(new[IDENTITY]))
    missing = pd.MultiIndex.from_frame(rows.loc[rows.place < 0, IDENTITY])
    rows.loc[rows.place < 0, "place"] = known.loc[missing].to_numpy()
    print(f"curated: {len(rows)} rows, {len(new)} of places that are new")
    named = rows[[name not in weak.split("|") for name, weak in zip(rows.name, rows.weak, strict=True)]]
    given = [_names(named, "name", "primary"), _names(rows, "names", "curated"), _names(rows, "weak", "weak")]
    given[1] = _without_other_places(
        given[1], _by_key(names, NAMES[:2]), pd.concat([places, new[places.columns]], ignore_index=True)
    )
    return pd.concat([places, new[places.columns]], ignore_index=True), pd.concat(given, ignore_index=True)


def _rows() -> pd.DataFrame:
    tables = [
        pd.read_csv(
            file,
            sep="\t",
            dtype={"population": "Int64"},
            keep_default_na=False,
            na_values={"lat": [""], "lon": [""], "population": [""]},
            quoting=3,
        )
        for file in sorted(FOLDER.glob("*.tsv"))
    ]
    return pd.concat(tables, ignore_index=True) if tables else pd.DataFrame()


def keys_of(names: pd.Series) -> np.ndarray:
    kept, keys = _text.names(names.tolist())
    found = np.zeros(len(names), np.uint64)
    found[kept] = keys & KEY_MASK
    return found


def _by_key(names: pd.DataFrame, kinds: Sequence[str]) -> dict[int, np.ndarray]:
    """The ids of the places that bear a name, by its key."""
    strong = names[names.kind.isin(kinds)]
    keys = keys_of(strong.name)
    order = np.argsort(keys, kind="stable")
    unique, starts = np.unique(keys[order], return_index=True)
    return dict(zip(unique.tolist(), np.split(strong.place.to_numpy()[order], starts[1:]), strict=True))


def _same(row: object, key: int, by_key: dict[int, np.ndarray], places: pd.DataFrame) -> int:
    """The id of the gazetteer's place that the row means; -1 where there is none."""
    bearers = places.loc[np.unique(by_key.get(int(key), np.zeros(0, np.int64)))]
    bearers = bearers[(bearers.country == row.country) & bearers.tier.isin(_tiers(row.level))]
    distance = kilometres(row.lat, row.lon, bearers.lat.to_numpy(), bearers.lon.to_numpy())
    near = bearers[distance <= WITHIN[row.level]]
    return -1 if near.empty else int(near.id[near.population.idxmax()])


def _tiers(level: str) -> tuple[str, ...]:
    return {"city": ("town", "quarter", "locality"), "region": AREAS, "country": ("country",)}[level]


def _as_places(rows: pd.DataFrame, places: pd.DataFrame, first: int) -> pd.DataFrame:
    towns = places[places.tier == "town"]
    by_country = dict(tuple(towns.groupby("country")))
    areas = [_areas(row, by_country.get(row.country)) for row in rows.itertuples()]
    made = pd.DataFrame({
        "id": np.arange(first, first + len(rows)), "geoname": 0, "name": rows.name,
        "tier": rows.level.map({"city": "quarter", "region": "region", "country": "region"}), "feature": "",
        "country": rows.country, "admin1": [area[0] for area in areas], "admin2": [area[1] for area in areas],
        "lat": rows.lat, "lon": rows.lon, "population": rows.population.fillna(5000).astype(np.int64),
        "level": rows.level, "region": rows.region,
        "radius_km": np.where(rows.level == "region", _radius(rows.population), 0.0),
    })  # fmt: skip
    return made.set_index(rows.index)


def _radius(population: pd.Series) -> np.ndarray:
    """km: a region of a million people is about as large as an English county, one of fifty like the Midwest."""
    return (40 * (population.fillna(1_000_000).astype(float) / 1e6) ** 0.6).clip(10, 1500).to_numpy()


def _areas(row: object, towns: pd.DataFrame | None) -> tuple[str, str]:
    if towns is None or row.level != "city":
        return "", ""
    distance = kilometres(row.lat, row.lon, towns.lat.to_numpy(), towns.lon.to_numpy())
    nearest = int(np.argmin(distance))
    if distance[nearest] > NEAREST:
        return "", ""
    return towns.admin1.iloc[nearest], towns.admin2.iloc[nearest]


def _without_other_places(given: pd.DataFrame, by_key: dict[int, np.ndarray], places: pd.DataFrame) -> pd.DataFrame:
    """The names without those that another place of the country bears, unless that is much smaller."""
    by_id = places.set_index("id")
    kept = [
        all(_yields(by_id.loc[other], by_id.loc[place]) for other in by_key.get(int(key), ()) if other != place)
        for place, key in zip(given.place, keys_of(given.name), strict=True)
    ]
    print(f"curated: {len(given) - sum(kept)} names left out that are another place's")
    return given[kept]


def _yields(other: pd.Series, place: pd.Series) -> bool:
    """Whether the place may take the name of the other: New York is the city's, too."""
    wide = other.tier in ("country", "first")
    return bool(wide or other.country != place.country or other.population * MUCH_SMALLER < place.population)


def _names(rows: pd.DataFrame, column: str, kind: str) -> pd.DataFrame:
    split = rows[["place", column]].assign(name=rows[column].str.split("|")).explode("name")
    split["name"] = split.name.str.strip()
    return split[split.name.fillna("") != ""][["place", "name"]].assign(kind=kind)


def kilometres(lat: float, lon: float, lats: np.ndarray, lons: np.ndarray) -> np.ndarray:
    """On a sphere."""
    a, b = np.radians(lat), np.radians(lats)
    half = np.sin((b - a) / 2) ** 2 + np.cos(a) * np.cos(b) * np.sin(np.radians(lons - lon) / 2) ** 2
    return 12742 * np.arcsin(np.sqrt(half))
