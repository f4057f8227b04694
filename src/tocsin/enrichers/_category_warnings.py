"""What is allowed in a list of categories, and probably not meant."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import combinations
from typing import NamedTuple

import numpy as np

from tocsin.component import Floats, Label
from tocsin.enrichers.category import Definition

ALIKE = 0.75
"""Cosine of two descriptions from which on posts of the one are as near to the other (docs/reference/labels.md)."""
MOST_PAIRS = 20


class Warned(NamedTuple):
    """About the category at `place` in the list."""

    place: int
    message: str
    hint: str


def warnings(categories: Sequence[Definition], encode: Callable[[Sequence[str]], Floats] | None = None) -> list[Warned]:
    """Categories that say too little, or the same as another; `encode` gives directions (default: embedded model's)."""
    return [*_too_little(categories), *_same_name(categories), *_alike(categories, encode)]


def _too_little(categories: Sequence[Definition]) -> Iterator[Warned]:
    for place, one in enumerate(categories):
        if not (one.description or one.match or one.examples):
            message = f"the category '{one.name}' has nothing but its name to be known by"
            yield Warned(place, message, "add a description: what belongs to it, in plain words")


def _same_name(categories: Sequence[Definition]) -> Iterator[Warned]:
    first: dict[str, Definition] = {}
    for place, one in enumerate(categories):
        other = first.setdefault(one.name.casefold(), one)
        if other.name != one.name:
            message = f"the category '{one.name}' is named like '{other.name}', but for upper and lower case"
            yield Warned(place, message, "give it another name, or make them one")


def _alike(categories: Sequence[Definition], encode: Callable[[Sequence[str]], Floats] | None) -> Iterator[Warned]:
    described = [place for place, one in enumerate(categories) if one.described]
    if len(described) < 2:
        return
    from tocsin.models._classifier import prompt

    if encode is None:
        from tocsin.models.embedded import mind

        encode = lambda texts: mind().read(texts).vectors  # noqa: E731
    vectors = encode(
        [prompt(Label(categories[place].name, categories[place].description or "")) for place in described]
    )
    cosines = vectors @ vectors.T
    pairs = [(one, other) for one, other in combinations(range(len(described)), 2) if cosines[one, other] >= ALIKE]
    for one, other in sorted(pairs, key=lambda pair: -cosines[pair])[:MOST_PAIRS]:
        names = [categories[described[number]].name for number in (one, other)]
        similarity = float(np.round(cosines[one, other], 2))
        message = f"the categories '{names[0]}' and '{names[1]}' can hardly be told apart (similarity {similarity:.2f})"
        yield Warned(described[other], message, "say in their descriptions what is different, or make them one")
