"""Who is let in, to what: every request passes here, before any route.

Without users or tokens in the config only this machine is let in, and as an admin: programs on it, and browsers on it
that show one of our own pages. What a page of somebody else's makes a browser send is turned away: the browser says
where it comes from (Sec-Fetch-Site, Origin). https://developer.mozilla.org/docs/Glossary/Fetch_metadata_request_header
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from tocsin.server.accounts import Accounts, Who
from tocsin.settings_server import Role

COOKIE = "tocsin_session"
SAFE = {"GET", "HEAD"}
LOOPBACK = {"127.0.0.1", "::1"}
PROXIED = ("forwarded", "x-forwarded-for", "x-real-ip")
OPEN = {"/api/login", "/api/me"}
DATA = ("/api/", "/metrics")
"""What begins so holds data. The rest is the page itself, health, and what carries its own signature (`/i/`)."""

Needs = Mapping[str, Role]


class Gate:
    """Lets requests through that may be; `needs` are the paths that take more than a viewer, by how they begin."""

    def __init__(self, inner: ASGIApp, accounts: Accounts, needs: Needs) -> None:
        self._inner, self._accounts, self._needs = inner, accounts, needs

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._inner(scope, receive, send)
            return
        request = Request(scope)
        who = identify(request, self._accounts)
        scope.setdefault("state", {})["who"] = who
        refused = self._refusal(request, who)
        await (refused or self._inner)(scope, receive, send)

    def _refusal(self, request: Request, who: Who | None) -> JSONResponse | None:
        path, safe = request.url.path, request.method in SAFE
        if path.startswith("/i/"):
            return None
        if not safe and (who is None or who.by != "token") and origin(request) == "foreign":
            return JSONResponse({"error": "this came from a page that is not ours"}, 403)
        if path in OPEN or not path.startswith(DATA):
            return None
        if who is None:
            return JSONResponse({"error": "log in, or show a token: Authorization: Bearer …"}, 401)
        needed = self._needed(path, safe=safe)
        if not who.may(needed):
            return JSONResponse({"error": f"this takes the role {needed}; {who.name} is {who.role}"}, 403)
        return None

    def _needed(self, path: str, *, safe: bool) -> Role:
        found = max((begin for begin in self._needs if path.startswith(begin)), key=len, default=None)
        if found is not None:
            return self._needs[found]
        return "viewer" if safe else "analyst"


def origin(request: Request) -> Literal["ours", "foreign", "none"]:
    """Where a request says that it comes from: a page of ours, one of another's, or no page at all."""
    site = request.headers.get("sec-fetch-site")
    if site is not None:
        return "ours" if site in {"same-origin", "none"} else "foreign"
    said = request.headers.get("origin")
    if said is None:
        return "none"
    return "ours" if said.partition("://")[2] == request.headers.get("host") else "foreign"


def identify(request: Request, accounts: Accounts) -> Who | None:
    """Who sent a request, as far as it shows."""
    scheme, _, secret = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer":
        return accounts.of_token(secret.strip())
    if accounts.open:
        return Who("this machine", "admin", "this machine") if _from_here(request) else None
    cookie = request.cookies.get(COOKIE)
    return accounts.of_session(cookie) if cookie else None


def _from_here(request: Request) -> bool:
    """From this machine, not through a proxy, and not on behalf of a page that is not ours."""
    near = request.client is not None and request.client.host in LOOPBACK
    return near and not any(name in request.headers for name in PROXIED) and origin(request) != "foreign"
