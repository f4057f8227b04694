"""`tocsin evaluate places`: lists are checked, answers judged, and figures are what they are called."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from tocsin.cli import app
from tocsin.errors import ConfigError
from tocsin.evaluate import places
from tocsin.evaluate._places import Judged, Row, away, estimate, outcome, read
from tocsin.gazetteer import _choice
from tocsin.model import Place

HEAD = "id,text,level,lat,lon,tol_km,cc,alt_lat,alt_lon,tags,source,split\n"
GOOD = HEAD + (
    'a1,"Hamburg, Germany",city,53.55,9.99,50,DE,,,state|umlaut,an atlas,dev\n'
    'a2,"London / Paris",city,51.51,-0.13,50,GB,48.85,2.35,multi,an atlas,dev\n'
    "a3,Bavaria,region,48.9,11.4,150,DE,,,,,dev\n"
    "a4,france,country,46.2,2.2,800,FR,,,,,dev\n"
    "a5,the moon,junk,,,,,,,junk,,dev\n"
)

MUNICH = (48.14, 11.58)
IN_MUNICH = Row("1", "Munich", "city", (MUNICH,), 50, "DE")
IN_GERMANY = Row("2", "Germany", "country", ((51.0, 10.0),), 500, "DE")
NONSENSE = Row("3", "the moon", "junk")


def place(lat: float | None, lon: float | None, level: str, country: str, confidence: float = 0.9) -> Place:
    return Place(lat=lat, lon=lon, level=level, country=country, confidence=confidence)  # type: ignore[arg-type]


def test_a_list_is_read(tmp_path: Path) -> None:
    (tmp_path / "list.csv").write_text(GOOD, encoding="utf-8")
    first, second, *_, junk = read(tmp_path / "list.csv")
    assert first == Row("a1", "Hamburg, Germany", "city", ((53.55, 9.99),), 50, "DE", ("state", "umlaut"))
    assert second.points == ((51.51, -0.13), (48.85, 2.35))
    assert junk == Row("a5", "the moon", "junk", tags=("junk",))


@pytest.mark.parametrize(
    ("row", "says"),
    [
        ("a1,Hamburg,town,53.55,9.99,50,DE,,,,,", "column level: 'town' is none of city, region, country, junk"),
        ("a1,Hamburg,city,north,9.99,50,DE,,,,,", "column lat: 'north' is not a number from -90 to 90"),
        ("a1,Hamburg,city,53.55,199,50,DE,,,,,", "column lon: '199' is not a number from -180 to 180"),
        ("a1,Hamburg,city,53.55,nan,50,DE,,,,,", "column lon: 'nan' is not"),
        ("a1,Hamburg,city,53.55,9.99,,DE,,,,,", "column tol_km: '' is not a number"),
        ("a1,Hamburg,city,53.55,9.99,50,Germany,,,,,", "column cc: 'Germany' is no country code"),
        ("a1,Hamburg,city,53.55,9.99,50,DE,53.5,,,,", "column alt_lon: ''"),
        ("a1,  ,city,53.55,9.99,50,DE,,,,,", "column text: it is empty"),
        ("a0,Bremen,junk,,,,,,,,,", "column id: 'a0' is there twice"),
        ("a1,Hamburg, Germany,city,53.55,9.99,50,DE,,,,,", "quote texts that have commas"),
        ("a1,Hamburg,city", "more or fewer fields"),
    ],
)
def test_a_bad_row_is_one_clear_error_with_file_line_and_column(tmp_path: Path, row: str, says: str) -> None:
    file = tmp_path / "list.csv"
    file.write_text(HEAD + "a0,home,junk,,,,,,,,,\n" + row + "\n")
    with pytest.raises(ConfigError) as error:
        read(file)
    assert f"{file}:3: " in str(error.value)
    assert says in str(error.value)


def test_a_list_that_is_none_is_one_clear_error(tmp_path: Path) -> None:
    file = tmp_path / "list.csv"
    with pytest.raises(ConfigError, match="no list of places can be read"):
        read(file)
    file.write_bytes(HEAD.encode() + b"a1,M\xfcnchen,junk,,,,,,,,,\n")
    with pytest.raises(ConfigError, match=r"no list of places can be read.*utf-8"):
        read(file)
    file.write_text("id,text,lat,lon\n")
    with pytest.raises(ConfigError, match=r"list.csv:1: there is no column level, tol_km, cc"):
        read(file)
    file.write_text(HEAD)
    with pytest.raises(ConfigError, match="no rows"):
        read(file)


@pytest.mark.parametrize(
    ("row", "answer", "expected"),
    [
        (IN_MUNICH, None, "missed"),
        (IN_MUNICH, place(48.2, 11.6, "city", "DE"), "right"),
        (IN_MUNICH, place(48.2, 11.6, "region", "DE"), "right"),
        (IN_MUNICH, place(49.45, 11.08, "region", "DE"), "coarse"),
        (IN_MUNICH, place(52.5, 13.4, "region", "DE"), "wrong"),
        (IN_MUNICH, place(49.45, 11.08, "city", "DE"), "wrong"),
        (IN_MUNICH, place(51.0, 10.0, "country", "DE"), "coarse"),
        (IN_MUNICH, place(None, None, "country", "DE"), "coarse"),
        (IN_MUNICH, place(None, None, "region", "DE"), "wrong"),
        (IN_MUNICH, place(47.5, 14.5, "country", "AT"), "wrong"),
        (IN_GERMANY, place(None, None, "country", "DE"), "right"),
        (IN_GERMANY, place(52.5, 13.4, "city", "DE"), "right"),
        (IN_GERMANY, place(48.2, 16.4, "country", "AT"), "wrong"),
        (IN_GERMANY, place(50.08, 14.43, "city", "CZ"), "wrong"),
    ],
)
def test_an_answer_is_judged(row: Row, answer: Place | None, expected: str) -> None:
    assert outcome(row, answer) == expected


def test_either_of_two_places_is_right() -> None:
    row = Row("1", "London / Paris", "city", ((51.51, -0.13), (48.85, 2.35)), 50, "GB")
    assert outcome(row, place(48.86, 2.34, "city", "FR")) == "right"


def test_distances_are_along_the_great_circle() -> None:
    assert away(place(52.52, 13.40, "city", "DE"), MUNICH) == pytest.approx(504, abs=2)
    assert away(place(0, 179.5, "city", "FJ"), (0, -179.5)) == pytest.approx(111.2, abs=0.1)


def test_intervals_are_wilsons() -> None:
    """Newcombe 1998, doi:10.1002/(SICI)1097-0258(19980430)17:8<857::AID-SIM777>3.0.CO;2-E, table I."""
    assert estimate(81, 263) == {"rows": 81, "share": 0.308, "low": 0.2553, "high": 0.3662}
    assert (estimate(0, 20)["low"], estimate(0, 20)["high"]) == (0.0, 0.1611)
    assert estimate(0, 0)["high"] == 1.0


def test_confidence_is_compared_with_what_is_true() -> None:
    near, wide, far = (
        place(48.2, 11.6, "city", "DE", 0.95),
        place(51, 10, "country", "DE", 0.55),
        place(0, 0, "city", "GH"),
    )
    judged = Judged.of([IN_MUNICH, IN_MUNICH, IN_MUNICH, NONSENSE, NONSENSE], [near, wide, far, far, None])
    assert [(part["from"], part["answers"], part["true"]) for part in places.calibration(judged)] == [
        (0.5, 1, 1), (0.9, 2, 0), (0.95, 1, 1)
    ]  # fmt: skip
    assert places.calibration_error(judged) == pytest.approx((0.45 + 2 * 0.9 + 0.05) / 4)
    assert judged.shares() == {"right": 0.3333, "coarse": 0.3333, "wrong": 0.3333, "missed": 0.0, "junk_answered": 0.5}


def test_the_command_gives_every_figure_and_lists_mistakes_on_demand(tmp_path: Path) -> None:
    file = tmp_path / "mine.csv"
    tagged = "".join(f"b{n},Hamburg,city,53.55,9.99,50,DE,,,small,,dev\n" for n in range(10))
    file.write_text(GOOD + tagged + "c1,Hamburg,city,-33.9,151.2,50,AU,,,,,dev\n", encoding="utf-8")
    usual = _choice.weights()
    figures = json.loads(CliRunner().invoke(app, ["evaluate", "places", "--set", f"list={file}", "--json"]).stdout)
    mine = figures["mine"]
    assert figures["geocoder"].startswith("gazetteer ")
    assert (mine["places"], mine["junk"]) == (15, 1)
    assert [row["outcome"] for row in mine["outcomes"]] == ["right", "coarse", "wrong", "missed"]
    assert sum(row["rows"] for row in mine["outcomes"]) == 15
    assert [row["level"] for row in mine["by_level"]] == ["city", "region", "country"]
    assert [row["tag"] for row in mine["by_tag"]] == ["small"]
    assert [row["threshold"] for row in mine["by_threshold"]] == list(places.THRESHOLDS)
    assert "mistakes" not in mine
    assert _choice.weights() == usual
    listed = places.run(list=file, mistakes=1)["mine"]["mistakes"]
    assert ("c1", "wrong") in [(row["id"], row["outcome"]) for row in listed]


def test_a_higher_threshold_answers_no_more() -> None:
    texts = ["Hamburg, Germany", "Springfield", "the moon", "Lyon", "Georgia"]
    answered = [sum(place is not None for place in places._at(threshold, texts)) for threshold in places.THRESHOLDS]
    assert answered == sorted(answered, reverse=True)


def test_the_published_and_the_development_list_are_the_default(tmp_path: Path) -> None:
    (tmp_path / "geo").mkdir()
    (tmp_path / "geo" / "locations_dev.csv").write_text(GOOD)
    *published, development = places.lists(tmp_path)
    assert development == tmp_path / "geo" / "locations_dev.csv"
    assert published == places.lists(tmp_path / "nowhere")
    assert all(read(file) for file in published)


def test_no_list_at_all_is_one_clear_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(places, "lists", lambda data: [])
    with pytest.raises(ConfigError, match="--set list=FILE"):
        places.run(data=tmp_path)
