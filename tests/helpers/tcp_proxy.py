"""A TCP proxy on loopback that spoils connections in chosen ways: the faults that no server makes on purpose."""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass

_RESET = struct.pack("ii", 1, 0)


@dataclass
class Fault:
    """What happens to a connection. All of it is off by default.

    `latency`: seconds before the answer's first byte; `drip`: bytes at a time, one each `pause` seconds;
    `cut`: bytes of the answer after which the connection ends, by FIN or (`reset`) by RST; `silent`: bytes of the
    answer after which nothing more comes, but the connection stays; `refuse`: it is reset at once, unanswered;
    `deaf`: nothing is read nor answered.
    """

    latency: float = 0.0
    drip: int = 0
    pause: float = 0.0
    cut: int | None = None
    reset: bool = False
    silent: int | None = None
    refuse: bool = False
    deaf: bool = False


class Proxy:
    """Passes connections on to `port`; `faults` are used up one a connection, then all is well."""

    def __init__(self, port: int) -> None:
        self.target = port
        self.port = 0
        self.faults: list[Fault] = []
        self.connections = 0
        self._tasks: set[asyncio.Task[None]] = set()

    async def accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        self.connections += 1
        fault = self.faults.pop(0) if self.faults else Fault()
        with suppress(ConnectionError, asyncio.CancelledError):
            await self._serve(fault, reader, writer)
        writer.transport.abort()
        self._tasks.discard(task)

    async def _serve(self, fault: Fault, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if fault.deaf:
            await asyncio.Event().wait()
        if fault.refuse:
            _reset(writer)
            return
        behind_reader, behind_writer = await asyncio.open_connection("127.0.0.1", self.target)
        upward = asyncio.ensure_future(_pass_on(reader, behind_writer))
        try:
            await self._answer(fault, behind_reader, writer)
        finally:
            upward.cancel()
            behind_writer.transport.abort()

    async def _answer(self, fault: Fault, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        sent = 0
        while piece := await reader.read(fault.drip or 65_536):
            await asyncio.sleep(fault.pause if sent else fault.latency)
            end = min(limit for limit in (fault.cut, fault.silent, sent + len(piece)) if limit is not None)
            writer.write(piece[: end - sent])
            await writer.drain()
            sent += len(piece)
            if fault.cut is not None and sent >= fault.cut:
                if fault.reset:
                    _reset(writer)
                else:
                    writer.close()
                return
            if fault.silent is not None and sent >= fault.silent:
                await asyncio.Event().wait()

    async def close(self) -> None:
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)


async def _pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(ConnectionError):
        while piece := await reader.read(65_536):
            writer.write(piece)
            await writer.drain()


def _reset(writer: asyncio.StreamWriter) -> None:
    """Close with RST in place of FIN: SO_LINGER with a time of nought."""
    sock = writer.get_extra_info("socket")
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
    writer.transport.abort()


@asynccontextmanager
async def proxying(port: int) -> AsyncIterator[Proxy]:
    proxy = Proxy(port)
    server = await asyncio.start_server(proxy.accept, "127.0.0.1", 0)
    proxy.port = server.sockets[0].getsockname()[1]
    try:
        yield proxy
    finally:
        server.close()
        await proxy.close()
        await server.wait_closed()
