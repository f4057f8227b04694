"""Pages behind signed links: what is shown, what is done, and that nothing is done without a good link."""

from __future__ import annotations

import asyncio
import stat
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import aiohttp
import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from starlette.testclient import TestClient
from tests.helpers.accounts import accounts
from tests.helpers.alerts import an_alert
from tests.unit.test_channels import WHY

from tocsin import config as configs
from tocsin.clock import ManualClock
from tocsin.links import Links, key
from tocsin.runners.assemble import Assembly
from tocsin.server.app import Site, app
from tocsin.server.serve import serve
from tocsin.state import State

NOW = datetime(2026, 11, 22, 12, 6, tzinfo=UTC)
KEY = b"k" * 32


class House:
    def __init__(self, folder: Path, token: str | None = None) -> None:
        self.clock, self.state = ManualClock(NOW), State(folder / "state.db")
        self.links = Links(KEY, "http://testserver", self.clock, days=7)
        self.client = TestClient(
            app(Site(self.state, self.links, self.clock, accounts(self.clock, token), ["testserver"])),
            client=("127.0.0.1", 50000),
        )
        incident = msgspec.structs.replace(an_alert().incident, explanation=WHY, headline="<b>down</b> & out")
        with self.state.transaction() as tx:
            tx.put_incident(incident)

    def link(self, action: str, incident: str = "incident-1") -> str:
        return self.links.url(incident, action)

    @property
    def log(self) -> list[tuple[str, str | None, str]]:
        return [(one.action, one.argument, one.by) for one in self.state.done("incident-1")]


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    made = House(tmp_path)
    yield made
    made.state.close()


def test_the_page_of_an_incident_shows_all_of_it_and_nothing_of_it_is_markup(house: House) -> None:
    answer = house.client.get(house.link("show"))
    assert answer.status_code == 200
    for said in ("&lt;b&gt;down&lt;/b&gt;", "71% of the rise", "can&#x27;t log in", "SELECT 1", "@ann"):
        assert said in answer.text
    assert "<script" not in answer.text
    assert "javascript:" not in answer.text.replace("[x](javascript:1)", "")
    assert answer.headers["content-security-policy"].startswith("default-src 'none'")
    assert answer.headers["cache-control"] == "no-store"


@pytest.mark.parametrize("action", ["ack", "snooze", "useful", "not_useful", "planned", "note"])
def test_looking_at_a_link_does_nothing(house: House, action: str) -> None:
    answer = house.client.get(house.link(action))
    assert answer.status_code == 200
    assert 'method="post"' in answer.text
    assert house.log == []


def test_each_deed_is_done_once_with_a_name(house: House) -> None:
    for _ in range(2):
        assert house.client.post(house.link("ack"), data={"who": "ann\n\x1b"}).status_code == 200
    house.client.post(house.link("not_useful"))
    house.client.post(house.link("snooze"), data={"for": "8 hours", "who": "ben"})
    house.client.post(house.link("note"), data={"note": "known\nbug", "who": "ben"})
    until = (NOW + timedelta(hours=8)).isoformat()
    assert house.log == [
        ("ack", None, "ann"),
        ("feedback", "not_useful", "by link"),
        ("snooze", until, "ben"),
        ("note", "known\nbug", "ben"),
    ]
    page = house.client.get(house.link("show")).text
    assert "taken on by ann" in page
    assert "known" in page


def test_what_cannot_be_done_is_said(house: House) -> None:
    assert house.client.post(house.link("note"), data={"note": " "}).status_code == 400
    assert house.client.post(house.link("show")).status_code == 400
    assert house.client.post(house.link("note"), content=b"note=" + b"x" * 70_000).status_code == 400
    assert "not kept any more" in house.client.get(house.link("show", "gone")).text
    assert house.client.get("/healthz").json() == {"status": "ok"}
    assert house.client.get("/healthz", headers={"Host": "evil.example"}).status_code == 400
    assert house.log == []


def test_a_link_ends(house: House) -> None:
    link = house.link("ack")
    house.clock.advance(9 * 86_400)
    answer = house.client.post(link)
    assert answer.status_code == 403
    assert "expired" in answer.text
    assert house.log == []


def test_the_same_alert_has_the_same_links_all_day(house: House) -> None:
    link = house.link("ack")
    house.clock.advance(3600)
    assert house.link("ack") == link


@given(st.data())
@settings(max_examples=150)
def test_no_other_link_does_anything(data: st.DataObject) -> None:
    links = Links(KEY, "https://x.example", ManualClock(NOW))
    good = urlsplit(links.url("incident-1", "ack"))
    expires, signature = (part.partition("=")[2] for part in good.query.split("&"))
    asked = [("incident-1", "ack", expires, signature)]
    assert links.check(*asked[0]) is None
    changed = data.draw(st.lists(st.text(max_size=30), min_size=4, max_size=4))
    kept = data.draw(st.lists(st.booleans(), min_size=4, max_size=4))
    other = tuple(old if keep else new for old, new, keep in zip(asked[0], changed, kept, strict=True))
    if other != asked[0]:
        assert links.check(*other) is not None
    assert Links(b"o" * 32, "https://x.example", ManualClock(NOW)).check(*asked[0]) is not None


def test_the_key_is_made_once_and_is_its_owners_alone(tmp_path: Path) -> None:
    first = key(tmp_path)
    assert key(tmp_path) == first
    assert len(first) == 32
    assert stat.S_IMODE((tmp_path / "links.key").stat().st_mode) == 0o600
    (tmp_path / "links.key").write_bytes(b"")
    assert len(key(tmp_path)) == 32


SILENCE: dict[str, Any] = {
    "matchers": [{"name": "category", "value": "outage", "isRegex": False, "isEqual": True}],
    "startsAt": "2026-11-22T12:00:00Z", "endsAt": "2026-11-22T14:00:00Z", "createdBy": "ann", "comment": "release",
}  # fmt: skip


def test_silences_come_and_go_as_amtool_does_it(house: House) -> None:
    id = house.client.post("/api/v2/silences", json=SILENCE).json()["silenceID"]
    (found,) = house.client.get("/api/v2/silences").json()
    assert (found["id"], found["status"], found["createdBy"]) == (id, {"state": "active"}, "ann")
    assert found["matchers"] == SILENCE["matchers"]
    assert house.client.get(f"/api/v2/silence/{id}").json() == found
    assert house.client.delete(f"/api/v2/silence/{id}").status_code == 200
    assert house.client.get(f"/api/v2/silence/{id}").json()["status"] == {"state": "expired"}
    assert house.client.delete("/api/v2/silence/none").status_code == 404
    assert house.client.get("/api/v2/status").json()["versionInfo"]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"endsAt": "2026-11-22T11:00:00Z"}, "must end after"),
        ({"matchers": []}, "needs a matcher"),
        ({"matchers": [{"name": "a", "value": "(", "isRegex": True}]}, "no regular expression"),
        ({"startsAt": "soon"}, "startsAt"),
        ({"startsAt": "2026-11-22T12:00:00"}, "zone"),
    ],
)
def test_a_silence_that_is_none_is_refused(house: House, change: dict[str, Any], said: str) -> None:
    answer = house.client.post("/api/v2/silences", json=SILENCE | change)
    assert answer.status_code == 400
    assert said in answer.text
    assert house.state.silences.all() == []


def test_programs_need_the_token_or_this_machine(tmp_path: Path) -> None:
    (tmp_path / "near").mkdir()
    (tmp_path / "far").mkdir()
    near, far = House(tmp_path / "near"), House(tmp_path / "far", token="a long secret")
    assert near.client.get("/api/v2/silences").status_code == 200
    for header in ("Origin", "X-Forwarded-For"):
        assert near.client.get("/api/v2/silences", headers={header: "https://evil.example"}).status_code == 401
    assert far.client.get("/api/v2/silences").status_code == 401
    assert far.client.get("/api/v2/silences", headers={"Authorization": "Bearer a long secret"}).status_code == 200
    near.state.close()
    far.state.close()


async def test_it_listens_over_real_http_and_a_port_that_is_taken_costs_only_the_server(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "tocsin.yaml").write_text("data_dir: data\nserver: {port: 0}\n")
    assembly = Assembly(configs.load(tmp_path / "tocsin.yaml", {}))
    assembly.prepare()
    stop = threading.Event()
    caplog.set_level("INFO")
    state = assembly.state()
    running = asyncio.create_task(serve(assembly, state, stop))
    while "Listening on" not in caplog.text:
        await asyncio.sleep(0.02)
    base = caplog.text.partition("Listening on ")[2].split()[0].rstrip(".")
    async with aiohttp.ClientSession() as session, session.get(f"{base}/healthz") as answer:
        assert (answer.status, await answer.json()) == (200, {"status": "ok"})
    port = urlsplit(base).port
    (tmp_path / "tocsin.yaml").write_text(f"data_dir: data\nserver: {{port: {port}}}\n")
    await serve(Assembly(configs.load(tmp_path / "tocsin.yaml", {})), state, stop)
    assert "cannot listen on" in caplog.text
    stop.set()
    await running
    state.close()
