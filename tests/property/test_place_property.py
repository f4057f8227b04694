"""The place of a post: never an error, always one that can be, and the same however posts are cut into batches."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from tests.helpers.places import batch_of, post

from tocsin.component import Context
from tocsin.enrichers._place_lookup import believed
from tocsin.enrichers.place import Config
from tocsin.enrichers.place import Place as Enricher
from tocsin.gazetteer import embedded
from tocsin.model import Place

WORDS = [
    "London", "Ontario", "ON", "<London>", "<Paris>,", "Texas", "<Canada>", "the moon", "she/her", "52.52, 13.40",
    "ÜT: 0.0,0.0", "40°26′46″N 79°58′56″W", "🇩🇪", "東京", "القاهرة", "NYC", ",", "/", "HQ", "x" * 300, "\u202e", "\x00",
]  # fmt: skip
TEXT = st.lists(st.sampled_from(WORDS) | st.text(max_size=8), max_size=8).map(" ".join)
NUMBER = st.none() | st.floats() | st.integers(-400, 400).map(float)
LEVEL = st.sampled_from([None, "point", "city", "region", "country"])
GIVEN = st.none() | st.builds(
    Place, name=st.none() | TEXT, country=st.none() | st.text(max_size=3) | st.sampled_from(["GB", "de"]), lat=NUMBER,
    lon=NUMBER, level=LEVEL, confidence=NUMBER,
)  # fmt: skip
POST = st.builds(
    lambda text, location, place: post(text, location=location, place=place), TEXT, st.none() | TEXT, GIVEN
)


@cache
def enricher() -> Enricher:
    own = embedded.Config(aliases={"HQ": (52.52, 13.40)}, corrections={"London": "Paris", "Paris": None})
    return Enricher(Config(places=own), Context("place", Path()))


def rows(made: list[Any]) -> list[tuple[Any, ...]]:
    filled = enricher().enrich(batch_of(made))
    return list(zip(*(filled[name].to_pylist() for name in sorted(filled)), strict=True))


@given(st.lists(POST, max_size=8), st.data())
@settings(deadline=None, max_examples=60)
def test_any_cut_into_batches_gives_the_same_places(made: list[Any], data: st.DataObject) -> None:
    whole = rows(made)
    cut = data.draw(st.integers(0, len(made)))
    assert rows(made[:cut]) + rows(made[cut:]) == whole
    assert [row for one in made for row in rows([one])] == whole


@given(POST)
@settings(deadline=None, max_examples=100)
def test_a_place_is_one_that_can_be(made: Any) -> None:
    filled = {name: column.to_pylist()[0] for name, column in enricher().enrich(batch_of([made])).items()}
    whole = {field: filled[name] for name, field in _FIELDS.items()}
    for place in (whole, filled["stated_place"], filled["about_place"]):
        if place is None or set(place.values()) == {None}:
            continue
        assert (place["lat"] is None) == (place["lon"] is None)
        assert believed(Place(**place)) == Place(**place), place
    assert (filled["place_origin"] is None) == (set(whole.values()) == {None})


_FIELDS = {
    "place_name": "name", "place_level": "level", "country": "country", "lat": "lat", "lon": "lon",
    "place_confidence": "confidence",
}  # fmt: skip
