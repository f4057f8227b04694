"""What all remote geocoders have in common, each over real HTTP against a fake of its service."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any

import pytest
from tests.helpers.geocoders import FAKES, NOW, at, geocoder
from tests.helpers.remote import Answer, as_json

from tocsin import load
from tocsin.clock import ManualClock
from tocsin.errors import Permanent, Transient
from tocsin.gazetteer._lookups import LONGEST, question
from tocsin.gazetteer._match import Candidate, best, fit
from tocsin.gazetteer._stored import CLEANED_EVERY, FILE, Stored
from tocsin.model import Place

KINDS = sorted(FAKES)


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def asked(fake: Any) -> list[str]:
    return [
        one if isinstance(one, str) else one["QueryText"] if isinstance(one, dict) else one[0] for one in fake.asked
    ]


def test_a_place_with_level_country_position_and_confidence(kind: str, tmp_path: Path) -> None:
    with geocoder(kind, FAKES[kind](), tmp_path) as (_, made):
        (place,) = made.locate(["Ostheim"])
    assert (place.name, place.level) == ("Ostheim", "city")
    assert place.country == ("CA" if kind == "amazon" else "DE")
    assert place.lat == pytest.approx(50.1)
    assert 0.5 < place.confidence <= 1
    assert made.id.startswith(f"{kind}:")
    assert made.attribution


def test_spellings_of_one_text_are_asked_about_once_and_in_the_order_given(kind: str, tmp_path: Path) -> None:
    fake = FAKES[kind]()
    with geocoder(kind, fake, tmp_path) as (_, made):
        first, nowhere, second, blank, third = made.locate(["Ostheim", "xyzzy", " OSTHEIM ", "", "Ｏstheim"])
    assert first == second == third != nowhere
    assert nowhere is blank is None
    assert sorted(asked(fake)) == ["ostheim", "xyzzy"]


def test_answers_nowhere_too_cost_nothing_after_a_restart(kind: str, tmp_path: Path) -> None:
    fake = FAKES[kind]()
    with geocoder(kind, fake, tmp_path) as (service, made):
        before = made.locate(["Ostheim", "xyzzy"])
        again = at(kind, service, tmp_path)
        assert again.locate(["xyzzy", "ostheim"]) == before[::-1]
    assert len(fake.asked) == 2


def test_what_is_kept_holds_no_text_and_other_servers_do_not_use_it(tmp_path: Path) -> None:
    clock = ManualClock(NOW)
    here, there = Stored(tmp_path, "here", None, clock), Stored(tmp_path, "there", None, clock)
    here.put("\tsecret garden", None)
    assert here.get(["\tsecret garden", "de\tsecret garden"]) == {"\tsecret garden": None}
    assert there.get(["\tsecret garden"]) == {}
    assert Stored(tmp_path, "here", None, clock).get(["\tsecret garden"]) == {"\tsecret garden": None}
    assert b"garden" not in b"".join(path.read_bytes() for path in tmp_path.glob(f"{FILE}*"))


async def test_answers_are_dropped_when_they_may_not_be_kept_longer(tmp_path: Path) -> None:
    clock = ManualClock(NOW)
    stored = Stored(tmp_path, "service", 3600.0, clock)
    stored.put("\tleeds", Place(name="Leeds"))
    await clock.sleep(3599)
    assert stored.get(["\tleeds"]) == {"\tleeds": Place(name="Leeds")}
    await clock.sleep(1)
    assert stored.get(["\tleeds"]) == {}
    with sqlite3.connect(tmp_path / FILE) as database:
        assert database.execute("SELECT count(*) FROM answers").fetchone() == (1,), "it was looked for within the hour"
        await clock.sleep(CLEANED_EVERY)
        assert stored.get(["\tleeds"]) == {}
        assert database.execute("SELECT count(*) FROM answers").fetchone() == (0,)
    database.close()


@pytest.mark.parametrize("damage", [b"", b"{", b'"\xff"', b'{"lat": []}', None, 7, "\ud7ff{"])
def test_a_damaged_answer_is_asked_for_again(damage: Any, tmp_path: Path) -> None:
    fake = FAKES["nominatim"]()
    with geocoder("nominatim", fake, tmp_path) as (service, made):
        before = made.locate(["Ostheim"])
        with sqlite3.connect(tmp_path / FILE) as database:
            database.execute("UPDATE answers SET place = ?", (damage,))
        database.close()
        assert made.locate(["Ostheim"]) == before
        assert at("nominatim", service, tmp_path).locate(["Ostheim"]) == before
    assert len(fake.asked) == 2


async def test_an_expired_answer_is_asked_for_again(kind: str, tmp_path: Path) -> None:
    fake, clock = FAKES[kind](), ManualClock(NOW)
    with geocoder(kind, fake, tmp_path, clock, keep="30d") as (_, made):
        for days in (0, 29, 2):
            await clock.sleep(days * 86_400)
            assert made.locate(["Ostheim"])[0] is not None
    assert len(fake.asked) == 2


async def test_turns_are_shared_by_processes_and_survive_a_clock_set_back(tmp_path: Path) -> None:
    clock = ManualClock(NOW)
    first, second = (Stored(tmp_path, name, None, clock) for name in ("one", "two"))
    assert [stored.turn("host", 1.0) for stored in (first, second, first)] == pytest.approx([0, 1, 1])
    await clock.sleep(1)
    assert [stored.turn("host", 1.0) for stored in (second, first)] == pytest.approx([0, 1])
    assert first.turn("other", 1.0) == 0
    with sqlite3.connect(tmp_path / FILE) as database:
        database.execute("UPDATE turns SET next = next + 1e6")
    database.close()
    assert first.turn("host", 1.0) == 0


@pytest.mark.parametrize(
    "text",
    ["", " \n", "x", "👍👍", "12345", "me@example.org", "https://example.org/leeds", "@someone", "y" * (LONGEST + 1)],
)
def test_what_cannot_be_a_place_is_not_sent(text: str, tmp_path: Path) -> None:
    fake = FAKES["nominatim"]()
    with geocoder("nominatim", fake, tmp_path) as (_, made):
        assert made.locate([text]) == [None]
    assert fake.asked == []
    assert not (tmp_path / FILE).exists()


def test_hostile_text_goes_over_the_wire_as_text(kind: str, tmp_path: Path) -> None:
    fake = FAKES[kind]()
    with geocoder(kind, fake, tmp_path) as (_, made):
        assert made.locate(["a&limit=0#?x=%00", "lone \ud800 surrogate", "tab\there\x00"]) == [None] * 3
    assert "a&limit=0#?x=%00" in asked(fake)


FAULTS = {
    "503": [Answer(503, b"busy")],
    "429": [Answer(429, b"slow down", {"Retry-After": "7200"})],
    "500": [Answer(500, b"{}")],
    "reset": [Answer(reset=True)] * 2,  # aiohttp itself asks again once
}
UNREADABLE = {
    "html": Answer(200, b"<html>sign in to this network</html>", {"Content-Type": "text/html"}),
    "empty": Answer(200, b""),
    "cut": Answer(200, b'{"features": [', cut=True),
}


@pytest.mark.parametrize("faults", FAULTS.values(), ids=FAULTS)
def test_a_service_that_fails_is_transient_and_nothing_of_it_is_kept(
    kind: str, faults: list[Answer], tmp_path: Path
) -> None:
    clock = ManualClock(NOW)
    with geocoder(kind, FAKES[kind](), tmp_path, clock) as (service, made):
        service.faults.extend(faults[: 1 if kind == "amazon" else None])
        with pytest.raises(Transient):
            made.locate(["Ostheim"])
        clock.advance(7200)
        assert made.locate(["Ostheim"])[0] is not None


@pytest.mark.parametrize("fault", UNREADABLE.values(), ids=UNREADABLE)
def test_an_answer_that_is_not_json_is_no_answer(kind: str, fault: Answer, tmp_path: Path) -> None:
    with geocoder(kind, FAKES[kind](), tmp_path) as (service, made):
        service.faults.append(fault)
        if kind == "amazon":  # what botocore cannot read is left to the text
            assert made.locate(["Ostheim"]) == [None]
        else:
            with pytest.raises(Transient):
                made.locate(["Ostheim"])
        assert made.locate(["Ostheim"])[0] is not None


def test_a_retry_after_is_obeyed(kind: str, tmp_path: Path) -> None:
    clock = ManualClock(NOW)
    with geocoder(kind, FAKES[kind](), tmp_path, clock, tries=3) as (service, made):
        service.faults.append(Answer(429, b"{}", {"Retry-After": "20"}))
        assert made.locate(["Ostheim"])[0] is not None
        assert clock.monotonic() >= 20
        assert len(service.requests) == 2


def test_a_service_that_is_away_is_left_alone(kind: str, tmp_path: Path) -> None:
    with geocoder(kind, FAKES[kind](), tmp_path) as (service, made):
        service.faults.extend([Answer(503, b"{}")] * 9)
        for number in range(6):
            with pytest.raises(Transient):
                made.locate([f"place {number:c}"])
        assert len(service.requests) == 3


def test_one_text_without_an_answer_does_not_hold_up_the_others(kind: str, tmp_path: Path) -> None:
    with geocoder(kind, FAKES[kind](), tmp_path, concurrency=1) as (service, made):
        service.faults.append(Answer(503, b"{}"))
        first, second = made.locate(["Ostheim", "Munich" if kind == "photon" else "München"])
        assert first is None
        assert second.name == "Munich"
        assert made.locate(["Ostheim"])[0] is not None, "a failure is no answer, so nothing of it is kept"


def test_what_is_known_is_given_even_if_the_service_is_away(
    kind: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with geocoder(kind, FAKES[kind](), tmp_path) as (service, made):
        known = made.locate(["Ostheim"])
        service.faults.append(Answer(503, b"{}"))
        assert made.locate(["elsewhere", "Ostheim"]) == [None, *known]
    assert "had no answer to 1 places" in caplog.text


@pytest.mark.parametrize(
    "value", [None, 7, "text", {}, [], [1], {"features": [{}]}, {"features": None}, {"ResultItems": [{"Position": []}]}]
)
def test_answers_of_another_shape_give_no_place(kind: str, value: Any, tmp_path: Path) -> None:
    with geocoder(kind, FAKES[kind](), tmp_path) as (service, made):
        service.faults.append(as_json(value))
        assert made.locate(["Ostheim"]) == [None]


def test_refusals_name_no_text_and_nothing_of_the_answer(kind: str, tmp_path: Path) -> None:
    with geocoder(kind, FAKES[kind](), tmp_path) as (service, made):
        service.faults.append(Answer(403, b"canary in the message", {"x-amzn-ErrorType": "AccessDeniedException"}))
        with pytest.raises(Permanent, match="403") as caught:
            made.locate(["Ostheim"])
    assert "canary" not in str(caught.value)
    assert "ostheim" not in str(caught.value).lower()


def test_an_answer_that_cannot_be_kept_is_given(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def full(self: Stored, asked: str, place: Place | None) -> None:
        raise Permanent("the disk is full")

    monkeypatch.setattr(Stored, "put", full)
    with geocoder(kind, FAKES[kind](), tmp_path) as (_, made):
        assert made.locate(["Ostheim"])[0] is not None
    assert "is not kept: the disk is full" in caplog.text


def test_without_a_usable_file_nothing_is_asked(kind: str, tmp_path: Path) -> None:
    (tmp_path / FILE).write_bytes(b"not a database" * 100)
    fake = FAKES[kind]()
    with geocoder(kind, fake, tmp_path) as (_, made), pytest.raises(Permanent, match=r"places\.db.*move it away"):
        made.locate(["Ostheim"])
    assert fake.asked == []


def test_it_is_a_component_whose_options_are_described(kind: str) -> None:
    config = load.component("gazetteer", kind).config_class
    assert [name for name, field in config.model_fields.items() if not field.description] == []
    assert kind in load.names("gazetteer")


def candidate(*names: str, **fields: Any) -> Candidate:
    base = {"around": (), "country": "gb", "lat": 53.8, "lon": -1.5, "level": "city", "score": 1.0}
    return Candidate(names=names, **{**base, **fields})


@pytest.mark.parametrize(
    ("text", "names", "around", "least", "most"),
    [
        ("leeds", ["Leeds"], [], 1, 1),
        ("leeds, uk", ["Leeds"], ["England"], 0.5, 0.5),
        ("frankfurt", ["Frankfurt am Main"], [], 0.6, 0.7),
        ("東京", ["Tokyo", "東京都"], [], 0.8, 0.9),
        ("京都市", ["東京"], [], 0, 0.4),
        ("zürich 🎉", ["Zurich"], [], 1, 1),
        ("in your heart", ["Heart"], [], 0, 0.4),
        ("the moon", ["Moon Township"], ["Pennsylvania"], 0, 0.4),
        ("leeds", ["Wakefield"], ["Leeds"], 0, 0),
        ("👍", ["Leeds"], [], 0, 0),
    ],
)
def test_how_well_a_name_fits(text: str, names: list[str], around: list[str], least: float, most: float) -> None:
    assert least <= fit(text, names, around) <= most


def test_the_first_that_fits_is_taken_under_its_first_name() -> None:
    found = best(
        "leeds, uk", [candidate("Leeds Bakery", level=None), candidate("Wakefield"), candidate("Leeds", "LDS")]
    )
    assert found == Place(name="Leeds", country="GB", lat=53.8, lon=-1.5, level="city", confidence=1.0)
    assert best("leeds", []) is None


@pytest.mark.parametrize(
    "fields",
    [
        {"lat": 91.0}, {"lon": float("nan")}, {"lat": 0.0, "lon": 0.0}, {"country": ""}, {"country": "GBR"},
        {"country": "é1"}, {"lat": float("inf")}, {"level": None},
    ],
)  # fmt: skip
def test_a_place_that_is_nowhere_is_not_taken(fields: dict[str, Any]) -> None:
    assert best("leeds", [candidate("Leeds", **fields)]) is None


def test_a_question_is_the_same_for_all_spellings() -> None:
    assert question("São\u00a0 Paulo", None) == question("SA\u0303O PAULO\u200b", None) == "\tsão paulo"
