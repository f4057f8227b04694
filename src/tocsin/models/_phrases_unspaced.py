"""Key phrases of scripts whose words are not parted by spaces, and of Korean, whose particles stick to the noun.

No dictionary is asked where a word ends, so these are rougher than the phrases of other languages:

    Japanese    runs of kanji and katakana; a verb or adjective only where it is denied (繋がらない)
    Chinese     what stands between function words, if it is 2 to 6 characters long; 不, 没有 open a phrase
    Korean      nouns that follow each other, the last without its particle; 안 and 없어요 stay with their word
    Thai        what stands between function words and spaces; ไม่ opens a phrase
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from functools import cache

from tocsin.models._stopwords import CONTENT, FUNCTION, NEGATION, PARTICLE, sections

Found = Iterator[tuple[int, str]]
"""Where a phrase begins, and the phrase."""

_TAG = re.compile(r"[#＃](\w{2,40})")
_ROMAN = r"[A-Za-z][A-Za-z0-9]+(?:[ -][A-Za-z][A-Za-z0-9]+){0,3}"
_HAN = "\u3005\u3400-\u4dbf\u4e00-\u9fff"
_KATAKANA, _HIRAGANA = "\u30a1-\u30fa\u30fc", "\u3041-\u3096"
_HANGUL = "\uac00-\ud7a3"
_THAI, _THAI_MARKS = "\u0e01-\u0e3a\u0e40-\u0e4e", "\u0e30-\u0e3a\u0e47-\u0e4e"
_NOUNS = 3  # Korean nouns in a phrase


def unspaced_phrases(text: str, code: str) -> list[str]:
    """The phrases of a text in the language `code`, one of `UNSPACED`, in order; hashtags whole."""
    found = {match.start(): match[1] for match in _TAG.finditer(text)}
    rest = _TAG.sub(lambda match: "\n" * len(match[0]), text)
    found |= dict(UNSPACED[code](rest))
    return [found[place] for place in sorted(found) if found[place].lower() not in _words("en", FUNCTION)]


def _japanese(text: str) -> Found:
    for match in _japanese_phrase().finditer(text):
        if match[0] not in _words("ja", FUNCTION):
            yield match.start(), match[0]


@cache
def _japanese_phrase() -> re.Pattern[str]:
    denied = f"[{_HAN}{_KATAKANA}]{{1,12}}[{_HIRAGANA}]{{0,5}}?(?:ない|なかった|ません(?:でした)?)"
    return re.compile(f"{denied}|[{_HAN}{_KATAKANA}]{{2,12}}|{_ROMAN}")


def _chinese(text: str) -> Found:
    for match in _chinese_phrase().finditer(text):
        if match["phrase"]:
            yield match.start(), match[0]


@cache
def _chinese_phrase() -> re.Pattern[str]:
    function, negation = _any_of("zh", FUNCTION), _any_of("zh", NEGATION)
    content = f"(?:{_any_of('zh', CONTENT)}|(?!{function}|{negation})[{_HAN}])"
    denied = f"{negation}{function}?{content}{{1,6}}+(?!{content})"
    return re.compile(f"(?P<phrase>{denied}|{content}{{2,6}}+(?!{content})|{_ROMAN})|{function}|{content}+")


def _thai(text: str) -> Found:
    for match in _thai_phrase().finditer(text):
        if match["phrase"]:
            yield match.start(), match[0]


@cache
def _thai_phrase() -> re.Pattern[str]:
    whole = f"(?<![เแโใไ]){{}}(?![{_THAI_MARKS}])"  # not the end of a syllable, nor its begin
    function, negation = (whole.format(_any_of("th", section)) for section in (FUNCTION, NEGATION))
    content = f"(?:(?!{function}|{negation})[{_THAI}])"
    denied = f"{negation}(?:{function})?{content}{{2,25}}+(?!{content})"
    return re.compile(f"(?P<phrase>{denied}|{content}{{3,25}}+(?!{content})|{_ROMAN})|{function}|{content}+")


def _korean(text: str) -> Found:
    """Runs of nouns; what is denied is a phrase of its own."""
    start, nouns = 0, list[str]()
    for match in _korean_word().finditer(text):
        noun = _without_particle(match["word"] or "")
        if noun and not nouns:
            start = match.start()
        if noun:
            nouns.append(noun)
        if nouns and (noun != match["word"] or len(nouns) == _NOUNS):
            yield start, " ".join(nouns)
            nouns = []
        if match["denied"]:
            yield match.start(), match[0]
    if nouns:
        yield start, " ".join(nouns)


@cache
def _korean_word() -> re.Pattern[str]:
    denied = f"(?<![{_HANGUL}]){_any_of('ko', NEGATION)} [{_HANGUL}]+|[{_HANGUL}]{{2,}} (?:없|않)[{_HANGUL}]*"
    return re.compile(rf"(?P<denied>{denied})|(?P<word>[{_HANGUL}]+|[A-Za-z][A-Za-z0-9-]+)|[^\s\w]|\n|\w+")


_KOREAN_VERB = re.compile("(?:요|니다|니까|는데|은데|네|지만|해서|어서|아서|하고|하면|다)$")
_KOREAN_NOUNS = frozenset({"필요", "수요", "중요", "주요", "동네"})


def _without_particle(word: str) -> str:
    """The noun that a word is, without its particle; nothing if it is none."""
    if word in _words("ko", FUNCTION) or (_KOREAN_VERB.search(word) and word not in _KOREAN_NOUNS):
        return ""
    if word[-1:].isascii():
        return word
    stem = re.sub(f"(?<=..){_any_of('ko', PARTICLE)}$", "", word)
    return stem if len(stem) > 1 and stem not in _words("ko", FUNCTION) else ""


@cache
def _words(code: str, section: str) -> frozenset[str]:
    return frozenset(sections(code)[section])


@cache
def _any_of(code: str, section: str) -> str:
    """A pattern of these words, the longest first."""
    return f"(?:{'|'.join(sorted(_words(code, section), key=lambda word: (-len(word), word)))})"


UNSPACED: Mapping[str, Callable[[str], Found]] = {"ja": _japanese, "zh": _chinese, "ko": _korean, "th": _thai}
"""How the phrases of each of these languages are found."""
