"""Telegram's Bot API and Discord's REST API, played: what is written in one chat, and what goes wrong."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from aiohttp import web

from tocsin.clock import Clock
from tocsin.simulators._faults import Fault
from tocsin.simulators._simulator import Simulator

KINDS = ("500", "503", "429", "reset", "garbage", "slow")
TOKEN, CHANNEL = "123:invented", "900000"


@dataclass
class Told:
    text: str
    at: datetime = datetime(2026, 3, 1, 12, tzinfo=UTC)
    edited: datetime | None = None
    gone: bool = False


def story(count: int) -> list[Told]:
    return [Told(f"acme & co, part {number}\u2028 größer 🔔") for number in range(count)]


class Chats(Simulator):
    """One more message is written every `pace` seconds, from the first good answer on; `first` are there already."""

    def __init__(
        self, told: Sequence[Told], clock: Clock, faults: Sequence[Fault] = (), pace: float = 0.005, first: int = 1
    ) -> None:
        super().__init__(faults)
        self.told, self._clock, self._pace, self.shown = list(told), clock, pace, first
        self._confirmed = 0
        self.extra: list[dict[str, Any]] = []
        """Further updates of Telegram's, numbered after the messages."""
        self.refuse: web.Response | None = None
        self.matched = {str(number) for number in range(1, len(told) + 1)}

    def routes(self) -> list[web.AbstractRouteDef]:
        return [
            web.post(f"/bot{TOKEN}/getUpdates", self._updates),
            web.post(f"/bot{TOKEN}/getMe", self._me),
            web.get(f"/channels/{CHANNEL}", self._channel),
            web.get(f"/channels/{CHANNEL}/messages", self._messages),
        ]

    async def _tell(self) -> None:
        while self.shown < len(self.told):
            await asyncio.sleep(self._pace)
            self.told[self.shown].at = self._clock.now()
            self.shown += 1

    async def _fails(self, request: web.Request) -> web.Response | None:
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
            return web.Response(body=b'[{"ok": tru', content_type="application/json")
        if fault.kind == "reset":
            if request.transport is not None:
                request.transport.abort()
            return web.Response()
        return web.json_response(
            {"ok": False, "description": "no"}, status=int(fault.kind), headers={"Retry-After": "0"}
        )

    def ids(self, after: int) -> list[int]:
        """Ids are numbers from 1."""
        found = [id for id in range(after + 1, self.shown + 1) if not self.told[id - 1].gone]
        return found[:100]

    async def _updates(self, request: web.Request) -> web.Response:
        if (fault := await self._fails(request)) is not None:
            return fault
        asked = await request.json()
        self._confirmed = max(self._confirmed, asked["offset"] - 1)
        found = [{"update_id": id, "channel_post": self._post(id)} for id in self.ids(self._confirmed)]
        found += [one for one in self.extra if one["update_id"] > self._confirmed]
        if not found:
            await asyncio.sleep(min(asked["timeout"], 0.02))
        self.sent.update(str(one["update_id"]) for one in found)
        return web.json_response({"ok": True, "result": found})

    async def _me(self, _: web.Request) -> web.Response:
        return web.json_response({"ok": True, "result": {"id": 123, "is_bot": True, "username": "acmebot"}})

    def _post(self, id: int) -> dict[str, Any]:
        one = self.told[id - 1]
        return {
            "message_id": id, "date": int(one.at.timestamp()), "text": one.text,
            "chat": {"id": -100, "username": "acmenews", "title": "Acme news", "type": "channel"},
            "sender_chat": {"id": -100, "username": "acmenews", "title": "Acme news"},
        }  # fmt: skip

    async def _channel(self, _: web.Request) -> web.Response:
        return web.json_response({"id": CHANNEL, "guild_id": "77", "name": "help"})

    async def _messages(self, request: web.Request) -> web.Response:
        if request.headers.get("Authorization") != f"Bot {TOKEN}":
            return web.json_response({"message": "401: Unauthorized"}, status=401)
        if (fault := await self._fails(request)) is not None:
            return fault
        after = request.query.get("after")
        page = self.ids(int(after)) if after is not None else list(range(1, self.shown + 1))[-100:]
        page = [id for id in page if not self.told[id - 1].gone]
        self.sent.update(map(str, page))
        return web.json_response([self._message(id) for id in reversed(page)])

    def _message(self, id: int) -> dict[str, Any]:
        one = self.told[id - 1]
        return {
            "id": str(id), "content": one.text, "channel_id": CHANNEL, "timestamp": one.at.isoformat(),
            "edited_timestamp": one.edited and one.edited.isoformat(),
            "author": {"id": "5", "username": "sam", "global_name": "Sam"},
            "mentions": [{"id": "6", "username": "ann"}], "attachments": [],
            "message_reference": {"message_id": "1"} if id == 2 else None,
        }  # fmt: skip
