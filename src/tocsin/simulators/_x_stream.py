"""One connection of X's filtered stream, played, with the ways in which it ends and the odd things that it says."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import msgspec
from aiohttp import web

from tocsin.simulators._faults import Fault

if TYPE_CHECKING:
    from tocsin.simulators.x import Told, X

ENDS = ("reset", "end", "stall", "half", "operational")
ODD = ("garbage", "unknown", "duplicates", "reorder", "slow", "split", "errors", "other words", "no tag")


class Stream:
    """One connection of the filtered stream. It begins with what is told now."""

    def __init__(self, server: X, request: web.Request) -> None:
        self._server, self._request = server, request
        self.news: asyncio.Queue[Told | None] = asyncio.Queue()

    async def run(self, alive: float) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "application/json"})
        await response.prepare(self._request)
        waiting: list[Told] = []
        with suppress(ConnectionError):
            while True:
                try:
                    async with asyncio.timeout(alive):
                        one = await self.news.get()
                except TimeoutError:
                    await response.write(b"\r\n")
                    continue
                if one is None:
                    break
                fault = self._server.due(*ENDS, *ODD)
                if fault is not None and fault.kind in ENDS:
                    await self._ends(response, fault)
                    return response
                if fault is not None and fault.kind == "reorder":
                    waiting.append(one)
                    continue
                for told in [one, *waiting]:
                    await self._send(response, told, fault)
                waiting = []
                if fault is not None:
                    await self._odd(response, fault)
        return response

    async def _send(self, response: web.StreamResponse, one: Told, fault: Fault | None) -> None:
        line = self._server.line(one)
        if fault is not None and fault.kind == "split":
            middle = line.index("ö".encode()) + 1 if "ö".encode() in line else len(line) // 2
            await response.write(line[:middle])
            await asyncio.sleep(0.01)
            line = line[middle:]
        elif fault is not None and fault.kind == "errors":
            line = line[:-1] + b',"errors":[{"title":"Not Found Error","resource_type":"tweet"}]}'
        elif fault is not None and fault.kind == "no tag":
            line = line.replace(b'"tag":', b'"gat":', 1)
        await response.write(line + b"\r\n")
        self._server.sent[one.id] += 1

    async def _odd(self, response: web.StreamResponse, fault: Fault) -> None:
        if fault.kind == "duplicates":
            for told in self._server.recent():
                await self._send(response, told, None)
        elif fault.kind == "garbage":
            await response.write(b'{"data": {"id": 7,\n')
        elif fault.kind == "unknown":
            await response.write(b'{"notice": {"text": "hello"}}\r\n')
        elif fault.kind == "slow":
            await asyncio.sleep(fault.seconds)

    async def _ends(self, response: web.StreamResponse, fault: Fault) -> None:
        if fault.kind == "stall":
            await asyncio.sleep(3600)
        elif fault.kind == "half":
            await response.write(b'{"data":{"id":"1","text":"half')
        elif fault.kind == "operational":
            error = {"title": "operational-disconnect", "disconnect_type": "UpstreamOperationalDisconnect"}
            await response.write(raw({"errors": [error]}) + b"\r\n")
        elif fault.kind == "reset" and self._request.transport is not None:
            self._request.transport.abort()


def raw(body: dict[str, Any]) -> bytes:
    """JSON as X sends it: separators of lines inside of strings stand as they are."""
    return msgspec.json.encode(body)
