"""The embedded model for the contract suite."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tocsin.component import Context
from tocsin.models.embedded import Config, Embedded


@contextmanager
def make(tmp_path: Path) -> Iterator[Embedded]:
    yield Embedded("", Config(), Context("category", tmp_path))
