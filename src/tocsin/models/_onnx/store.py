"""The cache of models: folders that are whole or not there, each with a manifest of its files.

    <root>/hub/<org>--<name>/<commit>/       files of a repository
    <root>/built/<sha256>/                   ONNX files made of others

A folder is filled beside its place and renamed into it, under a lock, so that two processes make it once and a crash
leaves nothing that looks whole. What was damaged later is seen by its hashes.
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tocsin.models._onnx.folder import hashed

MANIFEST = "manifest.json"


@contextmanager
def locked(place: Path) -> Iterator[None]:
    """Nobody else works on this place meanwhile; waits for whoever does. Goes with the process, however it ends."""
    place.parent.mkdir(parents=True, exist_ok=True)
    file = os.open(place.with_name(f".{place.name}.lock"), os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
    finally:
        os.close(file)


def publish(folder: Path, place: Path, facts: Mapping[str, Any]) -> None:
    """Give a filled folder its manifest and its place, replacing what is there. The lock of the place must be held."""
    files = {name: {"size": size(folder / name), "sha256": hashed(folder / name)} for name in names(folder)}
    (folder / MANIFEST).write_text(json.dumps({**facts, "files": files}, indent=1, sort_keys=True), encoding="utf-8")
    for name in (*files, MANIFEST):
        _flush(folder / name)
    if place.exists():
        shutil.rmtree(place)
    folder.rename(place)
    _flush(place.parent)


def manifest(place: Path) -> dict[str, Any] | None:
    """What was written of a folder when it was made; None if there is no such folder, or only a part of one."""
    try:
        said = json.loads((place / MANIFEST).read_text(encoding="utf-8"))
        return said if isinstance(said["files"], dict) else None
    except (OSError, ValueError, KeyError, TypeError):
        return None


def damaged(place: Path, only: Collection[str] | None = None) -> list[str]:
    """The files (of `only`, where given) that are not as they were made; the manifest itself if it is missing."""
    said = manifest(place)
    if said is None:
        return [MANIFEST]
    files = {name: entry for name, entry in said["files"].items() if only is None or name in only}
    return [name for name, entry in files.items() if not _as_made(place / name, entry)]


def _as_made(file: Path, entry: Any) -> bool:
    try:
        return bool(size(file) == entry["size"] and hashed(file) == entry["sha256"])
    except (OSError, KeyError, TypeError):
        return False


def names(folder: Path) -> list[str]:
    """The files of a folder, as paths from it, without the manifest and what is hidden."""
    found = (file.relative_to(folder) for file in folder.rglob("*") if file.is_file())
    seen = (file for file in found if not any(part.startswith(".") for part in file.parts))
    return sorted(file.as_posix() for file in seen if file.name != MANIFEST)


def size(file: Path) -> int:
    return file.stat().st_size


def _flush(path: Path) -> None:
    opened = os.open(path, os.O_RDONLY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)
