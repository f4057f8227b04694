"""What geocoders over OpenStreetMap's data have in common: their licence, the rules of their hosts, kinds of places.

Rules of the public hosts: https://operations.osmfoundation.org/policies/nominatim/ and https://photon.komoot.io;
kinds: https://wiki.openstreetmap.org/wiki/Key:place; licence: https://opendatacommons.org/licenses/odbl/1-0/.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Annotated, Self, TypeVar
from urllib.parse import urlencode

import msgspec
from pydantic import Field, field_validator, model_validator
from yarl import URL

from tocsin import __version__
from tocsin.component import Context
from tocsin.errors import Permanent, TocsinError, Transient
from tocsin.gazetteer._lookups import KeepOptions, Late
from tocsin.gazetteer._match import Level
from tocsin.gazetteer._stored import Stored
from tocsin.models._remote import Remote, RequestOptions, Unfit
from tocsin.net import AnyStatus, Client, Timeouts, host_and_port, pieces, retry_after
from tocsin.text import safe_url

ATTRIBUTION = "© OpenStreetMap contributors, ODbL 1.0, https://www.openstreetmap.org/copyright"
LICENCE = "ODbL-1.0"
PUBLIC_HOSTS = frozenset({"nominatim.openstreetmap.org", "photon.komoot.io"})
PUBLIC_RATE = 1.0
"""Requests a second that a public host may be sent."""
MAX_ANSWER = 2 * 2**20
LAST_TURN = 0.9
"""The share of the patience within which turns are taken: the rest is for the last answers."""
_KINDS: dict[Level, tuple[str, ...]] = {
    "country": ("country",),
    "region": ("state", "region", "province", "state_district", "county", "district", "archipelago", "island"),
    "city": (
        "municipality", "city", "town", "village", "hamlet",
        "city_district", "borough", "suburb", "quarter", "neighbourhood",
    ),
}  # fmt: skip
LEVELS = {kind: level for level, kinds in _KINDS.items() for kind in kinds}
_CONTACT = re.compile(r"[\x21-\x7e]*(?:@|://)[\x21-\x7e]+")
_AGAIN = (408, 425, 429)
_ABOUT_THE_TEXT = (400, 413, 414, 422)
_HINTS = {
    401: "it wants a key, which Tocsin does not send",
    403: "read its terms of use, and check `contact`",
    404: "check the `url`",
}

T = TypeVar("T")


class OsmOptions(RequestOptions, KeepOptions):
    """Options of every geocoder over OpenStreetMap's data."""

    url: str
    """The server, like `http://127.0.0.1:8080`. It may be on this machine or in your network."""
    accept_licence: Annotated[str | None, Field(validate_default=True)] = None
    """Write `ODbL-1.0` to say that you accept the licence of the answers: places from OpenStreetMap make your lake a
    database under share-alike terms if you pass it on, and whoever sees them must be told where they come from."""
    contact: str | None = None
    """Your e-mail address or web page, sent along in the User-Agent. The public hosts want it."""
    per_second: Annotated[float, Field(gt=0, le=1000)] = 1.0
    """Requests a second, for all processes with this data directory together. The public hosts: 1 at most."""
    concurrency: Annotated[int, Field(ge=1, le=64)] = 1
    """How many requests run at once."""

    @field_validator("url")
    @classmethod
    def _is_a_url(cls, url: str) -> str:
        if safe_url(url) is None or URL(url).query_string or URL(url).fragment:
            raise ValueError("this is no address of a server: write it as https://host")
        return url

    @field_validator("accept_licence")
    @classmethod
    def _is_accepted(cls, licence: str | None) -> str | None:
        if licence != LICENCE:
            raise ValueError(
                "answers of this geocoder come from OpenStreetMap and would put data under the share-alike licence "
                f"ODbL into your lake: write `accept_licence: {LICENCE}` if that is what you want"
            )
        return licence

    @field_validator("contact")
    @classmethod
    def _can_be_reached(cls, contact: str | None) -> str | None:
        if contact is not None and not _CONTACT.fullmatch(contact):
            raise ValueError("a contact is an e-mail address or a link, without spaces")
        return contact

    @model_validator(mode="after")
    def _keeps_to_the_rules(self) -> Self:
        host = (URL(self.url).host or "").rstrip(".").lower()
        if host in PUBLIC_HOSTS and self.contact is None:
            raise ValueError(f"{host} is a service of volunteers that wants to know who asks: name a `contact`")
        if host in PUBLIC_HOSTS and self.per_second > PUBLIC_RATE:
            raise ValueError(f"{host} may be asked once a second at most: lower `per_second`, or run a server of yours")
        return self


class Server:
    """Where requests go, one after the other's time."""

    def __init__(self, config: OsmOptions, path: str, stored: Stored, context: Context) -> None:
        self.name = host_and_port(config.url)
        self.url = config.url.rstrip("/") + path
        self.config, self.stored, self.clock = config, stored, context.clock
        contact = f" ({config.contact})" if config.contact else ""
        self.headers = {"User-Agent": f"tocsin/{__version__}{contact}", "Accept": "application/json"}

    def remote(self, service: str, context: Context) -> Remote:
        """Its time-out bounds the waiting for turns too; that of one request is kept by `visit`."""
        options = self.config.model_copy(update={"timeout": self.config.patience})
        return Remote(service, options, context, remembers=False)

    @asynccontextmanager
    async def visit(self) -> AsyncIterator[Visit]:
        seconds = self.config.timeout
        timeouts = Timeouts(connect=min(10.0, seconds), read=seconds, total=seconds)
        async with AnyStatus(self.clock, allow=frozenset({self.name}), timeouts=timeouts) as client:
            yield Visit(self, client)


class Visit:
    """The requests of one batch."""

    def __init__(self, server: Server, client: Client) -> None:
        self._server, self._client = server, client
        self._last_turn = server.clock.monotonic() + LAST_TURN * server.config.patience
        self._queue = asyncio.Lock()
        self._failed: dict[str, Transient] = {}

    async def get(self, query: Sequence[tuple[str, str]], kind: type[T]) -> T:
        """A good answer, when it is this request's turn. Raises Late, Unfit, Transient or Permanent."""
        url = f"{self._server.url}?{urlencode(query)}"
        await self._turn(url)
        try:
            return self._read(await self._body(url), kind)
        except Transient as error:
            self._failed[url] = error
            raise

    async def _turn(self, url: str) -> None:
        """What failed before and has no turn to be tried again has failed for good."""
        server = self._server
        async with self._queue:
            while wait := server.stored.turn(server.name, 1 / server.config.per_second):
                if server.clock.monotonic() + wait > self._last_turn:
                    raise self._failed.get(url) or Late(f"no turn at {server.name} within the `patience`")
                await server.clock.sleep(wait)

    async def _body(self, url: str) -> bytes:
        async with self._client.stream("GET", url, headers=self._server.headers) as response:
            if response.status != 200:
                raise self._refusal(response.status, response.headers.get("Retry-After"))
            try:
                return b"".join([part async for part in pieces(response, MAX_ANSWER)])
            except Permanent as error:
                raise Unfit(f"{self._server.name}: {error}") from None

    def _read(self, body: bytes, kind: type[T]) -> T:
        try:
            return msgspec.json.decode(body, type=kind, strict=False)
        except msgspec.ValidationError:
            raise Unfit(f"{self._server.name} gave an answer of another shape than its documentation says") from None
        except (msgspec.DecodeError, RecursionError):
            raise Transient(f"{self._server.name} gave an answer that is not JSON") from None

    def _refusal(self, status: int, wait: str | None) -> TocsinError:
        line = f"{self._server.name} answered {status}"
        if status >= 500 or status in _AGAIN:
            return Transient(line, retry_after(wait, self._server.clock.now()))
        if status in _ABOUT_THE_TEXT:
            return Unfit(line)
        hint = _HINTS.get(status, "check the `url`: it may have moved" if 300 <= status < 400 else "")
        return Permanent(f"{line}: {hint}" if hint else line)
