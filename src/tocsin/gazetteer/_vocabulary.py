"""Words around place names that say something of them, and how countries write."""

from __future__ import annotations

from functools import cache, lru_cache

import numpy as np

from tocsin.gazetteer._index import NOWHERE, Index
from tocsin.gazetteer._text import Flags, Ints, Keys, Words, among, word_keys

HERE = ("living", "live", "lives", "based", "residing", "currently", "now", "resident", "vivo", "viviendo", "aktuell")
"""Before the place where somebody is."""
ONCE = ("from", "born", "raised", "originally", "native", "ex", "formerly", "nacido", "nacida", "aus", "via")
"""Before a place where somebody was."""
AND = ("and", "but", "or", "to", "via", "et", "und", "e", "ou", "oder", "en", "och", "og", "และ", "и")
"""Between two places."""
FILLERS = (
    *(
        "in",
        "from",
        "near",
        "the",
        "of",
        "at",
        "around",
        "city",
        "area",
        "greater",
        "metro",
        "town",
        "aka",
        "currently",
    ),
    *("de", "en", "la", "el", "da", "do", "di", "von", "aus", "bei", "den", "le", "les", "du", "и", "из", "в", "г"),
    *("living", "live", "based", "born", "raised", "originally", "now", "lives", "here", "sometimes", "mostly"),
)
"""What says nothing of where a place is, and nothing against its being one."""
DIRECTIONS = ("north", "south", "east", "west", "central", "upper", "lower", "northern", "southern")
HIRAGANA = tuple(map(chr, range(0x3041, 0x3097)))
"""Of grammar rather than of names."""
CHATTER = (
    *(
        "i",
        "me",
        "my",
        "mine",
        "you",
        "your",
        "yours",
        "ur",
        "we",
        "us",
        "our",
        "he",
        "him",
        "his",
        "she",
        "her",
        "hers",
    ),
    *(
        "they",
        "them",
        "their",
        "it",
        "this",
        "that",
        "is",
        "am",
        "are",
        "was",
        "be",
        "not",
        "no",
        "somewhere",
        "nowhere",
    ),
    *("everywhere", "wherever", "anywhere", "where", "who", "what", "when", "why", "how", "if", "with", "without"),
    *("never", "always", "just", "only", "like", "love", "dreams", "heart", "mind", "head", "hell", "heaven", "under"),
    *(
        "tu",
        "tus",
        "mi",
        "mis",
        "yo",
        "donde",
        "seu",
        "sua",
        "meu",
        "minha",
        "onde",
        "mein",
        "dein",
        "wo",
        "ton",
        "mon",
    ),
    *("di", "mu", "ku", "hati", "aku", "puso", "ko", "mo", "sa", "где", "твоем", "моем", "мире", "dans", "ich"),
)
"""What people write where they name no place."""

ENGLISH = ("US", "GB", "CA", "AU", "NZ", "IE", "ZA", "NG", "IN", "PH", "KE", "GH", "SG", "JM", "TT", "UG", "PK")
"""Countries whose people write English in large numbers."""
CODES = ("CA", "AU", "BR", "IN", "MX", "ZA")
"""Countries but the US where people write their state as a code."""

_UNDER = {
    "CN": "TW HK MO", "US": "PR GU VI AS MP UM", "DK": "GL FO", "RS": "XK", "NO": "SJ", "FI": "AX", "MA": "EH",
    "GB": "GG JE IM GI BM KY VG TC FK AI MS SH IO PN GS", "AU": "CX CC NF", "NZ": "CK NU TK",
    "FR": "RE GP MQ GF YT PM NC PF WF BL MF TF", "NL": "AW CW SX BQ",
}  # fmt: skip
"""Territories with a code of their own that people also write under a country, dependent or disputed."""


def said(words: Words, vocabulary: tuple[str, ...]) -> Flags:
    """(m,) which words are of the vocabulary."""
    return among(words.keys, _keys(vocabulary))


@lru_cache(maxsize=8)
def countries(codes: tuple[str, ...], index: Index) -> Flags:
    """Which countries of the index have one of the codes."""
    known = index.codes.tobytes().decode()
    return np.array([known[place : place + 2] in codes for place in range(0, len(known), 2)])


@lru_cache(maxsize=2)
def also_under(index: Index) -> Ints:
    """For each country of the index the row of the one that it is also written under, or NOWHERE."""
    known = index.codes.tobytes().decode()
    rows = {known[place : place + 2]: place // 2 for place in range(0, len(known), 2)}
    found = np.full(len(rows), NOWHERE, np.int64)
    for country, territories in _UNDER.items():
        for territory in territories.split():
            if territory in rows and country in rows:
                found[rows[territory]] = rows[country]
    return found


@cache
def _keys(vocabulary: tuple[str, ...]) -> Keys:
    return word_keys(tuple(dict.fromkeys(vocabulary)))
