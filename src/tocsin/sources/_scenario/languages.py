"""The languages that people write in: phrases, places and names, one JSON file each."""

from __future__ import annotations

import functools
import itertools
from importlib.resources import files
from typing import NamedTuple

import msgspec
import numpy as np

from tocsin.model import Author
from tocsin.sources._scenario.options import CATEGORIES

_PEOPLE = 800
_FILLINGS = 12


class Vocabulary(msgspec.Struct, frozen=True):
    """One language. `{brand}`, `{city}` and `{n}` in phrases are filled in; places are as people write them."""

    weight: float
    utc_offset: float
    cities: list[tuple[str, str, float, float]]
    places: list[str]
    names: list[str]
    openers: list[str]
    cores: dict[str, list[str]]
    details: list[str]
    closers: list[str]
    who: list[str]
    did: list[str]
    when: list[str]
    bot: list[str]


@functools.cache
def vocabulary(language: str) -> Vocabulary:
    text = files("tocsin.sources._scenario").joinpath(f"{language}.json").read_bytes()
    return msgspec.json.decode(text, type=Vocabulary)


class Phrases(NamedTuple):
    """A language's phrases about one brand, all blanks filled in: lists to draw from. `cores` go by category."""

    openers: list[str]
    cores: list[list[str]]
    details: list[str]
    closers: list[str]
    who: list[str]
    did: list[str]
    when: list[str]
    bot: list[str]


def _filled(phrases: list[str], brand: str, cities: list[str], random: np.random.Generator) -> list[str]:
    """Each phrase _FILLINGS times, with other numbers and cities in its blanks."""
    filled: list[str] = []
    for phrase in phrases:
        for number, city in zip(random.integers(2, 100, _FILLINGS), random.choice(cities, _FILLINGS), strict=True):
            filled.append(phrase.replace("{brand}", brand).replace("{n}", str(number)).replace("{city}", str(city)))
    return filled


def phrases(language: str, brand: str, random: np.random.Generator) -> Phrases:
    words = vocabulary(language)
    cities = [city[0] for city in words.cities]

    def fill(phrases: list[str]) -> list[str]:
        return _filled(phrases, brand, cities, random) + _filled(phrases, brand.title(), cities, random)

    cores = [fill(words.cores[category]) for category in CATEGORIES]
    rest = (words.openers, words.details, words.closers, words.who, words.did, words.when, words.bot)
    openers, *others = (fill(part) for part in rest)
    return Phrases(openers, cores, *others)


def people(language: str, random: np.random.Generator) -> list[Author]:
    """Accounts that write in a language. Four in five give a location, as people do."""
    words = vocabulary(language)
    authors = []
    for number, name in zip(range(_PEOPLE), itertools.cycle(words.names), strict=False):
        places = words.places if random.random() < 0.7 else [city[0] for city in words.cities]
        authors.append(
            Author(
                id=f"{language}{number}",
                handle=f"{name}_{language}{number}",
                name=name.title(),
                location=places[random.integers(len(places))] if random.random() < 0.8 else None,
                followers=int(random.pareto(1.2) * 60),
            )
        )
    return authors
