"""Whether what a geocoder gives has to do with what was asked: it always finds something, for junk too.

The words of the text must be explained by the names of the place (in any language that the service tells) and of what
it lies in, and the place's own name must be among them.
"""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from tocsin.model import Place
from tocsin.text import one_line
from tocsin.words import words

FITS = 0.5
"""From here on a place fits a text; see `fit`."""
NAME_LENGTH = 200
Level = Literal["city", "region", "country"]
_COUNTRY = re.compile("[A-Za-z]{2}")
_ALSO_CALLED = {"GB": "uk", "US": "usa", "AE": "uae"}


@dataclass(frozen=True)
class Candidate:
    """A place that a service gives: `names` are its own in all languages, `around` those of what it lies in."""

    names: Sequence[str]
    around: Sequence[str]
    country: str
    lat: float
    lon: float
    level: Level | None
    """None: it is no place that people are from, such as a shop or a street."""
    score: float
    """0 to 1: how sure the service is, or how well known the place."""


def best(text: str, candidates: Iterable[Candidate]) -> Place | None:
    """The first of the candidates, in the service's order, that is a place and fits; its first name is kept."""
    for candidate in candidates:
        share = fit(text, candidate.names, (*candidate.around, *_country_words(candidate.country)))
        name = one_line(candidate.names[0], NAME_LENGTH)
        if candidate.level is not None and name and share >= FITS and _somewhere(candidate):
            confidence = round(share * min(max(candidate.score, 0.0), 1.0), 3)
            return Place(
                name=name,
                country=candidate.country.upper(),
                lat=candidate.lat,
                lon=candidate.lon,
                level=candidate.level,
                confidence=confidence,
            )
    return None


def fit(text: str, names: Iterable[str], around: Iterable[str]) -> float:
    """0 to 1: the share of the text's words that are explained, less where only a part of the name is in the text.

    >>> fit("Leeds, England", ["Leeds"], ["England"]), fit("my heart", ["Heart of Oak"], [])
    (1.0, 0.33)
    >>> fit("München", ["Munich", "München"], ["Bavaria"]), fit("the moon", ["Leeds"], ["The North"])
    (1.0, 0.0)
    """
    asked = _words(text)
    own = [named for named in map(_words, names) if named & asked]
    if not own:
        return 0.0
    explained = asked & frozenset().union(*own, *map(_words, around))
    whole = max(len(named & asked) / len(named) for named in own)
    return round(len(explained) / len(asked) * (1 + whole) / 2, 2)


def _words(text: str) -> frozenset[str]:
    """Words without accents; signs and emoji are none."""
    plain = "".join(sign for sign in unicodedata.normalize("NFKD", text) if unicodedata.category(sign) != "Mn")
    return frozenset(word for word in words(unicodedata.normalize("NFC", plain)) if word[0].isalnum())


def _country_words(code: str) -> Sequence[str]:
    return [code, _ALSO_CALLED.get(code.upper(), "")]


def _somewhere(candidate: Candidate) -> bool:
    lat, lon = candidate.lat, candidate.lon
    on_earth = math.isfinite(lat) and math.isfinite(lon) and abs(lat) <= 90 and abs(lon) <= 180
    return on_earth and (lat, lon) != (0.0, 0.0) and _COUNTRY.fullmatch(candidate.country) is not None
