"""`tocsin tap`: what passes the queue, the lake, the series and the outbox."""

import json
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from tocsin import records
from tocsin.cli import app, tap
from tocsin.cli._common import open_lake, open_queue, open_state
from tocsin.clock import ManualClock
from tocsin.config import Config
from tocsin.model import Alert, Batch, Heartbeat, Incident, Post

NOW = datetime(2026, 11, 22, 10, 30, tzinfo=UTC)


def post(number: int, text: str = "hello") -> Post:
    return Post(uid=f"news:{number}", source="news", id=str(number), text=text, received_at=NOW, created_at=NOW)


@pytest.fixture
def data_dir(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "data"
    folder.mkdir()
    return folder


@pytest.fixture
def config(data_dir: Path) -> Config:
    return Config(data_dir=data_dir)


def run(data_dir: Path, *arguments: str) -> Result:
    result = CliRunner().invoke(app, ["tap", *arguments, "--data-dir", str(data_dir)])
    assert result.exit_code == 0, result.output
    return result


def lines(data_dir: Path, *arguments: str) -> list[str]:
    return run(data_dir, *arguments).stdout.splitlines()


def objects(data_dir: Path, *arguments: str) -> list[dict]:
    return [json.loads(line) for line in lines(data_dir, *arguments, "--json")]


def fill_queue(config: Config, *posts: Post) -> None:
    with closing(open_queue(config)) as queue:
        queue.put("news", Batch(events=[*posts]))


def fill_lake(config: Config, first: int, *posts: Post) -> None:
    batch = records.to_batch([records.post_row(first + i, one) for i, one in enumerate(posts)])
    with closing(open_lake(config)) as lake:
        lake.append(records.complete(batch), "queue", first + len(posts) - 1)


def test_the_queue_shows_its_last_events_oldest_first(data_dir: Path, config: Config):
    fill_queue(config, *(post(number) for number in range(1, 1101)))
    assert [event["offset"] for event in objects(data_dir, "queue", "-n", "2")] == [1099, 1100]
    assert len(lines(data_dir, "queue")) == 10
    assert len(lines(data_dir, "queue", "-n", "9999")) == 1100
    assert lines(data_dir, "queue", "-n", "0") == []


def test_an_event_is_one_harmless_line(data_dir: Path, config: Config):
    fill_queue(config, post(1, "red \x1b[31m\n\u202etxt"))
    (line,) = lines(data_dir, "queue")
    assert line == "       1  2026-11-22T10:30:00  post  news  red [31m txt"
    (event,) = objects(data_dir, "queue")
    assert (event["kind"], event["uid"], event["text"]) == ("post", "news:1", "red \x1b[31m\n\u202etxt")
    assert "\u202e" not in run(data_dir, "queue", "--json").stdout


def test_other_events_are_shown_too(data_dir: Path, config: Config):
    with closing(open_queue(config)) as queue:
        queue.put("news", Batch(events=[Heartbeat(source="news", stream="all", at=NOW)]))
    assert lines(data_dir, "queue") == ["       1  2026-11-22T10:30:00  heartbeat  news"]


def test_the_lake_shows_its_last_rows(data_dir: Path, config: Config):
    fill_lake(config, 1, *(post(number) for number in range(1, 31)))
    rows = objects(data_dir, "lake", "-n", "3")
    assert [row["seq"] for row in rows] == [28, 29, 30]
    assert (rows[0]["kind"], rows[0]["uid"], rows[0]["event_time"]) == ("post", "news:28", "2026-11-22T10:30:00Z")
    assert lines(data_dir, "lake", "-n", "1") == ["      30  2026-11-22 10:30:00  post  news  hello"]


def test_an_empty_lake_shows_nothing(data_dir: Path):
    assert lines(data_dir, "lake") == []


def test_the_series_and_the_outbox_are_shown(data_dir: Path, config: Config):
    incident = Incident(
        id="i1", policy="volume", series={"watch": "a"}, state="open", direction="up", start=NOW, detected_at=NOW,
        end=None, observed=9, expected=1, low=0, high=3, severity=2, headline="more", explanation={}, sql="SELECT 1",
    )  # fmt: skip
    with closing(open_state(config)) as state, state.transaction() as writing:
        writing.add_counts({("volume", '{"watch":"a"}', 60): 4, ("volume", '{"watch":"a"}', 120): 5}, {})
        writing.post_alert(Alert(key="k1", event="opened", incident=incident), ["ops"], 7.0)
    assert objects(data_dir, "series", "-n", "1") == [
        {"policy": "volume", "series": '{"watch":"a"}', "bucket": "1970-01-01T00:02:00Z", "count": 5, "late": 0}
    ]
    (sent,) = objects(data_dir, "outbox")
    assert (sent["key"], sent["destination"], sent["state"]) == ("k1", "ops", "pending")
    assert lines(data_dir, "outbox")[0].startswith("1  k1  ops  pending")


class Patience(ManualClock):
    """Lets something happen at each wait, and ends the waiting when nothing is left to happen."""

    def __init__(self, *happenings) -> None:
        super().__init__(NOW)
        self.happenings = list(happenings)

    async def sleep(self, seconds: float) -> None:
        if not self.happenings:
            raise KeyboardInterrupt
        self.happenings.pop(0)()
        await super().sleep(seconds)


async def follow(tail: tap.Tail, *happenings) -> list[dict]:
    shown: list[dict] = []
    clock = Patience(*happenings)
    with pytest.raises(KeyboardInterrupt):
        await tap.show(tail, shown.append, clock)
    assert clock.monotonic() == len(happenings) * tap.POLL_SECONDS
    return shown


async def test_following_the_queue_shows_what_comes(config: Config):
    fill_queue(config, post(1))
    happenings = (lambda: None, lambda: fill_queue(config, post(2), post(3)), lambda: fill_queue(config, post(4)))
    shown = await follow(tap._queue(config, 10), *happenings)
    assert [event["offset"] for event in shown] == [1, 2, 3, 4]


async def test_following_the_lake_sees_what_another_process_commits(config: Config):
    fill_lake(config, 1, post(1), post(2))
    shown = await follow(tap._lake(config, 1), lambda: fill_lake(config, 3, post(3)), lambda: None)
    assert [row["seq"] for row in shown] == [2, 3]


async def test_following_a_table_shows_new_and_changed_rows(config: Config):
    rows = [{"number": 1, "state": "pending"}]
    shown = await follow(
        tap._changing(lambda: [dict(row) for row in rows], 10),
        lambda: rows.append({"number": 2, "state": "pending"}),
        lambda: rows[0].update(state="sent"),
    )
    assert [tuple(row.values()) for row in shown] == [(1, "pending"), (2, "pending"), (1, "sent")]
