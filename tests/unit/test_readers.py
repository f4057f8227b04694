"""Files cut into records: packed or plain, CSV, JSON and Parquet, whole and damaged."""

from __future__ import annotations

import gzip
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import zstandard
from tests.helpers.files import write

from tocsin.errors import ConfigError
from tocsin.sources._readers import open_reader
from tocsin.sources._records import Raw, Reader
from tocsin.sources._unpack import KEPT, LONGEST, Bytes, Line, Lines

HEAD = "a,b,c\n"


def reader(path: Path, **how: Any) -> Reader:
    return open_reader(path, **({"format": None, "delimiter": None, "encoding": "utf-8-sig"} | how))


def records(found: Reader) -> list[Raw]:
    return list(found.records(found.columns))


def rows(path: Path, **how: Any) -> list[Any]:
    """Each record's values, or the reason why there are none, with its line."""
    found = reader(path, **how)
    pick = found.picker(found.columns)
    out = []
    for raw in records(found):
        try:
            out.append((raw.line, raw.fault or list(pick(raw.body))))
        except ValueError as error:
            out.append((raw.line, str(error)))
    return out


def all_lines(path: Path, at: int = 0, number: int = 1) -> list[Line]:
    data = Bytes(path)
    try:
        return list(Lines(data, at, number))
    finally:
        data.close()


def lines_of(path: Path, at: int = 0, number: int = 1) -> list[tuple[int, bytes, str | None]]:
    return [(line.number, line.body, line.fault) for line in all_lines(path, at, number)]


# ---- bytes and lines

PACKERS = {
    "plain": lambda data: data,
    "gzip": gzip.compress,
    "gzip members": lambda data: gzip.compress(data[:7]) + b"\0" * 9 + gzip.compress(data[7:]),
    "zstd": zstandard.ZstdCompressor().compress,
    "zstd frames": lambda data: (
        zstandard.ZstdCompressor().compress(data[:7]) + zstandard.ZstdCompressor().compress(data[7:])
    ),
}


@pytest.mark.parametrize("how", PACKERS)
def test_lines_of_any_packing_and_any_line_end(tmp_path: Path, how: str) -> None:
    path = write(tmp_path / "named.txt", PACKERS[how](b"one\ntwo\r\nthree\rfour\n\n\rlast"))
    bodies = [b"one\n", b"two\r\n", b"three\r", b"four\n", b"\n", b"\r", b"last"]
    assert lines_of(path) == [(number, body, None) for number, body in enumerate(bodies, 1)]
    assert lines_of(path, at=9, number=3) == [(number, body, None) for number, body in enumerate(bodies[2:], 3)]


@pytest.mark.parametrize("how", ["gzip", "zstd"])
def test_a_cut_file_ends_with_one_fault_that_is_told_once(tmp_path: Path, how: str) -> None:
    text = b"".join(f"{number * 7919 % 10007},line\n".encode() for number in range(3000))
    path = write(tmp_path / "cut", PACKERS[how](text)[:-20])
    *whole, (number, body, fault) = lines_of(path)
    assert fault is not None
    assert "cut off" in fault
    assert not body.endswith(b"\n")
    assert all(one is None for _, _, one in whole)
    delivered = b"".join(one for _, one, _ in whole) + body
    assert text.startswith(delivered)
    last = all_lines(path)[-1]
    assert lines_of(path, last.start)[-1][2] == fault
    assert lines_of(path, last.end, number + 1) == []


@pytest.mark.parametrize("how", ["gzip", "zstd"])
def test_a_damaged_file_gives_what_lies_before_the_damage(tmp_path: Path, how: str) -> None:
    packed = PACKERS[how](b"one\ntwo\n") + b"junk" * 10
    *whole, (_, _, fault) = lines_of(write(tmp_path / "damaged", packed))
    assert [body for _, body, _ in whole] == [b"one\n", b"two\n"]
    assert fault is not None
    assert "damaged" in fault


def test_a_huge_line_is_cut_and_costs_no_other(tmp_path: Path) -> None:
    huge = b"x" * (10 << 20)
    path = write(tmp_path / "huge", b"before\n" + huge + b"\r\nafter\n" + huge)
    before, cut, after, last = lines_of(path)
    assert (before[1], after[:2]) == (b"before\n", (3, b"after\n"))
    assert cut[1].startswith(b"xxx")
    assert len(cut[1]) == len(last[1]) == KEPT
    assert cut[2] == last[2] == "a row of more than 1 MiB"


def test_the_longest_line_allowed_is_whole(tmp_path: Path) -> None:
    assert lines_of(write(tmp_path / "long", b"x" * LONGEST)) == [(1, b"x" * LONGEST, None)]


def test_lines_put_back_come_again_in_order(tmp_path: Path) -> None:
    data = Bytes(write(tmp_path / "lines", b"1\n2\n3\n4\n"))
    lines = Lines(data)
    taken = [next(lines), next(lines), next(lines)]
    lines.push(taken[1:])
    assert [line.number for line in lines] == [2, 3, 4]
    data.close()


# ---- CSV


@pytest.mark.parametrize("mark", [",", "\t", ";", "|"])
def test_csv_delimiter_is_found_outside_quotes(tmp_path: Path, mark: str) -> None:
    path = write(tmp_path / "x.csv", f'"a,;,;|"{mark}b{mark}c\n1{mark}2{mark}"3{mark}3"\n')
    assert reader(path).columns == ("a,;,;|", "b", "c")
    assert rows(path) == [(2, ["1", "2", f"3{mark}3"])]


def test_csv_delimiter_can_be_told(tmp_path: Path) -> None:
    assert rows(write(tmp_path / "x", "a,x:b,y\n1:2\n"), delimiter=":") == [(2, ["1", "2"])]


def test_csv_quotes_newlines_blank_lines_and_the_byte_order_mark(tmp_path: Path) -> None:
    text = '\ufeffa,b,c\n1,"x ""y""\r\nz",3\r\n\n  \n4,5" pipe,"6"\r7,"",9\n"s" t,8,\x00\n'
    assert rows(write(tmp_path / "x", text)) == [
        (2, ["1", 'x "y"\r\nz', "3"]),
        (6, ["4", '5" pipe', "6"]),
        (7, ["7", "", "9"]),
        (8, ["s t", "8", "\0"]),
    ]


def test_csv_several_fields_of_one_row_may_go_over_lines(tmp_path: Path) -> None:
    text = '"a\n1","b\n""2""\n","c\n,"\r\n4,5,6\n'
    assert rows(write(tmp_path / "x", HEAD + text)) == [(2, ["a\n1", 'b\n"2"\n', "c\n,"]), (7, ["4", "5", "6"])]


def test_csv_header_over_several_lines(tmp_path: Path) -> None:
    path = write(tmp_path / "x", '\n"a\nb", c \n1,2\n')
    assert reader(path).columns == ("a\nb", "c")
    assert rows(path) == [(4, ["1", "2"])]


@pytest.mark.parametrize(
    "damaged",
    [
        '1,"never closed,3',
        '1,2,"never closed',
        '"1,2,3',
        '1,"closed"" not,3',
        '",",,"',
    ],
)
@pytest.mark.parametrize("after", ["plain,5,6", 'x,"quoted, 5",6', 'x,"two\nlines",6', 'x,5,""', '"x",",5",6'])
def test_csv_quote_that_is_never_closed_costs_its_own_line_only(tmp_path: Path, damaged: str, after: str) -> None:
    good = rows(write(tmp_path / "good", HEAD + after + "\n7,8,9\n"))
    found = rows(write(tmp_path / "bad", HEAD + damaged + "\n" + after + "\n7,8,9\n"))
    assert found[0][0] == 2
    assert "a quote that is n" in found[0][1]
    assert found[1:] == [(line + 1, row) for line, row in good]
    assert found[-1][1] == ["7", "8", "9"]


def test_csv_two_open_quotes_do_not_swallow_the_row_between_them(tmp_path: Path) -> None:
    found = rows(write(tmp_path / "x", HEAD + '1,"open,3\nplain,5,6\nx",5,6,7\n'))
    assert found[0] == (2, "5 columns where the header has 3, or a quote that is not closed in this row")
    assert found[1] == (3, ["plain", "5", "6"])


def test_csv_quote_that_is_open_at_the_end_is_a_fault_even_in_the_last_column(tmp_path: Path) -> None:
    assert rows(write(tmp_path / "x", HEAD + '1,2,3\n4,5,"and th')) == [
        (2, ["1", "2", "3"]),
        (3, "a quote that is never closed"),
    ]


def test_csv_record_has_at_most_a_thousand_lines_and_a_megabyte(tmp_path: Path) -> None:
    many = '1,"' + "\n" * 1000 + '",3\n'
    large = '1,"' + ("x" * 999 + "\n") * 900 + "x" * 200_000 + '",3\n'
    for text in (many, large):
        found = rows(write(tmp_path / "x", HEAD + text + "7,8,9\n"))
        assert found[0] == (2, "a quote that is never closed")
        assert found[-1][1] == ["7", "8", "9"]
    allowed = '1,"' + "\n" * 999 + '",3\n'
    assert [len(row[1]) for row in rows(write(tmp_path / "x", HEAD + allowed))] == [3]


def test_csv_many_open_quotes_take_no_quadratic_time(tmp_path: Path) -> None:
    lines = HEAD + '1,"open,3\n' * 20_000
    assert len(rows(write(tmp_path / "x", lines))) >= 10_000


def test_csv_rows_that_do_not_fit_the_header(tmp_path: Path) -> None:
    found = rows(write(tmp_path / "x", HEAD + "1,2\n1,2,3,4\nok,2,3\n"))
    assert found == [
        (2, "2 columns where the header has 3"),
        (3, "4 columns where the header has 3"),
        (4, ["ok", "2", "3"]),
    ]


def test_csv_bytes_that_are_not_in_the_encoding(tmp_path: Path) -> None:
    path = write(tmp_path / "x", HEAD.encode() + b"1,caf\xe9,3\n4,5,6\n")
    assert rows(path) == [
        (2, "byte 6 of the row is not utf-8: write encoding: with the file's encoding"),
        (3, ["4", "5", "6"]),
    ]
    assert rows(path, encoding="latin-1")[0] == (2, ["1", "café", "3"])


def test_csv_field_that_is_too_large(tmp_path: Path) -> None:
    assert "field larger" in rows(write(tmp_path / "x", HEAD + f'1,"{"x" * 200_000}",3\n'))[0][1]


def test_csv_peeks_at_a_column_behind_quotes(tmp_path: Path) -> None:
    path = write(tmp_path / "x", HEAD + '"1,""x""\n","2",3\n4,5\n')
    found = reader(path)
    peek = found.peeker("b")
    assert [peek(raw.body)[0] for raw in records(found)] == ["2", "5"]
    with pytest.raises(ValueError, match="missing"):
        found.peeker("c")(b"4,5\n")


@pytest.mark.parametrize("text", ['a,"b\n1,2\n', b"a,\xff\n1,2\n"])
def test_csv_header_that_cannot_be_read(tmp_path: Path, text: str | bytes) -> None:
    with pytest.raises(ConfigError, match="the header cannot be read"):
        reader(write(tmp_path / "x", text))


# ---- JSON


def test_json_lines(tmp_path: Path) -> None:
    text = '\ufeff{"id": 1, "user": {"name": "ann"}}\r\n\n[1]\n{"id": \n{"id":2,"t":"\u2028 x"}\n{"user.name":"bo"}\n'
    path = write(tmp_path / "x", text)
    assert reader(path).columns == ("id", "user", "user.name", "t")
    found = rows(path)
    assert found[0] == (1, [1, {"name": "ann"}, "ann", None])
    assert found[1] == (3, "not a JSON object but list")
    assert (found[2][0], found[2][1][:18]) == (4, "not a JSON object:")
    assert found[3] == (5, [2, None, None, "\u2028 x"])
    assert found[4][1][2] == "bo"


@pytest.mark.parametrize(
    "line", [b'{"a":' + b"[" * 100_000, b'{"a":"\\ud800"}', b'{"a":"\xff"}', b'{"a":1e999}', b"{}x", b"\0\0"]
)
def test_json_line_that_is_damaged(tmp_path: Path, line: bytes) -> None:
    found = rows(write(tmp_path / "x", b'{"a":1}\n' + line + b'\n{"a":2}\n'))
    assert isinstance(found[1][1], str)
    assert [found[0], found[2]] == [(1, [1]), (3, [2])]


def test_json_lines_in_another_encoding(tmp_path: Path) -> None:
    path = write(tmp_path / "x", '{"a":"café"}\n'.encode("latin-1"))
    assert rows(path, encoding="latin-1") == [(1, ["café"])]


@pytest.mark.parametrize("pack", ["plain", "gzip"])
def test_json_array(tmp_path: Path, pack: str) -> None:
    values = [{"a": 1, "b": "x]"}, {"a": 2, "b": "y"}]
    for text in (json.dumps(values), json.dumps(values, indent=2), " [\n" + json.dumps(values)[1:]):
        path = write(tmp_path / "x", PACKERS[pack](text.encode()))
        assert rows(path) == [(1, [1, "x]"]), (2, [2, "y"])]


def test_json_array_that_is_cut_or_damaged(tmp_path: Path) -> None:
    text = b'[{"a": 1}, {"a": "\xff"}, {"a": 2}, {"a": oh}, {"a": 3}]'
    found = rows(write(tmp_path / "x", text))
    assert [found[0], found[2]] == [(1, [1]), (3, [2])]
    assert "not utf-8" in found[1][1]
    assert "not a JSON array from here on" in found[3][1]
    assert len(found) == 4
    assert rows(write(tmp_path / "x", text[:20]))[0] == (1, [1])


def test_json_array_that_is_too_large(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="jq"):
        reader(write(tmp_path / "x", b'[{"a":1}' + b" " * (1 << 26) + b"]"))


# ---- Parquet

TABLE = pa.table(
    {
        "id": pa.array(range(10)),
        "when": pa.array([datetime(2026, 3, 1, 12, n, tzinfo=UTC) for n in range(10)], pa.timestamp("ns", tz="UTC")),
        "user": pa.array([{"name": f"ann{n}"} for n in range(10)]),
        "blob": pa.array([b"x" * 100] * 10),
    }
)


def test_parquet(tmp_path: Path) -> None:
    path = tmp_path / "x"
    pq.write_table(TABLE, path, row_group_size=4)
    found = reader(path)
    assert found.columns == ("id", "when", "user", "user.name", "blob")
    pick = found.picker(["id", None, "when", "user.name"])
    values = [(raw.line, *pick(raw.body)) for raw in found.records(["id", "when", "user.name"])]
    assert values[0] == (1, 0, None, "2026-03-01T12:00:00Z", "ann0")
    assert [value[0] for value in values] == list(range(1, 11))
    assert b"blob" not in next(iter(found.records(["id"]))).body
    assert [raw.line for raw in found.records(["id"], 6, 7)] == [7, 8, 9, 10]


def test_parquet_row_group_that_is_damaged_costs_its_own_rows_only(tmp_path: Path) -> None:
    path = tmp_path / "x"
    pq.write_table(TABLE.select(["id"]), path, row_group_size=4, compression="zstd", use_dictionary=False)
    column = pq.ParquetFile(path).metadata.row_group(1).column(0)
    data = bytearray(path.read_bytes())
    start = column.data_page_offset
    data[start : start + column.total_compressed_size] = b"\xff" * column.total_compressed_size
    path.write_bytes(data)
    found = records(reader(path))
    assert [raw.line for raw in found] == [1, 2, 3, 4, 5, 9, 10]
    assert [raw.line for raw in found if raw.fault] == [5]
    assert "rows 5 to 8" in str(found[4].fault)


def test_parquet_that_is_cut_is_one_fault(tmp_path: Path) -> None:
    path = tmp_path / "x"
    pq.write_table(TABLE, path)
    path.write_bytes(path.read_bytes()[:-7])
    [raw] = records(reader(path))
    assert "cut off or damaged" in str(raw.fault)
    assert list(reader(path).records((), raw.end, raw.next_line)) == []


# ---- which reader


@pytest.mark.parametrize("pack", PACKERS)
def test_an_empty_file_has_no_records(tmp_path: Path, pack: str) -> None:
    path = write(tmp_path / "x", PACKERS[pack](b""))
    assert reader(path).columns == ()
    assert records(reader(path)) == []


def test_a_packed_file_that_is_cut_in_its_first_line_is_one_fault(tmp_path: Path) -> None:
    [raw] = records(reader(write(tmp_path / "x", gzip.compress(b"id,text\n" * 9)[:12])))
    assert "cut off" in str(raw.fault)


def test_utf_16_is_refused_with_the_way_out(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"UTF-16.*iconv"):
        reader(write(tmp_path / "x", HEAD.encode("utf-16")))


def test_the_format_can_be_told(tmp_path: Path) -> None:
    path = write(tmp_path / "x.jsonl", "a,b\n1,2\n")
    assert reader(path).columns == ()
    assert reader(path, format="csv").columns == ("a", "b")
