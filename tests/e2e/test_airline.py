"""The real thing: 14,640 posts to six airlines, the storm of 21 to 23 February 2015, and everything that goes wrong.

The posts are read byte by byte (as latin-1) where they are cut or damaged, so that damage may be any byte.
"""

from __future__ import annotations

import random
import re
import time
from pathlib import Path

import pytest
from tests.helpers import airline, pages
from tests.helpers.airline import Outcome
from tests.helpers.faults import by_length
from tests.helpers.world import World

pytestmark = [
    pytest.mark.real_data,
    pytest.mark.skipif(not airline.POSTS.is_file(), reason="the airline posts are not at ../shared/data/airline"),
]

ROWS, POSTS, REPEATED = 14_640, 14_485, 155
BYTES = airline.POSTS.read_bytes().decode("latin-1") if airline.POSTS.is_file() else ""


def run(posts: Path, data_dir: Path) -> Outcome:
    """The whole command, to its end."""
    process = airline.start(posts, data_dir)
    out, errors = process.communicate(timeout=240)
    assert process.returncode == 0, errors
    assert (out, "Traceback" in errors) == ("", False)
    return airline.outcome(posts, data_dir)


def in_process(posts: Path, folder: Path, speed: str = "max") -> Outcome:
    """The same loops, one after the other, with a clock that jumps over every wait."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in airline.environment(posts, folder / "data", speed).items():
            patch.setenv(name, value)
        with World(folder, airline.CONFIG.read_text(encoding="utf-8")) as world:
            world.ingest()
            world.process_all()
            world.detect_all()
    return airline.outcome(posts, folder / "data")


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Outcome:
    return run(airline.POSTS, tmp_path_factory.mktemp("whole"))


def test_every_row_is_a_post_or_a_duplicate(whole: Outcome):
    assert (whole.kinds["post"], whole.kinds["duplicate"], len(whole.dead)) == (POSTS, REPEATED, 0)
    assert POSTS + REPEATED == ROWS == len(airline.rows(BYTES)) - 1
    assert whole.ids == {airline.cells(row)[0] for row in airline.rows(BYTES)[1:]}


def test_the_storm_is_found_in_its_first_hours(whole: Outcome):
    first = whole.storm()[0]
    assert first["detected_at"].isoformat() < "2015-02-21T08:00"
    assert first["direction"] == "up"
    assert first["observed"] >= first["high"] > 2 * first["expected"]
    texts = [post["text"].casefold() for post in first["explanation"]["posts"]]
    assert len(texts) >= 3
    assert all("cancel" in text for text in texts)


def test_the_storm_is_not_drowned(whole: Outcome, capsys: pytest.CaptureFixture[str]):
    before = [one for one in whole.incidents if one["detected_at"].isoformat() < "2015-02-21"]
    with capsys.disabled():
        print(f"\nairline posts: {len(whole.incidents)} incidents, {len(before)} of them before the storm")
    assert len(whole.incidents) <= 30
    assert len(before) <= 3


def test_the_manual_shows_what_really_comes_out(whole: Outcome):
    summary, listed, shown = (block.code for block in pages.blocks("docs/how-to/airline-storm.md", "text"))
    assert f"{POSTS:,} posts, {REPEATED} duplicates. Dead letters: 0." in summary
    assert airline.tocsin(whole.data_dir, "alerts", "list") == listed, "paste the output into the page anew"
    said = airline.tocsin(whole.data_dir, "alerts", "show", whole.storm()[0]["id"])
    assert re.sub(r"^(  \d\d:\d\d  )@.*$", r"\1…", said, flags=re.MULTILINE) == shown


@pytest.mark.parametrize("seed", by_length([1], [1, 2, 3], range(12)))
def test_a_file_cut_at_any_byte_gives_all_whole_rows(tmp_path: Path, seed: int):
    cut = BYTES[: random.Random(seed).randrange(len(BYTES) // 3, len(BYTES))]
    file = tmp_path / "cut.csv"
    file.write_bytes(cut.encode("latin-1"))
    *whole_rows, last = airline.rows(cut)[1:]
    found = in_process(file, tmp_path)
    accounted = found.kinds["post"] + found.kinds.get("duplicate", 0)
    assert {airline.cells(row)[0] for row in whole_rows} <= found.ids
    assert accounted in (len(whole_rows), len(whole_rows) + 1)
    assert accounted + len(found.dead) >= len(whole_rows) + 1
    assert len(found.dead) <= 1 + last.count("\n")
    assert found.storm()


def test_damaged_rows_cost_themselves_alone(tmp_path: Path):
    damaged, numbers = airline.spoiled(BYTES, 0.05, seed=7)
    file = tmp_path / "damaged.csv"
    file.write_bytes("".join(damaged).encode("latin-1"))
    found = run(file, tmp_path / "data")
    assert len(numbers) == round(0.05 * ROWS)
    dead_lines = {int(letter.place.rpartition(":")[2]) for letter in found.dead}
    line = 1
    for number, row in enumerate(damaged):
        lines = range(line, line := line + row.count("\n"))
        name = row.partition(",")[0]
        if number and number not in numbers:
            assert name in found.ids, f"row {number} in line {lines.start} was not damaged and is lost"
        elif number:
            assert name in found.ids or dead_lines & set(lines), f"row {number} in line {lines.start} is unaccounted"
    accounted = found.kinds["post"] + found.kinds["duplicate"] + len(found.dead)
    assert accounted >= ROWS
    assert all(letter.reason and letter.stage == "ingest" for letter in found.dead)
    assert found.storm()[0]["detected_at"].isoformat() < "2015-02-21T12:00"


def test_a_replay_at_any_speed_gives_the_same_alerts(whole: Outcome, tmp_path: Path):
    assert in_process(airline.POSTS, tmp_path, speed="3600").alerts == whole.alerts


def test_a_run_that_is_killed_and_restarted_gives_the_same_alerts(whole: Outcome, tmp_path: Path):
    data = tmp_path / "data"
    for begun in (data / "queue.db-wal", data / "lake" / "events" / "_delta_log" / f"{1:020}.json"):
        _kill_once_there(begun, data)
    found = run(airline.POSTS, data)
    assert (found.kinds["post"], found.kinds["duplicate"], len(found.dead)) == (POSTS, REPEATED, 0)
    assert found.alerts == whole.alerts


def _kill_once_there(file: Path, data: Path) -> None:
    """Run until a file has something in it, then kill -9."""
    process = airline.start(airline.POSTS, data)
    while not (file.exists() and file.stat().st_size):
        if process.poll() is not None:
            pytest.fail(f"the run ended before it could be killed: {process.communicate()}")
        time.sleep(0.005)
    process.kill()
    process.communicate()
    assert process.returncode == -9
