"""What the build of the gazetteer does to names and positions (places/build), without its tables."""

from __future__ import annotations

import numpy as np
import pytest
from tests.helpers.places_build import modules

curated, formal, names, place, towns, typos = modules("curated", "formal", "names", "place", "towns", "typos")


def a_place(name: str, tier: str = "town", country: str = "GB", **values: object):
    made = place.Place(name, tier, country, **values)
    made.add(name, "primary")
    return made


# Positions.


def test_kilometres_from_one_point_to_many():
    london = (51.5, -0.1)
    found = curated.kilometres(*london, np.array([51.5, 48.85, 40.7]), np.array([-0.1, 2.35, -74.0]))
    assert found == pytest.approx([0, 342, 5575], rel=0.01)


def test_a_distance_crosses_the_date_line():
    assert place.distance_km(0, 179.5, 0, -179.5) == pytest.approx(111.2, rel=0.01)


def test_a_distance_to_the_other_side_of_the_earth_is_a_number():
    assert place.distance_km(90, 0, -90, 0) == pytest.approx(20015, rel=0.001)


# Folding.


@pytest.mark.parametrize(
    ("written", "folded"),
    [
        ("São Paulo", "sao paulo"),
        ("Stoke-on-Trent", "stoke on trent"),
        ("L’Aquila", "laquila"),
        ("Łódź", "lodz"),
        ("St. Ives", "st ives"),
        ("Йошкар-Ола", "иошкар ола"),
        ("दिल्ली", "दिल्ली"),
    ],
)
def test_names_that_look_alike_fold_alike(written: str, folded: str):
    assert place.fold(written) == folded


def test_an_empty_name_is_none():
    town = a_place("Ely")
    town.add("  ", "alternate")
    assert [name.text for name in town.names] == ["Ely"]


def test_names_are_composed_and_spaced_once():
    town = a_place("Zu\u0308rich  West")
    assert town.names[0].text == "Zürich West"


# Formal words.


@pytest.mark.parametrize(
    ("name", "bare"),
    [
        ("County of Kent", ["Kent"]),
        ("Leinster Province", ["Leinster"]),
        ("Département de la Loire", ["Loire"]),
        ("Kalmar län", ["Kalmar"]),
        ("Gävleborgs län", ["Gävleborgs", "Gävleborg"]),
        ("Aichi-ken", ["Aichi"]),
        ("愛知県", ["愛知"]),
        ("Kent", []),
        ("北海道", []),
    ],
)
def test_formal_words_are_left_out(name: str, bare: list[str]):
    assert formal.stripped(name) == bare


@pytest.mark.parametrize(
    "name", ["Northern Province", "Central Region", "Capital District", "State of 12", "Distrito X"]
)
def test_nothing_is_stripped_where_it_would_say_nothing(name: str):
    assert formal.stripped(name) == []


# Names worth keeping.


@pytest.mark.parametrize("text", ["LON", "mwskw", "Moscow, Russia", "Ab", "伦敦、英国"])
def test_what_is_no_name_is_noise(text: str):
    assert names._is_noise(text)


@pytest.mark.parametrize("text", ["Londres", "Rom", "伦敦", "Лондон"])
def test_a_name_is_no_noise(text: str):
    assert not names._is_noise(text)


@pytest.mark.parametrize(("locale", "language"), [("zh_TW", "zh"), ("zh-Hant", "zh"), ("nb", "no"), ("cy", "cy")])
def test_a_locale_has_a_language(locale: str, language: str):
    assert names.language_of(locale) == language


def test_of_names_that_fold_alike_the_strongest_stays():
    given = [place.Name("Köln", "translated", "de"), place.Name("Koln", "alternate"), place.Name("Köln", "primary")]
    assert names.one_of_each(given, ["de"]) == [place.Name("Köln", "primary")]


def test_of_equal_names_the_english_one_stays():
    given = [place.Name("Rome", "translated", "fr"), place.Name("Rome", "translated", "en")]
    assert names.one_of_each(given, ["it"]) == [place.Name("Rome", "translated", "en")]


def test_a_state_whose_seat_bears_its_name_does_not_take_it_from_the_seat():
    york = a_place("York", population=150_000, admin1="ENG")
    small = a_place("York", population=10, admin1="SCT")
    shire = a_place("York", "first", population=900_000, admin1="ENG")
    assert names._largest_bearers([york, small], [shire]) == {("GB", "york"): 150_000}


# Populations.


def test_a_seat_of_unknown_population_has_that_of_its_peers():
    seats = [a_place(name, population=people, feature="PPLA2") for name, people in (("A", 4000), ("B", 6000), ("C", 0))]
    hamlet = a_place("D")
    towns._populations([*seats, hamlet])
    assert (seats[2].population, hamlet.population) == (5000, towns.UNKNOWN_POPULATION)
    assert (seats[2].feature, hamlet.feature) == ("seat", "")


# Mistakes of spelling.


def test_one_letter_is_left_out_but_never_the_first():
    assert typos.left_outs("leeds") == ["leeds", "leds", "leds", "lees", "leed"]


def test_the_letter_that_is_left_out_is_told_by_its_place():
    forms = typos.left_outs("bristol")
    assert forms[0] == "bristol"
    assert all(form == "bristol"[:spot] + "bristol"[spot + 1 :] for spot, form in enumerate(forms) if spot)
