"""Silences and maintenance windows: whom they concern, and that what they held back is told when they are over."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from pathlib import Path

import pytest
from tests.unit.test_delivery import NOW, Desk, House
from typer.testing import CliRunner

from tocsin.cli import app
from tocsin.errors import Permanent
from tocsin.model import Alert, Digest
from tocsin.silences import Matcher, Silence, Window, silenced

LABELS = {"watch": "acme", "category": "outage", "severity": "warning"}


def silence(*matchers: str, hours: float = 1) -> Silence:
    parsed = tuple(Matcher.parse(text) for text in matchers)
    return Silence("s1", parsed, NOW, NOW + timedelta(hours=hours), "ann", "release", NOW)


@pytest.mark.parametrize(
    ("matchers", "concerned"),
    [
        (["category=outage"], True),
        (["category=outage", "watch!=acme"], False),
        (["category=~out.*"], True),
        (["category=~out"], False),
        (["watch!~ac.*"], False),
        (["country="], True),
        (['category="outage"'], True),
    ],
)
def test_all_matchers_must_hold_and_an_expression_must_match_the_whole(matchers: list[str], concerned: bool) -> None:
    found = silenced(LABELS, [silence(*matchers)], [], NOW)
    assert (found is not None) == concerned
    assert silenced(LABELS, [silence(*matchers)], [], NOW + timedelta(hours=1)) is None


@pytest.mark.parametrize("text", ["outage", "category~outage", "=x", "category=~("])
def test_what_is_no_matcher_is_refused(text: str) -> None:
    with pytest.raises(Permanent):
        Matcher.parse(text)


@pytest.mark.parametrize(
    ("local", "open_"),
    [("2026-03-07T23:00", True), ("2026-03-08T03:59", True), ("2026-03-08T04:00", False), ("2026-03-08T23:00", False)],
)
def test_a_weekly_window_reaches_into_the_next_day(local: str, open_: bool) -> None:
    from zoneinfo import ZoneInfo

    window = Window("patching", {"watch": "acme"}, days=("sat",), begins=time(22), ends=time(4), zone="Europe/Berlin")
    now = datetime.fromisoformat(local).replace(tzinfo=ZoneInfo("Europe/Berlin"))
    assert (silenced(LABELS, [], [window], now) is not None) == open_
    assert silenced({"watch": "other"}, [], [window], now) is None


def test_a_window_that_comes_once() -> None:
    until = datetime(2026, 3, 2, 13, tzinfo=UTC)
    window = Window("move", {}, until=until)
    found = silenced(LABELS, [], [window], NOW)
    assert found is not None
    assert (found.until, found.why) == (until.timestamp(), "maintenance: move")
    assert silenced(LABELS, [], [window], until) is None


def test_what_a_silence_held_back_is_told_when_it_is_over(tmp_path: Path) -> None:
    house = House(tmp_path)
    house.serve(ops=Desk())
    house.state.silences.put(silence("watch=acme"))
    house.post(1)
    house.post(2)
    house.post(2, "resolved", state="resolved")
    house.post(3, series={"watch": "globex"})
    house.round()
    assert house.desks["ops"].keys == ["incident-3.opened.0"]
    held = [row for row in house.state.outbox() if row["state"] == "held"]
    assert {row["error"] for row in held} == {"silenced by ann: release"}
    house.clock.advance(3600)
    house.round()
    digest = house.desks["ops"].got[1]
    assert isinstance(digest, Digest)
    assert {one.id: one.state for one in digest.incidents} == {"incident-1": "open", "incident-2": "resolved"}
    house.state.close()


def test_ending_a_silence_lets_go_of_what_it_held(tmp_path: Path) -> None:
    house = House(tmp_path)
    house.serve(ops=Desk())
    house.state.silences.put(silence("watch=acme", hours=100))
    house.post(1)
    house.round()
    assert house.desks["ops"].got == []
    house.state.silences.expire(silence("watch=acme", hours=100), house.clock.now())
    house.round()
    assert [type(message) for message in house.desks["ops"].got] == [Alert]
    house.state.close()


def test_silences_from_the_terminal(tmp_path: Path) -> None:
    (tmp_path / "tocsin.yaml").write_text("data_dir: data\n")
    (tmp_path / "data").mkdir()

    def tocsin(*arguments: str) -> tuple[int, str]:
        done = CliRunner().invoke(app, ["silence", *arguments, "-c", str(tmp_path / "tocsin.yaml")])
        return done.exit_code, done.stdout + done.stderr

    assert tocsin("list") == (0, "Nothing is silenced.\n")
    code, said = tocsin("add", "category=outage", "watch=~acme.*", "--for", "2h", "--comment", "release", "--by", "ann")
    assert code == 0
    id = said.split()[0]
    code, said = tocsin("list")
    assert 'category="outage", watch=~"acme.*"  ann: release' in said
    assert tocsin("expire", id[:8]) == (0, f"{id} has ended.\n")
    assert tocsin("list") == (0, "Nothing is silenced.\n")
    assert tocsin("expire", "none")[0] == 1
    assert tocsin("add", "nonsense")[0] == 1
    assert tocsin("add", "a=b", "--for", "soon")[0] == 2
