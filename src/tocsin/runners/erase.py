"""Forget posts, everywhere, at once where no other process holds the data directory."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass

from tocsin.errors import Locked, Permanent
from tocsin.model import Batch, Delete
from tocsin.notifiers.log import Log
from tocsin.pipeline import Process
from tocsin.pipeline.process import Chain
from tocsin.runners.assemble import Assembly
from tocsin.runners.locks import LOOPS, Locks
from tocsin.runners.relabel import definitions
from tocsin.search.index import INDEX, removed
from tocsin.telemetry import Telemetry

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Report:
    """What was erased. `at_once` False: another process will do it, and the counts are not known."""

    at_once: bool
    rows: int
    letters: int
    alerts: int
    folder: str


def erase(assembly: Assembly, deletes: Sequence[Delete]) -> Report:
    """Queue the demands; then, if nobody else runs, carry them out in every file of the data directory."""
    with closing(assembly.queue()) as queue, closing(assembly.lake()) as lake:
        queue.start_after(lake.last_seq())
        queue.put("erase", Batch(events=list(deletes)))
    try:
        with Locks(assembly.data_dir, LOOPS):
            return _carry_out(assembly, deletes)
    except Locked as running:
        if _is_free(assembly, "process"):
            raise Permanent(f"{running}; the demand waits in the queue until a process loop runs") from running
        return Report(False, 0, 0, 0, str(assembly.data_dir))


def _is_free(assembly: Assembly, loop: str) -> bool:
    try:
        with Locks(assembly.data_dir, [loop]):
            return True
    except Locked:
        return False


def _carry_out(assembly: Assembly, deletes: Sequence[Delete]) -> Report:
    telemetry = Telemetry()
    with ExitStack() as stack:
        queue = stack.enter_context(closing(assembly.queue()))
        lake = stack.enter_context(closing(assembly.lake()))
        state = stack.enter_context(closing(assembly.state()))
        state.understanding.begin(lake.table_id, definitions(assembly), lake.last_seq())
        process = Process(queue, lake, Chain(assembly.enrichers()), assembly.clock, telemetry)
        process.recover()
        while process.backlog:
            process.step()
        rows, letters = process.maintain(erase_now=True)
        detect = assembly.detect(lake, state, telemetry)
        detect.recover()
        while not detect.at_end():
            detect.step()
        detect.save()
        state.compact()
    _drop_index(assembly)
    return Report(True, rows, letters, _scrub_logs(assembly, deletes), str(assembly.data_dir))


def _drop_index(assembly: Assembly) -> None:
    """It is made anew from the lake. A server that holds it takes the posts out itself, their words within a day."""
    try:
        with Locks(assembly.data_dir, [INDEX]):
            removed(assembly.data_dir / INDEX)
    except Locked:
        log.info("The running server takes them out of its index.")


def _scrub_logs(assembly: Assembly, deletes: Sequence[Delete]) -> int:
    """Destinations that keep alerts in files of ours take the posts out too; how many alerts had one."""
    uids = {delete.uid for delete in deletes if delete.uid}
    authors = {(delete.source, delete.author_id) for delete in deletes if delete.author_id}
    logs = [one for one in assembly.notifiers().values() if isinstance(one, Log)]
    return sum(log.forget(uids, authors) for log in logs)
