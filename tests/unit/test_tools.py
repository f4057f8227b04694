"""What assistants may ask: the tools, over the protocol, and that posts stay quoted data."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import msgspec
import pytest
from mcp import Client, StdioServerParameters
from tests.helpers.alerts import an_alert
from tests.helpers.command import TOCSIN
from tests.unit.test_channels import WHY
from tests.unit.test_panels import House

from tocsin.server.tools import QUOTED, Tools, all_of


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    with closing(House(tmp_path_factory.mktemp("house"))) as made:
        with made.state.transaction() as tx:
            tx.put_incident(msgspec.structs.replace(an_alert().incident, explanation=WHY))
        yield made


@pytest.fixture
def tools(house: House) -> Tools:
    return Tools(house.site)


def test_an_overview_says_where_to_go_on(tools: Tools) -> None:
    found = tools.overview()
    assert [one["name"] for one in found["about"]["categories"]] == ["outage", "billing"]
    assert found["open_incidents"][0]["id"] == "incident-1"
    assert found["last_day"][0]["posts"] > 100


def test_posts_are_quoted_and_counted(tools: Tools) -> None:
    found = tools.search_posts('"log in"', sentiment="negative", limit=3)
    assert (found["note"], len(found["quoted"])) == (QUOTED, 3)
    assert found["total"] > 3
    assert all("log in" in one["text"] for one in found["quoted"])
    assert {row["value"] for row in tools.count_posts("category")["rows"]} == {"outage", "billing"}
    assert sum(row["posts"] for row in tools.count_posts("time")["rows"]) == 136
    assert tools.new_words(start="-3600")["rows"][0]["value"] == "log in"


def test_a_series_and_an_incident_are_explained(tools: Tools) -> None:
    assert tools.series(["acme", "outage"])["rows"]
    found = tools.explain("incident-1")
    assert found["quoted"]["posts"]
    assert found["sql"]
    assert tools.incidents("open")["incidents"]


@pytest.mark.parametrize(("name", "asked", "said"), [
    ("search_posts", {"match": '"open'}, "never closed"), ("count_posts", {"by": "uid"}, "of is one of"),
    ("series", {"series": ["none"]}, "no such series"), ("explain", {"incident": "none"}, "no incident"),
    ("incidents", {"state": "shut"}, "state is one of"), ("search_posts", {"start": "soon"}, "are times like"),
])  # fmt: skip
def test_a_wrong_question_says_what_is_wrong(tools: Tools, name: str, asked: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        getattr(tools, name)(**asked)


def test_nothing_but_json_comes_back(tools: Tools) -> None:
    for found in (tools.overview(), tools.search_posts(), tools.count_posts(), tools.explain("incident-1")):
        assert json.loads(json.dumps(found)) == found


async def test_an_assistant_can_ask_by_the_protocol(tmp_path: Path) -> None:
    made = House(tmp_path)
    made.close()
    command = StdioServerParameters(
        command=TOCSIN, args=["mcp", "-c", str(tmp_path / "tocsin.yaml")], cwd=str(tmp_path)
    )
    async with Client(command) as client:
        listed = await client.list_tools()
        assert [tool.name for tool in listed.tools] == [tool.__name__ for tool in all_of(Tools(made.site))]
        assert all(tool.description for tool in listed.tools)
        answer = await client.call_tool("search_posts", {"match": "invoice", "limit": 2})
        found = json.loads(answer.content[0].text)  # type: ignore[union-attr]
        assert (found["note"], len(found["quoted"])) == (QUOTED, 2)
        wrong = await client.call_tool("search_posts", {"match": '"open'})
        assert wrong.is_error
