"""The index of names: a folder of NumPy arrays, memory-mapped, as `places/build/pack.py` writes them.

Places are rows: first all countries, then first-level areas, second-level areas, regions of no official level, towns.
Names are 48-bit keys (`_text.py`), sorted; each leads to the places that bear it, with the kind of name that it is.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from enum import IntEnum
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from tocsin.errors import ConfigError
from tocsin.gazetteer._text import Bytes, Ints, Keys

VERSION = 1
"""Of the folder's layout. Others are refused."""
NOWHERE = 0xFFFF
"""Stands for the row of an area that a place is not in, or that is not known."""
DEGREE = 10_000
"""Positions are whole multiples of a degree's ten-thousandth."""
POPULATION_STEP = 32
"""A population is kept as its decimal logarithm in steps of 1 / 32."""
KEY_MASK = np.uint64(0xFFFFFFFFFFFF0000)
_FILTER_SHIFT = np.uint64(64 - 22)


class Tier(IntEnum):
    """What a place is."""

    COUNTRY = 0
    FIRST = 1
    """A state, a province: the first level below the country."""
    SECOND = 2
    """A county, a district: the second level."""
    REGION = 3
    """A region of no official level: the Midwest, Siberia, an island."""
    TOWN = 4
    QUARTER = 5
    """A part of a town."""
    LOCALITY = 6
    """A place of which only name and position are known: a hamlet, a post office, a harbour."""


class Kind(IntEnum):
    """What a name is to its place, the strongest first."""

    PRIMARY = 0
    CURATED = 1
    """What people call it, on our word: NYC, LDN, CDMX."""
    OFFICIAL = 2
    """Its name in full, or without what says which kind of area it is."""
    TRANSLATED = 3
    """Its name in another language."""
    ALTERNATE = 4
    """Some other name, of which nothing else is known."""
    CODE = 5
    """Of a first-level area in its country: NY, NSW."""
    ISO2 = 6
    ISO3 = 7
    AIRPORT = 8
    WEAK = 9
    """A name that means the place only beside something that agrees."""
    FLAG = 10
    CAPITALS = 11
    """What people call it, if it is written in capitals: LA, but not "la"."""


@dataclass(frozen=True, eq=False)
class Index:
    """p places, k names, n pairs of a name and a place that bears it."""

    manifest: dict[str, Any]
    keys: Keys
    """(k,) sorted"""
    offsets: npt.NDArray[np.uint32]
    """(k + 1,): the pairs of name i are those from `offsets[i]` to `offsets[i + 1]`, the largest place first."""
    commonness: Bytes
    """(k,): how often people write the name and do not mean a place: 8 times the binary logarithm of the count + 1."""
    places: npt.NDArray[np.uint32]
    kinds: Bytes
    """(n,) which place a pair is of, and its `Kind`."""
    tiers: Bytes
    populations: Bytes
    fame: Bytes
    """(p,) 16 times the binary logarithm of the number of names that a place has."""
    countries: npt.NDArray[np.uint16]
    firsts: npt.NDArray[np.uint16]
    seconds: npt.NDArray[np.uint16]
    """(p,) the row of the country, the first-level and the second-level area that a place is in (or is)."""
    latitudes: npt.NDArray[np.int32]
    longitudes: npt.NDArray[np.int32]
    radii: npt.NDArray[np.uint16]
    """(p,) how far from the middle of an area its people live, in km."""
    denied: Keys
    """Names that are no place where they stand alone, sorted: the moon, hell, Gotham City."""
    ordinary: Keys
    """Words of everyday language, sorted."""
    typos: Keys
    meant: Keys
    """Words of well-known names with one letter left out, sorted, and the words that they stand for. The 16 low bits of
    a key say which letter is left out, from 1 on; 0: none."""
    titles: Bytes
    title_bounds: npt.NDArray[np.uint32]
    """The primary names, UTF-8, one behind the other."""
    codes: Bytes
    """Of the countries: two letters each."""

    @cached_property
    def _seen(self) -> npt.NDArray[np.bool_]:
        """A filter: false where no name's key begins with these 22 bits."""
        seen = np.zeros(1 << 22, np.bool_)
        seen[self.keys >> _FILTER_SHIFT] = True
        return seen

    def find(self, keys: Keys) -> tuple[Ints, Ints]:
        """Which of the keys are names, and of those the number of the name."""
        likely = np.flatnonzero(self._seen[keys >> _FILTER_SHIFT])
        wanted = keys[likely] & KEY_MASK
        spots = np.minimum(np.searchsorted(self.keys, wanted), len(self.keys) - 1)
        known = self.keys[spots] == wanted
        return likely[known], spots[known]

    def title(self, place: int) -> str:
        return bytes(self.titles[self.title_bounds[place] : self.title_bounds[place + 1]]).decode()

    def country(self, place: int) -> str:
        """ISO 3166-1 alpha-2."""
        row = 2 * int(self.countries[place])
        return bytes(self.codes[row : row + 2]).decode()


ARRAYS = tuple(name for name in Index.__annotations__ if name != "manifest")


def opened(folder: Path) -> Index:
    """The index in a folder. Raises ConfigError where there is none, a damaged one, or one of another layout."""
    try:
        manifest = json.loads((folder / "manifest.json").read_text())
        if not isinstance(manifest, dict) or manifest.get("version") != VERSION:
            message = f"the gazetteer in {folder} is not of layout {VERSION}, which this Tocsin reads"
            raise ConfigError(message, hint="build it again: places/build/README.md")
        arrays = {name: np.lib.format.open_memmap(folder / f"{name}.npy", mode="r") for name in ARRAYS}
        index = Index(manifest, **{name: array.view(np.ndarray) for name, array in arrays.items()})
        _check(index)
        return index
    except (OSError, ValueError, RecursionError) as error:
        raise ConfigError(f"no gazetteer can be read in {folder}: {error}") from error


def _check(index: Index) -> None:
    """Raises ValueError where the arrays do not fit together."""
    names, pairs, places = len(index.keys), len(index.places), len(index.tiers)
    wanted = dict.fromkeys(("commonness",), names) | {
        "offsets": names + 1,
        "kinds": pairs,
        "title_bounds": places + 1,
    }
    wanted |= dict.fromkeys(("populations", "fame", "countries", "firsts", "seconds", "radii"), places)
    wanted |= {"latitudes": places, "longitudes": places, "typos": len(index.meant)}
    for name, length in wanted.items():
        if len(getattr(index, name)) != length:
            raise ValueError(f"{name}.npy has {len(getattr(index, name))} rows instead of {length}")
    for name in ARRAYS:
        if not np.issubdtype(getattr(index, name).dtype, np.integer):
            raise ValueError(f"{name}.npy holds no whole numbers")
    if (
        "made" not in index.manifest
        or names == 0
        or index.offsets[-1] != pairs
        or index.title_bounds[-1] != len(index.titles)
    ):
        raise ValueError("its parts are not of one build")
