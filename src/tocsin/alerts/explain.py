"""Why: what the excess is made of, the words that are new, the posts to read, and how many people speak.

Everything is computed from the rows of the incident's window and those of the time before it, once, when the
incident is opened, and stored with it.

Sources: drill-down by excess as in Adtributor (Bhagwan et al., NSDI 2014) and HotSpot's ripple idea in its
simplest form; words by weighted log-odds (Monroe, Colaresi and Quinn 2008).
"""

from __future__ import annotations

import itertools
import math
import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from tocsin.text import clean, one_line, truncate

SLICED = ("source", "language", "country", "author_handle", "cluster_id")
COLUMNS = [
    "uid", "event_time", "source", "language", "country", "author_id", "author_handle", "cluster_id", "is_repost",
    "text", "url", "watches", "categories",
]  # fmt: skip
"""What `explain` wants of each row."""

PRIOR = 500.0
SURPRISE = 8.0
"""Log-likelihood that a slice must gain over its usual share: a handful of posts is chance."""
MOST_SLICES = 5
MOST_PHRASES = 8
MOST_POSTS = 5
_WORD = re.compile(r"[\w][\w'’-]*", re.UNICODE)
_NOISE = re.compile(r"https?://\S+|(?<!\w)@\w+")

Row = Mapping[str, Any]


def explain(
    rows: Sequence[Row],
    before: Sequence[Row],
    observed: float,
    expected: float,
    began: datetime,
    coverage: Mapping[str, Any],
) -> dict[str, Any]:
    """The explanation of an incident, in the shape of `alerts list --json`.

    `rows` are the posts of the window, or an even sample of them, `before` those of the baseline time; `observed`
    and `expected` say how many the window had and should have had. Words and posts are those since it `began`,
    where there are enough.
    """
    since = [row for row in rows if row["event_time"] >= began]
    told = since if len(since) >= MOST_POSTS else rows
    words = phrases(told, before)
    return {
        "slices": slices(rows, before, observed, expected),
        "phrases": words,
        "posts": representative(told, [str(word["phrase"]) for word in words]),
        "voices": voices(rows),
        "coverage": dict(coverage),
    }


def slices(rows: Sequence[Row], before: Sequence[Row], observed: float, expected: float) -> list[dict[str, Any]]:
    """Which values the excess comes from, greedily; shares in per cent that sum to 100 with the last one, "rest".

    `lift` is a value's share of the excess over its usual share (None: it is new). A value counts if it explains
    a tenth of the excess or more at a lift of 1.5 or more, and beyond chance: what is always there explains nothing.
    """
    weight, scale = observed / max(len(rows), 1), expected / max(len(before), 1)
    found: list[dict[str, Any]] = []
    left, usual, rest = list(rows), list(before), 100.0
    while observed > expected and len(found) < MOST_SLICES:
        best = _best_slice(_Side(left, weight), _Side(usual, scale), observed, expected)
        if best is None:
            break
        found.append(best)
        rest -= best["share"]
        left = [row for row in left if row[best["dimension"]] != best["value"]]
        usual = [row for row in usual if row[best["dimension"]] != best["value"]]
    return [*found, _slice("rest", "", rest, len(left) * weight, None)]


class _Side(NamedTuple):
    """Rows, and how many posts each of them stands for."""

    rows: Sequence[Row]
    weight: float

    def counts(self, dimension: str) -> dict[str, float]:
        counted = Counter(row[dimension] for row in self.rows if row[dimension])
        return {value: count * self.weight for value, count in counted.items()}


def _best_slice(now: _Side, then: _Side, observed: float, expected: float) -> dict[str, Any] | None:
    best, most = None, SURPRISE
    for dimension in SLICED:
        usually = then.counts(dimension)
        for value, count in sorted(now.counts(dimension).items()):
            usual = usually.get(value, 0.0)
            share = (count - usual) / (observed - expected)
            lift = share / (usual / expected) if usual else None
            if share < 0.1 or (lift is not None and lift < 1.5):
                continue
            floor = max(usual, 0.5)
            surprise = count * math.log(count / floor) - (count - floor)
            if surprise > most:
                best, most = _slice(dimension, value, 100 * share, count, lift), surprise
    return best


def _slice(dimension: str, value: str, share: float, posts: float, lift: float | None) -> dict[str, Any]:
    rounded = None if lift is None else round(lift, 1)
    return {"dimension": dimension, "value": value, "share": round(share, 1), "posts": round(posts), "lift": rounded}


def phrases(rows: Sequence[Row], before: Sequence[Row]) -> list[dict[str, Any]]:
    """Words and pairs of words that the window has and the time before had not: z of at least 3, from at least
    3 authors, an author counted once."""
    now, then = _authors_by_phrase(rows), _authors_by_phrase(before)
    n1, n0 = sum(now.values()) or 1, sum(then.values()) or 1
    scored: list[tuple[float, str, int]] = []
    for phrase, count in now.items():
        if count < 3:
            continue
        prior = PRIOR * (count + then[phrase]) / (n1 + n0)
        delta = _log_odds(count + prior, n1 + PRIOR) - _log_odds(then[phrase] + prior, n0 + PRIOR)
        z = delta / math.sqrt(1 / (count + prior) + 1 / (then[phrase] + prior))
        if z >= 3:
            scored.append((z, phrase, count))
    scored.sort(key=lambda item: (-item[0], item[1]))
    return [{"phrase": phrase, "authors": count, "z": round(z, 1)} for z, phrase, count in _without_parts(scored)][
        :MOST_PHRASES
    ]


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
        for phrase in _phrases_of(row["text"] or ""):
            authors[phrase].add(who)
    return Counter({phrase: len(people) for phrase, people in authors.items()})


def _phrases_of(text: str) -> set[str]:
    words = [word for word in _WORD.findall(_NOISE.sub(" ", text.casefold())) if not word.isdigit()]
    pairs = {f"{a} {b}" for a, b in itertools.pairwise(words)}
    return {word for word in words if len(word) > 2} | pairs


def representative(rows: Sequence[Row], wanted: Sequence[str]) -> list[dict[str, Any]]:
    """Three to five posts to read: copies folded, those first that hold most of the phrases, varied."""
    clusters: defaultdict[str, list[Row]] = defaultdict(list)
    for row in rows:
        clusters[row["cluster_id"] or row["uid"]].append(row)
    firsts = [(min(copies, key=_age), len(copies)) for copies in clusters.values()]
    chosen: list[tuple[Row, int]] = []
    covered: set[str] = set()
    while firsts and len(chosen) < MOST_POSTS:
        best = min(firsts, key=lambda item: (-_worth(item[0], item[1], wanted, covered), *_age(item[0])))
        firsts.remove(best)
        chosen.append(best)
        covered |= {phrase for phrase in wanted if phrase in (best[0]["text"] or "").casefold()}
    return [_shown(row, copies) for row, copies in chosen]


def _age(row: Row) -> tuple[Any, str]:
    return row["event_time"], row["uid"]


def _worth(row: Row, copies: int, wanted: Sequence[str], covered: set[str]) -> float:
    text = (row["text"] or "").casefold()
    fresh = sum(1.0 if phrase not in covered else 0.2 for phrase in wanted if phrase in text)
    return fresh + math.log2(copies) - (0.5 if row["is_repost"] else 0.0)


def _shown(row: Row, copies: int) -> dict[str, Any]:
    return {
        "uid": row["uid"],
        "source": row["source"],
        "author": clean(row["author_handle"] or "") or None,
        "author_id": row["author_id"],
        "at": row["event_time"].isoformat(),
        "url": row["url"],
        "text": truncate(one_line(clean(row["text"] or "")), 280),
        "copies": copies,
    }


def voices(rows: Sequence[Row]) -> dict[str, Any]:
    """How many people speak: posts, authors, texts after folding copies, and the share of the four busiest."""
    authors = Counter(row["author_id"] or row["author_handle"] or row["uid"] for row in rows)
    clusters = {row["cluster_id"] or row["uid"] for row in rows}
    busiest = sum(count for _, count in authors.most_common(4))
    return {
        "posts": len(rows),
        "authors": len(authors),
        "texts": len(clusters),
        "copies": len(rows) - len(clusters),
        "busiest_four_share": round(busiest / len(rows), 3) if rows else 0.0,
    }


def coverage(gaps: Sequence[Row], since: datetime, until: datetime) -> dict[str, Any]:
    """What share of [since, until) was seen by all sources, and when which of them was blind."""
    blind = [(max(gap["event_time"], since), min(gap["until"] or until, until), gap["source"]) for gap in gaps]
    shown = [{"source": name, "start": a.isoformat(), "end": b.isoformat()} for a, b, name in blind if a < b]
    dark, reached = 0.0, since
    for start, end, _ in sorted(blind):
        dark += max((end - max(start, reached)).total_seconds(), 0.0)
        reached = max(reached, end)
    return {"share": round(1 - dark / (until - since).total_seconds(), 4), "gaps": shown}
