"""The one HTTP client. It never reaches an address that is not public unless told to, and its answers are bounded.

The check sits where a socket is made, so it holds for names, numbers in any spelling, redirects and a DNS server
that changes its mind: what was checked is what is connected to. Proxies of the environment are ignored.

Addresses: the IANA special-purpose registries as known to `ipaddress`, and what it misses (style notes B3);
back-off: "full jitter" of the AWS Architecture Blog, Exponential Backoff And Jitter; Retry-After: RFC 9110, 10.2.3.
"""

from __future__ import annotations

import asyncio
import random
import zlib
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from io import BytesIO
from types import TracebackType
from typing import Any, NoReturn, Self

import aiohttp
from aiohttp.abc import AbstractResolver
from yarl import URL

from tocsin import __version__
from tocsin.addresses import PublicResolver, Refused, public_socket
from tocsin.clock import Clock
from tocsin.errors import Permanent, Transient
from tocsin.text import one_line

MAX_BODY = 8 * 2**20
MAX_WAIT = 86_400.0
"""The longest Retry-After that is obeyed, in seconds."""
MAX_MEMBERS = 1000
_PIECE = 65_536
_REDIRECTS = (301, 302, 303, 307, 308)
_AGAIN = (408, 425, 429)


class TooLarge(Permanent):
    """A body is larger than was agreed."""


@dataclass(frozen=True)
class Timeouts:
    """Seconds: to connect, between two pieces of the answer, and for all of it (None: no end, for streams)."""

    connect: float = 10.0
    read: float = 25.0
    total: float | None = 60.0


@dataclass(frozen=True)
class Answer:
    """A good answer: status 2xx or 304, headers with names in lower case, the decoded body."""

    status: int
    headers: Mapping[str, str]
    body: bytes


def backoff(attempt: int, random: random.Random, base: float = 1.0, cap: float = 60.0) -> float:
    """Seconds to wait before try `attempt` (from 0): anything up to `base` doubled `attempt` times, `cap` at most."""
    return random.uniform(0.0, min(cap, base * 2.0 ** min(attempt, 64)))


def retry_after(value: str | None, now: datetime) -> float | None:
    """Seconds of a Retry-After header (a number or an HTTP date), between 0 and a day; None if it says nothing.

    >>> retry_after("120", datetime(2026, 1, 1, tzinfo=UTC))
    120.0
    """
    if value is None:
        return None
    text = value.strip()
    if text.isascii() and text.isdigit():
        return min(float(text[:9]), MAX_WAIT)
    try:
        moment = parsedate_to_datetime(text)
        seconds = (moment.replace(tzinfo=moment.tzinfo or UTC) - now).total_seconds()
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    return min(max(seconds, 0.0), MAX_WAIT)


class Decoder:
    """Expands a body piece by piece, never more than `limit` bytes in all (None: no limit) nor 64 KiB at once.

    `coding` is a Content-Encoding: gzip, deflate, or nothing. Raises TooLarge past the limit, Permanent if the
    coding is unknown or the body is not in it, Transient (`finish`) if the body was cut.
    """

    def __init__(self, coding: str, limit: int | None) -> None:
        self._coding = {"": "identity", "x-gzip": "gzip"}.get(coding.strip().lower(), coding.strip().lower())
        if self._coding not in ("identity", "gzip", "deflate"):
            raise Permanent(f"the content encoding '{one_line(coding, 40)}' is not understood; use gzip or none")
        self._limit = limit
        self._size = 0
        self._members = 0
        self._inflater: Any = None

    def feed(self, piece: bytes) -> Iterator[bytes]:
        """What `piece` expands to, in parts."""
        if self._coding == "identity":
            yield self._counted(piece)
            return
        full = False
        while piece or full:
            if self._inflater is None or self._inflater.eof:
                self._inflater = self._next_member(piece)
            try:
                part = self._inflater.decompress(piece, _PIECE)
            except zlib.error as error:
                raise Permanent(f"the body is not {self._coding}: {error}") from None
            ended = self._inflater.eof
            piece = self._inflater.unused_data if ended else self._inflater.unconsumed_tail
            full = len(part) == _PIECE and not ended
            yield self._counted(part)

    def finish(self) -> None:
        """The body has ended: raises Transient if its coding says that more should have come."""
        if self._inflater is not None and not self._inflater.eof:
            raise Transient(f"the {self._coding} body ends early")

    def _next_member(self, piece: bytes) -> Any:
        self._members += 1
        if self._members > MAX_MEMBERS:
            raise TooLarge(f"the {self._coding} body has more than {MAX_MEMBERS} members")
        if self._coding == "gzip":
            return zlib.decompressobj(16 + zlib.MAX_WBITS)
        return zlib.decompressobj(zlib.MAX_WBITS if piece[0] & 0x0F == 8 else -zlib.MAX_WBITS)

    def _counted(self, part: bytes) -> bytes:
        self._size += len(part)
        if self._limit is not None and self._size > self._limit:
            raise TooLarge(f"the body is larger than {self._limit:,} bytes")
        return part


class Client:
    """An HTTP client for one event loop; use it as an async context manager.

    `allow` holds the hosts ("127.0.0.1:8080", "hooks.corp.example:443", "[::1]:80") that may be anywhere; all
    others must be public. Errors name a URL's host only, since its path may be a secret.
    """

    def __init__(
        self,
        clock: Clock,
        *,
        allow: frozenset[str] = frozenset(),
        timeouts: Timeouts | None = None,
        resolver: AbstractResolver | None = None,
    ) -> None:
        self._clock = clock
        self._allow = allow
        self._timeouts = timeouts or Timeouts()
        self._resolver = resolver
        self._sessions: dict[bool, aiohttp.ClientSession] = {}

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for session in self._sessions.values():
            await session.close()
        self._sessions.clear()

    async def request(
        self,
        method: str,
        url: str,
        *,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        limit: int = MAX_BODY,
        redirects: int = 0,
    ) -> Answer:
        """The whole answer, decoded, at most `limit` bytes of it. Without a `body`, up to `redirects` redirects are
        followed, each checked like the first address; no header but Range follows to another host.

        Raises Transient (time-out, broken connection, no such name, 408, 425, 429, 5xx) with the wait that the
        server asked for, or Permanent (any other refusal, a body past the limit, an address that is not public).
        """
        async with self.stream(method, url, body=body, headers=headers, redirects=redirects) as response:
            parts = [part async for part in pieces(response, limit)]
            return Answer(response.status, _lowered(response), b"".join(parts))

    @asynccontextmanager
    async def stream(
        self,
        method: str,
        url: str,
        *,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        redirects: int = 0,
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        """A good answer whose body has not been read: `pieces` gives it. Raises what `request` does."""
        sent, here = dict(headers or {}), _checked(url)
        try:
            while True:
                async with self._send(method, here, body, sent) as response:
                    there = self._judge(response, method, here)
                    if there is None:
                        yield response
                        return
                if redirects < 1 or body is not None:
                    raise Permanent(f"{_name(here)} has moved to {_name(there)}: change the url")
                redirects -= 1
                sent = sent if there.origin() == here.origin() else _for_anybody(sent)
                here = there
        except (aiohttp.ClientError, TimeoutError, ConnectionError) as error:
            _raise(error, here)

    @asynccontextmanager
    async def websocket(
        self, url: str, *, headers: Mapping[str, str] | None = None, protocols: tuple[str, ...] = (), ping: float = 20.0
    ) -> AsyncIterator[aiohttp.ClientWebSocketResponse]:
        """An open WebSocket, pinged every `ping` seconds; messages have 8 MiB at most. Raises what `request` does."""
        session = self._session(_host_and_port(here := _checked(url)) in self._allow)
        options: Any = {"heartbeat": ping, "max_msg_size": MAX_BODY, "protocols": protocols, "headers": headers}
        try:
            async with session.ws_connect(here, **options) as socket:
                yield socket
        except aiohttp.WSServerHandshakeError as error:
            raise self._refusal(error.status, error.headers or {}, f"{_name(here)} answered {error.status}") from None
        except (aiohttp.ClientError, TimeoutError, ConnectionError) as error:
            _raise(error, here)

    def _send(self, method: str, url: URL, body: bytes | None, headers: Mapping[str, str]) -> Any:
        return self._session(_host_and_port(url) in self._allow).request(
            method, url, data=None if body is None else BytesIO(body), headers=headers, allow_redirects=False
        )

    def _session(self, trusted: bool) -> aiohttp.ClientSession:
        """One session for hosts that were allowed by name, one that reaches public addresses only."""
        if trusted not in self._sessions:
            resolver = self._resolver or aiohttp.ThreadedResolver()
            times = self._timeouts
            self._sessions[trusted] = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(
                    resolver=resolver if trusted else PublicResolver(resolver),
                    socket_factory=None if trusted else public_socket,
                    use_dns_cache=False,
                ),
                timeout=aiohttp.ClientTimeout(times.total, times.connect, times.read, times.connect),
                headers={"User-Agent": f"tocsin/{__version__}", "Accept-Encoding": "gzip, deflate"},
                cookie_jar=aiohttp.DummyCookieJar(),
                auto_decompress=False,
                trust_env=False,
            )
        return self._sessions[trusted]

    def _judge(self, response: aiohttp.ClientResponse, method: str, url: URL) -> URL | None:
        """None for a good answer, else where it has moved to."""
        status = response.status
        if 200 <= status < 300 or status == 304:
            return None
        if status in _REDIRECTS and "Location" in response.headers:
            return _checked(response.headers["Location"], url)
        line = f"{method} {_name(url)} answered {status} {one_line(response.reason or '', 60)}".rstrip()
        raise self._refusal(status, response.headers, line)

    def _refusal(self, status: int, headers: Mapping[str, str], line: str) -> Transient | Permanent:
        if status >= 500 or status in _AGAIN:
            return Transient(line, retry_after(headers.get("Retry-After"), self._clock.now()))
        return Permanent(line)


class AnyStatus(Client):
    """Gives every answer as it is, redirects and refusals too, for those who read what these say."""

    def _judge(self, response: aiohttp.ClientResponse, method: str, url: URL) -> URL | None:
        return None


async def pieces(
    response: aiohttp.ClientResponse, limit: int | None, patience: float | None = None
) -> AsyncIterator[bytes]:
    """The decoded body of an answer in parts of at most 64 KiB or so, `limit` bytes in all (None: no limit).

    Within a `Client.stream`, raises Transient when nothing comes for `patience` seconds: aiohttp's own time-out for
    reading does not end a stream whose framing has gone wrong.
    """
    decoder = Decoder(response.headers.get("Content-Encoding", ""), limit)
    while True:
        async with asyncio.timeout(patience):
            piece = await response.content.readany()
        if not piece:
            break
        for part in decoder.feed(piece):
            yield part
    decoder.finish()


def _lowered(response: aiohttp.ClientResponse) -> dict[str, str]:
    return {name.lower(): value for name, value in response.headers.items()}


def _for_anybody(headers: Mapping[str, str]) -> dict[str, str]:
    """What another host may be told: which part of a file is wanted, and nothing of the sender."""
    return {name: value for name, value in headers.items() if name.lower() == "range"}


def _checked(url: str, base: URL | None = None) -> URL:
    """The URL if it is one that may be asked for. Raises Permanent."""
    try:
        parsed = URL(url) if base is None else base.join(URL(url))
        host, port = parsed.raw_host, parsed.port
        (host or "").encode("idna")  # what the look-up of its address will do
    except ValueError:
        raise Permanent("the url is not one: write it as https://host/path") from None
    if parsed.scheme not in ("http", "https") or not host or not port:
        raise Permanent(f"a url must start with http:// or https:// and name a host, not '{parsed.scheme}:'")
    if parsed.user or parsed.password:
        raise Permanent(f"the url of {_name(parsed)} holds a user or password: send them in a header")
    return parsed


def host_and_port(url: str) -> str:
    """How `Client(allow=...)` names the host of a URL. Raises Permanent if it is no URL.

    >>> host_and_port("https://Hooks.Example/x"), host_and_port("http://[::1]:8080/")
    ('hooks.example:443', '[::1]:8080')
    """
    return _host_and_port(_checked(url))


def _host_and_port(url: URL) -> str:
    return f"{url.host_subcomponent}:{url.port}"


def _name(url: URL) -> str:
    """Scheme, host and port: what of a URL may be said aloud."""
    return one_line(str(url.origin()), 200)


def _raise(error: Exception, url: URL) -> NoReturn:
    """A failure below HTTP as one of ours."""
    reason = getattr(error, "os_error", None) or getattr(error, "message", None) or error
    if isinstance(reason, Refused):
        raise Permanent(f"{_name(url)} is not asked: {reason}; allow the host in the config if that is meant") from None
    if isinstance(error, aiohttp.InvalidURL):
        raise Permanent(f"{_name(url)} is not a host that can be asked") from None
    if isinstance(error, TimeoutError):
        raise Transient(f"{_name(url)} did not answer in time") from None
    what = one_line(str(reason), 200) or type(error).__name__
    raise Transient(f"{_name(url)} could not be reached or broke off: {what}") from None
