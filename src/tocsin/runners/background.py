"""Labelling stored posts anew while a run goes on."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from functools import partial

from tocsin.component import Lake
from tocsin.runners.assemble import Assembly
from tocsin.runners.relabel import LABELS, Relabeller, Relabelling, definitions, enrichers
from tocsin.runners.worker import Worker
from tocsin.state import State

log = logging.getLogger(__name__)

_END = object()


class Background:
    """A relabelling beside a run's own work, a little at a time, by the embedded model alone: others cost too much.

    Made at the start of the process loop; nothing happens where all posts have the labels of today.
    """

    def __init__(self, assembly: Assembly, lake: Lake, state: State, stopping: Callable[[], bool]) -> None:
        self._assembly, self._lake, self._state, self._stopping = assembly, lake, state, stopping
        self._clock = assembly.clock
        self._stack = ExitStack()
        self._work: Relabelling | None = None
        self._steps: Iterator[None] = iter(())
        wanted, last = definitions(assembly), lake.last_seq()
        self.waiting = state.understanding.begin(lake.table_id, wanted, last)
        if self.waiting and assembly.categories().model.spec != "embedded":
            log.warning("Stored posts were labelled under other definitions; `tocsin relabel` labels them anew.")
            self.waiting = False
        if self.waiting:
            log.info("Stored posts were labelled under other definitions: labelling them anew, beside other work.")
            self._wanted = wanted

    def step(self, seconds: float) -> bool:
        """Work for about so long; whether it came to its end just now."""
        if not self.waiting:
            return False
        if self._work is None:
            worker = self._stack.enter_context(
                closing(Worker(partial(enrichers, self._assembly, False), stopping=self._stopping))
            )
            self._labeller = Relabeller(worker, LABELS)
            self._work = Relabelling(self._lake, self._state, self._labeller, self._wanted)
            self._steps = self._work.steps()
        began = self._clock.monotonic()
        while self._clock.monotonic() - began < seconds:
            if next(self._steps, _END) is _END:
                self.waiting = False
                self.close()
                log.info("%s stored posts are in other categories now.", f"{self._labeller.changed:,}")
                return True
        return False

    def close(self) -> None:
        self._stack.close()
