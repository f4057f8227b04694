"""Listens: uvicorn in the same process, with what keeps the pages up to date, ended with the run."""

from __future__ import annotations

import asyncio
import logging
import socket
import threading
from contextlib import ExitStack

import uvicorn

from tocsin.runners.assemble import Assembly
from tocsin.server.app import app
from tocsin.server.events import Watch
from tocsin.server.opened import opened
from tocsin.state import State
from tocsin.telemetry import Telemetry

log = logging.getLogger(__name__)

ENDS_SECONDS = 2
"""So long a page that is live is waited for at the end."""


async def serve(assembly: Assembly, state: State, stop: threading.Event, telemetry: Telemetry | None = None) -> None:
    """Serve until stopped. A port that is taken costs the server alone, with a warning."""
    server = assembly.config.server
    try:
        listener = socket.create_server((server.host, server.port))
    except OSError as error:
        where, reason = f"{server.host}:{server.port}", error.strerror
        log.warning("The server cannot listen on %s (%s): name another port with `server: port:`.", where, reason)
        return
    port = listener.getsockname()[1]
    base = server.public_url or f"http://{server.host}:{port}"
    with ExitStack() as stack:
        stack.enter_context(listener)
        site = stack.enter_context(opened(assembly, state, base, telemetry))
        config = uvicorn.Config(
            app(site), log_config=None, access_log=False, lifespan="off", server_header=False,
            timeout_graceful_shutdown=ENDS_SECONDS,
        )  # fmt: skip
        running = uvicorn.Server(config)
        logging.getLogger("uvicorn").setLevel(logging.ERROR)
        log.info("Listening on %s.", base)
        assert site.events is not None
        telling = asyncio.create_task(Watch(site, site.events).keep())
        task = asyncio.create_task(running._serve([listener]))
        while not stop.is_set() and not task.done():
            await asyncio.sleep(0.2)
        telling.cancel()
        running.should_exit = True
        await task
