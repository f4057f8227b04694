"""Counters with fixed names, and logs that cannot be forged."""

from __future__ import annotations

import io
import json
import logging
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from tocsin.model import Batch, DeadLetter, Delete, Heartbeat, Post
from tocsin.secrets import Redactor
from tocsin.telemetry import MAX_VALUES, METRICS, Telemetry, configure_logging

NOW = datetime(2026, 11, 22, tzinfo=UTC)
PAGE = Path(__file__).parents[2] / "docs" / "reference" / "telemetry.md"


def _samples(telemetry: Telemetry) -> dict[tuple[str, ...], float]:
    """Every sample by its name and label values, these in the order of the label names."""
    found: dict[tuple[str, ...], float] = {}
    for family in text_string_to_metric_families(telemetry.render().decode()):
        for sample in family.samples:
            found[(sample.name, *(value for _, value in sorted(sample.labels.items())))] = sample.value
    return found


def test_each_method_moves_its_own_numbers() -> None:
    telemetry = Telemetry()
    post = Post(uid="a:1", source="a", id="1", text="x", received_at=NOW)
    events = [post, post, Delete(source="a", uid="a:1"), Heartbeat(source="a", stream="a", at=NOW)]
    telemetry.received("a", Batch(events=events, dead=[DeadLetter(source="a", stage="ingest", reason="bad")]))
    telemetry.duplicate("a")
    telemetry.dead("notify", 2)
    telemetry.paused("a", 1.5)
    telemetry.retried("ingest", "a")
    telemetry.backlog(7)
    telemetry.committed(rows=500, seconds=0.02)
    telemetry.committed(rows=1, seconds=0.02)
    telemetry.lag(61)
    telemetry.incident("volume")
    telemetry.sent("ops", "delivered")
    found = _samples(telemetry)
    expected = {
        ("tocsin_events_total", "post", "a"): 2,
        ("tocsin_events_total", "delete", "a"): 1,
        ("tocsin_events_total", "heartbeat", "a"): 1,
        ("tocsin_duplicates_total", "a"): 1,
        ("tocsin_dead_letters_total", "ingest"): 1,
        ("tocsin_dead_letters_total", "notify"): 2,
        ("tocsin_source_paused_seconds_total", "a"): 1.5,
        ("tocsin_retries_total", "a", "ingest"): 1,
        ("tocsin_queue_events",): 7,
        ("tocsin_lake_commits_total",): 2,
        ("tocsin_lake_rows_total",): 501,
        ("tocsin_commit_seconds_count",): 2,
        ("tocsin_commit_seconds_bucket", "0.01"): 0,
        ("tocsin_commit_seconds_bucket", "0.025"): 2,
        ("tocsin_detect_lag_seconds",): 61,
        ("tocsin_incidents_total", "volume"): 1,
        ("tocsin_sends_total", "ops", "delivered"): 1,
    }
    assert {key: found.get(key) for key in expected} == expected


def test_every_metric_is_on_the_page() -> None:
    families = {family.name for family in text_string_to_metric_families(Telemetry().render().decode())}
    assert families == {metric.name.removesuffix("_total") for metric in METRICS}


def test_names_follow_the_conventions() -> None:
    for metric in METRICS:
        assert metric.name.startswith("tocsin_")
        assert metric.name.endswith("_total") == (metric.kind == "counter")
        assert metric.help.endswith(".")


def test_the_documentation_lists_each_metric_as_it_is() -> None:
    page = PAGE.read_text(encoding="utf-8")
    for metric in METRICS:
        labels = ", ".join(f"`{label}`" for label in metric.labels) or "–"
        assert f"| `{metric.name}` | {metric.kind} | {labels} | {metric.help} |" in page
    assert page.count("| `tocsin_") == len(METRICS)


def test_labels_are_bounded() -> None:
    telemetry = Telemetry()
    for number in range(MAX_VALUES + 50):
        telemetry.duplicate(f"source {number}")
    telemetry.duplicate("source 0")
    found = {key: value for key, value in _samples(telemetry).items() if key[0] == "tocsin_duplicates_total"}
    assert len(found) == MAX_VALUES + 1
    assert found[("tocsin_duplicates_total", "other")] == 50
    assert found[("tocsin_duplicates_total", "source 0")] == 2


def test_two_telemetries_share_nothing() -> None:
    first, second = Telemetry(), Telemetry()
    first.incident("volume")
    assert ("tocsin_incidents_total", "volume") not in _samples(second)


def test_a_hostile_label_cannot_forge_a_line() -> None:
    telemetry = Telemetry()
    telemetry.incident('x"} 1\ntocsin_queue_events 99\n')
    assert _samples(telemetry)[("tocsin_queue_events",)] == 0


def test_importing_is_light() -> None:
    code = "import sys, tocsin.telemetry; print(sorted({'prometheus_client', 'aiohttp', 'pyarrow'} & set(sys.modules)))"
    assert (
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip() == "[]"
    )


@pytest.fixture
def stream() -> Iterator[io.StringIO]:
    root = logging.getLogger()
    before = root.level
    yield io.StringIO()
    for handler in [handler for handler in root.handlers if handler.get_name() == "tocsin"]:
        root.removeHandler(handler)
    root.setLevel(before)


def _crash(log: logging.Logger) -> None:
    try:
        raise KeyError("\x1b[2J\u202emissing")
    except KeyError:
        log.exception("It broke", extra={"source": "bluesky", "count": 3})


def test_a_line_for_people(stream: io.StringIO) -> None:
    configure_logging("info", as_json=False, redactor=Redactor(), stream=stream)
    log = logging.getLogger("tocsin.test")
    log.debug("not this")
    log.warning("Source %s\nWARNING forged \x1b[31m\u202eline", "x", extra={"source": "a\nb"})
    (line,) = stream.getvalue().splitlines()
    assert line.split(" ", 1)[0].endswith("Z")
    assert line.endswith("WARNING Source x WARNING forged [31mline source=a b")


def test_a_trace_follows_its_line_without_controls(stream: io.StringIO) -> None:
    configure_logging("info", as_json=False, redactor=Redactor(), stream=stream)
    _crash(logging.getLogger("tocsin.test"))
    first, *trace = stream.getvalue().splitlines()
    assert first.endswith("ERROR It broke source=bluesky count=3")
    assert trace[0].startswith("Traceback")
    assert "KeyError" in trace[-1]
    assert not {"\x1b", "\u202e"} & set(stream.getvalue())


def test_an_object_for_machines(stream: io.StringIO) -> None:
    configure_logging("INFO", as_json=True, redactor=Redactor(), stream=stream)
    log = logging.getLogger("tocsin.test")
    log.info("Two\nlines \x9b31m\u202e", extra={"where": Path("a")})
    _crash(log)
    lines = stream.getvalue().split("\n")
    first, second = json.loads(lines[0]), json.loads(lines[1])
    assert lines[2:] == [""]
    assert stream.getvalue().isascii()
    assert {**first, "time": ""} == {
        "time": "",
        "level": "info",
        "logger": "tocsin.test",
        "message": "Two\nlines \x9b31m\u202e",
        "where": "a",
    }
    assert datetime.fromisoformat(first["time"]).utcoffset() is not None
    assert (second["level"], second["source"], second["count"]) == ("error", "bluesky", 3)
    assert second["error"].startswith("Traceback")


def test_configuring_again_replaces(stream: io.StringIO) -> None:
    other = io.StringIO()
    configure_logging("info", as_json=True, redactor=Redactor(), stream=other)
    configure_logging("error", as_json=False, redactor=Redactor(), stream=stream)
    logging.getLogger("tocsin.test").warning("not shown")
    logging.getLogger("tocsin.test").error("shown once")
    assert other.getvalue() == ""
    assert stream.getvalue().count("shown once") == 1


def test_a_source_shows_when_it_was_heard_and_how_late_its_posts_come() -> None:
    def post(number: int, late: int, *, backfilled: bool = False) -> Post:
        at = NOW + timedelta(seconds=number)
        return Post(
            uid=f"feed:{number}", source="feed", id=str(number), text="acme", received_at=at, backfilled=backfilled,
            created_at=at - timedelta(seconds=late),
        )  # fmt: skip

    telemetry = Telemetry()
    telemetry.received("feed", Batch(events=[post(1, 2), post(2, 4), post(3, 3), post(4, 900, backfilled=True)]))
    found = _samples(telemetry)
    assert found["tocsin_source_heard_timestamp_seconds", "feed"] == NOW.timestamp() + 4
    assert found["tocsin_source_lag_seconds", "feed"] == 3.0
