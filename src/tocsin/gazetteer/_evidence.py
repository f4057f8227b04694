"""What speaks for a reading and what against it: a column of numbers for each reason (`REASONS`).

Each reason is worth what `_weights.json` says; the sum decides (`_choice.py`). All of it is computed for all readings
of a batch at once, each from its own text alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from tocsin.gazetteer import _vocabulary
from tocsin.gazetteer._index import KEY_MASK, POPULATION_STEP, Index, Kind, Tier
from tocsin.gazetteer._spans import Candidates, Spans, parts
from tocsin.gazetteer._support import Column, Support, pair, sums, support
from tocsin.gazetteer._text import SOFT, Flags, Ints, Words, alone, among

Columns = Mapping[str, npt.NDArray[Any]]

_TIERS = ("country", "first level", "second level", "region", "town", "quarter", "locality")
_KINDS = ("primary", "curated", "official", "translated", "alternate", "code")
REASONS = (
    "base", *_TIERS, *_KINDS, "iso code", "airport", "airport alone", "weak", "flag",
    "population of area", "population of town", "population, supported", "fame of area", "fame of town",
    "fame, supported", "in the US", "where English is written", "town of its area's name", "area of its town's name",
    "in country", "in first level", "in second level", "in region", "near town", "flag agrees", "any support",
    "area, supported", "contradiction", "strangers", "share", "share, supported",
    "coverage", "explained", "explained fully", "whole segment", "whole segment, supported",
    "three letters", "two letters", "small letters", "long", "words",
    "inside longer name", "denied", "common word", "common word, supported", "common word, small letters",
    "chatter", "ordinary words", "ordinary words, supported", "ordinary word beside", "unknown word beside",
    "other script", "other script, supported", "other script, unknown word beside",
    "position", "later part", "here", "once",
    "code after break", "code in small letters", "code, US", "code, where usual", "foreign name with code",
)  # fmt: skip


def evidence(words: Words, spans: Spans, readings: Candidates, index: Index) -> Column:
    """(reasons, c): why each reading may be right."""
    part = parts(words)
    unnamed = _unnamed(words, spans)
    everyday = among(alone(words.keys) & KEY_MASK, index.ordinary) & unnamed
    weights = _weights(words, everyday)
    around = support(words, spans, readings, index, part, weights)
    supported = around.any
    columns = {
        **_of_name(readings, supported),
        **_of_place(readings, index, supported),
        **_of_support(readings, index, around),
        **_of_coverage(words, readings, part, weights, around),
        **_of_spelling(words, spans, readings, index, supported),
        **_of_words_around(words, readings, unnamed, everyday, supported),
        **_of_position(words, readings, part),
        **_of_codes(words, readings, index, around),
    }
    reasons = np.zeros((len(REASONS), len(readings.places)), np.float32)
    for row, name in zip(reasons, REASONS, strict=True):
        row[:] = columns[name]
    return reasons


def _of_name(readings: Candidates, supported: Flags) -> Columns:
    kind = readings.kinds
    airport = kind == Kind.AIRPORT
    return {
        "base": np.ones(len(kind)),
        **{name: kind == number for number, name in enumerate(_KINDS)},
        "iso code": (kind == Kind.ISO2) | (kind == Kind.ISO3),
        "airport": airport,
        "airport alone": airport & ~supported & (_airports(readings) < 2),
        "weak": kind == Kind.WEAK,
        "flag": kind == Kind.FLAG,
    }


def _of_place(readings: Candidates, index: Index, supported: Flags) -> Columns:
    place = readings.places
    tier = index.tiers[place]
    area, town = tier < Tier.TOWN, (tier == Tier.TOWN) | (tier == Tier.QUARTER)
    population = index.populations[place].astype(np.float32) / np.float32(POPULATION_STEP)
    fame = index.fame[place] / np.float32(80)
    country = index.countries[place]
    namesake, named_by_town = _namesakes(readings, index)
    share = _shares(readings, population)
    return {
        **{name: tier == number for number, name in enumerate(_TIERS)},
        "population of area": np.where(area, population - 6, 0),
        "population of town": np.where(town, population - 4.5, 0),
        "population, supported": np.where(town & supported, population - 4.5, 0),
        "fame of area": fame * area,
        "fame of town": fame * town,
        "fame, supported": fame * supported,
        "in the US": _vocabulary.countries(("US",), index)[country],
        "where English is written": _vocabulary.countries(_vocabulary.ENGLISH, index)[country],
        "town of its area's name": namesake,
        "area of its town's name": named_by_town,
        "share": share * ~supported,
        "share, supported": share * supported,
    }


def _of_support(readings: Candidates, index: Index, around: Support) -> Columns:
    return {
        "in country": around.country,
        "in first level": around.first,
        "in second level": around.second,
        "in region": around.region,
        "near town": around.near,
        "flag agrees": around.flag,
        "any support": around.any,
        "area, supported": around.any & (index.tiers[readings.places] <= Tier.FIRST),
        "contradiction": around.contradictions,
        "strangers": around.strangers,
    }


def _of_coverage(words: Words, readings: Candidates, part: Ints, weights: Column, around: Support) -> Columns:
    """How much of its part a reading is, alone and with what agrees."""
    covered = sums(weights, readings.starts, readings.ends)
    whole = _totals(part, weights)[readings.starts]
    explained = np.minimum((covered + around.weight) / whole, 1)
    segment = covered / _totals(_segments(words), weights)[readings.starts] > 0.99
    return {
        "coverage": np.minimum(covered / whole, 1),
        "explained": explained,
        "explained fully": explained > 0.99,
        "whole segment": segment & ~around.any,
        "whole segment, supported": segment & around.any,
    }


def _segments(words: Words) -> Ints:
    """(m,) numbers that grow at every break and every text."""
    begins = words.breaks > 0
    begins[words.bounds[:-1][np.diff(words.bounds) > 0]] = True
    return np.cumsum(begins)


def _totals(groups: Ints, weights: Column) -> Column:
    """(m,) the weight of the group (from 1 on) that each word is of."""
    totals = np.bincount(groups - 1, weights).round(3).astype(np.float32)
    found: Column = np.maximum(totals, np.float32(1e-6))[groups - 1]
    return found


def _of_spelling(words: Words, spans: Spans, readings: Candidates, index: Index, supported: Flags) -> Columns:
    letters = sums(words.lengths.astype(np.float32), readings.starts, readings.ends)
    cased, small = words.cased[readings.starts], ~words.capital[readings.starts]
    common = index.commonness[spans.names[readings.spans]].astype(np.float32) / 60
    common[readings.capitals & (letters <= 3) & cased & (readings.kinds <= Kind.TRANSLATED)] = 0  # "US" is no "us"
    return {
        "three letters": (letters == 3) & cased,
        "two letters": (letters <= 2) & cased,
        "small letters": small & (letters <= 4),
        "long": np.minimum(letters, 16) / 16,
        "words": np.minimum(readings.ends - readings.starts, 4) - 1,
        "inside longer name": spans.inside[readings.spans],
        "denied": spans.denied[readings.spans] & ~supported,
        "common word": common * ~supported,
        "common word, supported": common * supported,
        "common word, small letters": common * (small & ~supported),
    }


def _of_words_around(words: Words, readings: Candidates, unnamed: Flags, everyday: Flags, supported: Flags) -> Columns:
    ordinary = _in_text(words, everyday)[readings.owners]
    unknown = _beside(words, readings, unnamed & ~everyday & ~words.number)
    other = ~words.latin[readings.starts] & (readings.kinds != Kind.FLAG)
    return {
        "chatter": _in_text(words, _vocabulary.said(words, _vocabulary.CHATTER))[readings.owners],
        "ordinary words": ordinary * ~supported,
        "ordinary words, supported": ordinary * supported,
        "ordinary word beside": _beside(words, readings, everyday),
        "unknown word beside": unknown * ~other,
        "other script": other & ~supported,
        "other script, supported": other & supported,
        "other script, unknown word beside": unknown * other,
    }


def _of_position(words: Words, readings: Candidates, part: Ints) -> Columns:
    first = words.bounds[readings.owners]
    behind = _firsts(readings)[readings.owners] < readings.starts
    return {
        "position": np.minimum(readings.starts - first, 8) / 8,
        "later part": part[readings.starts] > part[first],
        "here": _said_before(words, readings, _vocabulary.HERE),
        "once": _said_before(words, readings, _vocabulary.ONCE) & behind,
    }


def _of_codes(words: Words, readings: Candidates, index: Index, around: Support) -> Columns:
    code = readings.kinds == Kind.CODE
    foreign = (readings.kinds == Kind.TRANSLATED) | (readings.kinds == Kind.ALTERNATE)
    country = index.countries[readings.places]
    return {
        "code after break": code & (words.breaks[readings.starts] == SOFT),
        "code in small letters": code & ~readings.capitals,
        "code, US": code & _vocabulary.countries(("US",), index)[country],
        "code, where usual": code & _vocabulary.countries(_vocabulary.CODES, index)[country],
        "foreign name with code": foreign & around.code,
    }


def _weights(words: Words, everyday: Flags) -> Column:
    """How much of what a text says each word is: next to nothing for fillers, little for numbers and chatter."""
    light = words.number | everyday | _vocabulary.said(words, _vocabulary.DIRECTIONS + _vocabulary.HIRAGANA)
    filler = _vocabulary.said(words, _vocabulary.FILLERS)
    return np.where(filler, 0.15, np.where(light, 0.4, 1.0)).astype(np.float32)


def _unnamed(words: Words, spans: Spans) -> Flags:
    """(m,) which words are of no name, and no fillers."""
    return ~spans.cover(np.ones(len(spans.names), np.bool_), len(words.keys)) & ~_vocabulary.said(
        words, _vocabulary.FILLERS
    )


def _in_text(words: Words, flags: Flags) -> Ints:
    """(n,) how many words of a text have the flag, up to four."""
    found: Ints = np.minimum(np.bincount(words.owners[flags], minlength=len(words.texts)), 4)
    return found


def _beside(words: Words, readings: Candidates, flags: Flags) -> Ints:
    """How many of the two words around each reading, with nothing between, have the flag."""
    before = np.maximum(readings.starts - 1, 0)
    left = flags[before] & (words.breaks[readings.starts] == 0) & (readings.starts > words.bounds[readings.owners])
    after = np.minimum(readings.ends, len(flags) - 1)
    right = flags[after] & (words.breaks[after] == 0) & (readings.ends < words.bounds[readings.owners + 1])
    found: Ints = left.astype(np.int64) + right
    return found


def _said_before(words: Words, readings: Candidates, vocabulary: tuple[str, ...]) -> Flags:
    """Whether one of the two words before a reading is of the vocabulary."""
    flags = _vocabulary.said(words, vocabulary)
    first = words.bounds[readings.owners]
    found: Flags = flags[np.maximum(readings.starts - 1, first)] | flags[np.maximum(readings.starts - 2, first)]
    return found


def _airports(readings: Candidates) -> Ints:
    """(c,) how many codes of airports the text of each reading has."""
    rows = np.flatnonzero(readings.kinds == Kind.AIRPORT)
    _, first = np.unique(readings.spans[rows], return_index=True)
    counts = np.bincount(readings.owners[rows[first]], minlength=int(readings.owners.max(initial=-1)) + 1)
    return counts[readings.owners]


def _firsts(readings: Candidates) -> Ints:
    """(n,) where the first reading of each text begins."""
    firsts = np.full(int(readings.owners.max(initial=-1)) + 1, np.iinfo(np.int64).max)
    np.minimum.at(firsts, readings.owners, readings.starts)
    return firsts


def _shares(readings: Candidates, population: Column) -> Column:
    """What part of all people who live in places of the name live in this one."""
    people = np.power(np.float64(10), population)
    totals = np.bincount(readings.spans, people)
    found: Column = (people / totals[readings.spans]).astype(np.float32)
    return found


def _namesakes(readings: Candidates, index: Index) -> tuple[Flags, Flags]:
    """Which readings are towns in an area that bears the same name here, and which are such areas."""
    tier = index.tiers[readings.places]
    towns = np.flatnonzero(tier == Tier.TOWN)
    own = pair(readings.spans, readings.places)
    areas = np.sort(own[tier <= Tier.SECOND])
    town, area = np.zeros(len(tier), np.bool_), np.zeros(len(tier), np.bool_)
    for rows in (index.firsts, index.seconds, index.countries):
        wanted = pair(readings.spans[towns], rows[readings.places[towns]].astype(np.int64))
        found = among(wanted, areas)
        town[towns[found]] = True
        area |= among(own, np.sort(wanted[found]))
    return town, area & (tier <= Tier.SECOND)
