"""The spine: posts a second from queue to lake to series, delay from post to queryable, and memory.

Everything is durable throughout; the enrichers are all but those that work with a model, which `bench nlp` measures.
The floor in the same run is an append of the same bytes to one file, with fdatasync after as many posts as a commit
holds.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import tempfile
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import closing
from itertools import islice
from pathlib import Path
from typing import Any, ClassVar

import msgspec
import numpy as np
import pyarrow as pa

from tocsin import config as configs
from tocsin import load
from tocsin.clock import SystemClock
from tocsin.component import Enricher
from tocsin.config import Config
from tocsin.model import Batch, Post
from tocsin.runners.assemble import Assembly
from tocsin.runners.local import MOST_ROWS, Runner
from tocsin.sources import scenario

CONFIG = """
data_dir: data
watches:
  - {name: acme, match: acme}
  - {name: borealis, match: borealis}
  - {name: cumulo, match: cumulo}
categories:
  - {name: outage, match: down OR outage OR "log in" OR login OR error OR servers}
  - {name: billing, match: charged OR invoice OR refund OR price OR fee OR billed}
  - {name: delivery, match: parcel OR courier OR delivered OR delivery OR box}
alerts:
  policies:
    - {name: volume, by: [watch, category], bucket: 1m}
"""
POST_BYTES = 1000
LIVE_RATE = 1000


MODELS = ("language", "sentiment", "entities", "phrases")


class _Claimed:
    """The language that the platform claims, in place of the detector."""

    fills: ClassVar[frozenset[str]] = frozenset({"language"})
    needs: ClassVar[frozenset[str]] = frozenset({"claimed_language"})

    def enrich(self, batch: pa.RecordBatch) -> dict[str, pa.Array]:
        return {"language": batch.column("claimed_language")}


class _WithoutModels(Assembly):
    def enrichers(self) -> list[Enricher]:
        return [_Claimed(), *(self.enricher(name) for name in load.names("enrichers") if name not in MODELS)]


def run(posts: int = 500_000, live_seconds: float = 20.0) -> dict[str, Any]:
    """Figures by name. `posts` go through for throughput and memory: take 2,000,000 to see that memory is flat."""
    folder = Path(tempfile.mkdtemp(prefix="tocsin-bench-"))
    try:
        floor = _floor(folder, min(posts, 200_000))
        fill, drain = throughput(_assembly(folder / "drain"), _posts(posts))
        live = _delay(folder / "live", live_seconds)
    finally:
        shutil.rmtree(folder)
    return {
        "posts": posts,
        "post_bytes": POST_BYTES,
        "floor_append_fdatasync_posts_per_second": floor,
        "ingest_to_queue_posts_per_second": fill,
        "queue_to_lake_to_series": drain,
        "queue_to_series_over_floor": drain["posts_per_second"] / floor,
        "live_at_1000_per_second": live,
    }


def _assembly(folder: Path) -> Assembly:
    folder.mkdir(parents=True)
    file = folder / "tocsin.yaml"
    file.write_text(CONFIG)
    config: Config = configs.load(file, {})
    assembly = _WithoutModels(config, seed=1)
    assembly.prepare()
    return assembly


def _posts(count: int) -> Iterator[Batch]:
    """So many events of a scenario, about a thousand posts in each batch, a few hundred posts a simulated minute."""
    days = max(count / 1_000_000, 1.25)
    options = scenario.Config.model_validate(
        {"seed": 1, "duration": f"{days:.3f}d", "rate": 1.1 * count / (24 * days), "body_bytes": POST_BYTES}
    )
    left = count
    for batch in scenario.generate(options, "stream"):
        events = list(islice(batch.events, left))
        left -= len(events)
        yield Batch(events=events, cursor=batch.cursor)
        if not left:
            return


def _floor(folder: Path, count: int) -> float:
    """Posts a second of the cheapest thing that keeps them: append, fdatasync."""
    bodies = [b"x" * POST_BYTES] * 1000
    began = time.perf_counter()
    with (folder / "floor").open("wb", buffering=0) as file:
        for _ in range(count // 1000):
            file.write(b"".join(bodies))
            os.fdatasync(file.fileno())
    return count / (time.perf_counter() - began)


def throughput(assembly: Assembly, batches: Iterable[Batch]) -> tuple[float, dict[str, Any]]:
    """Posts a second into the queue, and from there to the lake and the series, with memory."""
    spent = 0.0
    with closing(assembly.queue()) as queue:
        for held in _thousands(batches):
            began = time.perf_counter()
            queue.put("stream", Batch(events=held))
            spent += time.perf_counter() - began
        events = queue.end()
    memory = _Memory()
    runner = Runner(assembly, ("process", "detect"), until_idle=True)
    times: list[float] = []
    counted = threading.Thread(target=_wait_until_counted, args=(assembly, events, times), daemon=True)
    began = time.perf_counter()
    counted.start()
    with memory:
        asyncio.run(runner.run())
    counted.join()
    seconds = times[0] - began
    return events / spent, {
        "events": events,
        "seconds": seconds,
        "posts_per_second": events / seconds,
        "seconds_with_maintenance": time.perf_counter() - began,
        "commit_rows": MOST_ROWS,
        **memory.figures(),
    }


def _thousands(batches: Iterable[Batch]) -> Iterator[list[Any]]:
    """The events, a thousand or more at once."""
    held: list[Any] = []
    for batch in batches:
        held += batch.events
        if len(held) >= 1000:
            yield held
            held = []
    if held:
        yield held


def _wait_until_counted(assembly: Assembly, events: int, times: list[float]) -> None:
    """Note when the last event is in the lake and in the series."""
    with closing(assembly.lake()) as lake, closing(assembly.state()) as state:
        while (position := state.position(lake.table_id)) is None or position.seq < events:
            time.sleep(0.1)
    times.append(time.perf_counter())


class _Memory:
    """Memory of this process and its children, twice a second: what they share is counted once."""

    def __init__(self) -> None:
        self._stop = threading.Event()
        self._samples: list[float] = []
        self._thread = threading.Thread(target=self._sample, daemon=True)

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _sample(self) -> None:
        while not self._stop.wait(0.5):
            self._samples.append(sum(_resident(pid) for pid in [os.getpid(), *_children(os.getpid())]) / 2**20)

    def figures(self) -> dict[str, float]:
        samples = np.array(self._samples or [0.0])
        half = samples[len(samples) // 2 :]
        return {
            "resident_mb_peak": float(samples.max()),
            "resident_mb_middle": float(half[: max(len(half) // 4, 1)].mean()),
            "resident_mb_end": float(samples[-max(len(samples) // 8, 1) :].mean()),
        }


def _children(pid: int) -> list[int]:
    path = Path(f"/proc/{pid}/task/{pid}/children")
    return [int(child) for child in path.read_text().split()] if path.exists() else []


def _resident(pid: int) -> int:
    """Bytes in memory; what processes share is divided among them (PSS)."""
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith("Pss:")), 0)


def _delay(folder: Path, seconds: float) -> dict[str, Any]:
    """From `received_at` (just before the queue) to the first moment a reader of the lake has the row."""
    assembly = _assembly(folder)
    assembly.queue().close()
    assembly.lake().close()
    runner = Runner(assembly, ("process", "detect"))
    feeder = threading.Thread(target=_feed, args=(assembly, runner, seconds))
    watcher = _Watcher(assembly)
    feeder.start()
    with watcher:
        asyncio.run(runner.run())
    feeder.join()
    delays = np.array(watcher.delays)
    return {
        "posts": len(delays),
        "queryable_p50_seconds": float(np.percentile(delays, 50)),
        "queryable_p99_seconds": float(np.percentile(delays, 99)),
    }


def _feed(assembly: Assembly, runner: Runner, seconds: float) -> None:
    """Put a thousand posts a second, in steps of a twentieth, then end the run."""
    clock = SystemClock()
    step = LIVE_RATE // 20
    posts = (event for batch in _posts(int(LIVE_RATE * seconds * 2)) for event in batch.events)
    with closing(assembly.queue()) as queue:
        while not runner.ready:
            time.sleep(0.05)
        time.sleep(3.0)
        began = time.perf_counter()
        for number in range(int(seconds * 20)):
            now = clock.now()
            some = tuple(_received(event, now) for event in islice(posts, step) if isinstance(event, Post))
            queue.put("stream", Batch(events=some))
            time.sleep(max(began + (number + 1) / 20 - time.perf_counter(), 0.0))
    time.sleep(3.0)
    runner.stop()


def _received(post: Post, now: Any) -> Post:
    return msgspec.structs.replace(post, received_at=now, created_at=now)


class _Watcher:
    """Reads each commit as soon as it is there."""

    def __init__(self, assembly: Assembly) -> None:
        self._assembly = assembly
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self.delays: list[float] = []

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _watch(self) -> None:
        with closing(self._assembly.lake()) as lake:
            version = lake.version()
            while not self._stop.wait(0.01):
                for commit in lake.commits(version, ["kind", "received_at"]):
                    version = commit.version
                    seen = self._assembly.clock.now().timestamp()
                    if commit.rows is not None:
                        self._note(commit.rows, seen)

    def _note(self, rows: Any, seen: float) -> None:
        for row in rows.to_pylist():
            if row["kind"] == "post":
                self.delays.append(seen - row["received_at"].timestamp())
