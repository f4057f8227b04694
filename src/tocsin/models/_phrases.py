"""Key phrases by rule: what stands between function words and punctuation.

After RAKE (Rose, Engel, Cramer and Cowley 2010, "Automatic keyword extraction from individual documents"), with the
negation kept where it belongs ("can't log in", "never arrived", "funktioniert nicht"), hashtags cut into their words,
and the noise of platforms left out. All texts of a batch at once, on the arrays of `_words.split`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from functools import cache, lru_cache

from tocsin.models import _stopwords
from tocsin.models._lexicon import Lexicon
from tocsin.models._phrase_runs import LONGEST, Kinds, columns, kinds_of, runs
from tocsin.models._phrases_unspaced import UNSPACED, unspaced_phrases
from tocsin.models._words import Words
from tocsin.text import one_line

MOST = 10
"""Phrases of one text."""
_LONGEST_PHRASE = 80  # characters; what is longer was not written by hand

_CLEAR = 3  # letters a word in the mean: a hashtag cut into shorter ones was not understood

Segmenter = Callable[[str], Sequence[str]]
"""Cuts a hashtag whose English words are run together into these, or gives it back whole."""


class Chunker:
    """Finds the phrases of texts. Without a segmenter, a hashtag in small letters stays whole."""

    def __init__(self, segmenter: Segmenter | None = None) -> None:
        self._lexicon = Lexicon(kinds_of)
        self._segmenter = segmenter
        self._tag = lru_cache(maxsize=10_000)(self._tag_words)

    def phrases(self, words: Words, languages: Sequence[str | None]) -> list[list[str]]:
        """For each text up to `MOST` different phrases in its order, folded; languages are ISO 639-1 codes or None."""
        codes = [_stopwords.listed(code) for code in languages]
        found = self._spaced(words, codes)
        for number, code in enumerate(codes):
            if code is not None and code in UNSPACED:
                found[number] = unspaced_phrases(words.texts[number], code)
        return [_chosen(phrases) for phrases in found]

    def _spaced(self, words: Words, codes: Sequence[str | None]) -> list[list[str]]:
        found: list[list[str]] = [[] for _ in words.texts]
        if not len(words.keys):
            return found
        rows = self._lexicon.rows(words)
        kinds: Kinds = self._lexicon.facts("kinds")[rows, columns(codes)[words.owners]].astype("int32")
        begins, ends = runs(words, kinds)
        starts, stops = words.starts[begins].tolist(), words.ends[ends - 1].tolist()
        owners, tagged = words.owners[begins].tolist(), words.tagged[begins].tolist()
        for number, owner in enumerate(owners):
            if stops[number] - starts[number] > _LONGEST_PHRASE:
                continue
            if tagged[number]:
                run = slice(int(begins[number]), int(ends[number]))
                phrase = self._tag(_parts(words, owner, run), codes[owner] == "en")
            else:
                phrase = words.texts[owner][starts[number] : stops[number]]
            found[owner].append(folded(phrase, codes[owner]))
        return found

    def _tag_words(self, parts: tuple[str, ...], english: bool) -> str:
        """The words of a hashtag, given the parts that capital letters cut it into."""
        whole = "".join(parts)
        if len(parts) > 1 and (whole.lower() in _one_word() or not whole.isalnum()):
            return whole
        if len(parts) == 1 and english and self._segmenter is not None:
            cut = self._segmenter(whole)
            if len(whole) >= _CLEAR * len(cut) and min(map(len, cut), default=1) > 1:
                parts = tuple(cut)
        return " ".join(parts) if len(parts) <= LONGEST else whole


def folded(phrase: str, code: str | None) -> str:
    """How a phrase is counted: lower case, one space between words, nothing invisible.

    >>> folded("CUSTOMER  Service", "en"), folded("İade YOK", "tr")
    ('customer service', 'iade yok')
    """
    if code == "tr":
        phrase = phrase.replace("İ", "i").replace("I", "ı")
    if not phrase.isascii():
        phrase = one_line(phrase).replace("’", "'")
    return " ".join(phrase.replace("_", " ").lower().split())


def _parts(words: Words, owner: int, run: slice) -> tuple[str, ...]:
    text = words.texts[owner]
    spots = zip(words.starts[run].tolist(), words.ends[run].tolist(), strict=True)
    return tuple(text[start:end] for start, end in spots)


def _chosen(phrases: Sequence[str]) -> list[str]:
    """The different phrases in order; where there are too many, those that the text repeats, then the first."""
    noise = _boilerplate()
    said = [phrase for phrase in phrases if len(phrase) > 1 and phrase not in noise]
    different = list(dict.fromkeys(said))
    if len(different) <= MOST:
        return different
    kept = {phrase for phrase, _ in Counter(said).most_common(MOST)}
    return [phrase for phrase in different if phrase in kept]


@cache
def _boilerplate() -> frozenset[str]:
    return frozenset(_stopwords.sections("all")[_stopwords.BOILERPLATE])


@cache
def _one_word() -> frozenset[str]:
    return frozenset(_stopwords.sections("all")[_stopwords.ONE_WORD])
