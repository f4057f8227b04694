"""What the rest of a text says of a reading: areas that hold its place or do not, and places beside it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tocsin.gazetteer._index import DEGREE, NOWHERE, POPULATION_STEP, Index, Kind, Tier
from tocsin.gazetteer._spans import Candidates, Spans
from tocsin.gazetteer._text import SOFT, Flags, Ints, Words
from tocsin.gazetteer._vocabulary import also_under

Column = npt.NDArray[np.float32]

NEAR = 40.0
"""km within which a smaller place is near a larger one."""
KM_A_DEGREE = 111.2
_ANCHOR = 4.3 * POPULATION_STEP
"""How large a town must be for others to be near it (logarithm)."""
_LARGE = 5 * POPULATION_STEP
"""How large a town is that everybody knows."""
_ANCHORS_OF_A_SPAN, _ANCHORS_OF_A_PART = 2, 12
_SMALL_CODE = 0.75
"""What a code in small letters is worth of one in capitals."""
_SPAN_BITS, _PLACE_BITS = 21, 20

_STRENGTH = np.zeros(len(Kind), np.float32)
_STRENGTH[[Kind.PRIMARY, Kind.CURATED, Kind.OFFICIAL, Kind.TRANSLATED, Kind.FLAG]] = 1.0
_STRENGTH[[Kind.CODE, Kind.ALTERNATE, Kind.WEAK]] = 0.8
_STRENGTH[[Kind.ISO2, Kind.ISO3]] = 0.5
"""How surely a name of a kind means an area, when it speaks for something else."""


@dataclass(frozen=True)
class Support:
    """What else in its text agrees with a reading, and what does not; each (c,)."""

    country: Column
    first: Column
    second: Column
    """How surely the text names the area that the place is in."""
    region: Column
    near: Column
    """Whether its part names a region or district around the place, or a larger town beside it."""
    flag: Flags
    code: Flags
    """Whether an area agrees by a flag, or by a code."""
    weight: Column
    """Of the words that agree."""
    contradictions: Ints
    """Areas in the part that the place is not in."""
    strangers: Ints
    """For areas: large towns in the part none of whose namesakes is in the area."""

    @property
    def any(self) -> Flags:
        found: Flags = (self.country + self.first + self.second + self.region + self.near) > 0
        return found


def support(words: Words, spans: Spans, readings: Candidates, index: Index, parts: Ints, weights: Column) -> Support:
    """`parts` and `weights`: (m,) the part of its text that a word is of, and how much it says."""
    mentions = _Mentions(readings, index)
    place = readings.places
    strengths, held = [], []
    flag, code = np.zeros(len(place), np.bool_), np.zeros(len(place), np.bool_)
    agreeing = np.zeros(len(place), np.float32)
    under = also_under(index)[index.countries[place]]
    for area in (*(rows[place].astype(np.int64) for rows in (index.countries, index.firsts, index.seconds)), under):
        strength, mention = mentions.of(readings, np.where((area == NOWHERE) | (area == place), -1, area))
        hit = mention >= 0
        by = mention[hit]
        agreeing[hit] += sums(weights, readings.starts[by], readings.ends[by])
        flag[hit] |= readings.kinds[by] == Kind.FLAG
        code[hit] |= readings.kinds[by] == Kind.CODE
        strengths.append(strength)
        held.append(np.where(hit, area, -1))
    region, near, beside = _neighbours(readings, index, weights)
    agreeing += np.where(np.sum(strengths, axis=0) > 0, 0, beside)
    areas = _sure_areas(words, spans, readings, index)
    contradictions = _other_areas(areas, words, parts, readings) - _agreeing_areas(areas, readings, index)
    strangers = _strangers(readings, spans, index, held)
    country, first, second, also = strengths
    country = np.maximum(country, also)
    return Support(country, first, second, region, near, flag, code, agreeing, np.maximum(contradictions, 0), strangers)


class _Mentions:
    """Where in each text the areas stand that may hold other places."""

    def __init__(self, readings: Candidates, index: Index) -> None:
        small = (readings.kinds == Kind.CODE) & ~readings.capitals
        self._strength = _STRENGTH[readings.kinds] * np.where(small, np.float32(_SMALL_CODE), np.float32(1))
        areas = np.flatnonzero((index.tiers[readings.places] <= Tier.SECOND) & (self._strength > 0))
        keys = pair(readings.owners[areas], readings.places[areas])
        order = np.lexsort((readings.starts[areas], keys))
        self._rows = areas[order]
        self._keys = keys[order]

    def of(self, readings: Candidates, areas: Ints) -> tuple[Column, Ints]:
        """How surely the text of each reading names the area outside of the reading's own words, and which reading
        of the area that is, or -1. Of several mentions the first and the last are looked at."""
        strength = np.zeros(len(areas), np.float32)
        mention = np.full(len(areas), -1, np.int64)
        if not len(self._keys):
            return strength, mention
        inside = np.flatnonzero(areas >= 0)
        wanted = pair(readings.owners[inside], areas[inside])
        first = np.minimum(np.searchsorted(self._keys, wanted), len(self._keys) - 1)
        named = self._keys[first] == wanted
        inside, wanted, first = inside[named], wanted[named], first[named]
        for spots in (np.searchsorted(self._keys, wanted, side="right") - 1, first):
            rows = self._rows[spots]
            stronger = _apart(readings, inside, rows) & (self._strength[rows] > strength[inside])
            strength[inside[stronger]] = self._strength[rows[stronger]]
            mention[inside[stronger]] = rows[stronger]
        return strength, mention


def _neighbours(readings: Candidates, index: Index, weights: Column) -> tuple[Column, Column, Column]:
    """Which readings lie in a region, or near a larger town, that their part names; and the weight of its words."""
    left, right = _pairs_in_part(readings, _anchors(readings, index))
    apart = _apart(readings, left, right)
    left, right = left[apart], right[apart]
    here, there = readings.places[left], readings.places[right]
    distance = distances(index, here, there)
    town, area = index.tiers[here] >= Tier.TOWN, index.tiers[there] <= Tier.REGION
    held = town & area & (distance <= index.radii[there] * 1.5 + 15)
    held &= index.countries[here] == index.countries[there]
    close = town & ~area & (distance <= NEAR) & (index.populations[there] > index.populations[here])
    region, near, beside = (np.zeros(len(readings.places), np.float32) for _ in range(3))
    region[left[held]] = 1
    near[left[close]] = 1
    both = held | close
    np.maximum.at(beside, left[both], sums(weights, readings.starts[right[both]], readings.ends[right[both]]))
    return region, near, beside


def _anchors(readings: Candidates, index: Index) -> Ints:
    """The readings that others may be near to: the first of each span that are regions, districts or large towns."""
    tier = index.tiers[readings.places]
    large = (tier == Tier.TOWN) & (index.populations[readings.places] >= _ANCHOR)
    named = readings.kinds <= Kind.ALTERNATE
    rows = np.flatnonzero(named & (large | (tier == Tier.REGION) | (tier == Tier.SECOND)))
    if not len(rows):
        return rows
    begins = np.append(True, readings.spans[rows[1:]] != readings.spans[rows[:-1]])
    rank = np.arange(len(rows)) - np.maximum.accumulate(np.where(begins, np.arange(len(rows)), 0))
    found: Ints = rows[rank < _ANCHORS_OF_A_SPAN]
    return found


def _pairs_in_part(readings: Candidates, anchors: Ints) -> tuple[Ints, Ints]:
    """All pairs of a reading and an anchor of the same part; the anchors beyond the first are left out."""
    parts = readings.parts[anchors]
    first = np.searchsorted(parts, readings.parts)
    counts = np.minimum(np.searchsorted(parts, readings.parts, side="right") - first, _ANCHORS_OF_A_PART)
    left = np.repeat(np.arange(len(counts)), counts)
    within = np.arange(len(left)) - np.repeat(np.cumsum(counts) - counts, counts)
    return left, anchors[first[left] + within]


def _apart(readings: Candidates, left: Ints, right: Ints) -> Flags:
    """Which pairs of readings have no word in common."""
    found: Flags = readings.starts[left] >= readings.ends[right]
    found |= readings.ends[left] <= readings.starts[right]
    return found


def _sure_areas(words: Words, spans: Spans, readings: Candidates, index: Index) -> Ints:
    """The readings that surely name a country or a first-level area, by a name or by a code behind a comma."""
    code = (readings.kinds == Kind.CODE) & readings.capitals & (words.breaks[readings.starts] == SOFT)
    sure = (readings.kinds <= Kind.TRANSLATED) | (readings.kinds == Kind.FLAG) | code
    return np.flatnonzero((index.tiers[readings.places] <= Tier.FIRST) & sure & ~spans.inside[readings.spans])


def _other_areas(areas: Ints, words: Words, parts: Ints, readings: Candidates) -> Ints:
    """How many names of areas begin in the part of each reading, outside of its own words."""
    begins = np.zeros(len(words.keys) + 1, np.int64)
    begins[readings.starts[areas] + 1] = 1
    before = np.cumsum(begins)
    part = parts[readings.starts]
    firsts, lasts = np.searchsorted(parts, part), np.searchsorted(parts, part, side="right")
    found: Ints = before[lasts] - before[firsts] - (before[readings.ends] - before[readings.starts])
    return found


def _agreeing_areas(areas: Ints, readings: Candidates, index: Index) -> Ints:
    """How many names of areas in the part mean the place of each reading or an area that it is in, but its own."""
    place = readings.places
    named = np.sort(pair(readings.parts[areas], place[areas]))
    count = _counted(named, pair(readings.parts, place))
    under = also_under(index)[index.countries[place]]
    for area in (index.countries[place].astype(np.int64), index.firsts[place].astype(np.int64), under):
        count += (area != place) * _counted(named, pair(readings.parts, area))
    count[areas] -= 1
    return count


def _counted(known: Ints, wanted: Ints) -> Ints:
    """How often each number is among the sorted ones."""
    found: Ints = np.searchsorted(known, wanted, side="right") - np.searchsorted(known, wanted)
    return found


def _strangers(readings: Candidates, spans: Spans, index: Index, held: Sequence[Ints]) -> Ints:
    """For each area, how many large towns its part names that have no namesake in it.

    `held[i]`: (c,) an area that holds the reading's place and that its text names, or -1.
    """
    large = _large(readings, spans, index)
    named, first = np.unique(readings.spans, return_index=True)
    in_part = np.bincount(readings.parts[first], large[named], minlength=len(readings.bounds) - 1)
    others = in_part[readings.parts] - large[readings.spans]
    inside = []
    for areas in held:
        rows = np.flatnonzero((areas >= 0) & large[readings.spans])
        inside.append(pair(readings.owners[rows], areas[rows], _PLACE_BITS) << _SPAN_BITS | readings.spans[rows])
    counted = np.unique(np.concatenate(inside)) >> _SPAN_BITS
    known = _counted(counted, pair(readings.owners, readings.places, _PLACE_BITS))
    area = index.tiers[readings.places] <= Tier.FIRST
    found: Ints = (np.maximum(others - known, 0) * area).astype(np.int64)
    return found


def _large(readings: Candidates, spans: Spans, index: Index) -> Flags:
    """(s,) which spans name a town that everybody knows."""
    towns = (index.tiers[readings.places] == Tier.TOWN) & (readings.kinds <= Kind.TRANSLATED)
    towns &= (index.populations[readings.places] >= _LARGE) & ~spans.inside[readings.spans]
    found: Flags = np.bincount(readings.spans, towns, minlength=len(spans.names)) > 0
    return found


def distances(index: Index, here: Ints, there: Ints) -> Column:
    """km, as on a plane: good to a percent within some hundred km."""
    north = (index.latitudes[here] - index.latitudes[there]).astype(np.float32) / DEGREE
    east = (index.longitudes[here] - index.longitudes[there]).astype(np.float32) / DEGREE
    east = (east + 180) % 360 - 180
    middle = np.radians((index.latitudes[here].astype(np.float32)) / DEGREE)
    found: Column = np.hypot(north, east * np.cos(middle)) * np.float32(KM_A_DEGREE)
    return found


def sums(values: Column, starts: Ints, ends: Ints) -> Column:
    """The sum of `values[starts[i]:ends[i]]` for each i, to three decimals: the same wherever in a batch it stands."""
    totals = np.concatenate([[0], np.cumsum(values, dtype=np.float64)])
    found: Column = (totals[ends] - totals[starts]).round(3).astype(np.float32)
    return found


def pair(left: Ints, right: Ints, bits: int = 32) -> Ints:
    """One number for two, in the order of the first."""
    found: Ints = left << bits | (right & ((1 << bits) - 1))
    return found
