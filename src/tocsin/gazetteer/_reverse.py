"""From a position to the nearest town: the towns in cells of one degree, the cells around a point looked through."""

from __future__ import annotations

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
        self._cells = cells[self._order]

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
        reach = min(int(1 / max(np.cos(np.radians(latitude)), 0.02)) + 1, _ACROSS // 2)
        norths = np.floor(latitude) + np.arange(-1, 2)
        easts = np.floor(longitude) + np.arange(-reach, reach + 1)
        cells = np.unique(_cell(*np.meshgrid(norths, easts)).ravel())
        firsts, lasts = np.searchsorted(self._cells, cells), np.searchsorted(self._cells, cells, side="right")
        return np.concatenate([self._order[first:last] for first, last in zip(firsts, lasts, strict=True)])


@lru_cache(maxsize=2)
def grid(index: Index) -> Grid:
    return Grid(index)


def _cell(north: Degrees, east: Degrees) -> Ints:
    found: Ints = ((north + 90) * _ACROSS + (east + 180) % _ACROSS).astype(np.int64)
    return found
