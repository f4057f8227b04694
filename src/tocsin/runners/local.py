"""All loops in one process: intake and notices on the event loop, processing and detection in a thread each.

Crash-only: after any fault a loop is made anew from the logs, so recovery is exercised as often as starting is.
"""

from __future__ import annotations

import asyncio
import logging
import shutil
import signal
import threading
from collections.abc import Awaitable, Callable, Collection, Coroutine
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from functools import partial

from tocsin.component import Lake, Patience, Queue, Source
from tocsin.errors import LowSpace, TocsinError, Transient
from tocsin.net import backoff
from tocsin.pipeline import Detect, Process, ingest
from tocsin.runners.alive import Alive
from tocsin.runners.assemble import Assembly
from tocsin.runners.background import Background
from tocsin.runners.learn import drift_in_words, learn
from tocsin.runners.locks import LOOPS, Locks
from tocsin.runners.tuning import collect_rarely, save_memory
from tocsin.runners.worker import Worker
from tocsin.state import State
from tocsin.telemetry import Telemetry

__all__ = ["LOOPS", "Runner"]

log = logging.getLogger(__name__)

COMMIT_SECONDS = 1.0
POLL_SECONDS = 0.2
DELIVER_SECONDS = 0.2
"""Between two looks into the outbox."""
GRACE_SECONDS = 5.0
"""For a send that is under way when the run ends."""
MAINTAIN_SECONDS = 60.0
BUSY_TIMES = 10
"""So many times longer maintenance may wait while there is a backlog."""
RELABEL_SHARE = 0.25
"""How much of the process loop's time may go to labelling stored posts anew."""
METRICS_SECONDS = 10.0
STEADY_SECONDS = 60.0
"""A loop that has run so long begins its waits anew."""
ROOM_BYTES = 4 * 2**20
"""Room on the disk below which no commit is tried."""
MOST_ROWS = 5_000
SLOW_ROWS = 200
"""So many at once where a model is slow, so that there is a commit now and then."""


Serve = Callable[[Assembly, State, threading.Event, Telemetry], Coroutine[None, None, None]]
"""Serves pages until it is to stop."""


class Runner:
    """Runs some of the loops until stopped, or until everything finite is drained.

    `failures` holds what stopped a source or a loop for good, `started_at_seq` the lake's last row at the start;
    `ready` says that queue, lake and state are open, `interrupted` that a signal ended the run.
    """

    def __init__(
        self,
        assembly: Assembly,
        loops: Collection[str] = LOOPS,
        *,
        until_idle: bool = False,
        commit_seconds: float = COMMIT_SECONDS,
        serve: Serve | None = None,
    ) -> None:
        self._assembly, self._loops, self._until_idle = assembly, frozenset(loops), until_idle
        self._commit_seconds, self._serve = commit_seconds, serve
        self.telemetry = Telemetry()
        self.failures: list[TocsinError] = []
        self.started_at_seq = 0
        self._stop = threading.Event()
        self._committed = threading.Event()
        self._recount = threading.Event()
        self.ready = self.interrupted = False
        self._drained = False
        self._process: Process | None = None
        self._detect: Detect | None = None
        self._background: Background | None = None
        self._alive = Alive(self._in_order(), assembly.clock)

    def _interrupt(self) -> None:
        self.interrupted = True
        self.stop()

    def _in_order(self) -> list[str]:
        return [loop for loop in LOOPS if loop in self._loops]

    def stop(self) -> None:
        """Ask all loops to finish what they hold and end."""
        self._stop.set()
        self._committed.set()

    async def run(self) -> None:
        """Returns when stopped or idle. Raises Locked or Permanent if it cannot begin."""
        save_memory()
        collect_rarely()
        self._assembly.prepare()
        with ExitStack() as stack:
            stack.enter_context(Locks(self._assembly.data_dir, self._loops))
            queue = stack.enter_context(closing(self._assembly.queue()))
            state = stack.enter_context(closing(self._assembly.state()))
            with closing(self._assembly.lake()) as lake:
                self.started_at_seq = lake.last_seq()
                queue.start_after(self.started_at_seq)
                if "process" in self._loops:
                    self._learn(lake, state)
            self.ready = True
            sources = self._assembly.sources() if "ingest" in self._loops else {}
            listening = ", ".join(sources) or "nothing"
            log.info(
                "Reading %s; running %s; data in %s.", listening, ", ".join(self._in_order()), self._assembly.data_dir
            )
            threads = stack.enter_context(ThreadPoolExecutor(2, thread_name_prefix="tocsin"))
            try:
                async with asyncio.TaskGroup() as group:
                    self._begin(group, threads, sources, queue, state)
            except BaseExceptionGroup as several:
                raise several.exceptions[0] from several
            finally:
                self.stop()
        self._write_metrics()

    def _learn(self, lake: Lake, state: State) -> None:
        """All that a run knows of categories it knows now, so that it comes to the same whenever it is run."""
        learn(self._assembly, lake, state)
        said = drift_in_words(self._assembly, lake)
        if said is not None:
            log.warning("%s.", said.capitalize())
        assert self._assembly.learned is not None, "read now, so that processes that are started have it too"

    def _begin(
        self,
        group: asyncio.TaskGroup,
        threads: ThreadPoolExecutor,
        sources: dict[str, Source],
        queue: Queue,
        state: State,
    ) -> None:
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, self._interrupt)
        intake = [group.create_task(self._ingest(name, source, queue)) for name, source in sources.items()]
        if "process" in self._loops:
            group.create_task(self._in(threads, "process", partial(self._run_process, queue, state)))
        if "detect" in self._loops:
            group.create_task(self._in(threads, "detect", partial(self._run_detect, state)))
        if "notify" in self._loops:
            group.create_task(self._notify(state, queue))
        if self._assembly.config.alerts.heartbeat is not None:
            group.create_task(self._alive.keep(self._assembly.config.alerts.heartbeat, self._stop))
        if self._serve is not None:
            group.create_task(self._serve(self._assembly, state, self._stop, self.telemetry))
        finite = [task for task, source in zip(intake, sources.values(), strict=True) if source.finite]
        group.create_task(self._watch(intake, finite, queue, state))

    async def _in(self, threads: ThreadPoolExecutor, name: str, loop: Callable[[], None]) -> None:
        await asyncio.get_running_loop().run_in_executor(threads, self._again, name, loop)

    async def _ingest(self, name: str, source: Source, queue: Queue) -> None:
        try:
            await ingest(source, queue, self._assembly.context(name), self.telemetry)
        except TocsinError as fault:
            log.error("Source %s has stopped: %s", name, fault)
            self.failures.append(fault)

    async def _watch(
        self, intake: list[asyncio.Task[None]], finite: list[asyncio.Task[None]], queue: Queue, state: State
    ) -> None:
        """End the run when it is stopped, or when it has nothing left to do."""
        since_metrics = self._assembly.clock.monotonic()
        while not self._stop.is_set():
            await asyncio.sleep(POLL_SECONDS)
            if not self.failures and not all(task.done() for task in intake):
                self._alive.beat("ingest")
            if self._assembly.clock.monotonic() - since_metrics >= METRICS_SECONDS:
                since_metrics = self._assembly.clock.monotonic()
                self._write_metrics()
            if intake and all(task.done() for task in intake) and len(self.failures) >= len(intake):
                break
            self._drained = self._until_idle and all(task.done() for task in finite)
            if self._drained and await asyncio.to_thread(self._idle, queue, state):
                break
        self.stop()
        for task in intake:
            task.cancel()

    def _idle(self, queue: Queue, state: State) -> bool:
        """Whether every log is at its end, as far as the loops that run here are concerned."""
        try:
            return self._at_end(queue, state)
        except Transient:
            return False

    def _at_end(self, queue: Queue, state: State) -> bool:
        process, detect = self._process, self._detect
        if "process" in self._loops and (process is None or process.backlog or self._relabelling()):
            return False
        if "detect" in self._loops and (detect is None or self._recount.is_set() or not detect.at_end()):
            return False
        return "notify" not in self._loops or not state.untried(self._assembly.clock.now().timestamp())

    def _relabelling(self) -> bool:
        return self._background is None or self._background.waiting

    def _again(self, name: str, loop: Callable[[], None]) -> None:
        """Run a loop; after a fault that may pass, run it anew. What cannot pass ends the run."""
        attempt = 0
        while not self._stop.is_set():
            began = self._assembly.clock.monotonic()
            try:
                loop()
            except LowSpace as fault:
                log.warning("The %s loop waits for room on the disk: %s", name, fault)
                self.telemetry.retried(name, name)
                self._until_room()
            except Transient as fault:
                if self._stop.is_set():
                    return
                steady = self._assembly.clock.monotonic() - began > STEADY_SECONDS
                attempt = 1 if steady else attempt + 1
                wait = fault.retry_after or backoff(attempt, self._assembly.random, 0.5, 30.0)
                log.warning("The %s loop begins again in %.1f s: %s", name, wait, fault)
                self.telemetry.retried(name, name)
                self._stop.wait(wait)
            except TocsinError as fault:
                self._fail(name, fault)

    def _until_room(self) -> None:
        """Looking costs nothing; making a loop anew costs seconds of work."""
        while not self._stop.wait(1.0) and shutil.disk_usage(self._assembly.data_dir).free < ROOM_BYTES:
            pass

    def _fail(self, name: str, fault: TocsinError) -> None:
        log.error("The %s loop has stopped: %s", name, fault)
        self.failures.append(fault)
        self.stop()

    def _run_process(self, queue: Queue, state: State) -> None:
        with ExitStack() as stack:
            lake = stack.enter_context(closing(self._assembly.lake()))
            background = stack.enter_context(closing(Background(self._assembly, lake, state, self._stop.is_set)))
            enrichment = stack.enter_context(closing(Worker(self._assembly.enrichers, stopping=self._stop.is_set)))
            most = MOST_ROWS if enrichment.patience == Patience() else SLOW_ROWS
            process = Process(queue, lake, enrichment, self._assembly.clock, self.telemetry, most, self._stop.is_set)
            process.recover()
            self._process, self._background = process, background
            self._committed.set()
            try:
                self._keep_processing(process, background)
            finally:
                self._process = self._background = None

    def _keep_processing(self, process: Process, background: Background) -> None:
        clock = self._assembly.clock
        maintained = clock.monotonic()
        while not self._stop.is_set():
            began = clock.monotonic()
            self._alive.beat("process")
            if process.step():
                self._committed.set()
            self.telemetry.backlog(process.backlog)
            busy = process.backlog >= MOST_ROWS
            if not busy and process.finish():
                self._committed.set()
            if clock.monotonic() - maintained >= MAINTAIN_SECONDS * (BUSY_TIMES if busy else 1):
                process.maintain()
                maintained = clock.monotonic()
            if busy:
                continue
            if background.step(self._commit_seconds * RELABEL_SHARE):
                self._recount.set()
                self._committed.set()
            if not self._drained:
                self._stop.wait(max(self._commit_seconds - (clock.monotonic() - began), 0.0))
            elif not process.backlog and not background.waiting:
                self._stop.wait(POLL_SECONDS)

    def _run_detect(self, state: State) -> None:
        with closing(self._assembly.lake()) as lake:
            while not self._stop.is_set():
                self._recount.clear()
                self._keep_detecting(lake, state)

    def _keep_detecting(self, lake: Lake, state: State) -> None:
        """Until stopped, or until stored posts have got other labels, which a Detect made anew counts anew."""
        detect = self._assembly.detect(lake, state, self.telemetry)
        detect.recover()
        self._detect = detect
        try:
            while not self._stop.is_set() and not self._recount.is_set():
                self._committed.clear()
                self._alive.beat("detect")
                if not detect.step():
                    self._committed.wait(POLL_SECONDS)
            detect.save()
        finally:
            self._detect = None

    async def _notify(self, state: State, queue: Queue) -> None:
        """Each destination in a loop of its own: one that hangs delays no other."""
        couriers = self._assembly.couriers(
            state, queue, self.telemetry, lambda name: self._alive.beat(f"notify {name}")
        )
        rounds = [couriers.clear, *(courier.deliver for courier in couriers.each)]
        serving = [asyncio.ensure_future(self._deliver(one)) for one in rounds]
        while not self._stop.is_set():
            done, _ = await asyncio.wait(serving, timeout=POLL_SECONDS, return_when=asyncio.FIRST_EXCEPTION)
            for ended in done:
                ended.result()
        _, late = await asyncio.wait(serving, timeout=GRACE_SECONDS)
        for one in late:  # a send that is cut off is sent again by the next run
            one.cancel()
        await asyncio.gather(*serving, return_exceptions=True)

    async def _deliver(self, deliver: Callable[[], Awaitable[int]]) -> None:
        while not self._stop.is_set():
            wait, sent = DELIVER_SECONDS, 0
            try:
                sent = await deliver()
                self._alive.beat("notify")
            except Transient as fault:
                log.warning("The notify loop waits: %s", fault)
                wait = fault.retry_after or 5.0
            except TocsinError as fault:
                self._fail("notify", fault)
            until = self._assembly.clock.monotonic() + wait
            while not sent and not self._stop.is_set() and self._assembly.clock.monotonic() < until:
                await asyncio.sleep(min(wait, DELIVER_SECONDS))

    def _write_metrics(self) -> None:
        """All counters as a file that Prometheus' textfile collector reads."""
        path = self._assembly.data_dir / "metrics.prom"
        part = path.with_suffix(f".{'-'.join(sorted(self._loops))}.part")  # other loops may write theirs just now
        try:
            part.write_bytes(self.telemetry.render())
            part.replace(path)
        except OSError as error:
            log.warning("The metrics are not written to %s: %s.", path, error.strerror)
