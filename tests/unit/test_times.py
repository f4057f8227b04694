"""tocsin.times: each form read, each ambiguity refused."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any

import pytest

from tocsin.errors import ConfigError
from tocsin.times import NAMES, Form, detect, zone

MOMENT = datetime(2018, 7, 18, 21, 33, 26, tzinfo=UTC)
MINUTE = datetime(2018, 7, 18, 21, 33, tzinfo=UTC)
DAY = datetime(2018, 7, 18, tzinfo=UTC)


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("iso", "2018-07-18T21:33:26Z", MOMENT),
        ("iso", "2018-07-18 21:33:26", MOMENT),
        ("iso", "  2018-07-18T21:33:26+00:00 ", MOMENT),
        ("iso", "2018-07-18T21:33:26+0000", MOMENT),
        ("iso", "2018-07-18 13:33:26 -0800", MOMENT),
        ("iso", "2018-07-18 13:33:26.500 -08:00", MOMENT + timedelta(milliseconds=500)),
        ("iso", "2018-07-18 21:33:26 UTC", MOMENT),
        ("iso", "2018-07-18t21:33:26z", MOMENT),
        ("iso", "2018-07-18T21:33:26,25Z", MOMENT + timedelta(milliseconds=250)),
        ("iso", "2018-07-18T21:33:26.123456789Z", MOMENT + timedelta(microseconds=123456)),
        ("iso", "2018-07-18T21:33", MINUTE),
        ("iso", "2018-07-18", DAY),
        ("iso", "20180718", DAY),
        ("iso", "20180718T213326Z", MOMENT),
        ("iso", "20180718213326", MOMENT),
        ("iso", "2018/7/18 9:33 PM", MINUTE),
        ("iso", "2018.07.18 21:33", MINUTE),
        ("iso", "2018-07-17T24:00", DAY),
        ("iso", "2016-12-31T23:59:60Z", datetime(2017, 1, 1, tzinfo=UTC)),
        ("unix", "1531949606", MOMENT),
        ("unix", 1531949606, MOMENT),
        ("unix", 1531949606.25, MOMENT + timedelta(milliseconds=250)),
        ("unix", "1531949606.25", MOMENT + timedelta(milliseconds=250)),
        ("unix", "-1", datetime(1969, 12, 31, 23, 59, 59, tzinfo=UTC)),
        ("unix_ms", "1531949606001", MOMENT + timedelta(milliseconds=1)),
        ("unix_us", "1531949606000001", MOMENT + timedelta(microseconds=1)),
        ("unix_ns", "1531949606000001999", MOMENT + timedelta(microseconds=1)),
        ("rfc2822", "Wed, 18 Jul 2018 21:33:26 +0000", MOMENT),
        ("rfc2822", "18 Jul 2018 14:33:26 PDT", MOMENT),
        ("rfc2822", "Wed, 18 Jul 18 21:33:26 GMT (a comment)", MOMENT),
        ("rfc2822", "18 July 2018 21:33", MINUTE),
        ("twitter", "Wed Jul 18 21:33:26 +0000 2018", MOMENT),
        ("twitter", "Wed Jul 18 23:33:26 +0200 2018", MOMENT),
        ("twitter", "Wed Jul 18 21:33:26 2018", MOMENT),
        ("twitter", "Wed Jul  4 21:33:26 UTC 2018", MOMENT.replace(day=4)),
        ("day_first", "18/07/2018 21:33", MINUTE),
        ("day_first", "18.7.18", DAY),
        ("day_first", "18-07-2018 21:33:26", MOMENT),
        ("month_first", "7/18/2018 9:33 PM", MINUTE),
        ("month_first", "07/18/2018 12:00 am", DAY),
        ("month_first", "07/18/69", datetime(1969, 7, 18, tzinfo=UTC)),
        ("serial", "42059.48", datetime(2015, 2, 24, 11, 31, 12, tzinfo=UTC)),
        ("serial", 43299, DAY),
        ("serial", "61", datetime(1900, 3, 1, tzinfo=UTC)),
        ("snowflake", "570306133677760513", datetime(2015, 2, 24, 19, 35, 52, 701000, tzinfo=UTC)),
        ("%d-%b-%Y %H:%M", "18-Jul-2018 21:33", MINUTE),
        ("%Y-%m-%dT%H:%M:%S%z", "2018-07-18T23:33:26+0200", MOMENT),
        ("unix", datetime(2018, 7, 18, 23, 33, 26, tzinfo=timezone(timedelta(hours=2))), MOMENT),
        ("iso", date(2018, 7, 18), DAY),
    ],
)
def test_reads(name: str, text: Any, expected: datetime) -> None:
    found = Form(name).parse(text)
    assert found == expected
    assert found.tzinfo is UTC


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("iso", "2018-02-30"),
        ("iso", "2018-07-18T25:00"),
        ("iso", "2018-07-18T24:01"),
        ("iso", "2018-07-18T21:60"),
        ("iso", "1424120151200"),  # datetime.fromisoformat takes it for a day of the year 1424
        ("iso", "2018-07-18X21:33"),
        ("iso", "2018-07/18"),
        ("iso", "0001-01-01T00:00:00+10:00"),
        ("iso", "9999-12-31T23:59:59-10:00"),
        ("iso", "２０１８-07-18"),
        ("iso", ""),
        ("iso", "2018-07-18 " * 100),
        ("unix", "1_531_949_606"),
        ("unix", "1.5e9"),
        ("unix", float("nan")),
        ("unix", float("inf")),
        ("unix", "9" * 19),
        ("unix", "9" * 5000),
        ("unix", True),
        ("unix", None),
        ("unix", ["1531949606"]),
        ("serial", "60"),
        ("serial", "9999999999"),
        ("snowflake", "123"),
        ("snowflake", "570306133677760513.5"),
        ("day_first", "07/18/2018"),
        ("day_first", "18/07-2018"),
        ("month_first", "18/07/2018"),
        ("month_first", "7/18/2018 13:00 PM"),
        ("month_first", "7/18/2018 0:30 AM"),
        ("twitter", "Wed Jul 38 21:33:26 +0000 2018"),
        ("twitter", "WedXJul 18 21:33:26 +0000 2018"),
        ("rfc2822", "18 Foo 2018 21:33:26 +0000"),
        ("rfc2822", "18 Jul 2018 21:33:26 +9999"),
        ("%H:%M %d", "nonsense"),
    ],
)
def test_refuses_with_a_reason(name: str, value: Any) -> None:
    with pytest.raises(ValueError, match=r"\w{2}") as caught:
        Form(name).parse(value)
    assert len(str(caught.value)) < 250


def test_zone_is_where_times_without_an_offset_are_local() -> None:
    berlin = Form("iso", zone("Europe/Berlin"))
    assert berlin.parse("2018-07-18 23:33:26") == MOMENT
    assert berlin.parse("2018-07-18 21:33:26Z") == MOMENT
    assert berlin.parse(datetime(2018, 7, 18, 23, 33, 26)) == MOMENT
    assert Form("unix", zone("Europe/Berlin")).parse(1531949606) == MOMENT
    assert Form("serial", zone("America/New_York")).parse(43299) == DAY + timedelta(hours=4)


def test_an_hour_that_exists_twice_is_the_earlier_one_and_one_that_never_was_is_moved_on() -> None:
    berlin = Form("iso", zone("Europe/Berlin"))
    assert berlin.parse("2018-10-28 02:30") == datetime(2018, 10, 28, 0, 30, tzinfo=UTC)
    assert berlin.parse("2018-03-25 02:30") == berlin.parse("2018-03-25 03:30")


@pytest.mark.parametrize("name", ["Europe/Atlantis", "../etc/passwd", "", "Europe", "\0"])
def test_unknown_zone(name: str) -> None:
    with pytest.raises(ValueError, match="IANA"):
        zone(name)


@pytest.mark.parametrize("name", ["isoo", "", "%Q", "%", "%Y %"])
def test_unknown_form(name: str) -> None:
    with pytest.raises(ValueError, match=r"write one of iso, .*month_first|strptime"):
        Form(name)


SAMPLES = {
    "iso": ["2018-07-18T21:33:26Z", "20180718", "2018/07/18 9:33 PM"],
    "unix": ["1531949606", 1531949606, "1531949606.5"],
    "unix_ms": ["1531949606001"],
    "unix_us": ["1531949606000001"],
    "rfc2822": ["Wed, 18 Jul 2018 21:33:26 +0000"],
    "twitter": ["Wed Jul 18 21:33:26 +0000 2018"],
    "snowflake": ["270306133677760513"],
    "serial": ["42059.48", 42059],
    "day_first": ["07/08/2018", "18/07/2018 21:33"],
    "month_first": ["07/08/2018", "07/18/2018 9:33 PM"],
}


@pytest.mark.parametrize("name", SAMPLES)
def test_detects(name: str) -> None:
    berlin = zone("Europe/Berlin")
    assert detect(SAMPLES[name], berlin) == Form(name, berlin)


def test_samples_cover_all_forms_that_can_be_told_apart() -> None:
    assert set(NAMES) - set(SAMPLES) == {"unix_ns"}


def test_a_few_damaged_values_do_not_matter() -> None:
    assert detect(["rubbish", None, "", "2018-07-18", "2018-07-19", "  "]).name == "iso"


@pytest.mark.parametrize(
    ("samples", "said"),
    [
        (["03/04/2018", "05/06/2018"], r"'when' may be day_first or month_first: '03/04/2018', '05/06/2018' \(write"),
        (["18/07/2018", "07/19/2018"], "may be day_first or month_first: '18/07/2018', '07/19/2018'"),
        (["1531949606000001999"], "may be unix_ns or snowflake.*write time_format: unix_ns or time_format: snowflake"),
        (["soon", "later", "2018-07-18"], "no form that is known: 'soon', 'later', '2018-07-18'.*time_format:"),
        (["soon", "2018-07-18"], "no form that is known"),
        (["3", "7"], "no form that is known"),
        (["500000000000000"], "no form that is known"),
        (["", None], "'when' is empty"),
        ([], "'when' is empty"),
    ],
)
def test_refuses_to_guess(samples: list[Any], said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        detect(samples, column="when")
