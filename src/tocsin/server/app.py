"""The web server: pages of incidents behind signed links, silences for programs, and whether it is well.

Every answer forbids scripts, frames and anything from elsewhere. Nothing is done on GET: mail programs follow links.
"""

from __future__ import annotations

import hmac
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field

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
from tocsin.state import State

MOST_BODY = 65_536
HEADERS = [
    (b"content-security-policy", b"default-src 'none'; style-src 'unsafe-inline'; img-src data:; form-action 'self'; "
     b"base-uri 'none'; frame-ancestors 'none'"),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"cache-control", b"no-store"),
    (b"cross-origin-opener-policy", b"same-origin"),
]  # fmt: skip


@dataclass(frozen=True)
class Site:
    """What the pages work with. `token` is what programs must show; without one only this machine is let in."""

    state: State
    links: Links
    clock: Clock
    token: str | None = None
    hosts: Sequence[str] = ("localhost", "127.0.0.1", "[::1]")
    lake: Lake | None = None
    buckets: Mapping[str, int] = field(default_factory=dict)
    """Of every policy, the seconds of its buckets."""


def app(site: Site) -> Starlette:
    """The application, to be served by uvicorn or asked by tests."""
    from tocsin.server import incidents, silences
    from tocsin.server.api import routes as api

    async def health(_: Request) -> Response:
        return JSONResponse({"status": "ok"})

    made = Starlette(
        routes=[
            Route("/healthz", health),
            *incidents.routes(site),
            *silences.routes(site),
            *api.routes(site),
        ],
        middleware=[
            Middleware(TrustedHostMiddleware, allowed_hosts=list(site.hosts), www_redirect=False),
            Middleware(Guarded),
        ],
    )
    made.state.site = site
    return made


class Guarded:
    """Adds the headers that keep a page to itself, and refuses bodies that are too large."""

    def __init__(self, inner: ASGIApp) -> None:
        self._inner = inner

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._inner(scope, receive, send)
            return

        async def guarded(message: dict[str, object]) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message.get("headers", []), *HEADERS]  # type: ignore[misc]
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


Endpoint = Callable[[Request], Awaitable[Response]]


def let_in(site: Site, endpoint: Endpoint) -> Endpoint:
    async def guarded(request: Request) -> Response:
        if not _may(site, request):
            return JSONResponse("a token is needed: Authorization: Bearer …", 401)
        return await endpoint(request)

    return guarded


def _may(site: Site, request: Request) -> bool:
    """Whoever shows the token; without one, who speaks from this machine and not through a browser or a proxy."""
    if site.token is not None:
        return hmac.compare_digest(request.headers.get("authorization", "").encode(), f"Bearer {site.token}".encode())
    far = {"origin", "forwarded", "x-forwarded-for", "x-real-ip"} & {name.lower() for name in request.headers}
    return not far and request.client is not None and request.client.host in {"127.0.0.1", "::1"}
