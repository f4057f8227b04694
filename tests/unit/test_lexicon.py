"""models/_lexicon.py: what is known of words, worked out once."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tocsin.models._lexicon import Floats, Lexicon
from tocsin.models._words import split


class Lengths:
    """Notes which words it was asked about."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def __call__(self, spelled: Sequence[str], tagged: Sequence[bool]) -> dict[str, Floats]:
        self.asked += spelled
        facts = [[len(word), tag] for word, tag in zip(spelled, tagged, strict=True)]
        return {"length": np.array(facts, np.float32).reshape(-1, 2)}


def lengths(lexicon: Lexicon, text: str) -> list[float]:
    rows = lexicon.rows(split([text]))
    return lexicon.facts("length")[rows, 0].tolist()


def test_each_word_is_worked_out_once() -> None:
    make = Lengths()
    lexicon = Lexicon(make)
    assert lengths(lexicon, "the bell the tower") == [3, 4, 3, 5]
    assert lengths(lexicon, "tower bell rings") == [5, 4, 5]
    assert sorted(make.asked) == ["bell", "rings", "the", "tower"]


def test_a_full_one_begins_anew_and_says_the_same() -> None:
    make = Lengths()
    lexicon = Lexicon(make, capacity=4)
    texts = ["a bb ccc", "dddd eeeee", "a bb", "one two three four five six"]
    assert [lengths(lexicon, text) for text in texts] == [[1, 2, 3], [4, 5], [1, 2], [3, 3, 5, 4, 4, 3]]
    assert make.asked.count("a") == 2


def test_facts_can_be_had_before_any_word() -> None:
    lexicon = Lexicon(Lengths())
    assert len(lexicon.rows(split(["", "  "]))) == 0
    assert lexicon.facts("length").shape == (0, 2)


def test_in_a_hashtag_a_word_is_another() -> None:
    lexicon = Lexicon(Lengths())
    rows = lexicon.rows(split(["bell #bell"]))
    assert lexicon.facts("length")[rows[[0, 2]], 1].tolist() == [0, 1]
