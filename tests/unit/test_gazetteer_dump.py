"""A gazetteer of one's own out of the dump files of GeoNames (places/build/dump.py), on an invented dump."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from tests.helpers.places_build import modules

dump, place, dump_tables = modules("dump", "place", "dump_tables")

COUNTRIES = frozenset({"GB", "IE"})


def line(geoname: int, name: str, feature: str, **values: Any) -> str:
    """One line of allCountries.txt; `feature` is class and code."""
    given = {"ascii": name, "lat": 51.0, "lon": -1.0, "country": "GB", "admin1": "ENG", "admin2": "A1", "population": 0}
    given |= values
    columns = [
        str(geoname),
        name,
        given["ascii"],
        "",
        given["lat"],
        given["lon"],
        *feature.split("."),
        given["country"],
    ]
    columns += [
        "",
        given["admin1"],
        given["admin2"],
        "",
        "",
        given["population"],
        "",
        "",
        "Europe/London",
        "2024-01-01",
    ]
    return "\t".join(map(str, columns))


DUMP = [
    line(1, "Bigton", "P.PPLA2", population=90_000),
    line(11, "Littleham", "P.PPL", lat=51.4),
    line(12, "Midham", "P.PPL", lat=51.5, population=320),
    line(13, "Eastquarter", "P.PPLX", population=4000),
    line(14, "Oldham Lost", "P.PPLQ"),
    line(15, "Ruinham", "P.PPLH"),
    line(16, "Skerry", "T.ISL", lat=58.0, admin1="00", admin2="", population=60),
    line(17, "Shire of Nether", "A.ADM2", admin2="A2", lat=52.0),
    line(18, "Borough of Newham", "A.ADM3", lat=51.3),
    line(19, "Wide Moor", "L.PRK", lat=54.0),
    line(20, "Ben Something", "T.MT", lat=56.0),
    line(21, "Ville", "P.PPL", country="FR", lat=48.0),
    line(22, "Postal Place", "P.PPL", lat=50.05),
    line(23, "Bigshire", "A.ADM2", admin2="A1"),
    "24\ttoo\tfew\tcolumns",
    line(25, "Nowhere", "P.PPL", lat="north"),
    line(26, "Off the Earth", "P.PPL", lat=97.0),
    line(27, "Br\ufffdken", "P.PPL"),
    line(28, " ", "P.PPL"),
    "",
]
ALTERNATES = [
    "1\t1\tfr\tGrandville\t1\t\t\t\t\t",
    "2\t1\ten\tThe Big One\t\t\t1\t\t\t",
    "3\t1\tlink\thttps://example.org/Bigton\t\t\t\t\t\t",
    "4\t1\tiata\tBGT\t\t\t\t\t\t",
    "5\t1\t\tBIG\t\t\t\t\t\t",
    "6\t11\tcy\tBychan\t\t\t\t\t\t",
    "7\t11\ten\tBigton\t\t\t\t\t\t",
    "8\t23\tfr\tComté de Grand\t\t\t\t\t\t",
    "9\t16\tgd\tSgeir\t\t\t\t1\t1800\t1900",
    "10\t999\tfr\tAilleurs\t\t\t\t\t\t",
    "11\tno number\tfr\tRien\t\t\t\t\t\t",
    "12\t1",
    "13\t21\ten\tTown\t\t\t\t\t\t",
    "14\t1\tfr\tGrandville\t\t\t\t\t\t",
]


def read(rows: list[str], countries: frozenset[str] = COUNTRIES) -> tuple[dict[str, Any], int]:
    bad: Counter[str] = Counter()
    return {found.name: found for found in dump.places(rows, countries, bad)}, bad["places"]


# Lines to places: no pandas.


def test_lines_that_cannot_be_read_are_counted():
    found, bad = read(DUMP)
    assert bad == 6
    assert not {"too", "Nowhere", "Off the Earth", "Br\ufffdken"} & set(found)


def test_each_feature_has_its_tier():
    found, _ = read(DUMP)
    assert {name: one.tier for name, one in found.items()} == {
        "Bigton": "town",
        "Littleham": "locality",
        "Midham": "town",
        "Eastquarter": "quarter",
        "Skerry": "region",
        "Shire of Nether": "second",
        "Borough of Newham": "quarter",
        "Wide Moor": "region",
        "Postal Place": "locality",
        "Bigshire": "second",
    }


def test_a_place_has_position_people_and_codes():
    (midham,) = read([DUMP[2]])[0].values()
    assert (midham.geoname, midham.lat, midham.lon, midham.population) == (12, 51.5, -1.0, 320)
    assert (midham.country, midham.admin1, midham.admin2, midham.radius_km) == ("GB", "ENG", "A1", 0.0)


def test_an_area_is_also_called_by_its_name_without_formal_words():
    (borough,) = read([DUMP[8]])[0].values()
    assert [(name.text, name.kind) for name in borough.names if name.kind != "ascii"] == [
        ("Borough of Newham", "primary"),
        ("Newham", "stripped"),
    ]


def test_an_area_without_a_code_is_a_region():
    (area,) = read([line(1, "Codeless", "A.ADM2", admin2="")])[0].values()
    assert area.tier == "region"


def test_only_the_countries_asked_for_are_read():
    assert set(read(DUMP, frozenset({"FR"}))[0]) == {"Ville"}


def test_a_radius_grows_with_the_people_within_bounds():
    assert [dump.radius(people) for people in (0, 1_000_000, 10**10)] == [10.0, 40.0, 1500.0]


def test_names_in_languages_are_read_and_codes_and_links_left_out():
    bad: Counter[str] = Counter()
    found = list(dump.alternates(ALTERNATES, {1, 16}, bad))
    assert [(number, name.text, name.kind, name.language) for number, name in found] == [
        (1, "Grandville", "translated", "fr"),
        (1, "The Big One", "alternate", "en"),
        (16, "Sgeir", "alternate", "gd"),
        (1, "Grandville", "translated", "fr"),
    ]
    assert bad["alternates"] == 2


def test_a_file_is_read_whatever_its_bytes(tmp_path: Path):
    file = tmp_path / "dump.txt"
    file.write_bytes(b"caf\xe9\tx\r\n\x00\nlast")
    assert list(dump.lines(file)) == ["caf\ufffd\tx", "\x00", "last"]


# What the tables have already.


def known(*places: Any) -> Any:
    return dump.Known(enumerate(places))


def test_a_place_is_known_by_its_id():
    assert known(place.Place("Bigton", "town", "GB", geoname=1)).find(read([DUMP[0]])[0]["Bigton"]) == 0


def test_a_postal_place_is_known_by_name_and_position():
    tables = known(place.Place("Postal Place", "locality", "GB", lat=50.0, lon=-1.0))
    (near,) = read([DUMP[12]])[0].values()
    (far,) = read([line(30, "Postal Place", "P.PPL", lat=55.0)])[0].values()
    assert (tables.find(near), tables.find(far)) == (0, None)
    assert tables.ids == {22: 0}


def test_an_area_is_known_by_its_codes_and_an_island_by_the_area_of_its_name():
    tables = known(
        place.Place("Some Shire", "second", "GB", "ENG", "A1", 51.0, -1.0),
        place.Place("Skerry", "second", "GB", "SCT", "B1", 58.2, -1.0),
    )
    found, _ = read(DUMP)
    assert [tables.find(found[name]) for name in ("Bigshire", "Skerry", "Shire of Nether")] == [0, 1, None]


def test_a_place_of_our_own_tables_is_known_by_what_people_call_it():
    curated = place.Place("Skerry of Old", "region", "GB", lat=58.0, lon=-1.0, names=[place.Name("Skerry", "curated")])
    assert known(curated).find(read([DUMP[6]])[0]["Skerry"]) == 0


# The tables: these need pandas, which `make places-setup` installs.


@pytest.fixture
def tables() -> tuple[Any, Any]:
    pandas = pytest.importorskip("pandas")
    columns = ["id", "geoname", "name", "tier", "feature", "country", "admin1", "admin2", "lat", "lon", "population"]
    rows = [
        (0, 900, "United Kingdom", "country", "", "GB", "", "", 54.0, -2.0, 66_000_000),
        (1, 901, "Ireland", "country", "", "IE", "", "", 53.0, -8.0, 5_000_000),
        (2, 0, "Bigshire", "second", "", "GB", "ENG", "A1", 51.0, -1.0, 200_000),
        (3, 1, "Bigton", "town", "", "GB", "ENG", "A1", 51.0, -1.0, 90_000),
        (4, 0, "Postal Place", "locality", "", "GB", "ENG", "", 50.0, -1.0, 100),
    ]
    places = pandas.DataFrame(rows, columns=columns).assign(radius_km=0.0)
    names = pandas.DataFrame({"place": places.id, "name": places.name, "kind": "primary"})
    return places, names


@pytest.fixture
def files(tmp_path: Path) -> tuple[Path, Path]:
    paths = tmp_path / "allCountries.txt", tmp_path / "alternateNamesV2.txt"
    for path, rows in zip(paths, (DUMP, ALTERNATES), strict=True):
        path.write_text("\n".join([*rows, ""]), encoding="utf-8")
    return paths


def test_the_tables_grow_by_what_they_lack(tables: tuple[Any, Any], files: tuple[Path, Path], capsys):
    places, names = dump_tables.joined(*tables, files[0], None, frozenset())
    assert places.id.tolist() == places.index.tolist() == list(range(12))
    assert places.name[5:].tolist() == [
        "Littleham", "Midham", "Eastquarter", "Skerry", "Shire of Nether", "Borough of Newham", "Wide Moor",
    ]  # fmt: skip
    assert list(places.columns) == list(tables[0].columns)
    assert set(names.name[names.place == 10]) == {"Borough of Newham", "Newham"}
    assert "unreadable: 6" in capsys.readouterr().out


def test_names_go_to_old_and_new_places_once_each(tables: tuple[Any, Any], files: tuple[Path, Path]):
    _, names = dump_tables.joined(*tables, *files, frozenset({"GB"}))
    given = {name: (number, kind) for number, name, kind in names.itertuples(index=False, name=None)}
    assert given["Grandville"] == (3, "translated")
    assert given["Comté de Grand"] == (2, "translated")
    assert given["Bychan"] == (5, "translated")
    assert given["Sgeir"] == (8, "alternate")
    assert names.name.tolist().count("Grandville") == 1
    assert names.name.tolist().count("Bigton") == 1  # not Littleham, which a far larger town would hide


def test_what_is_no_dump_is_refused(tables: tuple[Any, Any], files: tuple[Path, Path], tmp_path: Path):
    with pytest.raises(SystemExit, match="no such file"):
        dump_tables.joined(*tables, tmp_path / "missing.txt", None, frozenset())
    with pytest.raises(SystemExit, match="no such countries: UK"):
        dump_tables.joined(*tables, files[0], None, frozenset({"UK"}))
    with pytest.raises(SystemExit, match="no new place"):
        dump_tables.joined(*tables, files[1], None, frozenset())
