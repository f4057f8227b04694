"""Listens: uvicorn in the same process, with what keeps the pages up to date, ended with the run."""

from __future__ import annotations

import asyncio
import logging
import socket
import threading
from collections.abc import Callable
from contextlib import ExitStack, closing
from urllib.parse import urlsplit

import uvicorn

from tocsin.errors import Locked, TocsinError
from tocsin.links import Links, key
from tocsin.pipeline.indexing import Indexing
from tocsin.runners.assemble import Assembly
from tocsin.runners.locks import Locks
from tocsin.search import Index
from tocsin.search.index import INDEX
from tocsin.server.accounts import Accounts, Token, User
from tocsin.server.app import Site, app
from tocsin.server.audit import Audit
from tocsin.server.events import Events, Watch
from tocsin.server.judged import Judged, courses
from tocsin.settings import Server
from tocsin.state import State
from tocsin.telemetry import Telemetry

log = logging.getLogger(__name__)

AUDIT = "audit.jsonl"
FOLLOW_SECONDS = 2.0
JUDGE_SECONDS = 5.0
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
        site = _site(assembly, state, base, telemetry, stop, stack)
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


def _site(
    assembly: Assembly, state: State, base: str, telemetry: Telemetry | None, stop: threading.Event, stack: ExitStack
) -> Site:
    """Everything that pages need, and the threads that keep it up to date until the stack ends."""
    server, clock = assembly.config.server, assembly.clock
    secret = key(assembly.data_dir)
    lake = stack.enter_context(closing(assembly.lake()))
    shelf = _Shelf(assembly, state, stack)
    judged = Judged(state, lambda: courses(assembly, lake))
    site = Site(
        state=state,
        links=Links(secret, base, clock, server.link_days),
        clock=clock,
        accounts=_accounts(server, secret, assembly),
        hosts=sorted({"localhost", "127.0.0.1", "[::1]", server.host, urlsplit(base).hostname or ""} - {""}),
        lake=lake,
        buckets={policy.name: int(policy.bucket) for policy in assembly.config.alerts.policies},
        index=shelf.index,
        judged=judged,
        audit=Audit(assembly.data_dir / AUDIT, clock),
        assembly=assembly,
        events=Events(clock),
        telemetry=telemetry,
    )
    ended = threading.Event()
    following = [
        threading.Thread(target=_again, args=(shelf.step, FOLLOW_SECONDS, stop, ended), name="index"),
        threading.Thread(target=_again, args=(judged.follow, JUDGE_SECONDS, stop, ended)),
    ]
    for thread in following:
        thread.start()
        stack.callback(thread.join)
    stack.callback(ended.set)
    return site


def _accounts(server: Server, secret: bytes, assembly: Assembly) -> Accounts:
    users = [User(one.name, one.password.get_secret_value(), one.role) for one in server.users]
    tokens = [Token(one.name, one.token.get_secret_value(), one.role) for one in server.tokens]
    if server.token is not None:
        tokens.append(Token("token", server.token.get_secret_value(), "admin"))
    return Accounts(secret, assembly.clock, users, tokens, server.session_hours)


class _Shelf:
    """The index: kept up by this process, or read where another one keeps it."""

    def __init__(self, assembly: Assembly, state: State, stack: ExitStack) -> None:
        folder, lake = assembly.data_dir / INDEX, stack.enter_context(closing(assembly.lake()))
        self._indexing: Indexing | None = None
        try:
            stack.enter_context(Locks(assembly.data_dir, [INDEX]))
            self._indexing = Indexing(folder, lake, state.understanding.epoch, assembly.clock)
            stack.enter_context(closing(self._indexing))
        except Locked:
            self._index = Index(folder)

    def index(self) -> Index:
        """As it is now."""
        return self._index if self._indexing is None else self._indexing.index

    def step(self) -> None:
        """See what is new."""
        if self._indexing is None:
            self._index = Index(self._index.folder)
        else:
            self._indexing.step()


def _again(step: Callable[[], object], seconds: float, stop: threading.Event, ended: threading.Event) -> None:
    """Call something until the end; a fault is told once and tried again."""
    told = ""
    while not stop.is_set() and not ended.is_set():
        try:
            step()
            told = ""
        except TocsinError as fault:
            if str(fault) != told:
                log.warning("What the dashboard shows falls behind: %s", fault)
            told = str(fault)
        for _ in range(int(seconds / 0.2)):
            if stop.is_set() or ended.wait(0.2):
                return
