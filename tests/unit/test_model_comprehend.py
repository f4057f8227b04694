"""Amazon Comprehend over real HTTP: botocore as it is, pointed at a fake of the service."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.helpers.fake_comprehend import FakeComprehend, as_aws_json, fault
from tests.helpers.remote import Answer, RemoteService, fake_credentials, serving

from tocsin import load
from tocsin.clock import ManualClock
from tocsin.component import Context, Label, Span
from tocsin.errors import ConfigError, Permanent, TocsinError, Transient
from tocsin.models.comprehend import LANGUAGES, MAX_BYTES, Comprehend, Config, document, languages_of
from tocsin.options import ModelChoice

NOW = datetime(2026, 11, 25, 12, 0, tzinfo=UTC)
ARN = "arn:aws:comprehend:eu-west-1:123456789012:document-classifier-endpoint/posts"
LABELS = [Label("outage", "The service is down."), Label("Billing"), Label("praise")]
GERMAN = "Das Netz ist schon wieder ausgefallen, niemand geht ans Telefon."
FINNISH = "Verkko on taas alhaalla eikä kukaan vastaa puhelimeen."


@pytest.fixture(autouse=True)
def credentials() -> Iterator[pytest.MonkeyPatch]:
    with fake_credentials() as patch:
        yield patch


@pytest.fixture
def fake() -> FakeComprehend:
    return FakeComprehend()


@contextmanager
def comprehend(
    fake: Any, folder: Path, clock: ManualClock | None = None, **options: Any
) -> Iterator[tuple[RemoteService, Comprehend]]:
    with serving(fake) as service:
        config = Config(**{"endpoint_url": service.url, "tries": 1, "timeout": 5, "language": "en", **options})
        context = Context("sentiment", folder, clock=clock or ManualClock(NOW), random=random.Random(1))
        yield service, Comprehend("", config, context)


@pytest.mark.parametrize(("spec", "named"), [("comprehend:", "eu-west-1"), ("comprehend:us-east-2", "us-east-2")])
def test_a_config_names_it_in_one_line(tmp_path: Path, spec: str, named: str) -> None:
    made = load.build_model(ModelChoice(spec=spec, options=Config()), Context("sentiment", tmp_path))
    assert (type(made), made.id, made.languages) == (Comprehend, f"comprehend:{named}", LANGUAGES)


def test_sentiment_in_three_classes_where_mixed_is_both(fake: FakeComprehend, tmp_path: Path) -> None:
    with comprehend(fake, tmp_path) as (_, model):
        found = model.sentiment(["I hate it", "rain", "I love it", "love and hate", " "])
    assert found.dtype == np.float32
    expected = np.array([[0.9, 0.04, 0.06], [0.06, 0.88, 0.06], [0.06, 0.04, 0.9], [0.48, 0.04, 0.48]])
    assert found[:4] == pytest.approx(expected, abs=1e-6)
    assert np.isnan(found[4]).all()


def test_entities_by_code_points_and_in_our_types(fake: FakeComprehend, tmp_path: Path) -> None:
    with comprehend(fake, tmp_path) as (_, model):
        found = model.entities(["👍🏽 Ada of Acme in Paris, Tuesday, with a Widget", "rain"])
    assert found == [[Span("PER", 3, 6), Span("ORG", 10, 14), Span("LOC", 18, 23), Span("PRODUCT", 41, 47)], []]


def test_only_25_documents_of_5000_bytes_go_in_a_request(fake: FakeComprehend, tmp_path: Path) -> None:
    texts = [f"{number} {'é' * 4000}" for number in range(60)]
    with comprehend(fake, tmp_path) as (_, model):
        assert not np.isnan(model.sentiment(texts)).any()
    assert sorted(len(body["TextList"]) for _, body in fake.calls) == [10, 25, 25]


@settings(max_examples=40, deadline=None)
@given(st.text(max_size=6000) | st.text("aé東👍", min_size=2000, max_size=6000))
def test_a_document_is_the_beginning_of_its_text(text: str) -> None:
    sent = document(text)
    assert text.startswith(sent)
    assert len(sent.encode()) <= MAX_BYTES
    assert sent == text or len(text[: len(sent) + 1].encode()) > MAX_BYTES


def test_posts_go_by_their_language(fake: FakeComprehend, tmp_path: Path) -> None:
    english = "The network has been down all morning and I hate it."
    texts = [GERMAN, english, FINNISH, "👍", "今日も電車が止まっています。", f"{english} Really."]
    with comprehend(fake, tmp_path, language=None) as (_, model):
        found = model.sentiment(texts)
    assert np.isnan(found).any(axis=1).tolist() == [False, False, True, True, False, False]
    sent = {body["LanguageCode"]: body["TextList"] for _, body in fake.calls}
    assert sent == {"de": [GERMAN], "en": [english, texts[5]], "ja": [texts[4]]}


def test_the_language_of_a_text() -> None:
    texts = [f"@acme https://acme.example/the/network/is/down {GERMAN}", FINNISH, "https://acme.example/the/network"]
    assert languages_of(texts) == ["de", None, None]


def test_a_document_with_an_error_is_asked_about_alone_and_then_has_no_answer(
    fake: FakeComprehend, tmp_path: Path
) -> None:
    fake.bad = {"bad love"}
    with comprehend(fake, tmp_path) as (_, model):
        found = model.sentiment(["love", "bad love", "hate"])
        usage = model.usage()
    assert np.isnan(found).any(axis=1).tolist() == [False, True, False]
    assert [len(body["TextList"]) for _, body in fake.calls] == [3, 1]
    assert (usage.requests, usage.units) == (2, 6)


def test_a_classifier_of_ones_own(fake: FakeComprehend, tmp_path: Path) -> None:
    with comprehend(fake, tmp_path, classifier=ARN, threshold=0.6) as (_, model):
        classifier = model.classifier(LABELS)
        assert classifier.scores(["it is down", "an invoice"]) == pytest.approx(
            np.array([[0.9, 0.1, 0], [0.1, 0.9, 0]])
        )
        assert classifier.thresholds == pytest.approx([0.6] * 3)
        assert np.isnan(model.classifier([Label("other name")]).scores(["it is down"])).all()
        assert model.usage().cost == 0
        before = len(fake.calls)
        assert model.classifier([]).scores(["it is down", "an invoice"]).shape == (2, 0)
        assert len(fake.calls) == before


def test_without_one_there_are_no_categories(fake: FakeComprehend, tmp_path: Path) -> None:
    with comprehend(fake, tmp_path) as (_, model), pytest.raises(ConfigError, match="knows no categories in words"):
        model.classifier(LABELS)


@pytest.mark.parametrize(
    "answer",
    [
        {},
        {"ResultList": None, "ErrorList": []},
        {
            "ResultList": [
                {"Index": 7, "SentimentScore": dict.fromkeys(("Positive", "Negative", "Neutral", "Mixed"), 0.25)}
            ]
        },
        {
            "ResultList": [
                {"Index": -1, "SentimentScore": dict.fromkeys(("Positive", "Negative", "Neutral", "Mixed"), 0.25)}
            ]
        },
        {
            "ResultList": [
                {"Index": 0, "SentimentScore": dict.fromkeys(("Positive", "Negative", "Neutral", "Mixed"), 0)}
            ]
        },
        {"ResultList": [{"Index": 0, "SentimentScore": {"Positive": 2, "Negative": 0, "Neutral": 0, "Mixed": 0}}]},
        {"ResultList": [{"Index": 0}]},
    ],
)
def test_an_answer_of_another_shape_is_none(tmp_path: Path, answer: Any) -> None:
    with comprehend(lambda _: as_aws_json(answer), tmp_path) as (_, model):
        assert np.isnan(model.sentiment(["rain"])).all()


def test_entities_outside_the_text_are_none(tmp_path: Path) -> None:
    entity = {"Type": "PERSON", "Score": 0.9, "BeginOffset": 1, "EndOffset": 99, "Text": "x"}
    answer = as_aws_json({"ResultList": [{"Index": 0, "Entities": [entity]}], "ErrorList": []})
    with comprehend(lambda _: answer, tmp_path) as (_, model):
        assert model.entities(["rain"]) == [None]


@pytest.mark.parametrize("body", [b"", b"{", b"canary", b"[]", b"null", b"\xff", b"[" * 10_000])
def test_what_is_not_json_is_no_answer(tmp_path: Path, body: bytes) -> None:
    answer = Answer(200, body, {"Content-Type": "application/x-amz-json-1.1"}, cut=body == b"{")
    with comprehend(lambda _: answer, tmp_path) as (_, model):
        assert np.isnan(model.sentiment(["rain"])).all()


@pytest.mark.parametrize(
    ("answer", "kind", "words"),
    [
        (as_aws_json(fault("ThrottlingException"), 400), Transient, "400 ThrottlingException"),
        (as_aws_json(fault("InternalServerException"), 500), Transient, "500 InternalServer"),
        (as_aws_json(fault("ExpiredTokenException"), 400), Permanent, "renew"),
        (as_aws_json(fault("UnrecognizedClientException"), 400), Permanent, "access key"),
        (as_aws_json(fault("AccessDeniedException"), 400), Permanent, "right to call"),
        (as_aws_json(fault("InvalidSignatureException"), 400), Permanent, "clock"),
        (Answer(500, b"canary"), Transient, "500"),
        (Answer(reset=True), Transient, "broke off"),
    ],
)
def test_failures_are_told_apart_and_show_nothing(
    fake: FakeComprehend, tmp_path: Path, answer: Answer, kind: type[TocsinError], words: str
) -> None:
    with comprehend(fake, tmp_path) as (service, model):
        service.faults.append(answer)
        with pytest.raises(kind, match=words) as caught:
            model.sentiment(["love, says canary"])
        assert "canary" not in str(caught.value)
        assert not np.isnan(model.sentiment(["love"])).any()


def test_a_batch_that_is_refused_for_what_is_in_it_is_sent_in_parts(fake: FakeComprehend, tmp_path: Path) -> None:
    with comprehend(fake, tmp_path) as (service, model):
        service.faults.append(as_aws_json(fault("InvalidRequestException"), 400))
        assert not np.isnan(model.sentiment(["love", "hate"])).any()
        assert len(service.requests) == 3


def test_units_are_counted_as_they_are_billed(fake: FakeComprehend, tmp_path: Path) -> None:
    with comprehend(fake, tmp_path) as (_, model):
        model.sentiment(["rain", "x" * 300, "y" * 301, "東" * 4000])
        usage = model.usage()
    assert (usage.requests, usage.texts, usage.units) == (1, 4, 3 + 3 + 4 + 17)
    assert usage.cost == pytest.approx(27 * 0.0001)


def test_at_the_cap_the_rest_of_a_batch_has_no_answer_also_after_a_restart(
    fake: FakeComprehend, tmp_path: Path
) -> None:
    texts = [f"love {number}" for number in range(60)]
    for _ in range(2):
        with comprehend(fake, tmp_path, max_cost_per_day=0.016, concurrency=1) as (_, model):
            assert np.isnan(model.sentiment(texts)).any(axis=1).sum() >= 10
    assert sum(len(body["TextList"]) for _, body in fake.calls) <= 53


def test_the_answer_is_the_same_however_the_texts_are_cut(fake: FakeComprehend, tmp_path: Path) -> None:
    texts = [f"{word} {number}" for number in range(20) for word in ("love", "hate", "rain", "")]
    with comprehend(fake, tmp_path) as (_, model):
        whole = model.sentiment(texts)
    with comprehend(fake, tmp_path) as (_, model):
        parts = np.concatenate([model.sentiment([text]) for text in texts])
    np.testing.assert_array_equal(whole, parts)
