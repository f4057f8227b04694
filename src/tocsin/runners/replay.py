"""An incident computed again from the lake: all policies, from the first row to the one that its evidence ends with.

Nothing of the state database is used but the incident itself. What comes out must be the same, byte for byte.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec
import pyarrow as pa

from tocsin.component import Commit, History
from tocsin.model import Incident
from tocsin.pipeline import Bell, Detect
from tocsin.runners.assemble import Assembly
from tocsin.state import State
from tocsin.telemetry import Telemetry


@dataclass(frozen=True)
class Replayed:
    """`stored` and `found` are the incident as it opened or last grew (JSON); `found` is None if it did not open again.

    `differs` are the names of its parts that are not the same.
    """

    stored: bytes
    found: bytes | None
    differs: tuple[str, ...]

    @property
    def same(self) -> bool:
        return self.stored == self.found


class Past:
    """A lake as it was when its last row was `seq`, to be read only."""

    def __init__(self, lake: History, seq: int) -> None:
        self._lake, self._seq = lake, seq

    @property
    def table_id(self) -> str:
        return self._lake.table_id

    def last_seq(self) -> int:
        return min(self._seq, self._lake.last_seq())

    def version(self) -> int:
        return 0

    def fingerprint(self, version: int) -> str | None:
        return None

    def commits(self, after: int, columns: Sequence[str] | None = None) -> Iterator[Commit]:
        raise LookupError("the past is in the table")

    def rows(
        self,
        columns: Sequence[str] | None = None,
        *,
        after_seq: int = 0,
        upto_seq: int | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
    ) -> Iterator[pa.RecordBatch]:
        upto = self._seq if upto_seq is None else min(upto_seq, self._seq)
        return self._lake.rows(columns, after_seq=after_seq, upto_seq=upto, since=since, until=until)


def replay(assembly: Assembly, lake: History, incident: Incident, stored: bytes) -> Replayed:
    """Compute an incident again. `stored` is its JSON as it was when it opened or last grew."""
    past = Past(lake, int(incident.receipt["seq"]))
    with ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="tocsin-replay-"))
        scratch = stack.enter_context(closing(State(Path(folder) / "state.db")))
        detect = Detect(past, scratch, assembly.policies, Bell(), assembly.clock, Telemetry())
        detect.recover()
        detect.step()
        found = scratch.evidence(incident.id)
    return Replayed(stored, found, _differences(stored, found))


def _differences(stored: bytes, found: bytes | None) -> tuple[str, ...]:
    if found is None:
        return ("everything: it does not open",)
    before: dict[str, Any] = msgspec.json.decode(stored)
    after: dict[str, Any] = msgspec.json.decode(found)
    return tuple(name for name in before if before[name] != after.get(name))
