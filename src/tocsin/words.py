"""Text as the watch language sees it: folded, and cut into words.

Folding is Unicode's NFKC_Casefold (UAX #44): compatibility forms, case and invisible characters do not count,
accents do. A word is a run of letters, digits and their marks; everything else separates words. Scripts that put no
spaces between words (Chinese, Japanese, Thai, …; Hangul too, whose particles stick to the noun) give one word a
character, and so does an emoji: a search for several of them in a row is a search for a substring.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from functools import cache

BREAK = "|"
"""Stands where a link stood, so that no phrase runs across it. Not a word that text could hold."""

UNSPACED = (
    "\u0e01-\u0eff\u1000-\u109f\u1100-\u11ff\u1780-\u17ff\u1950-\u19df\u1a20-\u1aaf\u3005-\u3007\u3041-\u30fa\u30fc-\u30ff"
    "\u3105-\u318e\u31a0-\u31bf\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\ua960-\ua97f\ua9e0-\ua9ff\uaa60-\uaadf\uac00-\ud7ff"
    "\uf900-\ufaff"
)
"""Scripts without spaces, as ranges of a character class: class SA (complex context) of UAX #14, Han, kana, Hangul."""
_ASTRAL_UNSPACED = "\U00011700-\U0001174f\U0001b000-\U0001b16f\U00020000-\U0003ffff"
_ASTRAL = "\U00010000-\U000116ff\U00011750-\U0001afff\U0001b170-\U0001efff"
_FLAG = "[\U0001f1e6-\U0001f1ff]{2}"
_EMOJI = "\u231a-\u23ff\u25aa-\u27bf\u2b05-\u2b55\U0001f000-\U0001faff"
# The code points with the property Default_Ignorable_Code_Point (UAX #44).
_INVISIBLE = re.compile(
    "[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\u3164\ufe00-\ufe0f"
    "\ufeff\uffa0\ufff0-\ufff8\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff]+"
)
_TRADE_MARK = re.compile("[™℠]")
_ASCII_WORD = re.compile("[a-z0-9]+")

LINK = re.compile(
    rf"https?://[^\s<>\"\u2e80-\u2fff\u3000-\u303f\uff00-\uffef{UNSPACED}{_ASTRAL_UNSPACED}]+", re.IGNORECASE
)
"""A link in running text. It ends where a script without spaces goes on."""
LONGEST = 4096
"""Characters of a tag, name or link in a text; what is longer is none."""
_TRAILING = ".,;:!?'\"…‘’“”«»*_~"
_BRACKETS = {")": "(", "]": "[", "}": "{"}


def fold(text: str) -> str:
    """The text with nothing left that does not count when comparing.

    >>> fold("ＳＴＲＡẞＥ"), fold("Café\u200b")
    ('strasse', 'café')
    """
    if text.isascii():
        return text.lower()
    # NFKC would glue the sign to the name: "Acme™" is the word "acme", not "acmetm".
    text = _INVISIBLE.sub("", _TRADE_MARK.sub(" ", text))
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())


def words(text: str) -> list[str]:
    """The words of the text, folded, in order; `BREAK` for each link.

    >>> words("Don't miss #Acme_Cloud https://acme.example/x 東京 👍🏽")
    ['don', 't', 'miss', 'acme', 'cloud', '|', '東', '京', '👍', '🏽']
    """
    if "://" not in text:
        return _words(text)
    found: list[str] = []
    for part in LINK.split(text):
        found += _words(part)
        found.append(BREAK)
    found.pop()
    return found


def links(text: str) -> list[str]:
    """The links that stand in a text, without what belongs to the sentence around them.

    >>> links("See (https://acme.example/x_(y)), or https://acme.example.")
    ['https://acme.example/x_(y)', 'https://acme.example']
    """
    if "://" not in text:
        return []
    found = [_trimmed(link) for link in LINK.findall(text) if len(link) <= LONGEST]
    return [link for link in found if not link.endswith("://")]


def _trimmed(link: str) -> str:
    """The link without the sentence's punctuation and without brackets that are not opened in it."""
    while True:
        link = link.rstrip(_TRAILING)
        opening = _BRACKETS.get(link[-1])
        if opening is None or link.count(opening) >= link.count(link[-1]):
            return link
        link = link[:-1]


def _words(text: str) -> list[str]:
    folded = fold(text)
    return _ASCII_WORD.findall(folded) if folded.isascii() else _unicode_word().findall(folded)


@cache
def _unicode_word() -> re.Pattern[str]:
    """What a word is in folded text. Classes are spelled out: one with \\w in it is no bitmap to `re`, and slow."""
    unspaced = re.compile(f"[{UNSPACED}]").match
    letters = [point for point in range(0x30, 0x10000) if chr(point).isalnum()]
    spaced = _ranges(point for point in letters if not unspaced(chr(point))) + _ASTRAL
    single = _ranges(point for point in letters if unspaced(chr(point))) + _ASTRAL_UNSPACED + _EMOJI
    return re.compile(f"[{spaced}][{spaced}{marks()}]*|{_FLAG}|[{single}][{marks()}]*")


@cache
def marks() -> str:
    """The combining marks of the Basic Multilingual Plane (categories Mn, Mc, Me), as ranges of a character class."""
    return _ranges(point for point in range(0x300, 0x10000) if unicodedata.category(chr(point))[0] == "M")


def _ranges(points: Iterable[int]) -> str:
    """Ascending code points as the ranges of a character class."""
    ranges: list[list[int]] = []
    for point in points:
        if ranges and point == ranges[-1][1] + 1:
            ranges[-1][1] = point
        else:
            ranges.append([point, point])
    return "".join(f"{chr(first)}-{chr(last)}" for first, last in ranges)
