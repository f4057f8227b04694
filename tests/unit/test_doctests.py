"""The examples in docstrings are true."""

from __future__ import annotations

import doctest
import importlib
from pathlib import Path

import pytest

import tocsin

ROOT = Path(tocsin.__file__).parent
MODULES = sorted(
    ".".join(("tocsin", *file.relative_to(ROOT).with_suffix("").parts)).removesuffix(".__init__")
    for file in ROOT.rglob("*.py")
    if "\n    >>> " in file.read_text(encoding="utf-8")
)


def test_there_are_examples() -> None:
    assert {"tocsin.clock", "tocsin.text", "tocsin.options"} <= set(MODULES)


@pytest.mark.parametrize("name", MODULES)
def test_examples(name: str) -> None:
    result = doctest.testmod(importlib.import_module(name), raise_on_error=False)
    assert result.attempted > 0
    assert result.failed == 0
