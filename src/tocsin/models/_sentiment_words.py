"""What a word says of sentiment, as the sum of its features' rows in a hashed table.

Features are the word's forms (as written small, its drawn-out letters folded, the words of a hashtag or of an
emoji's name), its character 3- to 5-grams (Bojanowski et al. 2017, arXiv:1607.04606) and how it is written.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tocsin.models._pieces import Pieces, sign_name
from tocsin.models._words import LINK, NAME, Ints

Hashes = npt.NDArray[np.uint64]

_NEGATORS = frozenset({"no", "not", "never", "none", "nobody", "nothing", "neither", "nor", "nowhere", "cannot"})
_NEGATORS |= {"without", "hardly", "barely", "aint", "dont", "doesnt", "didnt", "cant", "wont", "isnt", "wasnt"}
_NEGATORS |= {"arent", "werent", "couldnt", "wouldnt", "shouldnt", "havent", "hasnt", "hadnt"}
_ENDERS = frozenset(".!?;,:")
_NGRAMS = (3, 4, 5)
_LONGEST = 24
_DRAWN_OUT = re.compile(r"(.)\1{2,}")
_FACTOR = 0x9E3779B97F4A7C15
_INVERSE = pow(_FACTOR, -1, 2**64)
_MIX = 0xD6E8FEB86659FD93


@dataclass(frozen=True)
class Features:
    """Hashes of the features of k words; those of word i are from `bounds[i]` to `bounds[i + 1]`, one or more."""

    hashes: Hashes
    bounds: Ints
    forms: Hashes
    """(k,) one hash a word: of its folded form."""
    negates: npt.NDArray[np.bool_]
    """(k,): not, never, don't: turns what comes after it."""
    ends: npt.NDArray[np.bool_]
    """(k,): a mark that ends what is turned."""


def features(spelled: Sequence[str], tagged: Sequence[bool], pieces: Pieces) -> Features:
    """The features of words as `_words.split` spells them."""
    folded = [_folded(word, pieces) for word in spelled]
    named: list[str] = []
    owners: list[int] = []
    for place, (word, form, tag) in enumerate(zip(spelled, folded, tagged, strict=True)):
        names = _names(word, form, tag, pieces)
        named += names
        owners += [place] * len(names)
    ngrams, ngram_owners = _ngrams(folded)
    owner = np.concatenate([np.array(owners, np.int64), ngram_owners])
    order = np.argsort(owner, kind="stable")
    return Features(
        hashes=np.concatenate([_whole(named, 1), ngrams])[order],
        bounds=np.searchsorted(owner[order], np.arange(len(spelled) + 1)),
        forms=_whole(folded, 1),
        negates=np.array([form in _NEGATORS or form.endswith("n't") for form in folded], np.bool_),
        ends=np.array([form[:1] in _ENDERS for form in folded], np.bool_),
    )


def _folded(word: str, pieces: Pieces) -> str:
    """Small, a run of three or more of one character as two where that is a word (good), else as one (so)."""
    low = word.lower()
    if not _DRAWN_OUT.search(low):
        return low
    twice = _DRAWN_OUT.sub(r"\1\1", low)
    return twice if len(pieces.of(twice)) == 1 else _DRAWN_OUT.sub(r"\1", low)


def _names(word: str, form: str, tag: bool, pieces: Pieces) -> list[str]:
    """The features that are no character n-grams; those in capitals tell how the word is written."""
    low = word.lower()
    if not word[:1].isalnum():
        if word in (LINK, NAME):
            return [word]
        return [low, form, *(sign_name(word) if len(word) == 1 and not word.isascii() else ())]
    names = [low]
    if form != low:
        names += [form, "DRAWN OUT"]
    if tag:
        names += ["TAG", *pieces.segmented_tag(word)]
    if word.isupper() and len(word) > 1:
        names += ["CAPITALS", word]
    elif word[0].isupper():
        names.append("CAPITAL")
    return names


def _ngrams(folded: Sequence[str]) -> tuple[Hashes, Ints]:
    framed = [f"<{form[:_LONGEST]}>" if form[:1].isalnum() else "" for form in folded]
    lengths = np.array([len(frame) for frame in framed], np.int64)
    starts = np.cumsum(lengths) - lengths
    hashes: list[Hashes] = []
    owners: list[Ints] = []
    prefix = _prefixes("".join(framed))
    for size in _NGRAMS:
        counts = np.maximum(lengths - size + 1, 0)
        of = np.repeat(np.arange(len(folded)), counts)
        begins = np.arange(len(of)) - np.repeat(np.cumsum(counts) - counts, counts) + starts[of]
        hashes.append(_stretches(prefix, begins, begins + size, size))
        owners.append(of)
    return np.concatenate(hashes), np.concatenate(owners)


def _whole(strings: Sequence[str], salt: int) -> Hashes:
    lengths = np.array([len(string) for string in strings], np.int64)
    ends = np.cumsum(lengths)
    return _stretches(_prefixes("".join(strings)), ends - lengths, ends, salt)


def _prefixes(text: str) -> Hashes:
    """(length + 1,): polynomial hashes of all beginnings, modulo 2**64 (Rabin and Karp 1987)."""
    codes = np.frombuffer(text.encode("utf-32-le", "surrogatepass"), np.uint32).astype(np.uint64)
    terms = (codes + np.uint64(1)) * _powers(_FACTOR, len(codes))
    return np.concatenate([np.zeros(1, np.uint64), np.cumsum(terms, dtype=np.uint64)])


def _stretches(prefixes: Hashes, starts: Ints, ends: Ints, salt: int) -> Hashes:
    """Hashes of stretches, wherever they stand."""
    hashes = (prefixes[ends] - prefixes[starts]) * _powers(_INVERSE, len(prefixes))[starts]
    hashes ^= np.uint64(salt * _MIX % 2**64)
    hashes ^= hashes >> np.uint64(32)
    hashes *= np.uint64(_MIX)
    return hashes ^ (hashes >> np.uint64(29))


def _powers(factor: int, count: int) -> Hashes:
    powers = np.full(count, factor, np.uint64)
    powers[:1] = 1
    return np.cumprod(powers, dtype=np.uint64)
