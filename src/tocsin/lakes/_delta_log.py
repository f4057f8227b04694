"""The log folder of a Delta table, read and kept small by us: one JSON file a version, checkpoints beside them.

The format is https://github.com/delta-io/delta/blob/master/PROTOCOL.md; what `deltalake` 1.6.6 does and leaves out
(it never calls fsync on a local disk) was measured.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import msgspec
import xxhash

from tocsin.errors import Corrupt

LOG = "_delta_log"
HINT = "_last_checkpoint"
OURS = "process/"
"""App ids of the process loop start so: process/<queue uuid>/<shard>."""

APPS = 2
"""Application transactions in an append: the queue's offset and the highest `seq`."""

ENTRIES_KEPT = 2000
"""Newest entries that stay in the folder: what a reader may lag behind before it has to read the rows instead."""


class Add(msgspec.Struct, frozen=True, rename="camel"):
    path: str
    size: int
    partition_values: dict[str, str | None] = {}


class Remove(msgspec.Struct, frozen=True):
    path: str


class Txn(msgspec.Struct, frozen=True, rename="camel"):
    app_id: str
    version: int


class Metrics(msgspec.Struct, frozen=True):
    num_added_files: int | None = None


class Info(msgspec.Struct, frozen=True, rename="camel"):
    operation: str = ""
    operation_metrics: Metrics = Metrics()
    append: int | None = None
    """Ours, in appends: how many rows."""
    rewrite: dict[str, int] | None = None
    """Ours, in rewrites: how many files the entry adds and removes."""


class _Action(msgspec.Struct, frozen=True, rename="camel"):
    commit_info: Info | None = None
    add: Add | None = None
    remove: Remove | None = None
    txn: Txn | None = None


_decoder = msgspec.json.Decoder(_Action)


@dataclass(frozen=True)
class Entry:
    """What one version did to the table. Paths are relative to the table's folder."""

    version: int
    fingerprint: str
    info: Info
    adds: tuple[Add, ...]
    removes: tuple[str, ...]
    apps: dict[str, int]

    @property
    def ours(self) -> bool:
        """Whether it appended rows of the process loop and did nothing else."""
        return not self.removes and any(app.startswith(OURS) for app in self.apps)


def path_of(root: Path, version: int) -> Path:
    return root / LOG / f"{version:020d}.json"


def read(root: Path, version: int) -> Entry:
    """One entry. Raises FileNotFoundError, or Corrupt if the entry is not whole."""
    path = path_of(root, version)
    raw = path.read_bytes()
    try:
        actions = _decoder.decode_lines(raw)
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise _torn(path) from None
    adds = tuple(action.add for action in actions if action.add)
    entry = Entry(
        version=version,
        fingerprint=xxhash.xxh3_128_hexdigest(raw),
        info=next((action.commit_info for action in actions if action.commit_info), Info()),
        adds=tuple(msgspec.structs.replace(add, path=unquote(add.path)) for add in adds),
        removes=tuple(unquote(action.remove.path) for action in actions if action.remove),
        apps={action.txn.app_id: action.txn.version for action in actions if action.txn},
    )
    if not _whole(entry):
        raise _torn(path)
    return entry


def _torn(path: Path) -> Corrupt:
    return Corrupt(f"{path}: this entry of the lake's log is not whole; run `tocsin doctor --repair`")


def _whole(entry: Entry) -> bool:
    """Whether nothing is missing at the end: a torn entry can still be good JSON, cut between two lines."""
    info = entry.info
    if not info.operation:
        return False
    if info.operation_metrics.num_added_files not in (None, len(entry.adds)):
        return False
    if info.rewrite is not None:
        return info.rewrite == {"added": len(entry.adds), "removed": len(entry.removes)}
    return info.append is None or len(entry.apps) == APPS


def fingerprint(root: Path, version: int) -> str | None:
    """The hash of an entry's bytes; None where it is gone."""
    try:
        return xxhash.xxh3_128_hexdigest(path_of(root, version).read_bytes())
    except FileNotFoundError:
        return None


def versions(root: Path) -> list[int]:
    """The versions whose entries are in the folder, ascending."""
    return sorted(int(name[:20]) for name in _names(root) if len(name) == 25 and name.endswith(".json"))


def checkpoints(root: Path) -> dict[int, Path]:
    """The checkpoint files by version, ascending."""
    found = [name for name in _names(root) if name.endswith(".checkpoint.parquet")]
    return {int(name[:20]): root / LOG / name for name in sorted(found)}


def _names(root: Path) -> list[str]:
    try:
        return [name for name in os.listdir(root / LOG) if name[:20].isdigit()]
    except FileNotFoundError:
        return []


def hinted(root: Path) -> int | None:
    """The version of the checkpoint that readers are told to start from; None where there is no such hint."""
    try:
        hint: dict[str, Any] = msgspec.json.decode((root / LOG / HINT).read_bytes())
        return int(hint["version"])
    except (FileNotFoundError, msgspec.DecodeError, KeyError, TypeError, ValueError):
        return None


def prune(root: Path) -> None:
    """Delete the oldest entries and checkpoints.

    What stays: the newest ENTRIES_KEPT entries, and all from the last checkpoint but one on, so that the table opens
    also if the last checkpoint is bad. Oldest first: a crash half-way leaves no hole.
    """
    whole = list(checkpoints(root))
    entries = versions(root)
    if len(whole) < 2 or not entries:
        return
    first = min(whole[-2], entries[-1] - ENTRIES_KEPT + 1)
    for version in entries:
        if version < first:
            path_of(root, version).unlink(missing_ok=True)
    for version, path in checkpoints(root).items():
        if version < whole[-2]:
            path.unlink(missing_ok=True)


def flush(root: Path, after: int, upto: int) -> None:
    """Make the commits with versions in (after, upto] survive a power cut.

    In the order in which they depend on each other: data files, their folders, checkpoints and entries, the log folder.
    """
    entries = []
    for version in range(after + 1, upto + 1):
        try:
            entries.append(read(root, version))
        except FileNotFoundError:
            continue  # pruned: a later checkpoint, flushed before, holds it
    files = [root / add.path for entry in entries for add in entry.adds]
    _sync(files)
    _sync({file.parent for file in files})
    _sync([root])
    _sync(path for version, path in checkpoints(root).items() if version > after)
    _sync([root / LOG / HINT])
    _sync(path_of(root, entry.version) for entry in entries)
    _sync([root / LOG])


def flush_folders(root: Path, levels: int) -> None:
    """Make the table's folder and `levels` above it survive: they are new."""
    _sync([root, *list(root.parents)[:levels]])


def _sync(paths: Iterable[Path]) -> None:
    for path in paths:
        try:
            handle = os.open(path, os.O_RDONLY)
        except FileNotFoundError:
            continue  # rewritten and cleaned up since; `lakes/_delta_repair.py` checks what must be there
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
