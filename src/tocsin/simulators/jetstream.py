"""Bluesky's Jetstream, played: both wires, cursors, filters, zstd, and what goes wrong with it.

The story is a list of `Told`, sent from when the first client comes; each has its time on the server's clock.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

import msgspec
import zstandard
from aiohttp import WSCloseCode, web

from tocsin.clock import SystemClock
from tocsin.simulators._faults import Fault, script
from tocsin.simulators._simulator import HOUR, Simulator

START = 1_772_366_400_000_000
"""2026-03-01 12:00 UTC, in microseconds."""
POSTS = "app.bsky.feed.post"
KINDS = (
    "reset",
    "restart",
    "end",
    "stall",
    "garbage",
    "broken post",
    "duplicates",
    "reorder",
    "slow",
    "503",
    "429",
    "half",
    "too slow",
)
"""What a script may hold; "forgets" (cursors older than the present are gone) loses posts for good."""
_DICTIONARY_ID = 20_260_811
_V2 = "network.bsky.jetstream.subscribeEvents"


@dataclass(frozen=True)
class Told:
    """One event of the network at `time_us`: a post, its edit or delete, or an account's end."""

    time_us: int
    did: str
    kind: Literal["create", "update", "delete", "account", "identity"] = "create"
    rkey: str = ""
    record: dict[str, Any] | None = None
    status: str = "deleted"
    collection: str = POSTS

    @property
    def uri(self) -> str:
        return f"at://{self.did}/{self.collection}/{self.rkey}"


def story(seed: int, count: int, step_us: int = 20_000, start_us: int = START, texts: Sequence[str] = ()) -> list[Told]:
    """Invented events: mostly posts, some edits and deletes of them, accounts that end, and what is no post."""
    draw = random.Random(seed)
    told: list[Told] = []
    posts: list[Told] = []
    for number in range(count):
        time = start_us + number * step_us
        kind = draw.choices(["create", "like", "update", "delete", "account", "identity"], [80, 8, 3, 5, 1, 3])[0]
        if kind in {"update", "delete"} and posts:
            old = draw.choice(posts)
            record = _record(draw, time, texts) if kind == "update" else None
            told.append(Told(time, old.did, kind, old.rkey, record))  # type: ignore[arg-type]
        elif kind in {"account", "identity"}:
            told.append(Told(time, f"did:plc:gone{number:020d}", kind))  # type: ignore[arg-type]
        else:
            collection = POSTS if kind != "like" else "app.bsky.feed.like"
            did = f"did:plc:{draw.randrange(50):024d}"
            told.append(Told(time, did, "create", tid(time), _record(draw, time, texts), collection=collection))
            posts += told[-1:] if collection == POSTS else []
    return told


def _record(draw: random.Random, time_us: int, texts: Sequence[str]) -> dict[str, Any]:
    text = draw.choice(texts) if texts else f"the bell of acme rings {draw.randrange(1000)} times\u2028and again"
    return {"$type": POSTS, "text": text, "createdAt": _moment(time_us).isoformat(), "langs": ["en"]}


def _moment(time_us: int) -> datetime:
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=time_us)


def tid(time_us: int) -> str:
    """A record's key: its time as a timestamp identifier (https://atproto.com/specs/tid)."""
    signs, number = "", time_us << 10
    for _ in range(13):
        signs, number = "234567abcdefghijklmnopqrstuvwxyz"[number & 31] + signs, number >> 5
    return signs


class Jetstream(Simulator):
    """`pace` is seconds between events from when the first client comes; what a client missed comes at once."""

    def __init__(self, told: Sequence[Told], faults: Sequence[Fault] = (), pace: float = 0.001) -> None:
        super().__init__(faults)
        self._told, self._pace = list(told), pace
        self._reached = 0
        self._oldest = 0
        self._news = asyncio.Condition()
        self._until = 0.0
        self.dictionary = _dictionary([frame(one, number, "v2") for number, one in enumerate(self._told[:200])])
        gone = {one.uri for one in self._told if one.kind == "delete"}
        self.matched = {one.uri for one in self._told if one.kind == "create" and one.collection == POSTS}
        self.deleted = gone & self.matched

    def routes(self) -> list[web.AbstractRouteDef]:
        return [
            web.get("/subscribe", self._v1),
            web.get(f"/xrpc/{_V2}", self._v2),
            web.get("/xrpc/network.bsky.jetstream.getZstdDictionary", self._send_dictionary),
        ]

    @property
    def over(self) -> bool:
        """Whether everything has been told."""
        return self._reached >= len(self._told)

    async def _send_dictionary(self, _: web.Request) -> web.Response:
        return web.Response(body=self.dictionary.as_bytes(), content_type="application/octet-stream")

    async def _v1(self, request: web.Request) -> web.StreamResponse:
        return await self._serve(request, "v1")

    async def _v2(self, request: web.Request) -> web.StreamResponse:
        if "wantedCollections" in request.query:
            return web.json_response({"error": "InvalidRequest", "message": "unknown parameter"}, status=400)
        return await self._serve(request, "v2")

    async def _serve(self, request: web.Request, wire: str) -> web.StreamResponse:
        self.connects += 1
        now = asyncio.get_running_loop().time()
        if now < self._until:
            return web.Response(status=503, text="warming up")
        if (fault := self.due("503", "429")) is not None:
            return web.Response(status=int(fault.kind), headers={"Retry-After": "0"})
        wanted = request.query.getall("wantedCollections" if wire == "v1" else "collections", [])
        cursor = request.query.get("cursor")
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        self.begin()
        at = self._reached if cursor is None else await self._from(int(cursor), socket, wire)
        packer = None
        if request.query.get("zstdDictionary") == str(_DICTIONARY_ID):
            packer = zstandard.ZstdCompressor(dict_data=self.dictionary)
        await _Sending(self, request, socket, wire, wanted, packer).run(at)
        return socket

    async def _from(self, cursor: int, socket: web.WebSocketResponse, wire: str) -> int:
        first = next((number for number, one in enumerate(self._told) if one.time_us >= cursor), len(self._told))
        if first < self._oldest and wire == "v2":
            payload = {"$type": f"{_V2}#info", "name": "OutdatedCursor", "message": "clamped"}
            await socket.send_str(msgspec.json.encode({"$type": "message", "payload": payload}).decode())
        return min(max(first, self._oldest), self._reached)

    async def _tell(self) -> None:
        """Time goes on, whoever listens."""
        while self._reached < len(self._told):
            await asyncio.sleep(self._pace)
            self._reached += 1
            async with self._news:
                self._news.notify_all()

    async def next(self, at: int) -> Told | None:
        """The event of this number once it has happened; None when all is told."""
        async with self._news:
            await self._news.wait_for(lambda: self._reached > at or self.over)
        return self._told[at] if at < self._reached else None

    def restart(self, seconds: float) -> None:
        self._until = asyncio.get_running_loop().time() + seconds

    def forget(self) -> None:
        """Cursors of before now mean nothing any more."""
        self._oldest = self._reached

    def recent(self, at: int) -> list[Told]:
        return self._told[max(at - 5, 0) : at]


class _Sending:
    """One connection."""

    def __init__(
        self, server: Jetstream, request: web.Request, socket: web.WebSocketResponse, wire: str,
        wanted: Sequence[str], packer: zstandard.ZstdCompressor | None,
    ) -> None:  # fmt: skip
        self._server, self._request, self._socket, self._wire = server, request, socket, wire
        self._wanted, self._packer = wanted, packer

    async def run(self, at: int) -> None:
        waiting: list[Told] = []
        while (told := await self._server.next(at)) is not None:
            at += 1
            fault = self._server.due(*KINDS, "forgets")
            if fault is not None and fault.kind == "reorder":
                waiting = [told]
                continue
            for one in [told, *waiting]:
                await self._send(one, at)
            waiting = []
            if fault is not None and await self._fails(fault, at):
                return
        for one in waiting:
            await self._send(one, at)
        await self._stays()

    async def _stays(self) -> None:
        """All is told; the line stays open until the client goes."""
        async for _ in self._socket:
            return

    async def _fails(self, fault: Fault, at: int) -> bool:
        """Whether that was the end of the connection."""
        if fault.kind == "duplicates":
            for one in self._server.recent(at):
                await self._send(one, at)
        elif fault.kind == "garbage":
            await self._socket.send_str('{"kind": "commit", "did": 7')
        elif fault.kind == "broken post":
            told = Told(START, "did:plc:broken", rkey=tid(START), record={"$type": POSTS, "text": 5})
            await self._socket.send_str(frame(told, at, self._wire).decode())
        elif fault.kind == "slow":
            await asyncio.sleep(fault.seconds)
        else:
            await self._breaks(fault)
            return True
        return False

    async def _breaks(self, fault: Fault) -> None:
        if fault.kind == "forgets":
            await asyncio.sleep(fault.seconds)
            self._server.forget()
        if fault.kind == "too slow":
            if self._wire == "v2":
                error = {"$type": "error", "error": "ConsumerTooSlow", "message": "100,000 events behind"}
                await self._socket.send_str(msgspec.json.encode(error).decode())
            await self._socket.close(code=WSCloseCode.POLICY_VIOLATION)
        if fault.kind == "stall":
            await self._stays()
        elif fault.kind == "restart":
            self._server.restart(fault.seconds)
            await self._socket.close(code=WSCloseCode.GOING_AWAY, message=b"server shutting down")
        elif fault.kind == "end":
            await self._socket.close(code=WSCloseCode.OK)
        elif self._request.transport is not None:
            if fault.kind == "half":
                self._request.transport.write(b'\x81\x7e\x10\x00{"did":"did:plc:half')
                await asyncio.sleep(0.01)
            self._request.transport.abort()

    async def _send(self, told: Told, at: int) -> None:
        if self._wanted and told.kind not in {"account", "identity"} and told.collection not in self._wanted:
            return
        body = frame(told, at, self._wire)
        try:
            if self._packer is None:
                await self._socket.send_str(body.decode())
            else:
                await self._socket.send_bytes(self._packer.compress(body))
        except ConnectionError:
            raise asyncio.CancelledError from None
        self._server.sent[told.uri if told.kind in {"create", "update", "delete"} else told.did] += 1


def frame(told: Told, seq: int, wire: str) -> bytes:
    commit: dict[str, Any] = {
        "rev": tid(told.time_us),
        "operation": told.kind,
        "collection": told.collection,
        "rkey": told.rkey,
    }
    if told.record is not None:
        commit |= {"record": told.record, "cid": "bafyinvented"}
    about: dict[str, Any] = {
        "account": {"active": False, "status": told.status, "did": told.did},
        "identity": {"did": told.did},
    }
    if wire == "v1":
        kind = told.kind if told.kind in about else "commit"
        body = about.get(told.kind, commit)
        return msgspec.json.encode({"did": told.did, "time_us": told.time_us, "kind": kind, kind: body})
    kind = told.kind if told.kind in about else "commit"
    body = {kind: about[told.kind]} if told.kind in about else commit
    head = {"$type": f"{_V2}#{kind}", "seq": seq, "did": told.did, "time": _moment(told.time_us)}
    return msgspec.json.encode({"$type": "message", "payload": head | body})


def _dictionary(frames: Sequence[bytes]) -> zstandard.ZstdCompressionDict:
    """A dictionary of these frames, with the number that clients must name."""
    samples: list[Any] = [*frames, *(f'{{"invented": {number}}}'.encode() * 4 for number in range(100))]
    return zstandard.train_dictionary(4096, samples, dict_id=_DICTIONARY_ID)


def an_hour(rate: float, texts: Sequence[str], seed: int, faults: int) -> tuple[Jetstream, str]:
    """An hour of posts from now on at `rate` a second, with so many faults, and its block of `sources:`."""
    count = round(rate * HOUR)
    begin = round(SystemClock().now().timestamp() * 1e6)
    told = story(seed, count, round(1e6 / rate), begin, texts)
    broken = script(seed, KINDS, count, faults) if faults else ()
    return Jetstream(told, broken, pace=1 / rate), 'bluesky: {{type: jetstream, hosts: ["{url}"]}}'
