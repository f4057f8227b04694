"""The place enricher: what it takes for the place of a post, and what it keeps beside it."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from tests.helpers.places import TEXT, batch_of, located, post

from tocsin import load, posts, records
from tocsin.component import Context, Patience
from tocsin.enrichers._place_lookup import believed
from tocsin.enrichers._place_mentions import Mention, mentions, talked_about
from tocsin.enrichers.place import ABOUT, Config
from tocsin.enrichers.place import Place as Enricher
from tocsin.errors import Permanent, Transient
from tocsin.gazetteer import embedded
from tocsin.gazetteer.embedded import Embedded
from tocsin.model import Place
from tocsin.options import Options
from tocsin.settings import Part


def enricher(tmp_path: Path, **options: Any) -> Enricher:
    return Enricher(Config.model_validate(options), Context("place", tmp_path))


@pytest.fixture
def place(tmp_path: Path) -> Enricher:
    return enricher(tmp_path)


def names(rows: list[dict[str, Any]], *fields: str) -> list[tuple[Any, ...]]:
    return [tuple(row[field] for field in fields) for row in rows]


def test_the_platforms_place_comes_first_then_the_text_then_the_profile(place: Enricher) -> None:
    geo = Place(name="Ghent", country="BE", lat=51.05, lon=3.72, level="city", origin="post_geo")
    rows = located(
        place,
        post("help at 52.5201, 13.4049, says <Toronto>", location="London", place=geo),
        post("help at 52.5201, 13.4049, says <Toronto>", location="London"),
        post("help, says <Toronto>", location="London"),
        post("help", location="London"),
        post("help", location="the moon"),
        post("help"),
    )
    assert names(rows, "country", "place_origin") == [
        ("BE", "post_geo"), ("DE", "coordinates"), ("CA", "text"), ("GB", "profile"), (None, None), (None, None)
    ]  # fmt: skip
    assert [row["place_level"] for row in rows] == ["city", "point", "city", "city", None, None]


def test_what_the_author_states_and_what_the_post_talks_about_are_kept_apart(place: Enricher) -> None:
    (row,) = located(place, post("we met in <Toronto>", location="London"))
    assert (row["stated_place"]["country"], row["about_place"]["country"], row["country"]) == ("GB", "CA", "CA")
    assert row["place_confidence"] == pytest.approx(ABOUT * row["about_place"]["confidence"])
    (row,) = located(place, post("we met", location="London", place=Place(country="BE", origin="post_place")))
    assert (row["country"], row["stated_place"]["country"], row["about_place"]) == ("BE", "GB", None)
    assert set(row["stated_place"]) == set(records.PLACE.names)


@pytest.mark.parametrize(
    ("kinds", "origin"),
    [(["post"], "post_place"), (["text"], "text"), (["profile"], "profile"), (["profile", "text"], "text")],
)
def test_only_the_kinds_that_the_config_names_are_looked_at(tmp_path: Path, kinds: list[str], origin: str) -> None:
    own = enricher(tmp_path, **{"from": kinds})
    (row,) = located(own, post("in <Toronto>", location="London", place=Place(country="BE", origin="post_place")))
    assert row["place_origin"] == origin
    assert (row["about_place"] is None, row["stated_place"] is None) == ("text" not in kinds, "profile" not in kinds)


class TestThePlatformsPlace:
    def test_a_name_without_a_position_is_completed(self, place: Enricher) -> None:
        (row,) = located(place, post(place=Place(name="Ghent", origin="post_place")))
        assert (row["place_name"], row["country"], row["place_level"]) == ("Ghent", "BE", "city")
        assert (row["lat"], row["lon"]) == pytest.approx((51.05, 3.72), abs=0.1)
        assert 0.5 < row["place_confidence"] <= 1

    def test_its_country_decides_between_places_of_one_name(self, place: Enricher) -> None:
        rows = located(place, *(post(place=Place(name="London", country=code)) for code in ("GB", "CA", "ca", "JP")))
        assert [row["country"] for row in rows] == ["GB", "CA", "CA", "JP"]
        assert rows[1]["lon"] == pytest.approx(-81.2, abs=0.3)
        assert (rows[3]["place_name"], rows[3]["lat"]) == ("London", None)

    def test_a_name_that_is_not_known_in_its_country_is_put_into_the_middle_of_it(self, place: Enricher) -> None:
        (country, town) = located(
            place, post(place=Place(country="CO")), post(place=Place(name="Xqzvt", country="CO", level="city"))
        )
        assert (country["place_name"], country["place_level"]) == ("Colombia", "country")
        assert (town["place_name"], town["place_level"]) == ("Xqzvt", "country")
        assert (country["lat"], country["lon"]) == (town["lat"], town["lon"]) == pytest.approx((5.0, -74.5), abs=3)

    def test_a_position_without_a_country_gets_that_and_the_nearest_town(self, place: Enricher) -> None:
        (row,) = located(place, post(place=Place(lat=51.05, lon=3.72, level="point", origin="post_geo")))
        assert (row["country"], row["lat"], row["lon"], row["place_level"]) == ("BE", 51.05, 3.72, "point")
        assert row["place_name"] is not None
        assert row["place_confidence"] == 1.0

    def test_a_position_at_sea_stays_one(self, place: Enricher) -> None:
        (row,) = located(place, post(place=Place(lat=-48.9, lon=-123.4, origin="post_geo")))
        assert (row["place_name"], row["country"], row["lat"], row["lon"]) == (None, None, -48.9, -123.4)

    @pytest.mark.parametrize(
        ("lat", "lon"),
        [(0.0, 0.0), (91.0, 5.0), (5.0, -180.5), (float("nan"), 5.0), (5.0, float("inf")), (5.0, None), (None, 5.0)],
    )
    def test_a_position_that_cannot_be_is_not_believed(
        self, place: Enricher, lat: float | None, lon: float | None
    ) -> None:
        """Null island is what programs write for nothing."""
        given = Place(lat=lat, lon=lon, origin="post_geo")
        alone, other, named = located(
            place,
            post("all of it stays", place=given),
            post(place=given, location="London"),
            post(place=Place(name="Ghent", lat=lat, lon=lon)),
        )
        assert names([alone], "place_name", "country", "lat", "lon", "place_origin", "text") == [
            (None, None, None, None, None, "all of it stays")
        ]
        assert (other["place_origin"], other["country"]) == ("profile", "GB")
        assert (named["place_name"], named["country"]) == ("Ghent", "BE")

    @pytest.mark.parametrize(
        ("given", "name"),
        [
            (Place(country="US", level="country", lat=39.8, lon=-98.5), None),
            (Place(country="CA", level="region", lat=42.32, lon=-83.05), None),
            (Place(country="CA", level="city", lat=42.335, lon=-83.05), None),
            (Place(country="US", level="city", lat=42.335, lon=-83.05), "Detroit"),
            (Place(country="US", lat=42.335, lon=-83.05), "Detroit"),
        ],
    )
    def test_a_town_names_no_area_around_it_and_no_place_of_another_country(
        self, place: Enricher, given: Place, name: str | None
    ) -> None:
        (row,) = located(place, post(place=given))
        assert (row["place_name"], row["country"]) == (name, given.country)
        assert row["place_level"] == given.level or "point"

    @pytest.mark.parametrize(("country", "kept"), [("uk", "GB"), ("EU", "BE"), ("XX", "BE")])
    def test_codes_that_are_no_countries_do_not_hide_the_profile(
        self, place: Enricher, country: str, kept: str
    ) -> None:
        (row,) = located(place, post(location="Ghent", place=Place(country=country, origin="post_place")))
        assert row["country"] == kept

    @pytest.mark.parametrize(("country", "kept"), [("de", "DE"), ("GBR", None), ("D3", None), ("", None), ("ſs", None)])
    def test_a_country_is_a_code_of_two_letters_or_none(self, place: Enricher, country: str, kept: str | None) -> None:
        (row,) = located(place, post(place=Place(country=country, origin="post_place")))
        assert (row["country"], row["place_level"]) == (kept, "country" if kept else None)

    def test_how_sure_the_source_is_stays(self, place: Enricher) -> None:
        rows = located(
            place, *(post(place=Place(name="Ghent", country="BE", confidence=sure)) for sure in (0.25, 7.0, -1.0))
        )
        assert rows[0]["place_confidence"] == 0.25
        assert all(0.5 < row["place_confidence"] <= 1 for row in rows[1:])

    def test_a_guess_of_the_source_is_kept_as_its_word(self, place: Enricher) -> None:
        (row,) = located(place, post(place=Place(country="GB", origin="profile")))
        assert (row["country"], row["place_origin"]) == ("GB", "profile")


class TestTheText:
    def test_a_name_is_read_with_what_stands_behind_it(self, place: Enricher) -> None:
        rows = located(
            place,
            *map(post, ("in <London>, Ontario today", "in <London>, <Ontario> today", "in <London>, today Ontario")),
        )
        assert [row["country"] for row in rows] == ["CA", "CA", "GB"]
        assert [row["place_level"] for row in rows] == ["city"] * 3

    def test_a_country_beside_a_town_of_it_is_not_the_place(self, place: Enricher) -> None:
        (row,) = located(place, post("<Toronto> is the best of <Canada>"))
        assert (row["place_name"], row["country"]) == ("Toronto", "CA")

    @pytest.mark.parametrize(
        ("text", "country"),
        [
            ("<Berlin>, <Germany> beats <Spain> in the final", None),
            ("<Berlin>, Germany beats <Spain> in the final", None),
            ("<Berlin, Germany> beats <Spain> in the final", None),
            ("<Berlin>, Tuesday: <Spain> wins", "ES"),
            ("<Berlin>, <Germany> beats <Madrid>", "DE"),
        ],
    )
    def test_an_area_behind_a_town_counts_like_one_beside_it(
        self, place: Enricher, text: str, country: str | None
    ) -> None:
        (row,) = located(place, post(text))
        assert (row["about_place"] and row["about_place"]["country"]) == country

    def test_places_that_are_none_and_names_of_others_are_not_taken(self, place: Enricher) -> None:
        rows = located(place, post("<Xqzvt>"), post("London Breed speaks"), post(""))
        assert [row["country"] for row in rows] == [None] * 3

    def test_the_text_of_a_repost_counts_like_any(self, place: Enricher) -> None:
        rows = located(place, post("RT in <Toronto>"), post("in <Toronto>"))
        assert rows[0]["about_place"] == rows[1]["about_place"]

    @pytest.mark.parametrize(
        ("found", "expected"),
        [
            ({"a": ("Paris", "city", "FR", 0.9), "b": ("Berlin", "city", "DE", 0.8)}, "Paris"),
            ({"a": ("Berlin", "city", "DE", 0.8), "b": ("Paris", "city", "FR", 0.9)}, "Paris"),
            ({"a": ("London", "city", "GB", 0.9), "b": ("Canada", "country", "CA", 0.8)}, "Canada"),
            ({"a": ("London", "city", "CA", 0.6), "b": ("Canada", "country", "CA", 0.8)}, "London"),
            ({"a": ("Texas", "region", "US", 0.9), "b": ("Bavaria", "region", "DE", 0.8)}, None),
            ({"a": ("Paris", "city", "FR", 0.9), "b": ("Berlin", "city", "DE", 0.9)}, "Paris"),
            ({}, None),
        ],
    )
    def test_the_surest_that_no_area_contradicts(self, found: dict[str, Any], expected: str | None) -> None:
        named = [Mention((name,), start, start + 1) for start, name in enumerate("abc")]
        places = {
            key: Place(name=name, level=level, country=country, confidence=sure)
            for key, (name, level, country, sure) in found.items()
        }
        place = talked_about(named, places)
        assert (place.name if place else None) == expected

    def test_forms_of_a_name(self) -> None:
        def forms(text: str) -> list[tuple[str, ...]]:
            batch = batch_of([post(text)])
            found = mentions(posts.texts(batch), batch.column("entities"))
            return [mention.forms for said in found.values() for mention in said]

        assert forms("<Springfield>, New Jersey and") == [
            ("Springfield", "Springfield, New", "Springfield, New Jersey")
        ]
        assert forms("<Paris>, texas") == forms("<Paris>. Texas") == forms("<Paris>") == [("Paris",)]
        assert forms("<Paris>, TX") == [("Paris", "Paris, TX")]
        assert len(forms("<Paris> " * 50)) == 20


def test_the_users_own_places_come_first(tmp_path: Path) -> None:
    own = embedded.Config(aliases={"HQ": (52.52, 13.40)}, corrections={"Toronto": "Ghent", "London": None})
    rows = located(
        enricher(tmp_path, places=own),
        post("at <HQ>"), post("x", location="HQ"), post("x", location="Toronto"), post("x", location="London"),
    )  # fmt: skip
    assert names(rows, "country", "place_origin") == [
        ("DE", "text"), ("DE", "profile"), ("BE", "profile"), (None, None)
    ]  # fmt: skip
    assert (rows[0]["place_name"], rows[0]["lat"], rows[0]["lon"]) == ("HQ", 52.52, 13.40)


class Answering:
    """A geocoder that is told what to do."""

    id = "told"
    attribution = "told"
    patience = 12.5

    def __init__(self, answer: Any) -> None:
        self.answer, self.asked = answer, []  # type: ignore[var-annotated]

    def locate(self, texts: Sequence[str], languages: Sequence[str | None] | None = None) -> Any:
        self.asked.append(list(texts))
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer(texts) if callable(self.answer) else self.answer


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Any]:
    """Makes an enricher whose geocoder is `Answering`."""

    def make(answer: Any) -> tuple[Enricher, Answering]:
        geocoder = Answering(answer)
        monkeypatch.setattr(load, "build", lambda *args: geocoder)
        return enricher(tmp_path, geocoder=Part(name="told", type="told", options=Options())), geocoder

    return make


OPEN = "Xqzvtham under Zork"


class TestTheGeocoder:
    def test_it_is_asked_for_what_is_left_open_of_profiles_once_each(self, told: Any) -> None:
        place, geocoder = told(lambda texts: [Place(name="Zork", country="GB", lat=51.0, lon=0.1)] * len(texts))
        rows = located(
            place, post(f"in <{OPEN}>", location=OPEN), post(location="London"), post(location=OPEN), post(location=" ")
        )
        assert geocoder.asked == [[OPEN]]
        assert names(rows, "place_name", "country", "place_origin") == [
            ("Zork", "GB", "profile"), ("London", "GB", "profile"), ("Zork", "GB", "profile"), (None, None, None)
        ]  # fmt: skip

    @pytest.mark.parametrize(
        "answer",
        [
            Transient("it is down"), Permanent("no"), RuntimeError("a bug"), None, [], [None, None], ["Paris"], 5,
            [Place(lat=0.0, lon=0.0)], [Place(lat=float("nan"), lon=900.0)], [Place(lat="x", lon=1.0)],  # type: ignore[arg-type]
            [Place(country="Germany")],
        ],
        ids=repr,
    )  # fmt: skip
    def test_whatever_it_does_the_post_is_there_without_a_place(
        self, told: Any, answer: Any, caplog: pytest.LogCaptureFixture
    ) -> None:
        place, _ = told(answer)
        with caplog.at_level(logging.WARNING):
            (row, other) = located(place, post(location=OPEN), post(location="London"))
        assert names([row], *Enricher.fills) == [(None,) * len(Enricher.fills)]
        assert other["country"] == "GB"

    def test_a_failure_is_said(self, told: Any, caplog: pytest.LogCaptureFixture) -> None:
        place, _ = told(Transient("it is down"))
        located(place, post(location=OPEN))
        assert "told found none of 1 places: it is down." in caplog.text

    def test_its_patience_is_that_of_the_enricher(self, told: Any, place: Enricher) -> None:
        assert told(None)[0].patience == Patience(seconds=12.5)
        assert place.patience == Patience()

    def test_nobody_is_asked_where_nothing_is_open(self, told: Any) -> None:
        place, geocoder = told(None)
        located(place, post(location="London"), post())
        assert geocoder.asked == []


def test_the_gazetteer_is_asked_twice_a_batch(place: Enricher, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []
    real = Embedded.locate
    monkeypatch.setattr(Embedded, "locate", lambda self, texts: (asked.append(len(texts)), real(self, texts))[1])
    located(place, *(post(f"in <{TEXT[n % 3]}>", location=TEXT[n % 2]) for n in range(50)))
    assert asked == [3, 2]


def test_a_batch_of_one_type_of_rows_has_the_columns_of_the_schema(place: Enricher) -> None:
    for made in ([], [post()], [post("in <London>")], [post(location="London")]):
        filled = place.enrich(batch_of(made))
        assert {name: column.type for name, column in filled.items()} == {
            name: records.SCHEMA.field(name).type for name in Enricher.fills
        }


def test_what_is_believed_is_cut_to_what_a_record_holds() -> None:
    long = believed(Place(name="x" * 10_000))
    assert long is not None
    assert len(long.name or "") == 200
    assert believed(Place(name="  ")) is None
    assert believed(Place(level="point", name="Ghent")) == Place(name="Ghent")


def test_a_place_guessed_from_coordinates_in_the_text_is_no_geotag() -> None:
    """`has:geo` is about what the platform attached."""
    origins = ["post_geo", "post_place", "source", "coordinates", "text", "profile", None]
    batch = records.complete(batch_of([post() for _ in origins])).combine_chunks().to_batches()[0]
    spot = batch.schema.get_field_index("place_origin")
    batch = batch.set_column(spot, "place_origin", pa.array(origins, pa.string()))
    assert [document.has_geo for document in posts.documents(batch)] == [True] * 3 + [False] * 4
