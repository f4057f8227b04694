"""A post is stored whatever becomes of its place; and the places of real authors are found.

The guidance lost the posts whose place its geocoder did not find: the lookup gave nothing, saving the post failed with
`KeyError: 'longitude'`, and the post was gone.
"""

from __future__ import annotations

import csv
import json
from collections import Counter
from itertools import cycle
from pathlib import Path
from typing import Any

import pytest
from tests.helpers import airline
from tests.helpers.command import run
from tests.helpers.fake_nominatim import FakeNominatim, blocked, refusal, result
from tests.helpers.remote import Answer, as_json, serving
from tests.helpers.world import World

SOURCE = """\
sources:
  archive:
    type: file
    path: posts.jsonl
    fields: {id: id, text: text, created_at: at, author: who, author_location: where, lat: lat, lon: lon}
"""
GEOCODER = """\
enrich:
  place:
    geocoder:
      {type: nominatim, url: "%s", accept_licence: ODbL-1.0, per_second: 200, tries: 1, timeout: 1s, patience: 4s}
"""
UNKNOWN = [
    "Xqzvtham under Zork",
    "the moon",
    "she/her",
    "your heart ❤",
    "Zorkville, Blorpland",
    "\u202e",
    "",
    "0.0,0.0",
]
COLUMNS = "place_name, place_level, country, lat, lon, place_origin, place_confidence, stated_place, about_place"


def write(folder: Path, posts: list[dict[str, Any]], config: str = "") -> None:
    (folder / "tocsin.yaml").write_text(SOURCE + config)
    usual = {"who": "sam", "at": 1_772_000_000}
    lines = [json.dumps({"id": str(n), "text": f"bell {n}"} | usual | one) + "\n" for n, one in enumerate(posts)]
    (folder / "posts.jsonl").write_text("".join(lines))


def stored(folder: Path) -> list[dict[str, Any]]:
    """The posts in the lake after a run to the end, in their order; nothing may be in the dead letters."""
    done = run(["run", "--until-idle", "--log-level", "error"], folder)
    assert (done.returncode, done.stdout) == (0, ""), done.stderr
    assert "Traceback" not in done.stderr
    assert run(["deadletter", "list", "--json"], folder).stdout.strip() in ("", "[]")
    asked = run(
        [
            "query",
            f"SELECT id, text, author_location, {COLUMNS} FROM posts ORDER BY seq",
            "--format",
            "jsonl",
            "--limit",
            "0",
        ],
        folder,
    )
    assert asked.returncode == 0, asked.stderr
    return [json.loads(line) for line in asked.stdout.splitlines()]


def stored_here(folder: Path) -> list[dict[str, Any]]:
    """The same by the same parts in this process."""
    with World(folder) as world:
        world.ingest()
        world.process_all()
        assert list(world.queue.dead_letters()) == []
        return [row for row in world.rows("kind", "text", "watches", *COLUMNS.split(", ")) if row["kind"] == "post"]


def placeless(row: dict[str, Any]) -> bool:
    return all(row[name] is None for name in COLUMNS.split(", "))


def test_a_post_whose_place_cannot_be_resolved_is_stored(tmp_path: Path) -> None:
    """The guidance lost it."""
    odd = [{"lat": 0, "lon": 0}, {"lat": 999, "lon": 5}, {"lat": "NaN", "lon": "NaN"}, {"lat": 5}, {"where": 7}]
    write(tmp_path, [*({"where": where} for where in UNKNOWN), *odd, {"where": "Ghent"}])
    rows = stored(tmp_path)
    assert [row["id"] for row in rows] == [str(n) for n in range(len(UNKNOWN) + len(odd) + 1)]
    assert [row["text"] for row in rows] == [f"bell {n}" for n in range(len(rows))]
    assert [row["id"] for row in rows if not placeless(row)] == [rows[-1]["id"]]
    assert (rows[-1]["country"], rows[-1]["place_origin"]) == ("BE", "profile")


NOWHERE = result("Xqzvtham under Zork", 999.0, -999.0)
FAULTS = {
    "500": refusal(500), "429": refusal(429), "403": blocked(), "404": refusal(404), "reset": Answer(reset=True),
    "not JSON": Answer(200, b"<html>not json"), "cut off": Answer(200, b"[{", cut=True), "too slow": Answer(wait=1.5),
    "an object": as_json({"error": "no"}), "null": as_json(None), "nothing in it": as_json([{"lat": None}]),
    "nowhere on Earth": as_json([NOWHERE]), "no answer": as_json([]),
    "moved": Answer(301, b"", {"Location": "/elsewhere"}),
}  # fmt: skip


@pytest.mark.parametrize("fault", FAULTS)
def test_a_post_is_stored_when_the_remote_geocoder_fails(tmp_path: Path, fault: str) -> None:
    """The guidance lost it. Source, queue, enrichers and lake are the real ones."""
    with serving(lambda request: FAULTS[fault]) as service:
        write(tmp_path, [{"where": "Xqzvtham under Zork"}, {"where": "Ghent"}, {}], GEOCODER % service.url)
        rows = stored_here(tmp_path)
    assert service.requests
    assert [(row["text"], row["country"]) for row in rows] == [("bell 0", None), ("bell 1", "BE"), ("bell 2", None)]
    assert placeless(rows[0])


def test_a_whole_run_with_a_geocoder_that_fails_in_turn_ends_well(tmp_path: Path) -> None:
    answers = cycle(FAULTS.values())
    posts = [{"where": f"Xqzvtham {'under ' * n}Zork"} for n in range(15)]
    with serving(lambda request: next(answers)) as service:
        write(tmp_path, [*posts, {"where": "Ghent"}, {}], GEOCODER % service.url)
        rows = stored(tmp_path)
    assert service.requests
    assert [row["text"] for row in rows] == [f"bell {n}" for n in range(17)]
    assert [row["id"] for row in rows if not placeless(row)] == ["15"]


def test_a_post_is_stored_when_there_is_no_remote_geocoder(tmp_path: Path) -> None:
    write(tmp_path, [{"where": "Xqzvtham"}, {"where": "Ghent"}], GEOCODER % "http://127.0.0.1:9")
    assert [row["country"] for row in stored_here(tmp_path)] == [None, "BE"]


def test_what_the_gazetteer_leaves_open_is_asked_once_and_stated_places_only(tmp_path: Path) -> None:
    fake = FakeNominatim()
    fake.places["xqzvtham under zork"] = [result("Xqzvtham under Zork", 50.1, 9.9)]
    posts = [{"where": "Xqzvtham under Zork"}] * 3 + [{"where": "Ghent"}, {"text": "we are in Blorpville, says Sam"}]
    with serving(fake) as service:
        write(tmp_path, posts, GEOCODER % service.url)
        rows = stored_here(tmp_path)
    assert fake.asked == ["xqzvtham under zork"]
    assert [(row["country"], row["place_origin"]) for row in rows[:4]] == [("DE", "profile")] * 3 + [("BE", "profile")]


def test_watches_see_the_place_and_know_a_geotag_from_a_guess(tmp_path: Path) -> None:
    watches = "watches: [{name: belgian, match: 'place_country:be'}, {name: geotag, match: 'has:geo'}]\n"
    posts = [
        {"where": "Ghent"},
        {"text": "see 51.05, 3.7200"},
        {"text": "see 51.0500, 3.7200"},
        {"lat": 51.05, "lon": 3.72},
        {},
    ]
    write(tmp_path, posts, watches)
    assert [row["watches"] for row in stored_here(tmp_path)] == [
        ["belgian"], [], ["belgian"], ["belgian", "geotag"], []
    ]  # fmt: skip


@pytest.mark.real_data
@pytest.mark.skipif(not airline.POSTS.is_file(), reason="the airline posts are not at ../shared/data/airline")
def test_most_authors_of_the_airline_posts_are_put_into_a_country(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with airline.POSTS.open(encoding="utf-8", newline="") as lines:
        read = list(csv.DictReader(lines))
    posts = [{"id": row["tweet_id"], "text": row["text"], "where": row["tweet_location"]} for row in read]
    write(tmp_path, posts)
    rows = stored(tmp_path)
    assert len(rows) == len({row["tweet_id"] for row in read})
    stating = [row for row in rows if row["author_location"]]
    share = sum(row["country"] is not None for row in stating) / len(stating)
    stated = sum(row["stated_place"] is not None for row in stating) / len(stating)
    origins = Counter(row["place_origin"] for row in rows)
    with capsys.disabled():
        print(f"\nairline posts with an author's location: {share:.1%} in a country, {stated:.1%} by it; {origins}")
    assert share > 0.7
