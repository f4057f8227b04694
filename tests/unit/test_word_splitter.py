"""models/_words.py and models/_pieces.py: what a word is, and what it is made of."""

from __future__ import annotations

import numpy as np
import pytest

from tocsin.models._pieces import Pieces, sign_name
from tocsin.models._words import LINK, NAME, split

PIECES = Pieces(
    [
        "the", "new", "year", "happy", "cancel", "flight", "##led", "##s", "##ed", "heart", "black", "joy", "tears",
        "of", "don", "'", "t", "!", "york", "works", "can", "heavy",
    ]
)  # fmt: skip


def spelled(text: str) -> list[str]:
    words = split([text])
    return [words.spelled(number) for number in range(len(words.keys))]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("It works.", ["It", "works", "."]),
        ("don't can’t isn't", ["don't", "can't", "isn't"]),
        ("Obama's U.S.", ["Obama", "'", "s", "U", ".", "S", "."]),
        ("wow!!! ... ?!", ["wow", "!!!", "...", "?", "!"]),
        ("see https://a.example/b?c=d, ok", ["see", LINK, "ok"]),
        ("www.acme.example", [LINK]),
        ("@you and me@home", [NAME, "and", "me", NAME]),
        ("AT&amp;T &lt;3", ["AT", "&", "T", "<", "3"]),
        ("&nosuch; &", ["&", "nosuch", ";", "&"]),
        (
            "#HappyNewYear #NYCMarathon2015 #iPhone",
            ["#", "Happy", "New", "Year", "#", "NYC", "Marathon", "2015", "#", "i", "Phone"],
        ),
        ("HappyNewYear", ["HappyNewYear"]),
        ("東京は 서울", ["東", "京", "は", "서", "울"]),
        ("👍🏽❤️ 👩‍👩‍👧", ["👍", "❤", "👩", "👩", "👧"]),
        ("pay\u200bpal \u202eevil", ["paypal", "evil"]),
        ("café naïve Straße", ["café", "naïve", "Straße"]),
        ("", []),
        (" \n\t\u3000", []),
        ("\ud800x\x00y", ["\ud800", "xy"]),
    ],
)  # fmt: skip
def test_a_text_is_cut_into_words(text: str, expected: list[str]) -> None:
    assert spelled(text) == expected


def test_every_word_knows_where_it_stands() -> None:
    text = "Hi @sam, AT&amp;T is down: https://a.example #AcmeDown 👍🏽 don’t"
    words = split(["before", text])
    begin, end = words.bounds[1], words.bounds[2]
    found = [text[words.starts[i] : words.ends[i]] for i in range(begin, end)]
    assert found == [
        "Hi", "@", ",", "AT", "&", "T", "is", "down", ":", "h", "#", "Acme", "Down", "👍", "don’t"
    ]  # fmt: skip
    assert words.owners.tolist() == [0] + [1] * len(found)


def test_case_and_being_in_a_hashtag_make_another_word() -> None:
    words = split(["acme Acme #acme acme"])
    keys = words.keys.tolist()
    assert keys[0] == keys[4]
    assert len({keys[0], keys[1], keys[3]}) == 3
    assert words.tagged.tolist() == [False, False, False, True, False]


def test_letters_in_another_order_make_another_key() -> None:
    words = split(["abc acb bac bca cab cba aabb abab a b ab ba " + " ".join("x" * n for n in range(1, 200))])
    assert len(np.unique(words.keys)) == 12 + 199


def names(word: str, *, tagged: bool = False) -> list[int]:
    return PIECES.of(word, tagged=tagged)


def test_a_word_is_cut_into_the_longest_pieces_from_the_left() -> None:
    assert names("Cancelled") == [4, 6]
    assert names("FLIGHTS") == [5, 7]
    assert names("Don't") == [14, 15, 16]
    assert names("!!!!!!") == [17] * 3
    assert names("zebra") == names(LINK) == names(NAME) == names("") == []


def test_a_hashtag_is_cut_into_its_words() -> None:
    assert names("happynewyear", tagged=True) == [3, 1, 2]
    assert names("happynewyear") == []
    assert PIECES.segmented_tag("happyxq") == ["happyxq"]


def test_an_emoji_counts_as_its_name() -> None:
    assert sign_name("❤") == ["heavy", "black", "heart"]
    assert names("❤") == [21, 10, 9]
    assert names("😂") == [12, 13, 11]
