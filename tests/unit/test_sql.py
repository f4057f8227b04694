from __future__ import annotations

import subprocess
import sys
import textwrap
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pytest
from tests.helpers.rows import START, row, table

from tocsin import sql
from tocsin.component import Context, Snapshot
from tocsin.errors import ConfigError, Permanent, Transient
from tocsin.lakes.delta import Config, Delta
from tocsin.records import SCHEMA
from tocsin.sql import Limits, QueryError, Result, child, views
from tocsin.sql.protocol import Request

EMPTY = Snapshot(-1, ())
VIEWS = ["events", "posts", "phrases", "entities", "gaps"]
ENTITY = {"text": "Acme", "type": "ORG", "start": 3, "end": 7}
ROWS = [
    row(1, 1, text="first", phrases=["no signal", "down"], entities=[ENTITY]),
    row(2, 2, uid="news:b", text="before the edit"),
    row(3, 3, uid="news:b", version=2, text="after the edit"),
    row(4, 4, uid="news:c", text="deleted"),
    row(5, 5, kind="delete", uid="news:c", note="post"),
    row(6, 6, uid="news:d", author_id="7", text="of an author who left"),
    row(7, 7, uid="forum:d", source="forum", author_id="7", text="of somebody else"),
    row(8, 8, kind="delete", author_id="7", note="author"),
    row(9, 9, uid="news:e", author_id="7", text="of the author, come back"),
    row(10, 10, kind="duplicate", uid="news:1"),
    row(11, 11, kind="gap", stream="main", until=START + timedelta(seconds=50), note="lost: too far back"),
    row(12, 12, kind="gap", stream="side", until=START + timedelta(seconds=60), note="open"),
    row(13, 13, kind="heartbeat", stream="main"),
    row(14, 14, kind="dead", source="", note="not JSON"),
    row(15, 90_000, uid="news:f", text="the day after", author_id="8"),
    row(16, 90_001, kind="delete", author_id="8", note="geo"),
]
TABLES = {"series": pa.table({"policy": ["volume"], "count": [7]}), "incidents": pa.table({"id": ["i1"]})}


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("it's a lake")


@pytest.fixture(scope="module")
def lake(data_dir: Path) -> Delta:
    lake = Delta(Config(), Context("lake", data_dir))
    lake.append(table(ROWS[:8]), "q", 8)
    lake.append(table(ROWS[8:]), "q", 16)
    return lake


def ask(lake: Delta, statement: str, **limits: Any) -> Result:
    return sql.query(statement, lake.snapshot, TABLES, limits=Limits(**({"seconds": 20} | limits)))


def values(lake: Delta, statement: str) -> list[tuple[Any, ...]]:
    return [tuple(one.values()) for one in ask(lake, statement).rows.to_pylist()]


def test_posts_are_the_newest_versions_without_what_was_deleted_later(lake: Delta) -> None:
    assert [text for (text,) in values(lake, "SELECT text FROM posts ORDER BY seq")] == [
        "first", "after the edit", "of somebody else", "of the author, come back", "the day after"
    ]  # fmt: skip


def test_events_are_all_rows(lake: Delta) -> None:
    assert values(lake, "SELECT count(*), min(seq), max(seq) FROM events") == [(16, 1, 16)]
    assert values(lake, "SELECT count(*) FROM events WHERE day = '2026-03-03'") == [(2,)]


def test_phrases_and_entities_are_one_row_each(lake: Delta) -> None:
    assert values(lake, "FROM phrases ORDER BY phrase") == [
        ("news:1", START + timedelta(seconds=1), "down"), ("news:1", START + timedelta(seconds=1), "no signal")
    ]  # fmt: skip
    assert values(lake, "FROM entities") == [("news:1", START + timedelta(seconds=1), "Acme", "ORG", 3, 7)]


def test_gaps_are_where_a_source_was_blind(lake: Delta) -> None:
    start, end = START + timedelta(seconds=11), START + timedelta(seconds=50)
    main, side = ask(lake, "FROM gaps ORDER BY stream").rows.to_pylist()
    assert main == {
        "source": "news", "stream": "main", "start": start, "end": end, "state": "lost", "note": "too far back"
    }  # fmt: skip
    assert (side["stream"], side["state"], side["note"]) == ("side", "open", None)


def test_the_tables_of_the_state_are_there(lake: Delta) -> None:
    assert values(lake, 'SELECT policy, "count" FROM series') == [("volume", 7)]
    assert values(lake, "SELECT id FROM incidents") == [("i1",)]


@pytest.mark.parametrize("view", VIEWS)
def test_an_empty_lake_has_the_same_columns(lake: Delta, view: str) -> None:
    empty = sql.query(f"FROM {view}", lambda: EMPTY).rows
    assert empty.num_rows == 0
    assert empty.schema.equals(ask(lake, f"FROM {view}").rows.schema)


def test_posts_have_the_columns_that_scripts_rely_on(lake: Delta) -> None:
    promised = """uid source id url created_at received_at author_id author_handle author_location text language
        watches category categories category_scores sentiment sentiment_scores phrases entities hashtags mentions urls
        place_name place_level country lat lon place_origin place_confidence stated_place about_place duplicate_of
        cluster_id is_repost version backfilled
        model"""
    assert set(promised.split()) <= set(ask(lake, "FROM posts LIMIT 0").rows.schema.names)


@pytest.mark.parametrize("full", [True, False])
def test_the_views_can_be_made_in_a_duckdb_of_ones_own(lake: Delta, full: bool) -> None:
    with duckdb.connect() as connection:
        connection.execute(views(lake.snapshot() if full else EMPTY))
        counts = [connection.execute(f"SELECT count(*) FROM {view}").fetchall()[0][0] for view in VIEWS]
        assert counts == ([16, 5, 2, 1, 2] if full else [0] * 5)
        assert connection.execute("FROM events LIMIT 0").to_arrow_table().schema.names == SCHEMA.names


def test_whole_numbers_and_names_come_back_as_such(lake: Delta) -> None:
    (only,) = ask(
        lake, "SELECT sum(seq), sum(seq), 1e3::DOUBLE AS a, sum(seq)::HUGEINT << 60 AS big FROM events"
    ).rows.to_pylist()
    assert list(only.values())[:3] == [136, 136, 1000.0]
    assert isinstance(only["sum(seq)"], int)
    assert "sum(seq)_1" in only
    assert int(only["big"]) == 136 << 60


@pytest.mark.parametrize(
    ("statement", "says"),
    [
        ("SELECT nonsense FROM posts", '"nonsense" not found'),
        ("SELEC 1", 'syntax error at or near "SELEC"'),
        ("", "0 statements"),
        ("-- nothing", "0 statements"),
        ("SELECT 1; SELECT 2", "2 statements"),
        ("SELECT * FROM nowhere", "nowhere does not exist"),
        ("SELECT 'x'::INTEGER", "Could not convert"),
    ],
)
def test_a_mistake_is_one_line(lake: Delta, statement: str, says: str) -> None:
    with pytest.raises(QueryError) as caught:
        ask(lake, statement)
    assert isinstance(caught.value, ConfigError)
    assert says in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_mistake_does_not_tell_where_the_files_are(lake: Delta, data_dir: Path) -> None:
    with pytest.raises(QueryError) as caught:
        ask(lake, f"SELECT * FROM read_text('{str(data_dir).replace(chr(39), chr(39) * 2)}/lake/events/_delta_log/x')")
    assert "file system operations are disabled" in str(caught.value)


def test_rows_and_bytes_are_capped(lake: Delta) -> None:
    few = ask(lake, "FROM range(100)", rows=10)
    assert (few.rows.num_rows, few.truncated) == (10, True)
    exact = ask(lake, "FROM range(10)", rows=10)
    assert (exact.rows.num_rows, exact.truncated) == (10, False)
    small = ask(lake, "SELECT repeat('x', 1000) FROM range(100000)", rows=100_000, bytes=5_000_000)
    assert small.truncated
    assert 1_000_000 < small.rows.nbytes <= 5_000_000


def test_files_that_vanish_are_looked_for_once_more(lake: Delta) -> None:
    good = lake.snapshot()
    gone = Snapshot(0, (str(Path(good.files[0]).with_name("gone.parquet")), *good.files))
    given = iter([gone, good])
    assert sql.query("SELECT count(*) AS n FROM events", lambda: next(given)).rows.to_pylist() == [{"n": 16}]
    given = iter([gone, gone, good])
    with pytest.raises(Transient, match="run it again"):
        sql.query("SELECT count(*) FROM events", lambda: next(given))
    assert next(given) is good


def test_a_child_that_cannot_start_is_told(lake: Delta, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sql.sys, "executable", "/bin/false")
    with pytest.raises(Permanent, match="the SQL process failed"):
        ask(lake, "SELECT 1")


def test_no_secret_reaches_the_child(lake: Delta, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOCSIN_TOKEN", "canary")
    real, given = subprocess.Popen, []

    def popen(*arguments: Any, **options: Any) -> Any:
        given.append(options["env"])
        return real(*arguments, **options)

    monkeypatch.setattr(sql.subprocess, "Popen", popen)
    assert ask(lake, "SELECT 1").rows.num_rows == 1
    assert "TOCSIN_TOKEN" not in given[0]
    assert "canary" not in given[0].values()


WRITES = [
    "COPY (SELECT 1) TO '{lake}'",
    "COPY events TO '{folder}/evil.parquet'",
    "COPY events TO '{outside}' (FORMAT csv)",
    "CREATE TABLE t AS SELECT 1",
    "CREATE OR REPLACE VIEW posts AS SELECT 1",
    "DROP VIEW posts",
    "INSERT INTO incidents VALUES ('x')",
    "UPDATE events SET text = ''",
    "DELETE FROM events",
    "ALTER TABLE incidents ADD COLUMN x INT",
    "ATTACH '{folder}/evil.db'",
    "EXPORT DATABASE '{folder}/evil'",
    "IMPORT DATABASE '{folder}'",
    "INSTALL httpfs",
    "LOAD httpfs",
    "SET enable_external_access = true",
    "RESET lock_configuration",
    "PRAGMA database_list",
    "/* SELECT */ PRAGMA enable_profiling",
    "CALL pragma_version()",
    "CREATE SECRET s (TYPE s3)",
    "PREPARE p AS SELECT 1",
    "EXPLAIN ANALYZE SELECT 1",
    "PIVOT events ON kind USING count(*)",
    "CHECKPOINT",
    "VACUUM",
    "BEGIN TRANSACTION",
    "USE memory",
    "SELECT 1; DROP VIEW posts",
    "CREATE MACRO f() AS 1",
]
READS = [
    "SELECT * FROM read_text('{outside}')",
    "SELECT * FROM read_blob('{outside}')",
    "SELECT * FROM read_csv('{outside}')",
    "SELECT * FROM '{outside}'",
    "SELECT * FROM glob('{folder}/*')",
    "SELECT * FROM read_text('{folder}/../../../{name}')",
    "SELECT * FROM read_text('/proc/self/environ')",
    "SELECT * FROM read_parquet('{folder}/*.parquet')",
    "SELECT * FROM read_json('http://127.0.0.1:9/x')",
    "SELECT * FROM sniff_csv('{outside}')",
    "SELECT * FROM query('COPY (SELECT 1) TO ''{outside}''')",
    "SELECT * FROM parquet_metadata('{folder}/../_delta_log/00000000000000000000.json')",
    "FROM read_duckdb('{outside}')",
    "SELECT current_setting('nothing'), getenv('HOME')",
]


@pytest.fixture(scope="module")
def outside(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("outside") / "canary.csv"
    file.write_text("a,b\ncanary,canary\n")
    return file


@pytest.fixture
def untouched(lake: Delta, data_dir: Path, outside: Path) -> Iterator[None]:
    def picture() -> dict[Path, bytes]:
        folders = (data_dir, outside.parent)
        return {path: path.read_bytes() for at in folders for path in at.rglob("*") if path.is_file()}

    before = picture()
    yield
    assert picture() == before


@pytest.mark.usefixtures("untouched")
def test_no_statement_writes_or_reads_outside(lake: Delta, outside: Path) -> None:
    file = Path(lake.snapshot().files[0])
    words = {"lake": str(file), "folder": str(file.parent), "outside": str(outside), "name": outside.name}
    quoted = {name: word.replace("'", "''") for name, word in words.items()}
    statements = [statement.format(**quoted) for statement in [*WRITES, *READS]]
    assert len(statements) >= 40
    with ThreadPoolExecutor(2) as pool:
        answers = list(pool.map(lambda statement: attempt(lake, statement), statements))
    assert [answer for answer in answers if not isinstance(answer, QueryError)] == []
    assert not any("canary,canary" in str(answer) for answer in answers)


def attempt(lake: Delta, statement: str) -> Result | QueryError:
    try:
        return ask(lake, statement)
    except QueryError as error:
        return error


HUNGRY = [
    "SELECT repeat('x', 2000000000)",
    "SELECT list(range) FROM range(1000000000)",
    "SELECT string_agg(range::VARCHAR, '') FROM range(1000000000)",
    "SELECT md5(a.range::VARCHAR) AS m, count(*) FROM range(100000000) a GROUP BY m ORDER BY m",
]
ENDLESS = [
    "SELECT sum(hash(a.range)) FROM range(1000000000000) a",
    "WITH RECURSIVE r(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM r) SELECT max(i) FROM r",
]


def test_hunger_and_endlessness_are_stopped(lake: Delta) -> None:
    for statement in HUNGRY:
        with pytest.raises(QueryError, match=r"stopped: it (needs more memory|took longer)"):
            ask(lake, statement, seconds=3)
    for statement in ENDLESS:
        with pytest.raises(QueryError, match="stopped: it"):
            ask(lake, statement, seconds=1)
    assert ask(lake, "SELECT 1").rows.num_rows == 1


def python(program: str, *arguments: Any) -> str:
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(program), *map(str, arguments)],
        cwd=Path(__file__).parents[2], capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_child_stays_under_512_mib() -> None:
    said = python(
        """
        import resource, sys
        from tocsin import sql
        from tocsin.component import Snapshot
        for statement in sys.argv[1:]:
            try:
                sql.query(statement, lambda: Snapshot(-1, ()), limits=sql.Limits(seconds=3))
            except sql.QueryError:
                pass
        print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
        """,
        *HUNGRY,
    )
    assert int(said) <= 512 * 1024


DOORS = """
    import socket, sys
    from pathlib import Path
    from tocsin.sql.sandbox import enclose, limit
    from tocsin.sql.protocol import Limits

    inside, outside = map(Path, sys.argv[2:])
    landlock = enclose([str(inside.parent)]) if sys.argv[1] == "enclose" else limit(Limits())
    doors = {
        "read inside": lambda: inside.read_bytes(),
        "read outside": lambda: outside.read_bytes(),
        "append": lambda: inside.open("ab").write(b"x" * 100_000),
        "truncate": lambda: inside.open("wb"),
        "make": lambda: (inside.parent / "new").touch(),
        "remove": lambda: inside.unlink(),
        "connect": lambda: socket.create_connection(("127.0.0.1", 9), 1),
    }
    open_ = []
    for name, door in doors.items():
        try:
            door()
            open_.append(name)
        except ConnectionRefusedError:
            open_.append(name)
        except OSError:
            pass
        if sys.argv[1] == "limit" and name == "append":
            break
    print(landlock, *open_, sep=",")
"""


def test_the_kernel_alone_keeps_it_from_writing(tmp_path: Path, outside: Path) -> None:
    """The fourth wall by itself, as if all others had fallen."""
    inside = tmp_path / "lake" / "file"
    inside.parent.mkdir()
    inside.write_bytes(b"lake")
    landlock, *open_ = python(DOORS, "enclose", inside, outside).strip().split(",")
    if landlock == "False":
        pytest.skip("this kernel has no Landlock: only the limit on file size was tried")
    assert set(open_) <= {"read inside", "connect"}
    assert inside.read_bytes() == b"lake"


def test_without_landlock_no_byte_is_written_either(tmp_path: Path, outside: Path) -> None:
    inside = tmp_path / "file"
    inside.write_bytes(b"lake")
    _, *open_ = python(DOORS, "limit", inside, outside).strip().split(",")
    assert "append" not in open_
    assert inside.read_bytes() == b"lake"


def test_the_connection_itself_refuses_to_write(lake: Delta, outside: Path) -> None:
    """The second and fourth wall, with the first taken away: COPY onto a file that may be read."""
    file = Path(lake.snapshot().files[0])
    before = file.read_bytes()
    said = python(
        """
        import sys
        import duckdb
        from tocsin.sql.child import _connection
        from tocsin.sql.protocol import Limits, Request
        connection = _connection(Request("", [sys.argv[1]], {}, Limits()))
        for path in sys.argv[1:]:
            try:
                connection.execute("COPY (SELECT 1) TO '" + path.replace("'", "''") + "' (FORMAT parquet)")
            except duckdb.Error:
                print("refused")
        """,
        file,
        outside,
    )
    assert said.split() == ["refused", "refused"]
    assert file.read_bytes() == before


def test_settings_are_locked() -> None:
    said = python(
        """
        import duckdb
        from tocsin.sql.child import _connection
        from tocsin.sql.protocol import Limits, Request
        connection = _connection(Request("", [], {}, Limits(threads=2)))
        names = "enable_external_access lock_configuration autoload_known_extensions python_enable_replacements threads"
        print(*(connection.execute(f"SELECT current_setting('{name}')").fetchone()[0] for name in names.split()))
        try:
            connection.execute("SET threads = 8")
        except duckdb.Error:
            print("locked")
        """
    )
    assert said.split() == ["False", "True", "False", "False", "2", "locked"]


def test_only_statements_that_read_pass() -> None:
    with duckdb.connect() as connection:
        for good in ["select 1", " (SELECT 1)", "-- c\nWITH a AS (SELECT 1) FROM a", "VALUES (1)", "DESCRIBE SELECT 1"]:
            assert child._statement(connection, good) is not None
        for bad in ["PRAGMA version", "EXPLAIN SELECT 1", "show tables; show tables", "SET threads = 1"]:
            with pytest.raises(child._Refused):
                child._statement(connection, bad)


def test_a_request_survives_the_pipe() -> None:
    import msgspec

    request = Request("SELECT 1", ["/a'b"], {"t": b"\x00"}, Limits(seconds=0.5))
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(request), type=Request) == request


def test_posts_are_not_gathered_in_memory_to_find_their_edits(lake: Delta) -> None:
    """NOT EXISTS would become a join that holds every post: out of memory at a million rows, measured."""
    with duckdb.connect() as connection:
        connection.execute(views(lake.snapshot()))
        plan = str(connection.execute("EXPLAIN SELECT count(*) FROM posts").fetchall())
        assert "DELIM" not in plan
        assert "RIGHT" not in plan
