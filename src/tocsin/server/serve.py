"""Listens: uvicorn in the same process, ended with the run."""

from __future__ import annotations

import asyncio
import logging
import socket
import threading
from contextlib import closing
from urllib.parse import urlsplit

import uvicorn

from tocsin.links import Links, key
from tocsin.runners.assemble import Assembly
from tocsin.server.app import Site, app
from tocsin.state import State

log = logging.getLogger(__name__)


async def serve(assembly: Assembly, state: State, stop: threading.Event) -> None:
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
    links = Links(key(assembly.data_dir), base, assembly.clock, server.link_days)
    hosts = {"localhost", "127.0.0.1", "[::1]", server.host, urlsplit(base).hostname or ""}
    token = server.token.get_secret_value() if server.token else None
    buckets = {policy.name: int(policy.bucket) for policy in assembly.config.alerts.policies}
    lake = assembly.lake()
    site = Site(state, links, assembly.clock, token, sorted(hosts - {""}), lake, buckets)
    config = uvicorn.Config(app(site), log_config=None, access_log=False, lifespan="off", server_header=False)
    running = uvicorn.Server(config)
    logging.getLogger("uvicorn").setLevel(logging.WARNING)
    log.info("Listening on %s.", base)
    with closing(lake), listener:
        task = asyncio.create_task(running._serve([listener]))
        while not stop.is_set() and not task.done():
            await asyncio.sleep(0.2)
        running.should_exit = True
        await task
