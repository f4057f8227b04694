"""The gazetteer in the wheel for the contract suite."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tocsin import load
from tocsin.component import Context


@contextmanager
def make(tmp_path: Path) -> Iterator[Any]:
    options = load.component("gazetteer", "embedded").config_class()
    yield load.build("gazetteer", "embedded", options, Context("place", tmp_path))
