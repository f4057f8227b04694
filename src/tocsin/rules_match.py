"""What a rule of the watch language is and does; `rules.py` reads it from text.

A rule sees a post as a set of keys: its words, and "#tag", "@name", "$cash", "from:name", "lang:en", … Most terms
ask whether one key is in the set; only phrases look further. Each rule can name some keys of which every matching post
has at least one (its anchors), so a `Matcher` of a thousand rules evaluates only the few whose anchors a post has.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property

import msgspec

from tocsin.words import BREAK, fold, words

_CASHTAG = re.compile(r"(?<![\w$])\$([A-Za-z]{1,6}(?:[._][A-Za-z]{1,2})?)(?!\w)")
_EVERYWHERE = ("lang:", "is:", "has:", "place_country:")
"""Keys that a large share of posts have: poor anchors."""


class Document(msgspec.Struct, frozen=True, dict=True):
    """What a rule can see of one post. Tags and names are without "#" and "@"; `country` is ISO 3166-1 alpha-2."""

    text: str
    title: str | None = None
    hashtags: Sequence[str] = ()
    mentions: Sequence[str] = ()
    urls: Sequence[str] = ()
    author_id: str | None = None
    author_handle: str | None = None
    language: str | None = None
    country: str | None = None
    is_repost: bool = False
    is_reply: bool = False
    is_quote: bool = False
    has_media: bool = False
    has_geo: bool = False

    @cached_property
    def words(self) -> list[str]:
        """The words of title and text, in order."""
        return words(self.text) if not self.title else [*words(self.title), BREAK, *words(self.text)]

    @cached_property
    def url_words(self) -> list[str]:
        """The words of each link (less its scheme), in order."""
        return [word for url in self.urls for word in (*link_words(url), BREAK)]

    @cached_property
    def keys(self) -> set[str]:
        """Everything that a term can ask for, but for the order of words."""
        keys = set(self.words)
        if self.hashtags:
            keys.update([f"#{fold(tag)}" for tag in self.hashtags], ["has:hashtags"])
        if self.mentions:
            keys.update(_handles("@", self.mentions), ["has:mentions"])
        if self.urls:
            keys.update([f"url:{word}" for word in self.url_words], ["has:links"])
        if "$" in self.text:
            keys.update([f"${symbol.lower()}" for symbol in _CASHTAG.findall(self.text)])
        keys.update(_handles("from:", [name for name in (self.author_handle, self.author_id) if name]))
        if self.language:
            language = self.language.lower()
            keys.update((f"lang:{language}", f"lang:{language.partition('-')[0]}"))
        if self.country:
            keys.add(f"place_country:{self.country.lower()}")
        for held, key in (
            (self.is_repost, "is:repost"),
            (self.is_reply, "is:reply"),
            (self.is_quote, "is:quote"),
            (self.has_media, "has:media"),
            (self.has_geo, "has:geo"),
        ):
            if held:
                keys.add(key)
        return keys

    @cached_property
    def running_text(self) -> str:
        return f" {' '.join(self.words)} "

    @cached_property
    def running_urls(self) -> str:
        return f" {' '.join(self.url_words)} "


def link_words(url: str) -> list[str]:
    """The words of a link, or of a part of one, less its scheme.

    >>> link_words("https://acme.example/log-in?next=https://x.example")
    ['acme', 'example', 'log', 'in', 'next', 'https', 'x', 'example']
    """
    return words((url.partition("://")[2] or url).replace("://", " "))


def _handles(prefix: str, names: Iterable[str]) -> list[str]:
    """Names as keys: each whole, and for the "user@host" of the fediverse also the user alone."""
    keys = []
    for name in names:
        folded = fold(name)
        keys.append(prefix + folded)
        if "@" in folded:
            keys.append(prefix + folded.partition("@")[0])
    return keys


class Rule(msgspec.Struct, frozen=True):
    """A parsed rule: immutable, comparable; `str()` writes it so that `parse` gives an equal one."""

    def matches(self, document: Document) -> bool:
        raise NotImplementedError

    def anchors(self, negated: bool = False) -> frozenset[str] | None:
        """Keys of which every matching post has at least one; None if there are no such keys."""
        raise NotImplementedError


class Key(Rule, frozen=True):
    """One word, or one key of another kind: "acme", "#acme", "from:acme"."""

    key: str

    def __str__(self) -> str:
        return self.key

    def matches(self, document: Document) -> bool:
        return self.key in document.keys

    def anchors(self, negated: bool = False) -> frozenset[str] | None:
        return None if negated else frozenset([self.key])


class Phrase(Rule, frozen=True):
    """Two or more words in a row, in the text or (`in_url`) in one link."""

    words: tuple[str, ...]
    in_url: bool = False

    def __str__(self) -> str:
        return f'{self._prefix}"{" ".join(self.words)}"'

    @property
    def _prefix(self) -> str:
        return "url:" if self.in_url else ""

    def matches(self, document: Document) -> bool:
        return f" {' '.join(self.words)} " in (document.running_urls if self.in_url else document.running_text)

    def anchors(self, negated: bool = False) -> frozenset[str] | None:
        return None if negated else frozenset([self._prefix + max(self.words, key=len)])


class Not(Rule, frozen=True):
    rule: Rule

    def __str__(self) -> str:
        return f"-({self.rule})" if isinstance(self.rule, And | Or | Not) else f"-{self.rule}"

    def matches(self, document: Document) -> bool:
        return not self.rule.matches(document)

    def anchors(self, negated: bool = False) -> frozenset[str] | None:
        return self.rule.anchors(not negated)


class And(Rule, frozen=True):
    rules: tuple[Rule, ...]

    def __str__(self) -> str:
        return " ".join(f"({rule})" if isinstance(rule, Or) else str(rule) for rule in self.rules)

    def matches(self, document: Document) -> bool:
        return all(rule.matches(document) for rule in self.rules)

    def anchors(self, negated: bool = False) -> frozenset[str] | None:
        return _of_all(self.rules, negated) if negated else _of_one(self.rules, negated)


class Or(Rule, frozen=True):
    rules: tuple[Rule, ...]

    def __str__(self) -> str:
        return " OR ".join(map(str, self.rules))

    def matches(self, document: Document) -> bool:
        return any(rule.matches(document) for rule in self.rules)

    def anchors(self, negated: bool = False) -> frozenset[str] | None:
        return _of_one(self.rules, negated) if negated else _of_all(self.rules, negated)


def _of_one(rules: Iterable[Rule], negated: bool) -> frozenset[str] | None:
    """All of the rules must hold: the anchors of one are enough, best those that few posts have."""
    found = [anchors for rule in rules if (anchors := rule.anchors(negated)) is not None]
    return min(found, key=lambda anchors: sum(map(_commonness, anchors)), default=None)


def _of_all(rules: Iterable[Rule], negated: bool) -> frozenset[str] | None:
    """Any of the rules may hold: the anchors of each are needed."""
    found: set[str] = set()
    for rule in rules:
        anchors = rule.anchors(negated)
        if anchors is None:
            return None
        found |= anchors
    return frozenset(found)


def _commonness(key: str) -> int:
    """A guess at how many posts have the key, for comparing: short words are common, names and tags are rare."""
    if key.startswith(_EVERYWHERE):
        return 1000
    if key.startswith(("#", "@", "$", "from:")):
        return 1
    return max(12 - len(key.removeprefix("url:")), 1)


class Matcher:
    """Many rules against one post at a time."""

    def __init__(self, rules: Mapping[str, Rule]) -> None:
        """Raises ValueError for a rule without anchors, which `parse` never gives."""
        self._rules = list(rules.items())
        self._index: dict[str, list[int]] = {}
        for number, (name, rule) in enumerate(self._rules):
            anchors = rule.anchors()
            if anchors is None:
                raise ValueError(f"the rule {name!r} says only what a post must not have")
            for key in anchors:
                self._index.setdefault(key, []).append(number)

    def match(self, document: Document) -> tuple[str, ...]:
        """The names of the rules that match, in the order of the mapping."""
        hits = self._index.keys() & document.keys
        if not hits:
            return ()
        candidates = sorted({number for key in hits for number in self._index[key]})
        return tuple(self._rules[number][0] for number in candidates if self._rules[number][1].matches(document))
