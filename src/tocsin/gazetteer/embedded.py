"""The gazetteer in the wheel: what people write as a place, resolved offline (docs/explanation/places.md).

Names are found in the text (`_spans.py`), what speaks for each place that bears one is weighed (`_evidence.py`), and
the best is given where it is sure enough (`_choice.py`). Data: GeoNames, CC BY 4.0, and others named in NOTICE.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Literal

import msgspec
import numpy as np
import numpy.typing as npt

from tocsin.component import Context
from tocsin.gazetteer import _choice, _evidence, _own, _reverse, _spans, _spelling, _text
from tocsin.gazetteer._coordinates import coordinates
from tocsin.gazetteer._index import DEGREE, NOWHERE, Index, Tier, opened
from tocsin.gazetteer._support import Column
from tocsin.model import Place
from tocsin.options import Options

AT_ONCE = 512
"""Texts that are resolved together; more gain nothing and take memory."""
_CACHED = 20_000
_LEVELS: dict[Tier, Literal["country", "region"]] = {
    Tier.COUNTRY: "country",
    Tier.FIRST: "region",
    Tier.SECOND: "region",
    Tier.REGION: "region",
}


class Config(Options):
    """What the config's block `places:` adds to the gazetteer."""

    aliases: Mapping[str, tuple[float, float]] = {}
    """Your own names for places, each with its latitude and longitude in degrees. They come before all others."""
    corrections: Mapping[str, str | None] = {}
    """What authors write that is misunderstood: each with what to read in its stead, or null for nowhere."""
    index: Path | None = None
    """Folder of an index of your own, built as `places/build/README.md` says. Default: the one that comes along."""


@dataclass(frozen=True)
class Reading:
    """One thing that a text may mean, how probable that is, and why."""

    words: str
    place: Place
    area: str | None
    """The first-level area that the place is in."""
    reasons: Mapping[str, float]
    """What each reason adds to the sum that decides."""


class Embedded:
    """A Geocoder. Texts are author locations, or names of places out of posts."""

    attribution = "GeoNames (CC BY 4.0)"

    def __init__(self, config: Config, context: Context) -> None:
        self._index = opened(context.base_dir / config.index) if config.index else index()
        self.id = f"gazetteer {self._index.manifest['made']}"
        self._own = _own.Names(config.aliases, config.corrections)
        self.weights = _choice.weights()
        self._known: dict[str, Place | None] = {}

    def locate(self, texts: Sequence[str], languages: Sequence[str | None] | None = None) -> Sequence[Place | None]:
        """One place a text, or None. The same text has the same place always, so the languages do not count."""
        known = self._known
        missing = list({text: None for text in texts if text not in known})
        if len(known) + len(missing) > _CACHED:
            known.clear()
            missing = list(dict.fromkeys(texts))
        for start in range(0, len(missing), AT_ONCE):
            part = missing[start : start + AT_ONCE]
            known.update(zip(part, self._resolve(part), strict=True))
        return [known[text] for text in texts]

    def nearest(self, points: Sequence[tuple[float, float]]) -> list[Place | None]:
        """The town nearest to each point (latitude, longitude), or None where there is none within 100 km."""
        rows, distances = _reverse.grid(self._index).nearest(points)
        return [
            self._place(row, 1.0) if distance <= _reverse.FAR else None
            for row, distance in zip(rows, distances, strict=True)
        ]

    def readings(self, text: str, most: int = 8) -> list[Reading]:
        """What the text may mean, the most probable first, spelled right and corrected as for `locate`.

        The readings of a part of it share a probability with "no place".
        """
        parsed = self._parsed(_text.split(self._own.corrected([text])))
        if next(self._respelled(parsed, self._places(parsed)), None) is not None:
            parsed = self._parsed(parsed.words, self._corrected(parsed, np.ones(1, np.bool_)))
        worth = self.weights.worth
        order = np.argsort(-parsed.chances, kind="stable")[:most]
        return [self._reading(parsed, int(row), worth) for row in order]

    def _parsed(self, words: _text.Words, keys: _text.Keys | None = None) -> _Parsed:
        spans = _spans.found(words, self._index, keys)
        readings = _spans.candidates(words, spans, self._index)
        reasons = _evidence.evidence(words, spans, readings, self._index)
        return _Parsed(words, spans, readings, reasons, _choice.probabilities(reasons, readings, self.weights.worth))

    def _resolve(self, texts: Sequence[str]) -> list[Place | None]:
        texts = self._own.corrected(texts)
        parsed = self._parsed(_text.split(texts))
        found = self._places(parsed)
        for number, place in self._respelled(parsed, found):
            found[number] = place
        for number, text in enumerate(texts):
            point = coordinates(text)
            if point is not None:
                found[number] = self._point(*point)
        for number, alias in self._own.found(parsed.words):
            found[number] = self._point(alias.latitude, alias.longitude, alias.name)
        return found

    def _point(self, latitude: float, longitude: float, name: str | None = None) -> Place:
        """A position, named and put into a country by the nearest town."""
        (town,) = self.nearest([(latitude, longitude)])
        place = Place(name=name, lat=latitude, lon=longitude, level="point", confidence=1.0)
        return msgspec.structs.replace(place, name=name or town.name, country=town.country) if town else place

    def _places(self, parsed: _Parsed) -> list[Place | None]:
        count = len(parsed.words.texts)
        choice = _choice.chosen(
            parsed.chances, parsed.reasons, parsed.readings, self._index, count, self.weights.threshold
        )
        found: list[Place | None] = [None] * len(choice.places)
        for number in np.flatnonzero(choice.places >= 0):
            found[number] = self._place(int(choice.places[number]), float(choice.confidence[number]))
        return found

    def _respelled(self, parsed: _Parsed, found: list[Place | None]) -> Iterator[tuple[int, Place]]:
        """What the texts that name no town mean if a word of theirs has one letter wrong."""
        words = parsed.words
        keys = self._corrected(parsed, np.array([place is None or place.level != "city" for place in found]))
        changed = np.unique(words.owners[keys != words.keys])
        if not len(changed):
            return
        some, kept = _text.some(words, changed)
        again = self._places(self._parsed(some, keys[kept]))
        for number, place in zip(changed.tolist(), again, strict=True):
            if place is None or (found[number] is not None and place.level != "city"):
                continue
            confidence = round((place.confidence or 0) * _spelling.DOUBT, 4)
            if confidence >= self.weights.threshold:
                yield number, msgspec.structs.replace(place, confidence=confidence)

    def _corrected(self, parsed: _Parsed, wanted: _text.Flags) -> _text.Keys:
        """The keys of all words, those of the wanted texts spelled right."""
        spans, readings = parsed.spans, parsed.readings
        likely = np.bincount(readings.spans, parsed.chances >= _spelling.LIKELY, minlength=len(spans.names)) > 0
        return _spelling.corrected(parsed.words, spans, likely, wanted, self._index)

    def _place(self, row: int, confidence: float) -> Place:
        return Place(
            name=self._index.title(row),
            country=self._index.country(row),
            lat=int(self._index.latitudes[row]) / DEGREE,
            lon=int(self._index.longitudes[row]) / DEGREE,
            level=_LEVELS.get(Tier(int(self._index.tiers[row])), "city"),
            confidence=round(confidence, 4),
        )

    def _reading(self, parsed: _Parsed, row: int, worth: Column) -> Reading:
        words, readings = parsed.words, parsed.readings
        text = words.texts[int(readings.owners[row])]
        written = text[int(words.starts[readings.starts[row]]) : int(words.ends[readings.ends[row] - 1])]
        added = parsed.reasons[:, row] * worth
        place = int(readings.places[row])
        area = int(self._index.firsts[place])
        return Reading(
            words=written,
            place=self._place(place, float(parsed.chances[row])),
            area=None if area in (NOWHERE, place) else self._index.title(area),
            reasons={
                name: round(float(value), 2) for name, value in zip(_evidence.REASONS, added, strict=True) if value
            },
        )


@dataclass(frozen=True)
class _Parsed:
    words: _text.Words
    spans: _spans.Spans
    readings: _spans.Candidates
    reasons: Column
    chances: npt.NDArray[np.float64]


@cache
def index() -> Index:
    """The index in the wheel, opened once."""
    return opened(Path(str(resources.files(__package__).joinpath("index"))))
