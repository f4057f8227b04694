"""The gazetteer answers any text with a place or with nothing, and the same however texts are cut into batches."""

from __future__ import annotations

import itertools
import random
from functools import cache
from pathlib import Path

import numpy as np
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tocsin.component import Context
from tocsin.gazetteer import _text, embedded
from tocsin.gazetteer._coordinates import coordinates
from tocsin.gazetteer.embedded import Config, Embedded
from tocsin.model import Place

PIECES = [
    "London", "london", "PARIS", "Springfield", "New", "York", "Georgia", "San", "Juan", "Texas", "TX", "ca", "UK",
    "in", "from", "living", "the", "moon", "and", "of", "St.", "N", "Y", "C", ",", "/", "|", "-", "→", "✈️", "(", "&",
    "&amp;", "#", "@me", "https://a.example/b", "東京", "서울", "القاهرة", "Москва", "ロンドン", "กรุงเทพ", "🇬🇧", "🇬",
    "\U0001f3f4\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f", "48.2082", "16.3738", "48°51′N",
    "Amsterdm", "Philadelpia", "qzrt", "é", "\u0301", "\u200b", "\u202e", "\n", "\x00", "\ud800", "x" * 70, "1",
]  # fmt: skip
SEPARATED = st.sampled_from(["", " ", ", ", " / "])
JOINED = st.builds(str.join, SEPARATED, st.lists(st.sampled_from(PIECES) | st.text(max_size=6), max_size=12))
ANY = st.text(st.characters(exclude_categories=[]), max_size=60)
LONG = st.builds(lambda piece, count: piece * count, st.sampled_from(PIECES), st.integers(100, 3000))
TEXT = JOINED | ANY | LONG
TOWNS = ["Toronto, Canada", "Osaka, Japan", "Mombasa, Kenya", "Austin, Texas", "Hamburg, Germany", "Lagos, Nigeria"]


@cache
def countries() -> frozenset[str]:
    codes = embedded.index().codes.tobytes().decode()
    return frozenset(codes[place : place + 2] for place in range(0, len(codes), 2))


def fresh() -> Embedded:
    """A geocoder that remembers no text."""
    return Embedded(Config(), Context("gazetteer", Path()))


def valid(place: Place) -> bool:
    assert place.lat is not None
    assert place.lon is not None
    assert place.confidence is not None
    known = place.country in countries() or (place.country is None and place.level == "point")
    named = bool(place.name) or place.level == "point"
    on_earth = -90 <= place.lat <= 90 and -180 <= place.lon <= 180
    leveled = place.level in ("point", "city", "region", "country")
    return known and named and on_earth and leveled and 0 < place.confidence <= 1 and place.origin == "source"


@given(st.lists(TEXT, max_size=8))
@settings(deadline=None, max_examples=120)
def test_any_text_is_a_place_or_nowhere(texts: list[str]) -> None:
    places = fresh().locate(texts)
    assert len(places) == len(texts)
    assert all(valid(place) for place in places if place is not None)


@given(st.lists(TEXT, min_size=1, max_size=10), st.data())
@settings(deadline=None, max_examples=50)
def test_batches_and_their_order_do_not_matter(texts: list[str], data: st.DataObject) -> None:
    whole = list(fresh().locate(texts))
    cut = data.draw(st.integers(0, len(texts)))
    parted = fresh()
    assert [*parted.locate(texts[:cut]), *parted.locate(texts[cut:])] == whole
    assert [place for text in texts for place in fresh().locate([text])] == whole
    order = list(range(len(texts)))
    random.Random(cut).shuffle(order)
    assert list(fresh().locate([texts[number] for number in order])) == [whole[number] for number in order]


@given(
    st.sampled_from(TOWNS),
    st.sampled_from([str.lower, str.upper, str.title, str.swapcase, str]),
    st.text(" \t\u00a0\u3000", max_size=5),
    st.text(" \t\n\u00a0", max_size=5),
)
@settings(deadline=None, max_examples=60)
def test_case_and_space_around_a_town_and_its_country_do_not_matter(
    text: str, cased: type[str], before: str, after: str
) -> None:
    plain, other = fresh().locate([text, before + cased(text) + after])
    assert plain is not None
    assert other is not None
    assert (other.name, other.country, other.lat, other.lon) == (plain.name, plain.country, plain.lat, plain.lon)


@given(TEXT)
@settings(deadline=None, max_examples=60)
def test_readings_are_in_the_text_and_their_chances_fall(text: str) -> None:
    readings = fresh().readings(text)
    assert all(reading.words and valid_chance(reading.place) for reading in readings)
    chances = [reading.place.confidence or 0.0 for reading in readings]
    assert chances == sorted(chances, reverse=True)


def valid_chance(place: Place) -> bool:
    return place.country in countries() and 0 <= (place.confidence or 0) <= 1


@given(st.lists(TEXT, max_size=8))
@settings(deadline=None, max_examples=120)
def test_words_lie_in_their_texts_one_after_the_other(texts: list[str]) -> None:
    words = _text.split(texts)
    assert len(words.texts) == len(texts)
    assert words.bounds.tolist() == [0, *np.cumsum(np.bincount(words.owners, minlength=len(texts)))]
    assert np.all(words.lengths > 0)
    assert np.all((words.lengths <= words.ends - words.starts) & (words.breaks <= _text.HARD))
    for owner, start, end in zip(words.owners, words.starts, words.ends, strict=True):
        assert 0 <= start < end <= len(words.texts[owner])
    rows = zip(words.owners.tolist(), words.starts.tolist(), words.ends.tolist(), strict=True)
    for (one, _, end), (other, start, _) in itertools.pairwise(rows):
        assert one < other or (one == other and end <= start)


@given(st.lists(TEXT, min_size=1, max_size=8), st.data())
@settings(deadline=None, max_examples=60)
def test_words_are_the_same_in_every_batch(texts: list[str], data: st.DataObject) -> None:
    words = _text.split(texts)
    numbers = sorted(data.draw(st.sets(st.integers(0, len(texts) - 1))))
    found, kept = _text.some(words, np.array(numbers, np.int64))
    anew = _text.split([texts[number] for number in numbers])
    for name in (
        "bounds",
        "owners",
        "keys",
        "breaks",
        "lengths",
        "cased",
        "capital",
        "capitals",
        "number",
        "starts",
        "ends",
    ):
        assert getattr(found, name).tolist() == getattr(anew, name).tolist(), name
    assert words.keys[kept].tolist() == anew.keys.tolist()


@given(st.lists(TEXT, max_size=6))
@settings(deadline=None, max_examples=60)
def test_a_name_without_breaks_has_the_key_of_its_longest_run(texts: list[str]) -> None:
    words = _text.split(texts)
    counts = np.diff(words.bounds)
    runs = _text.runs(words)
    for number, key in zip(*_text.names(texts), strict=True):
        if not words.breaks[words.bounds[number] : words.bounds[number + 1]].any():
            begins, keys = runs[counts[number] - 1]
            assert keys[np.searchsorted(begins, words.bounds[number])] == key


@given(TEXT, st.floats(-89.9, 89.9), st.floats(-179.9, 179.9))
@example("", 0.0, 1.0)
@example("", -0.000001, 1.0)
@settings(deadline=None, max_examples=80)
def test_coordinates_are_found_as_they_were_written(text: str, latitude: float, longitude: float) -> None:
    found = coordinates(text)
    assert found is None or (abs(found[0]) <= 90 and abs(found[1]) <= 180)
    written = (round(latitude, 5), round(longitude, 5))
    if written != (0, 0):
        assert coordinates(f"geo:{latitude:.5f},{longitude:.5f}") == written
        sea = max(written) < 2 and f"{latitude:.5f}{longitude:.5f}".count("-") == 0  # taken for rates and shares
        assert coordinates(f"{latitude:.5f}, {longitude:.5f}") == (None if sea else written)
        assert coordinates(f"meet at geo:{latitude:.5f},{longitude:.5f} at noon") == written


@given(st.lists(st.tuples(st.floats(-90, 90), st.floats(-180, 180)), max_size=12))
@settings(deadline=None, max_examples=60)
def test_the_nearest_town_is_a_town_or_nothing(points: list[tuple[float, float]]) -> None:
    towns = fresh().nearest(points)
    assert len(towns) == len(points)
    assert all(valid(town) and town.level == "city" for town in towns if town is not None)
