from __future__ import annotations

import sys

import pytest

from tocsin.words import BREAK, LINK, fold, words


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("ACME", "acme"),
        ("Café", "café"),
        ("Cafe\u0301", "café"),
        ("STRASSE", fold("straße")),
        ("ΟΔΟΣ", fold("οδος")),
        ("ＡＣＭＥ　ﬁx", "acme fix"),
        ("Acme™ Acme℠", "acme  acme "),
        ("ac\u200bm\u00ade\ufe0f\u202e", "acme"),
    ],
)
def test_fold_keeps_what_counts(text: str, expected: str) -> None:
    assert fold(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("It's down, AGAIN!", ["it", "s", "down", "again"]),
        ("coca-cola snake_case 3.14", ["coca", "cola", "snake", "case", "3", "14"]),
        ("a\x00b", ["a", "b"]),
        ("हिन्दी में", ["हिन्दी", "में"]),
        ("iPhone発売", ["iphone", "発", "売"]),
        ("삼성은", ["삼", "성", "은"]),
        ("カー・ラジオ", ["カ", "ー", "ラ", "ジ", "オ"]),
        ("กินข้าว", ["กิ", "น", "ข้", "า", "ว"]),
        ("👍🏽🇩🇪🇫🇷❤️", ["👍", "🏽", "🇩🇪", "🇫🇷", "❤"]),
        ("1️⃣ café", ["1⃣", "café"]),
        ("a ® b", ["a", "b"]),
        ("𞤀𞤣", ["𞤢𞤣"]),
        ("see https://acme.example/x now", ["see", BREAK, "now"]),
        ("HTTPS://A.EXAMPLE", [BREAK]),
        ("見てhttps://acme.exampleです", ["見", "て", BREAK, "で", "す"]),
        ("://", []),
    ],
)
def test_words(text: str, expected: list[str]) -> None:
    assert words(text) == expected


def test_ascii_text_is_cut_as_other_text_is() -> None:
    text = "".join(map(chr, range(128))) * 2
    assert words(text) == words(f"{text} é")[:-1]


def test_every_character_folds_to_something_stable() -> None:
    """So a rule that is written out and read again still means the same."""
    characters = [chr(point) for point in range(0, sys.maxunicode + 1, 7) if not 0xD800 <= point < 0xE000]
    unstable = [char for char in characters if fold(fold(char)) != fold(char)]
    assert unstable == []
    assert [char for char in characters for word in words(char) if words(word) != [word]] == []


def test_a_link_may_be_international_but_ends_at_a_script_without_spaces() -> None:
    assert LINK.findall("https://de.example/Köln https://jp.example/駅") == [
        "https://de.example/Köln",
        "https://jp.example/",
    ]
