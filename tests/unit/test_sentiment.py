"""The sentiment model that ships, its enricher and how it is judged."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from tests.helpers.feelings import WEIGHTS, scores

from tocsin import records
from tocsin.component import Context
from tocsin.enrichers import _answers
from tocsin.enrichers.sentiment import Config, Sentiment
from tocsin.evaluate import _corpora
from tocsin.evaluate._sentiment import calibration_error, judge, quality
from tocsin.model import Post
from tocsin.models._pieces import Pieces
from tocsin.models._sentiment import BOTH, LARGEST, NOTHING, PART, label
from tocsin.models._sentiment_words import features

NOW = datetime(2026, 3, 1, tzinfo=UTC)
DATA = Path(__file__).parents[3] / "shared" / "data"


def positive(text: str) -> float:
    """How much likelier positive than negative, from -1 to 1."""
    negative, _, pleased = scores([text])[0].tolist()
    return float(pleased - negative)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("I love this, best coffee in town!", "positive"),
        ("Thank you so much for the quick help, you made my day", "positive"),
        ("What a great concert last night 😍", "positive"),
        ("so happy to be home :)", "positive"),
        ("#bestdayever", "positive"),
        ("The app crashes all the time, I hate it", "negative"),
        ("Worst service ever. Two hours on hold and nobody cares.", "negative"),
        ("my flight is cancelled again :(", "negative"),
        ("this is NOT good", "negative"),
        ("I'm never flying with them again, rude and useless staff 😡", "negative"),
        ("The shop opens at nine on Monday", "neutral"),
        ("Press conference on Thursday in the town hall https://a.example/x", "neutral"),
        ("@sam which train do you take tomorrow?", "neutral"),
    ],
)
def test_plain_cases(text: str, expected: str) -> None:
    assert label(scores([text])) == [expected]


@pytest.mark.parametrize(
    ("plain", "negated"),
    [
        ("the food was good", "the food was not good"),
        ("I like the new tram", "I don't like the new tram"),
        ("I like the new tram", "I don’t like the new tram"),
        ("they were helpful", "they were never helpful"),
        ("I am happy with it", "I am not really happy with it"),
    ],
)
def test_a_negation_makes_a_good_word_worse(plain: str, negated: str) -> None:
    assert positive(negated) < positive(plain) - 0.2


@pytest.mark.parametrize(
    ("weaker", "stronger"),
    [
        ("the staff were nice", "the staff were very nice"),
        ("the room is cold and bad", "the room is cold and really really bad"),
        ("we loved it", "we absolutely LOVED it!!!"),
    ],
)
def test_a_stronger_word_makes_it_clearer(weaker: str, stronger: str) -> None:
    assert abs(positive(stronger)) > abs(positive(weaker)) - 0.02


@pytest.mark.parametrize(("text", "sign"), [("😍😍", 1), ("👍", 1), (":)", 1), ("😡", -1), ("😢😢😢", -1), (":(", -1)])
def test_signs_alone_tell_a_feeling(text: str, sign: int) -> None:
    assert sign * positive(text) > 0.1


def test_drawn_out_letters_and_capitals_count_as_the_word() -> None:
    assert positive("that was gooooood") > 0.0
    assert positive("sooooo happyyyy") > 0.5
    assert positive("THAT WAS TERRIBLE") < -0.2


@pytest.mark.parametrize("text", ["", " \n\t", "\u200b\u200d", "\x00", "https://a.example/x", "@sam @kim #"])
def test_a_text_without_words_is_neutral_and_nearly_even(text: str) -> None:
    assert scores([text])[0].tolist() == pytest.approx(NOTHING)
    assert label(scores([text])) == ["neutral"]


def test_a_long_text_is_the_mean_of_its_parts() -> None:
    glad, cross = ("lovely day thank you " * (PART // 4)).strip(), ("awful broken mess again " * (PART // 4)).strip()
    parts = scores([glad, cross])
    assert positive(glad) > 0.5
    assert positive(cross) < -0.5
    assert scores([f"{glad} {cross}"])[0] == pytest.approx(parts.mean(axis=0), abs=0.08)
    assert scores([glad * 2_000])[0] == pytest.approx(parts[0], abs=0.08)


def test_mixed_is_as_likely_positive_as_negative() -> None:
    rows = [[BOTH, 1 - 2 * BOTH, BOTH], [0.5, 0.13, 0.37], [0.37, 0.26, 0.37], [0.1, 0.2, 0.7], [0.3, 0.4, 0.3]]
    assert label(np.array(rows, np.float32)) == ["mixed", "negative", "negative", "positive", "neutral"]
    assert label(np.zeros((0, 3), np.float32)) == []


def test_features_of_a_word_do_not_depend_on_its_neighbours() -> None:
    words, pieces = ["good", "Sooo", ":", "😍", "don't", "good"], Pieces(["good"])
    together = features(words, [False] * 6, pieces)
    for place, word in enumerate(words):
        alone = features([word], [False], pieces)
        own = together.hashes[together.bounds[place] : together.bounds[place + 1]]
        assert sorted(alone.hashes.tolist()) == sorted(own.tolist())
        assert alone.forms[0] == together.forms[place]
    assert together.forms[0] == together.forms[5] != together.forms[1]
    assert together.negates.tolist() == [False, False, False, False, True, False]
    assert together.ends.tolist() == [False, False, True, False, False, False]


def test_drawn_out_words_share_a_form() -> None:
    found = features(["so", "SOOOO", "soon", "good", "gooood"], [False] * 5, Pieces(["so", "good"]))
    assert found.forms[0] == found.forms[1] != found.forms[2]
    assert found.forms[3] == found.forms[4]


def test_weights_are_small_and_their_sums_exact() -> None:
    file = WEIGHTS / "sentiment.npz"
    assert file.stat().st_size <= 2_000_000
    weights = np.load(file, allow_pickle=False)
    codes, filters = weights["codes"], weights["filters"]
    assert codes.dtype == weights["linear"].dtype == weights["pairs"].dtype == np.int8
    assert float(weights["flag"]) <= LARGEST
    biases = np.abs(weights["filter_bias"]).max()
    assert LARGEST * int(np.abs(filters.astype(np.int64)).sum(axis=0).max()) + biases < 2**24


def enriched(texts: Sequence[str], language: str | None = "en", title: str | None = None) -> dict[str, list[Any]]:
    posts = [
        Post(uid=f"feed:{number}", source="feed", id=str(number), text=text, received_at=NOW, title=title)
        for number, text in enumerate(texts)
    ]
    batch = records.to_batch([records.post_row(number, post) for number, post in enumerate(posts, 1)])
    batch = batch.append_column(records.SCHEMA.field("language"), pa.array([language] * len(texts), pa.string()))
    found = Sentiment(Config(), Context("sentiment", Path())).enrich(batch)
    return {name: column.to_pylist() for name, column in found.items()}


class Model:
    """Answers what it was told, and remembers what it was asked."""

    id = "told-1"
    languages: frozenset[str] | None = frozenset({"en"})

    def __init__(self, row: Sequence[float]) -> None:
        self.row, self.asked = row, list[str]()

    def sentiment(self, texts: Sequence[str]) -> np.ndarray[Any, np.dtype[np.float32]]:
        self.asked += texts
        return np.tile(np.array(self.row, np.float32), (len(texts), 1))


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> Model:
    model = Model([0.7, 0.2, 0.1])
    monkeypatch.setattr(_answers.load, "build_model", lambda choice, context: model)
    return model


def test_the_enricher_fills_label_scores_and_model(told: Model) -> None:
    found = enriched(["down again"], title="Acme")
    assert found["sentiment"] == ["negative"]
    assert dict(found["sentiment_scores"][0]) == pytest.approx({"negative": 0.7, "neutral": 0.2, "positive": 0.1})
    assert found["sentiment_model"] == ["told-1"]
    assert told.asked == ["Acme\ndown again"]


def test_a_post_in_another_language_is_marked_not_judged(told: Model) -> None:
    found = enriched(["Das Netz ist schon wieder ausgefallen und niemand geht ans Telefon."], language="de")
    assert found["sentiment"] == [None]
    assert found["sentiment_scores"] == [None]
    assert found["sentiment_model"] == ["told-1 language not known"]
    assert told.asked == []


def test_a_model_without_an_answer_leaves_nothing(told: Model) -> None:
    told.row = [np.nan] * 3
    found = enriched(["down again", "up again"])
    assert found["sentiment"] == [None, None]
    assert found["sentiment_scores"] == [None, None]


def test_quality_of_known_answers() -> None:
    probabilities = np.array([[0.8, 0.1, 0.1], [0.1, 0.8, 0.1], [0.6, 0.3, 0.1], [0.1, 0.2, 0.7]], np.float32)
    found = quality(probabilities, np.array([0, 1, 1, 2]))
    assert found.macro_recall == pytest.approx((1 + 0.5 + 1) / 3)
    assert found.macro_f1 == pytest.approx((2 / 3 + 2 / 3 + 1) / 3)
    assert found.accuracy == 0.75


def test_calibration_error_is_the_gap_between_sureness_and_truth() -> None:
    sure = np.tile(np.array([0.9, 0.05, 0.05], np.float32), (10, 1))
    assert calibration_error(sure, np.array([0] * 9 + [1])) == pytest.approx(0.0, abs=1e-6)
    assert calibration_error(sure, np.array([0] * 5 + [1] * 5)) == pytest.approx(0.4, abs=1e-6)


def test_a_judge_counts_a_missing_answer_as_neutral_and_refuses_missing_labels() -> None:
    assert judge(Model([np.nan] * 3), ["a", "b", "c"], [0, 1, 2])["macro_recall"] == pytest.approx(1 / 3)
    with pytest.raises(ValueError, match="label"):
        judge(Model([0, 1, 0]), ["a", "b"], [0, 1])


@pytest.mark.real_data
def test_held_posts_are_judged_well() -> None:
    if not (DATA / "tweeteval_sentiment").exists():
        pytest.skip(f"no posts to judge with at {DATA}")
    texts, labels = _corpora.tweeteval(DATA)
    found = quality(scores(texts), np.array(labels))
    assert found.macro_recall >= 0.69
    assert found.calibration_error <= 0.05
    assert label(scores(texts)).count("mixed") <= 0.02 * len(texts)
