"""Texts cut into words, all of a batch at once, as one array of code points.

A word is a run of letters, digits and marks; any other sign alone is a word, and so is a run of one punctuation
mark. Scripts without spaces and emoji give one word a character. Links and @names are one word each (`LINK`,
`NAME`), character references count as what they stand for, invisible characters as nothing, and a hashtag in
CamelCase is cut into its words. Every word knows where it stands in the text as it was given.

A word is known by its key, a 64-bit hash of how it is written, so that what is known of a word is looked up without
making a string of it. Among a million different words two share a key with a chance of 3 in 100 million.
"""

from __future__ import annotations

import html
import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, cached_property

import numpy as np
import numpy.typing as npt

from tocsin.words import UNSPACED

LINK, NAME = "\ue000", "\ue001"
"""What stands for a link and for an @name."""

Codes = npt.NDArray[np.uint32]
Keys = npt.NDArray[np.uint64]
Ints = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]
Kinds = npt.NDArray[np.uint8]

_FILLER = "\u200b"
_SPECIAL = re.compile(
    r"(?P<link>https?://\S+|www\.\S+)|(?P<name>[@＠]\w[\w.@-]*)|&(?:[A-Za-z]{2,8}|#[0-9]{1,7}|#x[0-9a-fA-F]{1,6});",
    re.IGNORECASE,
)
_SPACE, _WORD, _SINGLE, _MARK, _INVISIBLE = range(5)
_KIND, _UPPER, _LOWER, _DIGIT = 7, 8, 16, 32
_LAST_CODE = 0x323B0  # beyond it are tags, variation selectors and private use, which are no words
_TAG_SIGNS = (0x23, 0xFF03)
_APOSTROPHE, _CURLED = 0x27, 0x2019
_PLACES = 64
_POWERS = np.cumprod(np.full(_PLACES, 0x9E3779B97F4A7C15, np.uint64), dtype=np.uint64)
_MIX = np.uint64(0xD6E8FEB86659FD93)
_TAGGED = np.uint64(0x5851F42D4C957F2D)


@dataclass(frozen=True)
class Words:
    """The words of n texts, m in all. Word i stands in its text from `starts[i]` to `ends[i]`."""

    texts: Sequence[str]
    """As they count: what stands for links and names in their places, every character where it was."""
    keys: Keys
    """(m,)"""
    starts: Ints
    ends: Ints
    """(m,) offsets into the text that the word is of."""
    bounds: Ints
    """(n + 1,): the words of text t are those from `bounds[t]` to `bounds[t + 1]`."""
    tagged: Flags
    """(m,): whether the word is (part of) a hashtag."""

    @cached_property
    def owners(self) -> Ints:
        """(m,) the number of the text that each word is of."""
        return np.repeat(np.arange(len(self.texts)), np.diff(self.bounds))

    def spelled(self, word: int) -> str:
        """The word as its key knows it, without what is invisible."""
        text = self.texts[int(np.searchsorted(self.bounds, word, side="right")) - 1]
        written = text[self.starts[word] : self.ends[word]]
        return "".join(sign for sign in written if _kinds()[_code(sign)] != _INVISIBLE).replace("’", "'")


def split(texts: Sequence[str]) -> Words:
    r"""The words of each text.

    >>> words = split(["Don't miss #HappyNewYear @you!!! https://a.example/x"])
    >>> [words.spelled(i) for i in range(len(words.keys))]
    ["Don't", 'miss', '#', 'Happy', 'New', 'Year', '\ue001', '!!!', '\ue000']
    """
    shown = [_masked(text) for text in texts]
    offsets = np.concatenate([[0], np.cumsum([len(text) for text in shown], dtype=np.int64)])
    codes = np.frombuffer("".join(shown).encode("utf-32-le", "surrogatepass"), np.uint32)
    kinds = _kinds()[np.minimum(codes, _LAST_CODE)]
    places = np.flatnonzero(kinds != _INVISIBLE)
    codes, kinds = codes[places], kinds[places]
    codes = np.where(codes == _CURLED, np.uint32(_APOSTROPHE), codes)
    first = np.zeros(len(codes) + 1, np.bool_)
    first[np.searchsorted(places, offsets)] = True
    begins, tagged = _begins(codes, kinds, first)

    kept = kinds != _SPACE
    codes, places, begins, tagged = codes[kept], places[kept], begins[kept], tagged[kept]
    heads = np.flatnonzero(begins)
    bounds = np.searchsorted(places[heads], offsets)
    shift = np.repeat(offsets[:-1], np.diff(bounds))
    tails = np.append(heads[1:], len(codes))[: len(heads)] - 1
    return Words(
        texts=shown,
        keys=_hashed(codes, heads, tails, tagged[heads]),
        starts=places[heads] - shift,
        ends=places[tails] + 1 - shift,
        bounds=bounds,
        tagged=tagged[heads],
    )


def _masked(text: str) -> str:
    """A text as long as this one, with one character for a link, a name or a reference, and nothing behind it."""
    if "@" in text or "&" in text or "://" in text or "ww." in text or "WW." in text or "＠" in text:
        return _SPECIAL.sub(_stand_in, text)
    return text


def _stand_in(match: re.Match[str]) -> str:
    if match["link"]:
        sign = LINK
    elif match["name"]:
        sign = NAME
    else:
        sign = html.unescape(match[0])
        if len(sign) != 1:
            return match[0]
    return sign + _FILLER * (len(match[0]) - 1)


def _begins(codes: Codes, kinds: Kinds, first: Flags) -> tuple[Flags, Flags]:
    """Which characters begin a word, and which are of a hashtag. `first[i]`: a text begins (or ends) before i."""
    kind: Kinds = kinds & np.uint8(_KIND)
    kind[_negating(codes, kind, first)] = _WORD
    begins = first[:-1].copy()
    begins[1:] |= (kind[1:] != kind[:-1]) | (kind[1:] == _SINGLE) | ((kind[1:] == _MARK) & (codes[1:] != codes[:-1]))
    heads = np.flatnonzero(begins)
    tags = np.zeros(len(heads), np.bool_)
    tags[1:] = np.isin(codes[heads[1:] - 1], _TAG_SIGNS) & (kind[heads[1:]] == _WORD) & ~first[heads[1:]]
    tagged = np.repeat(tags, np.diff(np.append(heads, len(codes))))
    if tags.any():
        begins[1:] |= tagged[1:] & ~begins[1:] & _camel(kinds, first)
    return begins, tagged


def _negating(codes: Codes, kind: Kinds, first: Flags) -> Ints:
    """The apostrophes of don't, can't, won't: part of the word, whose meaning they turn."""
    spots = np.flatnonzero(codes[1:-1] == _APOSTROPHE) + 1
    after = np.append(kind, _SPACE)[spots + 2]
    turned = ((codes[spots - 1] | 0x20) == ord("n")) & ((codes[spots + 1] | 0x20) == ord("t"))
    turned &= ((after != _WORD) | first[spots + 2]) & ~first[spots] & ~first[spots + 1]
    found: Ints = spots[turned]
    return found


def _camel(kinds: Kinds, first: Flags) -> Flags:
    """Before which characters but the first a hashtag is cut: new|Year, NYC|Marathon, year|2015."""
    upper, lower, digit = (kinds & bit != 0 for bit in (_UPPER, _LOWER, _DIGIT))
    goes_on = np.append(lower[2:] & ~first[2:-1], False)
    cut: Flags = (upper[1:] & (lower[:-1] | (upper[:-1] & goes_on))) | (digit[1:] != digit[:-1])
    return cut


def _hashed(codes: Codes, heads: Ints, tails: Ints, tagged: Flags) -> Keys:
    if not len(heads):
        return np.zeros(0, np.uint64)
    within = np.arange(len(codes)) - np.repeat(heads, tails - heads + 1)
    mixed = (codes.astype(np.uint64) + np.uint64(0x1234567)) * _POWERS[within % _PLACES]
    keys: Keys = np.add.reduceat(mixed, heads)
    keys ^= (tails - heads + 1).astype(np.uint64) * _MIX
    keys ^= np.where(tagged, _TAGGED, np.uint64(0))
    keys ^= keys >> np.uint64(32)
    keys *= _MIX
    keys ^= keys >> np.uint64(29)
    return keys


def _code(sign: str) -> int:
    return min(ord(sign), _LAST_CODE)


@cache
def _kinds() -> Kinds:
    """What each code point is: its kind, and for letters and digits of which case."""
    single = re.compile(f"[{UNSPACED}\U00011700-\U0001174f\U0001b000-\U0001b16f\U00020000-\U0003ffff]").match
    table = np.full(_LAST_CODE + 1, _SINGLE, np.uint8)
    for code in range(_LAST_CODE):
        sign = chr(code)
        category = unicodedata.category(sign)
        if category[0] in "LN":
            table[code] = _SINGLE if single(sign) else _WORD
            if category in ("Lu", "Lt"):
                table[code] |= _UPPER
            elif category == "Ll":
                table[code] |= _LOWER
            elif category == "Nd":
                table[code] |= _DIGIT
        elif category in ("Mn", "Mc", "Me"):
            table[code] = _WORD
        elif category[0] == "P" or category in ("Sm", "Sc", "Sk"):
            table[code] = _MARK
        elif category[0] == "Z" or sign.isspace():
            table[code] = _SPACE
        elif category in ("Cf", "Cc", "Cn"):
            table[code] = _INVISIBLE
    table[0xFE00:0xFE10] = _INVISIBLE
    table[0x1F3FB:0x1F400] = _INVISIBLE
    return table
