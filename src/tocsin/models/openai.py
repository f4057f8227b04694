"""Any server that speaks OpenAI's chat completions: their own, another company's, or one on your machine.

`model: "openai:MODEL"`. https://platform.openai.com/docs/api-reference/chat/create and, for structured output,
https://platform.openai.com/docs/guides/structured-outputs. Servers that do not know JSON schemas are asked for JSON
without one; answers are checked in any case.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from typing import Annotated, Any

import aiohttp
import msgspec
import numpy as np
from pydantic import Field, SecretStr
from yarl import URL

from tocsin.component import Context, Floats, Label, Span
from tocsin.costs import Bill, Usage
from tocsin.errors import ConfigError, Permanent, TocsinError, Transient
from tocsin.models._chat import CategoryQuestion, EntitiesQuestion, Question, SentimentQuestion, messages, read, schema
from tocsin.models._remote import Ask, Forms, Lost, NotUnderstood, Remote, RemoteOptions, Reply, Unfit, grouped, rows
from tocsin.net import AnyStatus, Client, Timeouts, host_and_port, pieces, retry_after
from tocsin.text import safe_url

MAX_ANSWER = 2 * 2**20
ENVELOPE_TOKENS = 100
"""What a chat template may add to the messages."""
FITS = 0.5
"""The score from which on a category fits: "certain" and "likely", but not "possible"."""
_CODE = re.compile(r"[A-Za-z0-9_.-]{1,60}")
_VISIBLE = re.compile(r"[\x21-\x7e]+")
_AGAIN = (408, 409, 425, 429)
_NOT_UNDERSTOOD = (400, 413, 422)


class Config(RemoteOptions):
    """Options of a chat model."""

    url: str = "https://api.openai.com/v1"
    """Where the server is: what stands before `/chat/completions`. It may be on this machine or in your network."""
    key: SecretStr | None = None
    """The key of the server, if it wants one."""
    posts_per_request: Annotated[int, Field(ge=1, le=50)] = 1
    """More is cheaper, but then a post may change what is said of those beside it."""
    max_tokens: Annotated[int, Field(ge=16)] = 2_000
    """The most that one answer may be long, thinking included."""
    input_price: Annotated[float, Field(ge=0)] = 2.5
    """US dollars for a million tokens sent: rather high for November 2026, so that the cap holds. Local servers: 0."""
    output_price: Annotated[float, Field(ge=0)] = 10.0
    """US dollars for a million tokens of answers."""


@dataclass(frozen=True)
class Form:
    """A way to put a request: servers and models differ in what they take."""

    response_format: str | None
    limit: str = "max_completion_tokens"
    temperature: bool = True


FORMS = (
    Form(response_format="json_schema"),
    Form(response_format="json_schema", temperature=False),
    Form(response_format="json_schema", limit="max_tokens"),
    Form(response_format="json_object", limit="max_tokens"),
    Form(response_format=None, limit="max_tokens"),
)


class Message(msgspec.Struct):
    content: str | None = None
    refusal: str | None = None


class Choice(msgspec.Struct):
    message: Message
    finish_reason: str | None = None


class Tokens(msgspec.Struct):
    prompt_tokens: Annotated[int, msgspec.Meta(ge=0)] = 0
    completion_tokens: Annotated[int, msgspec.Meta(ge=0)] = 0


class Completion(msgspec.Struct):
    choices: list[Choice]
    usage: Tokens | None = None


class Fault(msgspec.Struct):
    """What a refusal says of itself; its message is not read, since it may hold posts or the key."""

    code: str | int | None = None
    type: str | None = None


class Refusal(msgspec.Struct):
    error: Fault


class Openai:
    """Asks a chat model. Raises ConfigError for a URL or a key that cannot be used."""

    languages: frozenset[str] | None = None

    def __init__(self, target: str, config: Config, context: Context) -> None:
        if not target:
            raise ConfigError("openai needs the name of a model", hint='write "openai:MODEL"')
        self.id = f"openai:{target}"
        self.patience = config.patience
        self._remote = Remote(self.id, config, context)
        self._server = _Server(target, config, context)
        self._sentiment = _Chat(SentimentQuestion(), self._server, self._remote)
        self._entities = _Chat(EntitiesQuestion(), self._server, self._remote)

    def usage(self) -> Usage:
        """Units are tokens, sent and received."""
        return self._remote.usage()

    def classifier(self, labels: Sequence[Label]) -> OpenaiClassifier:
        return OpenaiClassifier(labels, self._server, self._remote)

    def sentiment(self, texts: Sequence[str]) -> Floats:
        """A label a text, so each row is (1, 0, 0) or the like, and (.5, 0, .5) for what is mixed."""
        return rows(self._remote.answers(self._sentiment, texts), 3)

    def entities(self, texts: Sequence[str]) -> list[list[Span] | None]:
        return self._remote.answers(self._entities, texts)


class OpenaiClassifier:
    """Scores are 1.0 (certain), 0.8 (likely), 0.4 (possible) or 0."""

    def __init__(self, labels: Sequence[Label], server: _Server, remote: Remote) -> None:
        self._remote, self._width = remote, len(labels)
        self._chat = _Chat(CategoryQuestion(labels), server, remote)
        self.thresholds: Floats = np.full(len(labels), FITS, np.float32)

    def scores(self, texts: Sequence[str]) -> Floats:
        if not self._width:
            return np.zeros((len(texts), 0), np.float32)
        return rows(self._remote.answers(self._chat, texts), self._width)


class _Server:
    """Where requests go, and what they cost."""

    def __init__(self, model: str, config: Config, context: Context) -> None:
        if safe_url(config.url) is None or URL(config.url).query_string or URL(config.url).fragment:
            raise ConfigError(f"the url of {context.name}'s model is not one", hint="write it as https://host/v1")
        key = config.key.get_secret_value() if config.key else ""
        if key and not _VISIBLE.fullmatch(key):
            raise ConfigError(f"the key of {context.name}'s model has signs in it that no key has")
        self.config, self.model, self._clock = config, model, context.clock
        self.forms: Forms[Form] = Forms(FORMS)
        self._url = config.url.rstrip("/") + "/chat/completions"
        self._name = host_and_port(config.url)

    def client(self) -> Client:
        seconds = self.config.timeout
        timeouts = Timeouts(connect=min(10.0, seconds), read=seconds, total=seconds)
        return AnyStatus(self._clock, allow=frozenset({self._name}), timeouts=timeouts)

    def bill(self, sent: int, received: int) -> Bill:
        cost = sent * self.config.input_price + received * self.config.output_price
        return Bill(sent + received, cost / 1e6)

    async def post(self, client: Client, request: Mapping[str, Any]) -> bytes:
        """The body of a good answer. Raises Unfit, NotUnderstood, Lost, Transient or Permanent."""
        headers = {"Content-Type": "application/json", "Accept": "application/json"}
        if self.config.key is not None:
            headers["Authorization"] = f"Bearer {self.config.key.get_secret_value()}"
        try:
            async with client.stream("POST", self._url, body=msgspec.json.encode(request), headers=headers) as response:
                body = await self._body(response)
        except Transient as error:
            if isinstance(error.__context__, aiohttp.ClientConnectorError):
                raise
            raise Lost(str(error), error.retry_after) from None
        if response.status == 200:
            return body
        raise self._refusal(response.status, body, response.headers.get("Retry-After"))

    async def _body(self, response: aiohttp.ClientResponse) -> bytes:
        try:
            return b"".join([part async for part in pieces(response, MAX_ANSWER)])
        except Permanent as error:
            raise Unfit(f"{self._name}: {error}") from None

    def _refusal(self, status: int, body: bytes, wait: str | None) -> TocsinError:
        code = _code(body)
        line = f"{self._name} answered {status}{f' ({code})' if code else ''}"
        if status in _NOT_UNDERSTOOD:
            return NotUnderstood(line)
        if status >= 500 or status in _AGAIN:
            return Transient(line, retry_after(wait, self._clock.now()))
        hints = {401: "check the `key`", 403: "check the `key`", 404: "check the `url` and the model's name"}
        return Permanent(f"{line}: {hints[status]}" if status in hints else line)


class _Chat:
    """One question as a Task."""

    def __init__(self, question: Question, server: _Server, remote: Remote) -> None:
        self.name = question.name
        self._question, self._server, self._random = question, server, remote.random

    def groups(self, texts: Sequence[str]) -> list[Sequence[str]]:
        return grouped(texts, self._server.config.posts_per_request)

    def at_most(self, texts: Sequence[str]) -> Bill:
        """A token is a byte at least."""
        sent = sum(len(message["content"].encode()) for message in messages(self._question, texts, "0" * 16))
        return self._server.bill(sent + ENVELOPE_TOKENS, self._server.config.max_tokens)

    @asynccontextmanager
    async def session(self) -> AsyncIterator[Ask[Any]]:
        async with self._server.client() as client:
            yield partial(self._ask, client)

    async def _ask(self, client: Client, texts: Sequence[str]) -> Reply[Any]:
        return await self._server.forms.ask(partial(self._send, client, texts))

    async def _send(self, client: Client, texts: Sequence[str], form: Form) -> Reply[Any]:
        nonce = f"{self._random.getrandbits(64):016x}"
        bill = self.at_most(texts)
        try:
            completion = _completion(await self._server.post(client, self._request(texts, nonce, form)))
            if completion.usage is not None:
                bill = self._server.bill(completion.usage.prompt_tokens, completion.usage.completion_tokens)
            return Reply(read(self._question, _content(completion), texts, nonce), bill)
        except NotUnderstood:
            raise
        except Unfit as error:
            raise Unfit(str(error), bill) from None

    def _request(self, texts: Sequence[str], nonce: str, form: Form) -> dict[str, Any]:
        config = self._server.config
        request: dict[str, Any] = {"model": self._server.model, "messages": messages(self._question, texts, nonce)}
        request[form.limit] = config.max_tokens
        if form.temperature:
            request["temperature"] = 0
        if form.response_format == "json_schema":
            named = {"name": "answers", "strict": True, "schema": schema(self._question)}
            request["response_format"] = {"type": "json_schema", "json_schema": named}
        elif form.response_format:
            request["response_format"] = {"type": form.response_format}
        return request


def _completion(body: bytes) -> Completion:
    try:
        return msgspec.json.decode(body, type=Completion)
    except (msgspec.DecodeError, RecursionError):
        raise Unfit("the server's answer is not a chat completion") from None


def _content(completion: Completion) -> str:
    choice = completion.choices[0] if completion.choices else None
    if choice is None or choice.message.refusal or not choice.message.content:
        raise Unfit("the model gave no answer")
    if choice.finish_reason not in (None, "stop"):
        raise Unfit("the model's answer is cut off: raise `max_tokens`")
    return choice.message.content


def _code(body: bytes) -> str:
    """The code of a refusal, if it has one that may be shown."""
    try:
        fault = msgspec.json.decode(body, type=Refusal).error
    except (msgspec.DecodeError, RecursionError):
        return ""
    code = str(fault.code or fault.type or "")
    return code if _CODE.fullmatch(code) else ""
