"""Texts as models read them: what their training had not seen is taken out or named.

`words`: as the embedded model reads a text: no links, no names, hashtags cut into words, emoji by their names.
`marks`: links as "http" and names as "@user", as the TweetEval models were trained (Barbieri et al. 2020,
arXiv:2010.12421). `none`: as it was written.
"""

from __future__ import annotations

import html
import re
from collections.abc import Callable
from typing import Literal

from tocsin.models._pieces import sign_name
from tocsin.models._words import LINK, NAME, split
from tocsin.text import MAX_TEXT

Cleaning = Literal["words", "marks", "none"]
_LINK = re.compile(r"https?://\S+|www\.\S+", re.IGNORECASE)
_AT = re.compile(r"(?<![\w@])[@＠]\w[\w.-]*\w|(?<![\w@])[@＠]\w")
_SURROGATE = re.compile("[\ud800-\udfff]")


def cleaner(how: Cleaning, segmented: Callable[[str], list[str]]) -> Callable[[str], str]:
    """How to clean a text; `segmented` cuts (a part of) a hashtag into words."""
    if how == "words":
        return lambda text: words(text, segmented)
    return marks if how == "marks" else storable


def storable(text: str) -> str:
    """At most as much of a text as a post may have, every character where it was."""
    return _SURROGATE.sub("\ufffd", text[:MAX_TEXT])


def marks(text: str) -> str:
    """
    >>> marks("@sam &amp; @alex: see https://a.example/x!")
    '@user & @user: see http'
    """
    shown = _AT.sub("@user", _LINK.sub("http", html.unescape(storable(text))))
    return " ".join(_SURROGATE.sub("\ufffd", shown).split())


def words(text: str, segmented: Callable[[str], list[str]]) -> str:
    """
    >>> words("Still #NoPower 😡 @acme https://a.example/x", lambda tag: [tag])
    'Still No Power pouting'
    """
    found = split([storable(text)])
    shown: list[str] = []
    for number in range(len(found.keys)):
        word = found.spelled(number)
        if word in (LINK, NAME, "#"):
            continue
        if found.tagged[number] and word.isalpha():
            shown += segmented(word)
        elif len(word) == 1 and not word.isascii() and not word.isalnum():
            shown += sign_name(word)
        else:
            shown.append(word)
    return " ".join(shown)
