"""A Mastodon server, played: streams over WebSockets and server-sent events, timelines, and what goes wrong.

Statuses are written from when the first client listens; their ids hold the clock's time, as Mastodon's do.
"""

from __future__ import annotations

import asyncio
import random
from bisect import bisect_left
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from html import escape
from typing import Any

import msgspec
from aiohttp import WSCloseCode, web

from tocsin.clock import Clock, SystemClock
from tocsin.simulators._faults import Fault, script
from tocsin.simulators._simulator import HOUR, Simulator

ENDS = ("reset", "end", "stall", "restart", "half")
ODD = ("garbage", "broken status", "unknown", "duplicates", "reorder", "slow", "split")
KINDS = (*ENDS, *ODD, "500", "503", "429")
"""What a random script may hold."""
TOKEN = "invented"


@dataclass
class Told:
    """A status, or (`edits`, `deletes`) the end or another text of an earlier one, by its number."""

    text: str = ""
    author: int = 0
    edits: int | None = None
    deletes: int | None = None
    tag: str = ""
    id: str = ""
    at: datetime | None = None
    edited: datetime | None = None


def story(seed: int, count: int, texts: Sequence[str] = ()) -> list[Told]:
    """Invented statuses, some of which are edited or deleted later; one in four has the hashtag acme."""
    draw = random.Random(seed)
    told: list[Told] = []
    left: list[int] = []
    for number in range(count):
        kind = draw.choices(["status", "edit", "delete"], [88, 6, 6])[0]
        text = draw.choice(texts) if texts else f"acme & co rang {number} times\u2028größer"
        tag = "acme" if number % 4 == 0 else ""
        if kind == "status" or number < 5:
            left.append(number)
            told.append(Told(text, draw.randrange(40), tag=tag))
            continue
        other = draw.choice(left)
        if kind == "edit":
            told.append(Told(f"{text}, edited", edits=other))
        else:
            left.pop(bisect_left(left, other))
            told.append(Told(deletes=other))
    return told


class Mastodon(Simulator):
    """`pace` and `thump` are real seconds: between events, and between signs of life."""

    def __init__(
        self, told: Sequence[Told], faults: Sequence[Fault] = (), pace: float = 0.003, thump: float = 0.05,
        clock: Clock | None = None, sockets: bool = True, late: float = 0.0,
    ) -> None:  # fmt: skip
        super().__init__(faults)
        self._told, self._pace, self._thump, self._late = list(told), pace, thump, late
        self._clock, self._sockets = clock or SystemClock(), sockets
        self._reached = 0
        self._until = 0.0
        self._listening: list[_Line] = []
        self.timelines_open = True
        self.revoked = False

    def routes(self) -> list[web.AbstractRouteDef]:
        return [
            web.get("/api/v2/instance", self._instance),
            web.get("/api/v1/streaming", self._socket),
            web.get("/api/v1/streaming/{kind}", self._events),
            web.get("/api/v1/streaming/{kind}/{scope}", self._events),
            web.get("/api/v1/timelines/public", self._timeline),
            web.get("/api/v1/timelines/tag/{tag}", self._timeline),
        ]

    async def close(self) -> None:
        for line in self._listening:
            line.news.put_nowait(None)
        await super().close()

    @property
    def over(self) -> bool:
        return self._reached >= len(self._told)

    async def _tell(self) -> None:
        """Time goes on, whoever listens."""
        while not self.over:
            await asyncio.sleep(self._pace)
            one = self._told[self._reached]
            one.at = self._clock.now()
            if one.edits is not None:
                self._told[one.edits].text, self._told[one.edits].edited = one.text, one.at
            elif one.deletes is not None:
                self.matched.discard(self.uri(self._told[one.deletes]))
            else:
                one.id = str((int(one.at.timestamp() * 1000) << 16) + self._reached % 2**16)
                self.matched.add(self.uri(one))
            self._reached += 1
            for line in self._listening:
                line.news.put_nowait(one)

    def uri(self, one: Told) -> str:
        return f"https://social.example/users/user{one.author}/statuses/{one.id}"

    def status(self, one: Told) -> dict[str, Any]:
        assert one.at is not None
        text = f"<p>{escape(one.text)}</p>"
        if one.tag:
            text += f'<p><a href="{self.url}/tags/{one.tag}" class="mention hashtag">#<span>{one.tag}</span></a></p>'
        account = {
            "id": str(one.author), "acct": f"user{one.author}", "url": f"https://social.example/@user{one.author}",
            "display_name": f"User {one.author}", "fields": [{"name": "Location", "value": "Leeds"}],
        }  # fmt: skip
        return {
            "id": one.id, "uri": self.uri(one), "url": f"https://social.example/@user{one.author}/{one.id}",
            "created_at": one.at.isoformat(), "edited_at": one.edited and one.edited.isoformat(), "content": text,
            "visibility": "public", "language": "en", "account": account,
            "tags": [{"name": one.tag, "url": f"{self.url}/tags/{one.tag}"}] if one.tag else [],
        }  # fmt: skip

    def event(self, one: Told) -> tuple[str, str]:
        """Its name and payload."""
        if one.deletes is not None:
            return "delete", self._told[one.deletes].id
        kind, about = ("update", one) if one.edits is None else ("status.update", self._told[one.edits])
        return kind, msgspec.json.encode(self.status(about)).decode()

    def recent(self) -> list[Told]:
        return self._told[max(self._reached - 5, 0) : self._reached]

    def count(self, one: Told) -> None:
        self.sent[self.uri(one) if one.id else f"event {id(one)}"] += 1

    # -- what is asked --

    def _refusal(self, request: web.Request) -> web.Response | None:
        if self.revoked or request.headers.get("Authorization") != f"Bearer {TOKEN}":
            return web.json_response({"error": "The access token was revoked"}, status=401)
        if asyncio.get_running_loop().time() < self._until:
            return web.Response(status=503)
        if (fault := self.due("500", "503", "429")) is not None:
            return web.json_response({"error": "no"}, status=int(fault.kind), headers={"Retry-After": "0"})
        return None

    async def _instance(self, _: web.Request) -> web.Response:
        return web.json_response({"configuration": {"urls": {"streaming": self.url.replace("http", "ws")}}})

    async def _timeline(self, request: web.Request) -> web.Response:
        if not self.timelines_open:
            return web.json_response({"error": "This method requires an authenticated user"}, status=403)
        if (refusal := self._refusal(request)) is not None:
            return refusal
        gone = {one.deletes for one in self._told[: self._reached] if one.deletes is not None}
        tag = request.match_info.get("tag")
        held = [
            one for number, one in enumerate(self._told[: self._reached])
            if one.id and number not in gone and (tag is None or one.tag == tag)
        ]  # fmt: skip
        limit = min(int(request.query.get("limit", "20")), 40)
        after = int(request.query.get("min_id", "-1"))
        page = [one for one in held if int(one.id) > after]
        page = page[:limit] if after >= 0 else page[-limit:]
        for one in page:
            self.count(one)
        return web.json_response([self.status(one) for one in reversed(page)])

    # -- the streams --

    async def _begin(self, streams: set[str]) -> _Line:
        self.begin()
        if self._late:
            await asyncio.sleep(self._late)
        line = _Line(self, streams)
        self._listening.append(line)
        return line

    async def _socket(self, request: web.Request) -> web.StreamResponse:
        self.connects += 1
        if not self._sockets:
            return web.Response(status=404)
        if (refusal := self._refusal(request)) is not None:
            return refusal
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        asked = msgspec.json.decode((await socket.receive()).data)
        if asked["stream"] not in {"public", "public:local", "public:remote", "hashtag"}:
            await socket.send_json({"error": "Unknown stream type", "status": 400})
            return socket
        name = [asked["stream"], *([asked["tag"]] if "tag" in asked else [])]
        line = await self._begin({asked.get("tag", "")})

        async def send(kind: str, payload: str, fault: Fault | None) -> None:
            del fault
            await socket.send_json({"stream": name, "event": kind, "payload": payload})

        async def raw(text: str) -> None:
            await socket.send_str(text)

        try:
            how = await line.run(send, raw, lambda: None)
            await self._ends(request, how, socket)
        finally:
            self._listening.remove(line)
        return socket

    async def _events(self, request: web.Request) -> web.StreamResponse:
        self.connects += 1
        if (refusal := self._refusal(request)) is not None:
            return refusal
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        await response.write(b":)\n")
        line = await self._begin({request.query.get("tag", "")})

        async def send(kind: str, payload: str, fault: Fault | None) -> None:
            body = f"event: {kind}\ndata:{payload}\n\n".encode()
            middle = body.index("ö".encode()) + 1 if "ö".encode() in body else len(body) // 2
            if fault is not None and fault.kind == "split":
                await response.write(body[:middle])
                await asyncio.sleep(0.01)
                body = body[middle:]
            await response.write(body)

        async def raw(text: str) -> None:
            await response.write(f"event: update\ndata: {text}\n\n".encode())

        async def thump() -> None:
            await response.write(b":thump\n")

        try:
            how = await line.run(send, raw, thump)
            await self._ends(request, how, None)
        finally:
            self._listening.remove(line)
        return response

    async def _ends(self, request: web.Request, how: Fault | None, socket: web.WebSocketResponse | None) -> None:
        if how is None:
            return
        if how.kind == "restart":
            self._until = asyncio.get_running_loop().time() + how.seconds
            if socket is not None:
                await socket.close(code=WSCloseCode.GOING_AWAY)
        elif how.kind == "stall":
            await asyncio.sleep(3600)
        elif how.kind == "half" and request.transport is not None:
            request.transport.write(b"\x81\x7e\x10\x00{" if socket is not None else b"event: update\ndata: {")
            await asyncio.sleep(0.01)
            if request.transport is not None:
                request.transport.abort()
        elif how.kind == "reset" and request.transport is not None:
            request.transport.abort()


class _Line:
    """One connection, from what is told now on."""

    def __init__(self, server: Mastodon, tags: set[str]) -> None:
        self._server, self._tags = server, tags
        self.news: asyncio.Queue[Told | None] = asyncio.Queue()

    async def run(self, send: Any, raw: Any, thump: Any) -> Fault | None:
        """Ends with the fault that ends it."""
        waiting: list[Told] = []
        with suppress(ConnectionError):
            while True:
                try:
                    async with asyncio.timeout(self._server._thump):
                        one = await self.news.get()
                except TimeoutError:
                    if (said := thump()) is not None:
                        await said
                    continue
                if one is None:
                    return None
                if self._tags != {""} and one.tag not in self._tags:
                    continue
                fault = self._server.due(*ENDS, *ODD)
                if fault is not None and fault.kind in ENDS:
                    return fault
                if fault is not None and fault.kind == "reorder":
                    waiting.append(one)
                    continue
                for told in [one, *waiting]:
                    await send(*self._server.event(told), fault)
                    self._server.count(told)
                waiting = []
                if fault is not None:
                    await self._odd(fault, send, raw)
        return None

    async def _odd(self, fault: Fault, send: Any, raw: Any) -> None:
        if fault.kind == "duplicates":
            for told in self._server.recent():
                await send(*self._server.event(told), None)
        elif fault.kind == "garbage":
            await raw("{not json")
        elif fault.kind == "broken status":
            await send("update", '{"id": 7}', None)
        elif fault.kind == "unknown":
            await send("announcement.reaction", "{}", None)
        elif fault.kind == "slow":
            await asyncio.sleep(fault.seconds)


def an_hour(rate: float, texts: Sequence[str], seed: int, faults: int) -> tuple[Mastodon, str]:
    """An hour of posts from now on at `rate` a second, with so many faults, and its block of `sources:`."""
    count = round(rate * HOUR)
    broken = script(seed, KINDS, count, faults) if faults else ()
    server = Mastodon(story(seed, count, texts), broken, pace=1 / rate, thump=15.0)
    return server, f'fediverse: {{{{type: mastodon, url: "{{url}}", token: {TOKEN}, streams: [public]}}}}'
