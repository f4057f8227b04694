"""The enriching child process: answers, faults, replacement, memory."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing

import pyarrow as pa
import pytest
from tests.helpers import poison
from tests.helpers.rows import row

from tocsin.errors import Permanent, Transient
from tocsin.pipeline.process import EnrichmentError
from tocsin.records import ROW_SCHEMA
from tocsin.runners.worker import Worker


def batch(*texts: str) -> pa.RecordBatch:
    rows = [row(number, number, text=text) for number, text in enumerate(texts, 1)]
    return pa.RecordBatch.from_pylist(rows, schema=ROW_SCHEMA)


@pytest.fixture(scope="module")
def worker() -> Iterator[Worker]:
    with closing(Worker(poison.make, patience=1.5)) as made:
        yield made


def enriched(worker: Worker, *texts: str) -> list[str]:
    worker.submit(batch(*texts))
    return list(worker.result().column("model").to_pylist())


def test_batches_come_back_filled(worker: Worker) -> None:
    assert enriched(worker, "a", "b") == ["ok 0", "ok 0"]
    assert enriched(worker) == []


@pytest.mark.parametrize(
    ("text", "reason"),
    [("raise", "ValueError: cannot read this"), ("die", "died .exit code 9"), ("hang", "no answer within")],
)
def test_a_bad_post_is_an_error_and_the_next_batch_goes_on(worker: Worker, text: str, reason: str) -> None:
    with pytest.raises(EnrichmentError, match=reason):
        enriched(worker, "a", text)
    assert len(enriched(worker, "a", "b")) == 2


def test_a_new_worker_is_shown_the_lake_and_the_batches_since() -> None:
    with closing(Worker(poison.make, patience=5)) as worker:
        worker.recall(lambda: iter([batch("x", "y", "z")]))
        assert enriched(worker, "a", "b") == ["ok 3", "ok 3"]
        with pytest.raises(EnrichmentError):
            enriched(worker, "die")
        assert enriched(worker, "a") == ["ok 5"]


def test_a_run_that_is_stopped_waits_for_no_answer() -> None:
    with pytest.raises(Transient, match="stopped"):
        Worker(poison.make, stopping=lambda: True)


def test_enrichers_that_cannot_be_made_are_one_clear_line() -> None:
    with pytest.raises(Permanent, match="the enrichers do not start: the enriching process died"):
        Worker(poison.broken)
