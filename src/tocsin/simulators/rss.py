"""A host of feeds, played: items that appear one by one, conditional GET, edits, and what goes wrong with it."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from html import escape

from aiohttp import web

from tocsin.clock import SystemClock
from tocsin.simulators._faults import Fault, script
from tocsin.simulators._simulator import HOUR, Simulator

START = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
KINDS = (
    "500",
    "503",
    "429",
    "404",
    "reset",
    "half",
    "garbage",
    "slow",
    "empty",
    "page",
    "gzip bomb",
    "moved",
    "no dates",
)


@dataclass
class Told:
    """One item; `text` may change later."""

    id: str
    title: str
    text: str
    at: datetime
    author: str = "Sam Sample"


def story(count: int, start: datetime = START, step: float = 60.0, texts: Sequence[str] = ()) -> list[Told]:
    """Invented items, with signs that break careless readers, or of these texts in turn."""
    told = []
    for number in range(count):
        title, text = f"Acme & more, part {number}", f"<p>The bell rings\u2028{number} times</p>"
        if texts:
            title, text = texts[number % len(texts)][:60], f"<p>{escape(texts[number % len(texts)])}</p>"
        told.append(Told(f"item-{number}", title, text, start + timedelta(seconds=step * number)))
    return told


class Rss(Simulator):
    """`/feed.xml` (RSS) and `/atom.xml` hold the newest `holds` items; one more appears every `pace` seconds."""

    def __init__(
        self, told: Sequence[Told], faults: Sequence[Fault] = (), pace: float = 0.01, holds: int = 50, first: int = 1
    ) -> None:
        super().__init__(faults)
        self._told, self._pace, self._holds = list(told), pace, holds
        self._shown = first
        self.matched = {one.id for one in self._told}
        self.answers: dict[int, int] = {}
        """How often each status was answered."""

    def routes(self) -> list[web.AbstractRouteDef]:
        return [web.get(path, self._feed) for path in ("/feed.xml", "/atom.xml", "/moved.xml")]

    def edit(self, number: int, text: str) -> None:
        self._told[number].text = text

    async def _tell(self) -> None:
        while self._shown < len(self._told):
            await asyncio.sleep(self._pace)
            self._shown += 1

    async def _feed(self, request: web.Request) -> web.StreamResponse:
        self.begin()
        self.connects += 1
        items = self._told[max(self._shown - self._holds, 0) : self._shown]
        fault = self.due(*KINDS)
        if fault is not None:
            self.sent[f"fault {fault.kind}"] += 1
            return await self._fails(request, fault, items)
        atom = request.path == "/atom.xml"
        body = (_atom if atom else _rss)(items)
        tag = f'"{hashlib.blake2b(body, digest_size=8).hexdigest()}"'
        if request.headers.get("If-None-Match") == tag:
            return self._answer(web.Response(status=304, headers={"ETag": tag}))
        for item in items:
            self.sent[item.id] += 1
        kind = "application/atom+xml" if atom else "application/rss+xml"
        return self._answer(web.Response(body=body, content_type=kind, headers={"ETag": tag}))

    def _answer(self, response: web.Response) -> web.Response:
        self.answers[response.status] = self.answers.get(response.status, 0) + 1
        return response

    async def _fails(self, request: web.Request, fault: Fault, items: Sequence[Told]) -> web.StreamResponse:
        body = _rss(items)
        answers = {
            "half": lambda: web.Response(body=body[: len(body) // 2], content_type="application/rss+xml"),
            "garbage": lambda: web.Response(body=b"\x00\xff<rss"),
            "empty": lambda: web.Response(body=b""),
            "page": lambda: web.Response(body=b"<!DOCTYPE html><html><body>Sign in</body></html>"),
            "moved": lambda: web.Response(status=301, headers={"Location": "/moved.xml"}),
            "no dates": lambda: web.Response(body=body.replace(b"pubDate", b"when")),
            "gzip bomb": lambda: web.Response(body=_bomb(), headers={"Content-Encoding": "gzip"}),
        }
        if fault.kind in answers:
            return self._answer(answers[fault.kind]())
        if fault.kind == "slow":
            await asyncio.sleep(fault.seconds)
            return self._answer(web.Response(body=body))
        if fault.kind == "reset" and request.transport is not None:
            request.transport.abort()
            return web.Response()
        return self._answer(web.Response(status=int(fault.kind), headers={"Retry-After": "0"}))


def _bomb() -> bytes:
    import gzip

    return gzip.compress(b" " * 12_000_000)


def _rss(items: Sequence[Told]) -> bytes:
    rows = "".join(
        f"<item><title>{escape(one.title)}</title><link>https://news.example/{one.id}</link>"
        f'<guid isPermaLink="false">{one.id}</guid><pubDate>{format_datetime(one.at)}</pubDate>'
        f"<description>{escape(one.text)}</description></item>"
        for one in reversed(items)
    )
    head = '<?xml version="1.0" encoding="UTF-8"?><rss version="2.0"><channel><title>Invented News</title>'
    return f"{head}<language>en-GB</language>{rows}</channel></rss>".encode()


def _atom(items: Sequence[Told]) -> bytes:
    rows = "".join(
        f"<entry><id>{one.id}</id><title>{escape(one.title)}</title><link href='https://news.example/{one.id}'/>"
        f"<updated>{one.at.isoformat()}</updated><author><name>{one.author}</name></author>"
        f"<content type='html'>{escape(one.text)}</content></entry>"
        for one in reversed(items)
    )
    return f'<feed xmlns="http://www.w3.org/2005/Atom"><title>Invented News</title>{rows}</feed>'.encode()


def an_hour(rate: float, texts: Sequence[str], seed: int, faults: int) -> tuple[Rss, str]:
    """An hour of posts from now on at `rate` a second, with so many faults, and its block of `sources:`."""
    count = round(rate * HOUR)
    first = min(20, count)
    told = story(count, SystemClock().now() - timedelta(seconds=first / rate), 1 / rate, texts)
    broken = script(seed, KINDS, count, faults) if faults else ()
    server = Rss(told, broken, pace=1 / rate, holds=200, first=first)
    return server, 'news: {{type: rss, feeds: ["{url}/feed.xml"], every: 5s}}'
