"""The files that Tocsin keeps, looked over and repaired: the queue, the lake, the state."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from tocsin.config import Config
from tocsin.lakes import _delta_repair, delta
from tocsin.queues import sqlite

STATE_FILE = "state.db"


@dataclass(frozen=True)
class Store:
    """`check` says what is wrong with what is at `path`, `repair` heals it and says what it did."""

    name: str
    path: Path
    check: Callable[[Path], list[str]]
    repair: Callable[[Path], list[str]]


def stores(config: Config) -> list[Store]:
    """The stores of a config that live in the data directory."""
    queue = Store("queue", config.data_dir / sqlite.FILE_NAME, sqlite.check, sqlite.repair)
    lake = Store("lake", delta.folder(config.data_dir), _check_lake, _delta_repair.repair)
    state = Store("state", config.data_dir / STATE_FILE, check_state, repair_state)
    return [
        *([queue] if config.queue.type == "sqlite" else []),
        *([lake] if config.lake.type == "delta" else []),
        state,
    ]


def _check_lake(root: Path) -> list[str]:
    return [str(finding) for finding in _delta_repair.check(root)]


def check_state(path: Path) -> list[str]:
    """What is wrong with the state database, by SQLite's own check; it changes nothing."""
    if not path.exists():
        return []
    try:
        with closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)) as connection:
            return [row[0] for row in connection.execute("PRAGMA quick_check(20)") if row[0] != "ok"]
    except sqlite3.DatabaseError as error:
        return [f"{path}: {error}"]


def repair_state(path: Path) -> list[str]:
    """Move the state database aside: the next run makes it anew from the lake."""
    number = 1
    while (aside := path.with_name(f"{path.name}.damaged-{number}")).exists():
        number += 1
    for suffix in ("-wal", "-shm", ""):
        file = path.with_name(path.name + suffix)
        if file.exists():
            file.rename(aside.with_name(aside.name + suffix))
    lost = "who acknowledged what, and what was said with `tocsin label`, is lost"
    return [f"kept as {aside.name}; the next run counts again from the lake; {lost}"]
