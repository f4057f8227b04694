"""The gazetteer as a component: coordinates, the user's own names, the nearest town, why it answers as it does."""

from __future__ import annotations

import itertools
import re

import numpy as np
import pytest
from tests.helpers.gazetteer import answer, distance, geocoder, located

from tocsin.errors import ConfigError
from tocsin.gazetteer import _spelling, _text
from tocsin.gazetteer._index import DEGREE, Tier
from tocsin.gazetteer._reverse import FAR, Grid
from tocsin.gazetteer.embedded import AT_ONCE, Embedded, index
from tocsin.model import Place


@pytest.fixture(scope="module")
def local() -> Embedded:
    return geocoder()


# Coordinates.


def test_coordinates_in_a_text_are_its_place(local: Embedded) -> None:
    place = located(local, "ÜT: 48.2082,16.3738")
    assert place == Place(
        name=place.name if place else "", country="AT", lat=48.2082, lon=16.3738, level="point", confidence=1
    )
    assert place.name
    assert located(local, "Toronto, or rather geo:48.2082,16.3738") == place


def test_coordinates_far_from_every_town_have_no_name_and_no_country(local: Embedded) -> None:
    assert located(local, "0.1234, -30.1234") == Place(lat=0.1234, lon=-30.1234, level="point", confidence=1)


# The user's own names.


def test_an_alias_is_found_in_every_text_that_holds_it() -> None:
    own = geocoder(aliases={"The Burrow": (50.5, -4.0)})
    expected = Place(name="The Burrow", country="GB", lat=50.5, lon=-4.0, level="point", confidence=1)
    texts = [
        "The Burrow",
        "the  BURROW!",
        "living in the burrow, London",
        "🏠 The-Burrow",
        "51.5074, -0.1278 the burrow",
    ]
    assert own.locate(texts) == [expected] * len(texts)
    assert answer(own, "London, UK") == ("London", "GB", "city")
    assert answer(own, "The, Burrow")[0] != "The Burrow", "no name goes over a comma"


def test_an_alias_comes_before_every_other_name() -> None:
    own = geocoder(aliases={"London": (10.0, 10.0)})
    assert [place and place.lat for place in own.locate(["London", "LONDON, UK", "Paris"])][:2] == [10, 10]


def test_of_several_aliases_the_longest_is_taken() -> None:
    own = geocoder(aliases={"HQ": (52.52, 13.405), "HQ Two": (48.85, 2.35)})
    assert [place and place.name for place in own.locate(["hq", "hq two", "HQ 3"])] == ["HQ", "HQ Two", "HQ"]


def test_an_alias_far_from_every_town_has_no_country() -> None:
    own = geocoder(aliases={"Rig 7": (0.0, -30.0)})
    assert own.locate(["rig 7"]) == [Place(name="Rig 7", lat=0.0, lon=-30.0, level="point", confidence=1)]


def test_a_correction_is_read_in_place_of_the_text(local: Embedded) -> None:
    own = geocoder(corrections={"The Smoke": "London, UK"})
    london = located(local, "London, UK")
    assert own.locate(["The Smoke", "the smoke!", "THE-SMOKE", "Toronto"]) == [london] * 3 + [located(local, "Toronto")]


def test_a_correction_to_null_is_nowhere(local: Embedded) -> None:
    own = geocoder(corrections={"Paris": None})
    assert own.locate(["Paris", "PARIS", " paris. "]) == [None] * 3
    assert located(own, "Paris, Texas") == located(local, "Paris, Texas"), "only the whole text is corrected"


def test_a_correction_may_lead_to_an_alias_or_to_coordinates() -> None:
    own = geocoder(aliases={"HQ": (52.52, 13.405)}, corrections={"the office": "HQ", "the hut": "48.2082, 16.3738"})
    office, hut = own.locate(["The Office", "The Hut"])
    assert office is not None
    assert hut is not None
    assert (office.name, office.lat, hut.lat) == ("HQ", 52.52, 48.2082)


# The nearest town.


@pytest.mark.parametrize(
    ("point", "name", "country"),
    [
        ((51.51, -0.12), "London", "GB"),
        ((78.2, 15.6), "Longyearbyen", "SJ"),
        ((-54.81, -68.31), "Ushuaia", "AR"),
        ((69.65, 18.95), "Tromsø", "NO"),
        ((64.73, 177.5), "Anadyr", "RU"),
    ],
)
def test_the_nearest_town(local: Embedded, point: tuple[float, float], name: str, country: str) -> None:
    (town,) = local.nearest([point])
    assert town is not None
    assert (town.name, town.country, town.level, town.confidence) == (name, country, "city", 1)
    assert distance(town, *point) < 50


def test_the_nearest_town_may_lie_beyond_the_date_line(local: Embedded) -> None:
    towns = local.nearest([(-16.8, 179.99), (-16.8, -179.99), (-16.8, 180.0), (-16.8, -180.0)])
    assert {town.country for town in towns if town} == {"FJ"}
    assert len(set(towns)) == 1


@pytest.mark.parametrize(
    "point", [(90.0, 0.0), (-90.0, 0.0), (90.0, 180.0), (89.99, -179.9), (-89.99, 10.0), (0.0, -30.0), (-48.9, -123.4)]
)
def test_no_town_is_near_the_poles_or_amid_the_sea(local: Embedded, point: tuple[float, float]) -> None:
    assert local.nearest([point]) == [None]


def test_nearest_towns_come_in_the_order_of_the_points(local: Embedded) -> None:
    points = [(51.51, -0.12), (0.0, -30.0), (35.69, 139.69)]
    assert local.nearest(points[::-1]) == local.nearest(points)[::-1]
    assert local.nearest([]) == []


def test_no_town_is_nearer_than_the_nearest(local: Embedded) -> None:
    points = [(latitude, longitude) for latitude in range(-80, 81, 8) for longitude in range(-180, 181, 12)]
    towns = [(point, town) for point, town in zip(points, local.nearest(points), strict=True) if town]
    assert len(towns) > 50
    for point, town in towns:
        here = distance(town, *point)
        assert here <= 101
        assert local.nearest([(town.lat or 0, town.lon or 0)])[0] is not None
        assert all(distance(other, *point) >= here - 0.1 for _, other in towns)


# Why.


@pytest.mark.parametrize(
    "text", ["London", "Springfield", "Paris, Texas", "Cork / now in Boston", "🇬🇧 London", "ca", "qzrt", ""]
)
def test_readings_share_a_probability_the_most_probable_first(local: Embedded, text: str) -> None:
    readings = local.readings(text)
    chances = [reading.place.confidence or 0 for reading in readings]
    assert chances == sorted(chances, reverse=True)
    assert all(0 <= chance <= 1 for chance in chances)
    assert len(readings) <= 8
    assert all(reading.words in text for reading in readings)
    if "/" not in text:  # the parts of a text have a probability each
        assert sum(chances) <= 1.001


@pytest.mark.parametrize("text", ["London", "Springfield", "Paris, Texas", "San José", "Georgia"])
def test_what_the_reasons_add_up_to_decides(local: Embedded, text: str) -> None:
    readings = local.readings(text)
    assert len(readings) > 1
    for better, worse in itertools.pairwise(readings):
        rounding = 0.005 * (len(better.reasons) + len(worse.reasons))
        assert sum(better.reasons.values()) >= sum(worse.reasons.values()) - rounding


def test_as_many_readings_as_are_asked_for(local: Embedded) -> None:
    assert [len(local.readings("Springfield", most)) for most in (1, 3)] == [1, 3]
    assert local.readings("Springfield", 3) == local.readings("Springfield")[:3]


def test_the_place_is_the_best_reading(local: Embedded) -> None:
    for text in ("Toronto, Canada", "Paris, Texas", "🇯🇵"):
        (best, *_), place = local.readings(text), located(local, text)
        assert place is not None
        assert (best.place.name, best.place.lat, best.place.lon) == (place.name, place.lat, place.lon)


# As a component.


def test_it_says_what_it_is_and_whom_to_name(local: Embedded) -> None:
    assert "GeoNames" in local.attribution
    assert "CC BY 4.0" in local.attribution
    assert local.id.startswith("gazetteer 20")


def test_more_texts_than_go_at_once(local: Embedded) -> None:
    texts = [f"{town} {10_000 + number}" for number in range(AT_ONCE) for town in ("Toronto", "qzrt", "Tokyo")]
    assert [place and place.name for place in local.locate(texts)] == ["Toronto", None, "Tokyo"] * AT_ONCE


def test_more_texts_than_are_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tocsin.gazetteer.embedded._CACHED", 3)
    small = geocoder()
    for texts in (
        ["Toronto", "Tokyo"],
        ["Tokyo", "Rome", "Oslo", "Rome", "Tokyo"],
        ["Oslo", "Toronto", "Tokyo", "Rome"],
    ):
        assert [place and place.name for place in small.locate(texts)] == texts


def test_languages_do_not_count(local: Embedded) -> None:
    assert local.locate(["Tokyo", "Tokyo"], ["ja", None]) == local.locate(["Tokyo", "Tokyo"])


@pytest.mark.parametrize(
    ("aliases", "corrections", "told"),
    [
        ({"🏢": (1.5, 2.5)}, {}, "alias '🏢' can never be found"),
        ({"a b c d e f g h i": (1.5, 2.5)}, {}, "more than 8"),
        ({"HQ": (1.5, 2.5), "hq": (1.5, 2.5)}, {}, "alias 'hq' is the same as 'HQ'"),
        ({}, {"🌍": "Paris, France"}, "correction '🌍' can never be found"),
        ({}, {"Café": "Paris", "cafe!": "London"}, "is the same as 'Café'"),
    ],
)
def test_names_that_could_not_work_are_refused(
    aliases: dict[str, tuple[float, float]], corrections: dict[str, str | None], told: str
) -> None:
    with pytest.raises(ConfigError, match=re.escape(told)):
        geocoder(aliases=aliases, corrections=corrections)


@pytest.mark.parametrize(
    ("text", "country"),
    [("Taiwan, China", "TW"), ("Puerto Rico, USA", "PR"), ("Greenland, Denmark", "GL"), ("San Juan, PR, USA", "PR")],
)
def test_territories_are_written_under_a_country_too(local: Embedded, text: str, country: str) -> None:
    assert answer(local, text)[1] == country


def test_a_misspelled_text_is_explained_as_it_was_read(local: Embedded) -> None:
    first, *_ = local.readings("Lievrpool")
    assert (first.words, first.place.name) == ("Lievrpool", "Liverpool")


def test_long_nonsense_is_not_looked_at_letter_by_letter(monkeypatch: pytest.MonkeyPatch, local: Embedded) -> None:
    asked: list[int] = []
    names = _text.names
    monkeypatch.setattr(_spelling._text, "names", lambda texts: asked.append(len(texts)) or names(texts))
    nonsense = ["".join(chr(97 + (7 * n * k + n) % 26) for k in range(180)) for n in range(1, 40)]
    local.locate([*nonsense, " ".join(["qzrtplugh"] * 20)])
    assert sum(asked) <= _spelling.MOST * _spelling.LONGEST


def test_the_nearest_town_is_the_nearest_of_all() -> None:
    table = index()
    towns = np.flatnonzero(table.tiers == Tier.TOWN)
    latitudes, longitudes = table.latitudes[towns] / DEGREE, table.longitudes[towns] / DEGREE
    random = np.random.default_rng(5)
    points = [(float(latitudes[n]) + 0.3, float(longitudes[n]) - 0.2) for n in random.integers(0, len(towns), 40)]
    points += [(71.0, 179.99), (-16.8, -179.99), (-16.5, 180.0), (78.2, 15.6), (90.0, 0.0), (-90.0, 0.0)]
    rows, found = Grid(table).nearest(points)
    for (latitude, longitude), row, kilometres in zip(points, rows, found, strict=True):
        here, there = np.radians(latitude), np.radians(latitudes)
        half = np.sin((there - here) / 2) ** 2
        half += np.cos(here) * np.cos(there) * np.sin(np.radians(longitudes - longitude) / 2) ** 2
        least = 2 * 6371 * float(np.arcsin(np.sqrt(half.min())))
        if least < FAR:
            assert kilometres == pytest.approx(least)
            assert row in towns[np.isclose(half, half.min())]
