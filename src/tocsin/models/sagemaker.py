"""A model behind a SageMaker endpoint that runs the Hugging Face inference container.

`model: "sagemaker:ENDPOINT"`. What the endpoint can do is what its model was made for: zero-shot classification for
categories, text classification for sentiment, token classification for entities.
https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_runtime_InvokeEndpoint.html
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, closing
from functools import partial
from typing import Annotated, Any

import msgspec
import numpy as np
from pydantic import Field

from tocsin.component import Context, Floats, Label, Span
from tocsin.costs import Bill, Usage
from tocsin.errors import ConfigError
from tocsin.models._aws import AwsOptions, Service
from tocsin.models._container import EntitiesPipeline, Feeling, Pipeline, SentimentPipeline, ZeroShotPipeline
from tocsin.models._remote import Ask, Forms, NotUnderstood, Remote, Reply, Unfit, grouped, rows, sendable

MAX_ANSWER = 8 * 2**20
LISTS_REFUSED = 3
"""After so many requests with several texts that failed, and none that did not, texts are sent one by one."""
_NAME = re.compile(r"[a-zA-Z0-9](-*[a-zA-Z0-9]){0,62}")


class Config(AwsOptions):
    """Options of a SageMaker endpoint."""

    region: str | None = None
    """The region of the endpoint. Default: that of the environment or the profile."""
    batch: Annotated[int, Field(ge=1, le=256)] = 16
    """Posts in one request, if the container takes several."""
    template: str = "This example is {}."
    """The sentence that the model is asked about, with a category's description in place of `{}`."""
    threshold: Annotated[float, Field(ge=0, le=1)] = 0.5
    """The score from which on a post belongs to a category that has no threshold of its own."""
    sentiments: Annotated[dict[str, Feeling], Field(default_factory=dict)]
    """What the classes of a sentiment model mean, like `{LABEL_0: negative, LABEL_1: positive}`."""
    min_score: Annotated[float, Field(ge=0, le=1)] = 0.5
    """The score from which on an entity is believed."""
    price_per_second: Annotated[float, Field(ge=0)] = 0.00012
    """US dollars for a second of a request: Serverless Inference with 6 GB, November 2026. An endpoint on instances
    of its own costs the same whether it is asked or not: write 0."""


class Sagemaker:
    """Asks an endpoint. Raises ConfigError for a name that is none, or without a region."""

    languages: frozenset[str] | None = None

    def __init__(self, target: str, config: Config, context: Context) -> None:
        if not _NAME.fullmatch(target):
            raise ConfigError(f"'{target}' is not the name of a SageMaker endpoint", hint='write "sagemaker:NAME"')
        if "{}" not in config.template:
            raise ConfigError("the `template` has no place for the category", hint="write {} where it should be")
        self.id = f"sagemaker:{target}"
        self.patience = config.patience
        self._config = config
        self._remote = Remote(self.id, config, context)
        self._endpoint = _Endpoint(target, config, context)
        self._sentiment = _Question("sentiment", SentimentPipeline(config.sentiments), self._endpoint)
        self._entities = _Question("entities", EntitiesPipeline(config.min_score), self._endpoint)

    def usage(self) -> Usage:
        """Units are seconds of requests."""
        return self._remote.usage()

    def classifier(self, labels: Sequence[Label]) -> SagemakerClassifier:
        return SagemakerClassifier(labels, self._config, self._remote, self._endpoint)

    def sentiment(self, texts: Sequence[str]) -> Floats:
        return rows(self._remote.answers(self._sentiment, texts), 3)

    def entities(self, texts: Sequence[str]) -> list[list[Span] | None]:
        return self._remote.answers(self._entities, texts)


class SagemakerClassifier:
    """Zero-shot classification, each category judged for itself."""

    def __init__(self, labels: Sequence[Label], config: Config, remote: Remote, endpoint: _Endpoint) -> None:
        self._remote, self._width = remote, len(labels)
        pipeline = ZeroShotPipeline(labels, config.template)
        self._question = _Question(f"categories {pipeline.parameters}", pipeline, endpoint)
        self.thresholds: Floats = np.full(len(labels), config.threshold, np.float32)

    def scores(self, texts: Sequence[str]) -> Floats:
        if not self._width:
            return np.zeros((len(texts), 0), np.float32)
        return rows(self._remote.answers(self._question, texts), self._width)


class _Endpoint:
    """Sends one request and measures it."""

    def __init__(self, name: str, config: Config, context: Context) -> None:
        self.config, self._name, self._clock = config, name, context.clock
        self._service = Service("sagemaker-runtime", config.region, config, context.clock)

    async def invoke(self, request: Mapping[str, Any]) -> bytes:
        return await self._service.call(partial(_invoke, self._name, msgspec.json.encode(request)))

    def bill(self, seconds: float) -> Bill:
        return Bill(seconds, seconds * self.config.price_per_second)

    def now(self) -> float:
        return self._clock.monotonic()


class _Question:
    """One pipeline of the container as a Task."""

    def __init__(self, name: str, pipeline: Pipeline, endpoint: _Endpoint) -> None:
        self.name = name
        self._pipeline, self._endpoint = pipeline, endpoint
        self._forms = Forms(pipeline.parameters)
        self._refused = 0
        self._takes_lists = False

    def groups(self, texts: Sequence[str]) -> list[Sequence[str]]:
        return grouped(texts, 1 if self._refused >= LISTS_REFUSED else self._endpoint.config.batch)

    def at_most(self, texts: Sequence[str]) -> Bill:
        return self._endpoint.bill(self._endpoint.config.timeout)

    @asynccontextmanager
    async def session(self) -> AsyncIterator[Ask[Any]]:
        yield self._ask

    async def _ask(self, texts: Sequence[str]) -> Reply[Any]:
        started = self._endpoint.now()
        try:
            answers = await self._forms.ask(partial(self._send, texts))
        except Unfit as error:
            if len(texts) > 1 and not self._takes_lists:
                self._refused += 1
            raise Unfit(str(error), self._endpoint.bill(self._endpoint.now() - started)) from None
        self._takes_lists = self._takes_lists or len(texts) > 1
        return Reply(answers, self._endpoint.bill(self._endpoint.now() - started))

    async def _send(self, texts: Sequence[str], parameters: Mapping[str, Any]) -> list[Any]:
        request: dict[str, Any] = {"inputs": sendable(texts[0]) if len(texts) == 1 else [*map(sendable, texts)]}
        try:
            body = await self._endpoint.invoke(request | ({"parameters": parameters} if parameters else {}))
            return self._pipeline.answers(body, texts)
        except Unfit as error:
            raise NotUnderstood(str(error)) from None


def _invoke(name: str, body: bytes, client: Any) -> bytes:
    answer = client.invoke_endpoint(
        EndpointName=name, ContentType="application/json", Accept="application/json", Body=body
    )
    with closing(answer["Body"]) as stream:
        content: bytes = stream.read(MAX_ANSWER)
        if not stream.read(1):  # which also notices that a body was cut off
            return content
    raise Unfit(f"the endpoint's answer is larger than {MAX_ANSWER:,} bytes")
