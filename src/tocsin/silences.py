"""Silences and maintenance windows: incidents that are kept and shown, and not told of for a while.

A silence has Alertmanager's shape: matchers over an incident's labels (`messages.shapes.labels`), from when, until
when, who and why. A maintenance window is a silence that the config holds, once or every week.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from typing import Any, Literal, get_args
from zoneinfo import ZoneInfo

import msgspec

from tocsin.errors import Permanent

LONGEST = 500
"""Characters of a regular expression."""
Day = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
DAYS: tuple[Day, ...] = get_args(Day)


class Matcher(msgspec.Struct, frozen=True, rename="camel"):
    """One condition: the label `name` is `value`, or the whole of it matches the regular expression."""

    name: str
    value: str
    is_regex: bool = False
    is_equal: bool = True

    def matches(self, labels: Mapping[str, str]) -> bool:
        found = labels.get(self.name, "")
        same = re.fullmatch(self.value, found) is not None if self.is_regex else found == self.value
        return same == self.is_equal

    @classmethod
    def parse(cls, text: str) -> Matcher:
        """Of "category=outage", "watch!=acme", "category=~out.*" or "category!~out.*". Raises Permanent.

        >>> Matcher.parse("category=~out.*")
        Matcher(name='category', value='out.*', is_regex=True, is_equal=True)
        """
        found = re.fullmatch(r"\s*([a-zA-Z_][a-zA-Z0-9_]*)\s*(=~|!~|!=|=)\s*\"?(.*?)\"?\s*", text)
        if found is None:
            raise Permanent(
                f"{text!r} is no matcher: write name=value, name!=value, name=~expression or name!~expression"
            )
        made = cls(found[1], found[3], "~" in found[2], not found[2].startswith("!"))
        made.check()
        return made

    def check(self) -> None:
        """Raises Permanent for an expression that is none, or too long."""
        if not self.is_regex:
            return
        try:
            re.compile(self.value)
        except re.error as error:
            raise Permanent(f"{self.value!r} is no regular expression: {error}") from None
        if len(self.value) > LONGEST:
            raise Permanent(f"a regular expression may have {LONGEST} characters")

    def __str__(self) -> str:
        sign = {(True, False): "=", (False, False): "!=", (True, True): "=~", (False, True): "!~"}
        return f'{self.name}{sign[self.is_equal, self.is_regex]}"{self.value}"'


class Silence(msgspec.Struct, frozen=True, rename="camel"):
    """From `starts_at` until `ends_at`, by whom and why; the times are with a zone."""

    id: str
    matchers: tuple[Matcher, ...]
    starts_at: datetime
    ends_at: datetime
    created_by: str
    comment: str
    updated_at: datetime

    def state(self, now: datetime) -> str:
        """ "pending", "active" or "expired", as Alertmanager says."""
        if now >= self.ends_at:
            return "expired"
        return "active" if now >= self.starts_at else "pending"

    def matches(self, labels: Mapping[str, str]) -> bool:
        return bool(self.matchers) and all(matcher.matches(labels) for matcher in self.matchers)


@dataclass(frozen=True)
class Window:
    """A maintenance window: once from `since` until `until`, or on `days` of every week from `begins` until `ends`."""

    name: str
    match: Mapping[str, str]
    since: datetime | None = None
    until: datetime | None = None
    days: tuple[Day, ...] = DAYS
    begins: time | None = None
    ends: time | None = None
    zone: str = "UTC"

    def matches(self, labels: Mapping[str, str]) -> bool:
        return all(labels.get(name) == value for name, value in self.match.items())

    def open_until(self, now: datetime) -> datetime | None:
        """When it ends; None where it is not open."""
        if self.begins is None or self.ends is None:
            inside = (self.since is None or self.since <= now) and self.until is not None and now < self.until
            return self.until if inside else None
        local = now.astimezone(ZoneInfo(self.zone))
        for back in (0, 1):
            day = local.date() - timedelta(days=back)
            if DAYS[day.weekday()] not in self.days:
                continue
            first = datetime.combine(day, self.begins, ZoneInfo(self.zone))
            last = datetime.combine(day + timedelta(days=self.ends <= self.begins), self.ends, ZoneInfo(self.zone))
            if first <= now < last:
                return last.astimezone(UTC)
        return None


def quiet_hours(text: str, zone: str = "UTC") -> Window:
    """Of "22:00-07:00" (every day) or "sat sun 00:00-24:00" (those that begin on these days), in this zone.

    Raises ValueError for anything else.

    >>> quiet_hours("sat 22:00-07:00").days
    ('sat',)
    """
    clock = r"([01]\d|2[0-3]):[0-5]\d"
    found = re.fullmatch(rf"(?P<days>([a-z]{{3}} )*)(?P<begins>{clock})-(?P<ends>{clock}|24:00)", text)
    named = found["days"].split() if found else []
    if found is None or not set(named) <= set(DAYS):
        raise ValueError('quiet hours are written "22:00-07:00", or with days: "sat sun 00:00-24:00"')
    days: tuple[Day, ...] = tuple(day for day in DAYS if day in named) or DAYS
    begins, ends = time.fromisoformat(found["begins"]), time.fromisoformat(found["ends"].replace("24:", "00:"))
    return Window("quiet hours", {}, days=days, begins=begins, ends=ends, zone=zone)


@dataclass(frozen=True)
class Quiet:
    """Why nothing is told, and until when (Unix seconds)."""

    until: float
    why: str


def silenced(
    labels: Mapping[str, str], silences: Sequence[Silence], windows: Sequence[Window], now: datetime
) -> Quiet | None:
    """What keeps an incident with these labels from being told of; the one that lasts longest."""
    found = [
        Quiet(one.ends_at.timestamp(), f"silenced by {one.created_by}: {one.comment}")
        for one in silences
        if one.state(now) == "active" and one.matches(labels)
    ]
    for window in windows:
        until = window.open_until(now)
        if until is not None and window.matches(labels):
            found.append(Quiet(until.timestamp(), f"maintenance: {window.name}"))
    return max(found, key=lambda quiet: quiet.until, default=None)


def plain(silence: Silence, now: datetime) -> dict[str, Any]:
    """A silence as Alertmanager's API v2 shows it."""
    shown: dict[str, Any] = msgspec.to_builtins(silence)
    return shown | {"status": {"state": silence.state(now)}}
