"""Which reading of a text is right, and how sure that is.

The readings of a part of a text and one more, "no place", share a probability: softmax over the sums of what each
reason is worth. Those worths were fitted to author locations labelled by several hands (`places/build/fit.py`). A place
is as sure as all readings together that agree with it. Where no town is sure enough, the area that most readings agree
on may be: the county of a village that is not known, the country of a name that many towns bear.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from importlib import resources

import numpy as np
import numpy.typing as npt

from tocsin.gazetteer._evidence import REASONS
from tocsin.gazetteer._index import NOWHERE, Index, Tier
from tocsin.gazetteer._spans import Candidates
from tocsin.gazetteer._support import Column, distances, pair
from tocsin.gazetteer._text import Flags, Ints, among

Chances = npt.NDArray[np.float64]

SAME = 35.0
"""km within which two towns are one answer."""


@dataclass(frozen=True)
class Weights:
    """What each of REASONS is worth, and how sure a place must be to be given."""

    worth: Column
    threshold: float


@cache
def weights() -> Weights:
    stored = json.loads(resources.files(__package__).joinpath("_weights.json").read_text())
    return Weights(np.array([stored["worth"].get(name, 0.0) for name in REASONS], np.float32), stored["threshold"])


@dataclass(frozen=True)
class Choice:
    """The best place of each of n texts."""

    places: Ints
    """(n,) the row of the place: that of a reading, or an area that the readings agree on; -1 where none is sure."""
    confidence: Chances
    """(n,) of the best place, given or not; 0 where there is no reading at all."""


def probabilities(reasons: Column, readings: Candidates, worth: Column) -> Chances:
    """(c,) of each reading to be what its part of the text means. With "no place" those of a part sum to 1."""
    sums = np.zeros(reasons.shape[1], np.float64)
    for row, weight in zip(reasons, worth, strict=True):
        sums += np.float64(weight) * row
    if not len(sums):
        return sums
    top = np.maximum(np.maximum.reduceat(sums, readings.bounds[:-1]), 0)
    shifted = np.exp(sums - top[readings.parts])
    totals = np.add.reduceat(shifted, readings.bounds[:-1]) + np.exp(-top)
    found: Chances = shifted / totals[readings.parts]
    return found


def chosen(
    chances: Chances, reasons: Column, readings: Candidates, index: Index, count: int, threshold: float
) -> Choice:
    """The place of each of `count` texts: that of its first part that has one, or of a later part if that is better.

    Better is what is said to be where somebody is now, and what lies in the area that another part names.
    """
    places, confidence = np.full(count, -1, np.int64), np.zeros(count)
    if not len(chances):
        return Choice(places, confidence)
    best = _best(chances, readings)
    place, sure = _settled(best, chances, readings, index, threshold)
    owners = readings.owners[best]
    rank = _rank(best, place, reasons, owners, index)
    order = np.lexsort((-sure, -rank, place < 0, owners))
    first = order[np.append(True, owners[order][1:] != owners[order][:-1])]
    places[owners[first]] = place[first]
    confidence[owners[first]] = sure[first]
    return Choice(places, confidence)


def _best(chances: Chances, readings: Candidates) -> Ints:
    """(p,) the most probable reading of each part, the first of equals."""
    found: Ints = np.lexsort((-chances, readings.parts))[readings.bounds[:-1]]
    return found


def _settled(
    best: Ints, chances: Chances, readings: Candidates, index: Index, threshold: float
) -> tuple[Ints, Chances]:
    """The place of each part and how sure it is: the best, or an area around it that more readings agree on; or -1."""
    place = readings.places[best]
    sure = np.bincount(readings.parts, chances * _agreeing(readings, place, index)).astype(np.float64)
    for rows in (index.seconds, index.firsts, index.countries):
        area = np.where(sure < threshold, rows[place].astype(np.int64), NOWHERE)
        wanted = np.where(area == NOWHERE, -1, area)
        wider_sure = np.bincount(readings.parts, chances * _agreeing(readings, wanted, index)).astype(np.float64)
        wider = (wanted >= 0) & (wider_sure >= threshold)
        place, sure = np.where(wider, wanted, place), np.where(wider, wider_sure, sure)
    return np.where(sure >= threshold, place, -1), sure


def _rank(best: Ints, place: Ints, reasons: Column, owners: Ints, index: Index) -> Ints:
    """(p,) the higher the better: a part that says where somebody is now, or what lies in the area of another part."""
    here, once = (reasons[REASONS.index(name), best] > 0 for name in ("here", "once"))
    better = here.astype(np.int64) - once
    areas = np.sort(pair(owners, place))
    for rows in (index.countries, index.firsts, index.seconds):
        area = rows[place].astype(np.int64)
        better += among(pair(owners, area), areas) & (area != place) & (place >= 0)
    found: Ints = better * len(best) - np.arange(len(best))
    return found


def _agreeing(readings: Candidates, places: Ints, index: Index) -> Flags:
    """Which readings mean the place given for their part: it, what is in it, or for a town what is beside it."""
    wanted = places[readings.parts]
    own = readings.places
    agree: Flags = (own == wanted) | (index.countries[own] == wanted) | (index.firsts[own] == wanted)
    agree |= index.seconds[own] == wanted
    towns = np.flatnonzero(~agree & (wanted >= 0) & (index.tiers[wanted] >= Tier.SECOND))
    agree[towns] = distances(index, own[towns], wanted[towns]) <= SAME
    agree &= wanted >= 0
    return agree
