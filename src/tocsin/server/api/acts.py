"""One incident, whole, and what people do with it."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from tocsin.people import ACTIONS, FEEDBACK, Action, Done, snooze_end
from tocsin.server.app import Site, noted, told, who
from tocsin.text import clean, one_line, truncate

LONGEST_NOTE, LONGEST_SNOOZE = 2_000, 366 * 86_400


class Deed(msgspec.Struct, frozen=True):
    """`argument`: the text of a note, an assignee, a feedback, or for how many seconds to snooze."""

    action: Action
    argument: str | None = None


def routes(site: Site) -> list[BaseRoute]:
    """`/api/incidents/{id}` and `/api/incidents/{id}/done`."""

    async def one(request: Request) -> Response:
        id = request.path_params["id"]
        found = await asyncio.to_thread(incident, site, id)
        if found is None:
            return JSONResponse({"error": "there is no incident with this id"}, 404)
        return Response(msgspec.json.encode(found, enc_hook=str), media_type="application/json")

    async def done(request: Request) -> Response:
        id = request.path_params["id"]
        asked = await told(request, Deed)
        if isinstance(asked, Response):
            return asked
        if await asyncio.to_thread(site.state.incident, id) is None:
            return JSONResponse({"error": "there is no incident with this id"}, 404)
        deed = _deed(id, asked, who(request).name, site.clock.now())
        if isinstance(deed, str):
            return JSONResponse({"error": deed}, 400)
        await asyncio.to_thread(site.state.did, deed)
        noted(site, request, asked.action, id)
        return await one(request)

    return [
        Route("/api/incidents/{id}", one, methods=["GET"]),
        Route("/api/incidents/{id}/done", done, methods=["POST"]),
    ]


def incident(site: Site, id: str) -> dict[str, Any] | None:
    """An incident with its receipt, what people did, whom it was told to, and what is told with it."""
    found = site.state.incident(id)
    if found is None:
        return None
    parts = [one for one in site.state.incidents() if one.part_of == id]
    sent = [
        {
            "destination": row["destination"], "state": row["state"], "event": row["key"].split(".")[1],
            "at": datetime.fromtimestamp(row["sent_at"] or row["created"], UTC), "error": row["error"],
        }
        for row in site.state.outbox() if row["key"].startswith(f"{id}.")
    ]  # fmt: skip
    return {
        **msgspec.structs.asdict(found),
        "parts": [{"id": one.id, "series": one.series, "headline": one.headline} for one in parts],
        "done": [msgspec.structs.asdict(one) for one in site.state.done(id)],
        "sent": sent,
    }


def _deed(id: str, asked: Deed, by: str, at: datetime) -> Done | str:
    """What is done, or what is wrong with it."""
    argument = truncate(clean(asked.argument or "").strip(), LONGEST_NOTE) or None
    assert asked.action in ACTIONS
    if asked.action in {"note", "assign"} and argument is None:
        return f"{asked.action} needs a text"
    if asked.action == "assign":
        argument = truncate(one_line(argument or ""), 80)
    if asked.action == "feedback" and argument not in FEEDBACK:
        return f"feedback is one of {', '.join(FEEDBACK)}"
    if asked.action == "snooze":
        seconds = int(argument) if argument and argument.isdigit() and len(argument) < 10 else 0
        if not 60 <= seconds <= LONGEST_SNOOZE:
            return "snooze takes seconds: from 60 to a year"
        argument = snooze_end(at, seconds)
    return Done(id, asked.action, argument, by, at)
