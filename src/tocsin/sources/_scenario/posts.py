"""The posts of a scenario, block by block.

A block is a pure function of the options and its number. What follows a post (copies, replies, edits, deletes, late
arrival) comes within one block of it, so that any block can be made from itself and the one before.
"""

from __future__ import annotations

import random
from typing import Any, Literal, NamedTuple

import msgspec
import numpy as np
import numpy.typing as npt

from tocsin.model import Author, Delete, Event, Place, Post, Ref
from tocsin.sources._scenario.edits import near_copy
from tocsin.sources._scenario.languages import Phrases, people, phrases, vocabulary
from tocsin.sources._scenario.options import CATEGORIES, LARGEST_BODY, Config
from tocsin.sources._scenario.rhythm import (
    FILLER,
    PEOPLE,
    POSTS,
    SECOND,
    WORDS,
    Campaign,
    Floats,
    Rhythm,
    Times,
    generator,
    moment,
)

STREAM = "main"

_CATEGORY_SHARE = np.array([0.08, 0.16, 0.2, 0.2, 0.16, 0.2])
_TAGGED = ("down", "fees", "parcel", "app", "help", "love")
_REPLIES, _QUOTES, _PLACES, _LINKS, _TAGS, _MENTIONS, _CLAIMED = 0.1, 0.13, 0.04, 0.12, 0.15, 0.2, 0.7
_OPENER, _DETAIL, _ASIDE, _CLOSER = 0.7, 0.85, 0.85, 0.5
_EDITED, _DELETED, _LATE = 0.005, 0.015, 0.05
_ORDINARY = -1
_NUMBERS, _CHANCES = 9, 11
_OVERHEAD = 420
"""About how many bytes a post takes beside its text and filling."""


class Draws(NamedTuple):
    """What chance decided about the posts of a block, in order of time: arrays of one element (or row) a post.

    `origin` is -1, or the number of the incident, or after all incidents, of the bot's campaign in this block.
    """

    time: Times
    watch: Times
    language: Times
    category: Times
    origin: Times
    numbers: Times
    chances: Floats


class _Slip(NamedTuple):
    """One post's share of the draws."""

    id: str
    time: int
    watch: int
    language: int
    category: int
    origin: int
    numbers: list[int]
    chances: list[float]


class Block(NamedTuple):
    """Events with their arrival times (microseconds), unsorted; `later` ones arrive in the next block.

    `originals` are the posts that may be copied. `same` tells, for each uid, what it repeats: a uid (its own if
    nothing) or a bot's text; `watch`, its watch; `incidents` and `bots`, the
    number of the incident or the campaign that it is part of.
    """

    events: list[tuple[int, Event]]
    later: list[tuple[int, Event]]
    originals: list[Post]
    same: dict[str, str]
    watch: dict[str, int]
    incidents: dict[str, int]
    bots: dict[str, Campaign]

    @classmethod
    def empty(cls) -> Block:
        return cls([], [], [], {}, {}, {}, {})


class Writer:
    """Writes the blocks of a scenario."""

    def __init__(self, config: Config, name: str) -> None:
        self.rhythm = Rhythm(config)
        self._seed = config.seed
        self._name, self._copies, self._disorder = name, config.copies, config.disorder
        self._brands, self._languages, self._body = config.names, config.languages, config.body_bytes
        words = generator(config.seed, WORDS)
        self._phrases = [[phrases(code, brand, words) for code in config.languages] for brand in config.names]
        crowd = generator(config.seed, PEOPLE)
        self._people = [people(code, crowd) for code in config.languages]
        self._cities = [vocabulary(code).cities for code in config.languages]
        self._bots = [Author(id=f"bot{bot}", handle=f"daily_offer_{bot}", location="🌍") for bot in range(config.bots)]
        self._filler = generator(config.seed, FILLER).bytes(LARGEST_BODY).hex()

    def block(self, number: int, earlier: list[Post]) -> Block:
        """A block, given the originals of the block before."""
        edges = self.rhythm.bins(number)
        campaigns = self.rhythm.campaigns(edges)
        draws = self._draw(number, edges, campaigns)
        block = Block.empty()
        end = int(edges[-1])
        columns = (column.tolist() for column in draws)
        for index, drawn in enumerate(zip(*columns, strict=True)):
            self._write(_Slip(f"{number}-{index}", *drawn), campaigns, earlier, block, end)
        return block

    def _draw(self, number: int, edges: Times, campaigns: list[Campaign]) -> Draws:
        random = generator(self._seed, POSTS, number)
        everyday = _expanded(random.poisson(self.rhythm.expected(edges)))
        drawn: list[tuple[Any, ...]] = [
            (*everyday, random.choice(len(CATEGORIES), len(everyday[0]), p=_CATEGORY_SHARE), _ORDINARY)
        ]
        for origin, surge in enumerate(self.rhythm.surges):
            minute, language = _expanded(random.poisson(self.rhythm.additional(surge, edges)))
            drawn.append((minute, surge.watch, language, surge.category, origin))
        for origin, campaign in enumerate(campaigns, len(self.rhythm.surges)):
            (minute,) = _expanded(random.poisson(self.rhythm.bot_posts(campaign, edges)))
            drawn.append((minute, campaign.watch, campaign.language, 0, origin))
        rows = [np.broadcast_arrays(*columns) for columns in drawn]
        minute, watch, language, category, origins = (np.concatenate(column) for column in zip(*rows, strict=True))
        times = edges[minute] + (random.random(len(minute)) * np.diff(edges)[minute]).astype(np.int64)
        order = np.argsort(times, kind="stable")
        return Draws(
            times[order], watch[order], language[order], category[order], origins[order],
            random.integers(0, 1 << 30, (len(order), _NUMBERS)), random.random((len(order), _CHANCES)),
        )  # fmt: skip

    def _write(self, slip: _Slip, campaigns: list[Campaign], earlier: list[Post], block: Block, end: int) -> None:
        """Add one post, and what follows from it, to the block."""
        surges = len(self.rhythm.surges)
        uid = f"{self._name}:{slip.id}"
        near = _recent(earlier, block.originals, slip.chances[1])
        block.watch[uid] = slip.watch
        if slip.origin >= surges:
            campaign = campaigns[slip.origin - surges]
            text = self._bot_text(campaign)
            post = self._post(slip, near_copy(text, random.Random(slip.numbers[0])), self._bots[campaign.bot])
            block.bots[uid] = campaign
            block.same[uid] = text
        elif slip.origin == _ORDINARY and slip.chances[0] < self._copies:
            if near is None:
                return
            post = self._copy(slip, near)
            block.same[uid] = near.uid
        else:
            post = self._original(slip, near)
            block.same[uid] = uid
            block.originals.append(post)
            if slip.origin != _ORDINARY:
                block.incidents[uid] = slip.origin
            if self._follow_up(slip, post, block, end):
                return
        block.events.append((slip.time, post))

    def _post(self, slip: _Slip, text: str, author: Author, **more: Any) -> Post:
        uid, time = f"{self._name}:{slip.id}", moment(slip.time)
        wanted = self._body - _OVERHEAD - len(text)
        at = slip.numbers[5] % LARGEST_BODY
        return Post(
            uid=uid,
            source=self._name,
            id=slip.id,
            text=text,
            received_at=time,
            created_at=time,
            author=author,
            lang=self._languages[slip.language] if slip.chances[9] < _CLAIMED else None,
            stream=STREAM,
            raw=self._filler[at : at + wanted] if wanted > 0 else None,
            **more,
        )

    def _author(self, slip: _Slip) -> Author:
        crowd = self._people[slip.language]
        return crowd[int(len(crowd) * slip.chances[8] ** 2)]

    def _original(self, slip: _Slip, near: Post | None) -> Post:
        text = _composed(self._phrases[slip.watch][slip.language], slip, self._languages[slip.language])
        brand, chances = self._brands[slip.watch], slip.chances
        more: dict[str, Any] = {}
        if chances[5] < _MENTIONS:
            text, more["mentions"] = f"@{brand} {text}", (brand,)
        elif chances[5] > 1 - _TAGS:
            tag = f"{brand}{_TAGGED[slip.category]}" if slip.numbers[4] % 2 else brand
            text, more["hashtags"] = f"{text} #{tag}", (tag,)
        if chances[6] < _LINKS:
            url = f"https://example.org/{slip.numbers[4]:x}"
            text, more["urls"] = f"{text} {url}", (url,)
        elif chances[6] > 1 - _PLACES:
            cities = self._cities[slip.language]
            name, country, lat, lon = cities[slip.numbers[4] % len(cities)]
            more["place"] = Place(name=name, country=country, lat=lat, lon=lon, level="point", origin="post_geo")
        if near is not None and near.author is not None and chances[7] < _QUOTES:
            kind: Literal["reply", "quote"] = "reply" if chances[7] < _REPLIES else "quote"
            more["refs"] = (Ref(type=kind, id=near.uid, author_id=near.author.id),)
        return self._post(slip, text, self._author(slip), **more)

    def _copy(self, slip: _Slip, original: Post) -> Post:
        if original.author is None or slip.numbers[1] % 2:
            return self._post(slip, near_copy(original.text, random.Random(slip.numbers[0])), self._author(slip))
        ref = Ref(type="repost", id=original.uid, author_id=original.author.id)
        return self._post(slip, f"RT @{original.author.handle}: {original.text}", self._author(slip), refs=(ref,))

    def _bot_text(self, campaign: Campaign) -> str:
        texts = self._phrases[campaign.watch][campaign.language].bot
        return texts[(campaign.day * 7 + campaign.bot) % len(texts)]

    def _follow_up(self, slip: _Slip, post: Post, block: Block, end: int) -> bool:
        """An edit, a delete, or late arrival, which replaces the event itself."""
        chance, length = slip.chances[2], self.rhythm.block
        event: Event
        if chance < _EDITED:
            time = slip.time + 1 + int(length * slip.chances[3] * 0.99)
            text, at = near_copy(post.text, random.Random(slip.numbers[0])), moment(time)
            event = msgspec.structs.replace(post, version=2, text=text, edited_at=at, received_at=at)
        elif chance < _DELETED:
            time = slip.time + 1 + int(length * slip.chances[3] * 0.99)
            event = Delete(source=self._name, uid=post.uid, at=moment(time), reason="deleted by its author")
        elif self._disorder and chance > 1 - _LATE:
            time = slip.time + int(min(length, self._disorder * SECOND) * slip.chances[3])
            event = msgspec.structs.replace(post, received_at=moment(time))
        else:
            return False
        (block.events if time < end else block.later).append((time, event))
        return chance > 1 - _LATE


def _expanded(counts: npt.NDArray[np.int64]) -> tuple[Times, ...]:
    """The indices of a cell, as often as its count says: one array an axis."""
    cells = np.repeat(np.arange(counts.size), counts.reshape(-1))
    return np.unravel_index(cells, counts.shape)


def _recent(earlier: list[Post], latest: list[Post], chance: float) -> Post | None:
    """One of these posts, rather a late one."""
    back = int((len(earlier) + len(latest)) * chance * chance)
    if back < len(latest):
        return latest[-1 - back]
    return earlier[len(latest) - 1 - back] if earlier else None


def _composed(phrases: Phrases, slip: _Slip, language: str) -> str:
    """What somebody says of a brand: a core, mostly with something before and after."""
    openers, cores, details, closers, who, did, when, _ = phrases
    n, chances = slip.numbers, slip.chances
    space, stop = ("", "。") if language == "ja" else (" ", ".")
    core = cores[slip.category]
    text = core[n[0] % len(core)]
    if chances[2] < _DETAIL:
        text = f"{text}{space}{details[n[1] % len(details)]}"
    if chances[3] < _OPENER:
        text = f"{openers[n[2] % len(openers)]}{space}{text}"
    if chances[10] < _ASIDE:
        person, deed, time = who[n[6] % len(who)], did[n[7] % len(did)], when[n[8] % len(when)]
        first, second, third = (time, person, deed) if language == "ja" else (person, deed, time)
        text = f"{text}{stop}{space}{first}{space}{second}{space}{third}"
    if chances[4] < _CLOSER:
        text = f"{text}{stop}{space}{closers[n[3] % len(closers)]}"
    return text
