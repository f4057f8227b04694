"""What a text's sentiment is does not depend on the texts beside it, and is always three probabilities."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.helpers.feelings import scores

from tocsin.models._sentiment import MIXED, SENTIMENTS, label, turned

PIECES = [
    "good", "bad", "not", "never", "but", "very", "GREAT", "soooo", "don't", "happy", "broken", "late", "the", "bus",
    "#LoveThis", "#worstday", "@sam", "!!!", "?", ".", ":)", ":(", "😍", "😡", "👍🏽", "https://a.example/b", "東京",
    "العربية", "é", "\u200b", "&amp;", "\n", "x" * 50,
]  # fmt: skip
TEXT = st.lists(st.sampled_from(PIECES) | st.text(max_size=8), max_size=90).map(" ".join) | st.text(max_size=60)


@settings(max_examples=60, deadline=None)
@given(st.lists(TEXT, min_size=1, max_size=12), st.sets(st.integers(1, 11)))
def test_any_cut_gives_the_same(texts: list[str], cuts: set[int]) -> None:
    whole = scores(texts)
    bounds = [0, *sorted(cut for cut in cuts if cut < len(texts)), len(texts)]
    parts = np.concatenate([scores(texts[start:stop], capacity=40) for start, stop in pairwise(bounds)])
    assert np.array_equal(whole, parts)


@settings(max_examples=60, deadline=None)
@given(st.lists(TEXT, min_size=1, max_size=12))
def test_rows_are_probabilities_and_have_a_label(texts: list[str]) -> None:
    found = scores(texts)
    assert found.shape == (len(texts), 3)
    assert (found >= 0).all()
    assert np.allclose(found.sum(axis=1), 1, atol=1e-6)
    assert set(label(found)) <= {*SENTIMENTS, MIXED}


@given(st.lists(st.tuples(st.booleans(), st.booleans(), st.booleans()), min_size=1, max_size=30))
def test_a_negation_turns_four_words_up_to_a_mark_or_the_next_text(words: list[tuple[bool, bool, bool]]) -> None:
    negates, ends, firsts = (np.array(column) for column in zip(*words, strict=True))
    expected = [
        any(
            negates[start] and not (ends | firsts)[start + 1 : place + 1].any()
            for start in range(max(0, place - 4), place)
        )
        for place in range(len(words))
    ]
    assert turned(negates, ends, firsts).tolist() == expected
