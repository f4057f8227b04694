"""The page of an incident, and the pages that ask before they do something with it."""

from __future__ import annotations

import asyncio
from datetime import datetime
from typing import Any
from urllib.parse import parse_qs

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import BaseRoute, Route

from tocsin.messages import ACTIONS, PAGE
from tocsin.model import Incident
from tocsin.people import FEEDBACK, Action, Done, snooze_end
from tocsin.server import pages
from tocsin.server.app import Site, body_of
from tocsin.text import clean, one_line, truncate

SNOOZES = {"1 hour": 3600, "8 hours": 8 * 3600, "1 day": 86_400, "1 week": 7 * 86_400}
DEEDS = {*ACTIONS, "note"}
NAME, NOTE = 80, 2000


def routes(site: Site) -> list[BaseRoute]:
    """`/i/{incident}/{action}`: GET shows, POST does."""

    async def show(request: Request) -> Response:
        incident, action, fault = await _asked(site, request)
        if incident is None:
            return _refused(fault)
        if action == PAGE:
            done = await asyncio.to_thread(site.state.done, incident.id)
            links = {name: site.links.url(incident.id, deed) for deed, name in {**ACTIONS, "note": "Note"}.items()}
            return HTMLResponse(pages.incident(incident, done, links))
        return HTMLResponse(pages.confirm(incident, action, list(SNOOZES)))

    async def act(request: Request) -> Response:
        incident, action, fault = await _asked(site, request)
        if incident is None:
            return _refused(fault)
        body = await body_of(request)
        if body is None or action == PAGE:
            return HTMLResponse(pages.notice("That cannot be done.", "Go back and try again."), 400)
        form = {name: values[-1] for name, values in parse_qs(body.decode(errors="replace")).items()}
        deed = _deed(incident, action, form, site.clock.now())
        if deed is None:
            return HTMLResponse(pages.notice("Nothing was written.", "Go back and write what is to be kept."), 400)
        before = await asyncio.to_thread(site.state.done, incident.id)
        if not _again(before, deed):
            await asyncio.to_thread(site.state.did, deed)
        return HTMLResponse(pages.done(incident, action, site.links.url(incident.id, PAGE)))

    path = "/i/{incident}/{action}"
    return [Route(path, show, methods=["GET"]), Route(path, act, methods=["POST"])]


async def _asked(site: Site, request: Request) -> tuple[Incident | None, str, str]:
    """The incident and the action of a good link; else what is wrong with it."""
    id, action = request.path_params["incident"], request.path_params["action"]
    query = request.query_params
    fault = site.links.check(id, action, query.get("e", ""), query.get("s", ""))
    if fault is not None or action not in {*DEEDS, PAGE}:
        return None, action, fault or "This link asks for something that cannot be done."
    found = await asyncio.to_thread(_find, site, id)
    return found, action, "" if found else "This incident is not kept any more."


def _find(site: Site, id: str) -> Incident | None:
    return next((one for one in site.state.incidents() if one.id == id), None)


def _refused(fault: str) -> Response:
    return HTMLResponse(pages.notice("This does not work.", fault), 403)


def _deed(incident: Incident, action: str, form: dict[str, str], now: datetime) -> Done | None:
    by = truncate(one_line(clean(form.get("who", ""))).strip(), NAME) or "by link"

    def done(kind: Action, argument: str | None) -> Done:
        return Done(incident.id, kind, argument, by, now)

    if action == "ack":
        return done("ack", None)
    if action == "snooze":
        return done("snooze", snooze_end(now, SNOOZES.get(form.get("for", ""), 3600)))
    if action in FEEDBACK:
        return done("feedback", action)
    note = truncate(clean(form.get("note", "")).strip(), NOTE)
    return done("note", note) if note else None


def _again(before: list[Done], deed: Done) -> bool:
    """Whether the same was done just before: a form that was sent twice."""
    last: Any = before[-1] if before else None
    if last is None or (last.action, last.by) != (deed.action, deed.by):
        return False
    soon = (deed.at - last.at).total_seconds() < 60
    return soon and (deed.action == "snooze" or last.argument == deed.argument)
