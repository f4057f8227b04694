"""Words with one letter wrong: the last resort for texts that otherwise name no town.

In a text without words of everyday language, a word that is of no name is taken for the word of a large place's name
that it becomes with one letter left out, put in, changed or swapped with its neighbour (by symmetric deletions, as
SymSpell does).
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from tocsin.gazetteer import _text
from tocsin.gazetteer._index import KEY_MASK, Index
from tocsin.gazetteer._spans import Spans
from tocsin.gazetteer._text import Flags, Ints, Keys, Words

SHORTEST = 6
"""Letters of a word that is looked at."""
_SHORT = 3
"""Everyday words up to this length do not count: they stand in every language."""
LONGEST = 24
MOST = 3
"""Letters of the longest one; words of a text that are looked at."""
LIKELY = 0.05
"""How probable a reading must be for its words to be left as they are."""
DOUBT = 0.85
"""What the confidence of such an answer is multiplied by."""


def corrected(words: Words, spans: Spans, named: Flags, wanted: Flags, index: Index) -> Keys:
    """(m,) the keys of the words, with those replaced that are misspelled.

    `named`: (s,) which spans are taken seriously; `wanted`: (n,) the texts to look at.
    """
    keys = words.keys.copy()
    everyday = _text.among(_text.alone(words.keys) & KEY_MASK, index.ordinary) & (words.lengths > _SHORT)
    wanted = wanted & (np.bincount(words.owners, everyday, minlength=len(wanted)) == 0)
    unknown = ~spans.cover(named, len(keys)) & ~spans.nowhere & wanted[words.owners] & words.cased & ~words.number
    rows = np.flatnonzero(unknown & (words.lengths >= SHORTEST) & (words.lengths <= LONGEST))
    rows = rows[_place_in_text(words, rows) < MOST]
    spelled = [words.texts[words.owners[row]][words.starts[row] : words.ends[row]].lower() for row in rows]
    for row, meant in zip(rows, _meant(spelled, index), strict=True):
        if meant is not None:
            keys[row] = meant
    return keys


def _place_in_text(words: Words, rows: Ints) -> Ints:
    """For each of the rows of words, in their order, how many of the same text come before it."""
    owners = words.owners[rows]
    found: Ints = np.arange(len(rows)) - np.searchsorted(owners, owners)
    return found


def _meant(spelled: Sequence[str], index: Index) -> list[np.uint64 | None]:
    """For each word the key of the word of a large place's name that it is one letter away from."""
    forms = [[word, *(word[:place] + word[place + 1 :] for place in range(1, len(word)))] for word in spelled]
    hashes = np.zeros(sum(map(len, forms)), np.uint64)
    kept, keys = _text.names([form for group in forms for form in group])
    hashes[kept] = keys & KEY_MASK
    bounds = np.cumsum([0, *map(len, forms)])
    tried = [_tried(hashes[first:last]) for first, last in pairwise(bounds)]
    found = _looked_up(np.concatenate([np.zeros(0, np.uint64), *tried]), index)
    ends = np.cumsum([0, *map(len, tried)])
    return [next((key for key in found[first:last] if key is not None), None) for first, last in pairwise(ends)]


def _tried(keys: Keys) -> Keys:
    """What is looked up for a word: `keys` are those of it, and of it without its second letter, its third, …"""
    letters = len(keys)
    whole = keys[0] | np.arange(letters + 1, dtype=np.uint64)
    changed = [keys[place] | np.uint64(other) for place in range(1, letters) for other in _beside(place)]
    return np.concatenate([whole, np.array(changed, np.uint64)])


def _looked_up(tried: Keys, index: Index) -> list[np.uint64 | None]:
    spots = np.minimum(np.searchsorted(index.typos, tried), len(index.typos) - 1)
    known = index.typos[spots] == tried
    return [index.meant[spot] if there else None for spot, there in zip(spots, known, strict=True)]


def _beside(place: int) -> tuple[int, ...]:
    """Which letter of the name may be wrong: the same, a neighbour (swapped), or none (0: this one is too many)."""
    return (0, place, place - 1, place + 1) if place > 1 else (0, place, place + 1)
