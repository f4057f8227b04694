"""Hacker News' Firebase API, played: items that appear one by one, some of them as null for a while, edits, deletes."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Sequence
from typing import Any

from aiohttp import web

from tocsin.clock import SystemClock
from tocsin.simulators._faults import Fault, script
from tocsin.simulators._simulator import HOUR, Simulator

START = 1_772_366_400
"""2026-03-01 12:00 UTC, in seconds."""
FIRST = 40_000_000
KINDS = ("500", "503", "429", "reset", "slow", "garbage", "half", "null", "backwards")


def story(
    seed: int, count: int, start: int = START, step: float = 2.0, texts: Sequence[str] = ()
) -> list[dict[str, Any]]:
    """Invented items with consecutive ids: comments, stories, and jobs, polls and dead ones that nobody wants."""
    draw = random.Random(seed)
    told: list[dict[str, Any]] = []
    for number in range(count):
        item: dict[str, Any] = {
            "id": FIRST + number,
            "by": f"user{draw.randrange(50)}",
            "time": start + int(step * number),
        }
        text = draw.choice(texts) if texts else f"The bell of acme&#x27;s rings\u2028{number} times<p>Said <i>twice</i>"
        kind = draw.choices(["comment", "story", "job", "dead"], [80, 12, 3, 5])[0]
        if kind == "story":
            item |= {
                "type": "story",
                "title": f"Acme, part {number}",
                "url": f"https://news.example/{number}",
                "score": 1,
            }
        elif kind == "job":
            item |= {"type": "job", "title": "Acme is hiring"}
        else:
            item |= {"type": "comment", "text": text, "parent": FIRST + max(number - 1, 0)}
            item |= {"dead": True} if kind == "dead" else {}
        told.append(item)
    return told


class Hackernews(Simulator):
    """One more item appears every `pace` seconds, from the first good answer on."""

    def __init__(
        self, told: Sequence[dict[str, Any]], faults: Sequence[Fault] = (), pace: float = 0.005, first: int = 1
    ) -> None:
        super().__init__(faults)
        self._told, self._pace, self._shown = list(told), pace, first
        self._null: dict[int, int] = {}
        self._updated: list[int] = []
        self.matched = {
            str(one["id"]) for one in self._told if one["type"] in {"comment", "story"} and not one.get("dead")
        }

    def routes(self) -> list[web.AbstractRouteDef]:
        return [
            web.get("/v0/maxitem.json", self._newest),
            web.get("/v0/item/{id}.json", self._item),
            web.get("/v0/updates.json", self._updates),
        ]

    def change(self, id: int, **values: Any) -> None:
        """An item is edited, or deleted (`deleted=True`)."""
        self._told[id - FIRST] |= values
        self._updated.append(id)

    async def _tell(self) -> None:
        while self._shown < len(self._told):
            await asyncio.sleep(self._pace)
            self._shown += 1

    async def _newest(self, request: web.Request) -> web.StreamResponse:
        self.connects += 1
        newest = FIRST + self._shown - 1
        fault = self.due(*KINDS)
        if fault is not None and fault.kind == "backwards":
            newest -= 5
        elif fault is not None and fault.kind == "null":
            self._null[newest] = 3
        elif fault is not None:
            return await self._fails(request, fault)
        self.begin()
        return web.json_response(newest)

    async def _item(self, request: web.Request) -> web.StreamResponse:
        number = int(request.match_info["id"])
        self.sent[str(number)] += 1
        if (fault := self.due(*KINDS)) is not None and fault.kind != "backwards":
            if fault.kind == "null":
                return web.json_response(None)
            return await self._fails(request, fault)
        if self._null.get(number, 0) > 0:
            self._null[number] -= 1
            return web.json_response(None)
        index = number - FIRST
        return web.json_response(self._told[index] if 0 <= index < self._shown else None)

    async def _updates(self, _: web.Request) -> web.Response:
        return web.json_response({"items": self._updated[-100:], "profiles": []})

    async def _fails(self, request: web.Request, fault: Fault) -> web.StreamResponse:
        if fault.kind == "slow":
            await asyncio.sleep(fault.seconds)
            return web.Response(status=503)
        if fault.kind in {"garbage", "half"}:
            return web.Response(
                body=b'{"id": 40000' if fault.kind == "half" else b"<html>", content_type="application/json"
            )
        if fault.kind == "reset" and request.transport is not None:
            request.transport.abort()
            return web.Response()
        return web.Response(status=int(fault.kind), headers={"Retry-After": "0"})


def an_hour(rate: float, texts: Sequence[str], seed: int, faults: int) -> tuple[Hackernews, str]:
    """An hour of posts from now on at `rate` a second, with so many faults, and its block of `sources:`."""
    count = round(rate * HOUR)
    told = story(seed, count, round(SystemClock().now().timestamp()), 1 / rate, texts)
    broken = script(seed, KINDS, count, faults) if faults else ()
    return Hackernews(told, broken, pace=1 / rate), 'hn: {{type: hackernews, url: "{url}", every: 5s}}'
