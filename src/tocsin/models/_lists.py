"""Names that somebody listed, found in texts however people write them.

"iPhone 15 Pro" is found as "iphone 15 pro", "iPhone15Pro", "#iphone15pro", "iPhone 15 Pros", and, with `fuzzy`, as
"iPhnoe 15 Pro". Case and accents do not count. Gaps (a space, a hyphen, an underscore) may only stand where the name
has one or changes between letters, digits and signs, so that no name is found across the borders of other words. An
English function word ("IT", "WHO") is a name only as it was listed, or in a hashtag.

A typo is one letter too many, missing, wrong or exchanged with its neighbour (optimal string alignment, Boytsov 2011)
in a word of six letters or more, not its first, and not where the result is itself a word.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from rapidfuzz.distance import OSA

from tocsin.component import Span
from tocsin.models import _stopwords
from tocsin.models._lexicon import Lexicon
from tocsin.models._names import folded
from tocsin.models._reading import words_of
from tocsin.models._words import LINK, NAME, Words, split

_SHORTEST_TYPO = 6
_SHORTEST_PLURAL = 3
_JOINING = frozenset("-_‐‑–'")
_RUNS = re.compile(r"\d+|[^\W\d]+|[^\w]|_")
_HISSING = ("s", "x", "z", "ch", "sh")


@dataclass(frozen=True)
class _Name:
    """A name as it is compared: `spelled` without gaps, and after which characters there may be one."""

    type: str
    spelled: str
    borders: frozenset[int]
    as_listed: str | None
    """The only way to write it outside hashtags, where it is a function word."""


class Lists:
    """Finds names. `names` are those of each type; `is_word` tells whether a folded word is a word of the language."""

    def __init__(
        self, names: Mapping[str, Sequence[str]], *, fuzzy: bool = True, is_word: Callable[[str], bool] | None = None
    ) -> None:
        self._names = [name for type_, own in names.items() for listed in own for name in _names(type_, listed)]
        self._typos = _Typos(self._names, is_word or (lambda word: False)) if fuzzy else None
        self._begun = _by_beginning(self._names)
        self._groups: list[tuple[_Name, ...]] = [()]
        self._numbers: dict[tuple[_Name, ...], int] = {(): 0}
        self._lexicon = Lexicon(lambda spelled, tagged: {"begins": self._facts(spelled, tagged)})

    def spans(self, texts: Sequence[str]) -> list[list[Span]]:
        """The names in each text, from left to right; of two that overlap the first, and the longer."""
        found: list[list[Span]] = [[] for _ in texts]
        if not self._names:
            return found
        words = words_of(texts)
        if not len(words.keys):
            return found
        rows = self._lexicon.rows(words)
        begins = self._lexicon.facts("begins")[rows, 0]
        reader = _Reader(words, self._typos)
        for place in np.flatnonzero(begins).tolist():
            own = found[reader.text(place)]
            if not own or words.starts[place] >= own[-1].end:
                own += reader.longest(place, self._groups[int(begins[place])])
        return found

    def _facts(self, spelled: Sequence[str], tagged: Sequence[bool]) -> npt.NDArray[np.float32]:
        """(k, 1) the number of the group of names that may begin with each word; 0: none."""
        found = np.zeros((len(spelled), 1), np.float32)
        for place, (word, tag) in enumerate(zip(spelled, tagged, strict=True)):
            if word not in (LINK, NAME):
                found[place] = self._group(folded(word), tag)
        return found

    def _group(self, word: str, tagged: bool) -> int:
        names = self._begun.get((word, tagged), ())
        if not names and self._typos is not None:
            meant = self._typos.meant(word)
            names = tuple(dict.fromkeys(name for part in meant for name in self._begun.get((part, tagged), ())))
        number = self._numbers.setdefault(names, len(self._groups))
        if number == len(self._groups):
            self._groups.append(names)
        return number


def _by_beginning(names: Sequence[_Name]) -> dict[tuple[str, bool], tuple[_Name, ...]]:
    """The names that may begin with a word, by its spelling and by whether it is of a hashtag, which has no gaps."""
    found: dict[tuple[str, bool], list[_Name]] = {}
    for name in names:
        for end in range(1, len(name.spelled) + 1):
            found.setdefault((name.spelled[:end], True), []).append(name)
            if end in name.borders or not name.spelled[:end].isascii():
                found.setdefault((name.spelled[:end], False), []).append(name)
    return {beginning: tuple(begun) for beginning, begun in found.items()}


class _Reader:
    """Reads names off the words of texts."""

    def __init__(self, words: Words, typos: _Typos | None) -> None:
        self._words, self._typos = words, typos

    def text(self, place: int) -> int:
        """The number of the text that a word is of."""
        return int(np.searchsorted(self._words.bounds, place, side="right")) - 1

    def longest(self, place: int, names: Sequence[_Name]) -> list[Span]:
        """The longest of the names that begins with this word, if one does."""
        best: Span | None = None
        for name in names:
            last = self._end(place, name)
            if last is not None and (best is None or self._words.ends[last] > best.end):
                best = Span(name.type, int(self._words.starts[place]), int(self._words.ends[last]))
        return [] if best is None else [best]

    def _end(self, place: int, name: _Name) -> int | None:
        """The last word of the name, if it stands here."""
        words = self._words
        if name.as_listed is not None and not words.tagged[place] and words.spelled(place) != name.as_listed:
            return None
        read, typo = 0, False
        for word in range(place, int(words.bounds[self.text(place) + 1])):
            plain = folded(words.spelled(word))
            apart = word > place and (
                words.starts[word] > words.ends[word - 1] or words.tagged[word] != words.tagged[place]
            )
            joining = word > place and plain in _JOINING and not name.spelled.startswith(plain, read)
            if (apart or joining) and read not in name.borders:
                return None
            if joining:
                continue
            if not name.spelled.startswith(plain, read):
                meant = None if typo else self._meant(plain, name, read)
                if meant is None:
                    return None
                plain, typo = meant, True
            read += len(plain)
            if read == len(name.spelled):
                return word
        return None

    def _meant(self, plain: str, name: _Name, read: int) -> str | None:
        if self._typos is None:
            return None
        return next((meant for meant in self._typos.meant(plain) if name.spelled.startswith(meant, read)), None)


class _Typos:
    """Which parts of names a word may be meant for."""

    def __init__(self, names: Sequence[_Name], is_word: Callable[[str], bool]) -> None:
        self._is_word = is_word
        self._parts: dict[tuple[str, int], list[str]] = {}
        self._known: set[str] = set()
        for name in names:
            for part in _parts(name):
                self._known.add(part)
                if len(part) >= _SHORTEST_TYPO and part not in self._parts.setdefault((part[0], len(part)), []):
                    self._parts[part[0], len(part)].append(part)
        self._kept: dict[str, list[str]] = {}

    def meant(self, word: str) -> list[str]:
        if len(word) < _SHORTEST_TYPO - 1 or word in self._known or not word[0].isalnum():
            return []
        found = self._kept.get(word)
        if found is None:
            if len(self._kept) > 100_000:
                self._kept.clear()
            self._kept[word] = found = list(self._close(word))
        return found

    def _close(self, word: str) -> Iterator[str]:
        candidates = [part for more in (0, 1, -1) for part in self._parts.get((word[0], len(word) + more), ())]
        if not candidates or self._is_word(word):
            return
        for part in candidates:
            if OSA.distance(word, part, score_cutoff=1) <= 1 and _digits(word) == _digits(part):
                yield part


def _names(type_: str, listed: str) -> Iterator[_Name]:
    """A listed name, and its plural."""
    words = split([listed.strip()])
    spelled, borders = "", set()
    before = ""
    for place in range(len(words.keys)):
        word = folded(words.spelled(place))
        if word in _JOINING and 0 < place < len(words.keys) - 1:
            borders.add(len(spelled))
            continue
        if place == 0 and word in "#@":
            continue
        if place and words.starts[place] > words.ends[place - 1]:
            borders.add(len(spelled))
        for run in _RUNS.findall(word):
            if before and _sort(before) != _sort(run):
                borders.add(len(spelled))
            spelled, before = spelled + run, run
    if not spelled:
        return
    exact = listed.strip() if spelled in _function_words() else None
    yield _Name(type_, spelled, frozenset(borders | {len(spelled)}), exact)
    if len(spelled) >= _SHORTEST_PLURAL and spelled[-1].isalpha() and exact is None:
        plural = spelled + ("es" if spelled.endswith(_HISSING) else "s")
        yield _Name(type_, plural, frozenset(borders | {len(plural)}), None)


def _sort(run: str) -> int:
    return 2 if run[0].isdecimal() else 1 if run[0].isalnum() else 0


def _parts(name: _Name) -> Iterator[str]:
    """The words of a name, and the whole as one."""
    yield name.spelled
    start = 0
    for end in sorted(name.borders):
        if name.spelled[start:end]:
            yield name.spelled[start:end]
        start = end


def _digits(word: str) -> str:
    return "".join(sign for sign in word if sign.isdecimal())


def _function_words() -> frozenset[str]:
    found = _stopwords.sections("en")
    return frozenset(word for name in (_stopwords.FUNCTION, _stopwords.CLAUSE) for word in found.get(name, ()))


def merged(own: Sequence[Span], others: Sequence[Span]) -> list[Span]:
    """Both, from left to right; of others only those that overlap none of the own."""
    if not own:
        return list(others)
    free = [span for span in others if not any(span.start < one.end and one.start < span.end for one in own)]
    return sorted([*own, *free], key=lambda span: span.start)
