"""Panels of posts: what they say, that their statements say the same, and that they hold under load."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient
from tests.helpers.accounts import accounts
from tests.helpers.rows import START, row, table

from tocsin import config as configs
from tocsin.clock import ManualClock
from tocsin.component import Context
from tocsin.lakes.delta import Config as LakeConfig
from tocsin.lakes.delta import Delta
from tocsin.links import Links
from tocsin.pipeline.indexing import Indexing
from tocsin.runners.assemble import Assembly
from tocsin.server.app import Site, app
from tocsin.server.judged import Judged, courses
from tocsin.state import State

NOW = datetime(2026, 3, 3, tzinfo=UTC)
BEGAN = int(START.timestamp())
WORDS = {"outage": "I cannot log in", "billing": "my invoice is wrong"}


class House:
    """A day of posts: four an hour, and forty in the last."""

    def __init__(self, folder: Path) -> None:
        (folder / "tocsin.yaml").write_text(
            "data_dir: data\nwatches: [{name: acme, match: acme}]\n"
            "categories: [{name: outage, match: log in}, {name: billing, match: invoice}]\n"
        )
        self.assembly = Assembly(configs.load(folder / "tocsin.yaml", {}), ManualClock(NOW))
        self.assembly.prepare()
        self.clock = ManualClock(NOW)
        self.state = self.assembly.state()
        self.lake = self.assembly.lake()
        times = [900 * n for n in range(96)] + [23 * 3600 + 90 * n for n in range(40)]
        rows = [_row(seq, second) for seq, second in enumerate(sorted(times), 1)]
        self.lake.append(table(rows), "q", len(rows))
        with self.state.transaction() as tx:
            counts: dict[tuple[str, str, int], int] = {}
            for one in rows:
                minute = int(one["event_time"].timestamp()) // 60 * 60
                for name in ('["acme"]', f'["acme","{one["category"]}"]'):
                    counts["volume", name, minute] = counts.get(("volume", name, minute), 0) + 1
            tx.add_counts(counts, {})
        self.indexing = Indexing(folder / "index", self.lake, lambda: 0, self.clock)
        self.indexing.step()
        judged = Judged(self.state, lambda: courses(self.assembly, self.lake))
        judged.follow()
        self.site = Site(
            self.state, Links(b"k" * 32, "http://testserver", self.clock, 7), self.clock, accounts(self.clock),
            ["testserver"], self.lake, {"volume": 60}, lambda: self.indexing.index, judged, assembly=self.assembly,
        )  # fmt: skip
        self.client = TestClient(app(self.site), client=("127.0.0.1", 50000))

    def get(self, path: str, asked: dict[str, Any] | None = None) -> Any:
        answer = self.client.get(path, params=asked or {})
        assert answer.status_code == 200, answer.text
        return answer.json()

    def sql(self, path: str, asked: dict[str, Any]) -> list[dict[str, Any]]:
        statement = self.client.get(path, params=asked | {"format": "sql"}).text
        rows: list[dict[str, Any]] = self.get("/api/query", {"sql": statement})["rows"]
        return rows

    def close(self) -> None:
        self.indexing.close()
        self.lake.close()
        self.state.close()


def _row(seq: int, second: int) -> dict[str, Any]:
    category = "outage" if seq % 3 or second >= 23 * 3600 else "billing"
    place = {"place_name": "Gent", "place_level": "city", "country": "BE", "lat": 51.05, "lon": 3.72} if seq % 2 else {}
    return row(
        seq, second, text=f"acme {WORDS[category]} {seq}", category=category, categories=[category], **place,
        phrases=["log in"] if second >= 23 * 3600 else ["old news"], sentiment="negative" if seq % 4 else "positive",
        author_handle=f"author{seq % 50}", author_id=str(seq % 50), hashtags=["down"] if seq % 5 == 0 else [],
        entities=[{"text": "Acme", "type": "ORG", "start": 0, "end": 4}], language="en" if seq % 7 else "de",
    )  # fmt: skip


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    with closing(House(tmp_path_factory.mktemp("house"))) as made:
        yield made


FILTERS: list[dict[str, Any]] = [
    {}, {"category": "outage"}, {"category": ["outage", "billing"], "country": "BE"}, {"start": "-7200"},
    {"sentiment": "negative", "hashtag": "down"}, {"start": "2026-03-02T06:00Z", "end": "2026-03-02T12:30Z"},
    {"author": "author7", "language": "en"}, {"phrase": "log in", "entity": "Acme", "place": "Gent"},
]  # fmt: skip


@pytest.mark.parametrize("asked", FILTERS)
@pytest.mark.parametrize("path", [
    "/api/totals", "/api/mentions", "/api/mentions?by=category", "/api/values?of=category", "/api/values?of=phrase",
    "/api/values?of=country", "/api/values?of=author", "/api/places",
])  # fmt: skip
def test_the_statement_of_a_panel_gives_its_rows(house: House, path: str, asked: dict[str, Any]) -> None:
    address, _, query = path.partition("?")
    asked = asked | dict([query.split("=")] if query else [])
    panel = house.get(address, asked)["rows"]
    found = house.sql(address, asked)
    key = lambda one: sorted((name, str(value)) for name, value in one.items())  # noqa: E731
    assert sorted(found, key=key) == sorted(panel, key=key)


def test_the_statement_of_posts_gives_the_same_posts(house: House) -> None:
    asked = {"category": "billing", "limit": "20"}
    assert [one["uid"] for one in house.sql("/api/posts", asked)] == [
        one["uid"] for one in house.get("/api/posts", asked)["rows"]
    ]


def test_what_is_said_more_than_before_stands_first(house: House) -> None:
    found = house.get("/api/lifted", {"of": "phrase", "start": "-3600"})["rows"]
    assert [(one["value"], one["posts"], one["before"]) for one in found] == [("log in", 44, 0)]
    told = house.sql("/api/lifted", {"of": "phrase", "start": "-3600"})
    assert told == [{"value": "log in", "posts": 44, "before": 0}]


def test_authors_are_counted_once(house: House) -> None:
    rows = house.get("/api/authors", {"start": "-86400"})["rows"]
    assert rows[0] == {"period": "now", "authors": 50}


def test_pages_of_posts_follow_each_other_to_the_end(house: House) -> None:
    seen, before = [], None
    while True:
        page = house.get("/api/posts", {"limit": "25"} | ({"before": before} if before else {}))
        seen += [one["seq"] for one in page["rows"]]
        before = page["next"]
        if before is None:
            break
    assert seen == list(range(136, 0, -1))


def test_a_search_is_a_rule_of_the_watch_language(house: House) -> None:
    rows = house.get("/api/posts", {"match": '"my invoice" -lang:de', "limit": "100"})["rows"]
    assert rows
    assert all("my invoice" in one["text"] and one["language"] == "en" for one in rows)
    answer = house.client.get("/api/posts", params={"match": '"log in'})
    assert (answer.status_code, "never closed" in answer.json()["error"]) == (400, True)


def test_the_heat_shows_the_hour_that_stood_out_first(house: House) -> None:
    found = house.get("/api/heat", {"start": "-86400"})
    assert found["rows"][0]["series"] == ["acme", "outage"]
    own = [one for one in found["rows"] if one["series"] == ["acme", "outage"]]
    (last,) = [one for one in own if one["count"] is None]
    labels = [
        (time, name)
        for batch in house.lake.rows(["event_time", "category"])
        for time, name in zip(*(batch.column(one).to_pylist() for one in ("event_time", "category")), strict=True)
    ]
    judged = sum(name == "outage" and time.isoformat() < last["start"].replace("Z", "") for time, name in labels)
    assert sum(one["count"] or 0 for one in own) == judged
    assert max(own, key=lambda one: abs(one["score"] or 0))["start"] >= "2026-03-02T23"


def test_a_series_has_the_band_that_was_expected(house: House) -> None:
    rows = house.get("/api/series", {"series": '["acme","outage"]', "points": "48"})["rows"]
    known = [one for one in rows if one["expected"] is not None]
    assert known
    assert all(0 <= one["low"] <= one["expected"] <= one["high"] for one in known)


@pytest.mark.parametrize(("path", "asked", "said"), [
    ("/api/values", {"of": "uid"}, "of is one of"), ("/api/mentions", {"by": "author"}, "by is one of"),
    ("/api/posts", {"before": "x"}, "before is what"), ("/api/posts", {"limit": "100000"}, "from 1 to 1000"),
    ("/api/totals", {"start": "now"}, "are times like"), ("/api/totals", {"colour": "red"}, "colour is not known"),
    ("/api/totals", {"category": [str(n) for n in range(51)]}, "50 values at most"),
])  # fmt: skip
def test_a_wrong_question_gets_one_clear_line(house: House, path: str, asked: dict[str, Any], said: str) -> None:
    answer = house.client.get(path, params=asked)
    assert answer.status_code == 400
    assert said in answer.json()["error"]


def test_an_incident_can_be_taken_on_noted_and_judged_by_the_api(house: House) -> None:
    from tests.helpers.alerts import an_alert

    with house.state.transaction() as tx:
        tx.put_incident(an_alert().incident)
    path = "/api/incidents/incident-1"
    for body in (
        {"action": "ack"}, {"action": "note", "argument": "<b>looking</b>\x1b[31m"},
        {"action": "snooze", "argument": "3600"}, {"action": "feedback", "argument": "useful"},
    ):  # fmt: skip
        assert house.client.post(f"{path}/done", json=body).status_code == 200
    found = house.get(path)
    assert (found["acked_by"], found["feedback"], len(found["done"])) == ("this machine", "useful", 4)
    assert found["notes"][0]["text"] == "<b>looking</b>[31m"
    for body, said in (
        ({"action": "dance"}, "Invalid enum value"), ({"action": "note"}, "needs a text"),
        ({"action": "snooze", "argument": "5"}, "from 60"), ({"action": "feedback", "argument": "so so"}, "one of"),
    ):  # fmt: skip
        answer = house.client.post(f"{path}/done", json=body)
        assert (answer.status_code, said in answer.json()["error"]) == (400, True)
    assert house.client.post("/api/incidents/none/done", json={"action": "ack"}).status_code == 404
    assert house.client.get("/api/incidents/none").status_code == 404


def test_a_text_can_be_tried(house: House) -> None:
    found = house.client.post("/api/classify", json={"text": "acme: I cannot log in"}).json()
    assert [one["name"] for one in found["categories"]] == ["outage"]
    assert house.client.post("/api/classify", json={"text": "x" * 20_000}).status_code == 400


def test_a_policy_can_be_tried_before_it_is_saved(house: House) -> None:
    asked = {"measure": "mentions", "by": ["watch"], "sensitivity": "balanced", "budget": "1 per day", "days": 30}
    found = house.client.post("/api/policies/preview", json=asked)
    assert found.status_code == 200, found.text
    assert {"alerts", "incidents", "days", "rang", "curve"} <= set(found.json())
    wrong = house.client.post("/api/policies/preview", json=asked | {"by": ["moon"]})
    assert wrong.status_code == 400
    wrong = house.client.post("/api/policies/preview", json=asked | {"budget": "many"})
    assert wrong.status_code == 400


def test_the_page_is_told_what_there_is_and_how_it_is(house: House) -> None:
    about = house.get("/api/about")
    assert about["policies"][0]["by"] == ["watch", "category"]
    assert [one["name"] for one in about["categories"]] == ["outage", "billing"]
    system = house.get("/api/system")
    assert (system["index"]["behind"], system["lake"]["rows"]) == (0, 136)
    assert house.get("/api/coverage")["rows"] == []


def test_an_answer_is_computed_once_for_many_pages(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    index, asked = house.indexing.index, []
    real = index.aggregate
    monkeypatch.setattr(index, "aggregate", lambda *args: asked.append(1) or real(*args))
    path = "/api/values?of=category&start=-4321"
    pages = [threading.Thread(target=house.client.get, args=(path,)) for _ in range(8)]
    for page in pages:
        page.start()
    for page in pages:
        page.join()
    assert len(asked) == 1


def test_a_lake_whose_newest_post_is_old_is_an_archive(tmp_path: Path) -> None:
    clock = ManualClock(datetime(2027, 1, 1, tzinfo=UTC))
    lake, state = Delta(LakeConfig(), Context("lake", tmp_path)), State(tmp_path / "state.db")
    lake.append(table([row(1, 60)]), "q", 1)
    with closing(Indexing(tmp_path / "index", lake, lambda: 0, clock)) as indexing:
        indexing.step()
        site = Site(
            state, Links(b"k" * 32, "http://testserver", clock, 7), clock, accounts(clock), ["testserver"], lake,
            {}, lambda: indexing.index,
        )  # fmt: skip
        found = TestClient(app(site), client=("127.0.0.1", 1)).get("/api/totals").json()
    assert (found["end"], found["rows"][0]["posts"]) == ("2026-03-02T00:01:01Z", 1)
    state.close()
