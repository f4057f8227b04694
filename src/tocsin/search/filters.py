"""What is asked for: a stretch of time, values that posts must have, and words; as a query, and as SQL."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

import msgspec
import tantivy
from tantivy import Occur, Query

from tocsin.rules import Rule
from tocsin.rules_match import And, Key, Not, Or, Phrase
from tocsin.search.fields import VALUES, schema

EARLIEST, LATEST = 0, 1 << 40
_SCHEMA = schema()

SQL = {
    "source": "source = {}",
    "watch": "list_contains(watches, {})",
    "category": "list_contains(if(len(categories) > 0, categories, [coalesce(category, 'other')]), {})",
    "language": "language = {}",
    "sentiment": "sentiment = {}",
    "country": "country = {}",
    "place": "place_name = {}",
    "author": "author_handle = {}",
    "phrase": "list_contains(phrases, {})",
    "entity": "list_contains(list_transform(entities, entity -> entity.text), {})",
    "hashtag": "list_contains(hashtags, {})",
    "cluster": "cluster_id = {}",
}
"""How a post of the view `posts` has a value."""


class Filters(msgspec.Struct, frozen=True):
    """Posts in [since, until) (Unix seconds) that have one of the values of every kind named, and match the rule.

    >>> print(Filters(3600, 7200, {"category": ("outage", "billing")}).where())
    event_time >= TIMESTAMPTZ '1970-01-01 01:00:00+00'
      AND event_time < TIMESTAMPTZ '1970-01-01 02:00:00+00'
      AND (list_contains(if(len(categories) > 0, categories, [coalesce(category, 'other')]), 'outage')
        OR list_contains(if(len(categories) > 0, categories, [coalesce(category, 'other')]), 'billing'))
    """

    since: int = EARLIEST
    until: int = LATEST
    values: Mapping[str, Sequence[str]] = {}
    rule: Rule | None = None
    sample: int = 64
    """Of so many 64ths of the posts, drawn by chance."""

    def during(self, since: int, until: int) -> Filters:
        """The same for another stretch of time."""
        return msgspec.structs.replace(self, since=since, until=until)

    def without(self, kind: str) -> Filters:
        """The same whatever value of one kind posts have: what else could be chosen."""
        return msgspec.structs.replace(self, values={name: some for name, some in self.values.items() if name != kind})

    def query(self) -> Query:
        """The query of the index."""
        parts = [(Occur.Must, one_of(kind, values)) for kind, values in self.values.items()]
        if self.rule is not None:
            parts.append((Occur.Must, matching(self.rule)))
        if (self.since, self.until) != (EARLIEST, LATEST):
            parts.append((Occur.Must, between("time", self.since, self.until)))
        if self.sample < 64:
            parts.append((Occur.Must, between("draw", 0, self.sample)))
        return Query.boolean_query(parts) if parts else Query.all_query()

    def where(self) -> str:
        """The condition of an SQL statement over `posts`. Words have none: they are searched in the index alone."""
        parts = [] if self.since == EARLIEST else [f"event_time >= {stamp(self.since)}"]
        parts += [] if self.until == LATEST else [f"event_time < {stamp(self.until)}"]
        for kind, values in self.values.items():
            some = [SQL[kind].format(quoted(value)) for value in values]
            parts.append(some[0] if len(some) == 1 else "(" + "\n    OR ".join(some) + ")")
        return "\n  AND ".join(parts) or "true"


def one_of(kind: str, values: Sequence[str]) -> Query:
    """Posts that have one of the values."""
    assert kind in VALUES
    queries = [term(kind, value) for value in values]
    return queries[0] if len(queries) == 1 else Query.boolean_query([(Occur.Should, query) for query in queries])


def term(field: str, value: str) -> Query:
    return Query.const_score_query(Query.term_query(_SCHEMA, field, value, "basic"), 1.0)


def between(field: str, low: int, high: int) -> Query:
    """Posts whose number is in [low, high)."""
    return Query.range_query(_SCHEMA, field, tantivy.FieldType.Integer, low, high, True, False)


def matching(rule: Rule) -> Query:
    """Posts that match a rule of the watch language."""
    if isinstance(rule, Key):
        return _key(rule.key)
    if isinstance(rule, Phrase):
        return Query.phrase_query(_SCHEMA, "urls" if rule.in_url else "words", list(rule.words))
    if isinstance(rule, Not):
        return Query.boolean_query([(Occur.Must, Query.all_query()), (Occur.MustNot, matching(rule.rule))])
    assert isinstance(rule, And | Or)
    occur = Occur.Must if isinstance(rule, And) else Occur.Should
    return Query.boolean_query([(occur, matching(one)) for one in rule.rules])


def _key(key: str) -> Query:
    operator, colon, value = key.partition(":")
    if colon and operator == "url":
        return term("urls", value)
    return term("keys" if colon or key[0] in "#@$" else "words", key)


def quoted(text: str) -> str:
    """An SQL literal."""
    return "'" + text.replace("'", "''") + "'"


def stamp(second: int) -> str:
    """A time as an SQL literal."""
    return f"TIMESTAMPTZ '{datetime.fromtimestamp(second, UTC):%Y-%m-%d %H:%M:%S}+00'"
