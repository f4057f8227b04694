"""What the build passes around: a place, its names, and how names and positions are compared."""

from __future__ import annotations

import math
import unicodedata
from dataclasses import dataclass, field
from functools import lru_cache

KINDS = (
    "primary",
    "official",
    "translated",
    "alternate",
    "stripped",
    "ascii",
    "subdivision",
    "iso2",
    "iso3",
    "airport",
)
"""The kinds of name, strongest first: where two names of a place fold alike, the stronger one stays."""

_LETTERS = str.maketrans({"ø": "o", "ł": "l", "ı": "i", "đ": "d", "ð": "d", "þ": "th", "æ": "ae", "œ": "oe"})
_APOSTROPHES = str.maketrans(dict.fromkeys("'’‘`ʻʼʿʾ´‘′", ""))


@dataclass
class Name:
    """One name of a place, as it is written; `language` is ISO 639, "" if unknown."""

    text: str
    kind: str
    language: str = ""


@dataclass
class Place:
    """A country, area, town or locality; admin codes are those of GeoNames, the position is in degrees."""

    name: str
    tier: str
    country: str
    admin1: str = ""
    admin2: str = ""
    lat: float = math.nan
    lon: float = math.nan
    population: int = 0
    geoname: int = 0
    feature: str = ""
    radius_km: float = 0.0
    names: list[Name] = field(default_factory=list)

    def add(self, text: str, kind: str, language: str = "") -> None:
        """Give the place one more name; an empty one is ignored."""
        text = unicodedata.normalize("NFC", " ".join(text.split()))
        if text:
            self.names.append(Name(text, kind, language))

    def folded(self) -> set[str]:
        """The names by which the place can be recognised, folded."""
        return {fold(self.name), *(fold(name.text) for name in self.names)}


@lru_cache(maxsize=2_000_000)
def fold(name: str) -> str:
    """The name in lower case, without accents (of Latin, Greek and Cyrillic letters only), apostrophes and hyphens."""
    text = name.casefold().translate(_APOSTROPHES)
    if not text.isascii():
        text = "".join(_unaccented(character) for character in unicodedata.normalize("NFKC", text).translate(_LETTERS))
    return " ".join(text.replace("-", " ").replace(".", " ").split())


@lru_cache(maxsize=200_000)
def _unaccented(character: str) -> str:
    base = unicodedata.normalize("NFD", character)[0]
    return base if ord(base) < 0x0530 else character  # above lie scripts whose marks are letters


def distance_km(lat: float, lon: float, other_lat: float, other_lon: float) -> float:
    """Great-circle distance between two points in degrees, in kilometres."""
    lat, lon, other_lat, other_lon = map(math.radians, (lat, lon, other_lat, other_lon))
    half = math.sin((other_lat - lat) / 2) ** 2
    half += math.cos(lat) * math.cos(other_lat) * math.sin((other_lon - lon) / 2) ** 2
    return 12_742 * math.asin(min(1.0, math.sqrt(half)))
