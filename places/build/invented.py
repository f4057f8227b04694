"""Author locations made up from the gazetteer: exact labels for the usual ways to write a place, and contradictions."""

from __future__ import annotations

import numpy as np

from tocsin.evaluate._places import JUNK, Row
from tocsin.gazetteer._index import DEGREE, NOWHERE, POPULATION_STEP, Index, Tier
from tocsin.gazetteer.embedded import index

_SHAPES = (
    ("{town}", 3), ("{town}, {first}", 5), ("{town}, {country}", 5), ("{town} {country}", 1), ("{town}, {code}", 5),
    ("{town} {code}", 2), ("{town}, {first}, {country}", 3), ("{town}, {second}", 2),
    ("{town}, {second}, {country}", 1), ("{first}", 1), ("{first}, {country}", 2), ("{second}, {first}", 1),
    ("{country}", 1), ("📍{town}", 1), ("{town} {flag}", 2), ("{town} | {country}", 1), ("{town}-{country}", 1),
    ("{town} - {first}", 1), ("living in {town}, {country}", 1), ("{town}/{country}", 1),
)  # fmt: skip
_WRITERS = {
    "US": 32, "GB": 11, "IN": 10, "NG": 5, "CA": 5, "AU": 3, "ZA": 3, "KE": 2, "GH": 1, "PK": 2, "PH": 3, "ID": 3,
    "MY": 2, "IE": 2, "NZ": 1, "ES": 2, "MX": 2, "BR": 3, "AR": 1, "CO": 1, "FR": 2, "DE": 2, "IT": 1, "NL": 1, "TR": 2,
    "SA": 1, "JP": 3, "AE": 1, "EG": 1, "TH": 1, "VE": 1,
}  # fmt: skip
"""Of a hundred posts about how many are written in a country; others: 0.3."""
_CODES = {
    "US": "New York:NY,California:CA,Texas:TX,Florida:FL,Ohio:OH,Illinois:IL,Pennsylvania:PA,Georgia:GA,Michigan:MI,"
    "North Carolina:NC,Virginia:VA,Washington:WA,Arizona:AZ,Massachusetts:MA,Tennessee:TN,Indiana:IN,Missouri:MO,"
    "Maryland:MD,Wisconsin:WI,Colorado:CO,Minnesota:MN,South Carolina:SC,Alabama:AL,Louisiana:LA,Kentucky:KY,"
    "Oregon:OR,Oklahoma:OK,Connecticut:CT,Iowa:IA,Utah:UT,Nevada:NV,Kansas:KS,Arkansas:AR,New Jersey:NJ",
    "CA": "Ontario:ON,British Columbia:BC,Alberta:AB,Manitoba:MB,Quebec:QC,Nova Scotia:NS",
    "AU": "New South Wales:NSW,Victoria:VIC,Queensland:QLD,South Australia:SA,Western Australia:WA",
    "BR": "São Paulo:SP,Rio de Janeiro:RJ,Minas Gerais:MG,Bahia:BA,Paraná:PR",
}
_KNOWN, _WIDE = 5.2 * POPULATION_STEP, 6.3 * POPULATION_STEP


def invented(count: int, seed: int = 7) -> list[Row]:
    """About `count` rows like those of the lists, and a few hundred of countries and counties."""
    random = np.random.default_rng(seed)
    table = index()
    towns = np.flatnonzero((table.tiers == Tier.TOWN) & (table.firsts != NOWHERE))
    chosen = random.choice(towns, count, p=_odds(towns, table))
    shapes, weights = zip(*_SHAPES, strict=True)
    made = random.choice(len(shapes), count, p=np.array(weights) / sum(weights))
    codes = _codes(table)
    rows = _countries(table) + _counties(table, random, count // 15)
    written = [_row(int(town), shapes[shape], table, codes) for town, shape in zip(chosen, made, strict=True)]
    return rows + [_in_small_letters(row) if random.random() < 0.25 else row for row in written]


def contradictions(count: int, seed: int = 8) -> list[Row]:
    """Large towns with a country or first-level area that has none of that name: no place."""
    random = np.random.default_rng(seed)
    table = index()
    towns = np.flatnonzero((table.tiers == Tier.TOWN) & (table.populations > _KNOWN))
    areas = np.flatnonzero((table.tiers <= Tier.FIRST) & (table.populations > _WIDE))
    real = {(table.title(int(town)), int(rows[town])) for rows in (table.countries, table.firsts) for town in towns}
    drawn = zip(random.choice(towns, count), random.choice(areas, count), strict=True)
    pairs = [(table.title(int(town)), int(area)) for town, area in drawn]
    return [
        Row("", f"{town}, {table.title(area)}", JUNK)
        for town, area in pairs
        if (town, area) not in real and town != table.title(area)
    ]


def _odds(towns: np.ndarray, table: Index) -> np.ndarray:
    """Larger towns are more frequent, and those of countries whose people write more."""
    odds = 10.0 ** (0.6 * table.populations[towns] / POPULATION_STEP)
    countries = np.array([table.country(int(town)) for town in towns])
    for country in np.unique(countries):
        own = countries == country
        odds[own] *= _WRITERS.get(country, 0.3) / odds[own].sum()
    return odds / odds.sum()


def _codes(table: Index) -> dict[int, str]:
    """Codes of the areas of countries where people use them."""
    rows = np.flatnonzero(table.tiers == Tier.FIRST)
    areas = {(table.country(int(row)), table.title(int(row))): int(row) for row in rows}
    pairs = [(country, *item.split(":")) for country, items in _CODES.items() for item in items.split(",")]
    return {areas[country, name]: code for country, name, code in pairs if (country, name) in areas}


def _countries(table: Index) -> list[Row]:
    rows = np.flatnonzero(table.tiers == Tier.COUNTRY)
    return [_of(int(row), table.title(int(row)), "country", table) for row in rows]


def _counties(table: Index, random: np.random.Generator, count: int) -> list[Row]:
    """Second-level areas of the United Kingdom and Ireland, which people name alone."""
    rows = [int(row) for row in np.flatnonzero(table.tiers == Tier.SECOND) if table.country(int(row)) in ("GB", "IE")]
    return [_of(int(row), table.title(int(row)), "region", table) for row in random.choice(rows, count)]


def _row(town: int, shape: str, table: Index, codes: dict[int, str]) -> Row:
    country, first, second = (int(rows[town]) for rows in (table.countries, table.firsts, table.seconds))
    if (second == NOWHERE and "{second}" in shape) or (first not in codes and "{code}" in shape):
        shape = "{town}, {first}"
    code = table.country(town)
    names = {
        "town": table.title(town), "first": table.title(first), "country": table.title(country),
        "second": table.title(second) if second != NOWHERE else "", "code": codes.get(first, ""),
        "flag": "".join(chr(0x1F1E6 + ord(letter) - ord("A")) for letter in code),
    }  # fmt: skip
    text = shape.format(**names)
    if "{town}" in shape:
        return _of(town, text, "city", table)
    if "{second}" in shape:
        return _of(second, text, "region", table)
    return _of(first, text, "region", table) if "{first}" in shape else _of(country, text, "country", table)


def _of(row: int, text: str, level: str, table: Index) -> Row:
    point = (float(table.latitudes[row]) / DEGREE, float(table.longitudes[row]) / DEGREE)
    return Row("", text, level, (point,), max(50.0, float(table.radii[row]) * 1.5), table.country(row))


def _in_small_letters(row: Row) -> Row:
    return Row("", row.text.lower(), row.level, row.points, row.within, row.country)
