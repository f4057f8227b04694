"""What is kept of people's answers, thresholds and definitions; and that a run works with what it began with."""

from __future__ import annotations

import pickle
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest
from tests.helpers import shop
from tests.helpers.world import World

from tocsin.state import SCHEMA_VERSION, State
from tocsin.understanding import Judgement, Relabelling, Threshold, Understanding

AT = datetime(2026, 3, 2, tzinfo=UTC)


@pytest.fixture
def understanding(tmp_path: Path) -> Iterator[Understanding]:
    with closing(State(tmp_path / "state.db")) as state:
        yield state.understanding


def judgement(uid: str, belongs: bool, category: str = "login") -> Judgement:
    return Judgement(uid, category, belongs, "text", "news", AT, "ann", "a1", "en", said=True, weight=2.5)


def test_a_later_judgement_replaces_the_earlier(understanding: Understanding) -> None:
    understanding.judge([judgement("news:1", True), judgement("news:1", True, "refund")])
    understanding.judge([judgement("news:1", False)])
    understanding.judge([])
    assert understanding.judgements() == [judgement("news:1", False), judgement("news:1", True, "refund")]


def test_a_threshold_comes_back_as_it_was_kept(understanding: Understanding) -> None:
    first = Threshold("login", "d", "embedded-1", 0.4, 1_000, 7, ((0.1, 0.5), (0.2, 0.9)), AT)
    understanding.put_thresholds([first])
    second = Threshold("login", "d", "embedded-1", 0.5, 2_000, 9, (), AT)
    understanding.put_thresholds([second])
    assert understanding.thresholds() == [second]


def test_a_new_lake_begins_with_nothing_to_label_anew(understanding: Understanding) -> None:
    assert not understanding.begin("lake", "one", 0)
    assert not understanding.begin("lake", "one", 100)
    assert not understanding.begin("lake", "one", 200)


def test_rows_of_other_definitions_wait_until_all_are_done(understanding: Understanding) -> None:
    understanding.begin("lake", "one", 0)
    assert understanding.begin("lake", "two", 100)
    assert understanding.begin("lake", "two", 150)
    assert understanding.begin("lake", "one", 200)
    understanding.relabelled("lake", Relabelling("one", 200, True, 0))
    assert not understanding.begin("lake", "one", 300)
    assert not understanding.begin("another", "one", 0)


def test_a_lake_of_which_nothing_is_known_is_labelled_anew(understanding: Understanding) -> None:
    assert understanding.begin("lake", "one", 100)


def test_an_epoch_ends_only_where_something_changed(understanding: Understanding) -> None:
    assert understanding.relabelled("lake", Relabelling("one", 10, False, 0)).epoch == 0
    assert understanding.relabelled("lake", Relabelling("one", 10, True, 0)).epoch == 1
    assert understanding.epoch() == 1
    assert understanding.relabelling("lake") == Relabelling("one", 0, False, 1)


def test_a_database_of_the_version_before_goes_on(tmp_path: Path) -> None:
    State(tmp_path / "state.db").close()
    with closing(sqlite3.connect(tmp_path / "state.db")) as db, db:
        for table in ("judgements", "thresholds", "labelled", "relabelling"):
            db.execute(f"DROP TABLE {table}")
        db.execute("UPDATE meta SET value = '1' WHERE key = 'schema'")
    with closing(State(tmp_path / "state.db")) as state:
        assert state.understanding.judgements() == []
    with closing(sqlite3.connect(tmp_path / "state.db")) as db:
        assert db.execute("SELECT value FROM meta WHERE key = 'schema'").fetchone() == (str(SCHEMA_VERSION),)


def test_a_run_works_with_what_was_known_when_it_began(tmp_path: Path) -> None:
    """The enriching process is made anew after a death; answers that came meanwhile wait for the next start."""
    shop.fill(tmp_path, 10)
    with World(tmp_path) as world:
        assembly = world.assembly
        assert assembly.learned == ([], [])
        world.state.understanding.judge([judgement("news:1", True)])
        again = pickle.loads(pickle.dumps(assembly.categories))()  # noqa: S301 - made by the line itself
        assert again == assembly.categories()
        assert again.categories[0].examples == ()
        del assembly.learned
        assert assembly.categories().categories[0].examples == ("text",)
