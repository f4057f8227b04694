"""Looks at a data directory after a kill, with nothing of Tocsin's own: SQLite, Parquet, and a recount in plain Python.

It opens the databases read-only, so that it heals nothing that the next start would have to heal.
"""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import msgspec
import pyarrow.parquet as pq
from deltalake import DeltaTable

from tocsin.model import Delete, Event, Gap, Heartbeat, Post

COLUMNS = ["seq", "kind", "uid", "version", "text", "event_time", "watches", "categories", "backfilled"]
LATENESS, BUCKET = 120 * 10**6, 300
Row = dict[str, Any]


class Inspector:
    """Checks one data directory again and again; `look` says what is wrong."""

    def __init__(self, folder: Path, script: Sequence[Event]) -> None:
        self._folder, self._script = folder, script
        self._fates = list(_fates(script))
        self._files: dict[str, list[Row]] = {}

    def look(self, acknowledged: int) -> list[str]:
        """Everything that is wrong. `acknowledged` is how many events were said to be safe."""
        lake, rows = self._lake()
        return [
            *self._queue(acknowledged, lake),
            *self._rows(lake, rows),
            *self._state(rows),
            *self._alerts(),
        ]

    def _lake(self) -> tuple[int, list[Row]]:
        """The queue's offset in the lake, and all rows in the order of `seq`."""
        root = self._folder / "lake" / "events"
        if not DeltaTable.is_deltatable(str(root)):
            return 0, []
        table = DeltaTable(root)
        paths = table.file_uris()
        rows = [row for path in paths for row in self._read(path)]
        uuid = self._one("queue.db", "SELECT uuid FROM log")
        return table.transaction_version(f"process/{uuid}/0") or 0, sorted(rows, key=lambda row: row["seq"])

    def _read(self, path: str) -> list[Row]:
        if path not in self._files:
            rows: list[Row] = pq.read_table(path, columns=COLUMNS, partitioning=None).to_pylist()
            self._files[path] = rows
        return self._files[path]

    def _select(self, file: str, query: str) -> list[tuple[Any, ...]]:
        path = self._folder / file
        if not path.exists():
            return []
        with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=30)) as connection:
            try:
                return connection.execute(query).fetchall()
            except sqlite3.OperationalError as error:
                if "no such table" in str(error):
                    return []
                raise

    def _one(self, file: str, query: str) -> Any:
        rows = self._select(file, query)
        return rows[0][0] if rows else None

    def _queue(self, acknowledged: int, lake: int) -> Iterator[str]:
        last = self._one("queue.db", "SELECT last FROM log") or 0
        cursor = self._one("queue.db", "SELECT cursor FROM cursors")
        if int(cursor or b"0") != last:
            yield f"the cursor {cursor!r} stands beside {last} events"
        if last < acknowledged:
            yield f"{acknowledged} events were acknowledged, the queue was given {last}"
        if lake > last:
            yield f"the lake is at {lake}, the queue at {last}"
        waiting = dict(self._select("queue.db", f"SELECT offset, body FROM events WHERE offset > {lake}"))
        for number in range(lake + 1, acknowledged + 1):
            if number not in waiting:
                yield f"event {number} was acknowledged and is neither in the lake (at {lake}) nor in the queue"
        for number, body in waiting.items():
            if number <= len(self._script) and msgspec.json.decode(body) != _plain(self._script[number - 1]):
                yield f"offset {number} of the queue is not event {number}"

    def _rows(self, lake: int, rows: list[Row]) -> Iterator[str]:
        if [row["seq"] for row in rows] != list(range(1, lake + 1)):
            twice = [seq for seq, times in Counter(row["seq"] for row in rows).items() if times > 1]
            yield f"the lake is at offset {lake} and has {len(rows)} rows, offsets {twice[:5]} twice"
        posts = Counter((row["uid"], row["version"]) for row in rows if row["kind"] == "post")
        for (uid, version), times in posts.items():
            if times > 1:
                yield f"{uid} version {version} is {times} posts"
        for row in rows:
            kinds = self._fates[row["seq"] - 1]
            if row["kind"] not in kinds:
                yield f"row {row['seq']} is a {row['kind']}, not a {' or '.join(kinds)}"
            event = self._script[row["seq"] - 1]
            if (
                row["kind"] == "post"
                and isinstance(event, Post)
                and (row["uid"], row["text"]) != (event.uid, event.text)
            ):
                yield f"row {row['seq']} is {row['uid']}, not {event.uid}"

    def _state(self, rows: list[Row]) -> Iterator[str]:
        found = self._select("state.db", "SELECT series, bucket, count, late FROM counts")
        counts = {(series, bucket): (count, late) for series, bucket, count, late in found}
        seq = self._one("state.db", "SELECT seq FROM position") or 0
        if seq > len(rows):
            yield f"{seq} rows were folded, the lake has {len(rows)}"
        should, _ = recount(rows, seq)
        for key in sorted({*counts, *should}):
            if counts.get(key, (0, 0)) != should.get(key, (0, 0)):
                yield f"series {key} has {counts.get(key)} in time and late, a recount up to {seq} {should.get(key)}"
        for at, saved in self._select("state.db", "SELECT seq, saved FROM checkpoints WHERE policy <> ''"):
            yield from _checkpoint(rows, at, saved)

    def _alerts(self) -> Iterator[str]:
        outbox = self._select("state.db", "SELECT key, destination, state FROM outbox")
        file = self._folder / "alerts.jsonl"
        whole = file.read_bytes().rpartition(b"\n")[0].splitlines() if file.exists() else []
        told = Counter(msgspec.json.decode(line)["key"] for line in whole)
        for key, times in Counter((key, to) for key, to, _ in outbox).items():
            if times > 1:
                yield f"{key} is {times} times in the outbox"
        for key, times in told.items():
            if times > 1:
                yield f"the alert {key} was told {times} times"
        for key in told.keys() - {key for key, _, _ in outbox}:
            yield f"the alert {key} was told and is not in the outbox"
        for key, _, state in outbox:
            if state != "pending" and key not in told:
                yield f"the alert {key} is {state} and was not told"


def recount(rows: Sequence[Row], upto: int) -> tuple[dict[tuple[str, int], tuple[int, int]], int]:
    """(series as JSON, bucket) -> posts in time and late, row by row; and the watermark (microseconds) after them."""
    counts: dict[tuple[str, int], tuple[int, int]] = {}
    watermark, first = -(1 << 62), None
    for row in rows:
        if row["seq"] > upto:
            break
        time = _micros(row)
        if row["kind"] in ("post", "erased") and row["version"] == 1 and not row["backfilled"]:
            bucket, closed = (moment // (BUCKET * 10**6) * BUCKET for moment in (time, watermark))
            first = max(bucket, closed) if first is None else first
            late = bucket < max(closed, first)
            for series in _series(row):
                known = counts.get((series, bucket), (0, 0))
                counts[series, bucket] = (known[0] + (not late), known[1] + late)
        if row["kind"] in ("post", "erased", "heartbeat"):
            watermark = max(watermark, time - (0 if row["kind"] == "heartbeat" else LATENESS))
    return counts, watermark


def _checkpoint(rows: Sequence[Row], seq: int, saved: bytes) -> Iterator[str]:
    """A checkpoint's open buckets must hold what a recount finds in them."""
    fold = msgspec.json.decode(msgspec.msgpack.decode(saved)["fold"])
    counts, watermark = recount(rows, seq)
    if fold["seq"] != seq or (seq and fold["watermark"] != watermark):
        yield f"the checkpoint at {seq} is of {fold['seq']}, its watermark {fold['watermark']}, not {watermark}"
    if fold["next_bucket"] is None:
        return
    should = {key: in_time for key, (in_time, _) in counts.items() if in_time and key[1] >= fold["next_bucket"]}
    kept = {(msgspec.json.encode(key).decode(), bucket): count for key, bucket, count in fold["open"]}
    if kept != should:
        yield f"the checkpoint at {seq} has open buckets {kept}, a recount {should}"


def _series(row: Row) -> Iterator[str]:
    for watch in row["watches"] or ():
        yield msgspec.json.encode([watch]).decode()
        for category in row["categories"] or ["other"]:
            yield msgspec.json.encode([watch, category]).decode()


def _micros(row: Row) -> int:
    time = row["event_time"]
    return int(time.timestamp()) * 10**6 + int(time.microsecond)


def _fates(script: Sequence[Event]) -> Iterator[tuple[str, ...]]:
    """What may become of each event: one kind of row, or for a post that is deleted some time, two."""
    doomed = {event.uid for event in script if isinstance(event, Delete)}
    seen: set[tuple[str, int]] = set()
    gone: set[str | None] = set()
    for event in script:
        if isinstance(event, Heartbeat):
            yield ("heartbeat",)
        elif isinstance(event, Gap):
            yield ("gap",)
        elif isinstance(event, Delete):
            gone.add(event.uid)
            yield ("delete",)
        elif (event.uid, event.version) in seen:
            yield ("duplicate",)
        else:
            seen.add((event.uid, event.version))
            yield ("erased",) if event.uid in gone else ("post", "erased") if event.uid in doomed else ("post",)


def _plain(event: Event) -> Any:
    return msgspec.json.decode(msgspec.json.encode(event))
