"""`tocsin locate`, and the place that `tocsin analyze` gives."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from tocsin.cli import _place_text, _texts, app
from tocsin.gazetteer._evidence import REASONS

PLACE = {"name", "level", "country", "lat", "lon", "confidence", "origin"}


@pytest.fixture(autouse=True)
def _empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def tocsin(*arguments: str, **options: Any) -> Result:
    return CliRunner().invoke(app, list(arguments), **options)


def objects(*arguments: str, **options: Any) -> list[dict[str, Any]]:
    done = tocsin(*arguments, **options)
    assert done.exit_code == 0, done.output
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_texts_give_objects_of_the_promised_shape() -> None:
    london, moon, point = objects("locate", "London, Ontario", "the moon", "we are at 52.5201, 13.4049")
    assert london["text"] == "London, Ontario"
    assert london["place"].keys() == PLACE
    assert (london["place"]["name"], london["place"]["level"], london["place"]["country"]) == ("London", "city", "CA")
    assert 0.5 < london["place"]["confidence"] <= 1
    assert london["place"]["origin"] == "profile"
    assert moon == {"text": "the moon", "place": None}
    assert (point["place"]["level"], point["place"]["country"]) == ("point", "DE")
    assert (point["place"]["lat"], point["place"]["lon"], point["place"]["origin"]) == (52.5201, 13.4049, "coordinates")


@pytest.mark.parametrize("kind", ["csv", "jsonl", "-"])
def test_many_texts_keep_their_order(tmp_path: Path, kind: str) -> None:
    texts = ["Ghent", "", "the moon", 'London, "Ontario"', "Ghent"]
    lines = "".join(json.dumps({"where": text}) + "\n" for text in texts)
    if kind == "csv":
        lines = "id,where\n" + "".join('1,"{}"\n'.format(text.replace('"', '""')) for text in texts)
    file = tmp_path / f"places.{kind}"
    if kind != "-":
        file.write_text(lines)
    arguments = ("locate", "--input", "-" if kind == "-" else str(file), "--column", "where")
    found = objects(*arguments, input=lines if kind == "-" else None)
    assert [row["text"] for row in found] == texts
    assert [row["place"] and row["place"]["country"] for row in found] == ["BE", None, None, "CA", "BE"]


def test_a_row_without_a_text_is_said_and_keeps_its_place(tmp_path: Path) -> None:
    file = tmp_path / "places.jsonl"
    file.write_text('{"text": "Ghent"}\nnot json\n{"text": null}\n')
    done = tocsin("locate", "--input", str(file))
    found = [json.loads(line) for line in done.stdout.splitlines()]
    assert [row["text"] for row in found] == ["Ghent", None, ""]
    assert found[1]["error"].startswith("not JSON")
    assert f"{file}:2: not JSON" in done.stderr


@pytest.mark.parametrize("arguments", [[], ["Ghent", "--input", "places.csv"]])
def test_texts_or_a_file_must_be_given_and_not_both(arguments: list[str]) -> None:
    assert tocsin("locate", *arguments).exit_code == 2


def test_the_users_own_places_are_known(tmp_path: Path) -> None:
    (tmp_path / "tocsin.yaml").write_text(
        "places: {aliases: {HQ: [52.52, 13.40]}, corrections: {Georgia: 'Tbilisi, Georgia', Paradise: null}}\n"
    )
    found = objects("locate", "HQ", "Georgia", "Paradise")
    assert [row["place"] and row["place"]["country"] for row in found] == ["DE", "GE", None]
    assert (found[0]["place"]["name"], found[0]["place"]["origin"]) == ("HQ", "profile")


def test_an_index_that_is_not_there_is_a_fault_of_the_config(tmp_path: Path) -> None:
    (tmp_path / "tocsin.yaml").write_text("places: {index: no-such-folder}\n")
    done = tocsin("locate", "Ghent")
    assert done.exit_code == 78
    assert "no-such-folder" in done.stderr
    assert "Traceback" not in done.output


def test_bytes_that_are_no_text_are_replaced(tmp_path: Path) -> None:
    assert objects("locate", "\udcff") == [{"text": "\ufffd", "place": None}]
    (tmp_path / "places.jsonl").write_text('{"text": "\\ud800"}\n')
    assert objects("locate", "--input", "places.jsonl") == [{"text": "\ufffd", "place": None}]


@pytest.mark.parametrize("first", ["-17.7134, 178.0650", "-33.868 151.209 in the city", "-.5, 10"])
def test_a_text_may_begin_with_a_minus(first: str) -> None:
    found = objects("locate", first, "--json", "Ghent", "--", "-1")
    assert [one["text"] for one in found] == [first, "Ghent", "-1"]
    assert (found[0]["place"] is None) == (first == "-.5, 10")


def test_an_option_that_there_is_not_is_still_a_mistake() -> None:
    done = tocsin("locate", "Ghent", "--exlpain")
    assert done.exit_code == 2
    assert "--exlpain" in done.stderr
    assert tocsin("locate", "Ghent", "-x").exit_code == 2


def test_what_else_it_may_be_and_why() -> None:
    (found,) = objects("locate", "London, Ontario", "--explain")
    first, *_ = found["readings"]
    assert (first["words"], first["place"]["country"], first["place"]["area"]) == ("London", "CA", "Ontario")
    assert ["+", "its state or province is named too"] in first["reasons"]
    assert [one["probability"] for one in found["readings"]] == sorted(
        (one["probability"] for one in found["readings"]), reverse=True
    )
    (ambiguous,) = objects("locate", "Cambridge", "--explain")
    assert {"GB", "US"} <= {one["place"]["country"] for one in ambiguous["readings"]}
    (junk,) = objects("locate", "lol what 😀", "--explain")
    assert junk["place"] is None


class TestOnATerminal:
    @pytest.fixture(autouse=True)
    def _terminal(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("tocsin.cli.locate.on_a_terminal", lambda: True)

    def test_a_place_is_a_line_and_the_source_of_the_data_is_named_once(self) -> None:
        lines = tocsin("locate", "Ghent", "the moon", "London, Ontario").stdout.splitlines()
        assert [line.partition(":")[0] for line in lines[:3]] == ["Ghent", "the moon", "London, Ontario"]
        assert lines[1] == "the moon: no place"
        assert "London, CA (city, 42." in lines[2]
        assert lines[3:] == ["GeoNames (CC BY 4.0)"]

    def test_explained_in_words(self) -> None:
        said = tocsin("locate", "London, Ontario", "xqzvt", "\u202e\x1b[31m", "--explain").stdout
        assert "London = London, Ontario, CA (city): + " in said
        assert "something else, or no place" in said
        assert "no part of it is a name" in said
        assert "\x1b" not in said

    def test_analyze_names_the_source_of_a_place_once(self, capsys: pytest.CaptureFixture[str]) -> None:
        texts = ("stuck at 52.5201, 13.4049", "stuck at 51.0501, 3.7201", "no place in here")
        answers = objects("analyze", texts[0]) + objects("analyze", texts[1]) + objects("analyze", texts[2])
        _texts.tell(iter(answers), pretty=True)
        lines = capsys.readouterr().out.splitlines()
        assert lines[-1] == "GeoNames (CC BY 4.0)"
        assert lines.count(lines[-1]) == 1
        _texts.tell(iter(answers[2:]), pretty=True)
        assert "GeoNames" not in capsys.readouterr().out

    def test_json_is_json_there_too(self) -> None:
        assert objects("locate", "Ghent", "--json")[0]["place"]["country"] == "BE"


def test_each_reason_is_told_in_the_words_of_its_side() -> None:
    reasons = {"base": -6.0, "population of town": -2.0, "in country": 3.0, "share": 0.1, "share, supported": -0.2}
    assert _place_text.weightiest(reasons) == [
        ("+", "its country is named too"), ("-", "few live there"), ("-", "small among those of that name")
    ]  # fmt: skip


def test_analyze_gives_the_place_that_a_text_talks_about() -> None:
    (named,) = objects("analyze", "The bell tower in Toronto, Canada has been silent since yesterday")
    assert named["place"].keys() == PLACE
    assert (named["place"]["country"], named["place"]["origin"]) == ("CA", "text")
    assert 0.4 < named["place"]["confidence"] <= 0.8
    (point,) = objects("analyze", "stuck at 52.5201, 13.4049 since noon")
    assert (point["place"]["country"], point["place"]["origin"]) == ("DE", "coordinates")
    assert objects("analyze", "no place in here")[0]["place"] is None


@pytest.mark.parametrize(
    ("place", "line"),
    [
        ({"name": "HQ", "level": "point", "country": None, "lat": 52.52, "lon": 13.4, "confidence": 1.0,
          "origin": "profile"}, "HQ (point, 52.5200 13.4000, 1.00, as somebody states it)"),
        ({"name": None, "level": "country", "country": "GB", "lat": None, "lon": None, "confidence": None,
          "origin": "source"}, "no name, GB (country)"),
    ],
)  # fmt: skip
def test_a_place_as_a_line(place: dict[str, Any], line: str) -> None:
    assert _place_text.place_line(place) == line


def test_every_reason_has_words_of_its_own() -> None:
    assert {*REASONS} == {*_place_text._WORDS, *_place_text._HIDDEN}
