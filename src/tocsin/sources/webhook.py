"""Posts that others send by HTTP: one object, an array, or JSON lines; docs/reference/webhook.md says how.

A sender gets 202 only when the queue has its posts, for good. On anything else it sends again: posts with an
`id` are known again and counted once. While the source is paused, requests wait; past `max_waiting` they get 429.
"""

from __future__ import annotations

import asyncio
import errno
import ipaddress
from collections import deque
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Annotated, ClassVar

from aiohttp import web
from pydantic import ConfigDict, Field

from tocsin import secrets
from tocsin.component import Context
from tocsin.errors import ConfigError, Permanent, Transient
from tocsin.model import Batch, Event
from tocsin.net import Decoder, TooLarge
from tocsin.options import Duration, Options, Size
from tocsin.sources._pulse import Pulse
from tocsin.sources._submission import Body, Rejected, parse

TOLERANCE = 300
"""Seconds that a signature's time may be off."""
BATCH = 10_000
"""Events after which a batch takes no further request."""
_LEAST = 4096
_SMALL = 65_536
_GRACE = 3.0
_RETRY = {"Retry-After": "5"}
_FORMS: Mapping[str, Body] = {
    "application/json": "json",
    "application/jsonl": "lines",
    "application/jsonlines": "lines",
    "application/ndjson": "lines",
    "application/x-jsonlines": "lines",
    "application/x-ndjson": "lines",
    "application/octet-stream": "either",
    "text/plain": "either",
}


class Config(Options):
    """Options of the webhook source."""

    model_config = ConfigDict(hide_input_in_errors=True)

    host: str = "127.0.0.1"
    """The address to listen at. Anything but this machine itself needs a secret."""
    port: Annotated[int, Field(ge=0, le=65535)] = 8322
    """The port to listen at; 0 takes a free one."""
    path: Annotated[str, Field(pattern=r"^/[A-Za-z0-9/_.~-]*$")] = "/events"
    """The path that takes events."""
    secret: secrets.SigningKey | None = None
    """The key of the signatures that senders must add."""
    max_body: Size = 8 * 2**20
    """The largest body that is taken, unpacked."""
    max_waiting: Size = 32 * 2**20
    """How much may wait for the queue before senders are told to come again later."""
    heartbeat: Duration = 10.0
    """How often the source says that it is well."""
    timeout: Duration = 30.0
    """How long a sender may take to send its body."""


@dataclass
class _Waiting:
    """A request whose events are not yet in the queue; `stored` tells its handler how it went."""

    events: list[Event]
    stored: asyncio.Future[bool]

    def settle(self, stored: bool) -> None:
        if not self.stored.done():
            self.stored.set_result(stored)


class Webhook:
    """An HTTP server whose requests are answered once their events are stored."""

    finite: ClassVar[bool] = False
    live: ClassVar[bool] = True

    def __init__(self, config: Config, context: Context) -> None:
        if config.secret is None and not _loopback(config.host):
            message = f"the webhook source '{context.name}' would take posts from anybody at {config.host}"
            raise ConfigError(message, hint="set a secret, or host: 127.0.0.1")
        self._config, self._name, self._clock = config, context.name, context.clock
        self._requests: deque[_Waiting] = deque()
        self._arrived = asyncio.Event()
        self._held = 0
        self._open = False
        self.port: int | None = None
        """The port it listens at, while `read` is running."""

    async def read(self, cursor: str | None) -> AsyncIterator[Batch]:
        """Batches of what came in, and a heartbeat every so often, or a gap. The cursor is when it listened last.

        Raises Transient if the port is taken, Permanent if the address cannot be listened at.
        """
        runner = await self._listen()
        taken: list[_Waiting] = []
        pulse = Pulse(self._name, self._config.heartbeat, cursor)
        due = self._clock.monotonic() + self._config.heartbeat
        try:
            if missed := pulse.awake(self._clock.now()):
                yield Batch(events=missed, cursor=pulse.cursor)
            while True:
                await self._wait(due - self._clock.monotonic())
                taken = self._take()
                heard = [event for request in taken for event in request.events]
                pulse.heard(heard)
                events = [*pulse.awake(self._clock.now()), *heard]
                if self._clock.monotonic() >= due and not self._requests:
                    events.append(pulse.beat(self._clock.now()))
                    due = self._clock.monotonic() + self._config.heartbeat
                if events:
                    yield Batch(events=events, cursor=pulse.cursor)
                for request in taken:
                    request.settle(True)
        finally:
            self._open, self.port = False, None
            for request in (*taken, *self._requests):
                request.settle(False)
            self._requests.clear()
            await runner.cleanup()

    async def _wait(self, seconds: float) -> None:
        """Until a request has come in or the time is over."""
        if self._requests or seconds <= 0:
            return
        self._arrived.clear()
        waits = [asyncio.ensure_future(self._arrived.wait()), asyncio.ensure_future(self._clock.sleep(seconds))]
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()
            await asyncio.gather(*waits, return_exceptions=True)

    def _take(self) -> list[_Waiting]:
        taken: list[_Waiting] = []
        count = 0
        while self._requests and count < BATCH:
            taken.append(self._requests.popleft())
            count += len(taken[-1].events)
        return taken

    async def _listen(self) -> web.AppRunner:
        app = web.Application()
        app.add_routes([web.get(self._config.path, self._health), web.post(self._config.path, self._post)])
        runner = web.AppRunner(app, access_log=None, auto_decompress=False, shutdown_timeout=_GRACE)
        await runner.setup()
        try:
            await web.TCPSite(runner, self._config.host, self._config.port).start()
        except OSError as error:
            await runner.cleanup()
            line = (
                f"the webhook source '{self._name}' cannot listen at {self._config.host}:{self._config.port}: {error}"
            )
            raise (Transient(line) if error.errno == errno.EADDRINUSE else Permanent(line)) from None
        self.port = runner.addresses[0][1]
        self._open = True
        return runner

    async def _health(self, _: web.Request) -> web.Response:
        return web.Response(text="ok\n")

    async def _post(self, request: web.Request) -> web.Response:
        room = self._room_for(request)
        if self._held and self._held + room > self._config.max_waiting:
            return _answer(429, {"error": "too much is waiting; send again later"}, _RETRY)
        self._held += room
        try:
            events, size = await self._events(request)
            self._held += max(size, _LEAST) - room
            room = max(size, _LEAST)
            if events and not await self._stored(events):
                return _answer(503, {"error": "the source is stopping; send again later"}, _RETRY)
        except Rejected as error:
            items = [{"index": index, "reason": reason} for index, reason in error.items]
            return _answer(error.status, {"error": error.reason} | ({"items": items} if items else {}))
        finally:
            self._held -= room
        return _answer(202, {"accepted": len(events)})

    def _room_for(self, request: web.Request) -> int:
        """Bytes that a request may come to hold: what it declares, or the most where that says nothing."""
        declared = None if request.headers.get("Content-Encoding") else request.content_length
        return min(max(self._config.max_body if declared is None else declared, _LEAST), self._config.max_body)

    async def _stored(self, events: list[Event]) -> bool:
        """Hand the events to `read` and wait until the queue has them (True) or never will (False)."""
        if not self._open:
            return False
        waiting = _Waiting(events, asyncio.get_running_loop().create_future())
        self._requests.append(waiting)
        self._arrived.set()
        return await waiting.stored

    async def _events(self, request: web.Request) -> tuple[list[Event], int]:
        """What a request holds, and the bytes of its body, unpacked. Raises Rejected."""
        form = _form(request)
        if self._config.secret is None and ("Origin" in request.headers or "Sec-Fetch-Site" in request.headers):
            raise Rejected(403, "a page in a browser may not send posts here")
        body = await self._body(request)
        self._check_signature(request, body)
        coding = request.headers.get("Content-Encoding", "")
        if len(body) < _SMALL:
            return self._parsed(body, coding, form)
        return await asyncio.to_thread(self._parsed, body, coding, form)

    def _parsed(self, body: bytes, coding: str, form: Body) -> tuple[list[Event], int]:
        body = self._expanded(body, coding)
        return parse(body, form, self._name, self._clock.now()), len(body)

    async def _body(self, request: web.Request) -> bytes:
        """The body as sent, still packed."""
        too_large = Rejected(413, f"the body is larger than {self._config.max_body:,} bytes")
        if (request.content_length or 0) > self._config.max_body:
            raise too_large
        body = bytearray()
        try:
            async with asyncio.timeout(self._config.timeout):
                async for piece in request.content.iter_any():
                    body += piece
                    if len(body) > self._config.max_body:
                        raise too_large
        except TimeoutError:
            raise Rejected(408, "the body did not come in time") from None
        except web.RequestPayloadError:
            raise Rejected(400, "the body was cut off") from None
        return bytes(body)

    def _check_signature(self, request: web.Request, body: bytes) -> None:
        """Before anything is unpacked or read: strangers get no further than this."""
        if self._config.secret is None:
            return
        timestamp = request.headers.get(secrets.TIMESTAMP, "")
        signature = request.headers.get(secrets.SIGNATURE, "")
        if not (timestamp.isascii() and timestamp.isdigit() and len(timestamp) <= 12 and signature):
            raise Rejected(401, f"the request is not signed: send {secrets.TIMESTAMP} and {secrets.SIGNATURE}")
        if not secrets.verify(self._config.secret.get_secret_value(), timestamp, body, signature):
            raise Rejected(401, "the signature is wrong")
        if abs(self._clock.now().timestamp() - int(timestamp)) > TOLERANCE:
            raise Rejected(401, f"the signature's time is more than {TOLERANCE} s from now")

    def _expanded(self, body: bytes, coding: str) -> bytes:
        try:
            decoder = Decoder(coding, self._config.max_body)
        except Permanent as error:
            raise Rejected(415, str(error)) from None
        try:
            expanded = b"".join(part for start in range(0, len(body), 65_536)
                                for part in decoder.feed(body[start : start + 65_536]))  # fmt: skip
            decoder.finish()
        except TooLarge as error:
            raise Rejected(413, str(error)) from None
        except (Permanent, Transient) as error:
            raise Rejected(400, str(error)) from None
        return expanded


def _loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _form(request: web.Request) -> Body:
    kind = request.content_type
    form: Body | None = "json" if kind.endswith("+json") else _FORMS.get(kind)
    charset = (request.charset or "utf-8").lower()
    if form is None or charset not in ("utf-8", "utf8", "us-ascii"):
        raise Rejected(415, "send application/json or application/x-ndjson, in UTF-8")
    return form


def _answer(status: int, body: Mapping[str, object], headers: Mapping[str, str] | None = None) -> web.Response:
    return web.json_response(body, status=status, headers=headers)
