"""Nominatim, OpenStreetMap's own geocoder: a server of yours, or sparingly the public one.

API: https://nominatim.org/release-docs/latest/api/Search/ (format `jsonv2`); ranks of places:
https://nominatim.org/release-docs/latest/customize/Ranking/.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from functools import partial
from typing import Annotated

import msgspec
from pydantic import Field

from tocsin.component import Context
from tocsin.gazetteer._lookups import Lookups, Search
from tocsin.gazetteer._match import Candidate, Level, best
from tocsin.gazetteer._osm import ATTRIBUTION, LEVELS, OsmOptions, Server, Visit
from tocsin.gazetteer._stored import Stored
from tocsin.model import Place
from tocsin.net import host_and_port

COUNTRY_RANK, REGION_RANK, CITY_RANK = 4, 12, 25
RESULTS = 5
SURE = 0.5
"""What a place that nobody knows has of its confidence; the rest grows with its importance."""


class Config(OsmOptions):
    """Options of Nominatim."""

    min_importance: Annotated[float, Field(ge=0, le=1)] = 0.3
    """How well known a place must be, as Nominatim tells it: a village without an article in Wikipedia is below 0.3."""


class Result(msgspec.Struct):
    """What of an answer is read. `addresstype` is missing from servers before 4.2."""

    lat: float
    lon: float
    category: str
    type: str
    place_rank: int = 30
    importance: float | None = None
    addresstype: str | None = None
    name: str | None = None
    display_name: str = ""
    address: dict[str, str] = {}
    namedetails: dict[str, str] | None = None

    def candidate(self, min_importance: float) -> Candidate:
        importance = min(self.importance or 0.0, 1.0)
        return Candidate(
            names=self._names(),
            around=(self.display_name, *self.address.values()),
            country=self.address.get("country_code", ""),
            lat=self.lat,
            lon=self.lon,
            level=self._level() if importance >= min_importance else None,
            score=SURE + (1 - SURE) * importance,
        )

    def _names(self) -> Sequence[str]:
        """In English first, as was asked for."""
        others = [name for key, names in (self.namedetails or {}).items() if "name" in key for name in names.split(";")]
        return [self.name or self.display_name.partition(",")[0], *others]

    def _level(self) -> Level | None:
        if self.category == "place":
            return LEVELS.get(self.type)
        if (self.category, self.type) != ("boundary", "administrative") or self.place_rank > CITY_RANK:
            return None
        ranks: Level = "region" if COUNTRY_RANK < self.place_rank <= REGION_RANK else "city"
        return LEVELS.get(self.addresstype or "", "country" if self.place_rank <= COUNTRY_RANK else ranks)


class Nominatim:
    """Asks a Nominatim server."""

    attribution = ATTRIBUTION

    def __init__(self, config: Config, context: Context) -> None:
        self.id = f"nominatim:{host_and_port(config.url)}"
        self.patience = config.patience
        self._least = config.min_importance
        stored = Stored(context.data_dir, f"{self.id} {self._least}", config.keep, context.clock)
        self._server = Server(config, "/search", stored, context)
        self._lookups = Lookups(self._session, self._server.remote(self.id, context), stored)

    def locate(self, texts: Sequence[str], languages: Sequence[str | None] | None = None) -> Sequence[Place | None]:
        """Names come in English; the languages of the texts do not matter, since all names of a place are compared."""
        return self._lookups.locate(texts, languages)

    @asynccontextmanager
    async def _session(self) -> AsyncIterator[Search]:
        async with self._server.visit() as visit:
            yield partial(self._search, visit)

    async def _search(self, visit: Visit, text: str, language: str | None) -> Place | None:
        wanted = {"format": "jsonv2", "addressdetails": "1", "namedetails": "1", "accept-language": "en"}
        query = [("q", text), ("limit", str(RESULTS)), *wanted.items()]
        results = await visit.get(query, list[Result])
        return best(text, (result.candidate(self._least) for result in results))
