"""Things tried before they are saved: a text given to the categories, a policy given to the past."""

from __future__ import annotations

import asyncio
import threading
from datetime import datetime
from functools import lru_cache
from typing import Any, Literal

import msgspec
from pydantic import ValidationError
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from tocsin import settings
from tocsin.errors import ConfigError, TocsinError
from tocsin.runners.assemble import Assembly
from tocsin.runners.backtest import Wish
from tocsin.runners.trials import backtest
from tocsin.runners.understand import Understanding
from tocsin.server.app import Site, told

LONGEST_TEXT = 10_000
_one_at_a_time = threading.Lock()
"""A backtest and a model each take what one processor has."""


class Text(msgspec.Struct, frozen=True):
    text: str


class Wanted(msgspec.Struct, frozen=True):
    """A policy as the config would have it, and a budget; over the last `days`."""

    measure: str = "mentions"
    by: tuple[str, ...] = ("watch", "category")
    sensitivity: Literal["balanced", "quiet", "strict"] = "balanced"
    budget: str = "1 per day"
    days: int = 30


class Rang(msgspec.Struct, frozen=True):
    headline: str
    at: datetime
    severity: int


class Answer(msgspec.Struct, frozen=True):
    """`alerts` would have rung in `days`; the newest of them; and how many a week with the threshold at each factor."""

    alerts: int
    incidents: int
    days: float
    rang: list[Rang]
    curve: list[tuple[float, float]]


def routes(site: Site) -> list[BaseRoute]:
    """`/api/classify` and `/api/policies/preview`."""

    async def classify(request: Request) -> Response:
        asked = await told(request, Text)
        if isinstance(asked, Response):
            return asked
        if site.assembly is None or len(asked.text) > LONGEST_TEXT:
            return JSONResponse({"error": f"give a text of {LONGEST_TEXT} characters at most"}, 400)
        try:
            found = await asyncio.to_thread(understood, site, asked.text)
        except TocsinError as fault:
            return JSONResponse({"error": str(fault)}, 503)
        return Response(msgspec.json.encode(found, enc_hook=str), media_type="application/json")

    async def preview(request: Request) -> Response:
        asked = await told(request, Wanted)
        if isinstance(asked, Response):
            return asked
        try:
            found = await asyncio.to_thread(fired, site, asked)
        except (TocsinError, ValueError) as fault:
            return JSONResponse({"error": str(fault)}, 400)
        return Response(msgspec.json.encode(found), media_type="application/json")

    return [
        Route("/api/classify", classify, methods=["POST"]),
        Route("/api/policies/preview", preview, methods=["POST"]),
    ]


def understood(site: Site, text: str) -> dict[str, Any]:
    """What a run would say of a text. Raises Transient."""
    assert site.assembly is not None
    with _one_at_a_time:
        return _understanding(site.assembly).analyze([text])[0]


@lru_cache(maxsize=1)
def _understanding(assembly: Assembly) -> Understanding:
    return Understanding(assembly.config)


def fired(site: Site, asked: Wanted) -> Answer:
    """What a policy would have rung for. Raises ConfigError and Permanent."""
    assert site.assembly is not None
    if not 1 <= asked.days <= 60:
        raise ConfigError("days is a number from 1 to 60")
    config = site.assembly.config
    try:
        policy = settings.Policy.model_validate(
            {"name": "preview", "measure": asked.measure, "by": list(asked.by), "sensitivity": asked.sensitivity}
        )
    except ValidationError as error:
        raise ConfigError("; ".join(one["msg"] for one in error.errors())) from None
    alerts = config.alerts.model_copy(update={"policies": (policy,), "budget": asked.budget})
    with _one_at_a_time:
        report = backtest(
            Assembly(config.model_copy(update={"alerts": alerts}), site.clock), Wish(asked.days, asked.budget)
        )
    told = [one for one in report.incidents if one.told]
    rang = [Rang(one.headline, one.rang_at or one.detected_at, one.severity) for one in told]
    (result,) = report.policies
    curve = [(point.factor, point.alerts_per_week) for point in result.curve]
    days = (report.until - report.since).total_seconds() / 86_400
    return Answer(len(told), result.incidents, round(days, 1), rang[::-1][:50], curve)
