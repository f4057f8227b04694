"""What was counted, as a detector wants it: in order of time, a row for each bucket, a column for each series."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from tocsin.component import Floats, Lake, Visible
from tocsin.pipeline.policy import Policy, name_of
from tocsin.series import Key, columns
from tocsin.series.blind import Blind
from tocsin.state import State

CELLS = 16_000_000
"""Counts in memory at a time: 64 MB."""
LONGEST = 90 * 86_400
EVERYTHING = 1 << 62

Sums = Mapping[Key, Mapping[int, float]]
"""Series -> bucket (Unix seconds) -> count."""


class Sight:
    """When which series could be seen. `gaps` (2, n) are start and end (Unix seconds) of all that `blind` knows."""

    def __init__(self, blind: Blind, gaps: npt.NDArray[np.int64]) -> None:
        self._blind, (self._starts, self._ends) = blind, gaps

    def visible(self, keys: Sequence[Key], start: int, end: int) -> Visible:
        if ((self._starts < end) & (self._ends > start)).any():
            return self._blind.visible(keys, start, end, EVERYTHING)
        return np.ones(len(keys), np.bool_)


@dataclass(frozen=True)
class Past:
    """The counts of one policy. `keys` are in the order in which the series were first counted, `born` then (Unix
    seconds); `end` is that of the last bucket.

    `read(since, until)` gives (bucket, series), `counts(key, since, until)` one series by bucket. `sight` knows what
    could not be seen; None: all could.
    """

    bucket: int
    keys: Sequence[Key]
    born: Sequence[int]
    end: int
    read: Callable[[int, int], Floats]
    counts: Callable[[Key, int, int], Mapping[int, int]]
    sight: Sight | None = None

    def stretches(self) -> Iterator[tuple[int, Floats]]:
        """Start and counts of one stretch after the other; all within a bounded memory."""
        if not self.keys:
            return
        length = min(max(CELLS // len(self.keys), 1) * self.bucket, LONGEST)
        for start in range(min(self.born), self.end, length):
            yield start, self.read(start, min(start + length, self.end))

    def visible(self, size: int, start: int) -> Visible:
        """Which of the first series could be seen in the bucket that starts so."""
        if self.sight is None:
            return np.ones(size, np.bool_)
        return self.sight.visible(self.keys[:size], start, start + self.bucket)


def of_state(state: State, policy: Policy, since: int, sight: Sight | None = None) -> Past:
    """What the state database holds of a policy from `since` on (Unix seconds)."""
    bucket = policy.fold.bucket
    found = [
        (first, tuple(msgspec.json.decode(name, type=list[str])), last, name)
        for name, first, last in state.counted.bounds(policy.name, since)
    ]
    found.sort(key=lambda one: (one[0], len(one[1]), one[1]))
    names = [name for *_, name in found]

    def read(start: int, until: int) -> Floats:
        counts = np.zeros(((until - start) // bucket, len(names)), np.float32)
        for place, buckets, values in state.counted.stretch(policy.name, names, start, until):
            counts[(buckets - start) // bucket, place] = values
        return counts

    return Past(
        bucket=bucket,
        keys=[key for _, key, _, _ in found],
        born=[first for first, *_ in found],
        end=max((last for _, _, last, _ in found), default=since) + bucket,
        read=read,
        counts=lambda key, start, until: state.counts(policy.name, name_of(key), start, until),
        sight=sight,
    )


def of_sums(sums: Sums, bucket: int, sight: Sight | None = None) -> Past:
    """Counts that are all in memory."""
    order = sorted((min(counts), len(key), key) for key, counts in sums.items() if counts)
    keys = [key for _, _, key in order]
    times = [np.array(sorted(sums[key]), np.int64) for key in keys]
    values = [
        np.array([sums[key][time] for time in own.tolist()], np.float32) for key, own in zip(keys, times, strict=True)
    ]

    def read(start: int, until: int) -> Floats:
        counts = np.zeros(((until - start) // bucket, len(keys)), np.float32)
        for place, own in enumerate(times):
            some = slice(*np.searchsorted(own, (start, until)).tolist())
            counts[(own[some] - start) // bucket, place] = values[place][some]
        return counts

    def counts(key: Key, start: int, until: int) -> dict[int, int]:
        return {time: round(count) for time, count in sums[key].items() if start <= time < until}

    end = max((int(own[-1]) for own in times), default=0) + bucket
    return Past(bucket, keys, [first for first, *_ in order], end, read, counts, sight)


def of_lake(lake: Lake, policy: Policy, since: int) -> Past:
    """What the lake holds for a policy that was never counted, or not so: folded here."""
    fold, sums = policy.fold, dict[Key, dict[int, int]]()
    wanted = sorted({*columns(fold.dimensions, fold.counting), "uid", "author_id"})
    for batch in lake.rows(wanted, since=datetime.fromtimestamp(since, UTC)):
        for _ in fold.fold(pa.Table.from_batches([batch])):
            pass
        for (key, time), count in fold.counted.items():
            own = sums.setdefault(key, {})
            own[time] = own.get(time, 0) + count
    return of_sums(sums, fold.bucket, unseen(lake, policy))


def unseen(lake: Lake, policy: Policy) -> Sight | None:
    """The stretches in which sources were blind, as the whole lake tells; None where there is none.

    Counts do not tell sources apart: of a series that several bring, nothing counts as seen while one was blind.
    """
    import pyarrow.dataset as ds

    files = lake.snapshot().files
    if not files:
        return None
    table, kind = ds.dataset(list(files), format="parquet"), ds.field("kind")
    wanted = ["seq", "kind", "event_time", "source", "stream", "until", "note"]
    told = table.to_table(wanted, filter=kind == "gap")
    if not told.num_rows:
        return None
    told = told.sort_by("seq")
    ends = {(row["source"], row["stream"], row["event_time"]): _end(row) for row in told.to_pylist()}
    gaps = np.array([(int(start.timestamp()), end) for (_, _, start), end in ends.items()], np.int64)
    if is_open := [start for (_, _, start), end in ends.items() if end == EVERYTHING]:  # a sign of life may end it
        beats = (kind == "heartbeat") & (ds.field("event_time") >= min(is_open))
        told = pa.concat_tables([told, table.to_table(wanted, filter=beats)]).sort_by("seq")
    blind = Blind(policy.fold.dimensions, policy.fold.sources)
    blind.note(told, told.column("kind").combine_chunks())
    return Sight(blind, gaps.T)


def _end(gap: Mapping[str, Any]) -> int:
    """Unix seconds."""
    is_open = gap["until"] is None or (gap["note"] or "").startswith("open")
    return EVERYTHING if is_open else int(gap["until"].timestamp())


def newest(lake: Lake) -> int | None:
    """The time of the newest post in the lake (Unix seconds); None where there is none."""
    found = [pc.max(batch.column("event_time")) for batch in lake.rows(["event_time", "kind"])]
    return int(max(one.as_py() for one in found).timestamp()) if found else None
