"""Posts with other names in them: what is new to the lists must be known by what stands around it."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from pathlib import Path

import name_sources

from tocsin.component import Span
from tocsin.evaluate._entities import Annotated

_GIVEN_NAMES, _FAMILY_NAMES = 3000, 12_000
SEED = 20261125


def pool(work: Path) -> dict[str, list[str]]:
    """Names of each type, in a fixed order."""
    found = name_sources.Lists(name_sources.fetch(work))
    people = [*found.first[:_GIVEN_NAMES], *found.last[:_FAMILY_NAMES:4], *sorted(found.people)]
    chance = random.Random(SEED)
    whole = [
        f"{chance.choice(found.first[:_GIVEN_NAMES])} {chance.choice(found.last[:_FAMILY_NAMES])}" for _ in range(4000)
    ]
    places = sorted(found.countries) * 8 + sorted(found.big_cities) * 2 + sorted(found.cities)
    organisations = sorted(found.organisations) * 2 + sorted(found.brands)
    return {"PER": people + whole, "LOC": places, "ORG": organisations}


def swapped(posts: Sequence[Annotated], names: dict[str, list[str]], seed: int, *, share: float) -> Iterator[Annotated]:
    """A share of the posts that name somebody, with names of the same type, number of words and letter case."""
    chance = random.Random(seed)
    by_size = {
        kind: {size: [name for name in own if min(name.count(" "), 2) == size] for size in range(3)}
        for kind, own in names.items()
    }
    for post in posts:
        if not post.spans or chance.random() >= share:
            continue
        text, spans, end = "", [], 0
        for span in post.spans:
            old = post.text[span.start : span.end]
            tag = span.start > 0 and post.text[span.start - 1] in "#＃"
            choice = by_size[span.type][min(old.count(" "), 2)] or names[span.type]
            new = _like(old, chance.choice(choice), tag=tag)
            text += post.text[end : span.start]
            spans.append(Span(span.type, len(text), len(text) + len(new)))
            text, end = text + new, span.end
        yield Annotated(text + post.text[end:], tuple(spans))


def _like(old: str, new: str, *, tag: bool) -> str:
    if tag:
        new = "".join(sign for sign in new if sign.isalnum())
    if old.islower():
        return new.lower()
    return new.upper() if old.isupper() and len(old) > 4 else new
