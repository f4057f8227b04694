"""Categories with what was learned of them: posts that people judged, and thresholds from the posts in the lake.

A fingerprint says whether two definitions label alike: a threshold holds for the definition it was learned under, and
rows of the lake that were labelled under other definitions are labelled anew.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any

import msgspec
import xxhash

from tocsin.enrichers.category import Config, Definition
from tocsin.understanding import Judgement, Threshold

MOST_EXAMPLES = 500
"""So many judged posts of a category and side are learned from: the newest."""


def with_judgements(config: Config, judgements: Iterable[Judgement]) -> Config:
    """The categories with the posts that were said to belong to them as examples, the others as counterexamples."""
    said: dict[tuple[str, bool], list[str]] = defaultdict(list)
    for one in judgements:
        said[one.category, one.belongs].append(one.text)
    return config.model_copy(update={"categories": tuple(_judged(one, said) for one in config.categories)})


def _judged(definition: Definition, said: dict[tuple[str, bool], list[str]]) -> Definition:
    belong, do_not = (said.get((definition.name, side), [])[-MOST_EXAMPLES:] for side in (True, False))
    if not belong and not do_not:
        return definition
    return definition.model_copy(
        update={
            "examples": (*definition.examples, *belong),
            "counterexamples": (*definition.counterexamples, *do_not),
        }
    )


def with_thresholds(config: Config, thresholds: Sequence[Threshold]) -> Config:
    """The categories with the thresholds that were learned under the same definitions."""
    known: dict[tuple[str, str], dict[str, float]] = defaultdict(dict)
    for one in thresholds:
        known[one.category, one.definition][one.model] = one.value
    categories = [
        definition.model_copy(update={"learned": learned})
        if (learned := known.get((definition.name, fingerprint(definition))))
        else definition
        for definition in config.categories
    ]
    return config.model_copy(update={"categories": tuple(categories)})


def fingerprint(definition: Definition) -> str:
    """What the scores of a category depend on, but for the model."""
    return _hash([definition.name, definition.description, definition.examples, definition.counterexamples])


def labelling(config: Config, embedded: str) -> str:
    """What the labels of a post depend on. `embedded` is the embedded model's id, empty where no model is asked."""
    model = [config.model.spec, config.model.options.model_dump(mode="json"), embedded]
    refine = config.refine and config.refine.model_dump(mode="json")
    return _hash([[one.model_dump(mode="json") for one in config.categories], model, refine])


def _hash(value: Any) -> str:
    return xxhash.xxh3_128_hexdigest(msgspec.json.encode(value))
