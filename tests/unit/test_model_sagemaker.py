"""A SageMaker endpoint over real HTTP: botocore as it is, pointed at a fake of the service."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from botocore import exceptions
from tests.helpers.fake_sagemaker import FakeSagemaker, model_error
from tests.helpers.remote import Answer, RemoteService, as_json, fake_credentials, serving

from tocsin import load
from tocsin.clock import ManualClock
from tocsin.component import Context, Label, Span
from tocsin.errors import ConfigError, Permanent, TocsinError, Transient
from tocsin.models._aws import as_ours
from tocsin.models._remote import Unfit
from tocsin.models.sagemaker import LISTS_REFUSED, Config, Sagemaker
from tocsin.options import ModelChoice

NOW = datetime(2026, 11, 25, 12, 0, tzinfo=UTC)
LABELS = [Label("outage", "The service is down."), Label("price"), Label("money", "price")]
MEANINGS: Any = {"LABEL_0": "negative", "LABEL_1": "neutral", "LABEL_2": "positive"}


@pytest.fixture(autouse=True)
def credentials() -> Iterator[pytest.MonkeyPatch]:
    with fake_credentials() as patch:
        yield patch


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path


@contextmanager
def endpoint(
    fake: Any, folder: Path, clock: ManualClock | None = None, **options: Any
) -> Iterator[tuple[RemoteService, Sagemaker]]:
    with serving(fake) as service:
        config = Config(**{"endpoint_url": service.url, "tries": 1, "timeout": 5, "sentiments": MEANINGS, **options})
        context = Context("category", folder, clock=clock or ManualClock(NOW), random=random.Random(1))
        yield service, Sagemaker("my-endpoint", config, context)


def test_a_config_names_it_in_one_line(folder: Path) -> None:
    made = load.build_model(ModelChoice(spec="sagemaker:my-endpoint", options=Config()), Context("category", folder))
    assert (type(made), made.id, made.languages) == (Sagemaker, "sagemaker:my-endpoint", None)


def test_categories(folder: Path) -> None:
    with endpoint(FakeSagemaker("categories"), folder) as (service, model):
        classifier = model.classifier(LABELS)
        found = classifier.scores(["it is down", "a price, offline", "rain", ""])
        body = json.loads(service.requests[0].body)
    assert found.dtype == np.float32
    assert found[:3] == pytest.approx(np.array([[0.95, 0.05, 0.05], [0.95, 0.95, 0.95], [0.05, 0.05, 0.05]]))
    assert np.isnan(found[3]).all()
    assert classifier.thresholds.tolist() == [0.5] * 3
    assert body["inputs"] == ["it is down", "a price, offline", "rain"]
    assert body["parameters"] == {
        "candidate_labels": ["The service is down", "price"],
        "multi_label": True,
        "hypothesis_template": "This example is {}.",
    }


def test_no_categories_are_no_question(folder: Path) -> None:
    with endpoint(FakeSagemaker("categories"), folder) as (service, model):
        assert model.classifier([]).scores(["a"]).shape == (1, 0)
        assert service.requests == []


@pytest.mark.parametrize("lists", [True, False])
@pytest.mark.parametrize("parameters", [None, ()])
def test_sentiment_of_containers_old_and_new(folder: Path, lists: bool, parameters: tuple[str, ...] | None) -> None:
    fake = FakeSagemaker("sentiment", lists=lists, parameters=parameters)
    with endpoint(fake, folder) as (_, model):
        found = model.sentiment(["I love it", "I hate it", "rain"])
    likeliest = [[0.05, 0.05, 0.9], [0.9, 0.05, 0.05], [0.1, 0.8, 0.1]]
    assert found == pytest.approx(np.array(likeliest), abs=1e-6)


@pytest.mark.parametrize("lists", [True, False])
@pytest.mark.parametrize("parameters", [None, ()])
def test_entities_of_containers_old_and_new(folder: Path, lists: bool, parameters: tuple[str, ...] | None) -> None:
    fake = FakeSagemaker("entities", lists=lists, parameters=parameters)
    with endpoint(fake, folder) as (_, model):
        assert model.entities(["Ada and Acme", "👍🏽 Paris Marathon", "rain"]) == [
            [Span("PER", 0, 3), Span("ORG", 8, 12)],
            [Span("LOC", 3, 8), Span("OTHER", 9, 17)],
            [],
        ]


def test_a_container_without_lists_is_found_out_and_then_asked_one_by_one(folder: Path) -> None:
    fake = FakeSagemaker("categories", lists=False)
    with endpoint(fake, folder, batch=2) as (_, model):
        classifier = model.classifier(LABELS)
        for number in range(LISTS_REFUSED):
            assert not np.isnan(classifier.scores([f"down {number}", f"rain {number}"])).any()
        fake.inputs.clear()
        classifier.scores(["down", "rain"])
    assert sorted(fake.inputs) == ["down", "rain"]


def test_a_bad_post_does_not_make_a_container_seem_to_take_no_lists(folder: Path) -> None:
    fake = FakeSagemaker("categories")
    fake.bad = {f"bad {number}" for number in range(9)}
    with endpoint(fake, folder, batch=2) as (_, model):
        classifier = model.classifier(LABELS)
        classifier.scores(["down", "rain"])
        for number in range(9):
            found = classifier.scores([f"bad {number}", f"rain {number}"])
            assert np.isnan(found[0]).all()
            assert not np.isnan(found[1]).any()
        fake.inputs.clear()
        classifier.scores(["snow", "hail"])
    assert fake.inputs == [["snow", "hail"]]


def test_classes_need_a_meaning(folder: Path) -> None:
    with (
        endpoint(FakeSagemaker("sentiment"), folder, sentiments={}) as (_, model),
        pytest.raises(Permanent, match=r"class 'LABEL_2' is not known: .*sentiments: \{LABEL_2: negative\}"),
    ):
        model.sentiment(["rain"])


def test_stars_add_up(folder: Path) -> None:
    stars = [{"label": f"{n} star{'s' * (n > 1)}", "score": s} for n, s in enumerate((0.1, 0.2, 0.3, 0.3, 0.1), 1)]
    with endpoint(lambda _: as_json([stars]), folder) as (_, model):
        assert model.sentiment(["rain"])[0] == pytest.approx([0.3, 0.3, 0.4])


@pytest.mark.parametrize(
    "answer",
    [
        [],
        {},
        "text",
        None,
        {"labels": ["The service is down"], "scores": [0.5]},
        {"labels": ["The service is down", "price", "hacked"], "scores": [0.5, 0.5, 0.5]},
        {"labels": ["The service is down", "price"], "scores": [0.5]},
        {"labels": ["The service is down", "price"], "scores": [0.5, 7]},
        {"labels": ["The service is down", "price"], "scores": [0.5, "0.5"]},
        [{"label": "x", "score": 0.5}],
        [{"labels": ["The service is down", "price"], "scores": [0.5, 0.5]}] * 2,
    ],
)
def test_an_answer_of_another_shape_is_none(folder: Path, answer: Any) -> None:
    with endpoint(lambda _: as_json(answer), folder) as (_, model):
        assert np.isnan(model.classifier(LABELS).scores(["it is down"])).all()


def test_probabilities_that_are_too_small_are_none(folder: Path) -> None:
    low = [{"label": "negative", "score": 0.1}, {"label": "positive", "score": 0.1}]
    with endpoint(lambda _: as_json(low), folder) as (_, model):
        assert np.isnan(model.sentiment(["rain"])).all()


def test_as_many_answers_as_posts(folder: Path) -> None:
    fake = FakeSagemaker("categories")

    def first_only(request: Any) -> Answer:
        made = fake(request)
        answers = json.loads(made.body)
        return as_json(answers[:1]) if isinstance(answers, list) else made

    with endpoint(first_only, folder) as (service, model):
        assert not np.isnan(model.classifier(LABELS).scores(["down", "rain"])).any()
        assert len(service.requests) == 3


@pytest.mark.parametrize("body", [b"", b"{", b"\xff\xfe", b"[" * 100_000])
def test_what_is_not_json_is_none(folder: Path, body: bytes) -> None:
    with endpoint(lambda _: Answer(200, body), folder) as (_, model):
        assert model.entities(["Ada"]) == [None]
        assert np.isnan(model.sentiment(["Ada", "Paris"])).all()


def test_an_answer_without_end_is_none(folder: Path) -> None:
    with endpoint(lambda _: Answer(200, b"[" + b" " * (9 * 2**20) + b"]"), folder) as (_, model):
        assert model.entities(["Ada"]) == [None]


@pytest.mark.parametrize(("start", "end"), [(-1, 2), (0, 99), (3, 1)])
def test_entities_outside_the_text_are_none(folder: Path, start: int, end: int) -> None:
    found = [{"entity_group": "PER", "score": 0.9, "start": start, "end": end}]
    with endpoint(lambda _: as_json(found), folder) as (_, model):
        assert model.entities(["Ada"]) == [None]


def test_entities_are_trimmed_and_do_not_overlap(folder: Path) -> None:
    found = [
        {"entity_group": "PER", "score": 0.9, "start": 3, "end": 7},
        {"entity_group": "ORG", "score": 0.9, "start": 5, "end": 12},
        {"entity_group": "LOC", "score": 0.1, "start": 8, "end": 12},
        {"entity_group": "DATE", "score": 0.9, "start": 0, "end": 3},
    ]
    with endpoint(lambda _: as_json(found), folder) as (_, model):
        assert model.entities(["the Ada Acme"]) == [[Span("PER", 4, 7)]]


@pytest.mark.parametrize(
    ("fault", "kind", "words"),
    [
        (model_error(500, "canary"), Transient, "container answered 500"),
        (as_json({"message": "canary"}, 400, x_amzn_ErrorType="ThrottlingException"), Transient, "Throttling"),
        (as_json({"message": "canary"}, 429, x_amzn_ErrorType="ModelNotReadyException"), Transient, "NotReady"),
        (as_json({"message": "canary"}, 503, x_amzn_ErrorType="ServiceUnavailable"), Transient, "503"),
        (as_json({"message": "canary"}, 530, x_amzn_ErrorType="InternalDependencyException"), Transient, "530"),
        (as_json({"message": "canary"}, 400, x_amzn_ErrorType="ValidationError"), Permanent, "endpoint's name"),
        (as_json({"message": "canary"}, 403, x_amzn_ErrorType="ExpiredTokenException"), Permanent, "renew"),
        (as_json({"message": "canary"}, 403, x_amzn_ErrorType="AccessDeniedException"), Permanent, "right to call"),
        (Answer(502, b"<html>canary"), Transient, "502"),
        (Answer(403, b"canary"), Permanent, "403"),
        (Answer(reset=True), Transient, "broke off"),
        (Answer(200, b"{}", cut=True), Transient, "broke off"),
    ],
)
def test_failures_are_told_apart_and_show_nothing(
    folder: Path, fault: Answer, kind: type[TocsinError], words: str
) -> None:
    with endpoint(FakeSagemaker("categories"), folder) as (service, model):
        service.faults.append(fault)
        with pytest.raises(kind, match=words) as caught:
            model.classifier(LABELS).scores(["it is down, says canary"])
        assert "canary" not in str(caught.value)
        assert len(service.requests) == 1
        assert model.classifier(LABELS).scores(["it is down"])[0, 0] == pytest.approx(0.95)


@pytest.mark.parametrize("slow", [Answer(wait=2), Answer(200, b"{" + b" " * 20, trickle=0.1)])
def test_a_slow_answer_is_not_waited_for(folder: Path, slow: Answer) -> None:
    with endpoint(FakeSagemaker("categories"), folder, timeout=0.3) as (service, model):
        service.faults.append(slow)
        with pytest.raises(Transient, match=r"did not answer|broke off"):
            model.classifier(LABELS).scores(["it is down"])
        assert model.usage().cost > 0


def test_throttling_is_waited_out_by_our_own_clock(folder: Path) -> None:
    clock = ManualClock(NOW)
    with endpoint(FakeSagemaker("categories"), folder, clock, tries=4) as (service, model):
        throttled = as_json({"message": ""}, 400, x_amzn_ErrorType="ThrottlingException", Retry_After="9")
        service.faults.extend([throttled, throttled])
        assert model.classifier(LABELS).scores(["it is down"])[0, 0] == pytest.approx(0.95)
        assert len(service.requests) == 3
    assert 18 <= clock.monotonic() < 30


def test_without_credentials(folder: Path, credentials: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"):
        credentials.delenv(name)
    with (
        endpoint(FakeSagemaker("categories"), folder) as (service, model),
        pytest.raises(Permanent, match="no credentials of AWS"),
    ):
        model.sentiment(["rain"])
    assert service.requests == []


def test_an_endpoint_that_cannot_be_reached(folder: Path) -> None:
    with endpoint(FakeSagemaker("categories"), folder, endpoint_url="http://127.0.0.1:1") as (_, model):
        with pytest.raises(Transient, match="cannot be reached"):
            model.sentiment(["rain"])
        assert model.usage().cost == 0


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (exceptions.ParamValidationError(report="canary"), Unfit),
        (exceptions.EventStreamError({}, "x"), Permanent),
        (exceptions.UnauthorizedSSOTokenError(), Permanent),
        (exceptions.ProxyConnectionError(proxy_url="http://canary@host"), Transient),
    ],
)
def test_other_errors_of_the_library(error: Exception, kind: type[TocsinError]) -> None:
    ours = as_ours(error, "comprehend", NOW)
    assert type(ours) is kind
    assert "canary" not in str(ours)


def test_seconds_are_counted_and_priced(folder: Path) -> None:
    clock = ManualClock(NOW)
    fake = FakeSagemaker("categories")

    def slowly(request: Any) -> Answer:
        clock.advance(2.5)
        return fake(request)

    with endpoint(slowly, folder, clock, price_per_second=0.01) as (_, model):
        model.classifier(LABELS).scores(["it is down"])
        usage = model.usage()
    assert (usage.requests, usage.texts, usage.units) == (1, 1, 2.5)
    assert usage.cost == pytest.approx(0.025)


@pytest.mark.parametrize("target", ["", "a b", "a/b", "../x", "x" * 64, "-x"])
def test_a_name_that_is_none(folder: Path, target: str) -> None:
    with pytest.raises(ConfigError, match="name of a SageMaker endpoint"):
        Sagemaker(target, Config(), Context("category", folder))


def test_options_that_cannot_be_used(folder: Path, credentials: pytest.MonkeyPatch) -> None:
    context = Context("category", folder)
    with pytest.raises(ConfigError, match="no place for the category"):
        Sagemaker("x", Config(template="This example."), context)
    with pytest.raises(ConfigError, match="profile"):
        Sagemaker("x", Config(profile="not-there"), context)
    with pytest.raises(ConfigError, match="sagemaker-runtime cannot be used"):
        Sagemaker("x", Config(region="not a region"), context)
    credentials.delenv("AWS_REGION")
    credentials.delenv("AWS_DEFAULT_REGION")
    with pytest.raises(ConfigError, match="no region"):
        Sagemaker("x", Config(), context)
