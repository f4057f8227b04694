"""Rules of the watch language in the grammar of X's filtered stream and search.

https://docs.x.com/x-api/posts/filtered-stream/integrate/build-a-rule. Where X cannot say what a rule says, the
translation is wider, never narrower: what comes too much matches no watch here.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from itertools import pairwise

from tocsin.errors import ConfigError
from tocsin.rules_match import And, Key, Not, Or, Phrase, Rule
from tocsin.words import UNSPACED

STREAM_LENGTH, SEARCH_LENGTH = 1024, 512
"""Characters of a rule of the filtered stream, and of a query of recent search, without a contract."""
_NAME = re.compile(r"[a-z0-9_]{1,15}")
_WORD = re.compile(r"\w+")
_UNSPACED = re.compile(f"[{UNSPACED}]")
_ALONE = ("lang:", "is:", "has:")
"""Operators that X refuses without another beside them."""


class Never(Rule, frozen=True):
    """What no post of X can be."""


NEVER = Never()


def translate(rules: Iterable[Rule], length: int = STREAM_LENGTH) -> list[str]:
    """As few rules of X as hold all of these, each of `length` characters at most.

    Raises ConfigError where X has no rule for it: one without a word, a name or a tag, or with too long a part.

    >>> from tocsin.rules import parse
    >>> translate([parse('(acme OR "Acme Cloud") -(spam OR is:repost)')])
    ['(acme OR "acme cloud") -spam -is:retweet']
    """
    found: list[str] = []
    for rule in rules:
        for branch in _branches(_wider(rule)):
            if not _stands(branch):
                message = f"X takes no rule with nothing but {branch}: lang:, is: and has: need a word, name or tag"
                raise ConfigError(message, hint="add one, or keep the watch from this source with sources:")
            found += _pieces(branch, length)
    packed: list[str] = []
    for text in dict.fromkeys(found):
        if packed and len(packed[-1]) + len(" OR ") + len(text) <= length:
            packed[-1] += f" OR {text}"
        else:
            packed.append(text)
    return packed


def _branches(rule: Rule | None) -> Sequence[Rule]:
    if rule is None or isinstance(rule, Never):
        return ()
    return rule.rules if isinstance(rule, Or) else (rule,)


def _wider(rule: Rule, *, negated: bool = False) -> Rule | None:
    """The rule with - before single terms only; None for what nearly every post is, NEVER for what none is."""
    if isinstance(rule, Not):
        return _wider(rule.rule, negated=not negated)
    if isinstance(rule, And | Or):
        parts = [_wider(part, negated=negated) for part in rule.rules]
        return _all(parts) if isinstance(rule, And) != negated else _any(parts)
    if _foreign(rule):
        return None if negated else NEVER
    return Not(rule) if negated else rule


def _foreign(rule: Rule) -> bool:
    """Whether it names somebody whom X cannot have."""
    key = rule.key if isinstance(rule, Key) else ""
    name = key[1:] if key.startswith("@") else key.removeprefix("from:")
    return name != key and _NAME.fullmatch(name) is None


def _all(parts: Sequence[Rule | None]) -> Rule | None:
    if NEVER in parts:
        return NEVER
    kept = tuple(part for part in parts if part is not None)
    return _one(And, kept) if kept else None


def _any(parts: Sequence[Rule | None]) -> Rule | None:
    """X has no branch that only says what must not be: with one of these, any post may match."""
    kept = tuple(part for part in parts if not isinstance(part, Never))
    if not kept:
        return NEVER
    if any(part is None or not _says(part) for part in kept):
        return None
    return _one(Or, tuple(part for part in kept if part is not None))


def _one(kind: type[And] | type[Or], rules: tuple[Rule, ...]) -> Rule:
    return rules[0] if len(rules) == 1 else kind(rules)


def _says(rule: Rule) -> bool:
    """Whether it says something that a post must have."""
    return not isinstance(rule, Not) and (not isinstance(rule, And) or any(map(_says, rule.rules)))


def _stands(rule: Rule) -> bool:
    """Whether X takes it without anything beside it."""
    if isinstance(rule, And):
        return any(map(_stands, rule.rules))
    if isinstance(rule, Or):
        return all(map(_stands, rule.rules))
    return isinstance(rule, Phrase) or (isinstance(rule, Key) and not rule.key.startswith(_ALONE))


def _pieces(rule: Rule, length: int) -> list[str]:
    """The rule, cut at its longest OR until every piece is short enough."""
    text = _text(rule)
    if len(text) <= length:
        return [text]
    parts = list(rule.rules) if isinstance(rule, And) else [rule]
    choices = [part for part in parts if isinstance(part, Or)]
    if not choices:
        raise ConfigError(f"a part of a watch is longer than X's {length} characters: {text[:60]}…")
    longest = max(choices, key=lambda part: len(_text(part)))
    at, half = parts.index(longest), len(longest.rules) // 2
    halves = (_one(Or, longest.rules[:half]), _one(Or, longest.rules[half:]))
    return [
        piece
        for one in halves
        for piece in _pieces(_one(And, (*parts[:at], one, *parts[at + 1 :])), length)
    ]  # fmt: skip


def _text(rule: Rule) -> str:
    if isinstance(rule, And):
        return " ".join(f"({_text(part)})" if isinstance(part, Or) else _text(part) for part in rule.rules)
    if isinstance(rule, Or):
        return " OR ".join(map(_text, rule.rules))
    if isinstance(rule, Not):
        return f"-{_text(rule.rule)}"
    if isinstance(rule, Phrase):
        return f'url:"{".".join(rule.words)}"' if rule.in_url else f'"{_joined(rule.words)}"'
    assert isinstance(rule, Key)
    if rule.key == "is:repost":
        return "is:retweet"
    kind, colon, value = rule.key.partition(":")
    if colon and kind == "place_country":
        return f"place_country:{value.upper()}"
    plain = colon or rule.key[0] in "#@$" or (_WORD.fullmatch(rule.key) and rule.key not in {"or", "and", "not"})
    return rule.key if plain else f'"{rule.key}"'


def _joined(words: Sequence[str]) -> str:
    """Words as they stand in a text: those of scripts without spaces stand together."""
    text = words[0]
    for before, word in pairwise(words):
        text += word if _UNSPACED.match(before) and _UNSPACED.match(word) else f" {word}"
    return text
