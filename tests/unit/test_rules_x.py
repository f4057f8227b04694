"""The watch language in X's grammar."""

from __future__ import annotations

import pytest

from tocsin.errors import ConfigError
from tocsin.rules import parse
from tocsin.rules_x import translate


@pytest.mark.parametrize(
    ("rule", "said"),
    [
        ("acme", ["acme"]),
        ("acme is:repost", ["acme is:retweet"]),
        ("acme -(spam OR is:reply)", ["acme -spam -is:reply"]),
        ("acme -(spam ham)", ["acme"]),
        ("acme (ok OR -spam)", ["acme"]),
        ("acme -(-ok -fine)", ["acme (ok OR fine)"]),
        ('"Acme Cloud" place_country:de', ['"acme cloud" place_country:DE']),
        ("url:acme.example/login", ['url:"acme.example.login"']),
        ("東京 OR 서울", ['"東京" OR "서울"']),
        ('acme "or"', ['acme "or"']),
        ("acme from:did:plc:abc", []),
        ("acme OR @sam@mastodon.example", ["acme"]),
        ("acme -@sam@mastodon.example", ["acme"]),
        ("acme (has:links OR lang:de)", ["acme (has:links OR lang:de)"]),
    ],
)
def test_what_x_is_asked(rule: str, said: list[str]) -> None:
    assert translate([parse(rule)]) == said


def test_what_x_is_asked_means_the_same_when_it_is_read_again() -> None:
    text = '(acme OR "Acme Cloud" OR #acme) -is:repost lang:en'
    assert parse(translate([parse(text)])[0]) == parse(text)


def test_rules_are_packed_and_said_once() -> None:
    rules = [parse(text) for text in ("acme OR borealis", "acme", "cumulo")]
    assert translate(rules) == ["acme OR borealis OR cumulo"]
    assert translate(rules, 16) == ["acme OR borealis", "cumulo"]


def test_a_long_rule_is_cut_at_its_longest_or() -> None:
    words = [f"word{number}" for number in range(200)]
    rule = parse(f"acme ({' OR '.join(words)}) lang:en")
    cut = translate([rule])
    assert len(cut) > 1
    assert all(len(text) <= 1024 and "lang:en" in text for text in cut)
    assert {word for text in cut for word in words if word in text.replace("(", " ").replace(")", " ").split()} == set(
        words
    )


def test_a_part_that_is_too_long_for_x_is_refused() -> None:
    with pytest.raises(ConfigError, match="longer than X's 1024 characters"):
        translate([parse(" ".join(f"word{number}" for number in range(200)))])


@pytest.mark.parametrize("rule", ["lang:de", "acme OR is:reply", "has:links lang:de -acme"])
def test_what_x_takes_only_beside_a_word_is_refused(rule: str) -> None:
    with pytest.raises(ConfigError, match="X takes no rule with nothing but"):
        translate([parse(rule)])
