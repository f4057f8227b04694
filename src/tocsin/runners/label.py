"""Which posts of the user's stream to ask about, and what the answers say of each category's labels."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Collection, Sequence
from datetime import datetime

import msgspec
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from tocsin import records
from tocsin.component import Lake
from tocsin.enrichers.category import BESIDE, Config, Definition
from tocsin.errors import ConfigError
from tocsin.labels import estimates, sampling
from tocsin.runners import stream
from tocsin.runners.assemble import Assembly
from tocsin.runners.learn import out_of_fold
from tocsin.understanding import Judgement

MOST_POSTS = 20_000
"""So many posts are looked at to draw from, and to say how many there are of each kind."""


class Asked(msgspec.Struct):
    """A category asked about, whether the post was labelled so, and 1 / the chance to be asked."""

    name: str
    said: bool
    weight: float


class Question(msgspec.Struct):
    """A post, and the categories that it may belong to. In a file of answers, `belongs` names those it does."""

    uid: str
    text: str
    source: str
    asked: list[Asked]
    author_id: str | None = None
    author_handle: str | None = None
    language: str | None = None
    at: datetime | None = None
    belongs: list[str] | None = None


class Frame:
    """The posts that questions are drawn from: their scores, labels and strata, by category."""

    def __init__(self, assembly: Assembly, lake: Lake, since: datetime | None, names: Collection[str] = ()) -> None:
        config = assembly.categories()
        self.definitions = chosen(config, names)
        context = assembly.context("category")
        posts, total = stream.read(lake, MOST_POSTS, since=since)
        scored = stream.score_table(self.definitions, posts, context)
        known = scored.known
        self.posts: pa.Table = posts.filter(pa.array(known))
        self.scores = scored.scores[known]
        self.labelled = labels(assembly, config, self.posts)[:, [config.categories.index(d) for d in self.definitions]]
        self.near = sampling.near_from(self.scores, self.labelled)
        self.strata = sampling.strata(self.scores, self.labelled, self.near)
        self.times = total / max(posts.num_rows, 1)
        """How many posts each of these stands for."""

    def sizes(self, number: int) -> npt.NDArray[np.float64]:
        """(3,) how many posts lie in each stratum of a category."""
        counted: npt.NDArray[np.float64] = np.bincount(self.strata[:, number], minlength=3).astype(np.float64)
        scaled: npt.NDArray[np.float64] = counted * self.times
        return scaled


def chosen(config: Config, names: Collection[str]) -> list[Definition]:
    """The categories with these names, or all. Raises ConfigError for a name that there is not."""
    known = {one.name: one for one in config.categories}
    if unknown := [name for name in names if name not in known]:
        raise ConfigError(f"there is no category '{unknown[0]}' in the config; there are {', '.join(known) or 'none'}")
    if not known:
        raise ConfigError("there are no categories to ask about", hint="add some to `categories:`")
    return [one for one in config.categories if not names or one.name in names]


def labels(assembly: Assembly, config: Config, posts: pa.Table) -> npt.NDArray[np.bool_]:
    """(n, k) which categories the posts are given: today's, where that costs nothing, else those in the lake."""
    place = {one.name: number for number, one in enumerate(config.categories)}
    given = posts.column("categories").to_pylist()
    if config.model.spec == "embedded" and posts.num_rows:
        enricher = assembly.enricher("category")
        given = [row for batch in stream.batches(posts) for row in enricher.enrich(batch)["categories"].to_pylist()]
    found = np.zeros((posts.num_rows, len(place)), np.bool_)
    for row, names in enumerate(given):
        for name in names or ():
            if name in place:
                found[row, place[name]] = True
    return found


def questions(frame: Frame, judgements: Sequence[Judgement], count: int) -> list[Question]:
    """About `count` posts that nobody was asked about, and what is asked of each.

    The same as long as nobody answers: what is drawn depends on the posts and on how many answers there are.
    """
    done = {one.uid for one in judgements}
    rows = [number for number, uid in enumerate(frame.posts.column("uid").to_pylist()) if uid not in done]
    if not rows:
        return []
    chance = random.Random(len(judgements))
    chances = sampling.chances(frame.strata[rows], count)
    drawn = [(rows[place], chances[place]) for place in sampling.draw(chances, chance)]
    chance.shuffle(drawn)
    return [_question(frame, row, frame.times / likely, chance) for row, likely in drawn]


def _question(frame: Frame, row: int, weight: float, chance: random.Random) -> Question:
    post = frame.posts.slice(row, 1).to_pylist()[0]
    picked = sampling.ask(frame.strata[row].tolist(), frame.scores[row].tolist(), chance)
    asked = [
        Asked(frame.definitions[number].name, bool(frame.labelled[row, number]), round(float(weight / likely), 4))
        for number, likely in picked.items()
    ]
    text = f"{post['title']}\n{post['text'] or ''}" if post["title"] else post["text"] or ""
    return Question(
        uid=post["uid"], text=text, source=post["source"], asked=asked, author_id=post["author_id"],
        author_handle=post["author_handle"], language=post["language"], at=post["event_time"],
    )  # fmt: skip


def answered(question: Question, at: datetime, by: str) -> list[Judgement]:
    """The judgements in an answered question; none where it was skipped (`belongs` is None)."""
    if question.belongs is None:
        return []
    return [
        Judgement(
            uid=question.uid, category=one.name, belongs=one.name in question.belongs, text=question.text,
            source=question.source, at=at, by=by, author_id=question.author_id, language=question.language,
            said=one.said, weight=one.weight,
        )
        for one in question.asked
    ]  # fmt: skip


class Quality(msgspec.Struct):
    """How right the labels of a category are. `asked` describes the labels at the time of asking, where corrections
    have changed them since. `gained` and `lost` are posts, of those looked at, that corrections gave and took."""

    category: str
    answers: int
    belong: int
    precision: estimates.Estimate
    recall: estimates.Estimate
    asked_precision: estimates.Estimate
    asked_recall: estimates.Estimate
    gained: int
    lost: int


class Report:
    """What the answers say, by category; `shares` and `sizes` are for correcting counts."""

    def __init__(self, assembly: Assembly, frame: Frame) -> None:
        judgements, _ = assembly.learned
        drawn = [one for one in judgements if one.weight is not None]
        folded = out_of_fold(assembly, frame.definitions)
        gained, lost = _effect(assembly, frame)
        self.qualities: list[Quality] = []
        self.shares: dict[str, npt.NDArray[np.float64]] = {}
        self.sizes: dict[str, npt.NDArray[np.float64]] = {}
        for number, definition in enumerate(frame.definitions):
            mine = [one for one in drawn if one.category == definition.name and (one.uid, one.category) in folded]
            if not mine:
                continue
            said = np.array([bool(one.said) for one in mine])
            scores = np.array([folded[one.uid, one.category].score for one in mine])
            best = np.array([folded[one.uid, one.category].best for one in mine])
            now = said if definition.match else _now(scores, best, _threshold(frame, number, definition), definition)
            random = np.random.default_rng(len(judgements))
            answers = _answers(mine, now, scores, frame.near[number])
            before = _answers(mine, said, scores, frame.near[number])
            shares, sizes = estimates.shares(answers, random), frame.sizes(number)
            was, weighed = (
                estimates.shares(before, random),
                np.bincount(before.strata, before.weights, 3).astype(np.float64),
            )
            self.shares[definition.name], self.sizes[definition.name] = shares, sizes
            self.qualities.append(
                Quality(
                    definition.name, len(mine), sum(one.belongs for one in mine), estimates.precision(shares),
                    estimates.recall(shares, sizes), estimates.precision(was), estimates.recall(was, weighed),
                    int(gained[number]), int(lost[number]),
                )
            )  # fmt: skip


def _answers(
    mine: Sequence[Judgement], said: npt.NDArray[np.bool_], scores: npt.NDArray[np.float64], near: float
) -> estimates.Answers:
    return estimates.Answers(
        np.where(said, sampling.ABOVE, np.where(scores >= near, sampling.NEAR, sampling.FAR)).astype(np.int64),
        np.array([one.belongs for one in mine]),
        np.array([one.weight for one in mine], np.float64),
    )


def _now(
    scores: npt.NDArray[np.float64], best: npt.NDArray[np.float64], threshold: float, definition: Definition
) -> npt.NDArray[np.bool_]:
    """Which posts are labelled, by the rule of the category enricher."""
    beside = scores >= BESIDE * best
    found: npt.NDArray[np.bool_] = (scores >= threshold) & (beside | (definition.threshold is not None))
    return found


def _threshold(frame: Frame, number: int, definition: Definition) -> float:
    """The score from which on posts are labelled: what was set or learned, else what shows in the labels."""
    own = definition.threshold if definition.threshold is not None else next(iter(definition.learned.values()), None)
    if own is not None:
        return own
    given = frame.scores[frame.labelled[:, number], number]
    return float(given.min()) if len(given) else np.inf


def _effect(assembly: Assembly, frame: Frame) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """(k,) how many posts of the frame each category has won and lost by what people said."""
    bare = Assembly(assembly.config, assembly.clock)
    bare.learned = ([], assembly.learned[1])
    config = bare.categories()
    names = [one.name for one in config.categories]
    without = labels(bare, config, frame.posts)[:, [names.index(one.name) for one in frame.definitions]]
    return (frame.labelled & ~without).sum(axis=0), (~frame.labelled & without).sum(axis=0)


class Day(msgspec.Struct):
    """How many posts of a UTC day were given a category, and how many really belong to it."""

    day: str
    category: str
    posts: int
    labelled: int
    corrected: estimates.Estimate | None


def corrected(lake: Lake, report: Report) -> list[Day]:
    """Every day of the newest rows, by category, corrected for what the answers say of its labels."""
    totals: Counter[str] = Counter()
    given: Counter[tuple[str, str]] = Counter()
    for batch in lake.rows(["kind", "day", "categories"], after_seq=lake.last_seq() - stream.NEWEST):
        for row in records.posts_only(batch).to_pylist():
            totals[row["day"]] += 1
            given.update((row["day"], name) for name in row["categories"] or ())
    days = sorted(totals)
    found = []
    for name, shares in report.shares.items():
        observed = np.array([given[day, name] for day in days], np.int64)
        of = np.array([totals[day] for day in days], np.int64)
        counts = estimates.counts(observed, of, shares, report.sizes[name], np.random.default_rng(0))
        found += [Day(day, name, int(of[place]), int(observed[place]), counts[place]) for place, day in enumerate(days)]
    return found
