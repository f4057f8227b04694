"""The gazetteer in the wheel, and what it says of a text."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

from tocsin.component import Context
from tocsin.gazetteer.embedded import Config, Embedded
from tocsin.model import Place


def geocoder(**options: Any) -> Embedded:
    return Embedded(Config.model_validate(options), Context("gazetteer", Path()))


def located(gazetteer: Embedded, text: str) -> Place | None:
    (place,) = gazetteer.locate([text])
    return place


def answer(gazetteer: Embedded, text: str) -> tuple[str | None, str | None, str | None]:
    """Name, country and level."""
    place = located(gazetteer, text)
    return (None, None, None) if place is None else (place.name, place.country, place.level)


def distance(place: Place, latitude: float, longitude: float) -> float:
    """km, on a sphere."""
    assert place.lat is not None
    assert place.lon is not None
    north, other = math.radians(place.lat), math.radians(latitude)
    cosine = math.sin(north) * math.sin(other)
    cosine += math.cos(north) * math.cos(other) * math.cos(math.radians(place.lon - longitude))
    return 6371 * math.acos(min(cosine, 1.0))
