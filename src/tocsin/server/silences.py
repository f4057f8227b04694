"""Silences for programs, in Alertmanager's API v2, so that `amtool silence` works against Tocsin.

Source: Alertmanager, api/v2/openapi.yaml.
"""

from __future__ import annotations

import asyncio
import uuid
from datetime import datetime
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from tocsin import __version__
from tocsin.errors import Permanent
from tocsin.server.app import Site, body_of
from tocsin.silences import Matcher, Silence, plain
from tocsin.text import clean, truncate


class Wanted(msgspec.Struct, frozen=True, rename="camel"):
    """A silence as programs ask for it; with an `id` they change one."""

    matchers: list[Matcher]
    starts_at: datetime
    ends_at: datetime
    created_by: str
    comment: str
    id: str | None = None


def routes(site: Site) -> list[BaseRoute]:
    """`/api/v2/silences`, `/api/v2/silence/{id}`, `/api/v2/status`."""
    silences = site.state.silences

    async def listed(_: Request) -> Response:
        now = site.clock.now()
        return JSONResponse([plain(one, now) for one in await asyncio.to_thread(silences.all)])

    async def add(request: Request) -> Response:
        body = await body_of(request)
        if body is None:
            return JSONResponse("the body is too large", 413)
        try:
            made = _made(msgspec.json.decode(body, type=Wanted), site.clock.now())
        except (msgspec.DecodeError, Permanent) as error:
            return JSONResponse(str(error), 400)
        old = await asyncio.to_thread(silences.find, made.id)
        if old is not None and made.ends_at < old.ends_at:
            await asyncio.to_thread(silences.expire, old, site.clock.now())
        await asyncio.to_thread(silences.put, made)
        return JSONResponse({"silenceID": made.id})

    async def one(request: Request) -> Response:
        found = await asyncio.to_thread(silences.find, request.path_params["id"])
        if found is None:
            return JSONResponse("there is no such silence", 404)
        if request.method == "DELETE":
            await asyncio.to_thread(silences.expire, found, site.clock.now())
            return Response()
        return JSONResponse(plain(found, site.clock.now()))

    async def status(_: Request) -> Response:
        return JSONResponse({"versionInfo": {"version": __version__}, "cluster": {"status": "disabled"}})

    return [
        Route("/api/v2/silences", listed, methods=["GET"]),
        Route("/api/v2/silences", add, methods=["POST"]),
        Route("/api/v2/silence/{id}", one, methods=["GET", "DELETE"]),
        Route("/api/v2/status", status, methods=["GET"]),
    ]


def _made(wanted: Wanted, now: datetime) -> Silence:
    """Raises Permanent for one that cannot be."""
    if wanted.starts_at.tzinfo is None or wanted.ends_at.tzinfo is None:
        raise Permanent("times need a zone")
    if wanted.ends_at <= max(wanted.starts_at, now):
        raise Permanent("it must end after it begins, and later than now")
    if not wanted.matchers:
        raise Permanent("it needs a matcher")
    for matcher in wanted.matchers:
        matcher.check()
    words: Any = [truncate(clean(text).strip(), 500) for text in (wanted.created_by, wanted.comment)]
    return Silence(
        wanted.id or str(uuid.uuid4()),
        tuple(wanted.matchers),
        wanted.starts_at,
        wanted.ends_at,
        words[0],
        words[1],
        now,
    )
