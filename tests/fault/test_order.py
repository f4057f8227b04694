"""R3: durability order through the whole chain, read from the system calls.

A kill cannot show a missing flush, because the page cache survives it. strace can: before each promise of the
program, what the promise is about must have been flushed.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from tests.fault.mutants import MUTANTS
from tests.helpers.faults import python, record, why_no_strace

pytestmark = pytest.mark.skipif(bool(why_no_strace()), reason=f"{why_no_strace()}: the order of flushes was not seen")

MARK = re.compile(r'write\(1<.*?>, "(trim|stored|told|sent|folded) (\S+)\\n"')
FLUSH = re.compile(r"f(?:data)?sync\(\d+<([^>]+)>\) += 0")
BEGUN = re.compile(r"f(?:data)?sync\(\d+<([^>]+)> <unfinished")
RESUMED = re.compile(r"<\.\.\. f(?:data)?sync resumed>\) += 0")
WRITTEN = re.compile(r"p?write(?:64)?\(\d+<([^>]+)>")
ADDED = re.compile(r'"path":"(day=[^"]+)"')
OFFSET = re.compile(r'"appId":"process/[^"]+","version":(\d+)')


@dataclass
class Trace:
    """What happened, in order: ("flush", path), ("write", path), and the marks of the program, ("trim", "120")."""

    happened: list[tuple[str, str]] = field(default_factory=list)

    def read(self, log: Path) -> Trace:
        flushing: dict[str, str] = {}
        for line in log.read_text(errors="replace").splitlines():
            thread, call = line.split(maxsplit=1)
            if mark := MARK.match(call):
                self.happened.append((mark[1], mark[2]))
            elif flushed := FLUSH.match(call):
                self.happened.append(("flush", flushed[1]))
            elif begun := BEGUN.match(call):
                flushing[thread] = begun[1]
            elif RESUMED.match(call) and thread in flushing:
                self.happened.append(("flush", flushing.pop(thread)))
            elif written := WRITTEN.match(call):
                self.happened.append(("write", written[1]))
        return self

    def marks(self, name: str) -> list[tuple[int, str]]:
        """Where each of the program's marks of this name stands, and what it says."""
        return [(at, what) for at, (kind, what) in enumerate(self.happened) if kind == name]

    def not_in_order(self, ranks: list[list[str]], before: int) -> str | None:
        """The first path that was not flushed after all those of the ranks above it; None if all were."""
        start = 0
        for rank in ranks:
            found = [start]
            for path in rank:
                try:
                    found.append(self.happened.index(("flush", path), start, before))
                except ValueError:
                    return path
            start = max(found)
        return None

    def dirty(self, path: str, before: int) -> bool:
        """Whether a file has bytes at that moment that no flush has followed."""
        last = next((kind for kind, what in reversed(self.happened[:before]) if what == path), "flush")
        return last == "write"


def traced(folder: Path, *mutant: str) -> Trace:
    log = folder / "trace"
    strace = ["strace", "-f", "-y", "-qq", "-o", str(log), "-e", "signal=none"]
    calls = ["-e", "trace=fsync,fdatasync,write,pwrite64"]
    done = python("-m", "tests.fault.order_child", folder, *mutant, before=[*strace, *calls])
    assert done.returncode == 0, done.stderr
    return Trace().read(log)


def too_early(folder: Path, trace: Trace) -> list[str]:
    """Every promise that was made before the disk had what it is about."""
    data = folder / "data"
    wrong = []
    for at, offset in trace.marks("stored"):
        if trace.dirty(str(data / "queue.db-wal"), at):
            wrong.append(f"stored {offset}: the queue is not flushed")
    commits = commits_of(data / "lake" / "events")
    for at, upto in trace.marks("trim"):
        for ranks in [ranks for offset, ranks in commits.items() if offset <= int(upto)]:
            if missing := trace.not_in_order(ranks, at):
                wrong.append(f"trim {upto}: {missing} is not flushed, or not in order")
    for at, version in trace.marks("folded"):
        if trace.dirty(str(data / "state.db-wal"), at):
            wrong.append(f"folded {version}: the state is not flushed")
    for at, number in trace.marks("sent"):
        if any(trace.dirty(str(data / name), at) for name in ("alerts.jsonl", "copy.jsonl")):
            wrong.append(f"sent {number}: the alert is not flushed")
    return wrong


def commits_of(root: Path) -> dict[int, list[list[str]]]:
    """Queue offset -> what must be flushed for its commit: data files, then folders, table, entry, log folder."""
    commits = {}
    for entry in sorted((root / "_delta_log").glob("*.json")):
        text = entry.read_text()
        if found := OFFSET.search(text):
            files = [root / path for path in ADDED.findall(text)]
            ranks = [files, [file.parent for file in files], [root], [entry], [entry.parent]]
            commits[int(found[1])] = [[str(path) for path in rank] for rank in ranks]
    return commits


def test_every_promise_follows_its_flushes(tmp_path: Path) -> None:
    trace = traced(tmp_path)
    promises = {name: len(trace.marks(name)) for name in ("stored", "trim", "folded", "told", "sent")}
    wrong = too_early(tmp_path, trace)
    figure = f"{sum(promises.values())} promises, {len(wrong)} before their flush"
    record("R3", figure, "0 before their flush", not wrong)
    assert wrong == []
    assert min(promises.values()) >= 4, promises


@pytest.mark.parametrize("name", [name for name, mutant in MUTANTS.items() if mutant.test == "order"])
def test_a_missing_flush_is_seen(tmp_path: Path, name: str) -> None:
    assert too_early(tmp_path, traced(tmp_path, name)), f"nobody saw that not: {MUTANTS[name].rule}"
