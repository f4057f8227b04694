"""Places looked up for posts, and what a record may hold of a place that somebody else gives."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from functools import cache
from typing import Any

from msgspec.structs import replace

from tocsin.component import Context
from tocsin.gazetteer._coordinates import coordinates
from tocsin.gazetteer.embedded import Config, Embedded, index
from tocsin.model import Place

LONGEST = 200
"""Characters of a text that may be a place; what is longer is none."""
LEVELS = frozenset({"point", "city", "region", "country"})

Point = tuple[float, float]


class Lookup:
    """The gazetteer, asked once for every different text. A point is (latitude, longitude)."""

    def __init__(self, config: Config, context: Context) -> None:
        self.gazetteer = Embedded(config, context)

    def named(self, names: Iterable[str]) -> dict[str, Place | None]:
        """Where the names are."""
        wanted = [name for name in dict.fromkeys(names) if len(name) <= LONGEST]
        return dict(zip(wanted, self.gazetteer.locate(wanted), strict=True)) if wanted else {}

    def at(self, points: Iterable[Point]) -> dict[Point, Place]:
        """The points as places: with the name of the nearest town and its country, where there is one near."""
        wanted = list(dict.fromkeys(points))
        near = self.gazetteer.nearest(wanted) if wanted else []
        return {point: _at(point, town) for point, town in zip(wanted, near, strict=True)}

    def stated(self, texts: Sequence[str]) -> list[Place | None]:
        """Where people say they are. `origin` is `coordinates` where the text holds such, else `profile`."""
        found = self.named(texts)
        return [None if (place := found.get(text)) is None else _stated(text, place) for text in texts]


def _at(point: Point, town: Place | None) -> Place:
    place = Place(lat=point[0], lon=point[1], level="point", confidence=1.0, origin="coordinates")
    return place if town is None else replace(place, name=town.name, country=town.country)


def _stated(text: str, place: Place) -> Place:
    written = place.level == "point" and coordinates(text) == (place.lat, place.lon)
    return replace(place, origin="coordinates" if written else "profile")


def believed(place: Place) -> Place | None:
    """What can be believed of a place that somebody else gives; None where nothing is left.

    >>> believed(Place(name=" Oslo ", country="no", lat=0.0, lon=0.0))
    Place(name='Oslo', country='NO', lat=None, lon=None, bbox=None, level=None, origin='source', confidence=None)
    """
    name = (place.name or "").strip()[:LONGEST] or None
    country = _country(place.country)
    point = _on_earth(place.lat, place.lon)
    if name is None and country is None and point is None:
        return None
    level = place.level if place.level in LEVELS and (point or place.level != "point") else None
    lat, lon = point or (None, None)
    confidence = place.confidence if _within(place.confidence, 0, 1) else None
    return Place(name=name, country=country, lat=lat, lon=lon, level=level, origin=place.origin, confidence=confidence)


def _country(code: Any) -> str | None:
    """ISO 3166-1 alpha-2 of a country that there is."""
    written = code.upper() if isinstance(code, str) and code.isascii() else None
    known = "GB" if written == "UK" else written
    return known if known in _countries() else None


@cache
def _countries() -> frozenset[str]:
    codes = index().codes.tobytes().decode()
    return frozenset(codes[start : start + 2] for start in range(0, len(codes), 2))


def _on_earth(lat: Any, lon: Any) -> Point | None:
    """A point on Earth; 0, 0 is what programs write for nothing."""
    return (lat, lon) if _within(lat, -90, 90) and _within(lon, -180, 180) and (lat or lon) else None


def _within(value: Any, low: float, high: float) -> bool:
    return isinstance(value, int | float) and math.isfinite(value) and low <= value <= high
