"""A text as the embedding sees it: no links, no names, hashtags cut into words, emoji by name."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from tocsin.models._pieces import Pieces, sign_name
from tocsin.models._words import LINK, NAME, split

VOCABULARY = Path(__file__).parent / "work" / "teacher" / "vocab.txt"


@cache
def pieces() -> Pieces:
    return Pieces(VOCABULARY.read_text(encoding="utf-8").split("\n")[:-1])


def plain(text: str) -> str:
    words = split([text])
    shown: list[str] = []
    for number in range(len(words.keys)):
        word = words.spelled(number)
        if word in (LINK, NAME, "#"):
            continue
        if words.tagged[number] and word.isalpha():
            shown += pieces().segmented_tag(word)
        elif len(word) == 1 and not word.isascii() and not word.isalnum():
            shown += sign_name(word)
        else:
            shown.append(word)
    return " ".join(shown)
