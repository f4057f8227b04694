"""Photon over real HTTP, against a fake that answers in its format."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError
from tests.helpers.fake_photon import FakePhoton, place
from tests.helpers.geocoders import geocoder

from tocsin.gazetteer.photon import Config


@pytest.fixture
def fake() -> FakePhoton:
    return FakePhoton()


def test_the_licence_must_be_accepted_and_the_public_host_wants_a_contact() -> None:
    with pytest.raises(ValidationError, match="accept_licence: ODbL-1"):
        Config(url="http://127.0.0.1:2322")
    with pytest.raises(ValidationError, match=r"photon\.komoot\.io .*name a `contact`"):
        Config(url="https://photon.komoot.io", accept_licence="ODbL-1.0")


def test_a_name_that_is_english_is_asked_for_once(fake: FakePhoton, tmp_path: Path) -> None:
    with geocoder("photon", fake, tmp_path) as (_, made):
        (found,) = made.locate(["Munich, Germany"], ["de"])
    assert (found.name, found.country, found.level, found.confidence) == ("Munich", "DE", "city", 0.7)
    assert (found.lat, found.lon) == (48.14, 11.58)
    assert fake.asked == [("munich, germany", "en")]


@pytest.mark.parametrize(("language", "sent"), [("de", "de"), (None, "default"), ("ja", "default")])
def test_a_name_in_another_language_is_asked_for_again_and_the_english_one_is_kept(
    fake: FakePhoton, tmp_path: Path, language: str | None, sent: str
) -> None:
    with geocoder("photon", fake, tmp_path) as (_, made):
        (found,) = made.locate(["München"], [language])
    assert found.name == "Munich"
    assert fake.asked == [("münchen", "en"), ("münchen", sent)]


def test_the_same_text_in_another_language_is_another_question(fake: FakePhoton, tmp_path: Path) -> None:
    with geocoder("photon", fake, tmp_path) as (_, made):
        assert made.locate(["Munich", "Munich", "Munich"], ["de", "fr", "de"])[0] is not None
    assert len(fake.asked) == 2


def test_only_languages_of_the_server_are_sent(fake: FakePhoton, tmp_path: Path) -> None:
    with geocoder("photon", fake, tmp_path, languages=["it"]) as (_, made):
        assert made.locate(["Ostheim"], ["fr"])[0] is not None
        assert made.locate(["nowhere at all"], ["it"]) == [None]
        assert made.locate(["Ostheim"], ["it"])[0] is not None
    assert {language for _, language in fake.asked} == {"default"}


@pytest.mark.parametrize(
    ("properties", "level"),
    [
        ({"osm_value": "village"}, "city"),
        ({"osm_value": "suburb", "type": "district"}, "city"),
        ({"osm_value": "state", "type": "state"}, "region"),
        ({"osm_value": "island", "type": "other"}, "region"),
        ({"osm_key": "boundary", "osm_value": "administrative", "type": "county"}, "region"),
        ({"osm_key": "boundary", "osm_value": "administrative", "type": "country"}, "country"),
        ({"osm_key": "boundary", "osm_value": "administrative", "type": "other"}, None),
        ({"osm_key": "boundary", "osm_value": "protected_area", "type": "other"}, None),
        ({"osm_value": "hamlet", "type": "locality"}, None),
        ({"osm_value": "house", "type": "house"}, None),
        ({"osm_value": "locality", "type": "locality"}, None),
    ],
)
def test_kinds_of_places(fake: FakePhoton, tmp_path: Path, properties: dict[str, Any], level: str | None) -> None:
    fake.places["somewhere"] = [place(9, 50.0, 9.0, {"default": "Somewhere"}, **properties)]
    with geocoder("photon", fake, tmp_path) as (_, made):
        (found,) = made.locate(["Somewhere"])
    assert (found and found.level) == level


@pytest.mark.parametrize("junk", ["the moon", "tinyham", "bakery"])
def test_junk_in_nothing_out(fake: FakePhoton, tmp_path: Path, junk: str) -> None:
    with geocoder("photon", fake, tmp_path) as (_, made):
        assert made.locate([junk]) == [None]


def test_a_region_by_either_name(fake: FakePhoton, tmp_path: Path) -> None:
    fake.places["sachsen"] = fake.places["saxony"]
    with geocoder("photon", fake, tmp_path) as (_, made):
        english, german = made.locate(["Saxony", "Sachsen"])
    assert english == german
    assert (english.name, english.level) == ("Saxony", "region")
