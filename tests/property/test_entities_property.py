"""Entities do not depend on how texts are cut into batches, and always lie in their text."""

from __future__ import annotations

import itertools
from functools import cache
from pathlib import Path

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

import tocsin.models
from tocsin.component import Span
from tocsin.models._lexicon import Lexicon
from tocsin.models._lists import Lists
from tocsin.models._table import Table
from tocsin.models._tagger import Tagger
from tocsin.models._words import split

WEIGHTS = Path(tocsin.models.__file__).parent / "weights"
PIECES = [
    "London", "london", "SARAH", "Sarah", "Johnson", "Microsoft", "New", "York", "the", "is", "in", "with", "#Obama",
    "#NewYork", "@sam", "'s", ".", "!!!", "U.S.", "AT&T", "Coca-Cola", "😀", "https://a.example/b", "東京", "العربية",
    "iPhone", "15", "Pro", "#iPhone15Pro", "é", "\u200b", "&amp;", "\n", "x" * 50,
]  # fmt: skip
TEXT = st.lists(st.sampled_from(PIECES) | st.text(max_size=8), max_size=25).map(" ".join) | st.text(max_size=60)


@cache
def weights() -> tuple[Tagger, Table]:
    return Tagger(np.load(WEIGHTS / "tagger.npz")), Table(np.load(WEIGHTS / "table.npz"))


def found(texts: list[str], capacity: int = 65_536) -> list[list[Span]]:
    tagger, table = weights()
    lexicon = Lexicon(
        lambda words, tagged: {"code": tagger.codes(words, tagged, table.words(words, tagged))}, capacity=capacity
    )
    words = split(texts)
    rows = lexicon.rows(words)
    codes = lexicon.facts("code")[rows] if len(rows) else np.zeros((0, tagger.width + 3), np.float32)
    return tagger.spans(words, codes)


def ordered(text: str, spans: list[Span]) -> bool:
    inside = all(0 <= span.start < span.end <= len(text) for span in spans)
    return inside and all(before.end <= after.start for before, after in itertools.pairwise(spans))


@given(st.lists(TEXT, min_size=1, max_size=12), st.data())
@settings(deadline=None, max_examples=60)
def test_any_cut_into_batches_finds_the_same(texts: list[str], data: st.DataObject) -> None:
    whole = found(texts)
    cut = data.draw(st.integers(0, len(texts)))
    assert found(texts[:cut]) + found(texts[cut:]) == whole
    assert [spans for text in texts for spans in found([text])] == whole


@given(st.lists(TEXT, min_size=1, max_size=6))
@settings(deadline=None, max_examples=40)
def test_spans_lie_in_their_text_one_after_the_other(texts: list[str]) -> None:
    assert all(ordered(text, spans) for text, spans in zip(texts, found(texts), strict=True))


@given(st.lists(TEXT, max_size=8), st.lists(st.sampled_from(PIECES) | st.text(max_size=12), max_size=6), st.booleans())
@settings(deadline=None, max_examples=80)
def test_listed_names_do_not_depend_on_the_batch(texts: list[str], listed: list[str], fuzzy: bool) -> None:
    def lists() -> Lists:
        return Lists({"PRODUCT": listed[::2], "ORG": listed[1::2]}, fuzzy=fuzzy)

    whole = lists().spans(texts)
    assert [spans for text in texts for spans in lists().spans([text])] == whole
    assert all(ordered(text, spans) for text, spans in zip(texts, whole, strict=True))


@given(st.text(st.characters(categories=["Lu", "Ll"], max_codepoint=0x24F), min_size=7, max_size=12))
@settings(deadline=None)
def test_a_name_of_letters_is_found_as_it_is(name: str) -> None:
    text = f"we like {name} a lot, #{name}"
    (spans,) = Lists({"ORG": [name]}, fuzzy=False).spans([text])
    assert [text[span.start : span.end] for span in spans] == [name, name]
