from __future__ import annotations

from typing import Any

import pytest

from tocsin import rules_match
from tocsin.errors import ConfigError
from tocsin.rules import MAX_DEPTH, MAX_LENGTH, Document, Matcher, RuleError, parse
from tocsin.rules_match import And, Key, Not, Or, Phrase


def matches(rule: str, text: str = "", **fields: Any) -> bool:
    return parse(rule).matches(Document(text, **fields))


def test_or_binds_looser_than_a_space_and_minus_tightest() -> None:
    assert parse("a b OR -c d") == Or((And((Key("a"), Key("b"))), And((Not(Key("c")), Key("d")))))
    assert parse("a (b OR c)") == And((Key("a"), Or((Key("b"), Key("c")))))
    assert parse("a -(b c)") == And((Key("a"), Not(And((Key("b"), Key("c"))))))


def test_parentheses_that_change_nothing_leave_no_trace() -> None:
    assert parse("((a) (b c)) OR ((d) OR e)") == parse("a b c OR d OR e")


@pytest.mark.parametrize(
    ("rule", "text", "expected"),
    [
        ("acme", "ACME is down", True),
        ("acme", "acmeish", False),
        ("acme", "(acme's)", True),
        ("acme", "hail #acme", True),
        ("acme", "hail @acme!", True),
        ("acme", "Acme™ rocks", True),
        ("acme", "at https://acme.example/acme", False),
        ("café", "CAFÉ", True),
        ("café", "cafe", False),
        ("straße", "STRASSE", True),
        ("ａｃｍｅ", "acme", True),
        ("acme", "a\u200bcme", True),
        ('"acme cloud"', "the Acme-Cloud is", True),
        ('"acme cloud"', "acme the cloud", False),
        ('"acme cloud"', "cloud acme", False),
        ('"acme cloud"', "macme cloud", False),
        ('"acme cloud"', "acme cloudy", False),
        ('"acme cloud"', "acme https://x.example cloud", False),
        ("“acme cloud”", "acme cloud", True),
        ("coca-cola", "Coca Cola", True),
        ("don't", "I don’t know", True),
        ("don't", "don and t", False),
        ("電車", "今日は電車が遅い", True),
        ("電車", "電気車", False),
        ("삼성", "삼성은 좋다", True),
        ("รถไฟ", "นั่งรถไฟมา", True),
        ("👍", "so 👍🏽 good", True),
        ("👍🏽", "so 👍 good", False),
        ("❤", "love ❤️", True),
        ("🇪🇩", "🇩🇪🇩🇪", False),
        ("a b", "b and a", True),
        ("a b", "a", False),
        ("a OR b", "b", True),
        ("a -b", "a", True),
        ("a -b", "a b", False),
        ("a -(b OR c)", "a c", False),
        ("a -(b c)", "a c", True),
        ("a -(-b)", "a", False),
        ('a -"b c"', "a b c", False),
        ("or and not", "not and or", True),
        ("$ACME", "buy $acme now", True),
        ("$ACME", "buy acme", False),
        ("$ACME", "US$ACME or $ACMEX", False),
        ("$BRK.B", "sell $BRK.B.", True),
    ],
)
def test_terms_of_the_text(rule: str, text: str, expected: bool) -> None:
    assert matches(rule, text) is expected


@pytest.mark.parametrize(
    ("rule", "fields", "expected"),
    [
        ("acme", {"title": "Acme falls"}, True),
        ('"acme falls"', {"title": "Acme", "text": "falls"}, False),
        ("#Acme", {"hashtags": ["ACME"]}, True),
        ("#acme", {"hashtags": ["acmedown"]}, False),
        ("#acme", {"text": "#acme"}, False),
        ("#acme_down", {"hashtags": ["Acme_Down"]}, True),
        ("#電車", {"hashtags": ["電車"]}, True),
        ("@acme", {"mentions": ["Acme"]}, True),
        ("@acme", {"mentions": ["acme@tower.example"]}, True),
        ("@acme@tower.example", {"mentions": ["acme@tower.example"]}, True),
        ("@acme@tower.example", {"mentions": ["acme"]}, False),
        ("@acme", {"mentions": ["acme.tower.example"]}, False),
        ("@acme.tower.example", {"mentions": ["acme.tower.example"]}, True),
        ("from:sam", {"author_handle": "Sam"}, True),
        ("from:@sam", {"author_handle": "sam@tower.example"}, True),
        ("from:did:plc:abc", {"author_id": "did:plc:abc"}, True),
        ("from:sam", {"text": "sam", "mentions": ["sam"]}, False),
        ("lang:en", {"language": "en"}, True),
        ("lang:pt", {"language": "pt-BR"}, True),
        ("lang:en", {"language": None}, False),
        ("place_country:BE", {"country": "be"}, True),
        ("url:acme.example", {"urls": ["https://www.acme.example/x"]}, True),
        ("url:example.acme", {"urls": ["https://www.acme.example/x"]}, False),
        ('url:"https://acme.example/log-in"', {"urls": ["http://acme.example/log-in?a=b"]}, True),
        ("url:login", {"urls": ["https://a.example/?to=https://b.example/login"]}, True),
        ("url:https", {"urls": ["https://a.example"]}, False),
        ("url:acme.tower", {"urls": ["https://x.acme", "https://tower.x"]}, False),
        ("url:acme", {"text": "https://acme.example"}, False),
        ("is:repost", {"is_repost": True}, True),
        ("is:retweet", {"is_repost": True}, True),
        ("is:reply", {"is_reply": True}, True),
        ("is:quote", {"is_quote": True}, True),
        ("is:quote", {"is_reply": True, "is_repost": True}, False),
        ("has:links", {"urls": ["https://a.example"]}, True),
        ("has:links", {"text": "none"}, False),
        ("has:hashtags", {"hashtags": ["a"]}, True),
        ("has:mentions", {"mentions": ["a"]}, True),
        ("has:media", {"has_media": True}, True),
        ("has:geo", {"has_geo": True}, True),
        ("has:media", {"has_geo": True}, False),
    ],
)
def test_terms_of_the_rest_of_a_post(rule: str, fields: dict[str, Any], expected: bool) -> None:
    assert matches(rule, **({"text": ""} | fields)) is expected


BAD = [
    ("", 1, "empty"),
    (" \n ", 1, "empty"),
    ("acme langs:en", 6, "did you mean lang:?"),
    ("acme country:de", 6, "did you mean place_country:?"),
    ("re:invent", 1, "quotes"),
    ("https://acme.example", 1, "url:"),
    ("acme to:sam", 6, "@name is:reply"),
    ("acme OR", 8, "OR needs a term on each side"),
    ("OR acme", 1, "OR needs"),
    ("acme OR OR bell", 9, "OR needs"),
    ("(acme OR) bell", 9, "OR needs"),
    ("acme -OR bell", 7, "OR is not an operator"),
    ("acme AND bell", 6, "a space"),
    ("acme NOT bell", 6, "write -"),
    ("(acme", 1, "never closed"),
    ("(acme OR", 9, "put such a rule in quotes"),
    ("acme (bell", 6, "put such a rule in quotes"),
    ("bell (acme (tower)", 6, "never closed"),
    ("acme)", 5, "closes nothing"),
    ("acme ()", 7, "missing"),
    ('acme ""', 6, "no word"),
    ('"..."', 1, "no word"),
    ('acme "bell', 6, "never closed"),
    ('"see https://a.example"', 1, "url:"),
    ('"acme bell"~3', 12, "without quotes"),
    ("- acme", 1, "right after -"),
    ("acme -", 6, "right after -"),
    ("--acme", 1, "right after -"),
    ("acme, bell", 1, '"acme"'),
    ("c++", 1, '"c"'),
    ("acm*", 1, '"acm"'),
    ("–acme", 1, "punctuation"),
    ("acme & bell", 6, "no letter"),
    ("#a-b", 1, "not a hashtag"),
    ("#", 1, "not a hashtag"),
    ("@", 1, "not a name"),
    ("@a,b", 1, "not a name"),
    ("$5", 1, "not a ticker symbol"),
    ("acme lang:english", 11, "ISO 639-1"),
    ("acme place_country:germany", 20, "ISO 3166-1"),
    ("acme is:nullcast", 9, "repost, retweet, reply, quote"),
    ("acme has:images", 10, "links, media"),
    ("acme is:", 6, "needs a value"),
    ("acme from: sam", 6, "needs a value"),
    ("acme url:...", 10, "no word"),
    ("-acme", 1, "must not have"),
    ("-is:repost -bell", 1, "must not have"),
    ("acme OR -bell", 9, "must not have"),
    ("-(acme bell)", 1, "must not have"),
    ("(acme OR -bell) OR tower", 1, "must not have"),
    ("x" * (MAX_LENGTH + 1), MAX_LENGTH + 1, "longer"),
    ("(" * (MAX_DEPTH + 1) + "a" + ")" * (MAX_DEPTH + 1), MAX_DEPTH + 1, "parentheses"),
]


@pytest.mark.parametrize(("rule", "column", "says"), BAD, ids=[rule[:20] for rule, *_ in BAD])
def test_a_bad_rule_is_refused_at_its_place(rule: str, column: int, says: str) -> None:
    with pytest.raises(RuleError) as caught:
        parse(rule)
    assert caught.value.column == column
    assert says in str(caught.value)


def test_an_error_shows_the_rule_with_a_caret_under_the_place() -> None:
    with pytest.raises(RuleError) as caught:
        parse("acme langs:en")
    assert str(caught.value) == "there is no operator langs: (did you mean lang:?)\n  acme langs:en\n       ^"
    assert caught.value.message == "there is no operator langs:"
    assert caught.value.hint == "did you mean lang:?"
    assert isinstance(caught.value, ConfigError)


def test_the_caret_stands_under_wide_and_far_places() -> None:
    with pytest.raises(RuleError) as wide:
        parse("電車 langs:en")
    assert str(wide.value).splitlines()[2] == " " * 7 + "^"
    with pytest.raises(RuleError) as far:
        parse("acme " * 100 + "langs:en " + "acme " * 100)
    _, shown, caret = str(far.value).splitlines()
    assert len(shown) < 100
    assert shown[caret.index("^") :].startswith("langs:en")


def test_an_error_shows_nothing_that_moves_the_cursor() -> None:
    with pytest.raises(RuleError) as caught:
        parse("acme\n\x1b[31m\u202e langs\u202e:en")
    assert str(caught.value).count("\n") == 2
    assert all(line.isprintable() for line in str(caught.value).splitlines())


@pytest.mark.parametrize("depth", [1, MAX_DEPTH])
def test_as_deep_as_allowed(depth: int) -> None:
    assert parse("(" * depth + "a" + ")" * depth) == Key("a")
    assert parse("b -(" * depth + "a" + ")" * depth).matches(Document("b a")) is (depth % 2 == 0)


def test_parentheses_beside_each_other_are_not_deep() -> None:
    assert parse("(a) " * 60 + "(b)").matches(Document("a b"))


def test_as_long_as_allowed() -> None:
    rule = ("a " * MAX_LENGTH)[:MAX_LENGTH]
    assert len(parse(rule).rules) == MAX_LENGTH // 2  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("rule", "written"),
    [
        ('( acme OR "Acme  Cloud" )  -is:retweet', '(acme OR "acme cloud") -is:repost'),
        ("a b OR c", "a b OR c"),
        ("a -(b OR c)", "a -(b OR c)"),
        ("a -(-b)", "a -(-b)"),
        ("url:acme.example", 'url:"acme example"'),
        ("from:@Sam LANG:EN", "from:sam lang:en"),
    ],
)
def test_a_rule_is_written_so_that_it_reads_the_same(rule: str, written: str) -> None:
    assert str(parse(rule)) == written
    assert parse(written) == parse(rule)


def test_names_come_in_the_order_of_the_mapping() -> None:
    matcher = Matcher({"z": parse("bell"), "a": parse("acme"), "m": parse("tower"), "b": parse("bell acme")})
    assert matcher.match(Document("acme bell")) == ("z", "a", "b")
    assert matcher.match(Document("nothing")) == ()
    assert Matcher({}).match(Document("acme")) == ()


def test_a_rule_is_found_by_its_rarest_part() -> None:
    assert parse("the acmedown lang:en -x").anchors() == {"acmedown"}
    assert parse("in (#acme OR @acme)").anchors() == {"#acme", "@acme"}
    assert parse('"the acmedown" OR url:acme.example').anchors() == {"acmedown", "url:example"}
    assert parse("lang:en is:reply").anchors() == {"lang:en"}
    assert parse("a -(b OR -ccc)").anchors() == {"ccc"}


def test_only_rules_whose_anchors_a_post_has_are_evaluated(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    monkeypatch.setattr(rules_match.Key, "matches", lambda key, document: asked.append(key.key) or True)
    matcher = Matcher({f"w{number}": parse(f"word{number}") for number in range(1000)})
    assert matcher.match(Document("word7 word8 bell")) == ("w7", "w8")
    assert asked == ["word7", "word8"]


def test_a_matcher_refuses_a_rule_that_it_could_not_find() -> None:
    with pytest.raises(ValueError, match="'w' says only"):
        Matcher({"w": Not(Key("a"))})


def test_rules_are_values() -> None:
    assert len({parse("a b"), parse("(a b)"), parse("b a"), Phrase(("a", "b"))}) == 3
    with pytest.raises(AttributeError):
        parse("a").key = "b"  # type: ignore[attr-defined]
