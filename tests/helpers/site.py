"""An HTTP server on loopback: the other side of a client, or a canary that must not be reached."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from aiohttp import web

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Site:
    """Answers as it is told and keeps the requests it got."""

    def __init__(self) -> None:
        self.requests: list[web.Request] = []
        self.handler: Handler = self._ok
        self.port = 0

    async def _ok(self, _: web.Request) -> web.StreamResponse:
        return web.Response(text="ok")

    async def handle(self, request: web.Request) -> web.StreamResponse:
        self.requests.append(request)
        await request.read()
        return await self.handler(request)

    @property
    def host(self) -> str:
        return f"127.0.0.1:{self.port}"

    @property
    def url(self) -> str:
        return f"http://{self.host}/path?token=canary"

    def answers(self, status: int = 200, body: bytes = b"", **headers: str) -> None:
        """Answer everything so from now on; `Retry_After` is the header Retry-After."""

        async def handler(_: web.Request) -> web.StreamResponse:
            named = {name.replace("_", "-"): value for name, value in headers.items()}
            return web.Response(status=status, body=body, headers=named)

        self.handler = handler


@asynccontextmanager
async def serving() -> AsyncIterator[Site]:
    site = Site()
    app = web.Application(client_max_size=64 * 2**20)
    app.router.add_route("*", "/{path:.*}", site.handle)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    site.port = runner.addresses[0][1]
    try:
        yield site
    finally:
        await runner.cleanup()
