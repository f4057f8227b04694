from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from tocsin.component import Context
from tocsin.enrichers.markup import Config, Markup
from tocsin.model import Post
from tocsin.records import post_row, to_batch
from tocsin.words import LONGEST

NOW = datetime(2026, 3, 1, tzinfo=UTC)


def filled(text: str, **fields: Any) -> dict[str, list[str]]:
    post = Post(uid="feed:1", source="feed", id="1", text=text, received_at=NOW, **fields)
    columns = Markup(Config(), Context("markup", Path())).enrich(to_batch([post_row(1, post)]))
    return {name: column.to_pylist()[0] for name, column in columns.items()}


@pytest.mark.parametrize(
    ("text", "hashtags"),
    [
        ("#Acme and #bell_2 (#x)", ["Acme", "bell_2", "x"]),
        ("#Acme #acme #ACME #bell #acme", ["Acme", "bell"]),
        ("#日本 電車 #über #हिन्दी ＃全角", ["日本", "über", "हिन्दी", "全角"]),
        ("#acme, #bell. #tower's", ["acme", "bell", "tower"]),
        ("C# a#b &#39; #1 #2026 # ##", []),
        ("#2nd", ["2nd"]),
        ("https://acme.example/#part", []),
        ("https://acme.example #part", ["part"]),
        ("no signs", []),
    ],
)
def test_hashtags_of_the_text(text: str, hashtags: list[str]) -> None:
    assert filled(text)["hashtags"] == hashtags


@pytest.mark.parametrize(
    ("text", "mentions"),
    [
        ("@Acme hi .@bell, (@tower) @acme", ["Acme", "bell", "tower"]),
        ("write to sam@acme.example or josé@acme.example", []),
        ("@sam@tower.example @sam@localhost", ["sam@tower.example", "sam"]),
        ("@acme.tower.example. @acme.Then @acme-rail- @_x_", ["acme.tower.example", "acme", "acme-rail", "_x_"]),
        ("駅@acmeさん", ["acme"]),
        ("＠acme", ["acme"]),
        ("https://tower.example/@sam", []),
        ("tower.example/@sam @ @@ &@acme", []),
    ],
)
def test_mentions_of_the_text(text: str, mentions: list[str]) -> None:
    assert filled(text)["mentions"] == mentions


@pytest.mark.parametrize(
    ("text", "urls"),
    [
        ("see https://acme.example/a?b=c#d.", ["https://acme.example/a?b=c#d"]),
        ("(https://acme.example/a_(b)) [https://b.example]", ["https://acme.example/a_(b)", "https://b.example"]),
        ('"https://acme.example/a", “https://b.example/”!?…', ["https://acme.example/a", "https://b.example/"]),
        ("<https://acme.example/a>", ["https://acme.example/a"]),
        ("http://a.example HTTPS://B.example http://a.example", ["http://a.example", "HTTPS://B.example"]),
        ("https://a.example/Köln", ["https://a.example/Köln"]),
        ("見てhttps://a.example/x。です", ["https://a.example/x"]),
        ("https://. https:// ftp://a.example www.a.example", []),
    ],
)
def test_links_of_the_text(text: str, urls: list[str]) -> None:
    assert filled(text)["urls"] == urls


def test_what_the_platform_says_is_not_mixed_with_the_text() -> None:
    given = filled("#a @b https://c.example", hashtags=("#Acme", "acme", " ", "＃Bell"), mentions=("@Sam", "did:plc:x"))
    assert given == {"hashtags": ["Acme", "Bell"], "mentions": ["Sam", "did:plc:x"], "urls": ["https://c.example"]}
    assert filled("https://c.example", urls=("https://a.example/A", "https://a.example/a") * 2)["urls"] == [
        "https://a.example/A",
        "https://a.example/a",
    ]


def test_a_title_is_looked_at_before_the_text() -> None:
    assert filled("#b #a", title="#A")["hashtags"] == ["A", "b"]


def test_what_is_longer_than_any_platform_allows_is_no_name() -> None:
    long = "a" * (LONGEST + 1)
    assert filled(f"#{long} @{long} https://{long}") == {"hashtags": [], "mentions": [], "urls": []}
    assert filled(f"#{long[1:]}")["hashtags"] == [long[1:]]
