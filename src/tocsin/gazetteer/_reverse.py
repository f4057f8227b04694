"""From a position to the nearest town: the towns in cells of one degree, the cells around a point looked through."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from tocsin.gazetteer._index import DEGREE, Index, Tier
from tocsin.gazetteer._text import Ints

Degrees = npt.NDArray[np.float64]

FAR = 100.0
"""km beyond which no town is near."""
_EARTH = 6371.0
_ACROSS = 360


class Grid:
    def __init__(self, index: Index) -> None:
        self._towns = np.flatnonzero(index.tiers == Tier.TOWN)
        self._latitudes = index.latitudes[self._towns] / DEGREE
        self._longitudes = index.longitudes[self._towns] / DEGREE
        cells = _cell(np.floor(self._latitudes), np.floor(self._longitudes))
        self._order = np.argsort(cells, kind="stable")
        self._starts = np.searchsorted(cells[self._order], np.arange(181 * _ACROSS + 1))

    def nearest(self, points: Sequence[tuple[float, float]]) -> tuple[list[int], list[float]]:
        """The row of the nearest town of each point and its distance in km; infinite where no cell around has one."""
        found = [self._one(latitude, longitude) for latitude, longitude in points]
        return [row for row, _ in found], [distance for _, distance in found]

    def _one(self, latitude: float, longitude: float) -> tuple[int, float]:
        if not (abs(latitude) <= 90 and abs(longitude) <= 180):
            return -1, float("inf")
        towns = self._around(latitude, longitude)
        if not len(towns):
            return -1, float("inf")
        here, there = np.radians(latitude), np.radians(self._latitudes[towns])
        east = np.radians(self._longitudes[towns] - longitude)
        half = np.sin((there - here) / 2) ** 2 + np.cos(here) * np.cos(there) * np.sin(east / 2) ** 2
        best = int(np.argmin(half))
        return int(self._towns[towns[best]]), float(2 * _EARTH * np.arcsin(np.sqrt(half[best])))

    def _around(self, latitude: float, longitude: float) -> Ints:
        """The towns of the cells around; near a pole, where a degree of longitude is short, of more of them."""
        reach = min(int(1 / max(math.cos(math.radians(latitude)), 0.02)) + 1, _ACROSS // 2)
        west = math.floor(longitude) + 180 - reach
        parts = [np.zeros(0, np.int64)]
        for north in range(max(math.floor(latitude) + 89, 0), min(math.floor(latitude) + 91, 180) + 1):
            for first, last in _turns(west, west + 2 * reach + 1):
                cell = north * _ACROSS
                parts.append(self._order[self._starts[cell + first] : self._starts[cell + last]])
        return np.concatenate(parts)


def _turns(west: int, east: int) -> list[tuple[int, int]]:
    """The stretches of cells from `west` to before `east` on one parallel, which may run over its seam."""
    if east - west >= _ACROSS:
        return [(0, _ACROSS)]
    first, last = west % _ACROSS, (east - 1) % _ACROSS + 1
    return [(first, last)] if first < last else [(first, _ACROSS), (0, last)]


@lru_cache(maxsize=2)
def grid(index: Index) -> Grid:
    return Grid(index)


def _cell(north: Degrees, east: Degrees) -> Ints:
    found: Ints = ((north + 90) * _ACROSS + (east + 180) % _ACROSS).astype(np.int64)
    return found
