"""What a power cut or a bad disk can do to the table, found and, where nothing can be lost by it, healed.

Only the newest commits can be torn: everything older was flushed before the queue forgot it (`delta.py`). So a commit
that is not whole may be taken back; the queue still has its events and they are written again.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from deltalake import DeltaTable
from deltalake.exceptions import DeltaError

from tocsin.errors import Corrupt
from tocsin.lakes import _delta_log as log

UNFLUSHED = 20
"""No more commits than this are ever without a flush."""

_LOOKED_AT = 2 * UNFLUSHED
_MAGIC = b"PAR1"
_BACKUP = "restore the lake from a backup, or move it away and import its data again"


@dataclass(frozen=True)
class Finding:
    """Something wrong, with which the lake is not opened. `aside`: what a repair takes out of the table."""

    file: Path
    problem: str
    aside: tuple[Path, ...] = ()

    @property
    def repairable(self) -> bool:
        return bool(self.aside)

    def __str__(self) -> str:
        return f"{self.file}: {self.problem}; {'run `tocsin doctor --repair`' if self.repairable else _BACKUP}"


def check(root: Path, *, deep: bool = True) -> list[Finding]:
    """What is wrong with the table in `root`; empty if nothing is, or there is no table yet.

    Looks at the checkpoints and the newest entries and their files; `deep`, at all files of the table.
    """
    entries = log.versions(root)
    good, findings = _checkpoints(root)
    if not entries and not good:
        lost = next(root.glob("day=*/*.parquet"), None) is not None
        return [Finding(root / log.LOG, "the lake's log is gone")] if lost else findings
    findings += _log(root, entries, good)
    if deep and not findings:
        findings += _deep(root)
    return findings


def repair(root: Path) -> list[str]:
    """Heal what can be healed; a line for each thing done. What is taken out lies in `aside` beside the table."""
    done: list[str] = []
    while wrong := [finding for finding in check(root, deep=False) if finding.repairable]:
        for path in wrong[0].aside:
            done.append(f"moved {path} to {_set_aside(root, path)} ({wrong[0].problem})")
    log.flush_folders(root / log.LOG, levels=2)
    return done


def _set_aside(root: Path, path: Path) -> Path:
    folder = root.parent / "aside"
    folder.mkdir(exist_ok=True)
    number = 0
    while (target := folder / f"{path.name}.{number}").exists():
        number += 1
    path.rename(target)
    return target


def _checkpoints(root: Path) -> tuple[list[int], list[Finding]]:
    """The versions of the checkpoints that can be read, and what is wrong with the others and the hint."""
    good: list[int] = []
    findings: list[Finding] = []
    hint, hinted = root / log.LOG / log.HINT, log.hinted(root)
    for version, path in log.checkpoints(root).items():
        try:
            pq.read_metadata(path)
            good.append(version)
        except FileNotFoundError:
            continue  # pruned by the writer while we look
        except (pa.ArrowException, OSError):
            aside = (path, hint) if hinted == version else (path,)
            findings.append(Finding(path, "this checkpoint of the lake's log is not whole", aside=aside))
    if hint.exists() and hinted not in log.checkpoints(root):
        findings.append(Finding(hint, "it names no checkpoint that is there", aside=(hint,)))
    return good, findings


def _log(root: Path, entries: list[int], checkpoints: list[int]) -> list[Finding]:
    """What is wrong with the entries that the table is made from and with the newest files."""
    last = max([*entries, *checkpoints])
    base = max(checkpoints, default=-1)
    missing = sorted(set(range(base + 1, last)) - set(entries))
    if missing:
        return [Finding(log.path_of(root, missing[0]), "this entry of the lake's log is missing")]
    newest: list[log.Entry] = []
    for version in entries[-_LOOKED_AT:]:
        try:
            newest.append(log.read(root, version))
        except FileNotFoundError:
            continue  # pruned by the writer while we look
        except Corrupt:
            path = log.path_of(root, version)
            aside = (path,) if version <= base else _from(root, version, last)
            return [Finding(path, "this entry of the lake's log is not whole", aside=aside)]
    return list(_newest_files(root, newest, last))


def _newest_files(root: Path, entries: Sequence[log.Entry], last: int) -> Iterator[Finding]:
    gone = {path for entry in entries for path in entry.removes}
    for entry in entries:
        for add in entry.adds:
            if add.path not in gone and (problem := _problem(root / add.path, add.size)):
                yield Finding(root / add.path, problem, aside=_from(root, entry.version, last))
                return


def _from(root: Path, version: int, last: int) -> tuple[Path, ...]:
    """Everything that has to go to take back the commits from `version` on; nothing if that is not safe."""
    checkpoints = log.checkpoints(root)
    base = max((older for older in checkpoints if older < version), default=-1)
    kept = set(log.versions(root))
    if last - version >= UNFLUSHED or not kept.issuperset(range(base + 1, version)) or version == 0 < last:
        return ()
    later = [path for newer, path in checkpoints.items() if newer >= version]
    hint = [root / log.LOG / log.HINT] if later and (root / log.LOG / log.HINT).exists() else []
    return (*hint, *later, *(log.path_of(root, newer) for newer in sorted(kept, reverse=True) if newer >= version))


def _problem(path: Path, size: int) -> str | None:
    try:
        found = path.stat().st_size
        if found != size:
            return f"this file of the lake has {found} bytes, not {size}"
        with path.open("rb") as file:
            file.seek(-len(_MAGIC), 2)
            return None if file.read() == _MAGIC else "this file of the lake is not whole"
    except FileNotFoundError:
        return "this file of the lake is missing"


def _deep(root: Path) -> Iterator[Finding]:
    """What is wrong with the files of the table. Others in the folders are harmless: the next clean-up takes them."""
    try:
        actions = pa.table(DeltaTable(root).get_add_actions(flatten=True))
    except DeltaError as error:
        yield Finding(root / log.LOG, f"the table does not open ({str(error).splitlines()[0]})")
        return
    for path, size in zip(actions["path"].to_pylist(), actions["size_bytes"].to_pylist(), strict=True):
        if problem := _problem(root / path, size):
            yield Finding(root / path, problem)
