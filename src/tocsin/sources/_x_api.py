"""X's API v2: asking it, and how long to wait when it refuses, by X's own rules.

https://docs.x.com/x-api/posts/filtered-stream/integrate/handling-disconnections.
"""

from __future__ import annotations

import random
from collections import deque
from collections.abc import AsyncGenerator, Mapping
from datetime import datetime, timedelta
from typing import Any

import msgspec
from yarl import URL

from tocsin.clock import Clock
from tocsin.errors import Transient
from tocsin.net import AnyStatus, pieces
from tocsin.text import one_line

BLOCKED = 900.0
"""Seconds to wait where only a person can help: no credit, a token that is refused."""
NETWORK_STEP, NETWORK_CAP = 0.25, 16.0
SERVER_BASE, SERVER_CAP = 5.0, 320.0
LIMITED_BASE = 60.0
CROWDED = 30.0
CONNECTS, WINDOW = 45, 900.0
"""So many connections in so many seconds, a little less than X allows."""
MAX_LINE = 4 * 2**20
STREAM = "/2/tweets/search/stream"
_ADVICE = {
    400: "X does not understand the request",
    401: "the token is refused: is it the app's bearer token?",
    402: "the account has no credits left: add some in X's developer console",
    403: "this app may not use the endpoint: look at its access in X's developer console",
    409: "X knows no rules of this app yet",
}


class Refusal(Exception):
    """An answer that is no success. `kind` is the last part of the problem's type, or its connection issue."""

    def __init__(self, status: int, body: bytes, headers: Mapping[str, str]) -> None:
        self.status, self.headers = status, headers
        self.problem = _object(body)
        errors = self.problem.get("errors")
        first = errors[0] if isinstance(errors, list) and errors and isinstance(errors[0], dict) else {}
        found = {**first, **self.problem}
        self.kind = str(found.get("connection_issue") or str(found.get("type") or "").rpartition("/")[2])
        said = found.get("detail") or found.get("message") or found.get("title") or self.kind
        advice = _ADVICE.get(status, "")
        super().__init__(": ".join(part for part in (f"X answered {status}", advice, one_line(str(said), 200)) if part))

    @property
    def crowded(self) -> bool:
        """Not a rate limit: there is a connection already."""
        return self.kind == "TooManyConnections"


def _object(body: bytes) -> dict[str, Any]:
    try:
        found = msgspec.json.decode(body)
    except msgspec.MsgspecError:
        return {}
    return found if isinstance(found, dict) else {}


class Api:
    """One app's view of X. `ask` raises Refusal, and Transient where nothing answers."""

    def __init__(self, client: AnyStatus, base: str, token: str, timeout: float) -> None:
        self._client, self._base, self._timeout = client, URL(base), timeout
        self._headers = {"Authorization": f"Bearer {token}"}

    def url(self, path: str, query: Mapping[str, str] | None = None) -> str:
        return str(self._base.with_path(path).with_query(query or {}))

    async def ask(
        self, path: str, query: Mapping[str, str] | None = None, *, method: str = "GET", body: object = None
    ) -> dict[str, Any]:
        return _object(await self.answer(path, query, method=method, body=body))

    async def answer(
        self, path: str, query: Mapping[str, str] | None = None, *, method: str = "GET", body: object = None
    ) -> bytes:
        sent = None if body is None else msgspec.json.encode(body)
        headers = self._headers if sent is None else self._headers | {"Content-Type": "application/json"}
        answer = await self._client.request(
            method, self.url(path, query), body=sent, headers=headers, limit=MAX_LINE * 4
        )
        if not 200 <= answer.status < 300:
            raise Refusal(answer.status, answer.body, answer.headers)
        return answer.body

    async def stream(self, query: Mapping[str, str]) -> AsyncGenerator[bytes, None]:
        """Lines of the filtered stream as they come, without their ends; an empty one for each sign of life, the first
        when the connection stands.

        A line that is too long is given up at `MAX_LINE` bytes, and what a line without its end says is never used.
        Raises Refusal before the first, Transient when the stream breaks; ends when X ends it.
        """
        # A compressing server may hold a line back while the stream is quiet.
        headers = self._headers | {"Accept-Encoding": "identity"}
        async with self._client.stream("GET", self.url(STREAM, query), headers=headers) as response:
            if response.status != 200:
                raise Refusal(response.status, await response.content.read(MAX_LINE), response.headers)
            yield b""
            rest, skips = b"", False
            async for piece in pieces(response, None, self._timeout):
                *found, rest = (rest + piece).split(b"\n")
                for line in found:
                    if not skips:
                        yield line.rstrip(b"\r")
                    skips = False
                if len(rest) > MAX_LINE:
                    if not skips:
                        yield rest
                    rest, skips = b"", True


class Waits:
    """How long to wait, by what happened and how often in a row. A byte of the stream (`heard`) forgives everything."""

    def __init__(self, clock: Clock, draw: random.Random) -> None:
        self._clock, self._random = clock, draw
        self._network = self._server = self._limited = 0
        self._connects: deque[float] = deque(maxlen=CONNECTS)

    def heard(self) -> None:
        self._network = self._server = self._limited = 0

    def connecting(self) -> None:
        """Raises Transient where one more connection would be one too many."""
        now = self._clock.monotonic()
        if len(self._connects) == CONNECTS and now - self._connects[0] < WINDOW:
            wait = self._connects[0] + WINDOW - now
            raise Transient(
                f"X was connected to {CONNECTS} times in a quarter of an hour, which is all it allows", wait
            )
        self._connects.append(now)

    def dropped(self) -> float:
        """A connection was lost, or not made: at once, then a little longer every time."""
        wait = min(self._network * NETWORK_STEP, NETWORK_CAP)
        self._network += 1
        return max(wait, 0.01)

    def refused(self, refusal: Refusal) -> float:
        status = refusal.status
        if refusal.crowded:
            return CROWDED + self._random.uniform(0.0, CROWDED / 3)
        if status == 409:
            return SERVER_BASE
        if status == 429:
            self._limited += 1
            return max(LIMITED_BASE * 2.0 ** min(self._limited - 1, 6), self._until_reset(refusal.headers))
        if status >= 500 or status in (408, 425):
            self._server += 1
            return min(SERVER_BASE * 2.0 ** min(self._server - 1, 6), SERVER_CAP)
        return BLOCKED

    def _until_reset(self, headers: Mapping[str, str]) -> float:
        lowered = {name.lower(): value for name, value in headers.items()}
        reset = lowered.get("x-rate-limit-reset", "")
        if not (reset.isascii() and reset.isdigit() and len(reset) < 12):
            return 0.0
        return min(max(int(reset) - self._clock.now().timestamp(), 0.0), WINDOW)


def rfc3339(moment: datetime) -> str:
    """A time as X takes it, in whole seconds."""
    return (moment - timedelta(microseconds=moment.microsecond)).strftime("%Y-%m-%dT%H:%M:%SZ")
