"""How busy each hour of the day is, and the weekend, as factors of the series' level, shared among siblings."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

import numpy as np

from tocsin.detectors._columns import Columns, Doubles, Floats, Integers, floats

HOUR = 3600
FORGET = 0.93  # a day; about two weeks of memory
GENERIC_STRENGTH = 6.0
POOL_STRENGTH = 15.0
LOWEST = 0.05
LEVEL_MEMORY = 7 * 24  # hours
LEAST_DAYS = 7
"""So many days are seen before days are told apart."""
DAY_STRENGTH, DAY_COUNTS = 1.0, 12.0
"""Days that have half of the word; mentions for which a day tells half of what it could."""
GENERIC = 1 + 0.3 * np.cos(2 * np.pi * (np.arange(24) - 15) / 24)


@dataclass
class Hours(Columns):
    """By hour of day (24, n): decayed sums of `mentions` and of what the level alone would give, and the `factor`.

    `day_*` are the same by kind of day (weekday, weekend; n), in days; `level_*` the level's sums over days, `now_*`
    and `today_*` those of the running hour and day; `days` were seen; `group` numbers the siblings.
    """

    mentions: Floats
    expected: Floats
    factor: Floats
    day_ratio: Floats
    day_weight: Floats
    day_factor: Floats
    today_mentions: Doubles
    today_expected: Doubles
    days: Doubles
    level_mentions: Doubles
    level_factor: Doubles
    now_mentions: Doubles
    now_exposure: Doubles
    group: Integers

    @classmethod
    def of_none(cls) -> Hours:
        return cls(
            mentions=floats(24),
            expected=floats(24),
            factor=floats(24),
            day_ratio=floats(2),
            day_weight=floats(2),
            day_factor=floats(2),
            today_mentions=np.zeros(0),
            today_expected=np.zeros(0),
            days=np.zeros(0),
            level_mentions=np.zeros(0),
            level_factor=np.zeros(0),
            now_mentions=np.zeros(0),
            now_exposure=np.zeros(0),
            group=np.zeros(0, np.int64),
        )


class Rhythm:
    """Factors s of the hour of the week for n series; a group's siblings lend one another theirs.

    A closed hour with X mentions and level E tells c = 1/(1 + E) per count, so that one day tells at most one count's
    worth: A = .93 A + c min(X, 6 E + 6) and B = .93 B + c E. The group's factor is (sum A + 6 G)/(sum B + 6) with G
    a generic human day, the series' own (A + 15 P)/(B + 15). Between the middles of hours it is linear.

    A day on a weekend or in the week with X mentions where its hours alone would give E tells X/E, at most 3, with
    the weight E/(E + 12): the factors of the two kinds of days are shrunk to the group's, and those to 1, with one day
    each.
    """

    def __init__(self, zone: str, bucket: int) -> None:
        self.zone, self.bucket = ZoneInfo(zone), bucket
        self.hour: int | None = None
        self.hours = Hours.of_none()
        self.groups: dict[int, int] = {}
        self.pool = np.zeros((2, 24, 0))

    def add(self, groups: Sequence[int]) -> None:
        hours, first = self.hours, self.hours.group.size
        for group in groups:
            self.groups.setdefault(group, len(self.groups))
        self.pool = np.concatenate([self.pool, np.zeros((2, 24, len(self.groups) - self.pool.shape[2]))], axis=2)
        hours.grow(len(groups))
        hours.group[first:] = [self.groups[group] for group in groups]
        mentions, expected = self.pool[:, :, hours.group[first:]]
        strength = GENERIC_STRENGTH
        hours.day_factor[:, first:] = 1
        hours.factor[:, first:] = (mentions + strength * GENERIC[:, None]) / (expected + strength)

    def restored(self, groups: Sequence[int], hour: int | None) -> None:
        """The hours have been loaded: make what follows from them. Raises ValueError for a group that there is not."""
        known = (self.hours.group >= 0) & (self.hours.group < len(groups))
        if not known.all():
            raise ValueError("a series is of no group")
        self.groups = {group: number for number, group in enumerate(groups)}
        self.hour = hour
        self.pool = np.zeros((2, 24, len(self.groups)))
        for h in range(24):
            self._gather(h)

    def _gather(self, h: int) -> None:
        """Sum the siblings."""
        hours = self.hours
        for total, own in zip(self.pool, (hours.mentions, hours.expected), strict=True):
            total[h] = np.bincount(hours.group, own[h], len(self.groups))

    def local(self, time: int) -> int:
        """Seconds of local wall-clock time."""
        offset = datetime.fromtimestamp(time, self.zone).utcoffset()
        return time + (int(offset.total_seconds()) if offset else 0)

    def turn(self, time: int) -> Floats:
        """Close the hour before `time` if it is over; the factors of the bucket that starts at `time`."""
        local = self.local(time)
        hour = local // HOUR
        if self.hour is not None and hour != self.hour:
            self._close(self.hour % 24, kind_of_day(self.hour))
            if hour // 24 != self.hour // 24:
                self._close_day(kind_of_day(self.hour))
        self.hour = hour
        return self.factors(time)

    def factors(self, time: int) -> Floats:
        """Of the bucket that starts at `time`, by what is known now."""
        local = self.local(time)
        low, part = divmod((local + self.bucket / 2) / HOUR - 0.5, 1.0)
        before, after = self.hours.factor[int(low) % 24], self.hours.factor[(int(low) + 1) % 24]
        factors: Floats = (before + np.float32(part) * (after - before)) * self.hours.day_factor[
            kind_of_day(local // HOUR)
        ]
        return factors

    def learn(self, counts: Floats, visible: Floats) -> None:
        """Add a bucket to the running hour; both are zero where the source was blind."""
        self.hours.now_mentions += counts
        self.hours.now_exposure += visible

    def _close(self, h: int, kind: int) -> None:
        hours, day = self.hours, self.hours.day_factor[kind]
        mentions, part = hours.now_mentions, hours.now_exposure * (self.bucket / HOUR)
        keep = np.where(part > 0, np.exp(-part / LEVEL_MEMORY), 1.0)
        hours.level_mentions = keep * hours.level_mentions + mentions
        hours.level_factor = keep * hours.level_factor + part * hours.factor[h] * day
        level = part * hours.level_mentions / np.maximum(hours.level_factor, 1e-9)
        hours.today_mentions = hours.today_mentions + mentions
        hours.today_expected = hours.today_expected + level * hours.factor[h]
        hours.days = hours.days + part / 24
        expected = level * day
        told = 1 / (1 + expected)
        keep = np.where(part > 0, FORGET, 1.0)
        hours.mentions[h] = keep * hours.mentions[h] + told * np.minimum(mentions, 6 * expected + 6)
        hours.expected[h] = keep * hours.expected[h] + told * expected
        hours.now_mentions = np.zeros_like(mentions)
        hours.now_exposure = np.zeros_like(part)
        self._gather(h)
        pooled = (self.pool[0, h] + GENERIC_STRENGTH * GENERIC[h]) / (self.pool[1, h] + GENERIC_STRENGTH)
        own = (hours.mentions[h] + POOL_STRENGTH * pooled[hours.group]) / (hours.expected[h] + POOL_STRENGTH)
        hours.factor[h] = np.maximum(own, LOWEST)

    def _close_day(self, kind: int) -> None:
        hours = self.hours
        told = hours.today_expected / (hours.today_expected + DAY_COUNTS) * (hours.days >= LEAST_DAYS)
        ratio = np.minimum(hours.today_mentions / np.maximum(hours.today_expected, 1e-9), 3)
        keep = np.where(told > 0, FORGET, 1.0)
        hours.day_ratio[kind] = keep * hours.day_ratio[kind] + told * ratio
        hours.day_weight[kind] = keep * hours.day_weight[kind] + told
        hours.today_mentions = np.zeros_like(hours.today_mentions)
        hours.today_expected = np.zeros_like(hours.today_expected)
        ratios, weights = (
            np.bincount(hours.group, of[kind], len(self.groups)) for of in (hours.day_ratio, hours.day_weight)
        )
        pooled = ((ratios + DAY_STRENGTH) / (weights + DAY_STRENGTH))[hours.group]
        own = (hours.day_ratio[kind] + DAY_STRENGTH * pooled) / (hours.day_weight[kind] + DAY_STRENGTH)
        hours.day_factor[kind] = np.maximum(own, LOWEST)


def kind_of_day(hour: int) -> int:
    """0 in the week, 1 on Saturday and Sunday; `hour` counts local hours since 1 January 1970, a Thursday."""
    return int((hour // 24 + 3) % 7 >= 5)
