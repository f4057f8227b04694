"""Mastodon's streaming API in both of its forms: many streams over one WebSocket, or one over server-sent events.

https://docs.joinmastodon.org/methods/streaming/. Neither has ids or can go on: timelines are asked for what was missed.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping, Sequence

import aiohttp
import msgspec
from yarl import URL

from tocsin.errors import Transient
from tocsin.net import Client, host_and_port, pieces
from tocsin.sources._gather import merged
from tocsin.sources._mastodon_post import Status, pages
from tocsin.text import one_line

PATH = "/api/v1/streaming"
MAX_EVENT = 4 * 2**20
PAGE = 40


class Event(msgspec.Struct):
    """`event` is "update", "status.update", "delete" or else, "" for a sign of life; `payload` is JSON or an id."""

    event: str = ""
    payload: str = ""
    error: str = ""


_events = msgspec.json.Decoder(Event)
Said = Event | bytes
"""An event, or what cannot be read."""


def stream_query(stream: str) -> dict[str, str]:
    """How a stream of the config is subscribed to: "public:local", "hashtag:acme", "list:12"."""
    kind, _, value = stream.partition(":")
    if kind == "hashtag":
        return {"stream": "hashtag", "tag": value}
    return {"stream": "list", "list": value} if kind == "list" else {"stream": stream}


def timeline(stream: str) -> tuple[str, dict[str, str]]:
    """Path and query of the timeline that holds what a stream brings."""
    kind, _, value = stream.partition(":")
    if kind in {"hashtag", "list"}:
        return f"/api/v1/timelines/{'tag' if kind == 'hashtag' else 'list'}/{value}", {}
    return "/api/v1/timelines/public", {value: "true"} if value else {}


class Timelines:
    """What a server holds. Each call raises Transient, and Permanent where it is not allowed."""

    def __init__(self, client: Client, base: str, headers: Mapping[str, str]) -> None:
        self._client, self._base, self._headers = client, base, headers

    async def streaming(self) -> str:
        """Where this server streams, which may be another host."""
        answer = await self._client.request("GET", str(URL(self._base).with_path("/api/v2/instance")))
        try:
            url = URL(str(msgspec.json.decode(answer.body)["configuration"]["urls"]["streaming"]))
        except (msgspec.MsgspecError, KeyError, TypeError, ValueError):
            return self._base
        return str(url.with_scheme("https" if url.scheme in {"wss", "https"} else "http"))

    async def newest(self, stream: str) -> str:
        """The id of the newest status; "0" where there is none."""
        found = await self._page(stream, {"limit": "1"})
        return found[-1].id if found else "0"

    async def after(self, stream: str, id: str) -> list[Status]:
        """The statuses right after one, oldest first."""
        return await self._page(stream, {"min_id": id, "limit": str(PAGE)})

    async def _page(self, stream: str, query: Mapping[str, str]) -> list[Status]:
        path, own = timeline(stream)
        url = str(URL(self._base).with_path(path).with_query({**own, **query}))
        answer = await self._client.request("GET", url, headers=self._headers)
        try:
            return sorted(pages.decode(answer.body), key=lambda status: order(status.id))
        except msgspec.MsgspecError as error:
            raise Transient(f"{host_and_port(self._base)}: a timeline that cannot be read: {error}") from None


def order(id: str) -> tuple[int, str]:
    """Ids are numbers that grow, written as texts."""
    return len(id), id


async def by_websocket(
    client: Client, base: str, streams: Sequence[str], headers: Mapping[str, str], timeout: float
) -> AsyncGenerator[Said, None]:
    """Events of all streams; the first, a sign of life, when the connection stands. Ends with Transient, also where
    pings are not answered within `timeout`. A stream on which nobody writes is quiet, not dead."""
    name = host_and_port(base)
    async with client.websocket(str(URL(base).with_path(PATH)), headers=headers, ping=timeout / 2) as socket:
        for stream in streams:
            await socket.send_str(msgspec.json.encode({"type": "subscribe", **stream_query(stream)}).decode())
        yield Event()
        while True:
            frame = await socket.receive()
            if frame.type is not aiohttp.WSMsgType.TEXT:
                why = one_line(str(frame.extra or frame.data or ""), 100)
                raise Transient(f"{name} closed the stream ({why or 'without a word'})")
            try:
                said = _events.decode(frame.data)
            except ValueError:
                yield frame.data.encode("utf-8", "replace")
                continue
            if said.error:
                raise Transient(f"{name}: {one_line(said.error, 200)}; are the streams named rightly?", 300.0)
            yield said


def by_events(
    client: Client, base: str, streams: Sequence[str], headers: Mapping[str, str], timeout: float
) -> AsyncGenerator[Said, None]:
    """The same over server-sent events, a connection a stream. Ends with Transient when one of them does."""
    return merged([_one(client, base, stream, headers, timeout) for stream in streams])


async def _one(
    client: Client, base: str, stream: str, headers: Mapping[str, str], timeout: float
) -> AsyncGenerator[Said, None]:
    query = stream_query(stream)
    path = f"{PATH}/{query.pop('stream').replace(':', '/')}"
    url = str(URL(base).with_path(path).with_query(query))
    async with client.stream("GET", url, headers={**headers, "Accept": "text/event-stream"}) as response:
        yield Event()
        event, data, rest, lost = "", list[str](), b"", False
        async for piece in pieces(response, None, timeout):
            *lines, rest = (rest + piece).split(b"\n")
            for line in lines:
                field, _, value = line.rstrip(b"\r").decode("utf-8", "replace").partition(":")
                value = value.removeprefix(" ")
                if not field:  # an empty line ends an event; a comment is a sign of life
                    if not line.strip() and event and not lost:
                        yield Event(event, "\n".join(data))
                    elif line.strip():
                        yield Event()
                        continue
                    event, data, lost = "", [], False
                elif field == "event":
                    event = value
                elif field == "data":
                    data.append(value)
            if len(rest) + sum(map(len, data)) > MAX_EVENT:
                rest, data, lost = b"", [], True
    raise Transient(f"{host_and_port(base)} ended the stream")
