"""Nominatim over real HTTP, against a fake that answers in its format."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError
from tests.helpers.fake_nominatim import FakeNominatim, blocked, refusal, result
from tests.helpers.geocoders import NOW, geocoder
from tests.helpers.remote import Answer

from tocsin import __version__
from tocsin.clock import ManualClock, SystemClock
from tocsin.errors import Permanent, Transient
from tocsin.gazetteer.nominatim import Config

PUBLIC = "https://nominatim.openstreetmap.org"
LICENCE = "ODbL-1.0"


@pytest.fixture
def fake() -> FakeNominatim:
    return FakeNominatim()


def locate(fake: FakeNominatim, folder: Path, text: str, **options: Any) -> Any:
    with geocoder("nominatim", fake, folder, **options) as (_, made):
        return made.locate([text])[0]


def test_the_licence_must_be_accepted() -> None:
    for licence in ({}, {"accept_licence": None}, {"accept_licence": "yes"}):
        with pytest.raises(ValidationError, match=r"share-alike.*write `accept_licence: ODbL-1\.0`"):
            Config(url="http://127.0.0.1:8080", **licence)
    assert Config(url="http://127.0.0.1:8080", accept_licence=LICENCE).per_second == 1


@pytest.mark.parametrize("url", [PUBLIC, "https://NOMINATIM.openstreetmap.org./", f"{PUBLIC}:443/"])
def test_the_public_host_wants_a_contact_and_is_asked_once_a_second_at_most(url: str) -> None:
    with pytest.raises(ValidationError, match="name a `contact`"):
        Config(url=url, accept_licence=LICENCE)
    with pytest.raises(ValidationError, match="once a second at most"):
        Config(url=url, accept_licence=LICENCE, contact="ops@example.org", per_second=1.5)
    assert Config(url=url, accept_licence=LICENCE, contact="https://example.org/about").per_second == 1


@pytest.mark.parametrize("contact", ["nobody", "a@b\r\nX: y", "", "me (a@b)"])
def test_a_contact_is_an_address(contact: str) -> None:
    with pytest.raises(ValidationError, match="e-mail address or a link"):
        Config(url=PUBLIC, accept_licence=LICENCE, contact=contact)


@pytest.mark.parametrize(
    "url", ["", "nominatim", "ftp://example.org", "https://user:pw@example.org", "https://a.example?q"]
)
def test_the_url_is_one(url: str) -> None:
    with pytest.raises(ValidationError, match="no address of a server"):
        Config(url=url, accept_licence=LICENCE)


def test_it_says_who_asks(fake: FakeNominatim, tmp_path: Path) -> None:
    locate(fake, tmp_path, "Ostheim", contact="ops@example.org")
    assert fake.agents == [f"tocsin/{__version__} (ops@example.org)"]


def test_it_keeps_to_its_rate(fake: FakeNominatim, tmp_path: Path) -> None:
    clock = ManualClock(NOW)
    with geocoder("nominatim", fake, tmp_path, clock, per_second=0.5, concurrency=4) as (_, made):
        made.locate([f"place {letter}" for letter in "abcdefgh"])
    assert len(fake.asked) == 8
    assert clock.monotonic() >= 14


def test_what_has_not_had_its_turn_in_time_has_no_answer_and_is_asked_later(
    fake: FakeNominatim, tmp_path: Path
) -> None:
    fake.places |= {f"place {letter}": [result(f"Place {letter}", 50, 9)] for letter in "abcdefgh"}
    texts = [f"place {letter}" for letter in "abcdefgh"]
    with geocoder("nominatim", fake, tmp_path, patience=3.5) as (_, made):
        first = [place is not None for place in made.locate(texts)]
        assert first == [True] * sum(first) + [False] * (8 - sum(first))
        assert 0 < sum(first) < 8
        again = [place is not None for place in made.locate(texts)]
    assert sum(again) > sum(first)
    assert len(fake.asked) == len(set(fake.asked))


def test_its_own_rate_does_not_shut_it_off(fake: FakeNominatim, tmp_path: Path) -> None:
    texts = [f"place {first}{second}" for first in "abcde" for second in "abcdefgh"]
    fake.places |= {text: [result(text.title(), 50, 9)] for text in texts}
    clock: Any = SystemClock()
    options: dict[str, Any] = {"per_second": 10, "concurrency": 16, "timeout": 0.3, "patience": 0.6}
    with geocoder("nominatim", fake, tmp_path, clock, **options) as (_, made):
        found = [sum(place is not None for place in made.locate(texts)) for _ in range(3)]
    assert 0 < found[0] < found[1] < found[2] == len(fake.asked) == len(set(fake.asked))


def test_a_turn_that_is_not_taken_is_not_booked(fake: FakeNominatim, tmp_path: Path) -> None:
    clock = ManualClock(NOW)
    with geocoder("nominatim", fake, tmp_path, clock, concurrency=16, patience=3) as (_, made):
        made.locate([f"place {letter}" for letter in "abcdefghijklmnop"])
        clock.advance(1)
        before = clock.monotonic()
        made.locate(["Ostheim"])
        assert clock.monotonic() == before


def test_a_server_that_is_down_is_left_alone_though_there_is_no_turn_for_another_try(
    fake: FakeNominatim, tmp_path: Path
) -> None:
    options: dict[str, Any] = {"concurrency": 16, "patience": 6, "tries": 4}
    with geocoder("nominatim", fake, tmp_path, **options) as (service, made):
        service.faults.extend([Answer(503, b"{}")] * 99)
        for text in ("again", "and again"):
            with pytest.raises(Transient, match="503" if text == "again" else "left alone"):
                made.locate([f"{text} {letter}" for letter in "abcdefghijklmnopqrstuvwxyz"])
    assert len(service.requests) < 10


def test_a_name_in_any_language_is_known_and_the_english_one_is_kept(fake: FakeNominatim, tmp_path: Path) -> None:
    with geocoder("nominatim", fake, tmp_path) as (_, made):
        german, japanese = made.locate(["München", "ミュンヘン"], ["de", "ja"])
        assert german.name == japanese.name == "Munich"
        made.locate(["München"], ["en"])
    assert len(fake.asked) == 2, "the language makes no difference to what is asked"


@pytest.mark.parametrize(
    ("fields", "level"),
    [
        ({"place_rank": 4, "addresstype": "country"}, "country"),
        ({"place_rank": 8, "addresstype": "state"}, "region"),
        ({"place_rank": 8, "addresstype": "city"}, "city"),
        ({"place_rank": 12, "addresstype": "county"}, "region"),
        ({"place_rank": 4, "addresstype": None}, "country"),
        ({"place_rank": 10, "addresstype": None}, "region"),
        ({"place_rank": 18, "addresstype": None}, "city"),
        ({"category": "place", "type": "village", "place_rank": 19}, "city"),
        ({"category": "place", "type": "suburb", "place_rank": 20}, "city"),
        ({"category": "place", "type": "island", "place_rank": 17}, "region"),
        ({"category": "place", "type": "house", "place_rank": 30}, None),
        ({"category": "place", "type": "postcode", "place_rank": 21}, None),
        ({"category": "place", "type": "locality", "place_rank": 25}, None),
        ({"category": "highway", "type": "residential", "place_rank": 26, "addresstype": "road"}, None),
        ({"category": "shop", "type": "bakery", "place_rank": 30, "addresstype": "shop"}, None),
        ({"category": "amenity", "type": "pub", "place_rank": 30, "addresstype": "amenity"}, None),
        ({"category": "boundary", "type": "national_park", "place_rank": 25}, None),
    ],
)
def test_kinds_of_places(fake: FakeNominatim, tmp_path: Path, fields: dict[str, Any], level: str | None) -> None:
    fake.places["somewhere"] = [result("Somewhere", 50, 9, **fields)]
    place = locate(fake, tmp_path, "Somewhere")
    assert (place and place.level) == level


@pytest.mark.parametrize("junk", ["the moon", "tinyham", "wonderland", "bakery"])
def test_junk_in_nothing_out(fake: FakeNominatim, tmp_path: Path, junk: str) -> None:
    assert locate(fake, tmp_path, junk) is None


def test_a_shop_of_that_name_does_not_hide_the_city(fake: FakeNominatim, tmp_path: Path) -> None:
    place = locate(fake, tmp_path, "Paris")
    assert (place.country, place.level) == ("FR", "city")


def test_how_well_known_a_place_must_be_is_an_option(fake: FakeNominatim, tmp_path: Path) -> None:
    with geocoder("nominatim", fake, tmp_path, min_importance=0.1) as (_, made):
        (place,) = made.locate(["Tinyham"])
    assert place.confidence < 0.6


@pytest.mark.parametrize(("status", "words"), [(403, "terms of use"), (404, "check the `url`"), (401, "a key")])
def test_refusals_say_what_to_do(fake: FakeNominatim, tmp_path: Path, status: int, words: str) -> None:
    with geocoder("nominatim", fake, tmp_path) as (service, made):
        service.faults.append(blocked() if status == 403 else refusal(status))
        with pytest.raises(Permanent, match=f"{status}: .*{words}"):
            made.locate(["Ostheim"])


def test_a_text_that_it_refuses_does_not_count_against_it(fake: FakeNominatim, tmp_path: Path) -> None:
    with geocoder("nominatim", fake, tmp_path) as (service, made):
        service.faults.extend(refusal(400) for _ in range(5))
        assert made.locate([f"place {letter}" for letter in "abcde"]) == [None] * 5
        assert made.locate(["Ostheim"])[0] is not None


def test_redirects_are_not_followed(fake: FakeNominatim, tmp_path: Path) -> None:
    other = FakeNominatim()
    with (
        geocoder("nominatim", other, tmp_path / "b") as (elsewhere, _),
        geocoder("nominatim", fake, tmp_path) as (
            service,
            made,
        ),
    ):
        service.faults.append(Answer(302, b"", {"Location": f"{elsewhere.url}/search?q=ostheim"}))
        with pytest.raises(Permanent, match="answered 302: check the `url`"):
            made.locate(["Ostheim"])
    assert other.asked == []


def test_a_body_is_read_up_to_a_bound(fake: FakeNominatim, tmp_path: Path) -> None:
    huge = gzip.compress(b"[" + b" " * 30_000_000 + b"]")
    with geocoder("nominatim", fake, tmp_path) as (service, made):
        service.faults.append(Answer(200, huge, {"Content-Encoding": "gzip"}))
        assert made.locate(["Ostheim"]) == [None]


def test_a_nested_body_is_no_answer(fake: FakeNominatim, tmp_path: Path) -> None:
    with geocoder("nominatim", fake, tmp_path) as (service, made):
        service.faults.append(Answer(200, b"[" * 1_000_000))
        assert made.locate(["Ostheim"]) == [None]


def test_a_server_that_hangs_is_given_up(fake: FakeNominatim, tmp_path: Path) -> None:
    with geocoder("nominatim", fake, tmp_path, timeout=0.2) as (service, made):
        service.faults.append(Answer(200, b"[]", wait=0.6))
        with pytest.raises(Transient):
            made.locate(["Ostheim"])
