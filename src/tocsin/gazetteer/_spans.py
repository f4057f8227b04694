"""Names found in texts, and the places that bear them: every reading of every text, none chosen yet."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tocsin.gazetteer import _text
from tocsin.gazetteer._index import KEY_MASK, Index, Kind
from tocsin.gazetteer._text import HARD, SOFT, Flags, Ints, Keys, Words
from tocsin.gazetteer._vocabulary import AND, HERE, ONCE, said

MOST_BEARERS = 100
"""Places that are considered of those that bear a name; the largest ones."""

MOST_READINGS = 400
"""Of one text; where it has many names, the smallest bearers are left out."""
_IN_CAPITALS = (Kind.ISO2, Kind.ISO3, Kind.AIRPORT, Kind.CAPITALS)


@dataclass(frozen=True)
class Spans:
    """s stretches of words that are names."""

    names: Ints
    """(s,) rows of the index's names."""
    starts: Ints
    ends: Ints
    """(s,) the words of a span are those from `starts[i]` to `ends[i]`."""
    inside: Flags
    """(s,): whether a longer name has all of its words."""
    denied: Flags
    """(s,): whether its words are of something that is no place where it stands alone."""
    nowhere: Flags
    """(m,): which words of the texts are of such a thing."""

    def cover(self, wanted: Flags, count: int) -> Flags:
        """(count,) which words are of one of the spans that are `wanted`."""
        steps = np.zeros(count + 1, np.int64)
        np.add.at(steps, self.starts[wanted], 1)
        np.add.at(steps, self.ends[wanted], -1)
        found: Flags = np.cumsum(steps)[:-1] > 0
        return found


@dataclass(frozen=True)
class Candidates:
    """c readings, in the order of the texts: a span, and a place that bears the name.

    Those of one part of a text (`parts`) exclude one another; there are p parts that have any.
    """

    bounds: Ints
    """(p + 1,): the readings of part i are those from `bounds[i]` to `bounds[i + 1]`."""
    parts: Ints
    owners: Ints
    spans: Ints
    places: Ints
    kinds: npt.NDArray[np.uint8]
    starts: Ints
    ends: Ints
    """(c,) the part, the text, the span, the place, the kind of the name, and the words."""
    capitals: Flags
    """(c,) whether the name is written in capitals throughout."""


def parts(words: Words) -> Ints:
    """(m,) from 1 on: numbers that grow where another place begins, at a hard break, at "and" and at ", born in"."""
    cues = said(words, HERE) | said(words, ONCE)
    begins = (words.breaks == HARD) | said(words, AND) | ((words.breaks == SOFT) & cues)
    begins[words.bounds[:-1][np.diff(words.bounds) > 0]] = True
    return np.cumsum(begins)


def found(words: Words, index: Index, keys: Keys | None = None) -> Spans:
    """All names in the texts, by text and place. `keys`: those of the words, where they are to be taken for others."""
    runs = _text.runs(words, keys)
    hits = [index.find(keys) for _, keys in runs]
    starts = np.concatenate([begins[hit] for (begins, _), (hit, _) in zip(runs, hits, strict=True)])
    lengths = np.repeat(np.arange(1, len(runs) + 1), [len(hit) for hit, _ in hits])
    names = np.concatenate([name for _, name in hits])
    order = np.lexsort((-lengths, starts))
    starts, names, ends = starts[order], names[order], (starts + lengths)[order]
    reach = _denied_reach(runs, index, len(words.keys))
    nowhere = reach > np.arange(len(reach))
    return Spans(names, starts, ends, _inside(starts, ends), reach[starts] >= ends, nowhere)


def candidates(words: Words, spans: Spans, index: Index) -> Candidates:
    """The places of each span; beyond MOST_BEARERS the smallest are left out.

    Codes count in capitals, those of first-level areas also in small letters at the end ("boone nc").
    """
    first = index.offsets[spans.names].astype(np.int64)
    counts = np.minimum(index.offsets[spans.names + 1] - first, _most(words, spans))
    span = np.repeat(np.arange(len(counts)), counts)
    pairs = first[span] + np.arange(len(span)) - np.repeat(np.cumsum(counts) - counts, counts)
    kinds = index.kinds[pairs]
    in_capitals = _all_of(words.capitals, spans.starts, spans.ends)[span]
    behind = (spans.starts[span] > words.bounds[words.owners[spans.starts[span]]]) & _last(words)[spans.ends[span] - 1]
    kept = np.flatnonzero(in_capitals | ~(np.isin(kinds, _IN_CAPITALS) | ((kinds == Kind.CODE) & ~behind)))
    span, kinds, pairs = span[kept], kinds[kept], pairs[kept]
    part = parts(words)[spans.starts[span]]
    begins = np.append(True, part[1:] != part[:-1])[: len(part)]
    return Candidates(
        bounds=np.append(np.flatnonzero(begins), len(part)),
        parts=np.cumsum(begins) - 1,
        owners=words.owners[spans.starts[span]],
        spans=span,
        places=index.places[pairs].astype(np.int64),
        kinds=np.where(kinds == Kind.CAPITALS, np.uint8(Kind.CURATED), kinds),
        starts=spans.starts[span],
        ends=spans.ends[span],
        capitals=in_capitals[kept],
    )


def _most(words: Words, spans: Spans) -> Ints:
    """(s,) how many bearers of each span are considered."""
    owners = words.owners[spans.starts]
    in_text = np.bincount(owners, minlength=len(words.texts))[owners]
    found: Ints = np.clip(MOST_READINGS // np.maximum(in_text, 1), 3, MOST_BEARERS)
    return found


def _last(words: Words) -> Flags:
    """(m,) whether a break or the end of the text comes next."""
    return np.append((words.owners[1:] != words.owners[:-1]) | (words.breaks[1:] > 0), True)


def _all_of(flags: Flags, starts: Ints, ends: Ints) -> Flags:
    """Which spans have the flag at all of their words."""
    counts = np.concatenate([[0], np.cumsum(flags)])
    found: Flags = counts[ends] - counts[starts] == ends - starts
    return found


def _denied_reach(runs: list[tuple[Ints, Keys]], index: Index, count: int) -> Ints:
    """(m,) how far the runs that are no place reach which begin at each word or before."""
    reach = np.zeros(count, np.int64)
    for length, (begins, keys) in enumerate(runs, start=1):
        denied = begins[_text.among(keys & KEY_MASK, index.denied)]
        reach[denied] = np.maximum(reach[denied], denied + length)
    return np.maximum.accumulate(reach)


def _inside(starts: Ints, ends: Ints) -> Flags:
    """Which spans lie in a longer one; they come by start, the longest of a start first."""
    if not len(starts):
        return np.zeros(0, np.bool_)
    reach = np.maximum.accumulate(ends)
    return np.append(False, reach[:-1] >= ends[1:])
