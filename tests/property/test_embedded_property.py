"""The embedded model: however texts are cut into batches, every bit of every answer is the same."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tocsin.component import Context, Label
from tocsin.models._words import split
from tocsin.models.embedded import Config, Embedded

WORDS = st.sampled_from(
    [
        "acme", "Acme", "ACME", "down", "not", "never", "can't", "log", "in", "refund", "Paris", "London", "Angela",
        "Merkel", "love", "hate", "!!!", "😡", "😍", "#AcmeDown", "#happynewyear", "@you", "https://a.example", "東京",
        "café", "zxqwv", "the", "a", "is", "with", "&amp;", "\u200b", "...", ":)", "1984",
    ]
)  # fmt: skip
TEXTS = st.lists(st.one_of(st.lists(WORDS, max_size=40).map(" ".join), st.text(max_size=60)), max_size=40)
LABELS = (
    Label("outage", "The service is down, slow or people cannot log in."),
    Label("billing", "Prices, invoices, refunds and charges.", examples=("you charged me twice",)),
    Label("travel"),
)
EMBEDDED = Embedded("", Config(), Context("embedded", Path()))
CLASSIFIER = EMBEDDED.classifier(LABELS)
RELAXED = settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.too_slow])


@RELAXED
@given(TEXTS, st.integers(1, 7))
def test_the_cut_into_batches_changes_no_bit(texts: list[str], size: int) -> None:
    whole = (CLASSIFIER.scores(texts), EMBEDDED.sentiment(texts), EMBEDDED.entities(texts))
    parts = [texts[start : start + size] for start in range(0, len(texts), size)]
    assert np.array_equal(whole[0], np.concatenate([np.zeros((0, 3)), *map(CLASSIFIER.scores, parts)]))
    assert np.array_equal(whole[1], np.concatenate([np.zeros((0, 3)), *map(EMBEDDED.sentiment, parts)]))
    assert whole[2] == [spans for part in parts for spans in EMBEDDED.entities(part)]


@RELAXED
@given(TEXTS, st.randoms(use_true_random=False))
def test_the_order_and_the_company_change_no_bit(texts: list[str], shuffle: object) -> None:
    order = list(range(len(texts)))
    shuffle.shuffle(order)  # type: ignore[attr-defined]
    moved = [texts[place] for place in order]
    assert np.array_equal(CLASSIFIER.scores(texts)[order], CLASSIFIER.scores(moved))
    assert np.array_equal(EMBEDDED.sentiment(texts)[order], EMBEDDED.sentiment(moved))


@RELAXED
@given(TEXTS)
def test_words_lie_in_their_texts_in_order_and_do_not_overlap(texts: list[str]) -> None:
    words = split(texts)
    assert words.bounds[0] == 0
    assert words.bounds[-1] == len(words.keys)
    for number, text in enumerate(texts):
        begin, end = words.bounds[number], words.bounds[number + 1]
        edges = np.stack([words.starts[begin:end], words.ends[begin:end]], axis=1).reshape(-1)
        assert (np.diff(edges) >= 0).all()
        assert (words.starts[begin:end] < words.ends[begin:end]).all()
        assert not len(edges) or (edges[0] >= 0 and edges[-1] <= len(text))


@RELAXED
@given(TEXTS)
def test_scores_are_probabilities(texts: list[str]) -> None:
    feelings = EMBEDDED.sentiment(texts)
    assert feelings.shape == (len(texts), 3)
    assert ((feelings >= 0) & (feelings <= 1)).all()
    assert np.allclose(feelings.sum(axis=1), 1, atol=2e-4)
    scores = CLASSIFIER.scores(texts)
    assert ((scores >= 0) & (scores <= 1)).all()
