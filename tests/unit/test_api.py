"""The API: what it gives, in every form, and that the statement of a panel gives its rows."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.testclient import TestClient
from tests.helpers.accounts import accounts
from tests.helpers.alerts import an_alert

from tocsin.clock import ManualClock
from tocsin.component import Context
from tocsin.lakes.delta import Config as LakeConfig
from tocsin.lakes.delta import Delta
from tocsin.links import Links
from tocsin.server.api.routes import CALLS
from tocsin.server.api.steps import STEPS, step_of
from tocsin.server.app import Site, app
from tocsin.state import State

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
START = int(datetime(2026, 3, 2, tzinfo=UTC).timestamp())
NAME = '["acme","outage"]'


class House:
    """Twelve hours of two series, a count a minute, and an incident."""

    def __init__(self, folder: Path, token: str | None = None) -> None:
        clock = ManualClock(NOW)
        self.state = State(folder / "state.db")
        self.lake = Delta(LakeConfig(), Context("lake", folder, clock=clock))
        counts = {("volume", NAME, START + 60 * minute): minute % 7 + 1 for minute in range(720)}
        counts |= {("volume", '["acme","it\'s"]', START): 3}
        with self.state.transaction() as tx:
            tx.add_counts(counts, {})
            tx.put_incident(msgspec.structs.replace(an_alert().incident, headline="=1+1 is down"))
        links = Links(b"k" * 32, "http://testserver", clock, days=7)
        site = Site(self.state, links, clock, accounts(clock, token), ["testserver"], self.lake, {"volume": 60})
        self.client = TestClient(app(site), client=("127.0.0.1", 50000))

    def get(self, path: str, **asked: str) -> Any:
        answer = self.client.get(path, params=asked)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def close(self) -> None:
        self.lake.close()
        self.state.close()


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    with closing(House(tmp_path)) as made:
        yield made


def test_a_series_has_as_many_points_as_a_chart_can_show(house: House) -> None:
    found = house.get("/api/series", series=NAME, points="100")
    assert (found["policy"], found["series"], found["bucket_seconds"]) == ("volume", ["acme", "outage"], 900)
    assert len(found["rows"]) == 96
    assert sum(row["count"] for row in found["rows"]) == sum(minute % 7 + 1 for minute in range(720))
    assert found["rows"][-1]["start"] == "2026-03-02T11:45:00Z"


@pytest.mark.parametrize("asked", [
    {"series": NAME, "points": "50"}, {"series": '["acme","it\'s"]', "start": "-43200", "points": "30"},
    {"series": NAME, "start": "2026-03-02T03:00Z", "end": "2026-03-02T05:00+01:00"},
])  # fmt: skip
def test_the_statement_of_a_series_gives_its_rows(house: House, asked: dict[str, str]) -> None:
    panel = house.get("/api/series", **asked)
    sql = house.client.get("/api/series", params=asked | {"format": "sql"}).text
    counted = [{"start": row["start"], "count": row["count"]} for row in panel["rows"]]
    assert house.get("/api/query", sql=sql)["rows"] == counted


def test_the_statement_of_incidents_gives_their_rows(house: House) -> None:
    asked = {"state": "open", "policy": "it's"}
    assert house.get("/api/incidents", **asked)["rows"] == []
    panel = house.get("/api/incidents", state="open")
    assert [row["id"] for row in panel["rows"]] == ["incident-1"]
    sql = house.client.get("/api/incidents", params={"state": "open", "format": "sql"}).text
    assert [row["id"] for row in house.get("/api/query", sql=sql)["rows"]] == ["incident-1"]


def test_every_panel_has_every_form(house: House) -> None:
    for path, asked in (("/api/series", {}), ("/api/incidents", {}), ("/api/query", {"sql": "SELECT 1 AS one"})):
        rows = house.get(path, **asked)["rows"]
        packed = house.client.get(path, params=asked, headers={"Accept": "application/vnd.apache.arrow.stream"})
        assert pa.ipc.open_stream(packed.content).read_all().num_rows == len(rows)
        lines = list(csv.reader(io.StringIO(house.client.get(path, params=asked | {"format": "csv"}).text)))
        assert len(lines) == len(rows) + 1


def test_no_cell_is_one_that_a_spreadsheet_would_run(house: House) -> None:
    text = house.client.get("/api/incidents", params={"format": "csv"}).text
    (row,) = csv.DictReader(io.StringIO(text))
    assert row["headline"] == "'=1+1 is down"


@pytest.mark.parametrize(
    ("path", "asked", "status", "said"),
    [
        ("/api/series", {"policy": "none"}, 404, "there are volume"),
        ("/api/series", {"series": "acme"}, 400, "JSON array"),
        ("/api/series", {"series": '["x"]'}, 404, "no such series"),
        ("/api/series", {"points": "0"}, 400, "from 1 to 5000"),
        ("/api/series", {"start": "yesterday"}, 400, "are times like"),
        ("/api/series", {"start": "-60", "end": "-120"}, 400, "before end"),
        ("/api/series", {"format": "xml"}, 400, "format is one of"),
        ("/api/series", {"pts": "5"}, 400, "pts is not known here"),
        ("/api/incidents", {"state": "shut"}, 400, "open, resolved, expired"),
        ("/api/incidents", {"limit": "-1"}, 400, "from 1 to 1000"),
        ("/api/query", {}, 400, "sql is missing"),
        ("/api/query", {"sql": "DROP TABLE posts"}, 400, ""),
        ("/api/query", {"sql": "SELECT * FROM read_csv('/etc/passwd')"}, 400, ""),
    ],
)
def test_what_cannot_be_answered_is_one_clear_line(
    house: House, path: str, asked: dict[str, str], status: int, said: str
) -> None:
    answer = house.client.get(path, params=asked)
    assert answer.status_code == status
    assert said in answer.json()["error"]


def test_whoever_shows_no_token_is_not_let_in(tmp_path: Path) -> None:
    with closing(House(tmp_path, "secret-token")) as house:
        for path in ("/api/series", "/api/incidents", "/api/query?sql=SELECT+1"):
            assert house.client.get(path).status_code == 401
            assert house.client.get(path, headers={"Authorization": "Bearer secret-token"}).status_code == 200


def test_a_page_of_another_site_is_not_let_in(house: House) -> None:
    assert house.client.get("/api/series", headers={"Origin": "https://evil.example"}).status_code == 401
    assert house.client.get("/api/series", headers={"Host": "evil.example"}).status_code == 400


def test_every_call_is_described(house: House) -> None:
    found = house.get("/api/openapi.json")
    assert found["openapi"] == "3.1.0"
    assert set(found["paths"]) == {call.path for call in CALLS}
    for path in found["paths"].values():
        assert path["get"]["summary"]
        assert all(one["description"] for one in path["get"]["parameters"])


@given(
    length=st.integers(60, 400 * 86_400),
    points=st.integers(1, 5000),
    bucket=st.sampled_from([10, 30, 60, 300, 900, 3600]),
)
def test_a_step_gives_no_more_points_than_wanted(length: int, points: int, bucket: int) -> None:
    step = step_of(length, points, bucket)
    assert step % bucket == 0
    assert length / step <= points
    assert step in STEPS or length > STEPS[-1] * points or step == bucket
