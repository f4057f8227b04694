"""The watch language: boolean rules over posts, in those operators of X's filtered stream that make sense everywhere.

    rule  =  all ("OR" all)*        AND is a space, and binds tighter than OR
    all   =  term+
    term  =  "-"? ( word | "a phrase" | #tag | @name | $CASH | operator:value | "(" rule ")" )

docs/reference/watch-language.md tells what each term matches. The original is described at
https://docs.x.com/x-api/posts/filtered-stream/integrate/build-a-rule.
"""

from __future__ import annotations

import difflib
import re
import unicodedata

from tocsin.errors import ConfigError
from tocsin.rules_match import And, Document, Key, Matcher, Not, Or, Phrase, Rule, link_words
from tocsin.words import BREAK, fold, words

__all__ = ["MAX_DEPTH", "MAX_LENGTH", "Document", "Matcher", "Rule", "RuleError", "parse"]

MAX_LENGTH = 4096
"""Characters of a rule."""
MAX_DEPTH = 50
"""Parentheses within parentheses."""

_QUOTES = '"“”„'
_BARE = re.compile(rf"[^\s(){_QUOTES}]+")
_OPERATOR = re.compile(r"([A-Za-z][A-Za-z_]*):(.*)", re.DOTALL)
_NAME = re.compile(r"\w(?:[\w.:@-]*\w)?")
_SYMBOL = re.compile(r"[a-z]{1,6}(?:[._][a-z]{1,2})?")
_PATTERNS = {
    "from": (_NAME, "a name"),
    "lang": (re.compile(r"[a-z]{2,3}"), "a language code like en or pt (ISO 639-1)"),
    "place_country": (re.compile(r"[a-z]{2}"), "a country code of two letters like de (ISO 3166-1)"),
}
_VALUES = {
    "is": {"repost": "repost", "retweet": "repost", "reply": "reply", "quote": "quote"},
    "has": {name: name for name in ("links", "media", "geo", "hashtags", "mentions")},
}
_OPERATORS = (*_PATTERNS, *_VALUES, "url")
_NOT_OURS = {
    "AND": "a space between two terms means it; for the word write and",
    "NOT": "write - right before the term; for the word write not",
    "OR": "it stands between two terms; for the word write or",
}
_CUT_OFF = "in YAML a space and # begin a comment: put such a rule in quotes"
_ELSEWHERE = {
    "http": "write url: and a part of the link",
    "https": "write url: and a part of the link",
    "to": "sources do not tell whom a post answers; @name is:reply comes near",
}


class RuleError(ConfigError, ValueError):
    """A rule that cannot be read. `column` (from 1) counts the characters of the rule."""

    def __init__(self, message: str, rule: str, column: int, hint: str | None = None) -> None:
        super().__init__(message, column=column, hint=hint)
        self.rule = rule

    def __str__(self) -> str:
        """The message, the rule and a caret under the place, on three lines."""
        assert self.column is not None
        said = f"{self.message} ({self.hint})" if self.hint else self.message
        at = self.column - 1
        start = max(at - 50, 0)
        before, after = (_shown(part) for part in (self.rule[start:at], self.rule[at : at + 30]))
        width = sum(2 if unicodedata.east_asian_width(char) in "WF" else 1 for char in before)
        return f"{said}\n  {before}{after}\n  {' ' * width}^"


def _shown(text: str) -> str:
    return "".join(char if char.isprintable() else " " for char in text)


def parse(text: str) -> Rule:
    """A rule from its text. Raises RuleError.

    >>> str(parse('(acme OR "Acme Cloud") -is:retweet'))
    '(acme OR "acme cloud") -is:repost'
    """
    return _Parser(text).rule()


class _Parser:
    """Reads one rule from left to right: each method takes what it is named after, beginning at `self.at`."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        self.depth = 0

    def error(self, message: str, at: int, hint: str | None = None) -> RuleError:
        return RuleError(message, self.text, at + 1, hint)

    def rule(self) -> Rule:
        if len(self.text) > MAX_LENGTH:
            raise self.error(f"the rule is longer than {MAX_LENGTH} characters", MAX_LENGTH, "make several rules of it")
        if not self.text.strip():
            raise self.error("the rule is empty", 0)
        branches = self.branches()
        if self.peek() == ")":
            raise self.error("this ) closes nothing", self.at)
        for start, branch in branches:
            if branch.anchors() is None:
                hint = "add a term that must be there; otherwise nearly every post matches"
                raise self.error("this says only what a post must not have", start, hint)
        return _joined(Or, [branch for _, branch in branches])

    def branches(self) -> list[tuple[int, Rule]]:
        """What stands between the ORs, each with its place."""
        found = [self.branch()]
        while self.peek_or():
            self.at += len("OR")
            found.append(self.branch())
        return found

    def branch(self) -> tuple[int, Rule]:
        terms: list[Rule] = []
        char, start = self.peek(), self.at
        while char not in ("", ")") and not self.peek_or():
            terms.append(self.term())
            char = self.peek()
        if not terms:
            beside_or = self.peek_or() or self.text[:start].rstrip().endswith("OR")
            said = "OR needs a term on each side" if beside_or else "a term is missing here"
            raise self.error(said, start, None if char else _CUT_OFF)
        return start, _joined(And, terms)

    def peek(self) -> str:
        """The next character that is not a space; "" at the end."""
        while self.text[self.at : self.at + 1].isspace():
            self.at += 1
        return self.text[self.at : self.at + 1]

    def peek_or(self) -> bool:
        bare = _BARE.match(self.text, self.at)
        return bare is not None and bare[0] == "OR"

    def term(self) -> Rule:
        if self.text[self.at] != "-":
            return self.positive()
        self.at += 1
        if self.text[self.at : self.at + 1].strip() in ("", "-", ")"):
            raise self.error("a term must follow right after -", self.at - 1)
        return Not(self.positive())

    def positive(self) -> Rule:
        if self.text[self.at] == "(":
            return self.group()
        if self.text[self.at] in _QUOTES:
            start = self.at
            return self.words_in(self.quoted(), start)
        return self.bare()

    def group(self) -> Rule:
        start = self.at
        if self.depth == MAX_DEPTH:
            raise self.error(f"more than {MAX_DEPTH} parentheses within each other", start)
        self.at, self.depth = start + 1, self.depth + 1
        rules = [branch for _, branch in self.branches()]
        if self.peek() != ")":
            raise self.error("this ( is never closed", start, _CUT_OFF)
        self.at, self.depth = self.at + 1, self.depth - 1
        return _joined(Or, rules)

    def quoted(self) -> str:
        start = self.at
        end = next((at for at in range(start + 1, len(self.text)) if self.text[at] in _QUOTES), None)
        if end is None:
            raise self.error("this quote is never closed", start)
        self.at = end + 1
        if self.text[self.at : self.at + 1] == "~":
            raise self.error("nearness (~) is not understood", self.at, "write the words without quotes")
        return self.text[start + 1 : end]

    def words_in(self, phrase: str, start: int) -> Rule:
        found = words(phrase)
        if BREAK in found:
            raise self.error("links are not searched for words", start, "write url: and a part of the link")
        if not found:
            raise self.error("there is no word in this phrase", start)
        return Key(found[0]) if len(found) == 1 else Phrase(tuple(found))

    def bare(self) -> Rule:
        """What runs up to the next space, quote or parenthesis."""
        start, bare = self.at, _BARE.match(self.text, self.at)
        assert bare is not None
        word, self.at = bare[0], bare.end()
        if word in _NOT_OURS:
            raise self.error(f"{word} is not an operator", start, _NOT_OURS[word])
        if word[0] in "#@$":
            return self.name(word[0], word[1:], start)
        if operator := _OPERATOR.fullmatch(word):
            return self.operator(operator[1].lower(), operator[2], start)
        folded, found = fold(word).strip(), words(word)
        if not found or not folded.startswith(found[0]) or not folded.endswith(found[-1]):
            hint = f'quote it to search for "{" ".join(found)}"' if found else "there is no letter or digit in it"
            raise self.error(f"punctuation is not searched for: {_clipped(word)}", start, hint)
        return self.words_in(word, start)

    def name(self, sign: str, name: str, start: int) -> Rule:
        folded = fold(name)
        kind, good = {
            "#": ("hashtag", _is_tag(folded)),
            "@": ("name", _NAME.fullmatch(folded) is not None),
            "$": ("ticker symbol", _SYMBOL.fullmatch(folded) is not None),
        }[sign]
        if not good:
            raise self.error(f"{_clipped(sign + name)} is not a {kind}", start, "quote it to search for its words")
        return Key(sign + folded)

    def operator(self, operator: str, value: str, start: int) -> Rule:
        if operator not in _OPERATORS:
            nearest = difflib.get_close_matches(operator, _OPERATORS, n=1)
            near = f"did you mean {nearest[0]}:?" if nearest else "put it in quotes to search for its words"
            raise self.error(f"there is no operator {_clipped(operator)}:", start, _ELSEWHERE.get(operator, near))
        if not value and self.text[self.at : self.at + 1] in tuple(_QUOTES):
            value = self.quoted()
        if not value:
            raise self.error(f"{operator}: needs a value right after the colon", start)
        at = start + len(operator) + 1
        if operator == "url":
            return self.url(value, at)
        if operator in _VALUES:
            known = _VALUES[operator]
            if value.lower() not in known:
                raise self.error(f"{operator}: does not know {_clipped(value)}", at, f"known are {', '.join(known)}")
            return Key(f"{operator}:{known[value.lower()]}")
        folded = fold(value.removeprefix("@"))
        pattern, wanted = _PATTERNS[operator]
        if not pattern.fullmatch(folded):
            raise self.error(f"{_clipped(value)} is not {wanted}", at)
        return Key(f"{operator}:{folded}")

    def url(self, value: str, at: int) -> Rule:
        found = link_words(value)
        if not found:
            raise self.error("there is no word in this part of a link", at)
        return Key(f"url:{found[0]}") if len(found) == 1 else Phrase(tuple(found), in_url=True)


def _joined(kind: type[And] | type[Or], rules: list[Rule]) -> Rule:
    """One rule of several, without an And in an And or an Or in an Or."""
    if len(rules) == 1:
        return rules[0]
    return kind(tuple(part for rule in rules for part in (rule.rules if isinstance(rule, kind) else (rule,))))


def _is_tag(folded: str) -> bool:
    letters = folded.replace("_", "")
    return bool(letters) and "".join(words(letters)) == letters


def _clipped(text: str) -> str:
    return _shown(text if len(text) <= 40 else f"{text[:39]}…")
