"""Hugging Face models at work: the same numbers as transformers, for each kind of model, and answers by text alone."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.helpers.tiny_models import MODELS, TOPICS

from tocsin.component import Context, Label, Span
from tocsin.errors import ConfigError, Permanent
from tocsin.models._onnx.heads import BiEncoder
from tocsin.models._onnx.text import marks, words
from tocsin.models.onnx import Config, Onnx

LABELS = [Label(name) for name in TOPICS]


def made(name: str, tmp_path: Path, **options: Any) -> Onnx:
    config = Config.model_validate({"cache": tmp_path, "precision": "fp32", **options})
    return Onnx(f"./{name}", config, Context("category", tmp_path, base_dir=MODELS))


def expected(name: str) -> dict[str, Any]:
    said: dict[str, Any] = json.loads((MODELS / name / "expected.json").read_text(encoding="utf-8"))
    return said


def encoder(model: Onnx) -> BiEncoder:
    return model.classifier.__self__  # type: ignore[attr-defined, no-any-return]


def test_a_bert_bi_encoder_has_the_vectors_of_transformers(tmp_path: Path):
    model, said = made("bert-encoder", tmp_path, clean="none"), expected("bert-encoder")
    head = encoder(model)
    rows = np.stack(head._runtime.each(said["texts"], head.pooled))
    vectors = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    assert np.abs(vectors - np.array(said["vectors"])).max() < 1e-4
    assert np.abs(head.vectors(said["texts"]) - vectors).max() < 3e-4  # rounded, so that sums are exact


@pytest.mark.parametrize("name", ["deberta-v3-nli", "deberta-v2-topics"])
def test_a_deberta_has_the_scores_of_transformers(tmp_path: Path, name: str):
    said = expected(name)
    classifier = made(name, tmp_path, clean="none").classifier([Label(label) for label in said["labels"]])  # type: ignore[attr-defined]
    assert np.abs(classifier.scores(said["texts"]) - np.array(said["scores"])).max() < 1e-4


def test_a_roberta_has_the_probabilities_of_transformers(tmp_path: Path):
    said = expected("roberta-sentiment")
    found = made("roberta-sentiment", tmp_path).sentiment(said["texts"])  # type: ignore[attr-defined]
    assert np.abs(found - np.array(said["scores"])).max() < 1e-4


@pytest.mark.parametrize("name", ["distilbert-entities", "xlmr-entities"])
def test_a_token_classifier_has_the_logits_of_transformers(tmp_path: Path, name: str):
    said = expected(name)
    runtime = made(name, tmp_path).entities.__self__._runtime  # type: ignore[attr-defined]
    for text, logits in zip(said["texts"], said["logits"], strict=True):
        answer, _ = runtime.run(text)
        assert answer.shape == np.array(logits).shape
        assert np.abs(answer - np.array(logits)).max() < 1e-4


@pytest.mark.parametrize("name", ["bert-encoder", "roberta-sentiment", "deberta-v2-topics"])
def test_int8_says_nearly_the_same(tmp_path: Path, name: str):
    whole, small = made(name, tmp_path), made(name, tmp_path, precision="int8")
    texts = [text for group in TOPICS.values() for text in group]
    if hasattr(whole, "sentiment"):
        agree = whole.sentiment(texts).argmax(axis=1) == small.sentiment(texts).argmax(axis=1)  # type: ignore[attr-defined]
    else:
        first, second = (model.classifier(LABELS).scores(texts) for model in (whole, small))  # type: ignore[attr-defined]
        agree = first.argmax(axis=1) == second.argmax(axis=1)
    assert agree.mean() > 0.8
    assert small.id + " fp32" == whole.id


@pytest.mark.parametrize(
    ("name", "kind", "tasks"),
    [
        ("bert-encoder", "bi-encoder", {"classifier"}),
        ("deberta-v3-nli", "cross-encoder", {"classifier"}),
        ("deberta-v2-topics", "sequence classifier", {"classifier"}),
        ("roberta-sentiment", "sequence classifier", {"sentiment"}),
        ("distilbert-entities", "token classifier", {"entities"}),
    ],
)
def test_what_it_can_do_follows_from_what_it_is(tmp_path: Path, name: str, kind: str, tasks: set[str]):
    model = made(name, tmp_path)
    assert model.kind == kind
    assert {task for task in ("classifier", "sentiment", "entities") if hasattr(model, task)} == tasks


def test_the_card_says_its_languages(tmp_path: Path):
    assert made("bert-encoder", tmp_path).languages == {"en"}
    assert made("roberta-sentiment", tmp_path).languages is None


def test_entities_have_offsets_in_the_text_as_it_was_given(tmp_path: Path):
    model = made("distilbert-entities", tmp_path)
    text = "👩‍👩‍👧 Maria Silva works for Globex,\n in New York."
    (spans,) = model.entities([text])  # type: ignore[attr-defined]
    named = [(span.type, text[span.start : span.end]) for span in spans]
    assert named[-3:] == [("PER", "Maria Silva"), ("ORG", "Globex"), ("LOC", "New York")]
    (spans,) = made("xlmr-entities", tmp_path).entities(["the train to Lima is late"])  # type: ignore[attr-defined]
    assert spans == [Span("LOC", 13, 17)]


def test_types_of_entities_can_be_mapped_or_left_out(tmp_path: Path):
    text = "Sam works for Globex in Lima"
    model = made("distilbert-entities", tmp_path, labels={"PER": "O", "ORG": "PRODUCT"})
    (spans,) = model.entities([text])  # type: ignore[attr-defined]
    assert [(span.type, text[span.start : span.end]) for span in spans] == [("PRODUCT", "Globex"), ("LOC", "Lima")]
    model = made("distilbert-entities", tmp_path, labels={"B-LOC": "B-EVENT", "I-LOC": "I-EVENT"})
    (spans,) = model.entities([text])  # type: ignore[attr-defined]
    assert [span.type for span in spans] == ["PER", "ORG", "EVENT"]


def test_a_label_is_judged_by_itself(tmp_path: Path):
    model = made("deberta-v3-nli", tmp_path, precision="int8")
    texts = ["what a match", "the service is down", "they charged me twice"]
    together = model.classifier(LABELS).scores(texts)  # type: ignore[attr-defined]
    for place, label in enumerate(LABELS):
        alone = model.classifier([label]).scores(texts)  # type: ignore[attr-defined]
        assert np.array_equal(alone[:, 0], together[:, place])


def test_descriptions_can_be_part_of_the_hypothesis(tmp_path: Path):
    model = made("deberta-v3-nli", tmp_path, hypothesis="It is about {}: {description}.")
    labels = [Label("log_in", "People cannot log in."), Label("sport")]
    assert model.classifier(labels).hypotheses == [  # type: ignore[attr-defined]
        "It is about log in: People cannot log in.",
        "It is about sport: sport.",
    ]


def test_examples_move_a_category_of_a_bi_encoder(tmp_path: Path):
    model = made("bert-encoder", tmp_path)
    plain = model.classifier([Label("sport")])  # type: ignore[attr-defined]
    taught = model.classifier([Label("sport", examples=("what a match what a goal",) * 9)])  # type: ignore[attr-defined]
    assert taught.scores(["what a match"])[0, 0] > plain.scores(["what a match"])[0, 0]


def test_prefixes_are_put_before_texts_and_labels(tmp_path: Path):
    plain = encoder(made("bert-encoder", tmp_path))
    prefixed = encoder(made("bert-encoder", tmp_path, prefix="the ", label_prefix="a "))
    assert np.array_equal(prefixed.vectors(["price"]), plain.vectors(["the price"]))
    assert np.array_equal(prefixed.label_vectors(["price"]), plain.vectors(["a price"]))


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.text(max_size=60), max_size=6))
def test_answers_are_bit_for_bit_the_same_in_any_batch(tmp_path: Path, texts: list[str]):
    for name in ("bert-encoder", "roberta-sentiment"):
        model = _int8(name, tmp_path)
        ask = model.classifier(LABELS[:2]).scores if name == "bert-encoder" else model.sentiment  # type: ignore[attr-defined]
        alone = [ask([text]) for text in texts]
        together = ask(["what a match", *texts, "x"])
        for place, answer in enumerate(alone):
            assert np.array_equal(answer[0], together[place + 1], equal_nan=True)


_MADE: dict[str, Onnx] = {}


def _int8(name: str, tmp_path: Path) -> Onnx:
    if name not in _MADE:
        _MADE[name] = made(name, tmp_path, precision="int8")
    return _MADE[name]


def test_threads_change_no_answer(tmp_path: Path):
    texts = expected("roberta-sentiment")["texts"] * 3
    one, four = (made("roberta-sentiment", tmp_path, threads=threads).sentiment(texts) for threads in (1, 4))  # type: ignore[attr-defined]
    assert np.array_equal(one, four)


@pytest.mark.parametrize("text", ["", "   ", "https://a.example/x @you", "\u200b"])
def test_a_text_without_words_has_no_answer(tmp_path: Path, text: str):
    assert np.isnan(made("bert-encoder", tmp_path).classifier(LABELS).scores([text])).all()  # type: ignore[attr-defined]
    assert np.isnan(made("roberta-sentiment", tmp_path, clean="words").sentiment([text])).all()  # type: ignore[attr-defined]
    assert made("distilbert-entities", tmp_path).entities(["", " "]) == [[], []]  # type: ignore[attr-defined]


def test_ten_megabytes_are_read_as_far_as_a_post_goes(tmp_path: Path):
    text = "what a goal " * 900_000
    assert np.isfinite(made("roberta-sentiment", tmp_path).sentiment([text])).all()  # type: ignore[attr-defined]
    (spans,) = made("distilbert-entities", tmp_path).entities([text])  # type: ignore[attr-defined]
    assert isinstance(spans, list)


def test_five_hundred_categories(tmp_path: Path):
    labels = [Label(f"category {number}", "what people say of " + "abcdefghij"[number % 10]) for number in range(500)]
    found = made("bert-encoder", tmp_path).classifier(labels).scores(["what a goal"])  # type: ignore[attr-defined]
    assert found.shape == (1, 500)
    assert np.isfinite(found).all()


def test_no_more_is_read_than_the_model_was_made_for(tmp_path: Path):
    runtime = made("roberta-sentiment", tmp_path, max_tokens=8192).sentiment.__self__._runtime  # type: ignore[attr-defined]
    assert runtime.max_tokens == 64
    assert runtime.tokens("the " * 500) == 64
    assert made("bert-encoder", tmp_path).classifier.__self__._runtime.max_tokens == 48  # type: ignore[attr-defined]


@pytest.mark.parametrize(("name", "task"), [("bert-encoder", "scores"), ("roberta-sentiment", "sentiment")])
def test_a_model_that_answers_nan_has_no_answer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, task: str):
    model = made(name, tmp_path)
    ask = model.classifier(LABELS).scores if task == "scores" else model.sentiment  # type: ignore[attr-defined]
    runtime = (model.classifier if task == "scores" else model.sentiment).__self__._runtime  # type: ignore[attr-defined]
    run = runtime.run
    for bad in (np.nan, np.inf):
        monkeypatch.setattr(runtime, "run", lambda given, bad=bad: (run(given)[0] * bad, run(given)[1]))
        assert np.isnan(ask(["what a goal"])).all()


def test_entities_of_a_model_that_answers_nan_are_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    model = made("distilbert-entities", tmp_path)
    runtime = model.entities.__self__._runtime  # type: ignore[attr-defined]
    run = runtime.run
    monkeypatch.setattr(runtime, "run", lambda given: (run(given)[0] * np.nan, run(given)[1]))
    assert model.entities(["Sam", ""]) == [None, []]  # type: ignore[attr-defined]


def test_a_failing_session_is_permanent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    model = made("roberta-sentiment", tmp_path)

    class Broken:
        def run(self, *_: Any) -> Any:
            raise RuntimeError("no memory\nleft")

    monkeypatch.setattr(model.sentiment.__self__._runtime, "_session", Broken())  # type: ignore[attr-defined]
    with pytest.raises(Permanent, match=r"hf:\./roberta-sentiment failed on 7 tokens: no memory left"):
        model.sentiment(["I love this"])  # type: ignore[attr-defined]


def test_a_category_needs_a_name_and_a_topic_must_be_known(tmp_path: Path):
    for name in ("bert-encoder", "deberta-v3-nli", "deberta-v2-topics"):
        with pytest.raises(ConfigError, match="a category has no name"):
            made(name, tmp_path).classifier([Label(" ")])  # type: ignore[attr-defined]
    with pytest.raises(ConfigError, match=r"does not know the category 'outage' \(it knows sport, tech, money"):
        made("deberta-v2-topics", tmp_path).classifier([Label("outage")])  # type: ignore[attr-defined]
    with pytest.raises(ConfigError, match="over half of max_tokens"):
        made("deberta-v3-nli", tmp_path, max_tokens=16).classifier([Label("a very long name " * 9)])  # type: ignore[attr-defined]


def test_labels_of_one_meaning_are_added_up(tmp_path: Path):
    plain = made("deberta-v2-topics", tmp_path).classifier(LABELS).scores(["what a goal"])  # type: ignore[attr-defined]
    joined = made("deberta-v2-topics", tmp_path, labels={"tech": "Sport"}).classifier([LABELS[0]])  # type: ignore[attr-defined]
    assert joined.scores(["what a goal"])[0, 0] == pytest.approx(plain[0, 0] + plain[0, 1])
    feelings = {"sport": "positive", "tech": "very negative", "money": "1 star"}
    found = made("deberta-v2-topics", tmp_path, labels=feelings).sentiment(["what a goal"])  # type: ignore[attr-defined]
    assert found[0] == pytest.approx([plain[0, 1] + plain[0, 2], 0, plain[0, 0]])


def test_texts_are_cleaned_for_their_readers():
    text = "@sam_j: the app is down 😡 &amp; #NoRefund www.a.example!"
    assert words(text, lambda tag: [tag]) == ": the app is down pouting & No Refund"
    assert marks(text) == "@user: the app is down 😡 & #NoRefund http"
    assert marks("mail me@a.example") == "mail me@a.example"
