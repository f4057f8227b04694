"""Amazon Location Service: the operation Geocode of its Places API, version 2.

https://docs.aws.amazon.com/location/latest/APIReference/API_geoplaces_Geocode.html. What it answers goes into a lake,
so it is asked with the intended use `Storage`, which its terms ask for and which costs more.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from functools import partial
from typing import Annotated, Any

import msgspec
from botocore.exceptions import ClientError
from pydantic import Field

from tocsin.component import Context
from tocsin.gazetteer._lookups import KeepOptions, Lookups, Search
from tocsin.gazetteer._match import Candidate, Level, best
from tocsin.gazetteer._stored import Stored
from tocsin.model import Place
from tocsin.models._aws import AwsOptions, Service
from tocsin.models._remote import Remote, Unfit

RESULTS = 5
LEVELS: dict[str, Level] = {
    "Country": "country", "Region": "region", "SubRegion": "region", "Locality": "city", "District": "city",
}  # fmt: skip
Score = Annotated[float, msgspec.Meta(ge=0, le=1)]


class Config(AwsOptions, KeepOptions):
    """Options of Amazon Location Service."""

    region: str | None = None
    """The region of AWS. Default: that of the environment or the profile."""
    min_score: Annotated[float, Field(ge=0, le=1)] = 0.8
    """How well an answer must match, as the service says itself (`MatchScores`)."""
    price_per_1000: Annotated[float, Field(ge=0)] = 4.0
    """US dollars for a thousand requests whose results are stored; see AWS's list of prices for your region."""


class Named(msgspec.Struct, rename="pascal"):
    name: str = ""
    code: str = ""


class Country(msgspec.Struct, rename="pascal"):
    code2: str = ""
    name: str = ""


class Address(msgspec.Struct, rename="pascal"):
    label: str = ""
    country: Country = msgspec.field(default_factory=Country)
    region: Named = msgspec.field(default_factory=Named)
    sub_region: Named = msgspec.field(default_factory=Named)
    locality: str = ""
    district: str = ""

    def part(self, place_type: str) -> str:
        """The name of the place itself."""
        parts = {
            "Country": self.country.name,
            "Region": self.region.name,
            "SubRegion": self.sub_region.name,
            "Locality": self.locality,
            "District": self.district,
        }
        return parts.get(place_type, "")


class Parts(msgspec.Struct, rename="pascal"):
    """How well each part of the address matches. One may be missing, or a list."""

    address: dict[str, Any] = {}


class Scores(msgspec.Struct, rename="pascal"):
    overall: Score = 0.0
    components: Parts = msgspec.field(default_factory=Parts)


class Item(msgspec.Struct, rename="pascal"):
    """What of an answer is read. The position is longitude, latitude."""

    place_type: str
    title: str = ""
    position: tuple[float, float] = (0.0, 0.0)
    address: Address = msgspec.field(default_factory=Address)
    match_scores: Scores = msgspec.field(default_factory=Scores)

    def candidate(self, text: str, min_score: float) -> Candidate:
        own = self.address.part(self.place_type) or self.title.partition(",")[0]
        around = (self.title, self.address.label, self.address.country.name, self.address.region.code)
        lon, lat = self.position
        return Candidate(
            # In another language the name cannot be compared: then the service's word counts that it is meant.
            names=(own, text) if self._named(min_score) else (own,),
            around=around,
            country=self.address.country.code2,
            lat=lat,
            lon=lon,
            level=LEVELS.get(self.place_type) if own and self.match_scores.overall >= min_score else None,
            score=self.match_scores.overall,
        )

    def _named(self, min_score: float) -> bool:
        """Whether the place's own name, in some language, is in the text."""
        score = self.match_scores.components.address.get(self.place_type)
        return isinstance(score, int | float) and score >= min_score


class Items(msgspec.Struct, rename="pascal"):
    """`result_items` is missing where the body was not JSON, of which botocore says nothing."""

    result_items: list[Item]


class Amazon:
    """Asks Amazon Location Service. Raises ConfigError without a region."""

    attribution = "Amazon Location Service and its data providers, https://aws.amazon.com/location/data-providers/"

    def __init__(self, config: Config, context: Context) -> None:
        self._service = Service("geo-places", config.region, config, context.clock)
        self.id = f"amazon:{self._service.region}"
        self.patience = config.patience
        self._least = config.min_score
        stored = Stored(context.data_dir, f"{self.id} {self._least}", config.keep, context.clock)
        remote = Remote(self.id, config, context, remembers=False)
        self._lookups = Lookups(self._session, remote, stored, price=config.price_per_1000 / 1000)

    def locate(self, texts: Sequence[str], languages: Sequence[str | None] | None = None) -> Sequence[Place | None]:
        """Names come in English; the languages of the texts do not matter."""
        return self._lookups.locate(texts, languages)

    @asynccontextmanager
    async def _session(self) -> AsyncIterator[Search]:
        yield self._search

    async def _search(self, text: str, language: str | None) -> Place | None:
        answer = await self._service.call(partial(_geocode, text))
        try:
            items = msgspec.convert(answer, Items).result_items
        except msgspec.ValidationError as error:
            raise Unfit(f"geo-places gave an answer of another shape than its API says: {error}") from None
        return best(text, (item.candidate(text, self._least) for item in items))


def _geocode(text: str, client: Any) -> dict[str, Any]:
    try:
        answer: dict[str, Any] = client.geocode(
            QueryText=text, MaxResults=RESULTS, Language="en", IntendedUse="Storage"
        )
    except ClientError as error:
        if "QueryText" in {field.get("Name") for field in error.response.get("FieldList", [])}:
            return {"ResultItems": []}  # a text that the service does not take is nowhere
        raise
    return answer
