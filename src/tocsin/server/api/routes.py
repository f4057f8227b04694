"""The addresses of the API, and their description in OpenAPI, from one list."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from tocsin import __version__
from tocsin.errors import Transient
from tocsin.server.api import posts, system
from tocsin.server.api.answers import FORMS, TYPES, Panel, Wrong, answer, form_of, refusal
from tocsin.server.api.asked import FILTERS, TIMES
from tocsin.server.api.cache import Cache
from tocsin.server.api.counts import series
from tocsin.server.api.heat import heat
from tocsin.server.api.incidents import incidents
from tocsin.server.api.statements import statement
from tocsin.server.app import Site


@dataclass(frozen=True)
class Call:
    """One address: what gives its panel, and what may be asked (name -> what it means)."""

    path: str
    panel: Callable[[Site, Request], Panel]
    asked: Mapping[str, str]


POINTS = {"points": "How many at most. The bucket follows from it. Default: 400."}
LIMIT = {"limit": "How many at most."}
CALLS = (
    Call(
        "/api/series",
        series,
        {
            "policy": "A policy's name. Default: the first.",
            "series": 'Its values as a JSON array, like ["acme","outage"]. Default: the first.',
            **TIMES,
            **POINTS,
        },
    ),
    Call(
        "/api/heat",
        heat,
        {
            "policy": "A policy's name. Default: the first.",
            **TIMES,
            **POINTS,
            "watch": "Only series with this value; several by repeating it.",
            "limit": "How many series at most. Default: 24.",
        },
    ),
    Call("/api/totals", posts.totals, FILTERS),
    Call("/api/authors", posts.authors, FILTERS),
    Call("/api/mentions", posts.mentions, {"by": f"One of {', '.join(posts.FEW)}.", **FILTERS, **POINTS}),
    Call(
        "/api/values",
        posts.values,
        {
            "of": f"One of {', '.join(posts.KINDS)}.",
            "open": "1: whatever values of this kind are asked for.",
            **FILTERS,
            **LIMIT,
        },
    ),
    Call("/api/lifted", posts.lifted, {"of": f"One of {', '.join(posts.WORDS)}.", **FILTERS, **LIMIT}),
    Call("/api/places", posts.places, {**FILTERS, **LIMIT}),
    Call(
        "/api/posts",
        posts.posts,
        {"before": "`next` of the answer before.", "fold": "1: copies as one.", **FILTERS, **LIMIT},
    ),
    Call(
        "/api/incidents",
        incidents,
        {"state": "open, resolved or expired.", "policy": "A policy's name.", "limit": "How many. Default: 100."},
    ),
    Call("/api/coverage", system.coverage, {}),
    Call("/api/query", statement, {"sql": "One SELECT; 10,000 rows and 30 s at most."}),
)
UNCACHED = ("/api/query", "/api/incidents")


def routes(site: Site) -> list[BaseRoute]:
    """Every call, and `/api/openapi.json`, `/api/about`, `/api/system`, `/metrics`."""
    cache = Cache(site)

    async def described(_: Request) -> Response:
        return JSONResponse(openapi())

    async def metrics(_: Request) -> Response:
        if site.telemetry is None:
            return refusal("no loop runs in this process: `tocsin run` has metrics", 404)
        text = await asyncio.to_thread(site.telemetry.render)
        return Response(text, media_type="text/plain; version=0.0.4; charset=utf-8")

    made: list[BaseRoute] = [Route(call.path, _endpoint(site, call, cache), methods=["GET"]) for call in CALLS]
    return [
        *made,
        Route("/api/openapi.json", described, methods=["GET"]),
        Route("/api/about", _plain(site, system.about), methods=["GET"]),
        Route("/api/system", _plain(site, system.system), methods=["GET"]),
        Route("/metrics", metrics, methods=["GET"]),
    ]


def _endpoint(site: Site, call: Call, cache: Cache) -> Any:
    def panel(request: Request) -> Panel:
        if call.path in UNCACHED:
            return call.panel(site, request)
        return cache.get(request, lambda: call.panel(site, request))

    async def endpoint(request: Request) -> Response:
        try:
            unknown = set(request.query_params) - {*call.asked, "format"}
            if unknown:
                raise Wrong(f"{min(unknown)} is not known here; known are {', '.join([*call.asked, 'format'])}")
            form = form_of(request)
            return answer(await asyncio.to_thread(panel, request), form)
        except Wrong as error:
            return refusal(str(error), error.status)
        except Transient as error:
            return refusal(str(error), 503)

    return endpoint


def _plain(site: Site, made: Callable[[Site], dict[str, Any]]) -> Any:
    async def endpoint(_: Request) -> Response:
        try:
            body = await asyncio.to_thread(made, site)
        except Wrong as error:
            return refusal(str(error), error.status)
        return Response(msgspec.json.encode(body, enc_hook=str), media_type="application/json")

    return endpoint


def openapi() -> dict[str, Any]:
    """https://spec.openapis.org/oas/v3.1.0"""
    return {
        "openapi": "3.1.0",
        "info": {"title": "Tocsin", "version": __version__},
        "paths": {call.path: {"get": _described(call)} for call in CALLS},
    }


def _described(call: Call) -> dict[str, Any]:
    forms = {
        "name": "format",
        "in": "query",
        "schema": {"enum": list(FORMS)},
        "description": "Default: by Accept, or json.",
    }
    asked = [
        {"name": name, "in": "query", "schema": {"type": "string"}, "description": said}
        for name, said in call.asked.items()
    ]
    answers = {
        "200": {"description": "The rows.", "content": {media: {} for media in TYPES.values()}},
        "400": {"description": "What is wrong, in `error`."},
        "401": {"description": "A token is needed."},
    }
    said = (inspect.getdoc(call.panel) or "").partition(" Raises")[0].partition("\n\n")[0]
    return {"summary": said, "parameters": [*asked, forms], "responses": answers}
