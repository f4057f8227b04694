"""The entity tagger with the weights that ship, on invented sentences."""

from __future__ import annotations

import itertools
from functools import cache
from pathlib import Path

import numpy as np
import pytest

import tocsin.models
from tocsin.component import Span
from tocsin.models import _names, _shapes
from tocsin.models._decoding import best_labels
from tocsin.models._lexicon import Lexicon
from tocsin.models._table import Table
from tocsin.models._tagger import Tagger
from tocsin.models._words import split

WEIGHTS = Path(tocsin.models.__file__).parent / "weights"


@cache
def tagger() -> tuple[Tagger, Lexicon]:
    made = Tagger(np.load(WEIGHTS / "tagger.npz"))
    table = Table(np.load(WEIGHTS / "table.npz"))
    return made, Lexicon(lambda words, tagged: {"code": made.codes(words, tagged, table.words(words, tagged))})


def found(texts: list[str]) -> list[list[Span]]:
    made, lexicon = tagger()
    words = split(texts)
    rows = lexicon.rows(words)
    return made.spans(words, lexicon.facts("code")[rows])


def named(text: str) -> set[tuple[str, str]]:
    (spans,) = found([text])
    return {(text[span.start : span.end], span.type) for span in spans}


@pytest.mark.parametrize(
    ("text", "entity"),
    [
        ("I flew from London to meet Sarah Johnson yesterday", ("London", "LOC")),
        ("I flew from London to meet Sarah Johnson yesterday", ("Sarah Johnson", "PER")),
        ("Just landed in New York City, so cold here!", ("New York City", "LOC")),
        ("Microsoft has just bought another company", ("Microsoft", "ORG")),
        ("#Chicago is beautiful tonight", ("Chicago", "LOC")),
        ("the train to 🚆 Manchester 🚆 is late again", ("Manchester", "LOC")),
        ("Anna's flight to Paris was cancelled", ("Paris", "LOC")),
        ("watching Manchester United on tv tonight", ("Manchester United", "ORG")),
    ],
)
def test_names_are_found_where_they_stand(text: str, entity: tuple[str, str]) -> None:
    assert entity in named(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "👍👍👍",
        "https://london.example/paris",
        "@london @SarahJohnson thanks!",
        "so tired of all this rain",
        "...",
        "\n",
    ],
)
def test_where_nobody_is_named_nothing_is_found(text: str) -> None:
    assert named(text) == set()


def test_a_mention_never_is_an_entity_and_never_part_of_one() -> None:
    text = "Sarah Johnson @SarahJohnson London @London"
    for span in found([text])[0]:
        assert "@" not in text[span.start : span.end]


def test_a_possessive_is_not_part_of_the_name() -> None:
    assert ("Obama", "PER") in named("I heard Obama's speech in Chicago")


def test_the_last_full_stop_of_an_abbreviation_is_part_of_the_name() -> None:
    assert ("U.S.", "LOC") in named("I moved from London to the U.S. in May")
    assert ("Texas", "LOC") in named("I live in Austin, Texas.")


def test_spans_go_from_left_to_right_and_lie_in_the_text() -> None:
    text = "Sarah and Tom flew from Boston to Dublin with Ryanair & loved Ireland 😀"
    spans = found([text])[0]
    assert spans
    assert [span.start for span in spans] == sorted(span.start for span in spans)
    assert all(before.end <= after.start for before, after in itertools.pairwise(spans))
    assert all(0 <= span.start < span.end <= len(text) for span in spans)


def test_one_very_long_text_is_read_to_its_end() -> None:
    text = "so tired . " * 20_000 + "I flew to London with Sarah"
    assert Span("LOC", text.index("London"), text.index("London") + 6) in found([text])[0]


def test_no_texts_have_no_entities() -> None:
    assert found([]) == []


def test_scores_are_sums_of_whole_numbers_below_two_to_the_24() -> None:
    with np.load(WEIGHTS / "tagger.npz") as weights:
        for name in ("vectors", "flags", "first", "second", "out"):
            assert weights[name].dtype == np.int8, name
            assert np.abs(weights[name].astype(np.int64)).sum(axis=0).max() * 127 < 2**24, name


# What the parts do.


def test_a_continuation_needs_its_beginning() -> None:
    scores = np.array([[0, 0, 5, 0, 0], [0, -9, -9, -9, 1]], np.float32)
    assert best_labels(scores, np.array([0, 1, 2])).tolist() == [0, 0]
    begun = np.array([[0, 1, -9, -9, -9], [0, 0.5, 5, 0, 0]], np.float32)
    assert best_labels(begun, np.array([0, 2])).tolist() == [1, 2]
    assert best_labels(begun, np.array([0, 1, 2])).tolist() == [1, 1]


def test_the_best_sequence_is_the_best_of_all() -> None:
    generator = np.random.default_rng(3)
    for _ in range(200):
        length = int(generator.integers(1, 5))
        scores = generator.normal(size=(length, 5)).astype(np.float32)
        labels = best_labels(scores, np.array([0, length]))
        assert _total(scores, labels) == pytest.approx(
            max(_total(scores, other) for other in _sensible(length)), abs=1e-4
        )


def _sensible(length: int) -> list[np.ndarray]:
    every = np.stack(np.meshgrid(*[np.arange(5)] * length, indexing="ij"), axis=-1).reshape(-1, length)
    return [
        row for row in every if all(_may_follow(before, label) for before, label in zip([0, *row], row, strict=False))
    ]


def _may_follow(before: int, label: int) -> bool:
    return label in (0, 1, 3) or before in (label, label - 1)


def _total(scores: np.ndarray, labels: np.ndarray) -> float:
    return float(scores[np.arange(len(labels)), labels].sum())


def test_a_phrase_is_marked_over_all_its_words() -> None:
    words = ["new", "york", "is", "new"]
    hashes = np.array([_names.hashed(word) for word in words], np.uint32)
    key = _names.phrase_key(hashes[:2].tolist())
    keys = np.sort(hashes[:1])
    names = _names.Names(
        {
            "name_keys": keys,
            "name_facts": np.array([1 << _names.BITS["begins"][0]], np.uint32),
            "phrase_keys": np.array([key], np.uint32),
            "phrase_kinds": np.array([2], np.uint8),
        }
    )
    begins = names.facts(hashes) > 0
    assert begins.tolist() == [True, False, False, True]
    assert names.phrases(hashes, begins, np.full(4, 3)).tolist() == [2, 2, 0, 0]
    assert names.phrases(hashes, begins, np.array([0, 3, 3, 3])).tolist() == [0, 0, 0, 0]


def test_without_lists_no_word_is_known() -> None:
    empty = np.zeros(0, np.uint32)
    names = _names.Names({"name_keys": empty, "name_facts": empty, "phrase_keys": empty, "phrase_kinds": empty})
    assert names.facts(np.array([5], np.uint32)).tolist() == [0]


def test_affixes_tell_words_apart_by_shape_and_ends() -> None:
    hashes = _shapes.affixes(["London", "Londoner", "london", "NATO", "Paris"])
    assert hashes[0, 0] == hashes[4, 0] != hashes[2, 0]
    assert hashes[0, 0] != hashes[3, 0]
    assert hashes[0, 2] == hashes[1, 2] == hashes[2, 2]
    assert hashes[0, 5] == hashes[2, 5] != hashes[1, 5]


@pytest.mark.parametrize("word", ["a", "Ωmega", "東", "🚆", "x" * 5000, "\ud83d", "İstanbul", "ﬁ"])
def test_any_word_has_facts(word: str) -> None:
    flags = _shapes.flags([word], np.zeros(1, np.bool_), np.zeros(1, np.uint32))
    assert flags.shape == (1, _shapes.WIDTH)
    assert _shapes.affixes([word]).shape == (1, _shapes.AFFIXES)
    assert 0 <= _names.hashed(_names.folded(word)) < 2**32
