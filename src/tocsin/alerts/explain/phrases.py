"""The words of the window: phrases that it has and the time before had not, by weighted log-odds.

Source: Monroe, Colaresi and Quinn, "Fightin' Words", Political Analysis 16, 2008.
"""

from __future__ import annotations

import itertools
import math
import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

PRIOR, PRIOR_PART = 500.0, 0.1
"""The weight of what is usual of a phrase: so many phrases, and so large a part of all that are said, at least."""
MOST = 8
LEAST_AUTHORS, LEAST_Z = 3, 3.0
_WORD = re.compile(r"[\w][\w'’-]*", re.UNICODE)
_NOISE = re.compile(r"https?://\S+|(?<!\w)@\w+")

Row = Mapping[str, Any]


def phrases(rows: Sequence[Row], before: Sequence[Row]) -> list[dict[str, Any]]:
    """Words and pairs of words that the window has and the time before had not: z of at least 3, from at least
    3 authors, an author counted once."""
    now, then = _authors_by_phrase(rows), _authors_by_phrase(before)
    n1, n0 = sum(now.values()) or 1, sum(then.values()) or 1
    scored: list[tuple[float, str, int]] = []
    for phrase, count in now.items():
        if count < LEAST_AUTHORS:
            continue
        z = surprise(count, n1, then[phrase], n0)
        if z >= LEAST_Z:
            scored.append((z, phrase, count))
    scored.sort(key=lambda item: (-item[0], item[1]))
    return [{"phrase": phrase, "authors": count, "z": round(z, 1)} for z, phrase, count in _without_parts(scored)][
        :MOST
    ]


def surprise(count: int, total: int, before: int, total_before: int) -> float:
    """z of the log-odds ratio of a word, said so often now and before, under a prior of what is usual in both.

    >>> round(surprise(10, 1000, 10, 1000), 1), surprise(30, 1000, 3, 1000) > 3
    (0.0, True)
    """
    both = total + total_before
    weight = max(PRIOR, PRIOR_PART * both)
    prior = weight * (count + before) / both
    delta = _log_odds(count + prior, total + weight) - _log_odds(before + prior, total_before + weight)
    return delta / math.sqrt(1 / (count + prior) + 1 / (before + prior))


def _log_odds(count: float, total: float) -> float:
    return math.log(count / max(total - count, 1e-9))


def _without_parts(scored: Sequence[tuple[float, str, int]]) -> Iterator[tuple[float, str, int]]:
    """Leave out a word that mostly stands in one pair of these, and a pair that shares a word with a like one."""
    pairs = [(set(phrase.split()), count) for _, phrase, count in scored if " " in phrase]
    shown: list[tuple[set[str], int]] = []
    for z, phrase, count in scored:
        words = set(phrase.split())
        wider = pairs if len(words) == 1 else shown
        if not any(words & other and min(count, n) >= 0.7 * max(count, n) for other, n in wider):
            shown.append((words, count))
            yield z, phrase, count


def _authors_by_phrase(rows: Sequence[Row]) -> Counter[str]:
    authors: defaultdict[str, set[str]] = defaultdict(set)
    for row in rows:
        who = row["author_id"] or row["author_handle"] or row["uid"]
        for phrase in said(row["text"] or ""):
            authors[phrase].add(who)
    return Counter({phrase: len(people) for phrase, people in authors.items()})


def said(text: str) -> set[str]:
    """The words of three letters and more and the pairs of words of a text, in lower case."""
    words = [word for word in _WORD.findall(_NOISE.sub(" ", text.casefold())) if not word.isdigit()]
    pairs = {f"{a} {b}" for a, b in itertools.pairwise(words)}
    return {word for word in words if len(word) > 2} | pairs
