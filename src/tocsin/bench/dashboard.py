"""The dashboard on a big lake: every panel of the Overview, cold and warm, searches, and what open pages cost a run.

The posts are invented rows, written straight into the lake; everything else is real: the index follows the lake,
`tocsin serve` answers over HTTP on loopback, fifty pages listen and ask as pages do.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from tocsin import config as configs
from tocsin.pipeline.indexing import Indexing
from tocsin.records import SCHEMA
from tocsin.runners.assemble import Assembly
from tocsin.search.index import INDEX

CONFIG = """
data_dir: data
watches:
  - {name: acme, match: acme}
  - {name: borealis, match: borealis}
  - {name: cumulo, match: cumulo}
categories:
  - {name: outage, match: down OR login OR error}
  - {name: billing, match: invoice OR refund}
  - {name: delivery, match: parcel OR courier}
alerts:
  policies:
    - {name: volume, by: [watch, category], bucket: 1m}
"""
WATCHES, CATEGORIES = ["acme", "borealis", "cumulo"], ["outage", "billing", "delivery", "other"]
CHUNK = 200_000
DAYS = 30
RANGES = {"24 h": -86_400, "7 d": -7 * 86_400, "30 d": -30 * 86_400}
PANELS = {
    "totals": "/api/totals?", "authors": "/api/authors?", "sparkline": "/api/mentions?points=40",
    "heat": "/api/heat?limit=12", "series": "/api/series?series=%5B%22acme%22,%22outage%22%5D",
    "mood": "/api/mentions?by=sentiment&points=120", "phrases": "/api/lifted?of=phrase&limit=8",
    "names": "/api/lifted?of=entity&limit=8", "places": "/api/places?limit=400",
    "categories": "/api/values?of=category&open=1", "languages": "/api/values?of=language&open=1",
    "newest posts": "/api/posts?limit=12&fold=1",
}  # fmt: skip
SEARCHES = ("w1", "w7 w12", '"w3 w5"', "w900", "w5 -w1 lang:de", "(w40 OR w41) from:author77", "w3000 w17")


def run(posts: int = 10_000_000, rounds: int = 20, tabs: int = 50, live_posts: int = 100_000) -> dict[str, Any]:
    """Figures by name, milliseconds for panels. 10,000,000 posts take half an hour and 12 GB of disk."""
    folder = Path(tempfile.mkdtemp(prefix="tocsin-bench-"))
    try:
        assembly = _assembly(folder / "big")
        filled = _fill(assembly, posts)
        indexed = _index(assembly)
        with _serving(folder / "big") as base:
            panels = _panels(base, rounds)
            asked = [f"/api/posts?limit=50&start=-2592000&match={_q(text)}" for text in SEARCHES]
            searches = [round(_ask(base, path), 1) for path in asked]
        alone, watched = _live(folder / "alone", live_posts, 0), _live(folder / "watched", live_posts, tabs)
    finally:
        shutil.rmtree(folder)
    return {
        "posts": posts, **filled, **indexed, **panels,
        "search_p95_ms": _p95(searches), "search_worst_ms": max(searches),
        "live_alone_posts_s": alone, f"live_with_{tabs}_pages_posts_s": watched,
        "cost_of_pages": round(1 - watched / alone, 3),
    }  # fmt: skip


def _assembly(folder: Path) -> Assembly:
    folder.mkdir(parents=True)
    (folder / "tocsin.yaml").write_text(f"{CONFIG}server: {{port: 0}}\n")
    made = Assembly(configs.load(folder / "tocsin.yaml", {}))
    made.prepare()
    return made


def _fill(assembly: Assembly, posts: int) -> dict[str, Any]:
    """Rows of a month up to now, and what a detect loop would have counted of them."""
    random, began = np.random.default_rng(7), time.monotonic()
    end = int(assembly.clock.now().timestamp())
    start = end - DAYS * 86_400
    with closing(assembly.lake()) as lake, closing(assembly.state()) as state:
        for first in range(0, posts, CHUNK):
            many = min(CHUNK, posts - first)
            times = start + (first + np.arange(many)) * (DAYS * 86_400) // posts
            rows, counts = _rows(random, first + 1, times)
            lake.append(rows, "bench", first + many)
            with state.transaction() as tx:
                tx.add_counts(counts, {})
    return {"filled_s": round(time.monotonic() - began, 1)}


def _rows(random: np.random.Generator, seq: int, times: Any) -> tuple[pa.Table, dict[tuple[str, str, int], int]]:
    many = len(times)
    watch, category = random.integers(0, 3, many), random.choice(4, many, p=[0.1, 0.15, 0.1, 0.65])
    words = np.minimum(random.zipf(1.3, (many, 12)), 50_000)
    texts = [" ".join(f"w{word}" for word in row) for row in words.tolist()]
    author, place = random.integers(0, 400_000, many), random.integers(0, 900, many)
    phrase = np.minimum(random.zipf(1.5, (many, 2)), 100_000).tolist()
    located = random.random(many) < 0.6
    stamp = pa.array(times * 1_000_000, pa.timestamp("us", tz="UTC"))
    numbers, authors = range(seq, seq + many), author.tolist()
    where = [one if has else None for one, has in zip(place.tolist(), located, strict=True)]
    kinds = [CATEGORIES[one] for one in category.tolist()]
    columns: dict[str, Any] = {
        "seq": np.arange(seq, seq + many), "kind": ["post"] * many, "event_time": stamp, "created_at": stamp,
        "received_at": stamp, "uid": [f"b:{number}" for number in numbers], "id": [str(number) for number in numbers],
        "source": ["bluesky" if one % 4 else "news" for one in numbers], "text": texts,
        "version": np.ones(many, np.int32), "author_id": [str(one) for one in authors],
        "author_handle": [f"author{one}" for one in authors], "watches": [[WATCHES[one]] for one in watch.tolist()],
        "category": kinds, "categories": [[one] for one in kinds], "is_repost": np.zeros(many, bool),
        "backfilled": np.zeros(many, bool), "language": random.choice(["en", "es", "de", "ja", "pt"], many),
        "sentiment": random.choice(["positive", "negative", "neutral", "mixed"], many, p=[0.2, 0.3, 0.45, 0.05]),
        "phrases": [[f"phrase {one}" for one in row] for row in phrase],
        "entities": [[{"text": f"Name {row[0] % 5000}", "type": "ORG", "start": 0, "end": 2}] for row in phrase],
        "place_name": [None if one is None else f"Town {one}" for one in where],
        "place_level": [None if one is None else "city" for one in where],
        "country": [None if one is None else f"{chr(65 + one % 26)}{chr(65 + one % 7)}" for one in where],
        "lat": [None if one is None else one * 37 % 120 - 60.0 for one in where],
        "lon": [None if one is None else one * 53 % 360 - 180.0 for one in where],
        "day": [f"{datetime.fromtimestamp(int(one), UTC):%Y-%m-%d}" for one in times],
    }  # fmt: skip
    arrays = [
        pa.array(columns[name], type=SCHEMA.field(name).type)
        if name in columns
        else pa.nulls(many, SCHEMA.field(name).type)
        for name in SCHEMA.names
    ]
    minutes, counts = times // 60 * 60, dict[tuple[str, str, int], int]()
    both = np.stack([watch, category, minutes]).T
    for (one, other, minute), number in zip(*np.unique(both, axis=0, return_counts=True), strict=True):
        name = f'["{WATCHES[one]}","{CATEGORIES[other]}"]'
        counts["volume", name, int(minute)] = int(number)
        key = ("volume", f'["{WATCHES[one]}"]', int(minute))
        counts[key] = counts.get(key, 0) + int(number)
    return pa.Table.from_arrays(arrays, schema=SCHEMA), counts


def _index(assembly: Assembly) -> dict[str, Any]:
    began = time.monotonic()
    with closing(assembly.lake()) as lake, closing(assembly.state()) as state:
        indexing = Indexing(assembly.data_dir / INDEX, lake, state.understanding.epoch, assembly.clock)
        rows = indexing.step()
        indexing.close()
    took = time.monotonic() - began
    size = sum(file.stat().st_size for file in (assembly.data_dir / INDEX).rglob("*") if file.is_file())
    return {"indexed_posts_s": round(rows / took), "index_bytes_a_post": round(size / max(rows, 1))}


@contextmanager
def _serving(folder: Path, command: str = "serve") -> Iterator[str]:
    """`tocsin serve` (or `run`) in a folder; where it listens."""
    with (folder / "log.txt").open("wb") as log:
        running = subprocess.Popen([sys.executable, "-m", "tocsin", command], cwd=folder, stdout=log, stderr=log)
    try:
        yield _listening(folder / "log.txt")
    finally:
        running.terminate()
        running.wait(60)


def _listening(log: Path) -> str:
    while "Listening on " not in (said := log.read_text(errors="replace")):
        time.sleep(0.05)
    return said.partition("Listening on ")[2].split()[0].rstrip(".")


def _ask(base: str, path: str) -> float:
    """Milliseconds of one answer; an answer that is not ready yet is asked for again."""
    while True:
        began = time.monotonic()
        try:
            with urllib.request.urlopen(base + path, timeout=120) as answer:
                answer.read()
            return (time.monotonic() - began) * 1000
        except urllib.error.HTTPError as error:
            if error.code != 503:
                raise
            time.sleep(0.2)


def _panels(base: str, rounds: int) -> dict[str, Any]:
    """Of every panel, the first answer of each range, and the 95th percentile of those after it."""
    found: dict[str, Any] = {}
    worst_cold, all_warm = 0.0, list[float]()
    for name, path in PANELS.items():
        cold, warm = [], []
        for start in RANGES.values():
            address = f"{path}&start={start}"
            cold.append(_ask(base, address))
            warm += [_ask(base, address) for _ in range(rounds)]
        found[f"{name}_cold_ms"], found[f"{name}_warm_p95_ms"] = round(max(cold)), _p95(warm)
        worst_cold, all_warm = max(worst_cold, *cold), [*all_warm, *warm]
    return {**found, "worst_cold_ms": round(worst_cold), "warm_p95_ms": _p95(all_warm)}


def _p95(values: list[float]) -> float:
    return round(float(np.percentile(values, 95)), 1)


def _q(text: str) -> str:
    return urllib.parse.quote(text)


def _live(folder: Path, posts: int, tabs: int) -> float:
    """Posts a second that a run takes from a file, with so many pages open."""
    folder.mkdir()
    random = np.random.default_rng(3)
    now = int(datetime(2026, 1, 1, tzinfo=UTC).timestamp())
    with (folder / "posts.jsonl").open("w") as file:
        for number, row in enumerate(np.minimum(random.zipf(1.3, (posts, 12)), 50_000).tolist()):
            text = f"{WATCHES[number % 3]} " + " ".join(f"w{word}" for word in row)
            file.write(json.dumps({"id": str(number), "text": text, "created_at": now + number // 10}) + "\n")
    text = f"{CONFIG}server: {{port: 0}}\nsources:\n  archive: {{type: file, path: posts.jsonl}}\n"
    (folder / "tocsin.yaml").write_text(text)
    stop, pages = threading.Event(), list[threading.Thread]()
    with _serving(folder, "run") as base:
        pages = [threading.Thread(target=_page, args=(base, stop), daemon=True) for _ in range(tabs)]
        for page in pages:
            page.start()
        began = time.monotonic()
        while _rows_in(base) < posts:
            time.sleep(0.1)
        took = time.monotonic() - began
        stop.set()
        for page in pages:
            page.join(10)
    return round(posts / took)


def _rows_in(base: str) -> int:
    with urllib.request.urlopen(f"{base}/api/system", timeout=30) as answer:
        return int(json.load(answer)["detect"]["rows"])


def _page(base: str, stop: threading.Event) -> None:
    """What an open Overview does: listen, and ask again for what it shows, every two seconds at most."""
    try:
        with urllib.request.urlopen(f"{base}/api/events", timeout=30) as stream:
            asked = 0.0
            for line in stream:
                if stop.is_set():
                    return
                if line.startswith(b"event:") and time.monotonic() - asked > 2:
                    asked = time.monotonic()
                    for path in PANELS.values():
                        _ask(base, f"{path}&start=-86400")
    except OSError:
        return
