"""What is new, told to every open page as it happens: server-sent events (https://html.spec.whatwg.org, 9.2).

Events say that something changed, not what it is: a page then asks for what it shows. Each page has a queue of its own
that drops the oldest. One that comes back says which event it saw last, and gets those since, or `reset`.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Any

import msgspec
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import BaseRoute, Route

from tocsin.clock import Clock
from tocsin.errors import TocsinError

if TYPE_CHECKING:
    from tocsin.server.app import Site

log = logging.getLogger(__name__)

LOOK_SECONDS = 1.0
BEAT_SECONDS = 15.0
KEPT = 500
WAITING = 64
"""Events that wait for one page."""
MOST_PAGES = 500


class Event(msgspec.Struct, frozen=True):
    number: int
    kind: str

    @property
    def text(self) -> bytes:
        return f"id: {self.number}\nevent: {self.kind}\ndata: {{}}\n\n".encode()


class Events:
    """The events so far, and the pages that wait for more. To be used on the event loop alone."""

    def __init__(self, clock: Clock) -> None:
        self._kept: deque[Event] = deque(maxlen=KEPT)
        self._number = int(clock.now().timestamp() * 1000)
        self._pages: set[asyncio.Queue[Event]] = set()

    @property
    def pages(self) -> int:
        return len(self._pages)

    def tell(self, kind: str) -> None:
        """Tell all pages."""
        self._number += 1
        event = Event(self._number, kind)
        self._kept.append(event)
        for page in self._pages:
            if page.full():
                page.get_nowait()
            page.put_nowait(event)

    def since(self, last: int | None) -> list[Event]:
        """What a page has missed; where that is not known, that it is to ask for everything anew."""
        if last in (None, self._number):
            return []
        if not self._kept or not self._kept[0].number - 1 <= last <= self._number:
            return [Event(self._number, "reset")]
        return [event for event in self._kept if event.number > last]

    async def stream(self, last: int | None) -> AsyncIterator[bytes]:
        """What one page is sent, from the event after `last` on."""
        page: asyncio.Queue[Event] = asyncio.Queue(WAITING)
        self._pages.add(page)
        try:
            yield b"retry: 2000\n\n"
            yield Event(self._number, "hello").text if last is None else b""
            for event in self.since(last):
                yield event.text
            while True:
                try:
                    yield (await asyncio.wait_for(page.get(), BEAT_SECONDS)).text
                except TimeoutError:
                    yield b": still here\n\n"
        finally:
            self._pages.discard(page)


class Watch:
    """Looks at what changes and tells the pages: `posts`, `counted`, `acted`."""

    def __init__(self, site: Site, events: Events) -> None:
        self._site, self._events = site, events
        self._seen: dict[str, Any] = {}

    async def keep(self) -> None:
        """For good: until cancelled."""
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            if self._events.pages:
                try:
                    self._tell(await asyncio.to_thread(self._look))
                except TocsinError as fault:
                    log.warning("The open pages are not told what is new: %s", fault)

    def _look(self) -> dict[str, Any]:
        found: dict[str, Any] = dict(zip(("counted", "acted"), self._site.state.pulse(), strict=True))
        if self._site.index is not None and (place := self._site.index().place) is not None:
            found["posts"] = place.seq
        return found

    def _tell(self, found: dict[str, Any]) -> None:
        for kind, mark in found.items():
            if self._seen.get(kind, mark) != mark:
                self._events.tell(kind)
        self._seen = found


def routes(site: Site) -> list[BaseRoute]:
    """`/api/events`."""

    async def events(request: Request) -> Response:
        if site.events is None:
            return JSONResponse({"error": "nothing is live here"}, 404)
        if site.events.pages >= MOST_PAGES:
            return JSONResponse({"error": "too many pages are open"}, 503, {"Retry-After": "30"})
        said = request.headers.get("last-event-id")
        last = int(said) if said and said.isdigit() and len(said) < 20 else None
        headers = {"cache-control": "no-store", "x-accel-buffering": "no"}
        return StreamingResponse(site.events.stream(last), media_type="text/event-stream", headers=headers)

    return [Route("/api/events", events, methods=["GET"])]
