"""sources/file.py against damage: nothing but dead letters comes of it, and no other row is lost."""

from __future__ import annotations

import asyncio
import csv
import json
import random
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.helpers.files import batches_of, csv_text, read_all, row, split, write

from tocsin.errors import ConfigError
from tocsin.sources._fields import FIELDS
from tocsin.sources._readers import Format, open_reader

MANY = 10_000
law = settings(deadline=None, max_examples=80, suppress_health_check=[HealthCheck.function_scoped_fixture])

nasty = st.text(alphabet='",\n\r; ab\u2028é', max_size=12)
texts = st.one_of(nasty, st.text(alphabet=st.characters(exclude_categories=["Cs"]), max_size=30)).map("x".__add__)


def csv_rows(found: list[str]) -> list[bytes]:
    """Each row of a file as its own bytes, with the line end."""
    made = []
    for number, text in enumerate(found):
        quoting = csv.QUOTE_ALL if "\r" in text else csv.QUOTE_MINIMAL  # a bare CR ends a row, which the writer forgets
        made.append(csv_text([row(number, text)], header=(), quoting=quoting).encode().split(b"\n", 1)[1])
    return made


HEADER_LINE = csv_text([]).encode()


def unclosed(line: bytes) -> bytes:
    """The row with a quote before its author that nothing closes."""
    before, after = line.split(b"ann", 1)
    return before + b'"ann' + after.split(b'"')[0].rstrip(b"\r\n") + b"\n"


DAMAGE: dict[str, Callable[[bytes], bytes]] = {
    "cut": lambda line: line[: line.index(b"ann")] + b"\n",
    "column too many": lambda line: b"1,2," + line,
    "quote never closed": unclosed,
    "quote at its beginning": lambda line: b'"9,2026\n',
    "quote at its end": lambda line: b'9,2026-03-01 00:00:00,"x","y\n',
    "bytes": lambda line: b"\xff\xfe" + line.split(b"\n")[0].replace(b'"', b"") + b"\n",
    "zeros": lambda line: bytes(40) + b"\n",
    "time": lambda line: b"9,never,ann,x\n",
}


@law
@given(st.lists(texts, min_size=1, max_size=12), st.dictionaries(st.integers(0, 11), st.sampled_from(sorted(DAMAGE))))
def test_damaged_csv_rows_cost_no_other_row(tmp_path: Path, found: list[str], damaged: dict[int, str]) -> None:
    rows = csv_rows(found)
    for number, how in damaged.items():
        if number < len(rows):
            rows[number] = DAMAGE[how](rows[number])
    content = HEADER_LINE + b"".join(rows)
    expected = {str(number): text for number, text in enumerate(found) if number not in damaged}
    posts, dead = read_all(write(tmp_path / "x.csv", content), order="file", time_format="iso")
    assert {post.id: post.text for post in posts} == expected
    assert len(posts) == len(expected)
    assert len(dead) >= sum(number < len(found) for number in damaged)


@law
@given(st.lists(texts, min_size=1, max_size=12), st.dictionaries(st.integers(0, 11), st.binary(max_size=30)))
def test_damaged_json_lines_cost_no_other_row(tmp_path: Path, found: list[str], damaged: dict[int, bytes]) -> None:
    lines = []
    for number, text in enumerate(found):
        value = dict(zip(("id", "date", "author", "text"), row(number, text), strict=True))
        lines.append(json.dumps(value, ensure_ascii=number % 2 == 0).encode())
    for number, junk in damaged.items():
        if number < len(lines):
            lines[number] = b"!" + junk.replace(b"\n", b"").replace(b"\r", b"")
    head = {"id": "head", "date": "2026-03-01", "author": "ann", "text": "head"}
    content = b"\n".join([json.dumps(head).encode(), *lines])
    posts, dead = read_all(write(tmp_path / "x.jsonl", content), order="file")
    expected = {str(number): text for number, text in enumerate(found) if number not in damaged}
    assert {post.id: post.text for post in posts if post.id != "head"} == expected
    assert len(dead) == len(found) - len(expected)


@law
@given(st.lists(texts, min_size=1, max_size=10), st.floats(0, 1), st.sampled_from(["time", "file"]))
def test_a_csv_cut_at_any_byte_gives_all_complete_rows(
    tmp_path: Path, found: list[str], share: float, order: str
) -> None:
    rows = csv_rows(found)
    content = HEADER_LINE + b"".join(rows)
    cut = len(HEADER_LINE) + round(share * (len(content) - len(HEADER_LINE)))
    posts, _ = read_all(write(tmp_path / "x.csv", content[:cut]), order=order, time_format="iso")
    complete = 0
    while complete < len(rows) and len(HEADER_LINE) + sum(map(len, rows[: complete + 1])) <= cut:
        complete += 1
    whole = {str(number): text for number, text in enumerate(found[:complete])}
    assert whole.items() <= {post.id: post.text for post in posts}.items()
    assert len(posts) <= complete + 1
    if len(posts) > complete:
        assert found[complete].startswith(posts[-1].text) or found[complete].startswith(posts[-1].text.rstrip("\r\n"))


@law
@given(st.lists(texts, min_size=2, max_size=10), st.sampled_from(["time", "file"]), st.integers(1, 5))
def test_it_goes_on_at_any_cursor(tmp_path: Path, found: list[str], order: str, size: int) -> None:
    shuffled = [row(number, text, seconds=number * 7919 % 101) for number, text in enumerate(found)]
    path = write(tmp_path / "x.csv", csv_text([*shuffled, ("bad",), row(99)]))
    whole = asyncio.run(batches_of(path, order=order, batch=size))
    for number, batch in enumerate(whole, 1):
        rest = asyncio.run(batches_of(path, batch.cursor, order=order, batch=size))
        assert split(rest) == split(whole[number:])


def mutant(data: bytes, rng: random.Random) -> bytes:
    """The data with one to four of its bytes changed, lost, doubled, or replaced by what hurts."""
    changed = bytearray(data)
    for _ in range(rng.randint(1, 4)):
        place = rng.randrange(len(changed) + 1)
        kind = rng.randrange(6)
        if kind == 0:
            changed[place:place] = rng.choice([b'"', b'""', b",", b"\n", b"\r", b"\0", b"{", b"[", b"\\", b"\xff"])
        elif kind == 1:
            del changed[place : place + rng.randint(1, 20)]
        elif kind == 2:
            changed[place:place] = changed[max(place - 9, 0) : place]
        elif kind == 3:
            del changed[place:]
        elif kind == 4:
            changed[place:place] = rng.randbytes(rng.randint(1, 8))
        elif changed:
            changed[place % len(changed)] ^= 1 << rng.randrange(8)
    return bytes(changed)


CSV_ROW = b'7,2026-03-01 12:00:00,ann,"row 7, says ""hello""\nin two lines"\n'
JSON_ROW = (
    b'{"id":7,"created_at":"2026-03-01T12:00:00Z","author":{"name":"ann \\u00e9"},"text":"hello \xc3\xa9","lat":1.5}\n'
)


@pytest.mark.parametrize(("format", "good", "head"), [("csv", CSV_ROW, HEADER_LINE), ("jsonl", JSON_ROW, JSON_ROW)])
def test_ten_thousand_malformed_rows(tmp_path: Path, format: Format, good: bytes, head: bytes) -> None:
    rng = random.Random(7)
    content = head + b"".join(mutant(good, rng) for _ in range(MANY))
    path = write(tmp_path / "x", content)
    reader = open_reader(path, format, None, "utf-8-sig")
    at = len(head) if format == "csv" else 0
    for raw in reader.records(reader.columns):
        assert content[at : raw.start].isspace() or at == raw.start
        assert content[raw.start : raw.end] == raw.body
        at = raw.end
    assert content[at:].strip() == b""
    posts, dead = read_all(path, format=format, order="file", time_format="iso")
    assert len(posts) + len(dead) == sum(1 for _ in reader.records(reader.columns))
    assert len(dead) > MANY // 4
    assert all(letter.reason for letter in dead)
    assert len(posts) > MANY // 100


@pytest.mark.parametrize("format", ["csv", "jsonl", "json", "parquet", None])
def test_malformed_files_raise_config_error_or_nothing(tmp_path: Path, format: Format | None) -> None:
    rng = random.Random(11)
    seeds = [
        HEADER_LINE + CSV_ROW,
        JSON_ROW,
        b"[" + JSON_ROW + b"]",
        b"PAR1" + bytes(9) + b"PAR1",
        b"\x1f\x8b\x08" + bytes(9),
    ]
    refused = 0
    for number in range(300):
        path = write(tmp_path / "x", mutant(seeds[number % len(seeds)], rng))
        try:
            read_all(path, format=format, fields=dict.fromkeys(set(FIELDS) - {"text", "created_at"}, None))
        except ConfigError:
            refused += 1
    assert refused < 300
