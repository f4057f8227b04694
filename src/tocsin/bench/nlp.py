"""Understanding: posts a second from queue to lake with every enricher at work, each part alone, and peers beside it.

With `posts` naming a CSV file the posts are real ones; else a scenario's, which repeat their words more than people do.
Peers (a zero-shot pipeline of the size of bart-large-mnli, VADER, spaCy) run in the same minutes on the same posts, by
the Python that `peers` names; `make bench-nlp` makes one.
"""

from __future__ import annotations

import csv
import json
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path
from typing import Any

import yaml

from tocsin import config as configs
from tocsin import records
from tocsin.bench.spine import throughput
from tocsin.component import Context, Label
from tocsin.model import Author, Batch, Post
from tocsin.models.embedded import Config, Embedded
from tocsin.pipeline.process import in_order
from tocsin.runners.assemble import Assembly
from tocsin.runners.local import MOST_ROWS
from tocsin.runners.tuning import collect_rarely
from tocsin.sources import scenario

CONFIG = """
data_dir: data
watches:
  - {name: acme, match: acme OR flight OR united OR service}
  - {name: everything, match: the OR a OR to OR i}
categories:
  - {name: outage, description: "The service is down, slow, or people cannot log in."}
  - {name: billing, description: "Prices, invoices, refunds and charges."}
  - {name: delay, description: "Something is late, delayed, or people wait in a queue."}
  - {name: cancellation, description: "A booking, flight or order was cancelled."}
  - {name: luggage, description: "Bags are lost, late or damaged."}
  - {name: staff, description: "Rude, unhelpful or friendly employees."}
  - {name: praise, description: "Thanks, love, a great experience."}
  - {name: safety, description: "Accidents, injuries, danger, police."}
alerts:
  policies:
    - {name: volume, by: [watch, category], bucket: 1m}
"""
START = datetime(2026, 3, 1, tzinfo=UTC)


def run(count: int = 100_000, posts: Path | None = None, peers: Path | None = None) -> dict[str, Any]:
    """Figures by name; `count` posts go from queue to lake."""
    texts = _texts(posts, min(count, 20_000))
    folder = Path(tempfile.mkdtemp(prefix="tocsin-bench-"))
    try:
        fill, drain = throughput(_assembly(folder / "run"), _batches(texts, count))
        parts = _parts(_assembly(folder / "parts"), texts)
    finally:
        shutil.rmtree(folder)
    together = 1e6 / sum(part["hot_microseconds_a_post"] for part in parts.values())
    return {
        "posts": count,
        "texts": len(set(texts)),
        "ingest_to_queue_posts_per_second": fill,
        "queue_to_lake_with_everything": drain,
        "parts_in_one_process": parts,
        "all_parts_posts_per_second_a_core": together,
        **({"peers": _peers(peers, texts)} if peers else {}),
    }


def _texts(file: Path | None, count: int) -> list[str]:
    if file is None:
        options = scenario.Config.model_validate({"seed": 1, "duration": "1.5d", "rate": count / 20})
        batches = scenario.generate(options, "stream")
        return [event.text for batch in batches for event in batch.events if isinstance(event, Post)][:count]
    with file.open(encoding="utf-8", newline="") as lines:
        return [row["text"] for row in islice(csv.DictReader(lines), count)]


def _assembly(folder: Path) -> Assembly:
    folder.mkdir(parents=True)
    (folder / "tocsin.yaml").write_text(CONFIG)
    assembly = Assembly(configs.load(folder / "tocsin.yaml", {}), seed=1)
    assembly.prepare()
    return assembly


def _batches(texts: list[str], count: int) -> Iterator[Batch]:
    """The texts, over again as often as it takes, three posts a second."""
    for begin in range(0, count, 1000):
        numbers = range(begin, min(begin + 1000, count))
        yield Batch(events=[_post(number, texts[number % len(texts)]) for number in numbers])


def _post(number: int, text: str) -> Post:
    at = START + timedelta(seconds=number / 3)
    author = Author(id=str(number % 5003))
    return Post(uid=f"s:{number}", source="s", id=str(number), text=text, received_at=at, created_at=at, author=author)


def _parts(assembly: Assembly, texts: list[str]) -> dict[str, dict[str, float]]:
    """Microseconds a post of each enricher: on words never seen (cold) and on words that were (hot)."""
    collect_rarely()
    found: dict[str, dict[str, float]] = {}
    enrichers = in_order(assembly.enrichers())
    for turn in ("cold", "hot"):
        for begin in range(0, len(texts), MOST_ROWS):
            made = [_post(number, text) for number, text in enumerate(texts[begin : begin + MOST_ROWS], start=begin)]
            batch = records.to_batch([records.post_row(int(post.id) + 1, post) for post in made])
            for enricher in enrichers:
                began = time.perf_counter()
                filled = enricher.enrich(batch)
                spent = (time.perf_counter() - began) * 1e6 / len(texts)
                name = f"{turn}_microseconds_a_post"
                part = found.setdefault(type(enricher).__name__.lower(), {})
                part[name] = part.get(name, 0.0) + spent
                for column, values in filled.items():
                    spot = batch.schema.get_field_index(column)
                    field = records.SCHEMA.field(column)
                    batch = batch.append_column(field, values) if spot < 0 else batch.set_column(spot, field, values)
    return found


def _alone(texts: list[str]) -> dict[str, float]:
    """Posts a second a core of the embedded model for each task alone, from the text on, its words known."""
    model = Embedded("", Config(), Context("bench", Path()))
    labels = [Label(name, description) for name, description in _described()]
    tasks: dict[str, Callable[[list[str]], Any]] = {
        "sentiment": model.sentiment,
        "entities": model.entities,
        "categories": model.classifier(labels).scores,
    }
    rates = {}
    for name, work in tasks.items():
        work(list(texts))
        began = time.process_time()
        work(list(texts))
        rates[name] = len(texts) / (time.process_time() - began)
    return rates


def _described() -> Iterator[tuple[str, str]]:
    for category in yaml.safe_load(CONFIG)["categories"]:
        yield category["name"], category["description"]


def _peers(python: Path, texts: list[str]) -> dict[str, Any]:
    """What each peer manages of the same posts, and how many times as many the embedded model does of its task."""
    script = Path(__file__).parent / "_peers.py"
    done = subprocess.run(
        [str(python), "-P", str(script)], input=json.dumps(texts[:2000]), capture_output=True, text=True, check=True
    )
    found: dict[str, dict[str, Any]] = json.loads(done.stdout.splitlines()[-1])
    ours = _alone(texts)
    for peer in found.values():
        if "posts_per_second_a_core" in peer:
            peer["we_do_times_as_many"] = ours[peer["task"]] / peer["posts_per_second_a_core"]
    return {"embedded_posts_per_second_a_core": ours, **found}
