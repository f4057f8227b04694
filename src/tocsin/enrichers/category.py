"""What a post is about: the categories whose rule it matches."""

from __future__ import annotations

from typing import ClassVar

import pyarrow as pa

from tocsin import posts, records, rules
from tocsin.component import Context
from tocsin.errors import ConfigError
from tocsin.options import Options

OTHER = "other"
"""The category of a post that is in none of the config's."""


class Definition(Options):
    name: str
    description: str | None = None
    """What belongs to it, in plain words."""
    match: str | None = None
    """A rule of the watch language."""


class Config(Options):
    """The categories, from the config's own list."""

    categories: tuple[Definition, ...] = ()


class Category:
    """Fills `categories` with all that match, in the order of the config, and `category` with the first of them.

    A rule holds or not, so each score is 1.0.
    """

    fills: ClassVar[frozenset[str]] = frozenset({"category", "categories", "category_scores", "model"})
    needs: ClassVar[frozenset[str]] = posts.NEEDS

    def __init__(self, config: Config, context: Context) -> None:
        """Raises ConfigError for a category without a rule, RuleError for a rule that cannot be read."""
        self._matcher = rules.Matcher({definition.name: _rule(definition) for definition in config.categories})

    def enrich(self, batch: pa.RecordBatch) -> dict[str, pa.Array]:
        matched = [self._matcher.match(document) for document in posts.documents(batch)]
        filled = {
            "category": [names[0] if names else OTHER for names in matched],
            "categories": matched,
            "category_scores": [[(name, 1.0) for name in names] for names in matched],
            "model": ["match"] * len(matched),
        }
        return {name: pa.array(values, records.SCHEMA.field(name).type) for name, values in filled.items()}


def _rule(definition: Definition) -> rules.Rule:
    if definition.match is not None:
        return rules.parse(definition.match)
    has = "has only a description, which this version does not understand" if definition.description else "has no rule"
    hint = "add match: with a rule of the watch language; descriptions alone will do once Understanding is installed"
    raise ConfigError(f"the category '{definition.name}' {has}", hint=hint)
