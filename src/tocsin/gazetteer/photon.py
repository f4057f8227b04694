"""Photon, a geocoder over OpenStreetMap's data that forgives typing errors; light enough for a server of yours.

API: https://github.com/komoot/photon/blob/master/docs/api-v1.md. It gives the names of a place in one language only, so
a text whose answer has another name in English is asked once more, in its own language where the caller knows that.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from functools import partial

import msgspec

from tocsin.component import Context
from tocsin.gazetteer._lookups import Lookups, Search
from tocsin.gazetteer._match import Candidate, Level, best
from tocsin.gazetteer._osm import ATTRIBUTION, LEVELS, OsmOptions, Server, Visit
from tocsin.gazetteer._stored import Stored
from tocsin.model import Place
from tocsin.net import host_and_port

RESULTS = 5
SURE = 0.7
"""The confidence of an answer that fits: Photon does not say how sure it is."""
_SMALL = frozenset({"hamlet", "quarter", "neighbourhood"})
"""Not taken: there is one of any name, and Photon does not say how well known it is."""
_LAYERS: dict[str, Level] = {
    "country": "country", "state": "region", "county": "region", "city": "city", "district": "city",
}  # fmt: skip


class Config(OsmOptions):
    """Options of Photon."""

    languages: tuple[str, ...] = ("en", "de", "fr")
    """The languages that the server's index has names in, as it says itself when it refuses another."""


class Properties(msgspec.Struct):
    """What of an answer is read. `type` is missing from servers before 0.4."""

    osm_type: str
    osm_id: int
    osm_key: str
    osm_value: str
    type: str | None = None
    name: str | None = None
    countrycode: str | None = None
    country: str | None = None
    state: str | None = None
    county: str | None = None
    city: str | None = None
    district: str | None = None
    locality: str | None = None

    def level(self) -> Level | None:
        if self.osm_key == "place":
            return None if self.osm_value in _SMALL else LEVELS.get(self.osm_value)
        if (self.osm_key, self.osm_value) == ("boundary", "administrative"):
            return _LAYERS.get(self.type or "")
        return None


class Geometry(msgspec.Struct):
    coordinates: tuple[float, float]
    """Longitude, latitude."""


class Feature(msgspec.Struct):
    properties: Properties
    geometry: Geometry

    def candidate(self) -> Candidate:
        found = self.properties
        around = (found.country, found.state, found.county, found.city, found.district, found.locality)
        lon, lat = self.geometry.coordinates
        return Candidate(
            names=[found.name or ""],
            around=[name for name in around if name],
            country=found.countrycode or "",
            lat=lat,
            lon=lon,
            level=found.level() if found.name else None,
            score=SURE,
        )


class Features(msgspec.Struct):
    features: list[Feature]


class Photon:
    """Asks a Photon server."""

    attribution = ATTRIBUTION

    def __init__(self, config: Config, context: Context) -> None:
        self.id = f"photon:{host_and_port(config.url)}"
        self.patience = config.patience
        self._languages = config.languages
        stored = Stored(context.data_dir, f"{self.id} {','.join(self._languages)}", config.keep, context.clock)
        self._server = Server(config, "/api", stored, context)
        remote = self._server.remote(self.id, context)
        self._lookups = Lookups(self._session, remote, stored, languages=frozenset(self._languages) - {"en"})

    def locate(self, texts: Sequence[str], languages: Sequence[str | None] | None = None) -> Sequence[Place | None]:
        """Names come in English where the server has them."""
        return self._lookups.locate(texts, languages)

    @asynccontextmanager
    async def _session(self) -> AsyncIterator[Search]:
        async with self._server.visit() as visit:
            yield partial(self._search, visit)

    async def _search(self, visit: Visit, text: str, language: str | None) -> Place | None:
        """In English, then in the text's language, or by the names that are used at the place itself."""
        english = await self._features(visit, text, "en" if "en" in self._languages else None)
        place = best(text, english.values())
        if place is not None or not any(candidate.level for candidate in english.values()):
            return place
        own = await self._features(visit, text, language)
        return best(text, (_with_names(one, english.get(key, one)) for key, one in own.items()))

    async def _features(self, visit: Visit, text: str, language: str | None) -> dict[tuple[str, int], Candidate]:
        """Candidates in order, by what they are in OpenStreetMap."""
        query = [("q", text), ("limit", str(RESULTS)), ("osm_tag", "place"), ("osm_tag", "boundary")]
        answer = await visit.get(query + ([("lang", language)] if language else []), Features)
        return {
            (feature.properties.osm_type, feature.properties.osm_id): feature.candidate() for feature in answer.features
        }


def _with_names(own: Candidate, english: Candidate) -> Candidate:
    """One place by its names in two languages, the English one first."""
    return replace(own, names=(*english.names, *own.names), around=(*english.around, *own.around))
