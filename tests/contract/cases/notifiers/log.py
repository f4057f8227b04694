"""The log notifier for the contract suite: its other side is a file."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from tests.contract.test_notifier import Case

from tocsin.component import Context
from tocsin.notifiers import log


@asynccontextmanager
async def make(tmp_path: Path) -> AsyncIterator[Case]:
    path, aside = tmp_path / "alerts.jsonl", tmp_path / "aside.jsonl"
    patch = pytest.MonkeyPatch()

    def received() -> list[dict[str, Any]]:
        return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()] if path.is_file() else []

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    async def fail(kind: str | None) -> None:
        patch.undo()
        if path.is_dir():
            path.rmdir()
            aside.rename(path)
        if kind == "transient":
            patch.setattr(log.os, "fsync", full)
        elif kind == "permanent":
            path.rename(aside)
            path.mkdir()

    def again() -> log.Log:
        return log.Log(log.Config(), Context("log", tmp_path))

    try:
        yield Case(again(), received, fail, again)
    finally:
        patch.undo()
