"""Enrichers that some texts make raise, hang or die. Importable by a child process."""

from __future__ import annotations

import os
import time
from typing import ClassVar

import pyarrow as pa


class Poisonable:
    """Fills `model` with "ok"; the text says what goes wrong."""

    fills: ClassVar[frozenset[str]] = frozenset({"model"})
    needs: ClassVar[frozenset[str]] = frozenset()
    recalls: ClassVar[frozenset[str]] = frozenset({"seq", "uid"})

    def __init__(self) -> None:
        self.seen = 0

    def recall(self, batch: pa.RecordBatch) -> None:
        self.seen += batch.num_rows

    def enrich(self, batch: pa.RecordBatch) -> dict[str, pa.Array]:
        for text in batch.column("text").to_pylist():
            if "raise" in text:
                raise ValueError("cannot read this")
            if "hang" in text:
                time.sleep(600)
            if "die" in text:
                os._exit(9)
        return {"model": pa.array([f"ok {self.seen}"] * batch.num_rows, pa.string())}


def make() -> list[Poisonable]:
    return [Poisonable()]


def broken() -> list[Poisonable]:
    """Enrichers that cannot even be made."""
    raise RuntimeError("no model")
