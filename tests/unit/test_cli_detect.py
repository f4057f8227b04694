"""`tocsin detect`: counts in a CSV file in, one JSON line a bucket out."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner, Result

from tocsin.cli import _counts, app

START = datetime(2026, 3, 2, tzinfo=UTC)
FIELDS = [
    "time", "series", "value", "score", "expected", "low", "high", "observed", "window", "severity", "direction",
    "learning", "alert",
]  # fmt: skip


def run(*arguments: str, stdin: str | bytes | None = None, code: int = 0) -> Result:
    result = CliRunner().invoke(app, ["detect", *arguments], input=stdin)
    assert result.exit_code == code, result.output
    return result


def lines(result: Result) -> list[dict[str, Any]]:
    return [json.loads(line) for line in result.stdout.splitlines()]


def stamp(bucket: int, minutes: int = 5) -> str:
    return (START + timedelta(minutes=minutes * bucket)).strftime("%Y-%m-%dT%H:%M:%SZ")


def written(path: Path, counts: np.ndarray, *, names: tuple[str, str] = ("timestamp", "value")) -> str:
    rows = [f"{stamp(number)},{count}" for number, count in enumerate(counts)]
    path.write_text("\n".join([",".join(names), *rows]) + "\n")
    return str(path)


@pytest.fixture(scope="module")
def burst() -> np.ndarray:
    """Four days of 12 an hour and then five hours of 120."""
    random = np.random.default_rng(3)
    return np.concatenate([random.poisson(1, 4 * 288), random.poisson(10, 60)])


def test_a_line_for_every_bucket_with_the_promised_fields(tmp_path: Path, burst: np.ndarray) -> None:
    out = lines(run("--input", written(tmp_path / "a.csv", burst)))
    assert [line["time"] for line in out] == [stamp(number) for number in range(len(burst))]
    assert [line["value"] for line in out] == burst.tolist()
    assert all(list(line) == FIELDS for line in out)
    assert all(line["series"] is None for line in out)
    assert all(line["low"] <= line["expected"] <= line["high"] for line in out)
    assert [line["learning"] for line in out] == [number < 288 for number in range(len(burst))]


def test_the_burst_alerts_and_nothing_before_it(tmp_path: Path, burst: np.ndarray) -> None:
    out = lines(run("--input", written(tmp_path / "a.csv", burst)))
    alerts = [number for number, line in enumerate(out) if line["alert"]]
    assert alerts
    assert 4 * 288 <= alerts[0] < 4 * 288 + 12
    first = out[alerts[0]]
    assert first["score"] >= 1
    assert first["severity"] >= 39
    assert first["direction"] == "up"
    assert first["observed"] >= first["high"]


def test_expected_and_band_are_counts_a_bucket(tmp_path: Path) -> None:
    counts = np.random.default_rng(5).poisson(40, 3 * 288)
    out = lines(run("--input", written(tmp_path / "a.csv", counts)))[288:]
    assert all(25 < line["expected"] < 55 for line in out)
    assert {line["window"] for line in out} <= {900, 3600, 7200, 86400}
    day = [line for line in out if line["window"] == 86400]
    assert all(25 < line["observed"] < 55 for line in day)


def test_what_comes_later_does_not_change_what_was_said(tmp_path: Path, burst: np.ndarray) -> None:
    whole = run("--input", written(tmp_path / "a.csv", burst)).stdout.splitlines()
    for cut in (1, 290, 4 * 288 + 7):
        assert run("--input", written(tmp_path / "b.csv", burst[:cut])).stdout.splitlines() == whole[:cut]


def test_the_same_input_gives_the_same_bytes_from_a_file_and_from_stdin(tmp_path: Path, burst: np.ndarray) -> None:
    file = written(tmp_path / "a.csv", burst)
    assert run("--input", file).stdout == run("-i", "-", stdin=Path(file).read_text()).stdout


def test_rows_of_a_bucket_are_summed_in_any_order_and_missing_ones_are_zero() -> None:
    table = f"time,count\n{stamp(3)},2\n{stamp(0)},1\n2026-03-02T00:17:59Z,2.5\n"
    out = lines(run("-i", "-", stdin=table))
    assert [(line["time"], line["value"]) for line in out] == [
        (stamp(0), 1), (stamp(1), 0), (stamp(2), 0), (stamp(3), 4.5),
    ]  # fmt: skip


def test_without_a_column_of_counts_each_row_is_one() -> None:
    table = f"created_at,text\n{stamp(0)},a\n{stamp(0)},b\n{stamp(1)},c\n"
    assert [line["value"] for line in lines(run("-i", "-", stdin=table))] == [2, 1]


def test_columns_can_be_named() -> None:
    table = f"time,count,when,how many\n1,1,{stamp(0)},7\n"
    assert [line["value"] for line in lines(run("-i", "-", "--time", "when", "--value", "how many", stdin=table))] == [
        7
    ]


@pytest.mark.parametrize(
    "written_as",
    [
        "2026-03-02 00:00:53",
        "1772409653",
        "1772409653000",
        "Mon Mar 02 00:00:53 +0000 2026",
        "Mon, 02 Mar 2026 00:00:53 GMT",
    ],
)
def test_forms_of_time_are_found(written_as: str) -> None:
    out = lines(run("-i", "-", stdin=f'timestamp,value\n"{written_as}",1\n'))
    assert [line["time"] for line in out] == [stamp(0)]


def test_a_time_without_an_offset_is_of_the_zone_and_a_form_can_be_named() -> None:
    local = lines(run("-i", "-", "--zone", "America/Los_Angeles", stdin="time\n2026-03-01 16:00:00\n"))
    assert local[0]["time"] == stamp(0)
    ambiguous = "time\n02/03/2026 00:00\n"
    result = run("-i", "-", stdin=ambiguous, code=78)
    assert "--time-format" in result.stderr
    assert lines(run("-i", "-", "--time-format", "day_first", stdin=ambiguous))[0]["time"] == stamp(0)


def test_a_long_table_has_all_its_series_in_every_bucket() -> None:
    rows = [f"{stamp(0)},berlin,3", f"{stamp(2)},paris,4", f"{stamp(2)},berlin,1", f"{stamp(1)},rome,2"]
    out = lines(run("-i", "-", "--series", "city", stdin="\n".join(["time,city,value", *rows])))
    assert [(line["time"], line["series"], line["value"]) for line in out] == [
        (stamp(bucket), city, value)
        for bucket, values in enumerate([(3, 0, 0), (0, 0, 2), (1, 4, 0)])
        for city, value in zip(("berlin", "paris", "rome"), values, strict=True)
    ]


def test_the_future_of_one_series_does_not_change_the_past_of_another() -> None:
    random = np.random.default_rng(8)
    rows = [(number, name, random.poisson(mean)) for number in range(600) for name, mean in (("a", 2), ("b", 9))]
    head = "time,name,value\n"
    past = "".join(f"{stamp(number)},{name},{count}\n" for number, name, count in rows if number < 500)
    future = "".join(f"{stamp(number)},{name},{count * 30}\n" for number, name, count in rows if number >= 500)
    short = run("-i", "-", "--series", "name", stdin=head + past).stdout.splitlines()
    long = run("-i", "-", "--series", "name", stdin=head + past + future + f"{stamp(600)},c,5\n").stdout.splitlines()
    assert [line for line in long if '"series":"c"' not in line][: len(short)] == short


def test_bad_rows_are_told_with_their_line_and_nothing_else_is_lost() -> None:
    table = (
        f"time,value\n{stamp(0)},1\nyesterday,2\n{stamp(0)},many\n{stamp(0)},-3\n{stamp(0)},nan\n{stamp(0)}\n"
        f"\n{stamp(0)},1e300\n{stamp(0)},6\n"
    )
    result = run("-i", "-", stdin=table)
    assert [line["value"] for line in lines(result)] == [7]
    told = result.stderr.splitlines()
    assert [line.split(": ")[0] for line in told[:-1]] == ["-:3", "-:4", "-:5", "-:6", "-:7", "-:9"]
    assert told[-1] == "6 of 8 rows were left out"


def test_many_bad_rows_are_counted_and_the_first_are_shown() -> None:
    result = run("-i", "-", stdin=f"time,value\n{stamp(0)},1\n" + f"{stamp(0)},x\n" * 500)
    assert len(result.stderr.splitlines()) == 11
    assert result.stderr.splitlines()[-1] == "500 of 501 rows were left out"


def test_a_bom_windows_line_ends_and_bytes_that_are_no_text_do_no_harm(tmp_path: Path) -> None:
    file = tmp_path / "a.csv"
    file.write_bytes(b"\xef\xbb\xbftimestamp,value,note\r\n" + stamp(0).encode() + b",4,\xff\xfe\x00\r\n")
    assert [line["value"] for line in lines(run("--input", str(file)))] == [4]
    assert [line["value"] for line in lines(run("-i", "-", stdin=file.read_bytes()))] == [4]


@pytest.mark.parametrize(
    ("arguments", "table", "code", "told"),
    [
        (["-i", "/no/such/file.csv"], None, 1, "No such file"),
        (["-i", "-", "--value", "n"], "time,value\n1,1\n", 78, "no column 'n'; there are time, value"),
        (["-i", "-", "--series", "city"], "time,value\n1,1\n", 78, "--series"),
        (["-i", "-"], "when,value\n1,1\n", 78, "--time"),
        (["-i", "-"], "", 78, "no column of times"),
        (["-i", "-"], "time,value\n", 78, "is empty"),
        (["-i", "-"], "time,value\n2026-03-02,x\n", 1, "no row"),
        (["-i", "-"], "time,value\n1980-01-01,1\n2026-03-02,1\n", 1, "more than 2,000,000 buckets"),
        (["-i", "-", "--bucket", "3d"], "time\n", 2, "--bucket"),
        (["-i", "-", "--bucket", "often"], "time\n", 2, "often"),
        (["-i", "-", "--zone", "Mars/Base"], "time\n", 2, "Mars/Base"),
        (["-i", "-", "--sensitivity", "wild"], "time\n", 2, "wild"),
        (["-i", "-", "--time-format", "never"], "time\n", 2, "never"),
        ([], None, 2, "--input"),
    ],
)
def test_mistakes_get_one_clear_line_and_their_exit_code(
    arguments: list[str], table: str | None, code: int, told: str
) -> None:
    result = run(*arguments, stdin=table, code=code)
    assert told in " ".join(result.stderr.replace("│", " ").split())
    assert result.stdout == ""
    assert "bug" not in result.stderr


def test_names_of_series_cannot_paint_the_terminal() -> None:
    out = run("-i", "-", "--series", "s", stdin=f"time,s\n{stamp(0)},\x1b[31mred\u202e\n").stdout
    assert "\x1b" not in out
    assert "\u202e" not in out
    assert json.loads(out)["series"] == "\x1b[31mred\u202e"


def test_a_sensitivity_is_passed_on(tmp_path: Path, burst: np.ndarray) -> None:
    file = written(tmp_path / "a.csv", burst)
    easy, hard = (lines(run("--input", file, "--sensitivity", name)) for name in ("balanced", "strict"))
    assert max(line["score"] for line in easy) > max(line["score"] for line in hard) > 0


def test_a_bucket_may_be_longer(tmp_path: Path, burst: np.ndarray) -> None:
    out = lines(run("--input", written(tmp_path / "a.csv", burst), "--bucket", "1h"))
    assert [line["value"] for line in out] == burst.reshape(-1, 12).sum(axis=1).tolist()
    assert out[0]["window"] == 3600


def test_sums_cannot_leave_what_the_detector_takes() -> None:
    counts = _counts.Counts(300)
    counts.add(START, "", 9e11)
    with pytest.raises(ValueError, match="no count"):
        counts.add(START, "", 2e11)
    assert dict(counts.grid()) == {int(START.timestamp()): {0: 9e11}}
