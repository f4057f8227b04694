"""Where a post is from: the platform's own place, else what its text says, else what its author states.

What the gazetteer leaves open of the authors' places may be asked of a `geocoder`. A post whose place is not known, or
whose geocoder fails, has none and is kept like every other.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pydantic import ConfigDict, Field

from tocsin import load, posts, records
from tocsin.component import Context, Geocoder, Patience
from tocsin.enrichers import _place_given as platform
from tocsin.enrichers._place_lookup import Lookup, believed
from tocsin.enrichers._place_mentions import mentions, talked_about
from tocsin.errors import Permanent, Transient
from tocsin.gazetteer import embedded
from tocsin.gazetteer._coordinates import coordinates
from tocsin.model import Place as Found
from tocsin.options import Options
from tocsin.settings import Part

log = logging.getLogger(__name__)

ABOUT = 0.8
"""What the place that a post talks about is worth as the place that it is from."""
_GUESSES = ("coordinates", "text", "profile")
_FIELDS = {
    "place_name": "name", "place_level": "level", "country": "country", "lat": "lat", "lon": "lon",
    "place_confidence": "confidence",
}  # fmt: skip


class Config(Options):
    model_config = ConfigDict(serialize_by_alias=True)

    takes: ClassVar[frozenset[str]] = frozenset({"places"})

    origins: tuple[Literal["post", "text", "profile"], ...] = Field(("post", "text", "profile"), alias="from")
    """What is looked at: the place that the platform attached to the `post`, coordinates and names in its `text`, the
    author's `profile`. The order does not matter."""
    geocoder: Part | None = None
    """Who is asked for the authors' places that the gazetteer does not know: a `type`, and the options of that type.
    Default: nobody."""
    places: embedded.Config = embedded.Config()
    """The places of the config."""


class Place:
    """Fills the place that is most to be trusted, where it comes from and how sure it is; beside it the author's stated
    place and the place that the post talks about."""

    fills: ClassVar[frozenset[str]] = frozenset({*_FIELDS, "place_origin", "stated_place", "about_place"})
    needs: ClassVar[frozenset[str]] = frozenset({"language", "entities"})

    def __init__(self, config: Config, context: Context) -> None:
        self._origins = config.origins
        self._lookup = Lookup(config.places, context)
        self._geocoder: Geocoder | None = None
        if config.geocoder is not None:
            self._geocoder = load.build("gazetteer", config.geocoder.type, config.geocoder.options, context)

    @property
    def patience(self) -> Patience:
        """How long the geocoder may take."""
        asked = getattr(self._geocoder, "patience", Patience())
        return asked if isinstance(asked, Patience) else Patience(seconds=asked)

    def enrich(self, batch: pa.RecordBatch) -> dict[str, pa.Array]:
        given, points, named = self._in_posts(batch)
        guesses = (_places(points, batch.num_rows), _places(named, batch.num_rows), self._stated(batch))
        filled = _chosen(_places(given, batch.num_rows), _origins(given, batch.num_rows), guesses)
        return filled | {"stated_place": guesses[2], "about_place": _places(named | points, batch.num_rows)}

    def _in_posts(self, batch: pa.RecordBatch) -> tuple[dict[int, Found], dict[int, Found], dict[int, Found]]:
        """By row: what platforms attached, the coordinates in texts, the places named in texts."""
        given = platform.given(batch) if "post" in self._origins else {}
        written = posts.texts(batch) if "text" in self._origins else []
        points = {row: point for row, text in enumerate(written) if (point := coordinates(text)) is not None}
        named = mentions(written, batch.column("entities")) if written else {}
        names = [name for place in given.values() for name in platform.names(place)]
        names += [form for said in named.values() for mention in said for form in mention.forms]
        located = self._lookup.named(names)
        bare = [point for place in given.values() if (point := platform.point(place)) is not None]
        at = self._lookup.at([*bare, *points.values()])
        return (
            {row: platform.completed(place, located, at) for row, place in given.items()},
            {row: at[point] for row, point in points.items()},
            {row: place for row, said in named.items() if (place := talked_about(said, located)) is not None},
        )

    def _stated(self, batch: pa.RecordBatch) -> pa.StructArray:
        """Where the authors say they are. A text is looked up once, however many posts have it."""
        if "profile" not in self._origins:
            return pa.nulls(batch.num_rows, records.PLACE)
        column = batch.column("author_location").dictionary_encode()
        texts = column.dictionary.to_pylist()
        found = self._lookup.stated(texts)
        if self._geocoder is not None:
            found = self._asked(self._geocoder, texts, found)
        return _places(dict(enumerate(found)), len(texts)).take(column.indices)

    def _asked(self, geocoder: Geocoder, texts: Sequence[str], found: Sequence[Found | None]) -> list[Found | None]:
        """The same with what the geocoder knows of those that are not found. Whatever it does, there is an answer."""
        left = [text for text, place in zip(texts, found, strict=True) if place is None and text.strip()]
        try:
            answers = geocoder.locate(left) if left else []
            known = {text: place and believed(place) for text, place in zip(left, answers, strict=True)}
        except (Transient, Permanent) as error:
            log.warning("%s found none of %d places: %s.", geocoder.id, len(left), error)
            return list(found)
        except Exception:  # somebody else's code: a place is not worth a post
            log.exception("%s cannot be asked for places: a bug of it.", geocoder.id)
            return list(found)
        return [place or known.get(text) for text, place in zip(texts, found, strict=True)]


def _places(found: Mapping[int, Found | None], rows: int) -> pa.StructArray:
    """Places by row as a column."""
    values: list[dict[str, Any] | None] = [None] * rows
    for row, place in found.items():
        if place is not None:
            values[row] = {field.name: getattr(place, field.name) for field in records.PLACE}
    return pa.array(values, records.PLACE)


def _origins(given: Mapping[int, Found], rows: int) -> pa.Array:
    return pa.array([given[row].origin if row in given else None for row in range(rows)], pa.string())


def _chosen(given: pa.StructArray, origins: pa.Array, guesses: tuple[pa.StructArray, ...]) -> dict[str, pa.Array]:
    """The columns of the place that is most to be trusted: the first that is there."""
    choices = (given, *guesses)
    there = np.array([column.is_valid().to_numpy(zero_copy_only=False) for column in choices])
    which = pa.array(there.argmax(axis=0), pa.int64(), mask=~there.any(axis=0))
    fields = {name: [pc.struct_field(column, field) for column in choices] for name, field in _FIELDS.items()}
    fields["place_origin"] = [origins, *(pa.scalar(origin) for origin in _GUESSES)]
    sureness = fields["place_confidence"]
    about = 1 + _GUESSES.index("text")
    sureness[about] = pc.multiply(sureness[about], pa.scalar(ABOUT, pa.float32()))
    return {name: pc.choose(which, *columns) for name, columns in fields.items()}
