"""The state database: one transaction a step, an outbox without repeats, and refusal of what it cannot trust."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Barrier

import msgspec
import pytest
from tests.helpers.alerts import START, an_alert

from tocsin.errors import Corrupt, Permanent, Transient
from tocsin.model import Incident
from tocsin.people import Done
from tocsin.state import SCHEMA_VERSION, Checkpoint, Position, State, _prepare

SERIES = '["acme"]'
POST = {"uid": "news:7", "source": "news", "author_id": "a7", "text": "a most quotable invented sentence"}


@pytest.fixture
def state(tmp_path: Path) -> Iterator[State]:
    with closing(State(tmp_path / "state.db")) as made:
        yield made


def incident(number: int = 1, minutes: int = 0, **values: object) -> Incident:
    told = {"detected_at": START + timedelta(minutes=minutes), **values}
    return msgspec.structs.replace(an_alert(number).incident, **told)


def put(state: State, *incidents: Incident) -> None:
    with state.transaction() as tx:
        for one in incidents:
            tx.put_incident(one)


def post(state: State, number: int, *destinations: str, now: float = 0.0) -> None:
    with state.transaction() as tx:
        tx.post_alert(an_alert(number), destinations, now)


class Connection:
    """A database that answers its pragmas as it likes."""

    def __init__(self, journal: str, synchronous: int) -> None:
        self._answers = {"PRAGMA journal_mode=WAL": (journal,), "PRAGMA synchronous": (synchronous,)}
        self._last: tuple[object, ...] = ()

    def cursor(self) -> Connection:
        return self

    def execute(self, statement: str) -> Connection:
        self._last = self._answers.get(statement, ())
        return self

    def fetchone(self) -> tuple[object, ...]:
        return self._last

    def close(self) -> None:
        pass


@pytest.mark.parametrize(("journal", "synchronous"), [("delete", 2), ("memory", 2), ("wal", 1), ("wal", 0)])
def test_a_database_that_would_not_be_durable_is_refused(journal: str, synchronous: int) -> None:
    with pytest.raises(Permanent, match=f"journal_mode={journal}, synchronous={synchronous}"):
        _prepare(Connection(journal, synchronous), None)
    _prepare(Connection("wal", 2), None)


def test_processes_that_start_at_once_may_make_it_together(tmp_path: Path) -> None:
    for turn in range(10):
        together = Barrier(4)

        def opened(path: Path = tmp_path / f"{turn}.db", together: Barrier = together) -> int:
            together.wait()
            with closing(State(path)) as state:
                return state.untried(0.0)

        with ThreadPoolExecutor(4) as threads:
            assert [one.result() for one in [threads.submit(opened) for _ in range(4)]] == [0] * 4


def test_what_a_newer_tocsin_wrote_is_left_alone(tmp_path: Path) -> None:
    State(tmp_path / "state.db").close()
    with closing(sqlite3.connect(tmp_path / "state.db")) as db, db:
        db.execute("UPDATE meta SET value = ? WHERE key = 'schema'", (str(SCHEMA_VERSION + 1),))
    with pytest.raises(Permanent, match=f"newer Tocsin .schema {SCHEMA_VERSION + 1}."):
        State(tmp_path / "state.db")


def test_a_damaged_file_is_corrupt_and_the_line_says_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "state.db").write_bytes(b"no database at all " * 300)
    with pytest.raises(Corrupt, match=r"state.db is damaged.*doctor --repair"):
        State(tmp_path / "state.db")


def test_a_file_that_cannot_be_opened_is_not_called_damaged(tmp_path: Path) -> None:
    (tmp_path / "state.db").mkdir()
    with pytest.raises(Permanent, match="cannot be opened") as raised:
        State(tmp_path / "state.db")
    assert not isinstance(raised.value, Corrupt)
    with pytest.raises(Permanent, match="cannot be opened: No such file or directory"):
        State(tmp_path / "missing" / "state.db")


@pytest.mark.parametrize(
    ("said", "kind"),
    [
        ("database or disk is full", Transient),
        ("database is locked", Transient),
        ("disk I/O error", Transient),
        ("database disk image is malformed", Corrupt),
    ],
)
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # the failed connection is dropped
def test_what_goes_wrong_while_it_works_is_said_in_our_words(
    state: State, monkeypatch: pytest.MonkeyPatch, said: str, kind: type[Exception]
) -> None:
    def fail(*_: object) -> None:
        raise sqlite3.OperationalError(said)

    monkeypatch.setattr(state._engine.dialect, "do_execute", fail)
    with pytest.raises(kind, match=said):
        state.incidents()


def test_a_step_is_all_or_nothing(state: State) -> None:
    def step() -> None:
        with state.transaction() as tx:
            tx.move(Position("lake", 3, 70, "f"))
            tx.add_counts({("volume", SERIES, 60): 5}, {})
            tx.put_incident(incident())
            tx.post_alert(an_alert(), ["ops"], 0.0)
            raise RuntimeError("the power goes")

    with pytest.raises(RuntimeError):
        step()
    assert state.position("lake") is None
    assert state.counts("volume", SERIES, 0, 100) == {}
    assert (state.incidents(), state.outbox()) == ([], [])


def test_positions_and_checkpoints_are_replaced_each_under_its_name(state: State) -> None:
    with state.transaction() as tx:
        tx.move(Position("one", 1, 10, "a"))
        tx.move(Position("two", 5, 50, "b"))
        tx.save_checkpoint("volume", Checkpoint("old", 1, b"\x00old"))
    with state.transaction() as tx:
        tx.move(Position("one", 2, 20, "c"))
        tx.save_checkpoint("volume", Checkpoint("new", 2, b"\x00new"))
    assert (state.position("one"), state.position("two")) == (Position("one", 2, 20, "c"), Position("two", 5, 50, "b"))
    assert state.checkpoint("volume") == Checkpoint("new", 2, b"\x00new")
    assert state.checkpoint("other") is None


def test_counts_add_up_in_time_and_late_apart(state: State) -> None:
    key, other = ("volume", SERIES, 60), ("volume", SERIES, 120)
    with state.transaction() as tx:
        tx.add_counts({key: 5}, {other: 2})
        tx.add_counts({key: 1, other: 10}, {key: 3})
        tx.add_counts({}, {})
        assert tx.counts("volume", SERIES, 60, 121) == {60: 6, 120: 10}
    rows = state.tables()["series"].to_pylist()
    assert [(row["bucket"].timestamp(), row["count"], row["late"]) for row in rows] == [(60, 6, 3), (120, 10, 2)]


def test_counts_are_read_from_the_first_bucket_up_to_before_the_last(state: State) -> None:
    with state.transaction() as tx:
        tx.add_counts({("volume", SERIES, time): time for time in (60, 120, 180)}, {})
        tx.add_counts({("other", SERIES, 120): 7, ("volume", '["borealis"]', 120): 8}, {})
    assert state.counts("volume", SERIES, 60, 180) == {60: 60, 120: 120}


def test_a_changed_policy_loses_its_counts_and_no_other_does(state: State) -> None:
    with state.transaction() as tx:
        for policy in ("volume", "other"):
            tx.add_counts({(policy, SERIES, 60): 1}, {})
            tx.save_checkpoint(policy, Checkpoint("d", 1, b""))
        tx.put_incident(incident())
        tx.reset("volume")
    assert state.counts("volume", SERIES, 0, 100) == {}
    assert state.checkpoint("volume") is None
    assert state.counts("other", SERIES, 0, 100) == {60: 1}
    assert state.checkpoint("other") is not None
    assert len(state.incidents()) == 1


def test_incidents_come_newest_first_and_a_change_keeps_who_took_it_on(state: State) -> None:
    put(state, incident(1, 0), incident(2, 10), incident(3, 5))
    assert [one.id for one in state.incidents()] == ["incident-2", "incident-3", "incident-1"]
    at = datetime(2026, 11, 23, 9, tzinfo=UTC)
    state.did(Done("incident-3", "ack", None, "ann", at))
    taken = state.incident("incident-3")
    assert taken is not None
    assert (taken.id, taken.acked_by, taken.acked_at) == ("incident-3", "ann", at)
    put(state, incident(3, 5, state="resolved"))
    found = state.incidents()[1]
    assert (found.state, found.acked_by, found.acked_at) == ("resolved", "ann", at)
    assert [one.acked_by for one in state.incidents()] == [None, "ann", None]
    assert state.incident("incident-9") is None


def test_an_alert_is_in_the_outbox_once_a_destination(state: State) -> None:
    post(state, 1, "ops", "hook")
    post(state, 1, "ops", "mail", now=5.0)
    rows = [(row["destination"], row["created"]) for row in state.outbox()]
    assert rows == [("mail", 5.0), ("hook", 0.0), ("ops", 0.0)]
    assert all("body" not in row for row in state.outbox())


def test_what_is_due_comes_oldest_first(state: State) -> None:
    for number in (1, 2, 3):
        post(state, number, "ops", now=float(10 - number))
    assert [row.message for row in state.due(9.0)] == [an_alert(number) for number in (1, 2, 3)]
    assert [row.number for row in state.due(9.0, limit=2)] == [1, 2]


def test_a_clock_that_went_back_holds_nothing_up_for_long(state: State) -> None:
    post(state, 1, "ops", now=500_000.0)
    post(state, 2, "ops", now=500_000.0)
    state.failed(2, "busy", 500_060.0)
    assert [row.number for row in state.due(450_000.0)] == [1]
    assert [row.number for row in state.due(400_000.0)] == [1, 2]
    assert [row.number for row in state.due(500_030.0)] == [1]


def test_a_failed_alert_waits_then_dies_and_a_sent_one_is_done(state: State) -> None:
    for number in (1, 2, 3):
        post(state, number, "ops")
    assert state.untried(0.0) == 3
    state.sent(1, 0.0)
    state.failed(2, "busy", due=100.0)
    state.failed(3, "410: gone", due=None)
    assert state.untried(0.0) == 0
    assert state.due(99.0) == []
    (again,) = state.due(100.0)
    assert (again.number, again.attempts) == (2, 1)
    shown = {row["number"]: (row["state"], row["attempts"], row["error"]) for row in state.outbox()}
    assert shown == {1: ("sent", 0, None), 2: ("pending", 1, "busy"), 3: ("dead", 1, "410: gone")}
    state.sent(2, 0.0)
    assert state.outbox()[1]["error"] is None


@pytest.mark.parametrize(
    ("uids", "authors", "found"),
    [
        ({"news:7"}, set(), 2),
        (set(), {("news", "a7")}, 2),
        (set(), {("other", "a7")}, 0),
        ({"news:8"}, set(), 0),
        (set(), set(), 0),
    ],
)
def test_an_erased_post_leaves_incidents_and_alerts(
    state: State, uids: set[str], authors: set[tuple[str, str]], found: int
) -> None:
    with_post = incident(explanation={"posts": [POST, POST | {"uid": "news:9", "author_id": "a9"}]})
    alert = msgspec.structs.replace(an_alert(), incident=with_post)
    with state.transaction() as tx:
        tx.put_incident(with_post)
        tx.post_alert(alert, ["ops"], 0.0)
        assert tx.forget(uids, authors) == found
    left = ["news:9"] if found else ["news:7", "news:9"]
    for explanation in (state.incidents()[0].explanation, state.due(0.0)[0].message.incident.explanation):
        assert [one["uid"] for one in explanation["posts"]] == left


def test_after_compacting_no_byte_of_a_forgotten_post_is_left(state: State, tmp_path: Path) -> None:
    def on_disk() -> bool:
        return any(b"most quotable" in file.read_bytes() for file in tmp_path.glob("state.db*"))

    many = [incident(number, explanation={"posts": [POST]}) for number in range(50)]
    put(state, *many)
    assert on_disk()
    with state.transaction() as tx:
        assert tx.forget({"news:7"}, ()) == 50
    state.compact()
    assert not on_disk()
    assert len(state.incidents()) == 50


def test_everything_is_there_after_a_restart(tmp_path: Path) -> None:
    with closing(State(tmp_path / "state.db")) as state:
        put(state, incident())
        post(state, 1, "ops")
    with closing(State(tmp_path / "state.db")) as state:
        assert state.incidents() == [incident()]
        assert state.untried(0.0) == 1


def test_the_tables_for_sql_hold_every_field_of_an_incident(state: State) -> None:
    assert [table.num_rows for table in state.tables().values()] == [0, 0, 0]
    put(state, incident(end=START + timedelta(hours=1), state="resolved"))
    (row,) = state.tables()["incidents"].to_pylist()
    assert dict(row.pop("series")) == {"watch": "acme", "category": "outage"}
    whole = msgspec.structs.asdict(incident(end=START + timedelta(hours=1), state="resolved"))
    apart = {"series", "explanation", "scale", "receipt", "notes"}
    assert row == {name: value for name, value in whole.items() if name not in apart}
