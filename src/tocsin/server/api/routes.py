"""The addresses of the API, and their description in OpenAPI, from one list."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from tocsin import __version__
from tocsin.server.api.answers import FORMS, TYPES, Panel, Wrong, answer, form_of, refusal
from tocsin.server.api.counts import series
from tocsin.server.api.incidents import incidents
from tocsin.server.api.statements import statement
from tocsin.server.app import Site, let_in


@dataclass(frozen=True)
class Call:
    """One address: what gives its panel, and what may be asked (name -> what it means)."""

    path: str
    panel: Callable[[Site, Request], Panel]
    asked: Mapping[str, str]


CALLS = (
    Call(
        "/api/series",
        series,
        {
            "policy": "A policy's name. Default: the first.",
            "series": 'Its values as a JSON array, like ["acme","outage"]. Default: the first.',
            "start": "ISO 8601, or seconds back from the newest, like -86400. Default: a day before the end.",
            "end": "The same. Default: the newest.",
            "points": "How many at most. The bucket follows from it. Default: 400.",
        },
    ),
    Call(
        "/api/incidents",
        incidents,
        {"state": "open, resolved or expired.", "policy": "A policy's name.", "limit": "How many. Default: 100."},
    ),
    Call("/api/query", statement, {"sql": "One SELECT; 10,000 rows and 30 s at most."}),
)


def routes(site: Site) -> list[BaseRoute]:
    """Every call, and `/api/openapi.json`."""

    async def described(_: Request) -> Response:
        return JSONResponse(openapi())

    made: list[BaseRoute] = [Route(call.path, let_in(site, _endpoint(site, call)), methods=["GET"]) for call in CALLS]
    return [*made, Route("/api/openapi.json", described, methods=["GET"])]


def _endpoint(site: Site, call: Call) -> Any:
    async def endpoint(request: Request) -> Response:
        try:
            unknown = set(request.query_params) - {*call.asked, "format"}
            if unknown:
                raise Wrong(f"{min(unknown)} is not known here; known are {', '.join([*call.asked, 'format'])}")
            form = form_of(request)
            return answer(await asyncio.to_thread(call.panel, site, request), form)
        except Wrong as error:
            return refusal(str(error), error.status)

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
