"""The web server: the dashboard, the API, pages of incidents behind signed links, and silences for programs.

Every answer forbids inline scripts, frames and anything from elsewhere. Nothing is done on GET: mail programs follow
links. Who may do what is decided before any route, in `gate.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import msgspec
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from tocsin.clock import Clock
from tocsin.component import Lake
from tocsin.links import Links
from tocsin.server.accounts import Accounts, Who
from tocsin.server.audit import Audit
from tocsin.server.gate import Gate
from tocsin.state import State

if TYPE_CHECKING:
    from tocsin.runners.assemble import Assembly
    from tocsin.search import Index
    from tocsin.server.events import Events
    from tocsin.server.judged import Judged
    from tocsin.telemetry import Telemetry

MOST_BODY = 65_536
COMMON = [
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
]
BARE = (
    b"default-src 'none'; style-src 'unsafe-inline'; img-src data:; form-action 'self'; base-uri 'none'; "
    b"frame-ancestors 'none'"
)
"""What a page without a script may do: the pages behind signed links, and every answer of the API."""
APP = b"default-src 'self'; img-src 'self' data:; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
NEEDS: Mapping[str, Any] = {
    "/api/query": "analyst",
    "/api/classify": "viewer",
    "/api/policies/preview": "analyst",
    "/api/audit": "admin",
    "/api/logout": "viewer",
}
"""Beyond this a viewer may read everything, and an analyst may do what is done by POST."""


@dataclass(frozen=True)
class Site:
    """What the pages work with. `buckets`: of every policy, the seconds of its buckets."""

    state: State
    links: Links
    clock: Clock
    accounts: Accounts
    hosts: Sequence[str] = ("localhost", "127.0.0.1", "[::1]")
    lake: Lake | None = None
    buckets: Mapping[str, int] = field(default_factory=dict)
    index: Callable[[], Index] | None = None
    """The index of posts as it is now."""
    judged: Judged | None = None
    audit: Audit | None = None
    assembly: Assembly | None = None
    events: Events | None = None
    telemetry: Telemetry | None = None


def app(site: Site) -> Starlette:
    """The application, to be served by uvicorn or asked by tests."""
    from tocsin.server import dashboard, events, incidents, login, silences
    from tocsin.server.api import acts, preview, routes

    async def health(_: Request) -> Response:
        return JSONResponse({"status": "ok"})

    made = Starlette(
        routes=[
            Route("/healthz", health),
            *login.routes(site),
            *incidents.routes(site),
            *silences.routes(site),
            *acts.routes(site),
            *preview.routes(site),
            *events.routes(site),
            *routes.routes(site),
            *dashboard.routes(site),
        ],
        middleware=[
            Middleware(TrustedHostMiddleware, allowed_hosts=list(site.hosts), www_redirect=False),
            Middleware(Guarded),
            Middleware(Gate, accounts=site.accounts, needs=NEEDS),
        ],
    )
    made.state.site = site
    return made


class Guarded:
    """Adds the headers that keep a page to itself."""

    def __init__(self, inner: ASGIApp) -> None:
        self._inner = inner

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._inner(scope, receive, send)
            return

        async def guarded(message: dict[str, Any]) -> None:
            if message["type"] == "http.response.start":
                headers = [*message.get("headers", []), *COMMON]
                names = {name.lower() for name, _ in headers}
                if b"content-security-policy" not in names:
                    headers.append((b"content-security-policy", BARE))
                if b"cache-control" not in names:
                    headers.append((b"cache-control", b"no-store"))
                message["headers"] = headers
            await send(message)

        await self._inner(scope, receive, guarded)  # type: ignore[arg-type]


async def body_of(request: Request) -> bytes | None:
    """The body; None where it is too large."""
    parts, size = [], 0
    async for part in request.stream():
        size += len(part)
        if size > MOST_BODY:
            return None
        parts.append(part)
    return b"".join(parts)


async def told(request: Request, kind: type[Any]) -> Any:
    """The body as this kind of thing, or the answer that says what is wrong with it."""
    body = await body_of(request)
    if body is None:
        return JSONResponse({"error": "the body is too large"}, 413)
    try:
        return msgspec.json.decode(body, type=kind)
    except msgspec.DecodeError as error:
        return JSONResponse({"error": str(error)}, 400)


def who(request: Request) -> Who:
    """Who sent a request that the gate has let through."""
    found: Who = request.state.who
    return found


def noted(site: Site, request: Request, done: str, what: str = "", name: str | None = None) -> None:
    """Put down in the audit log what somebody does."""
    somebody: Who | None = request.state.who
    if site.audit is not None:
        address = request.client.host if request.client else ""
        by = somebody.by if somebody else ""
        site.audit.note({"name": name or (somebody.name if somebody else ""), "by": by, "address": address}, done, what)
