"""What people write as a place, cut into words: all texts of a batch at once, as one array of code points.

Folding is coarse, the same for the names of the index and for what is looked up: no case, no accents on Latin, Greek
and Cyrillic letters, one form of each Arabic letter, no apostrophes, no dots. Han, Hangul and hiragana give one word a
character, since nothing parts their words; a flag is a word. Between two words stands nothing that counts (a space, a
hyphen, a dot), a soft break (a comma, a bracket, a dash) or a hard one (a slash, an arrow): names run over the first
only, and what stands behind a hard break is another place rather than more about this one.
"""

from __future__ import annotations

import html
import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, fields
from functools import cache
from typing import TypeVar

import numpy as np
import numpy.typing as npt

Keys = npt.NDArray[np.uint64]
Numbers = TypeVar("Numbers", npt.NDArray[np.uint64], npt.NDArray[np.int64])
Ints = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]
Bytes = npt.NDArray[np.uint8]

LONGEST = 200
"""Characters of a text that are read: more than any platform's location field allows."""
MOST_WORDS = 8
"""Words of the longest name that is known."""
SOFT, HARD = 1, 2

_NOTHING, _SPACE, _SOFT, _HARD, _HYPHEN, _FLAG, _WORD, _KATAKANA, _SINGLE = range(9)
_LAST_CODE, _BEYOND_LATIN = 0x323B0, 0x250
_CHARACTERS = 64
_POWERS = np.cumprod(np.full(_CHARACTERS, 0x9E3779B97F4A7C15, np.uint64), dtype=np.uint64)
_MIX = np.uint64(0xD6E8FEB86659FD93)
_STEP = np.uint64(0xC2B2AE3D27D4EB4F)

_ADDRESS = re.compile(r"(?:https?://|www\.)\S+|\S*@\S+", re.IGNORECASE)
_INITIALS = re.compile(r"\b([^\W\d_])\.(?=[^\W\d_]\b)")
_SPACED_LETTERS = re.compile(r"\b(?:[A-Z] ){2,}[A-Z]\b")
_GLUED = re.compile(r"(?<=[a-z]{2})(?=[A-Z][a-z])|(?<=[a-z]{3})(?=[A-Z]{2,}\b)")
_TURKISH_ENDING = re.compile(r"(?<=[^\W\d_]{3})['’](?:[dt][ea]|n?[iıuü]n|l[iıuü]|y?[ae]\b|y?[iıuü]\b)[^\W\d_]*")
_AND = re.compile(r"\s*&\s*")
_TAG_FLAG = re.compile("\U0001f3f4[\U000e0061-\U000e007a]+\U000e007f")
_NATIONS = {"gbeng": " England ", "gbsct": " Scotland ", "gbwls": " Wales "}
_ACCENT = re.compile("[\u0300-\u036f\u0640\u064b-\u0655\u0670]+")
_LETTERS = str.maketrans(
    {"ß": "ss", "ẞ": "SS", "ø": "o", "Ø": "O", "ł": "l", "Ł": "L", "ı": "i", "đ": "d", "Đ": "D", "ð": "d", "Ð": "D"}
    | {"æ": "ae", "Æ": "Ae", "œ": "oe", "Œ": "Oe", "þ": "th", "Þ": "Th", "ə": "e", "Ə": "E", "ħ": "h", "Ħ": "H"}
    | {"ى": "ي", "ی": "ي", "ک": "ك", "ة": "ه", "ہ": "ه", "ھ": "ه", "ۀ": "ه", "ё": "е", "Ё": "Е"}
)
_SAME = {"st": "saint", "ste": "sainte", "ft": "fort", "mt": "mount", "n": "north", "s": "south", "e": "east"}
_SAME |= {"w": "west", "nth": "north", "sth": "south", "und": "and", "y": "and", "et": "and"}
_SAME |= {"gtr": "greater", "nr": "near", "twp": "township", "hts": "heights", "spgs": "springs", "bch": "beach"}
_SAME |= {"vly": "valley", "mtn": "mountain", "mtns": "mountains", "isl": "island", "ctr": "center", "centre": "center"}


@dataclass(frozen=True)
class Words:
    """The words of n texts, m in all; each array is (m,) unless said otherwise."""

    texts: Sequence[str]
    """As they were cut: folded but for the case."""
    keys: Keys
    """What a word is known by: a hash of how it is spelled."""
    bounds: Ints
    """(n + 1,): the words of text t are those from `bounds[t]` to `bounds[t + 1]`."""
    owners: Ints
    """The number of the text that a word is of."""
    breaks: Bytes
    """What stands before the word: 0, SOFT or HARD."""
    lengths: Ints
    """Characters."""
    latin: Flags
    """Is of the Latin script, or of none."""
    cased: Flags
    """Is of a script that has capitals."""
    capital: Flags
    """Begins with a capital, or is of a script that has none."""
    capitals: Flags
    """Has nothing but capitals."""
    number: Flags
    """Has a digit."""
    starts: Ints
    ends: Ints
    """Where the word stands in its text in `texts`."""


def split(texts: Sequence[str]) -> Words:
    """The words of each text.

    >>> words = split(["Ft. Worth, TX / Québec", "서울 🇰🇷"])
    >>> [words.texts[t][a:b] for t, a, b in zip(words.owners, words.starts, words.ends)]
    ['Ft', 'Worth', 'TX', 'Quebec', '서', '울', '🇰🇷']
    >>> words.breaks.tolist()
    [0, 0, 1, 2, 0, 0, 0]
    """
    shown = [_prepared(text) for text in texts]
    offsets = np.concatenate([[0], np.cumsum([len(text) + 1 for text in shown], dtype=np.int64)])
    codes = np.frombuffer(("\n".join(shown) + "\n").encode("utf-32-le", "surrogatepass"), np.uint32)
    codes = np.minimum(codes, _LAST_CODE)
    kinds = _kinds()[codes]
    _tell_hyphens(kinds)
    kept = np.flatnonzero(kinds != _NOTHING)
    codes, kinds = codes[kept], kinds[kept]

    begins = np.ones(len(kinds), np.bool_)
    begins[1:] = (kinds[1:] != kinds[:-1]) | (kinds[1:] == _SINGLE)
    _pair_flags(kinds, begins)
    inside = kinds >= _FLAG
    heads = np.flatnonzero(begins & inside)
    ends = np.flatnonzero(inside & np.append(begins[1:] | ~inside[1:], True))
    gaps = np.maximum.reduceat(np.where(inside, 0, kinds), np.concatenate([[0], ends + 1])[: len(heads) + 1])
    breaks = np.clip(gaps[: len(heads)].astype(np.int64) - _SPACE, 0, HARD).astype(np.uint8)

    lower = _lower()[codes]
    upper = lower != codes
    bounds = np.searchsorted(kept[heads], offsets)
    owners = np.repeat(np.arange(len(texts)), np.diff(bounds))
    first = np.zeros(len(heads), np.bool_)
    first[bounds[:-1][np.diff(bounds) > 0]] = True
    breaks[first] = 0
    lengths = ends + 1 - heads
    digit = _digits()[codes]
    return Words(
        texts=shown,
        keys=_same(_hashed(lower, heads, lengths)),
        bounds=bounds,
        owners=owners,
        breaks=breaks,
        lengths=lengths,
        latin=codes[heads] < _BEYOND_LATIN,
        cased=_cased()[codes[heads]],
        capital=upper[heads] | ~_cased()[codes[heads]],
        capitals=_all_of(upper | digit, heads, ends),
        number=~_all_of(~digit, heads, ends),
        starts=kept[heads] - offsets[owners],
        ends=kept[ends] + 1 - offsets[owners],
    )


def some(words: Words, numbers: Ints) -> tuple[Words, Flags]:
    """The words of some of the texts (by number, ascending), and which of all words they are."""
    wanted = np.zeros(len(words.texts), np.bool_)
    wanted[numbers] = True
    kept = wanted[words.owners]
    counts = np.diff(words.bounds)[numbers]
    columns = {field.name: getattr(words, field.name) for field in fields(words)}
    columns |= {name: column[kept] for name, column in columns.items() if name not in ("texts", "bounds")}
    columns |= {"texts": [words.texts[number] for number in numbers], "bounds": np.append(0, np.cumsum(counts))}
    columns["owners"] = np.repeat(np.arange(len(numbers)), counts)
    return Words(**columns), kept


def runs(words: Words, keys: Keys | None = None) -> list[tuple[Ints, Keys]]:
    """The keys of all runs of 1, 2, … MOST_WORDS words of a text: for each length where they begin, and their keys."""
    keys = words.keys if keys is None else keys
    begins = np.arange(len(keys))
    mixed = keys.copy()
    found = [(begins, alone(mixed))]
    goes_on = np.append((words.owners[1:] == words.owners[:-1]) & (words.breaks[1:] == 0), False)
    for length in range(2, MOST_WORDS + 1):
        kept = goes_on[begins + length - 2]
        begins, mixed = begins[kept], mixed[kept]
        if not len(begins):
            break
        mixed = (mixed ^ (mixed >> np.uint64(31))) * _STEP + keys[begins + length - 1]
        found.append((begins, _finished(mixed, length)))
    return found


def alone(keys: Keys) -> Keys:
    """The keys of words as runs of one word."""
    return _finished(keys, 1)


def names(texts: Sequence[str]) -> tuple[Ints, Keys]:
    """The key of each text taken as one name, whatever breaks are in it: which of them have one, and the keys."""
    words = split(texts)
    counts = np.diff(words.bounds)
    kept = np.flatnonzero((counts > 0) & (counts <= MOST_WORDS))
    mixed = words.keys[words.bounds[kept]]
    keys = _finished(mixed, 1)
    for length in range(2, MOST_WORDS + 1):
        longer = np.flatnonzero(counts[kept] >= length)
        following = words.keys[words.bounds[kept[longer]] + length - 1]
        mixed[longer] = (mixed[longer] ^ (mixed[longer] >> np.uint64(31))) * _STEP + following
        keys[longer] = _finished(mixed[longer], length)
    return kept, keys


def among(keys: Numbers, known: Numbers) -> Flags:
    """Which numbers are among the sorted ones."""
    if not len(known):
        return np.zeros(len(keys), np.bool_)
    found: Flags = known[np.minimum(np.searchsorted(known, keys), len(known) - 1)] == keys
    return found


def word_keys(spelled: Sequence[str]) -> Keys:
    """The keys of single words, sorted."""
    words = split(spelled)
    if len(words.keys) != len(spelled):
        raise ValueError("each text must be one word")
    return np.sort(words.keys)


def folded_words(text: str) -> list[str]:
    """The words of one text as their keys know them."""
    words = split([text])
    shown = words.texts[0].lower()
    return [shown[start:end] for start, end in zip(words.starts, words.ends, strict=True)]


def _prepared(text: str) -> str:
    """The text, folded but for its case, without addresses and @names, CamelCase opened."""
    text = text[:LONGEST]
    if "&" in text:
        text = _AND.sub(" and ", html.unescape(text))
    if "@" in text or "//" in text or "www." in text.lower():
        text = _ADDRESS.sub("|", text)
    if not text.isascii():
        text = _folded(text)
    if "'" in text or "’" in text:
        text = _TURKISH_ENDING.sub(" ", text)
    if "." in text:
        text = _INITIALS.sub(r"\1", text)
    if not text.islower():
        text = _GLUED.sub(" ", text)
        text = _SPACED_LETTERS.sub(lambda match: match[0].replace(" ", ""), text)
    return text


def _folded(text: str) -> str:
    text = _TAG_FLAG.sub(
        lambda match: _NATIONS.get("".join(chr(ord(sign) - 0xE0000) for sign in match[0][1:-1]), " "), text
    )
    decomposed = unicodedata.normalize("NFKD", text.replace("İ", "I"))
    return unicodedata.normalize("NFC", _ACCENT.sub("", decomposed)).translate(_LETTERS)


def _tell_hyphens(kinds: Bytes) -> None:
    """A hyphen inside a word parts nothing; one beside a space is a dash."""
    spots = np.flatnonzero(kinds == _HYPHEN)
    around = np.minimum(kinds[spots - 1], kinds[np.minimum(spots + 1, len(kinds) - 1)])
    kinds[spots] = np.where((around >= _FLAG) & (spots > 0), _SPACE, _SOFT)


def _pair_flags(kinds: Bytes, begins: Flags) -> None:
    """Of a run of regional indicators every second begins a flag."""
    spots = np.flatnonzero(kinds == _FLAG)
    if not len(spots):
        return
    heads = np.maximum.accumulate(np.where(begins[spots], spots, 0))
    begins[spots] = (spots - heads) % 2 == 0


def _all_of(flags: Flags, heads: Ints, ends: Ints) -> Flags:
    """Whether all of the characters from `heads[i]` to `ends[i]` have the flag."""
    counts = np.concatenate([[0], np.cumsum(flags)])
    found: Flags = counts[ends + 1] - counts[heads] == ends + 1 - heads
    return found


def _hashed(codes: npt.NDArray[np.uint32], heads: Ints, lengths: Ints) -> Keys:
    if not len(heads):
        return np.zeros(0, np.uint64)
    spots = np.repeat(heads, lengths)
    within = np.arange(len(spots)) - np.repeat(np.cumsum(lengths) - lengths, lengths)
    mixed = (codes[spots + within].astype(np.uint64) + np.uint64(0x1234567)) * _POWERS[within % _CHARACTERS]
    return _finished(np.add.reduceat(mixed, np.cumsum(lengths) - lengths), 0)


def _finished(keys: Keys, salt: int) -> Keys:
    keys = (keys ^ np.uint64(salt)) * _MIX
    keys ^= keys >> np.uint64(32)
    keys *= _STEP
    keys ^= keys >> np.uint64(29)
    return keys


def _same(keys: Keys) -> Keys:
    """Words that mean the same have one key."""
    written, meant = _synonyms()
    spots = np.minimum(np.searchsorted(written, keys), len(written) - 1)
    found: Keys = np.where(written[spots] == keys, meant[spots], keys)
    return found


@cache
def _synonyms() -> tuple[Keys, Keys]:
    def keys(spelled: Sequence[str]) -> Keys:
        codes = np.frombuffer("".join(spelled).encode("utf-32-le"), np.uint32)
        lengths = np.array([len(word) for word in spelled])
        return _hashed(codes, np.cumsum(lengths) - lengths, lengths)

    written, meant = keys(list(_SAME)), keys(list(_SAME.values()))
    order = np.argsort(written)
    return written[order], meant[order]


@cache
def _kinds() -> Bytes:
    """What each code point is."""
    table = np.full(_LAST_CODE + 1, _SOFT, np.uint8)
    for code in _VARIED:
        category = unicodedata.category(chr(code))
        if category[0] in "LN" or category in ("Mc", "Mn"):
            table[code] = _WORD
        elif category in ("Cf", "Cn", "Cc", "Cs", "Me"):
            table[code] = _NOTHING
        elif category[0] == "Z":
            table[code] = _SPACE
    for first, last, kind in _RANGES:
        table[first : last + 1] = kind
    for signs, kind in _SIGNS:
        table[[ord(sign) for sign in signs]] = kind
    return table


_VARIED = (*range(0x3400), *range(0xA000, 0xAC00), *range(0xD7A4, 0x1FC00))
"""The code points that are not all of one kind; beyond them are Han, Hangul and what nobody uses."""
_RANGES = (
    (0x3041, 0x309F, _SINGLE), (0x30A1, 0x30FF, _KATAKANA), (0x31F0, 0x31FF, _KATAKANA), (0x3005, 0x3007, _SINGLE),
    (0x3400, 0x4DBF, _SINGLE), (0x4E00, 0x9FFF, _SINGLE), (0xAC00, 0xD7A3, _SINGLE), (0xF900, 0xFAFF, _SINGLE),
    (0x20000, 0x323AF, _SINGLE), (0x1F1E6, 0x1F1FF, _FLAG), (0xFE00, 0xFE0F, _NOTHING), (0x1F3FB, 0x1F3FF, _NOTHING),
    (0x2190, 0x21FF, _HARD), (0x27A1, 0x27BF, _HARD), (0x2B05, 0x2B07, _HARD),
)  # fmt: skip
_SIGNS = (
    ("\n\r/\\|+;→✈•<>⇄⇆⟶➡🛫🛬·∙", _HARD),
    (' \t._#"*”“„«»`´：', _SPACE),
    ("'’‘ʼʻ", _NOTHING),
    ("-‐‑–—−", _HYPHEN),
)


@cache
def _lower() -> npt.NDArray[np.uint32]:
    table = np.arange(_LAST_CODE + 1, dtype=np.uint32)
    for code in _VARIED:
        lower = chr(code).lower()
        if len(lower) == 1:
            table[code] = ord(lower)
    return table


@cache
def _cased() -> Flags:
    """The letters that have a capital, or are one."""
    lower = _lower()
    table: Flags = lower != np.arange(len(lower))
    table[lower[table]] = True
    return table


@cache
def _digits() -> Flags:
    table = np.zeros(_LAST_CODE + 1, np.bool_)
    table[[code for code in _VARIED if chr(code).isdigit()]] = True
    return table
