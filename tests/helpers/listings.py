"""Platforms that show their newest posts in pages, played together: GDELT, YouTube and Reddit."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from aiohttp import web

from tocsin.clock import Clock
from tocsin.simulators._faults import Fault
from tocsin.simulators._simulator import Simulator

KINDS = ("500", "503", "429", "reset", "garbage", "slow")
START = datetime(2026, 3, 1, 12, tzinfo=UTC)


@dataclass
class Told:
    text: str
    at: datetime | None = None
    gone: bool = False


def story(count: int) -> list[Told]:
    return [Told(f"acme & co, part {number}\u2028 größer") for number in range(count)]


class Listings(Simulator):
    """One more post appears every `pace` seconds, from the first good answer on; `first` are there already."""

    def __init__(
        self, told: Sequence[Told], clock: Clock, faults: Sequence[Fault] = (), pace: float = 0.005, first: int = 1
    ) -> None:
        super().__init__(faults)
        self.told, self._clock, self._pace, self.shown = list(told), clock, pace, first
        self.refuse: web.Response | None = None
        self.tokens = 0
        for number, one in enumerate(self.told[:first]):
            one.at = clock.now() - timedelta(seconds=60 * (first - number))
        self.matched = {str(number) for number in range(len(told))}

    def routes(self) -> list[web.AbstractRouteDef]:
        return [
            web.get("/api/v2/doc/doc", self._gdelt),
            web.get("/youtube/v3/commentThreads", self._youtube),
            web.post("/api/v1/access_token", self._token),
            web.get("/r/{names}/{kind}", self._reddit),
            web.get("/api/info", self._info),
        ]

    async def _tell(self) -> None:
        while self.shown < len(self.told):
            await asyncio.sleep(self._pace)
            self.told[self.shown].at = self._clock.now()
            self.shown += 1

    async def _fails(self, request: web.Request) -> web.Response | None:
        self.connects += 1
        if self.refuse is not None:
            return self.refuse
        fault = self.due(*KINDS)
        if fault is None:
            self.begin()
            return None
        if fault.kind == "slow":
            await asyncio.sleep(fault.seconds)
            return web.Response(status=503)
        if fault.kind == "garbage":
            return web.Response(body=b'{"items": [{"id": 7', content_type="application/json")
        if fault.kind == "reset":
            if request.transport is not None:
                request.transport.abort()
            return web.Response()
        return web.Response(status=int(fault.kind), headers={"Retry-After": "0"})

    def _page(self, start: int, size: int) -> list[int]:
        """Numbers, newest first."""
        newest = self.shown - 1 - start
        page = list(range(newest, max(newest - size, -1), -1))
        self.sent.update(map(str, page))
        return page

    def at(self, number: int) -> datetime:
        at = self.told[number].at
        assert at is not None
        return at

    async def _gdelt(self, request: web.Request) -> web.Response:
        if (fault := await self._fails(request)) is not None:
            return fault
        minutes = int(request.query["timespan"].removesuffix("min"))
        oldest = self._clock.now() - timedelta(minutes=minutes)
        page = [number for number in self._page(0, int(request.query["maxrecords"])) if self.at(number) >= oldest]
        rows = [
            {"url": f"https://news.example/{number}", "title": self.told[number].text, "domain": "news.example",
             "seendate": f"{self.at(number):%Y%m%dT%H%M%SZ}", "language": "English", "sourcecountry": "Poland"}
            for number in page
        ]  # fmt: skip
        return web.json_response({"articles": rows} if rows else {})

    async def _youtube(self, request: web.Request) -> web.Response:
        if (fault := await self._fails(request)) is not None:
            return fault
        start = int(request.query.get("pageToken", "0"))
        page = self._page(start, 20)
        items = []
        for number in page:
            snippet = {
                "videoId": "v", "textDisplay": self.told[number].text, "authorDisplayName": "@sam",
                "authorChannelId": {"value": "UC1"}, "likeCount": 3, "publishedAt": self.at(number).isoformat(),
                "updatedAt": self.at(number).isoformat(),
            }  # fmt: skip
            items.append({"id": str(number), "snippet": {"topLevelComment": {"id": str(number), "snippet": snippet}}})
        more = {"nextPageToken": str(start + 20)} if start + 20 < self.shown else {}
        return web.json_response({"items": items, **more})

    async def _token(self, request: web.Request) -> web.Response:
        self.tokens += 1
        if not request.headers.get("Authorization", "").startswith("Basic "):
            return web.json_response({"error": "invalid_grant"}, status=401)
        return web.json_response({"access_token": f"token{self.tokens}", "expires_in": 3600})

    async def _reddit(self, request: web.Request) -> web.Response:
        if (fault := await self._fails(request)) is not None:
            return fault
        if request.headers.get("Authorization") != f"Bearer token{self.tokens}":
            return web.json_response({}, status=401)
        kind = {"new": 0, "comments": 1}[request.match_info["kind"]]
        start = int(request.query.get("after", "0"))
        page = self._page(start, 40)
        rows = [self._thing(number) for number in page if number % 2 == kind]
        after = str(start + 40) if start + 40 < self.shown else None
        return web.json_response({"data": {"children": rows, "after": after}})

    def _thing(self, number: int) -> dict[str, Any]:
        comment, one = number % 2 == 1, self.told[number]
        name = f"t{1 if comment else 3}_{number}"
        text = "[deleted]" if one.gone else one.text
        data = {
            "id": str(number), "name": name, "author": "[deleted]" if one.gone else "sam", "author_fullname": "t2_1",
            "created_utc": self.at(number).timestamp(), "permalink": f"/r/acme/{number}",
            "subreddit": "acme", "score": 1, "edited": False,
        }  # fmt: skip
        data |= (
            {"body": text, "parent_id": "t3_0", "link_id": "t3_0"} if comment else {"title": "Title", "selftext": text}
        )
        return {"kind": name[:2], "data": data}

    async def _info(self, request: web.Request) -> web.Response:
        asked = [int(name.partition("_")[2]) for name in request.query["id"].split(",")]
        return web.json_response({"data": {"children": [self._thing(number) for number in asked]}})
