"""Logging in and out, who one is, and who did what."""

from __future__ import annotations

import asyncio

import msgspec
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from tocsin.server.accounts import Who
from tocsin.server.app import Site, noted, told
from tocsin.server.gate import COOKIE


class Credentials(msgspec.Struct, frozen=True):
    name: str
    password: str


def routes(site: Site) -> list[BaseRoute]:
    """`/api/login`, `/api/logout`, `/api/me`, `/api/audit`."""
    accounts = site.accounts

    async def log_in(request: Request) -> Response:
        asked = await told(request, Credentials)
        if isinstance(asked, Response):
            return asked
        address = request.client.host if request.client else ""
        wait = accounts.wait(asked.name, address)
        if wait:
            said = {"error": f"too many wrong passwords: wait {-(-wait // 60)} min"}
            return JSONResponse(said, 429, {"Retry-After": str(wait)})
        found = await asyncio.to_thread(accounts.log_in, asked.name, asked.password, address)
        if found is None:
            noted(site, request, "failed to log in", name=asked.name)
            return JSONResponse({"error": "the name or the password is wrong"}, 403)
        noted(site, request, "logged in", name=found.name)
        return signed_in(site, request, found, JSONResponse(shown(found)))

    async def log_out(request: Request) -> Response:
        answer = JSONResponse({})
        answer.delete_cookie(COOKIE, path="/", httponly=True, samesite="strict")
        noted(site, request, "logged out")
        return answer

    async def me(request: Request) -> Response:
        somebody: Who | None = request.state.who
        return JSONResponse({"who": shown(somebody) if somebody else None, "open": accounts.open})

    async def audit(_: Request) -> Response:
        found = [] if site.audit is None else await asyncio.to_thread(site.audit.newest, 200)
        return JSONResponse({"rows": [msgspec.to_builtins(entry) for entry in found]})

    return [
        Route("/api/audit", audit, methods=["GET"]),
        Route("/api/login", log_in, methods=["POST"]),
        Route("/api/logout", log_out, methods=["POST"]),
        Route("/api/me", me, methods=["GET"]),
    ]


def signed_in(site: Site, request: Request, somebody: Who, answer: Response) -> Response:
    """The answer, with the session of somebody in a cookie."""
    answer.set_cookie(
        COOKIE, site.accounts.session(somebody), max_age=int(site.accounts.hours * 3600), path="/", httponly=True,
        samesite="strict", secure=request.url.scheme == "https" or request.headers.get("x-forwarded-proto") == "https",
    )  # fmt: skip
    return answer


def shown(somebody: Who) -> dict[str, str]:
    return {"name": somebody.name, "role": somebody.role, "by": somebody.by}
