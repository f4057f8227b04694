"""When people write: the expected number of posts of each watch, language and minute.

Days have a human rhythm in each language's own time zone, weekends are quieter, each watch has small bursts of its
own, incidents rise, stay and fade, bots work for an hour. All times are microseconds since 1970.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from tocsin.sources._scenario.languages import vocabulary
from tocsin.sources._scenario.options import CATEGORIES, Config

Floats = npt.NDArray[np.float64]
Times = npt.NDArray[np.int64]

SECOND = 1_000_000
MINUTE, HOUR, DAY = 60 * SECOND, 3600 * SECOND, 86400 * SECOND

_HOURLY = np.array([5, 3, 2, 1.5, 1.5, 2.5, 5, 9, 12, 13, 13, 14, 15, 14, 13, 13, 13, 14, 15, 17, 18, 17, 13, 8])
_DAILY = np.append(_HOURLY, _HOURLY[0]) / _HOURLY.mean()
_WEEKEND = 0.75
_POSTS_A_BLOCK = 1000.0
_BURSTS_A_DAY = 1.0
_BOT_SHARE = 0.4
"""A bot's posts in its hour, as a share of the scenario's rate."""

# What a random number is for, mixed into the seed so that no two uses share a stream.
BURSTS, CAMPAIGNS, WORDS, PEOPLE, POSTS, FILLER = range(6)


def generator(seed: int, *purpose: int) -> np.random.Generator:
    return np.random.Generator(np.random.SFC64([seed, *purpose]))


def microseconds(moment: datetime) -> int:
    return (moment - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)


def moment(time: int) -> datetime:
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=time)


class Campaign(NamedTuple):
    """An hour in which one bot repeats one text about a watch."""

    bot: int
    day: int
    watch: int
    language: int
    start: int
    end: int


class Surge(NamedTuple):
    """An incident, placed in time."""

    watch: int
    category: int
    start: int
    end: int
    factor: float


class Rhythm:
    """The plan of a scenario, cut into blocks of `block` microseconds."""

    def __init__(self, config: Config) -> None:
        self._config = config
        self.start = microseconds(config.start)
        self.end = self.start + round(config.duration * SECOND)
        self.block = _block_length(config)
        self.blocks = -(-(self.end - self.start) // self.block)
        watches = np.array([1 / (1 + 0.5 * rank) for rank in range(len(config.names))])
        self.watch_share = watches / watches.sum()
        languages = np.array([vocabulary(code).weight for code in config.languages])
        self.language_share = languages / languages.sum()
        self._offsets = np.array([vocabulary(code).utc_offset * HOUR for code in config.languages])
        self.surges = tuple(self._surge(number) for number in range(len(config.planned_incidents)))
        self.outages = tuple(
            (self._after(outage.at), min(self._after(outage.at + outage.duration), self.end))
            for outage in config.planned_outages
            if self._after(outage.at) < self.end
        )

    def _after(self, seconds: float) -> int:
        return self.start + round(seconds * SECOND)

    def _surge(self, number: int) -> Surge:
        incident = self._config.planned_incidents[number]
        watch = 0 if incident.watch is None else self._config.names.index(incident.watch)
        start, end = self._after(incident.at), self._after(incident.at + incident.duration)
        return Surge(watch, CATEGORIES.index(incident.category), start, end, incident.factor)

    def bins(self, number: int) -> Times:
        """The edges of a block's minutes (or less, in a shorter block)."""
        start = self.start + number * self.block
        end = min(start + self.block, self.end)
        return np.append(np.arange(start, end, min(MINUTE, self.block)), end)

    def expected(self, edges: Times) -> Floats:
        """Posts of everyday life, (bins, watches, languages)."""
        middles = (edges[1:] + edges[:-1]) / 2
        local = middles[:, None] + self._offsets
        day = np.interp(local % DAY / HOUR, np.arange(25), _DAILY)
        weekend = (local // DAY + 3) % 7 >= 5  # 1 January 1970 was a Thursday
        day *= np.where(weekend, _WEEKEND, 1.0) * 7 / (5 + 2 * _WEEKEND)
        rates: Floats = (day * self.language_share)[:, None, :] * self.watch_share[None, :, None]
        rates *= self._config.rate * (np.diff(edges) / HOUR)[:, None, None]
        for day in _days(edges):
            for watch, start, end, factor in self._bursts_of(day):
                rates[(middles >= start) & (middles < end), watch] *= factor
        return rates

    def additional(self, surge: Surge, edges: Times) -> Floats:
        """Posts of an incident on top, (bins, languages): up in a sixth of its time, down in the last third."""
        middles = (edges[1:] + edges[:-1]) / 2
        progress = (middles - surge.start) / (surge.end - surge.start)
        height = np.interp(progress, [0, 1 / 6, 2 / 3, 1], [0, 1, 1, 0], left=0, right=0)
        usual = self._config.rate * self.watch_share[surge.watch] * np.diff(edges) / HOUR
        posts: Floats = ((surge.factor - 1) * height * usual)[:, None] * self.language_share
        return posts

    def bot_posts(self, campaign: Campaign, edges: Times) -> Floats:
        """Posts of a bot, (bins,)."""
        middles = (edges[1:] + edges[:-1]) / 2
        active = (middles >= campaign.start) & (middles < campaign.end)
        return active * (_BOT_SHARE * self._config.rate) * np.diff(edges) / HOUR

    def _bursts_of(self, day: int) -> list[tuple[int, int, int, float]]:
        """The small bursts of a day: watch, start, end, factor."""
        random = generator(self._config.seed, BURSTS, day)
        bursts = []
        for watch, count in enumerate(random.poisson(_BURSTS_A_DAY, len(self._config.names)).tolist()):
            for _ in range(count):
                start = day * DAY + int(random.integers(DAY - HOUR))
                end = start + int(random.integers(8, 20)) * MINUTE
                bursts.append((watch, start, end, float(random.uniform(1.5, 2.5))))
        return bursts

    def campaigns(self, edges: Times) -> list[Campaign]:
        """The bots' hours on the days that these minutes lie in."""
        found = []
        for day in _days(edges):
            random = generator(self._config.seed, CAMPAIGNS, day)
            for bot in range(self._config.bots):
                watch = int(random.integers(len(self._config.names)))
                language = int(random.integers(len(self._config.languages)))
                start = day * DAY + int(random.integers(DAY - HOUR))
                found.append(Campaign(bot, day, watch, language, start, start + HOUR))
        return found


def _days(edges: Times) -> range:
    return range(int(edges[0]) // DAY, (int(edges[-1]) - 1) // DAY + 1)


def _block_length(config: Config) -> int:
    """An hour, halved until a block has about _POSTS_A_BLOCK posts on a busy day."""
    length = HOUR
    while config.rate * length / HOUR > _POSTS_A_BLOCK and length > SECOND // 64:
        length //= 2
    return length
