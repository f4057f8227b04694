"""Posts with their entities, as the tagger learns from them."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np

from tocsin.component import Span
from tocsin.evaluate._entities import KINDS, Annotated, annotated, scores
from tocsin.models._words import Words

__all__ = ["KINDS", "LABELS", "Annotated", "altered", "labels", "posts", "scores", "spans"]
LABELS = ("O", *(f"{part}-{kind}" for kind in KINDS for part in "BI"))


def posts(file: Path, *, natural: bool = False) -> list[Annotated]:
    """Posts of a CoNLL file, tokens joined by spaces or (`natural`) as people write."""
    return list(annotated(file, natural=natural))


def labels(words: Words, annotated_posts: Sequence[Annotated]) -> np.ndarray:
    """(m,) numbers of `LABELS`."""
    found = np.zeros(len(words.keys), np.int64)
    for number, post in enumerate(annotated_posts):
        first, last = words.bounds[number], words.bounds[number + 1]
        starts, ends = words.starts[first:last], words.ends[first:last]
        for span in post.spans:
            inside = np.flatnonzero((starts >= span.start) & (ends <= span.end))
            if len(inside):
                found[first + inside] = 2 + 2 * KINDS.index(span.type)
                found[first + inside[0]] -= 1
    return found


def spans(words: Words, tags: np.ndarray) -> list[list[Span]]:
    """What a sequence of labels says: an I without its B begins an entity."""
    found: list[list[Span]] = [[] for _ in words.texts]
    owners = words.owners
    for place in np.flatnonzero(tags).tolist():
        kind = KINDS[(tags[place] - 1) // 2]
        own = found[owners[place]]
        goes_on = tags[place] % 2 == 0 and place and owners[place - 1] == owners[place] and tags[place - 1]
        if goes_on and own and own[-1].type == kind:
            own[-1] = Span(kind, own[-1].start, int(words.ends[place]))
        else:
            own.append(Span(kind, int(words.starts[place]), int(words.ends[place])))
    return found


def altered(plain: Sequence[Annotated], seed: int, *, lower: float, upper: float) -> Iterator[Annotated]:
    """Copies in lower case and in capitals of shares of the posts; lengths stay as they are."""
    chance = random.Random(seed)
    for post in plain:
        draw = chance.random()
        if draw < lower:
            yield Annotated(_same_length(post.text, str.lower), post.spans)
        elif draw < lower + upper:
            yield Annotated(_same_length(post.text, str.upper), post.spans)


def _same_length(text: str, change: Callable[[str], str]) -> str:
    return "".join(change(sign) if len(change(sign)) == 1 else sign for sign in text)
