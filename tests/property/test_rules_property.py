"""The watch language against arbitrary rules and posts."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tocsin.errors import ConfigError
from tocsin.rules import Document, Matcher, RuleError, parse
from tocsin.rules_match import And, Key, Not, Or, Phrase, Rule
from tocsin.rules_x import translate
from tocsin.words import words

WORDS = ["acme", "bell", "the", "down", "café", "cafe", "電車", "車", "👍", "don't", "Straße"]
NAMES = ["acme", "bell", "acme@tower.example"]
KEYS = ["#acme", "#bell", "@acme", "@bell", "from:acme", "lang:en", "lang:de", "is:repost", "is:reply", "is:quote"]
KEYS += ["has:links", "has:media", "has:geo", "has:hashtags", "has:mentions", "place_country:be", "$acme"]
KEYS += ["url:acme", "url:acme.example", 'url:"bell tower"', '"acme bell"', '"the acme down"', '"電車 👍"']

term_texts = st.sampled_from(WORDS + KEYS)


def _longer(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    spaced = st.lists(st.one_of(inner, inner.map(lambda text: f"-({text})")), min_size=1, max_size=3)
    either = st.lists(spaced.map(" ".join), min_size=1, max_size=3).map(" OR ".join)
    return either.map(lambda text: f"({text})")


rule_texts = st.recursive(st.one_of(term_texts, term_texts.map("-{}".format)), _longer, max_leaves=12)


def _some(values: list[str]) -> st.SearchStrategy[list[str]]:
    return st.lists(st.sampled_from(values), max_size=3)


texts = st.lists(st.sampled_from([*WORDS, "ACME", "$acme", "#acme", "https://acme.example", ",", "\n"]), max_size=8)
documents = st.builds(
    Document,
    text=texts.map(" ".join),
    title=st.none() | texts.map(" ".join),
    hashtags=_some(["Acme", "bell"]),
    mentions=_some(NAMES),
    urls=_some(["https://acme.example/bell/tower", "http://bell.example/acme"]),
    author_id=st.none() | st.sampled_from(NAMES),
    author_handle=st.none() | st.sampled_from(NAMES),
    language=st.none() | st.sampled_from(["en", "de-AT"]),
    country=st.none() | st.sampled_from(["BE", "DE"]),
    is_repost=st.booleans(),
    is_reply=st.booleans(),
    is_quote=st.booleans(),
    has_media=st.booleans(),
    has_geo=st.booleans(),
)


def read(text: str) -> Rule | RuleError:
    try:
        return parse(text)
    except RuleError as error:
        return error


def parsed(text: str) -> Rule | None:
    """The rule, or None where it says only what a post must not have."""
    rule = read(text)
    if isinstance(rule, Rule):
        return rule
    assert "must not have" in rule.message
    return None


@settings(deadline=None, max_examples=300)
@given(rule_texts)
def test_a_rule_that_is_written_out_reads_the_same(text: str) -> None:
    rule = parsed(text)
    if rule is not None:
        assert parse(str(rule)) == rule
        assert str(parse(str(rule))) == str(rule)


@settings(deadline=None, max_examples=200)
@given(st.lists(rule_texts, max_size=12), st.lists(documents, max_size=6))
def test_a_matcher_finds_what_a_loop_over_the_rules_finds(rule_list: list[str], posts: list[Document]) -> None:
    rules = {f"{number}": rule for number, text in enumerate(rule_list) if (rule := parsed(text)) is not None}
    matcher = Matcher(rules)
    for post in posts:
        assert matcher.match(post) == tuple(name for name, rule in rules.items() if rule.matches(post))


@settings(deadline=None, max_examples=200)
@given(rule_texts, documents)
def test_a_rule_says_what_its_parts_say(text: str, post: Document) -> None:
    """Against a second, plainer reading of the tree."""
    rule = parsed(text)
    if rule is not None:
        assert rule.matches(post) is _holds(rule, post)


def _holds(rule: Rule, post: Document) -> bool:
    match rule:
        case And(rules):
            return not [part for part in rules if not _holds(part, post)]
        case Or(rules):
            return bool([part for part in rules if _holds(part, post)])
        case Not(inner):
            return not _holds(inner, post)
        case Phrase(wanted, in_url):
            found = post.url_words if in_url else post.words
            return any(tuple(found[at : at + len(wanted)]) == wanted for at in range(len(found)))
        case Key(key):
            return key in post.keys
    raise AssertionError(rule)


@settings(deadline=None, max_examples=200)
@given(st.text(max_size=60))
def test_a_text_holds_its_own_words(text: str) -> None:
    found = [word for word in words(text) if word != "|"]
    if found:
        quoted = '"' + " ".join(found) + '"'
        assert parse(quoted).matches(Document(" ".join(found)))
        assert all(parse(word).matches(Document(text)) for word in found)


PIECES = [
    *WORDS,
    *KEYS,
    "OR",
    "AND",
    "-",
    "--",
    "(",
    ")",
    '"',
    "“",
    " ",
    "\t",
    "\x00",
    "#",
    "@",
    "$",
    ":",
    "is:",
    "lang:",
]
PIECES += ["nope:x", "from:", "url:", "~3", "*", "\ud800", "\u202e", "\u0301", "https://a.example", "🇩🇪", "∞", "|"]


@pytest.mark.parametrize("seed", range(4))
def test_ten_thousand_malformed_rules_are_only_refused(seed: int) -> None:
    rng = random.Random(seed)
    refused = 0
    for _ in range(2_500):
        text = "".join(rng.choice(("", " ")) + rng.choice(PIECES) for _ in range(rng.randint(0, 14)))
        if rng.random() < 0.3:
            text = "".join(chr(rng.randint(0, rng.choice((127, 0x2FFF, 0x10FFFF)))) for _ in range(rng.randint(0, 40)))
        rule = read(text)
        if isinstance(rule, Rule):
            assert parse(str(rule)) == rule
            rule.matches(Document(text))
        else:
            refused += 1
            assert rule.column is not None
            assert 1 <= rule.column <= len(text) + 1
            assert len(str(rule).splitlines()) == 3
    assert refused > 1_000


@given(rule_texts, documents)
@settings(max_examples=500)
def test_what_x_is_asked_for_holds_everything_that_matches(text: str, document: Document) -> None:
    """Wider, never narrower: on X nobody is called name@host."""
    rule = read(text)
    if isinstance(rule, RuleError) or "@" in f"{document.author_handle}{document.author_id}{document.mentions}":
        return
    try:
        asked = translate([rule], 64)
    except ConfigError:
        return
    if rule.matches(document):
        assert any(parse(one).matches(document) for one in asked)
