"""What is known of words before any text is read: function words, negations and noise, language by language.

The lists are `stopwords/<code>.txt`, words under the head of their section; `all.txt` counts for every language.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from functools import cache, lru_cache
from pathlib import Path

FOLDER = Path(__file__).parent / "stopwords"

FUNCTION = "function"
"""Articles, prepositions, auxiliaries, greetings: they end a phrase, but may stand behind a negation."""
CLAUSE = "clause"
"""Conjunctions and subject pronouns: something new begins, and a negation does not reach beyond."""
PLAIN = "plain"
"""Says too little to be a phrase alone: great, first, hours."""
NEGATION = "negation"
"""Belongs to what follows: not working."""
EITHER = "negation both"
"""Belongs to what follows, or where nothing does to what stands before: funktioniert nicht."""
AFTER_NEGATION = "after negation"
"""A function word that completes a negation: never again."""
JOINER = "joiner"
"""Joins two words of content: waste of time."""
PARTICLE = "particle"
"""Completes the word before it: broke down."""
IN, TAKES_IN = "in", "takes in"
"""A preposition, and the verbs that it completes: log in."""
ON, TAKES_ON = "on", "takes on"
"""A preposition, and the nouns that it makes a phrase of: on hold."""
CAPITALS = "capitals"
"""Function words that are names when written in capitals: US."""
ONLY_ENGLISH = "only english"
"""Function words of English that no other language has in everyday use."""
CONTENT = "content"
"""Words of a script without spaces that hold what would else be a function word."""
BOILERPLATE, ONE_WORD = "boilerplate", "one word"
"""Whole phrases that are no news; names that are one word though a capital letter stands within."""

_UNSPACED = ("ja", "ko", "th", "zh")
_OTHER_NAMES = {"bs": "hr", "sh": "hr", "ms": "id", "nn": "no"}
_UMLAUTS = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "ß": "ss"})

Sections = dict[str, list[str]]


@cache
def languages() -> tuple[str, ...]:
    """The languages with spaces between words that have a list, as ISO 639-1 codes."""
    codes = (path.stem for path in FOLDER.glob("*.txt"))
    return tuple(sorted(code for code in codes if code not in ("all", *_UNSPACED)))


@lru_cache(maxsize=1024)
def listed(code: str | None) -> str | None:
    """The language whose list serves for this one; None where there is none. Without a code: English."""
    code = _OTHER_NAMES.get(code, code) if code else "en"
    return code if code in languages() or code in _UNSPACED else None


@cache
def sections(code: str) -> Sections:
    """The words of each section of a list, as written there."""
    found: Sections = {}
    section: list[str] = []
    for line in (FOLDER / f"{code}.txt").read_text(encoding="utf-8").splitlines():
        if line.startswith("["):
            section = found.setdefault(line.strip("[]"), [])
        elif not line.startswith("#"):
            section += [entry.strip() for entry in line.split("|")] if "|" in line else line.split()
    return found


def spellings(word: str, code: str) -> Iterator[str]:
    """A word as people type it: as it is, and without accents where that is usual."""
    yield word
    if code == "de":
        yield word.translate(_UMLAUTS)
    elif code not in ("sv", "da", "no", "fi"):
        plain = unicodedata.normalize("NFD", word)
        yield "".join(sign for sign in plain if not unicodedata.combining(sign)) if word.isalpha() else word


def looked_up(word: str) -> str:
    """A word as it stands in the lists: lower case, compatibility forms made equal, "sooo" as "so"."""
    folded = word.lower() if word.isascii() else unicodedata.normalize("NFKC", word).lower()
    return re.sub(r"([^\W\d])\1{2,}", r"\1", folded)
