"""Times as people write them, read as aware UTC.

A column of times has one form. It is named by the config, or detected once over a sample (`detect`); a column
that may be read in two ways is refused until the config says which. Forms:

    iso          ISO 8601 in its usual variants: `2018-07-18T21:33:26Z`, `2018-07-18 21:33:26.5 -0800`, `2018-07-18`,
                 `20180718T213326`; also with slashes or dots (`2018/07/18 21:33`), a space before the offset, 24:00
    unix         seconds since 1970; `unix_ms`, `unix_us`, `unix_ns`: milli-, micro- and nanoseconds
    rfc2822      `Wed, 18 Jul 2018 21:33:26 +0000` (RFC 2822 section 3.3, with the obsolete zones of section 4.3)
    twitter      `Wed Jul 18 21:33:26 +0000 2018`, and C's asctime, which has no offset
    day_first    `18/07/2018 21:33`, `18.7.18`; month_first: `7/18/2018 9:33 PM`
    serial       days since 1899-12-30, as spreadsheets keep them: `42059.48`
    snowflake    the time inside an id of X: (id >> 22) + 1288834974657 ms
    a pattern    of datetime.strptime, known by its `%`: `%d-%b-%Y %H:%M`

A time without an offset is local time in `zone`. Where clocks go back and it exists twice, it is the earlier one;
where clocks go forward and it never was, it is read with the offset before the change (PEP 495, fold=0): 02:30
becomes 03:30. Years of two digits are 1969 to 2068, as in POSIX.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta, timezone, tzinfo
from zoneinfo import ZoneInfo

from tocsin.errors import ConfigError

Value = str | int | float | date | None
"""What a column may hold (a datetime is a date). None, and everything else, is refused with ValueError."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_SERIAL_EPOCH = datetime(1899, 12, 30)
_SNOWFLAKE_EPOCH_MS = 1288834974657
_LONGEST = 64

_MONTHS = {"jan": 1, "feb": 2, "mar": 3, "apr": 4, "may": 5, "jun": 6} | {
    "jul": 7, "aug": 8, "sep": 9, "oct": 10, "nov": 11, "dec": 12,
}  # fmt: skip
_ZONES = {"z": 0, "utc": 0, "ut": 0, "gmt": 0, "est": -5, "edt": -4, "cst": -6, "cdt": -5} | {
    "mst": -7, "mdt": -6, "pst": -8, "pdt": -7,
}  # fmt: skip
_MONTH = "(?P<month>" + "|".join(_MONTHS) + ")[a-z]*"
_WEEKDAY = r"(?:(?:mon|tue|wed|thu|fri|sat|sun)[a-z]*,?\s+)?"
_HOUR = r"(?P<hour>\d{1,2})(?::(?P<minute>\d{2})(?::(?P<second>\d{2})(?:[.,](?P<fraction>\d+))?)?)?"
_CLOCK = rf"(?:(?:t|,?\s+){_HOUR}\s*(?P<half>[ap]m)?)?"
_OFFSET = r"(?:\s*(?P<zone>z|utc?|gmt|[ecmp][sd]t|[+-]\d{2}(?::?\d{2})?))?(?:\s*\([^()]*\))?"


def _pattern(text: str) -> re.Pattern[str]:
    return re.compile(text, re.IGNORECASE | re.ASCII)


_YEAR_FIRST = _pattern(
    rf"(?P<year>\d{{4}})(?P<mark>[-/.])(?P<month>\d{{1,2}})(?P=mark)(?P<day>\d{{1,2}}){_CLOCK}{_OFFSET}"
)
_COMPACT = _pattern(
    r"(?P<year>\d{4})(?P<month>\d{2})(?P<day>\d{2})"
    r"(?:[t ]?(?P<hour>\d{2})(?P<minute>\d{2})(?P<second>\d{2})?(?:[.,](?P<fraction>\d+))?(?P<half>(?!))?)?"
    rf"{_OFFSET}"
)
_RFC2822 = _pattern(rf"{_WEEKDAY}(?P<day>\d{{1,2}})\s+{_MONTH}\s+(?P<year>\d{{4}}|\d{{2}}){_CLOCK}{_OFFSET}")
_TWITTER = _pattern(rf"{_WEEKDAY}{_MONTH}\s+(?P<day>\d{{1,2}})\s+{_HOUR}(?P<half>(?!))?{_OFFSET}\s+(?P<year>\d{{4}})")
_DAY_FIRST = _pattern(
    rf"(?P<day>\d{{1,2}})(?P<mark>[-/.])(?P<month>\d{{1,2}})(?P=mark)(?P<year>\d{{4}}|\d{{2}}){_CLOCK}{_OFFSET}"
)
_MONTH_FIRST = _pattern(
    rf"(?P<month>\d{{1,2}})(?P<mark>[-/.])(?P<day>\d{{1,2}})(?P=mark)(?P<year>\d{{4}}|\d{{2}}){_CLOCK}{_OFFSET}"
)
_NUMBER = re.compile(r"-?\d{1,20}(\.\d{1,20})?", re.ASCII)

Reader = Callable[[str], datetime]
"""From text without spaces around it to a datetime, naive where the text names no offset. Raises ValueError."""


def _year(text: str) -> int:
    year = int(text)
    if len(text) > 2:
        return year
    return year + (2000 if year < 69 else 1900)


def _offset(text: str) -> timezone:
    hours = _ZONES.get(text.lower())
    if hours is not None:
        return timezone(timedelta(hours=hours))
    digits = text[1:].replace(":", "").ljust(4, "0")
    minutes = int(digits[:2]) * 60 + int(digits[2:])
    return timezone(timedelta(minutes=-minutes if text[0] == "-" else minutes))


def _of_day(part: dict[str, str | None]) -> timedelta:
    hour, minute, second = (int(part[name] or 0) for name in ("hour", "minute", "second"))
    half = part["half"]
    if half is not None:
        if not 1 <= hour <= 12:
            raise ValueError(f"{hour} is no hour before AM or PM")
        hour = hour % 12 + (12 if half.lower() == "pm" else 0)
    if minute > 59 or second > 60 or hour > 24 or (hour == 24 and (minute or second)):
        raise ValueError(f"{hour:02}:{minute:02}:{second:02} is no time of day")
    microseconds = int((part["fraction"] or "")[:6].ljust(6, "0"))
    return timedelta(hours=hour, minutes=minute, seconds=second, microseconds=microseconds)


def _assemble(match: re.Match[str]) -> datetime:
    part = match.groupdict()
    month = _MONTHS.get(part["month"].lower()) or int(part["month"])
    value = datetime(_year(part["year"]), month, int(part["day"])) + _of_day(part)
    return value.replace(tzinfo=_offset(part["zone"])) if part["zone"] else value


def _matching(what: str, *patterns: re.Pattern[str]) -> Reader:
    def read(text: str) -> datetime:
        for pattern in patterns:
            match = pattern.fullmatch(text)
            if match is not None:
                return _assemble(match)
        raise ValueError(f"{text!r} is not {what}")

    return read


_iso_slowly = _matching("an ISO 8601 time like 2018-07-18T21:33:26Z", _YEAR_FIRST, _COMPACT)


def _iso(text: str) -> datetime:
    if text[19:20] == " ":
        text = text[:19] + text[20:].lstrip()
    if text[4:5] == "-" and text[10:11] in ("T", " ", ""):
        try:
            return datetime.fromisoformat(text)
        except ValueError:
            pass
    return _iso_slowly(text)


_twitter_slowly = _matching("a time like Wed Jul 18 21:33:26 +0000 2018", _TWITTER)


def _twitter(text: str) -> datetime:
    month = _MONTHS.get(text[4:7].lower())
    if len(text) == 30 and month and text[3::4][:2] == "  " and text[10] == text[19] == text[25] == " ":
        try:
            return datetime.fromisoformat(f"{text[26:]}-{month:02}-{text[8:10]}T{text[11:19]}{text[20:25]}")
        except ValueError:
            pass
    return _twitter_slowly(text)


def _number(text: str) -> int | float:
    match = _NUMBER.fullmatch(text)
    if match is None:
        raise ValueError(f"{text!r} is not a plain number")
    return float(text) if match[1] else int(text)


def _unix(per_second: int) -> Reader:
    def read(text: str) -> datetime:
        number = _number(text)
        if per_second > 10**6:
            return _EPOCH + timedelta(microseconds=number // (per_second // 10**6))
        return _EPOCH + timedelta(microseconds=number * (10**6 // per_second))

    return read


def _serial(text: str) -> datetime:
    number = _number(text)
    if number < 61:
        raise ValueError(f"{text!r} is not a spreadsheet's day number from 61 (1 March 1900) on")
    return _SERIAL_EPOCH + timedelta(milliseconds=round(number * 86_400_000))


def _snowflake(text: str) -> datetime:
    number = _number(text)
    if not isinstance(number, int) or number < 10**16:
        raise ValueError(f"{text!r} is not an id with a time in it")
    return _EPOCH + timedelta(milliseconds=(number >> 22) + _SNOWFLAKE_EPOCH_MS)


_READERS: dict[str, Reader] = {
    "iso": _iso,
    "twitter": _twitter,
    "rfc2822": _matching("a time like Wed, 18 Jul 2018 21:33:26 +0000", _RFC2822),
    "unix": _unix(1),
    "unix_ms": _unix(10**3),
    "unix_us": _unix(10**6),
    "unix_ns": _unix(10**9),
    "snowflake": _snowflake,
    "serial": _serial,
    "day_first": _matching("a date with the day first, like 18/07/2018 21:33", _DAY_FIRST),
    "month_first": _matching("a date with the month first, like 07/18/2018 9:33 PM", _MONTH_FIRST),
}
NAMES = tuple(_READERS)
"""Names that `time_format:` may have, beside a strptime pattern."""


def _strptime(pattern: str) -> Reader:
    try:
        example = datetime(2018, 7, 18, 21, 33, 26, tzinfo=UTC).strftime(pattern)
        datetime.strptime(example, pattern)
    except (ValueError, re.error) as error:
        raise ValueError(f"{pattern!r} is not a pattern that strptime can read: {error}") from None
    return lambda text: datetime.strptime(text, pattern)


def zone(name: str) -> tzinfo:
    """The time zone with this IANA name, like "Europe/Berlin". Raises ValueError if there is none."""
    if name.upper() == "UTC":
        return UTC
    try:
        return ZoneInfo(name)
    except (LookupError, ValueError, OSError):
        raise ValueError(f"{name!r} is no time zone: write its IANA name, like Europe/Berlin or UTC") from None


@dataclass(frozen=True)
class Form:
    """One way to write times. `zone` is where times without an offset are local.

    Raises ValueError for a name that is neither in `NAMES` nor a strptime pattern.

    >>> Form("twitter").parse("Wed Jul 18 21:33:26 +0000 2018").isoformat()
    '2018-07-18T21:33:26+00:00'
    >>> Form("day_first", zone("Europe/Berlin")).parse("18/07/2018 21:33").isoformat()
    '2018-07-18T19:33:00+00:00'
    """

    name: str
    zone: tzinfo = UTC
    _read: Reader = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        reader = _READERS.get(self.name)
        if reader is None:
            if "%" not in self.name:
                raise ValueError(f"{self.name!r} is no form of time: write one of {', '.join(NAMES)}, or a % pattern")
            reader = _strptime(self.name)
        object.__setattr__(self, "_read", reader)

    def parse(self, value: Value) -> datetime:
        """The time as aware UTC. Raises ValueError, and nothing else, with the reason."""
        try:
            if isinstance(value, str):
                text = value.strip()
                if len(text) > _LONGEST:
                    raise ValueError(f"{text[:_LONGEST]!r}… is too long for a time")
                found = self._read(text)
            elif isinstance(value, datetime):
                found = value
            elif isinstance(value, int | float | date) and not isinstance(value, bool):
                found = self._read(str(value))
            else:
                raise ValueError(f"{type(value).__name__} is not a time")
            if found.tzinfo is None:
                found = found.replace(tzinfo=self.zone)
            return found if found.tzinfo is UTC else found.astimezone(UTC)
        except OverflowError:
            raise ValueError(f"{value!r} is no time between the years 1 and 9999") from None


_GROUPS = {"day_first": "slashed", "month_first": "slashed"}


def _kinds(value: Value) -> list[str]:
    """Names of the forms that this value may be written in; bare numbers must mean 1990 to 2099."""
    numeric = _NUMBER.fullmatch(str(value).strip()) is not None
    kinds = []
    for name in NAMES:
        try:
            found = Form(name).parse(value)
        except ValueError:
            continue
        if not numeric or 1990 <= found.year < 2100:
            kinds.append(name)
    return kinds


def _examples(values: Sequence[Value]) -> str:
    return ", ".join(repr(str(value)[:40]) for value in dict.fromkeys(values[:3]))


def detect(samples: Iterable[Value], zone: tzinfo = UTC, column: str = "time") -> Form:
    """The form that most of these values have (a few damaged ones do not matter).

    Raises ConfigError, naming the column, what was seen and what to write, where there is nothing to see, no form
    fits more than half of it, or two forms fit equally well.
    """
    seen = [value for value in samples if value is not None and str(value).strip()]
    if not seen:
        raise ConfigError(f"the time column {column!r} is empty", hint="name another column under fields: created_at")
    kinds = [_kinds(value) for value in seen]
    votes = Counter(group for names in kinds for group in dict.fromkeys(_GROUPS.get(n, n) for n in names))
    most = max(votes.values(), default=0)
    if most * 2 <= len(seen):
        raise ConfigError(
            f"the time column {column!r} has no form that is known: {_examples(seen)}",
            hint=f"write time_format: with one of {', '.join(NAMES)} or a pattern like '%d-%b-%Y %H:%M'",
        )
    best = [group for group, count in votes.items() if count == most]
    if best == ["slashed"]:
        sure = {names[0] for names in kinds if len(names) == 1}
        best = [name for name in _GROUPS if name in sure] or list(_GROUPS)
    if len(best) > 1:
        meant = [value for value, names in zip(seen, kinds, strict=True) if set(names) & set(best)]
        raise ConfigError(
            f"the time column {column!r} may be {' or '.join(best)}: {_examples(meant)}",
            hint=f"write {' or '.join(f'time_format: {name}' for name in best)}",
        )
    return Form(best[0], zone)
