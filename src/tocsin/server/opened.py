"""Everything that panels need, opened, and kept up to date by two threads until it is closed."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from urllib.parse import urlsplit

from tocsin.errors import Locked, TocsinError
from tocsin.links import Links, key
from tocsin.pipeline.indexing import Indexing
from tocsin.runners.assemble import Assembly
from tocsin.runners.locks import Locks
from tocsin.search import Index
from tocsin.search.index import INDEX
from tocsin.server.accounts import Accounts, Token, User
from tocsin.server.app import Site
from tocsin.server.audit import Audit
from tocsin.server.events import Events
from tocsin.server.judged import Judged, courses
from tocsin.settings_server import Server
from tocsin.state import State
from tocsin.telemetry import Telemetry

log = logging.getLogger(__name__)

AUDIT = "audit.jsonl"
FOLLOW_SECONDS, JUDGE_SECONDS = 2.0, 5.0


@contextmanager
def opened(
    assembly: Assembly, state: State, base: str, telemetry: Telemetry | None = None, *, whole: bool = False
) -> Iterator[Site]:
    """What the server at `base` works with. `whole`: not before all that is stored can be found and is judged."""
    server, clock = assembly.config.server, assembly.clock
    secret = key(assembly.data_dir)
    with ExitStack() as stack:
        lake = stack.enter_context(closing(assembly.lake()))
        ended = threading.Event()
        shelf, judged = _Shelf(assembly, state, stack, ended), Judged(state, lambda: courses(assembly, lake))
        for step, seconds in ((shelf.step, FOLLOW_SECONDS), (judged.follow, JUDGE_SECONDS)):
            if whole:
                step()
            thread = threading.Thread(target=_again, args=(step, seconds, ended))
            thread.start()
            stack.callback(thread.join)
            stack.callback(ended.set)
        yield Site(
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


def _accounts(server: Server, secret: bytes, assembly: Assembly) -> Accounts:
    users = [User(one.name, one.password.get_secret_value(), one.role) for one in server.users]
    tokens = [Token(one.name, one.token.get_secret_value(), one.role) for one in server.tokens]
    if server.token is not None:
        tokens.append(Token("token", server.token.get_secret_value(), "admin"))
    return Accounts(secret, assembly.clock, users, tokens, server.session_hours)


class _Shelf:
    """The index: kept up by this process, or read where another one keeps it."""

    def __init__(self, assembly: Assembly, state: State, stack: ExitStack, ended: threading.Event) -> None:
        folder, lake = assembly.data_dir / INDEX, stack.enter_context(closing(assembly.lake()))
        self._indexing: Indexing | None = None
        try:
            stack.enter_context(Locks(assembly.data_dir, [INDEX]))
            self._indexing = Indexing(folder, lake, state.understanding.epoch, assembly.clock, ended.is_set)
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


def _again(step: Callable[[], object], seconds: float, ended: threading.Event) -> None:
    """Call something until the end; a fault is told once and tried again."""
    told = ""
    while not ended.is_set():
        try:
            step()
            told = ""
        except TocsinError as fault:
            if str(fault) != told and not ended.is_set():
                log.warning("What the dashboard shows falls behind: %s", fault)
            told = str(fault)
        ended.wait(seconds)
