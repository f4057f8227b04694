"""An incident is explained from the lake's rows up to the one that showed it, and from no others."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pyarrow as pa
import pytest

from tocsin.alerts.lifecycle import Change, Lifecycle
from tocsin.bench import explain as bench
from tocsin.component import Context
from tocsin.detectors import volume
from tocsin.lakes import delta
from tocsin.model import Incident
from tocsin.pipeline import explaining
from tocsin.pipeline.policy import Policy
from tocsin.records import SCHEMA, complete
from tocsin.series import Counting, Fold

FIRST = datetime(2026, 3, 10, 12, tzinfo=UTC)
HOUR, DAY, WEEK = timedelta(hours=1), timedelta(days=1), timedelta(days=7)


class Shelf:
    """A lake that rows are put into one after another."""

    def __init__(self, folder: Path) -> None:
        self.lake = delta.Delta(delta.Config(), Context("lake", folder))

    def put(self, rows: Sequence[dict[str, Any]]) -> None:
        after = self.lake.last_seq()
        numbered = [{"seq": after + number, **one} for number, one in enumerate(rows, 1)]
        names = [name for name in SCHEMA.names if name in {key for one in numbered for key in one}]
        batch = pa.RecordBatch.from_pylist(numbered, pa.schema([SCHEMA.field(name) for name in names]))
        self.lake.append(complete(batch), "test", after + len(rows))

    def opened(
        self, *, counting: Counting = "posts", category: str = "outage", direction: str = "up", seq: int | None = None,
        seen: float = 80,
    ) -> Incident:  # fmt: skip
        detector = volume.Volume(volume.Config(), Context("detector", Path()))
        fold = Fold(("watch", "category"), 60, 0, counting=counting)
        policy = Policy("volume", "", "mentions", fold, detector, Lifecycle(2))
        at = int((FIRST + HOUR).timestamp())
        change = Change(
            "opened", ("acme", category), "up" if direction == "up" else "down", at, at, 0, 1.2, 60, seen, seen, 10.0,
            3.0, 20.0, 3600,
        )  # fmt: skip
        return explaining.opened(self.lake, policy, change, self.lake.last_seq() if seq is None else seq)


def posts(since: datetime, many: int, over: timedelta = HOUR, **values: Any) -> Iterator[dict[str, Any]]:
    """So many posts, evenly from `since` on."""
    for number in range(many):
        name = f"{since:%d%H}{values.get('category', 'outage')}{number}"
        yield {
            "kind": "post", "event_time": since + number * over / many, "version": 1, "uid": f"news:{name}",
            "source": "news", "watches": ["acme"], "category": "outage", "categories": ["outage"],
            "author_id": f"a{name}", "text": f"words {name}", "cluster_id": f"news:{name}",
        } | values  # fmt: skip


def gap(since: datetime, until: datetime) -> dict[str, Any]:
    return {"kind": "gap", "event_time": since, "until": until, "source": "news"}


@pytest.fixture
def shelf(tmp_path: Path) -> Iterator[Shelf]:
    shelf = Shelf(tmp_path)
    yield shelf
    shelf.lake.close()


def test_the_same_hour_of_the_day_before_and_of_the_week_before_is_counted_as_the_series_is(shelf: Shelf) -> None:
    old = [*posts(FIRST - WEEK, 7), *posts(FIRST - WEEK, 2, version=2), *posts(FIRST - WEEK, 2, backfilled=True)]
    shelf.put([*old, *posts(FIRST - WEEK + HOUR, 4), *posts(FIRST - DAY, 5), *posts(FIRST, 80)])
    why = shelf.opened().explanation
    assert (why["yesterday"], why["last_week"]) == (5, 7)


def test_what_the_lake_does_not_have_or_did_not_see_is_not_nothing(shelf: Shelf) -> None:
    blind = gap(FIRST - DAY - 3 * HOUR, FIRST - DAY + HOUR)
    shelf.put([blind, *posts(FIRST - DAY, 1), *posts(FIRST, 80)])
    why = shelf.opened().explanation
    assert (why["yesterday"], why["last_week"]) == (None, None)
    assert why["chart"]["start"] == int((FIRST - DAY).timestamp())


def test_an_hour_in_which_others_were_heard_and_it_was_not_is_nothing(shelf: Shelf) -> None:
    shelf.put([*posts(FIRST - WEEK, 3, categories=["praise"]), *posts(FIRST, 80)])
    assert shelf.opened().explanation["last_week"] == 0


def test_later_rows_change_nothing(shelf: Shelf) -> None:
    shelf.put([*posts(FIRST - DAY, 200, DAY), *posts(FIRST, 80)])
    seq = shelf.lake.last_seq()
    before = msgspec.json.encode(shelf.opened(seq=seq))
    shelf.put([*posts(FIRST, 50, source="late"), *posts(FIRST - DAY, 9, version=1, author_id="late")])
    assert msgspec.json.encode(shelf.opened(seq=seq)) == before


def test_a_window_of_very_many_rows_still_has_a_day_before(shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(explaining, "BASELINE_ROWS", 100)
    mixed = [one | {"language": ["en", "de"][number % 2]} for number, one in enumerate(posts(FIRST - DAY, 300, DAY))]
    shelf.put([*mixed, *posts(FIRST, 150, source="forum", language="en"), *posts(FIRST, 10, language="de")])
    found = shelf.opened(seen=160).explanation["slices"]
    assert found[0]["where"] == {"source": "forum"}
    assert found[0]["lift"] is None


def test_the_benchmark_opens_an_incident_whose_cause_it_planted(tmp_path: Path) -> None:
    found = bench.run(posts=4000, folder=tmp_path)
    assert found["named first"] == "source0"
    assert found["incident bytes"] < 20_000


def test_an_edit_is_not_another_post(shelf: Shelf) -> None:
    shelf.put([*posts(FIRST - DAY, 200, DAY), *posts(FIRST, 80), *posts(FIRST, 80, version=2)])
    assert shelf.opened().explanation["voices"]["posts"] == 80


def test_what_a_policy_that_counts_voices_rings_for_is_not_blamed_on_copies(shelf: Shelf) -> None:
    crowd = posts(FIRST, 60, source="forum")
    copies = posts(FIRST, 90, source="blogs", duplicate_of="news:1", cluster_id="news:1", author_id="bot")
    shelf.put([*posts(FIRST - DAY, 200, DAY), *crowd, *copies, *posts(FIRST, 40, author_id="ann", category="x")])
    why = shelf.opened(counting="voices", seen=61).explanation
    assert (why["voices"]["posts"], why["voices"]["authors"]) == (61, 61)
    assert why["slices"][0]["value"] == "forum"
    assert why["counterfactual"] is None


def test_of_a_policy_that_counts_new_phrases_only_those_who_repeat_one_are_explained(shelf: Shelf) -> None:
    old = posts(FIRST - 2 * DAY, 100, DAY, phrases=["parcel"])
    calm = posts(FIRST, 30, phrases=["parcel"], category="x")
    new = list(posts(FIRST + HOUR / 2, 13, HOUR / 2, source="forum", phrases=["parcel", "high park fire"]))
    shelf.put([*old, *calm, *new])
    why = shelf.opened(counting="echoes", seen=12).explanation
    assert (why["voices"]["posts"], why["yesterday"]) == (12, None)
    assert sum(why["chart"]["counts"]) == 12
    assert {post["source"] for post in why["posts"]} == {"forum"}
    assert shelf.opened(counting="echoes", seen=12).start > FIRST + HOUR / 3


@pytest.mark.parametrize(("direction", "mates", "named"), [("up", 50, True), ("up", 12, False), ("down", 0, True)])
def test_other_categories_that_move_with_it_are_named(shelf: Shelf, direction: str, mates: int, named: bool) -> None:
    billing = {"category": "billing", "categories": ["billing"]}
    before = [*posts(FIRST - DAY, 240, DAY), *posts(FIRST - DAY, 480, DAY, **billing)]
    shelf.put([*before, *posts(FIRST, 80 if direction == "up" else 1), *posts(FIRST, mates, **billing)])
    found = shelf.opened(direction=direction, seen=80 if direction == "up" else 1).explanation["together"]
    assert [one["category"] for one in found] == (["billing"] if named else [])
