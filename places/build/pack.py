"""Packs the tables of places and names, with the curated ones, into the index that ships (`_index.py`).

python places/build/pack.py [--out FOLDER [--dump FILE [--alternates FILE] [--countries GB,IE]]]
"""

from __future__ import annotations

import argparse
import json
from datetime import date
from pathlib import Path

import commonness
import curated
import dump_tables
import numpy as np
import pandas as pd
import typos

from tocsin.gazetteer import _text
from tocsin.gazetteer._index import ARRAYS, DEGREE, KEY_MASK, NOWHERE, POPULATION_STEP, VERSION, Kind, Tier

HERE = Path(__file__).parent
OUT = HERE.parents[1] / "src" / "tocsin" / "gazetteer" / "index"
KINDS = {
    "primary": Kind.PRIMARY, "ascii": Kind.PRIMARY, "curated": Kind.CURATED, "official": Kind.OFFICIAL,
    "stripped": Kind.OFFICIAL, "translated": Kind.TRANSLATED, "alternate": Kind.ALTERNATE,
    "subdivision": Kind.CODE, "iso2": Kind.ISO2, "iso3": Kind.ISO3, "airport": Kind.AIRPORT, "weak": Kind.WEAK,
    "flag": Kind.FLAG,
}  # fmt: skip
NAMESAKE = 25.0
"""km within which a locality is the town of that name."""
USUAL_PAIR, USUAL = 12, 16
"""How common two letters and more must be, in small letters, for a short name to count in capitals only."""
TIERS = {tier.name.lower(): tier for tier in Tier}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=OUT)
    parser.add_argument("--dump", type=Path, help="GeoNames' allCountries.txt, for an index of your own")
    parser.add_argument("--alternates", type=Path, help="GeoNames' alternateNamesV2.txt")
    parser.add_argument(
        "--countries", type=lambda text: frozenset(text.split(",")), default=frozenset(), help="only these: GB,IE"
    )
    options = parser.parse_args()
    if options.dump and options.out.resolve() == OUT.resolve():
        parser.error("--dump is for an index of your own: say --out FOLDER")
    places = pd.read_parquet(HERE / "work" / "places.parquet")
    names = pd.read_parquet(HERE / "work" / "names.parquet")[["place", "name", "kind"]]
    places["tier"] = places.tier.mask((places.tier == "town") & (places.feature == "quarter"), "quarter")
    places, names = _without_namesakes(places, names)
    places, extra = curated.joined(places, names)
    names = pd.concat([names, extra, _flags(places)], ignore_index=True)
    if options.dump:
        places, names = dump_tables.joined(places, names, options.dump, options.alternates, options.countries)
    places["name"] = places.name.str.strip()
    places, names = _ordered(places, names)
    names = _without_area_names(names, places)
    arrays = {**_place_arrays(places), **_name_arrays(names, places)}
    arrays["fame"] = _fame(names, len(places))
    arrays["denied"] = _denied()
    arrays["ordinary"] = commonness.ordinary()
    arrays["typos"], arrays["meant"] = typos.of(names, places)
    _write(options.out, arrays)
    print({name: len(array) for name, array in arrays.items()})


def _without_namesakes(places: pd.DataFrame, names: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Without the localities that a town beside them is also called by: New York is New York City."""
    small = places[places.tier == "locality"]
    keyed = names.assign(key=curated.keys_of(names.name)).merge(places, left_on="place", right_on="id")
    own = pd.DataFrame({"key": curated.keys_of(small.name), "locality": small.id, "at": small.lat, "to": small.lon})
    pairs = own.merge(keyed[keyed.tier == "town"], on="key")
    distance = curated.kilometres(
        pairs["at"].to_numpy(), pairs["to"].to_numpy(), pairs.lat.to_numpy(), pairs.lon.to_numpy()
    )
    double = set(pairs.locality[distance < NAMESAKE])
    print(f"{len(double)} localities left out that are towns by another name")
    return places[~places.id.isin(double)], names[~names.place.isin(double)]


def _flags(places: pd.DataFrame) -> pd.DataFrame:
    countries = places[places.tier == "country"]
    signs = countries.country.map(lambda code: "".join(chr(0x1F1E6 + ord(letter) - ord("A")) for letter in code))
    return pd.DataFrame({"place": countries.id, "name": signs, "kind": "flag"})


def _ordered(places: pd.DataFrame, names: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Places by tier, the largest first, numbered anew."""
    places = places.assign(tier=places.tier.map(TIERS)).sort_values(["tier", "population"], ascending=[True, False])
    places = places.reset_index(drop=True)
    rows = pd.Series(places.index, index=places.id)
    return places, names.assign(place=names.place.map(rows).astype(np.int64), kind=names.kind.map(KINDS))


def _place_arrays(places: pd.DataFrame) -> dict[str, np.ndarray]:
    tier = places.tier.to_numpy()
    key = places.country
    first = key + "." + places.admin1
    second = first + "." + places.admin2
    titles = [name.encode() for name in places.name]
    return {
        "tiers": tier.astype(np.uint8),
        "populations": np.rint(np.log10(places.population + 1) * POPULATION_STEP).clip(0, 255).astype(np.uint8),
        "countries": _rows(key, key.where(tier == Tier.COUNTRY)),
        "firsts": _rows(first, first.where(tier == Tier.FIRST)),
        "seconds": _rows(second, second.where(tier == Tier.SECOND)),
        "latitudes": np.rint(places.lat * DEGREE).astype(np.int32),
        "longitudes": np.rint(places.lon * DEGREE).astype(np.int32),
        "radii": places.radius_km.fillna(0).clip(0, 5000).astype(np.uint16),
        "titles": np.frombuffer(b"".join(titles), np.uint8),
        "title_bounds": np.cumsum([0, *map(len, titles)]).astype(np.uint32),
        "codes": np.frombuffer("".join(places.country[tier == Tier.COUNTRY]).encode(), np.uint8),
    }


def _rows(wanted: pd.Series, areas: pd.Series) -> np.ndarray:
    """The row of the area that each place is in, by its code."""
    known = areas.dropna()
    rows = pd.Series(known.index, index=known.to_numpy())
    rows = rows[~rows.index.duplicated()]
    return wanted.map(rows).fillna(NOWHERE).astype(np.uint16).to_numpy()


def _name_arrays(names: pd.DataFrame, places: pd.DataFrame) -> dict[str, np.ndarray]:
    names = pd.concat(
        [names, _without_article(names), _glued(names, places), _counties(names, places), _states(names, places)],
        ignore_index=True,
    )
    names = _short_names_as_codes(names, places)
    names = names.assign(
        kind=names.kind.mask(names.name.str.fullmatch(r"[\W\d_]+") & (names.kind != Kind.FLAG), Kind.WEAK)
    )
    kept, keys = _text.names(names.name.tolist())
    pairs = names.iloc[kept].assign(key=keys & KEY_MASK)
    pairs = pairs.sort_values("kind").drop_duplicates(["key", "place"])
    pairs["population"] = places.population.to_numpy()[pairs.place]
    pairs = pairs.sort_values(["key", "population", "place"], ascending=[True, False, True])
    unique, starts = np.unique(pairs.key.to_numpy(), return_index=True)
    common = commonness.of(unique)
    short = (pairs.kind == Kind.CURATED) & pairs.name.str.fullmatch("[A-Z][A-Z.]{0,4}")
    at = np.repeat(np.arange(len(unique)), np.diff(np.append(starts, len(pairs))))
    letters = pairs.name.str.count("[A-Z]")
    usual = common[at] > np.where(letters <= 2, USUAL_PAIR, USUAL)
    pairs["kind"] = pairs.kind.mask(short & usual, Kind.CAPITALS)
    return {
        "keys": unique,
        "offsets": np.append(starts, len(pairs)).astype(np.uint32),
        "commonness": common,
        "places": pairs.place.to_numpy().astype(np.uint32),
        "kinds": pairs.kind.to_numpy().astype(np.uint8),
    }


def _fame(names: pd.DataFrame, count: int) -> np.ndarray:
    """A place that is known in many languages has many names."""
    told = names[names.kind.isin([Kind.PRIMARY, Kind.OFFICIAL, Kind.TRANSLATED, Kind.ALTERNATE])]
    return np.rint(16 * np.log2(np.maximum(np.bincount(told.place, minlength=count), 1))).clip(0, 255).astype(np.uint8)


def _denied() -> np.ndarray:
    lines = (HERE.parent / "curated" / "nowhere.txt").read_text(encoding="utf-8").splitlines()
    _, keys = _text.names([line.strip() for line in lines if line.strip()])
    return np.unique(keys & KEY_MASK)


def _without_article(names: pd.DataFrame) -> pd.DataFrame:
    with_article = names[names.name.str.lower().str.startswith("the ")]
    return with_article.assign(name=with_article.name.str[4:])


def _states(names: pd.DataFrame, places: pd.DataFrame) -> pd.DataFrame:
    """ "New York State" and "State of Kerala", where first-level areas are states."""
    tier, country = places.tier.to_numpy()[names.place], places.country.to_numpy()[names.place]
    states = names[
        (names.kind == Kind.PRIMARY)
        & (tier == Tier.FIRST)
        & np.isin(country, ["US", "NG", "IN", "MX", "BR", "MY", "AU"])
    ]
    forms = [states.assign(name=states.name + " State"), states.assign(name="State of " + states.name)]
    return pd.concat(forms).assign(kind=Kind.OFFICIAL)


def _without_area_names(names: pd.DataFrame, places: pd.DataFrame) -> pd.DataFrame:
    """Oklahoma City is not called Oklahoma: no town by the name of its own first-level area, unless that is its own."""
    kept, keys = _text.names(names.name.tolist())
    key = pd.Series(keys, index=names.index[kept]).reindex(names.index)
    first = names.place.map(pd.Series(_place_arrays(places)["firsts"].astype(np.int64)))
    areas = pd.MultiIndex.from_arrays([names.place, key])[(names.kind <= Kind.TRANSLATED) & (first == names.place)]
    town = (first != names.place) & names.kind.isin([Kind.TRANSLATED, Kind.ALTERNATE])
    return names[~(town & pd.MultiIndex.from_arrays([first, key]).isin(areas))]


def _short_names_as_codes(names: pd.DataFrame, places: pd.DataFrame) -> pd.DataFrame:
    """Two or three capitals are no name of a first-level area but a code, whatever the tables call them."""
    first = places.tier.to_numpy()[names.place] == Tier.FIRST
    short = (
        first
        & names.kind.isin([Kind.OFFICIAL, Kind.TRANSLATED, Kind.ALTERNATE])
        & names.name.str.fullmatch("[A-Z]{2,3}")
    )
    return names.assign(kind=names.kind.mask(short, Kind.CODE))


def _counties(names: pd.DataFrame, places: pd.DataFrame) -> pd.DataFrame:
    """ "County Mayo" and "Co Mayo", as the counties of Ireland and of the United Kingdom are written."""
    bare = names[(names.kind <= Kind.OFFICIAL) & ~names.name.str.contains("(?i)county")]
    tier, country = places.tier.to_numpy()[bare.place], places.country.to_numpy()[bare.place]
    bare = bare[((tier == Tier.FIRST) | (tier == Tier.SECOND) | (tier == Tier.REGION)) & np.isin(country, ["IE", "GB"])]
    return pd.concat([bare.assign(name=word + bare.name, kind=Kind.OFFICIAL) for word in ("County ", "Co ")])


def _glued(names: pd.DataFrame, places: pd.DataFrame) -> pd.DataFrame:
    """ "newyork", "portharcourt": the names of large places in one word."""
    strong = names[(names.kind <= Kind.OFFICIAL) & names.name.str.contains(" ")]
    large = strong[places.population.to_numpy()[strong.place] >= 100_000]
    return large.assign(name=large.name.str.replace(" ", ""), kind=Kind.ALTERNATE)


def _write(folder: Path, arrays: dict[str, np.ndarray]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name in ARRAYS:
        np.save(folder / "new.npy", arrays[name])
        (folder / "new.npy").replace(folder / f"{name}.npy")
    manifest = {
        "version": VERSION,
        "made": date.today().isoformat(),
        "places": len(arrays["tiers"]),
        "names": len(arrays["keys"]),
        "attribution": "GeoNames (CC BY 4.0), with additions named in NOTICE",
    }
    (folder / "manifest.json").write_text(json.dumps(manifest, indent=1) + "\n")


if __name__ == "__main__":
    main()
