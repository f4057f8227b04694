"""Where phrases stand among the words of a batch: which words go into one, and where one ends."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache

import numpy as np
import numpy.typing as npt

from tocsin.models import _stopwords
from tocsin.models._words import Flags, Ints, Words
from tocsin.words import UNSPACED

LONGEST = 5
"""Words of one phrase."""
_PIECE = 3  # words of the pieces that a longer run of words is cut into
_REACH = 3  # function words that a negation reaches over

Kinds = npt.NDArray[np.int32]
Floats = npt.NDArray[np.float32]

_SECTIONS = (
    *(_stopwords.FUNCTION, _stopwords.CLAUSE, _stopwords.PLAIN, _stopwords.NEGATION, _stopwords.EITHER),
    *(_stopwords.AFTER_NEGATION, _stopwords.JOINER, _stopwords.PARTICLE),
    *(_stopwords.IN, _stopwords.TAKES_IN, _stopwords.ON, _stopwords.TAKES_ON),
)
_BITS = {section: 1 << place for place, section in enumerate(_SECTIONS)}
_WORD, _NUMBER, _GLUE, _NO_LIST = (1 << place for place in range(len(_SECTIONS), len(_SECTIONS) + 4))
_BARS = tuple(
    _BITS[name]
    for name in (_stopwords.FUNCTION, _stopwords.CLAUSE, _stopwords.NEGATION, _stopwords.EITHER, _stopwords.JOINER)
)
"""What no phrase is made of, if nothing else makes it part of one."""
_NUMBERS = re.compile(r"\d[\d.,]*(?:am|pm|h|hrs?|mins?|st|nd|rd|th|s|k|m|x|er|e|º|ª)?", re.IGNORECASE)
_SIGNS = re.compile(f"[{UNSPACED}]")
"""Letters that are words: of scripts without spaces."""
_GLUES = frozenset("-_&‐‑")
_REFERENCE = len("&amp;") - 1


def columns(codes: Sequence[str | None]) -> Ints:
    """(n,) the column of `kinds_of` for the language of each text."""
    known = {code: place for place, code in enumerate(_stopwords.languages())}
    return np.array([known.get(code or "", len(known)) for code in codes], np.int64)


def kinds_of(spelled: Sequence[str], tagged: Sequence[bool]) -> dict[str, Floats]:
    """`kinds`, (k, languages + 1): what each word is in each language, a sum of bits; the last column is for none."""
    known = _known()
    capitals = _stopwords.sections("en")[_stopwords.CAPITALS]
    english = _stopwords.languages().index("en")
    kinds = np.zeros((len(spelled), len(_stopwords.languages()) + 1), np.int32)
    for place, word in enumerate(spelled):
        if not word[:1].isalnum():
            kinds[place] = _GLUE if word in _GLUES else 0
            continue
        folded = _stopwords.looked_up(word)
        kinds[place] = _WORD
        if folded in known:
            kinds[place] |= known[folded]
        if len(word) == 1 and not word.isdigit() and not _SIGNS.match(word):
            kinds[place] |= _BITS[_stopwords.FUNCTION]
        if word in capitals:
            kinds[place, english] = _WORD | _BITS[_stopwords.PLAIN]
        if _NUMBERS.fullmatch(word):
            kinds[place] |= _NUMBER | _BITS[_stopwords.PLAIN]
    kinds[:, -1] |= _NO_LIST
    return {"kinds": kinds.astype(np.float32)}


@cache
def _known() -> dict[str, Kinds]:
    """The bits of each listed word, a column a language."""
    codes = _stopwords.languages()
    found: dict[str, Kinds] = {}
    for column, code in enumerate(codes):
        for section in _SECTIONS:
            for word in _stopwords.sections(code).get(section, ()):
                for spelling in _stopwords.spellings(word, code):
                    found.setdefault(spelling, np.zeros(len(codes) + 1, np.int32))[column] |= _BITS[section]
    for word in _stopwords.sections("all")[_stopwords.FUNCTION]:
        found.setdefault(word, np.zeros(len(codes) + 1, np.int32))[:] |= _BITS[_stopwords.FUNCTION]
    return found


def runs(words: Words, kinds: Kinds) -> tuple[Ints, Ints]:
    """The first word of each phrase, and the word behind its last."""
    near = _Neighbours(words)
    glue = _glue(words, kinds, near)
    tagged = _tagged(words.tagged & _has(kinds, _WORD), glue, near)
    glued = _has(kinds, _WORD) & (near.before(glue) | near.after(glue))
    listed = _has(kinds, *_BARS) & ~(glued & ~_has(kinds, _NUMBER))
    usable = _has(kinds, _WORD) & (tagged | ~_has(kinds, _NO_LIST)) & ~listed
    plain = usable & _has(kinds, _BITS[_stopwords.PLAIN])
    content = usable & ~plain
    solid = content | plain

    negation = _Negations(kinds, solid, near)
    particle = _has(kinds, _BITS[_stopwords.PARTICLE]) & near.before(content) & ~near.after(solid)
    particle |= _has(kinds, _BITS[_stopwords.IN]) & near.before(_has(kinds, _BITS[_stopwords.TAKES_IN]))
    opening = _has(kinds, _BITS[_stopwords.ON]) & near.after(_has(kinds, _BITS[_stopwords.TAKES_ON]))
    joiner = _has(kinds, _BITS[_stopwords.JOINER]) & near.before(solid) & near.after(solid)

    begins = solid | tagged | negation.starts | opening
    ends = solid | tagged | negation.ends | negation.completed | particle
    inside = begins | ends | joiner | negation.bridges | glue | (glued & ~_has(kinds, _NO_LIST))
    opens = inside & ~near.before(inside)
    opens |= (negation.starts | opening) & ~tagged
    opens |= inside & (tagged != near.before(tagged))

    units = inside & ~glue & ~near.before(glue)
    firsts, stops = _cut(opens, inside, units, tagged)
    firsts, stops = _trimmed(firsts, stops, begins, ends)
    said = _Counts(content).between(firsts, stops) > 0
    half = _Counts(negation.completed | (plain & ~_has(kinds, _NUMBER))).between(firsts, stops) > 0
    said |= half & (_Counts(negation.starts | negation.ends).between(firsts, stops) > 0)
    said |= opening[firsts]
    return firsts[said], stops[said]


class _Neighbours:
    """What stands beside each word, within its line."""

    def __init__(self, words: Words) -> None:
        self.goes_on = np.ones(len(words.keys), np.bool_)
        """Whether the word before is of the same line."""
        self.goes_on[words.bounds[:-1][np.diff(words.bounds) > 0]] = False
        for number, text in enumerate(words.texts):
            if "\n" in text:
                first, last = words.bounds[number], words.bounds[number + 1]
                breaks = [place for place, sign in enumerate(text) if sign == "\n"]
                after = first + np.searchsorted(words.starts[first:last], breaks)
                self.goes_on[after[after < last]] = False

    def before(self, flags: Flags) -> Flags:
        moved = np.zeros_like(flags)
        moved[1:] = flags[:-1] & self.goes_on[1:]
        return moved

    def after(self, flags: Flags) -> Flags:
        moved = np.zeros_like(flags)
        moved[:-1] = flags[1:] & self.goes_on[1:]
        return moved


class _Negations:
    """`starts` belong to what follows, over `bridges`, or are `completed`; `ends` belong to what stands before."""

    def __init__(self, kinds: Kinds, solid: Flags, near: _Neighbours) -> None:
        either = _has(kinds, _BITS[_stopwords.EITHER]) & ~solid
        always = _has(kinds, _BITS[_stopwords.NEGATION]) & ~solid
        soft = _has(kinds, _BITS[_stopwords.FUNCTION], _BITS[_stopwords.JOINER]) & ~solid & ~either & ~always
        soft &= ~_has(kinds, _BITS[_stopwords.CLAUSE])
        last = _has(kinds, _BITS[_stopwords.AFTER_NEGATION])
        reached = near.after(solid)
        follows = reached | (near.after(last) & ~near.before(solid))
        for _ in range(_REACH):
            reached = near.after(soft & reached)
            follows |= reached
        self.starts = always | (either & follows)
        self.ends = either & ~follows & near.before(solid)
        self.completed = last & near.before(self.starts | self.ends)
        bridge = self.starts
        self.bridges = np.zeros_like(solid)
        for _ in range(_REACH):
            bridge = soft & near.before(bridge)
            self.bridges |= bridge


class _Counts:
    """How many of the words between two places are flagged."""

    def __init__(self, flags: Flags) -> None:
        self._sums = np.concatenate([[0], np.cumsum(flags)])

    def between(self, firsts: Ints, stops: Ints) -> Ints:
        counts: Ints = self._sums[stops] - self._sums[firsts]
        return counts


def _has(kinds: Kinds, *bits: int) -> Flags:
    """Whether a word is of any of these kinds."""
    found: Flags = (kinds & sum(bits)) != 0
    return found


def _glue(words: Words, kinds: Kinds, near: _Neighbours) -> Flags:
    """The signs that make one word of two: wi-fi, R&amp;D."""
    word, glue = _has(kinds, _WORD), _has(kinds, _GLUE)
    gap = np.ones(len(kinds), np.int64)
    gap[1:] = words.starts[1:] - words.ends[:-1]
    tight = gap == 0
    glue &= tight & near.before(word) & near.after(word)
    glue[:-1] &= tight[1:] | (gap[1:] == _REFERENCE)
    return glue


def _tagged(tagged: Flags, glue: Flags, near: _Neighbours) -> Flags:
    """What is of a hashtag, with what is glued to it: #acme_down."""
    for _ in range(2 * LONGEST):
        more = near.before(tagged) & (glue | near.before(glue)) & ~tagged
        if not more.any():
            break
        tagged = tagged | more
    return tagged


def _cut(opens: Flags, inside: Flags, units: Flags, tagged: Flags) -> tuple[Ints, Ints]:
    """Runs of words, those that are too long as pieces of nearly the same length."""
    firsts = np.flatnonzero(opens)
    stops = np.flatnonzero(inside & np.append(~inside[1:] | opens[1:], True)) + 1
    lengths = _Counts(units).between(firsts, stops)
    long = np.flatnonzero((lengths > LONGEST) & ~tagged[firsts])
    if not len(long):
        return firsts, stops
    more = []
    for run in long.tolist():
        places = firsts[run] + np.flatnonzero(units[firsts[run] : stops[run]])
        more += [piece[0] for piece in np.array_split(places, -(-len(places) // _PIECE))[1:]]
    firsts = np.sort(np.append(firsts, np.array(more, np.int64)))
    return firsts, np.sort(np.append(stops, np.array(more, np.int64)))


def _trimmed(firsts: Ints, stops: Ints, begins: Flags, ends: Flags) -> tuple[Ints, Ints]:
    """The runs without what may not stand at their ends; empty ones are left out."""
    places = np.arange(len(begins))
    following = np.minimum.accumulate(np.where(begins, places, len(places))[::-1])[::-1]
    preceding = np.maximum.accumulate(np.where(ends, places, -1))
    firsts, stops = following[firsts], preceding[stops - 1] + 1
    kept = firsts < stops
    return firsts[kept], stops[kept]
