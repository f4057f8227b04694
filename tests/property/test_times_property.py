"""tocsin.times: what is written in a form is read back, and nothing but ValueError is ever raised."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from email.utils import format_datetime

from hypothesis import given, settings
from hypothesis import strategies as st

from tocsin.errors import ConfigError
from tocsin.times import NAMES, Form, detect, zone

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
moments = st.datetimes(datetime(1990, 1, 1), datetime(2099, 12, 31), timezones=st.just(UTC))
seconds = moments.map(lambda moment: moment.replace(microsecond=0))
offsets = st.integers(-14 * 4, 14 * 4).map(lambda quarters: timezone(timedelta(minutes=15 * quarters)))
often = settings(deadline=None, max_examples=150)


@often
@given(moments, offsets, st.sampled_from("T "), st.sampled_from(["", " "]), st.booleans())
def test_iso(moment: datetime, offset: timezone, mark: str, space: str, colon: bool) -> None:
    local = moment.astimezone(offset)
    written = local.strftime("%z")
    written = f"{written[:3]}:{written[3:]}" if colon else written
    assert Form("iso").parse(local.replace(tzinfo=None).isoformat(mark) + space + written) == moment


@often
@given(moments)
def test_numbers(moment: datetime) -> None:
    microseconds = (moment - EPOCH) // timedelta(microseconds=1)
    assert Form("unix_us").parse(str(microseconds)) == moment
    assert Form("unix_us").parse(microseconds) == moment
    assert Form("unix_ns").parse(microseconds * 1000 + 999) == moment
    assert Form("unix").parse(f"{microseconds // 10**6}.{microseconds % 10**6:06}") == moment
    cut = moment.replace(microsecond=moment.microsecond // 1000 * 1000)
    assert Form("unix_ms").parse(microseconds // 1000) == cut
    if moment.year > 2011:
        assert Form("snowflake").parse(((microseconds // 1000 - 1288834974657) << 22) + 4711) == cut


@often
@given(moments)
def test_serial(moment: datetime) -> None:
    days = (moment.replace(tzinfo=None) - datetime(1899, 12, 30)) / timedelta(days=1)
    assert abs(Form("serial").parse(f"{days:.10f}") - moment) <= timedelta(milliseconds=1)


@often
@given(seconds, offsets)
def test_words(moment: datetime, offset: timezone) -> None:
    local = moment.astimezone(offset)
    assert Form("rfc2822").parse(format_datetime(local)) == moment
    assert Form("twitter").parse(local.strftime("%a %b %d %H:%M:%S %z %Y")) == moment
    assert Form("twitter").parse(moment.strftime("%c")) == moment


@often
@given(seconds, st.sampled_from("/-."), st.sampled_from(["%H:%M:%S", "%I:%M:%S %p", "%I:%M:%S%p"]), st.booleans())
def test_days_and_months(moment: datetime, mark: str, clock: str, padded: bool) -> None:
    day, month = (f"{moment.day:02}", f"{moment.month:02}") if padded else (str(moment.day), str(moment.month))
    time = moment.strftime(clock)
    assert Form("day_first").parse(f"{day}{mark}{month}{mark}{moment.year} {time}") == moment
    assert Form("month_first").parse(f"{month}{mark}{day}{mark}{moment.year} {time}") == moment


@often
@given(seconds, st.sampled_from(["Europe/Berlin", "America/New_York", "Asia/Kolkata", "Australia/Lord_Howe", "UTC"]))
def test_local_times_come_back_but_for_the_hour_that_exists_twice(moment: datetime, name: str) -> None:
    place = zone(name)
    local = moment.astimezone(place)
    read = Form("iso", place).parse(local.replace(tzinfo=None).isoformat())
    assert read == moment or (local.fold == 1 and read < moment)


near_times = st.text(alphabet="0123456789-/:.,+ TZapmPMJulWedFri()\u00a0\u0661", max_size=40)


@settings(deadline=None, max_examples=2000)
@given(st.one_of(near_times, st.text(max_size=80), st.integers(), st.floats(), st.none(), st.booleans()))
def test_never_another_exception_than_value_error(value: object) -> None:
    for name in (*NAMES, "%d.%m.%Y %H:%M %z"):
        try:
            found = Form(name).parse(value)  # type: ignore[arg-type]
        except ValueError:
            continue
        assert found.tzinfo is UTC


@settings(deadline=None, max_examples=300)
@given(st.lists(st.one_of(near_times, st.integers(), st.none()), max_size=6))
def test_detecting_gives_a_form_or_a_config_error(samples: list[str | int | None]) -> None:
    try:
        form = detect(samples)
    except ConfigError:
        return
    assert form.name in NAMES
