"""The enrichers in a process of their own: a post that hangs or kills it costs that post alone.

Batches travel as Arrow IPC over a pipe, so one is enriched while the one before is committed. A worker that
dies or takes too long is replaced; the new one is shown the lake's rows again.
"""

from __future__ import annotations

import logging
import multiprocessing
import signal
from collections.abc import Callable, Iterator
from multiprocessing.connection import Connection

import msgspec
import pyarrow as pa

from tocsin.component import Enricher, Patience
from tocsin.errors import Permanent, Transient
from tocsin.pipeline.process import Chain, EnrichmentError, History
from tocsin.runners.tuning import collect_rarely

log = logging.getLogger(__name__)

PATIENCE_SECONDS = 10.0
"""How long a batch may take, whatever its size; to that comes what slow models ask for, and `SECONDS_A_POST`."""
SECONDS_A_POST = 0.005
GLANCE_SECONDS = 0.5
START_SECONDS = 60.0
"""To fetch a model beforehand there is `tocsin models pull`."""
_ENRICH, _RECALL = b"e", b"r"


class _Ready(msgspec.Struct):
    """What a child says when its enrichers are made."""

    recalls: list[str]
    patience: Patience


class Worker:
    """An Enrichment whose enrichers are made by `make` in a child process; nothing is waited for once `stopping`."""

    def __init__(
        self,
        make: Callable[[], list[Enricher]],
        patience: float = PATIENCE_SECONDS,
        stopping: Callable[[], bool] = lambda: False,
    ) -> None:
        self._make, self._patience, self._stopping = make, patience, stopping
        self._history: History = lambda: iter(())
        self._fresh: list[pa.RecordBatch] = []
        self._submitted: pa.RecordBatch | None = None
        try:
            self._start()
        except EnrichmentError as error:
            raise Permanent(f"the enrichers do not start: {error}") from error

    def _start(self) -> None:
        context = multiprocessing.get_context("spawn")
        self._pipe, theirs = context.Pipe()
        self._process = context.Process(target=_serve, args=(theirs, self._make), daemon=True, name="tocsin-enrich")
        self._process.start()
        theirs.close()
        try:
            ready = msgspec.json.decode(self._answer(START_SECONDS), type=_Ready)
        except (EnrichmentError, Transient):
            self.close()
            raise
        self.recalls, self.patience = frozenset(ready.recalls), ready.patience

    def _patience_for(self, batch: pa.RecordBatch) -> float:
        posts: int = batch.num_rows
        asked = self.patience
        return self._patience + asked.seconds + (SECONDS_A_POST + asked.seconds_a_post) * posts

    def recall(self, history: History) -> None:
        self._history, self._fresh = history, []
        self._remind()

    def _remind(self) -> None:
        if not self.recalls:
            return
        for batch in (*self._history(), *self._fresh):
            self._send(_RECALL, batch.select([name for name in batch.schema.names if name in self.recalls]))
            self._answer(self._patience_for(batch))

    def submit(self, batch: pa.RecordBatch) -> None:
        self._submitted = batch
        try:
            self._send(_ENRICH, batch)
        except OSError:
            log.warning("The enriching process has died; its next answer will say so.")

    def result(self) -> pa.RecordBatch:
        assert self._submitted is not None, "submit a batch first"
        try:
            answer = self._answer(self._patience_for(self._submitted))
        except EnrichmentError:
            if not self._stopping():
                self._replace()
            raise
        if answer.startswith(b"!"):
            raise EnrichmentError(answer[1:].decode())
        batch = _unpack(answer[1:])
        self._note(batch)
        return batch

    def _note(self, batch: pa.RecordBatch) -> None:
        """Keep the last batches: they may not be in the lake yet when the worker has to be reminded."""
        if self.recalls:
            self._fresh = [*self._fresh[-3:], batch.select(sorted(self.recalls))]

    def _send(self, what: bytes, batch: pa.RecordBatch) -> None:
        self._pipe.send_bytes(what + _pack(batch))

    def _answer(self, patience: float) -> bytes:
        waited = 0.0
        try:
            while waited < patience and not self._stopping():
                if self._pipe.poll(min(GLANCE_SECONDS, patience - waited)):
                    return self._pipe.recv_bytes()
                waited += GLANCE_SECONDS
        except (EOFError, OSError) as error:
            self._process.join(5)
            raise EnrichmentError(f"the enriching process died (exit code {self._process.exitcode})") from error
        if self._stopping():
            raise Transient("the run is being stopped")
        raise EnrichmentError(f"the enriching process gave no answer within {patience:.0f} s")

    def _replace(self) -> None:
        self.close()
        self._start()
        self._remind()

    def close(self) -> None:
        self._process.kill()
        self._process.join()
        self._pipe.close()


def _pack(batch: pa.RecordBatch) -> bytes:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, batch.schema) as writer:
        writer.write_batch(batch)
    packed: bytes = sink.getvalue().to_pybytes()
    return packed


def _unpack(packed: bytes) -> pa.RecordBatch:
    with pa.ipc.open_stream(packed) as reader:
        return reader.read_next_batch()


def _serve(pipe: Connection, make: Callable[[], list[Enricher]]) -> None:
    """The child: make the enrichers, then answer until the parent is gone."""
    collect_rarely()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    chain = Chain(make())
    pipe.send_bytes(msgspec.json.encode(_Ready(sorted(chain.recalls), chain.patience)))
    while True:
        try:
            message = pipe.recv_bytes()
        except EOFError:
            return
        pipe.send_bytes(_handle(chain, message))


def _handle(chain: Chain, message: bytes) -> bytes:
    batch = _unpack(message[1:])
    if message[:1] == _RECALL:
        chain.recall(lambda: _one(batch))
        return b"."
    chain.submit(batch)
    try:
        return b"." + _pack(chain.result())
    except EnrichmentError as error:
        return b"!" + str(error).encode()


def _one(batch: pa.RecordBatch) -> Iterator[pa.RecordBatch]:
    yield batch
