"""sources/file.py: mapping, fields, dead letters and what is refused."""

from __future__ import annotations

import gzip
import json
import logging
import os
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError
from tests.helpers.files import NOW, START, csv_text, read_all, row, write

from tocsin.errors import ConfigError
from tocsin.model import Post
from tocsin.sources.file import Config

REAL = Path(__file__).parents[2].parent / "shared" / "data" / "airline" / "tweets.csv"


def ids(posts: Sequence[Post]) -> list[int]:
    return [int(post.id) for post in posts]


def one(path: Path, **options: Any) -> Post:
    [post], [] = read_all(path, **options)
    return post


# ---- a row as a post


def test_a_row_becomes_a_post_with_all_its_fields(tmp_path: Path) -> None:
    header = "tweet_id,Tweet-Created,Screen Name,user_id,display_name,user_location,full_text,link,lang,headline,"
    header += "latitude,lng,in_reply_to,retweet_of,quoted_status_id,hashtags,mentions,urls\n"
    values = "7,2026-03-01T12:00:00Z,@ann,u1,Ann A,Ghent,The bell rings,https://bell.example/7,nl,Bells,"
    values += '51.05,3.72,5,4,3,#bell;#tower,"[""@bo"", ""cy""]",https://a.example https://b.example\n'
    post = one(write(tmp_path / "posts.csv", header + values))
    assert (post.uid, post.source, post.id, post.text) == ("archive:7", "archive", "7", "The bell rings")
    assert (post.created_at, post.received_at) == (START, NOW)
    assert post.author is not None
    assert (post.author.id, post.author.handle, post.author.name, post.author.location) == (
        "u1",
        "ann",
        "Ann A",
        "Ghent",
    )
    assert (post.url, post.lang, post.title) == ("https://bell.example/7", "nl", "Bells")
    assert post.place is not None
    assert (post.place.lat, post.place.lon, post.place.origin) == (51.05, 3.72, "post_geo")
    assert [(ref.type, ref.id) for ref in post.refs] == [
        ("reply", "archive:5"),
        ("repost", "archive:4"),
        ("quote", "archive:3"),
    ]
    assert (post.hashtags, post.mentions) == (("bell", "tower"), ("bo", "cy"))
    assert post.urls == ("https://a.example", "https://b.example")


def test_fields_say_which_column_is_which_and_null_turns_one_off(tmp_path: Path) -> None:
    path = write(tmp_path / "x.csv", "id,key,a,b,when\n1,k1,first,second,2026-03-01\n")
    post = one(path, fields={"id": "key", "text": "b", "title": "a", "created_at": "when"})
    assert (post.id, post.text, post.title) == ("k1", "second", "first")
    assert len(one(path, fields={"id": None, "text": "b", "created_at": "when"}).id) == 32


@pytest.mark.parametrize(
    ("cell", "expected"),
    [
        ("[40.5, -73.9]", (40.5, -73.9)),
        ("40.5,-73.9", (40.5, -73.9)),
        ("(40.5 -73.9)", (40.5, -73.9)),
        ("[0.0, 0.0]", None),
        ("[91, 0]", None),
        ("somewhere", None),
        ("1" + " " * 100_000, None),
        ("", None),
    ],
)
def test_coordinates_in_one_column(tmp_path: Path, cell: str, expected: tuple[float, float] | None) -> None:
    path = write(tmp_path / "x.csv", csv_text([("x", "2026-03-01", cell)], ("text", "date", "coordinates")))
    place = one(path).place
    assert (place and (place.lat, place.lon)) == expected


def test_a_post_on_the_equator_has_a_place(tmp_path: Path) -> None:
    path = write(tmp_path / "x.jsonl", '{"text":"x","date":"2026-03-01","lat":0,"lon":9.5}\n')
    place = one(path).place
    assert place is not None
    assert (place.lat, place.lon) == (0.0, 9.5)


def test_json_with_nested_names_numbers_and_geojson(tmp_path: Path) -> None:
    value = {
        "id": 12345678901234567890,
        "created_at": "Sun Mar 01 12:00:00 +0000 2026",
        "full_text": "hello",
        "user": {"screen_name": "ann", "location": "Ghent"},
        "coordinates": {"type": "Point", "coordinates": [3.72, 51.05]},
        "hashtags": ["#a", 3, "b"],
    }
    post = one(write(tmp_path / "x.jsonl", json.dumps(value)))
    assert (post.id, post.created_at, post.hashtags) == ("12345678901234567890", START, ("a", "b"))
    assert post.author is not None
    assert (post.author.handle, post.author.location) == ("ann", "Ghent")
    assert post.place is not None
    assert (post.place.lat, post.place.lon) == (51.05, 3.72)


def test_without_an_id_column_the_id_is_a_hash_of_source_author_time_and_text(tmp_path: Path) -> None:
    base = ("2026-03-01 12:00:00", "ann", "hello")
    others = [("2026-03-01 12:00:01", *base[1:]), (base[0], "bo", base[2]), (*base[:2], "hello!")]
    path = write(tmp_path / "x.csv", csv_text([base, base, *others], ("date", "author", "text")))
    made = [post.id for post in read_all(path, order="file")[0]]
    assert made[0] == made[1]
    assert len(set(made)) == 4
    renamed = write(tmp_path / "y.csv", path.read_bytes())
    assert [post.id for post in read_all(renamed, order="file")[0]] == made


def test_rows_repeated_are_delivered_as_they_are(tmp_path: Path) -> None:
    posts, _ = read_all(write(tmp_path / "x.csv", csv_text([row(1), row(1), row(2)])))
    assert ids(posts) == [1, 1, 2]


# ---- rows that are no posts


def test_a_bad_row_is_a_dead_letter_with_file_line_and_reason(tmp_path: Path) -> None:
    rows = [
        row(0),
        ("1", "2026-03-01"),
        ("2", "sometime", "ann", "x"),
        ("3", "1970-01-01 00:00:00", "ann", "x"),
        ("4", "2199-01-01 00:00:00", "ann", "x"),
        ("5", "2026-03-01 12:00:00", "ann", "  "),
        row(6),
        row(7),
        row(8),
    ]
    posts, dead = read_all(write(tmp_path / "posts.csv", csv_text(rows)), order="file")
    assert ids(posts) == [0, 6, 7, 8]
    assert [letter.place for letter in dead] == [f"posts.csv:{line}" for line in (3, 4, 5, 6, 7)]
    reasons = [
        "2 columns where",
        "'sometime' is not an ISO",
        "1970-01-01T00:00:00Z is not between",
        "2199-01",
        "no text",
    ]
    for letter, reason in zip(dead, reasons, strict=True):
        assert reason in letter.reason
        assert (letter.source, letter.stage, letter.at) == ("archive", "ingest", NOW)
    assert dead[1].body == b"2,sometime,ann,x\n"


def test_an_empty_text_is_a_post_if_there_is_a_link_or_a_title(tmp_path: Path) -> None:
    rows = [("", "2026-03-01", "https://a.example", ""), ("", "2026-03-01", "", "Bells"), ("", "2026-03-01", "", "")]
    posts, dead = read_all(write(tmp_path / "x.csv", csv_text(rows, ("text", "date", "url", "title"))))
    assert [(post.text, post.url, post.title) for post in posts] == [
        ("", "https://a.example", None),
        ("", None, "Bells"),
    ]
    assert len(dead) == 1


def test_a_row_of_ten_megabytes_is_a_dead_letter_that_is_cut(tmp_path: Path) -> None:
    text = csv_text([row(0), row(1, "x" * (10 << 20)), row(2)])
    posts, [dead] = read_all(write(tmp_path / "x.csv", text))
    assert ids(posts) == [0, 2]
    assert (dead.place, dead.reason, len(dead.body)) == ("x.csv:3", "a row of more than 1 MiB", 65536)
    assert dead.body.startswith(b"1,2026")


@pytest.mark.parametrize("order", ["time", "file"])
def test_a_packed_file_that_is_cut_gives_what_can_be_read_and_one_dead_letter(tmp_path: Path, order: str) -> None:
    whole = csv_text([row(number, f"{number * 7919 % 10007} bells") for number in range(2000)]).encode()
    path = write(tmp_path / "x.csv.gz", gzip.compress(whole)[:-3000])
    posts, [dead] = read_all(path, order=order)
    assert ids(posts) == list(range(len(posts)))
    assert len(posts) > 1000
    assert (dead.place, dead.reason) == (f"x.csv.gz:{len(posts) + 2}", "the packed file is cut off here")


def test_the_last_row_without_a_line_end_is_a_post(tmp_path: Path) -> None:
    assert ids(read_all(write(tmp_path / "x.csv", csv_text([row(0), row(1)]).rstrip()))[0]) == [0, 1]


# ---- refused


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({}, "path"),
        ({"path": ""}, "path"),
        ({"path": "x", "speed": 0}, "speed"),
        ({"path": "x", "speed": "fast"}, "speed"),
        ({"path": "x", "order": "size"}, "order"),
        ({"path": "x", "batch": 0}, "batch"),
        ({"path": "x", "delimiter": ";;"}, "delimiter"),
        ({"path": "x", "encoding": "utf-16"}, "convert the file to UTF-8"),
        ({"path": "x", "encoding": "klingon"}, "is no encoding"),
        ({"path": "x", "zone": "Mars/Olympus"}, "IANA"),
        ({"path": "x", "time_format": "yesterday"}, "write one of iso"),
        ({"path": "x", "fields": {"body": "text"}}, "fields.body"),
        ({"path": "x", "colour": "red"}, "colour"),
    ],
)
def test_options_that_are_refused(options: dict[str, Any], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        Config(**options)


@pytest.mark.parametrize(
    ("content", "options", "said"),
    [
        (
            csv_text([row(0)]),
            {"fields": {"text": "txt"}},
            r"x.csv has no column 'txt' \(did you mean 'text'\? its columns",
        ),
        (
            "id,when,words\n1,2026-03-01,x\n",
            {},
            r"known to be the text of the post \(write fields: {text: COLUMN} .*words",
        ),
        ("id,text\n1,x\n", {}, "known to be the time of the post"),
        (
            "date,text\n03/04/2026,x\n",
            {},
            r"x.csv: the time column 'date' may be day_first or month_first: '03/04/2026'",
        ),
        ("date,text\nsoon,x\n", {}, "no form that is known: 'soon'"),
        ("{oops\n", {}, "its columns: none"),
    ],
)
def test_files_that_cannot_be_understood(tmp_path: Path, content: str, options: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        read_all(write(tmp_path / "x.csv", content), **options)


def test_an_ambiguous_date_is_read_as_the_config_says(tmp_path: Path) -> None:
    path = write(tmp_path / "x.csv", "date,text\n03/04/2026 10:00,x\n")
    assert one(path, time_format="day_first").created_at == datetime(2026, 4, 3, 10, tzinfo=UTC)
    found = one(path, time_format="month_first", zone="Europe/Berlin")
    assert found.created_at == datetime(2026, 3, 4, 9, tzinfo=UTC)


def test_the_form_that_was_found_is_shown(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        read_all(write(tmp_path / "x.csv", csv_text([row(0)])))
    assert "the times in column created_at are read as iso" in caplog.text


def test_paths_that_lead_nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for path, said in [
        (tmp_path / "none.csv", "there is no file"),
        (tmp_path / "*.csv", "no file matches"),
        (tmp_path / "none" / "*.csv", "there is no directory"),
        (tmp_path, "is a directory.*glob like"),
    ]:
        with pytest.raises(ConfigError, match=said):
            read_all(path)
    monkeypatch.setattr(os, "access", lambda *_: False)
    with pytest.raises(ConfigError, match="cannot be read"):
        read_all(tmp_path / "*.csv")


def test_a_file_that_may_not_be_opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(tmp_path / "x.csv", csv_text([row(0)]))

    def refuse(*_: Any, **__: Any) -> None:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr("tocsin.sources._parts.open_reader", refuse)
    with pytest.raises(ConfigError, match=r"x\.csv cannot be read: Permission denied"):
        read_all(path)


def test_a_name_with_brackets_is_a_file_if_it_exists(tmp_path: Path) -> None:
    assert ids(read_all(write(tmp_path / "x[1].csv", csv_text([row(0)])))[0]) == [0]


@pytest.mark.real_data
def test_the_airline_posts_are_all_delivered_in_time_order() -> None:
    if not REAL.exists():
        pytest.skip(f"{REAL} is not there")
    posts, dead = read_all(REAL)
    assert (len(posts), len({post.uid for post in posts}), dead) == (14640, 14485, [])
    times = [post.created_at for post in posts if post.created_at]
    assert times == sorted(times)
    assert sum(post.author is not None and post.author.location is not None for post in posts) > 9000
    assert sum(post.place is not None for post in posts) > 800
