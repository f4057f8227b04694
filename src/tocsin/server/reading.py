"""Everything that panels need, opened to be read once: for those who ask without a server."""

from __future__ import annotations

from contextlib import ExitStack, closing

from tocsin.errors import Locked
from tocsin.links import Links, key
from tocsin.pipeline.indexing import Indexing
from tocsin.runners.assemble import Assembly
from tocsin.runners.locks import Locks
from tocsin.search import Index
from tocsin.search.index import INDEX
from tocsin.server.accounts import Accounts
from tocsin.server.app import Site
from tocsin.server.judged import Judged, courses


def reading(assembly: Assembly, stack: ExitStack) -> Site:
    """Closed with the stack. Where no server keeps the index up to date, it is brought there first."""
    state, lake = stack.enter_context(closing(assembly.state())), stack.enter_context(closing(assembly.lake()))
    secret, folder = key(assembly.data_dir), assembly.data_dir / INDEX
    try:
        with (
            Locks(assembly.data_dir, [INDEX]),
            closing(Indexing(folder, lake, state.understanding.epoch, assembly.clock)) as indexing,
        ):
            indexing.step()
    except Locked:
        pass  # a server does it
    judged = Judged(state, lambda: courses(assembly, lake))
    judged.follow()
    return Site(
        state=state, links=Links(secret, "", assembly.clock), clock=assembly.clock,
        accounts=Accounts(secret, assembly.clock), lake=lake,
        buckets={policy.name: int(policy.bucket) for policy in assembly.config.alerts.policies},
        index=lambda: Index(folder), judged=judged, assembly=assembly,
    )  # fmt: skip
