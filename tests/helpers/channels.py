"""The other side of channels: HTTP services and a mail server on loopback that keep what they get, each key once."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

from aiohttp import web
from aiosmtpd.smtp import SMTP, Envelope, Session

from tests.contract.test_notifier import Case
from tests.helpers.site import Site, serving
from tocsin.clock import ManualClock
from tocsin.component import Context, Notifier

KEY = re.compile(r"incident-\d+:opened:\d+|digest[^\s\"\\\\]*")
NOW = datetime(2026, 11, 22, 12, 6, tzinfo=UTC)


def context(tmp_path: Path) -> Context:
    return Context("channel", tmp_path, clock=ManualClock(NOW))


def decoded(body: bytes) -> str:
    """A body as text, JSON with its characters as they are."""
    try:
        return json.dumps(json.loads(body), ensure_ascii=False)
    except ValueError:
        form = parse_qs(body.decode(errors="replace"))
        return "".join(form["Message"]) if "Message" in form else body.decode(errors="replace")


@asynccontextmanager
async def http(
    tmp_path: Path,
    build: Callable[[Site, Context], Notifier],
    *,
    good: Callable[[], web.Response] = lambda: web.json_response({"ok": True}),
    bad: tuple[int, int] = (503, 403),
    data: Callable[[str], dict[str, Any]] | None = None,
) -> AsyncIterator[Case]:
    """A case of a notifier that posts: what arrives is known by the key that stands in it. `data` finds the alert in
    the body, where it is there as data."""
    async with serving() as site:
        messages: dict[str, dict[str, Any]] = {}
        broken: str | None = None

        async def handler(request: web.Request) -> web.StreamResponse:
            if broken is not None:
                return web.Response(status=bad[broken == "permanent"])
            text = decoded(await request.read())
            found = KEY.search(text)
            assert found is not None, text
            messages.setdefault(found[0], data(text) if data else {"key": found[0], "text": text})
            return good()

        async def fail(kind: str | None) -> None:
            nonlocal broken
            broken = kind

        site.handler = handler
        again = lambda: build(site, context(tmp_path))  # noqa: E731
        yield Case(again(), lambda: list(messages.values()), fail, again, whole=data is not None)


class Mailbox:
    """A mail server that takes everything, or answers as it is told."""

    def __init__(self) -> None:
        self.mails: list[bytes] = []
        self.answer = "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        if self.answer.startswith("250"):
            self.mails.append(envelope.original_content or b"")
        return self.answer


@asynccontextmanager
async def mail_server() -> AsyncIterator[tuple[Mailbox, int]]:
    mailbox = Mailbox()
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: SMTP(mailbox, hostname="localhost"), "127.0.0.1", 0)
    try:
        yield mailbox, server.sockets[0].getsockname()[1]
    finally:
        server.close()
        await server.wait_closed()
