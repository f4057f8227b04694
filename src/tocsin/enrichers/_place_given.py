"""The place that a platform attached to a post: what is believed of it, and what the gazetteer adds."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import pyarrow as pa
import pyarrow.compute as pc
from msgspec.structs import replace

from tocsin.enrichers._place_lookup import Point, believed
from tocsin.model import Place

_FIELDS = {
    "place_name": "name", "place_level": "level", "country": "country", "lat": "lat", "lon": "lon",
    "place_origin": "origin", "place_confidence": "confidence",
}  # fmt: skip
_AREAS = frozenset({"region", "country"})
"""Levels of places that a town in their middle does not name."""


def given(batch: pa.RecordBatch) -> dict[int, Place]:
    """The platforms' places that can be believed, at least in part, by row."""
    columns = {field: batch.column(name) for name, field in _FIELDS.items() if name in batch.schema.names}
    there = pc.or_(pc.or_(columns["name"].is_valid(), columns["country"].is_valid()), columns["lat"].is_valid())
    rows = pc.indices_nonzero(there)
    values = zip(*(column.take(rows).to_pylist() for column in columns.values()), strict=True)
    found = {}
    for row, fields in zip(rows.to_pylist(), values, strict=True):
        said = dict(zip(columns, fields, strict=True))
        place = believed(Place(**said | {"origin": said["origin"] or "source"}))
        if place is not None:
            found[row] = place
    return found


def names(place: Place) -> Iterator[str]:
    """What the gazetteer is to be asked about a place that has no position.

    Flags stand for countries, since two letters may be the code of a state, too: London, CA.
    """
    if place.lat is not None:
        return
    if place.country is not None:
        yield " ".join(filter(None, (place.name, _flag(place.country))))
    if place.name is not None:
        yield place.name


def _flag(country: str) -> str:
    return "".join(chr(ord(letter) - ord("A") + 0x1F1E6) for letter in country)


def point(place: Place) -> Point | None:
    """Where the gazetteer is to be asked for a town: at a position without name or country."""
    if place.lat is None or place.lon is None or (place.name is not None and place.country is not None):
        return None
    return place.lat, place.lon


def completed(place: Place, named: Mapping[str, Place | None], at: Mapping[Point, Place]) -> Place:
    """The place with what the gazetteer adds. What the platform said stays as it is."""
    if place.lat is not None:
        there = at.get((place.lat, place.lon or 0.0), place)
        is_there = place.level not in _AREAS and place.country in (None, there.country)
        return replace(
            place,
            name=place.name or (there.name if is_there else None),
            country=place.country or there.country,
            level=place.level or "point",
            confidence=1.0 if place.confidence is None else place.confidence,
        )
    known = [found for name in names(place) if (found := named.get(name)) and place.country in (None, found.country)]
    found = max(known, key=lambda one: one.level != "country", default=None)
    if found is None:
        return place if place.name else replace(place, level="country")
    return replace(
        found,
        name=place.name or found.name,
        level="country" if found.level == "country" else place.level or found.level,
        origin=place.origin,
        confidence=found.confidence if place.confidence is None else place.confidence,
    )
