"""Amazon Comprehend: sentiment and entities in twelve languages, and categories by a classifier of your own.

`model: "comprehend:"`, or `"comprehend:REGION"`. Sentiment and entities go in batches of one language each. Comprehend
knows no categories in words: `classifier` names the endpoint of a custom classifier whose classes are called like the
categories. https://docs.aws.amazon.com/comprehend/latest/APIReference/API_BatchDetectSentiment.html and its
neighbours; limits: https://docs.aws.amazon.com/comprehend/latest/dg/guidelines-and-limits.html
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from functools import partial
from typing import Annotated, Any, Literal, TypeVar

import msgspec
import numpy as np
from pydantic import Field

from tocsin.component import Context, Floats, Label, Span
from tocsin.costs import Bill, Usage
from tocsin.errors import ConfigError
from tocsin.models._aws import AwsOptions, Service
from tocsin.models._languages import detector
from tocsin.models._remote import Ask, Remote, Reply, Unfit, grouped, rows, sendable
from tocsin.models._spans import in_order, span_type

DOCUMENTS = 25
"""In one request."""
MAX_BYTES = 5_000
"""Of one document; the rest of a text is not sent."""
UNIT, LEAST_UNITS = 100, 3
"""Characters of a unit, and the units that any document costs at least."""
LANGUAGES = frozenset({"ar", "de", "en", "es", "fr", "hi", "it", "ja", "ko", "pt", "zh"})
SURE = 0.3
"""Score from which on a detected language is believed."""

Score = Annotated[float, msgspec.Meta(ge=0, le=1.001)]
T = TypeVar("T")


class Config(AwsOptions):
    """Options of Amazon Comprehend."""

    language: Literal["ar", "de", "en", "es", "fr", "hi", "it", "ja", "ko", "pt", "zh", "zh-TW"] | None = None
    """The language of all posts. Default: detected for each; a post whose language cannot be told has no answer."""
    classifier: str | None = None
    """The ARN of a custom classifier's endpoint, for categories."""
    threshold: Annotated[float, Field(ge=0, le=1)] = 0.5
    """The score from which on a post belongs to a category that has no threshold of its own."""
    min_score: Annotated[float, Field(ge=0, le=1)] = 0.5
    """The score from which on an entity is believed."""
    price_per_unit: Annotated[float, Field(ge=0)] = 0.0001
    """US dollars for 100 characters, of which a post has three hundred at least: November 2026, the first ten million
    of a month. A custom classifier's endpoint costs by the time that it stands, which is not counted."""


class Sentiments(msgspec.Struct, rename="pascal"):
    """How a document feels; the four add up to 1."""

    positive: Score
    negative: Score
    neutral: Score
    mixed: Score


class Sentiment(msgspec.Struct, rename="pascal"):
    index: int
    sentiment_score: Sentiments

    def read(self, text: str, min_score: float) -> list[float]:
        """Negative, neutral, positive. What is mixed is half the one and half the other, so both are high."""
        scores = self.sentiment_score
        row = [scores.negative + scores.mixed / 2, scores.neutral, scores.positive + scores.mixed / 2]
        total = sum(row)
        if not 0.5 < total < 2:
            raise Unfit("comprehend gave scores that do not add up to 1")
        return [value / total for value in row]


class SentimentResults(msgspec.Struct, rename="pascal"):
    """Documents with an error are missing here, and are asked about again by themselves."""

    result_list: list[Sentiment]


class Entity(msgspec.Struct, rename="pascal"):
    """`begin_offset` and `end_offset` count code points, the end exclusive."""

    type: str
    score: Score
    begin_offset: int
    end_offset: int


class Entities(msgspec.Struct, rename="pascal"):
    index: int
    entities: list[Entity] = []

    def read(self, text: str, min_score: float) -> list[Span]:
        if any(not 0 <= entity.begin_offset < entity.end_offset <= len(text) for entity in self.entities):
            raise Unfit("comprehend's answer points outside the text")
        believed = [entity for entity in self.entities if entity.score >= min_score]
        typed = [(span_type(entity.type), entity) for entity in believed]
        return in_order(Span(kind, entity.begin_offset, entity.end_offset) for kind, entity in typed if kind)


class EntityResults(msgspec.Struct, rename="pascal"):
    result_list: list[Entities]


class Class(msgspec.Struct, rename="pascal"):
    name: str
    score: Score


class Classes(msgspec.Struct, rename="pascal"):
    """Classes where one fits, labels where several may."""

    classes: list[Class] = []
    labels: list[Class] = []


class Comprehend:
    """Asks Comprehend. Raises ConfigError without a region."""

    languages: frozenset[str] | None = LANGUAGES

    def __init__(self, target: str, config: Config, context: Context) -> None:
        self._config = config
        self._service = Service("comprehend", target or None, config, context.clock)
        self.id = f"comprehend:{self._service.region}"
        self.patience = config.patience
        self._remote = Remote(self.id, config, context)
        self._sentiment = _Batches("sentiment", "batch_detect_sentiment", SentimentResults, config, self._service)
        self._entities = _Batches("entities", "batch_detect_entities", EntityResults, config, self._service)

    def usage(self) -> Usage:
        """Units are hundreds of characters."""
        return self._remote.usage()

    def classifier(self, labels: Sequence[Label]) -> ComprehendClassifier:
        """Raises ConfigError without the endpoint of a custom classifier."""
        if self._config.classifier is None:
            raise ConfigError(
                "Comprehend knows no categories in words", hint="name the endpoint of a custom classifier: `classifier`"
            )
        question = _Classes([label.name for label in labels], self._config.classifier, self._service)
        return ComprehendClassifier(question, self._remote, self._config.threshold)

    def sentiment(self, texts: Sequence[str]) -> Floats:
        return rows(self._remote.answers(self._sentiment, texts), 3)

    def entities(self, texts: Sequence[str]) -> list[list[Span] | None]:
        return self._remote.answers(self._entities, texts)


class ComprehendClassifier:
    """A custom classifier; a category is the class of the same name."""

    def __init__(self, question: _Classes, remote: Remote, threshold: float) -> None:
        self._question, self._remote = question, remote
        self.thresholds: Floats = np.full(len(question.names), threshold, np.float32)

    def scores(self, texts: Sequence[str]) -> Floats:
        answers = self._remote.answers(self._question, texts)
        return rows(answers, len(self._question.names))


class _Batches:
    """Sentiment or entities as a Task: up to 25 documents of one language in a request."""

    def __init__(self, name: str, operation: str, results: Any, config: Config, service: Service) -> None:
        self.name = name
        self._operation, self._results, self._config, self._service = operation, results, config, service

    def groups(self, texts: Sequence[str]) -> list[Sequence[str]]:
        of_language: dict[str, list[str]] = defaultdict(list)
        for text, language in zip(texts, self._languages(texts), strict=True):
            if language is not None:
                of_language[language].append(text)
        return [group for same in of_language.values() for group in grouped(same, DOCUMENTS)]

    def at_most(self, texts: Sequence[str]) -> Bill:
        return self._bill(texts)

    @asynccontextmanager
    async def session(self) -> AsyncIterator[Ask[Any]]:
        yield self._ask

    async def _ask(self, texts: Sequence[str]) -> Reply[Any]:
        request = {"TextList": [document(text) for text in texts], "LanguageCode": self._languages(texts[:1])[0]}
        answer = await self._service.call(partial(_call, self._operation, request))
        try:
            results = _converted(answer, self._results).result_list
            answers = self._read(results, texts)
        except Unfit as error:
            raise Unfit(str(error), self._bill(texts)) from None
        return Reply(answers, self._bill([texts[result.index] for result in results]))

    def _read(self, results: Sequence[Any], texts: Sequence[str]) -> list[Any]:
        answers: list[Any] = [None] * len(texts)
        for result in results:
            if not 0 <= result.index < len(texts):
                raise Unfit("comprehend answered about a document that it was not given")
            answers[result.index] = result.read(texts[result.index], self._config.min_score)
        return answers

    def _languages(self, texts: Sequence[str]) -> list[str | None]:
        return languages_of(texts) if self._config.language is None else [self._config.language] * len(texts)

    def _bill(self, texts: Sequence[str]) -> Bill:
        units = sum(max(LEAST_UNITS, math.ceil(len(document(text)) / UNIT)) for text in texts)
        return Bill(units, units * self._config.price_per_unit)


class _Classes:
    """A custom classifier as a Task: one document in a request."""

    def __init__(self, names: Sequence[str], arn: str, service: Service) -> None:
        self.names = list(names)
        self.name = f"categories {arn} {self.names}"
        self._arn, self._service = arn, service

    def groups(self, texts: Sequence[str]) -> list[Sequence[str]]:
        return grouped(texts, 1) if self.names else []

    def at_most(self, texts: Sequence[str]) -> Bill:
        return Bill()

    @asynccontextmanager
    async def session(self) -> AsyncIterator[Ask[list[float]]]:
        yield self._ask

    async def _ask(self, texts: Sequence[str]) -> Reply[list[float]]:
        request = {"Text": document(texts[0]), "EndpointArn": self._arn}
        answer = _converted(await self._service.call(partial(_call, "classify_document", request)), Classes)
        scores = {found.name.casefold(): min(found.score, 1.0) for found in (*answer.classes, *answer.labels)}
        row = [scores.get(name.casefold()) for name in self.names]
        if not any(score is not None for score in row):
            raise Unfit("the classifier's classes are not called like the categories")
        return Reply([[score or 0.0 for score in row]], Bill())


def document(text: str) -> str:
    """What of a text is sent: 5,000 bytes of UTF-8 at most, cut between two characters.

    >>> len(document("é" * 5_000)), document("ok")
    (2500, 'ok')
    """
    return sendable(text).encode()[:MAX_BYTES].decode(errors="ignore")


def languages_of(texts: Sequence[str]) -> list[str | None]:
    """The language of each text, if Comprehend knows it and the text tells."""
    found = detector().detect(texts)
    return [one.code if one.score >= SURE and one.code in LANGUAGES else None for one in found]


def _call(operation: str, request: dict[str, Any], client: Any) -> dict[str, Any]:
    send: Callable[..., dict[str, Any]] = getattr(client, operation)
    return send(**request)


def _converted(answer: dict[str, Any], kind: type[T]) -> T:
    try:
        return msgspec.convert(answer, kind)
    except msgspec.ValidationError as error:
        raise Unfit(f"comprehend's answer has another shape than its API says: {error}") from None
