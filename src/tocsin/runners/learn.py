"""Learning thresholds from the posts in the lake, at moments that a person can name: never in the middle of a run."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import xxhash

from tocsin.component import Lake
from tocsin.enrichers import _learned
from tocsin.enrichers.category import Config, Definition
from tocsin.labels import drift, thresholds
from tocsin.runners import stream
from tocsin.runners.assemble import Assembly
from tocsin.state import State
from tocsin.understanding import Judgement, Threshold

log = logging.getLogger(__name__)

MOST_POSTS = 5000
RECENT_POSTS = 2000
FOLDS = 5


class OutOfFold(NamedTuple):
    """What a post scores in a category, and in the one that it scores highest in."""

    score: float
    best: float


def learn(assembly: Assembly, lake: Lake, state: State, *, again: bool = False) -> list[Threshold]:
    """Learn thresholds, keep them in `state`, and let `assembly` work with them from now on."""
    found = learned(assembly, lake, again=again)
    if found:
        state.understanding.put_thresholds(found)
        assembly.__dict__.pop("learned", None)
        log.info("Learned thresholds from %s posts: %s.", f"{found[0].posts:,}", ", ".join(map(_in_words, found)))
    return found


def learned(assembly: Assembly, lake: Lake, *, again: bool = False) -> list[Threshold]:
    """Thresholds of the categories that have none under their present definition, or of all `again`.

    Nothing where the lake holds too few posts, and only for the embedded model: others would take too long, or cost.
    """
    config = assembly.categories()
    if not uses_embedded(config):
        return []
    waiting = [one for one in config.categories if one.described and one.threshold is None]
    waiting = [one for one in waiting if again or not one.learned]
    if not waiting or lake.last_seq() < thresholds.LEAST_POSTS:
        return []
    posts, _ = stream.read(lake, MOST_POSTS)
    scored = stream.score_table(waiting, posts, assembly.context("category"))
    known = scored.scores[scored.known]
    if len(known) < thresholds.LEAST_POSTS:
        return []
    drawn = [one for one in assembly.learned[0] if one.weight is not None]
    judged = out_of_fold(assembly, waiting)
    return [
        _threshold(definition, scored.model, known[:, number], float(scored.usual[number]), drawn, judged, assembly)
        for number, definition in enumerate(waiting)
    ]


def uses_embedded(config: Config) -> bool:
    """Whether the embedded model gives scores: it alone, or first."""
    return config.model.spec == "embedded" or config.refine is not None


def _threshold(
    definition: Definition,
    model: str,
    scores: npt.NDArray[np.float32],
    usual: float,
    drawn: Sequence[Judgement],
    judged: Mapping[tuple[str, str], OutOfFold],
    assembly: Assembly,
) -> Threshold:
    mine = [one for one in drawn if (one.uid, definition.name) in judged and one.category == definition.name]
    value = thresholds.of_answers(
        np.array([judged[one.uid, one.category].score for one in mine]),
        np.array([one.belongs for one in mine], np.bool_),
        np.array([one.weight for one in mine], np.float64),
        otherwise=thresholds.of_stream(scores, usual),
    )
    return Threshold(
        category=definition.name,
        definition=_learned.fingerprint(definition),
        model=model,
        value=round(value, 4),
        posts=len(scores),
        judged=len(mine),
        deciles=drift.deciles(scores),
        at=assembly.clock.now(),
    )


def _in_words(one: Threshold) -> str:
    answers = f" with {one.judged} answers" if one.judged else ""
    return f"{one.category} from {one.value:.2f}{answers}"


def out_of_fold(assembly: Assembly, definitions: Sequence[Definition]) -> dict[tuple[str, str], OutOfFold]:
    """(uid, category) -> the score of a judged post, by a model that was not shown what was said of it."""
    judgements, _ = assembly.learned
    names = {one.name for one in definitions}
    found: dict[tuple[str, str], OutOfFold] = {}
    for fold in range(FOLDS):
        theirs = [one for one in judgements if fold_of(one) == fold and one.category in names]
        config = _learned.with_judgements(
            assembly.bare_categories(), [one for one in judgements if fold_of(one) != fold]
        )
        if not theirs:
            continue
        scored = stream.score(config.categories, *stream.as_read(theirs), assembly.context("category"))
        for row, one in zip(scored.scores, theirs, strict=True):
            if not np.isnan(row).any():
                found[one.uid, one.category] = OutOfFold(float(row[scored.names.index(one.category)]), float(row.max()))
    return found


def fold_of(judgement: Judgement) -> int:
    """The answers about one post are in one fold, today and tomorrow."""
    return xxhash.xxh3_64_intdigest(judgement.uid.encode()) % FOLDS


def moved(assembly: Assembly, lake: Lake) -> dict[str, float]:
    """How far each category's scores have moved since its threshold was learned (`labels.drift`), largest first.

    Empty where nothing was learned, or there are too few recent posts.
    """
    config = assembly.categories()
    _, known = assembly.learned
    learned = {(one.category, one.definition): one for one in known}
    there = [one for one in config.categories if (one.name, _learned.fingerprint(one)) in learned]
    if not there or not uses_embedded(config):
        return {}
    posts, _ = stream.read(lake, RECENT_POSTS, newest=True)
    scored = stream.score_table(there, posts, assembly.context("category"))
    recent = scored.scores[scored.known]
    if len(recent) < drift.LEAST_POSTS:
        return {}
    found = {
        one.name: drift.stability_index(learned[one.name, _learned.fingerprint(one)].deciles, recent[:, number])
        for number, one in enumerate(there)
    }
    return dict(sorted(found.items(), key=lambda item: -item[1]))


def drift_in_words(assembly: Assembly, lake: Lake) -> str | None:
    """A line where the stream is another one than it was, and what to do about it."""
    gone = {name: index for name, index in moved(assembly, lake).items() if index > drift.MOVED}
    if not gone:
        return None
    worst = ", ".join(f"{name} ({index:.2f})" for name, index in list(gone.items())[:3])
    return (
        f"recent posts are not what they were when thresholds were learned: {worst}, population stability index "
        f"above {drift.MOVED}; answer `tocsin label`, or learn anew with `tocsin relabel`"
    )
