"""The gazetteer: lookups a second of one core, opening, memory and size, and peers beside it on the same texts.

Texts are the author locations of `data`/airline/tweets.csv where that is there, and invented ones. Peers (carmen,
geotext, flashgeotext) run in the same minutes by the Python that `peers` names; `make bench-places` makes one. They are
judged on the lists of `tocsin evaluate places`.
"""

from __future__ import annotations

import csv
import json
import random
import subprocess
import sys
import time
import zlib
from collections.abc import Callable, Iterator, Sequence
from importlib import resources
from itertools import islice
from pathlib import Path
from statistics import median
from typing import Any

from tocsin.bench._gazetteer import AT_ONCE
from tocsin.component import Context
from tocsin.evaluate._places import Judged, read
from tocsin.evaluate.places import lists
from tocsin.gazetteer._index import Index, Tier
from tocsin.gazetteer.embedded import Config, Embedded, index
from tocsin.model import Place

PEERS = ("carmen", "geotext", "flashgeotext")
ROUNDS = 5
_ONE_BY_ONE = 500
"""Texts that are looked up singly: it is slow."""
_STATES = {"California": "CA", "Texas": "TX", "Florida": "FL", "Ohio": "OH", "Illinois": "IL", "Georgia": "GA"}
_EMOJI = ("🌍", "✈️", "🌴", "❤️", "☀️", "📍", "🏠", "🌊")
_JUNK = (
    "the moon", "she/her", "your heart", "here and there", "earth", "behind you", "worldwide", "in my head", "online",
    "the internet", "nowhere", "bed", "probably asleep", "on the road", "wonderland", "dm for promo", "home",
)  # fmt: skip


def run(
    count: int = 20_000, data: Path = Path("../shared/data"), peers: Path | None = None, seed: int = 0
) -> dict[str, Any]:
    """Figures by name; `count` invented texts. Rates are per second of one core, the median of 5 rounds."""
    real = _real(data)
    sets = ({"real": list(dict.fromkeys(real))} if real else {}) | {"invented": invented(count, seed)}
    found: dict[str, Any] = {"lookups_per_second_a_core": {name: _rates(texts) for name, texts in sets.items()}}
    if real:
        found["real_texts"] = _resolved(real)
    found |= {"fresh_process": _fresh([text for texts in sets.values() for text in texts]), "size": _size()}
    if peers is None:
        return found
    if not peers.is_file():
        return found | {"peers": f"left out: there is no {peers}; make bench-places makes it"}
    return found | {"peers": _peers(peers, next(iter(sets.values())), data)}


def _opened() -> Embedded:
    """With nothing cached."""
    return Embedded(Config(), Context("bench", Path()))


def _real(data: Path) -> list[str]:
    file = data / "airline" / "tweets.csv"
    if not file.is_file():
        return []
    with file.open(encoding="utf-8", newline="") as lines:
        return [row["tweet_location"] for row in csv.DictReader(lines) if row["tweet_location"].strip()]


def _resolved(real: Sequence[str]) -> dict[str, float]:
    unique = list(dict.fromkeys(real))
    known = {text for text, place in zip(unique, _opened().locate(unique), strict=True) if place}
    return {
        "posts_with_a_location": len(real),
        "unique": len(unique),
        "resolved_posts": sum(text in known for text in real) / len(real),
        "resolved_unique": len(known) / len(unique),
    }


def invented(count: int, seed: int = 0) -> list[str]:
    """So many different texts as people write them, one in six of them without any town."""
    rng = random.Random(seed)
    towns = _towns(index())
    found: dict[str, None] = {}
    while len(found) < count:
        town, area, country = rng.choice(towns)
        habits = (
            f"{town}, {_STATES.get(area, area)}",
            f"{town}, {country}".lower(),
            f"{rng.choice(_EMOJI)} {town} {rng.choice(_EMOJI)}",
            f"{town} / {rng.choice(towns)[0]}",
            f"living in {town}, {area}",
            f"{rng.choice(_JUNK)} {rng.choice(_EMOJI)} {rng.choice(_JUNK)} {rng.randrange(100)}",
        )
        found[rng.choice(habits)] = None
    return list(found)


def _towns(places: Index) -> list[tuple[str, str, str]]:
    """Names of every tenth town, its first-level area and its country, most of them in the script of their country."""
    rows = [row for row in range(0, len(places.tiers), 10) if places.tiers[row] == Tier.TOWN]
    first = {row: int(places.firsts[row]) for row in rows}
    return [
        (places.title(row), places.title(first[row]), places.title(int(places.countries[row])))
        for row in rows
        if first[row] < len(places.tiers) and places.tiers[first[row]] == Tier.FIRST
    ]


def _rates(texts: Sequence[str]) -> dict[str, Any]:
    """Of different texts: in batches as the enricher asks, one by one, and again from the cache."""
    batches = [texts[start : start + AT_ONCE] for start in range(0, len(texts), AT_ONCE)]
    single = [[text] for text in texts[:_ONE_BY_ONE]]
    _opened().locate(texts[:AT_ONCE])
    known = _opened()
    _rate(known, batches)
    return {
        "texts": len(texts),
        "in_batches": _median(lambda: _rate(_opened(), batches)),
        "one_by_one": _median(lambda: _rate(_opened(), single)),
        "cached": _median(lambda: _rate(known, batches[-8:])),
    }


def _median(measure: Callable[[], float]) -> int:
    return round(median(measure() for _ in range(ROUNDS)))


def _rate(gazetteer: Embedded, batches: Sequence[Sequence[str]]) -> float:
    began = time.process_time()
    for texts in batches:
        gazetteer.locate(texts)
    return sum(map(len, batches)) / max(time.process_time() - began, 1e-9)


def _fresh(texts: Sequence[str]) -> dict[str, Any]:
    """Opening time, and memory of processes that import numpy, import the gazetteer, and have looked all texts up."""
    steps = {step: _process(step, texts) for step in ("numpy", "imported", "looked_up")}
    opened = [_process("looked_up", []) for _ in range(ROUNDS)]
    found: dict[str, Any] = {
        name: round(median(one[name] for one in opened), 1) for name in ("opening_ms", "first_lookup_ms")
    }
    for kind in ("peak_resident_mb", "proportional_mb"):
        memory = {step: round(figures[kind], 1) for step, figures in steps.items()}
        over = {f"over_{step}": round(memory["looked_up"] - memory[step], 1) for step in ("numpy", "imported")}
        found[kind] = memory | over
    return found


def _process(step: str, texts: Sequence[str]) -> dict[str, float]:
    script = Path(__file__).parent / "_gazetteer.py"
    figures: dict[str, float] = _json_of([sys.executable, "-P", str(script), step], texts)
    return figures


def _json_of(command: list[str], asked: object) -> Any:
    """What a program prints as its last line, given something as JSON on stdin."""
    done = subprocess.run(command, input=json.dumps(asked), capture_output=True, text=True, check=True)
    return json.loads(done.stdout.splitlines()[-1])


def _size() -> dict[str, float]:
    """MB (2^20 bytes) of the index on disk, and deflated as in the wheel."""
    contents = [file.read_bytes() for file in _files()]
    megabyte = 2**20
    return {
        "on_disk_mb": round(sum(map(len, contents)) / megabyte, 1),
        "in_the_wheel_mb": round(sum(len(zlib.compress(content)) for content in contents) / megabyte, 1),
    }


def _files() -> Iterator[Path]:
    folder = Path(str(resources.files("tocsin.gazetteer").joinpath("index")))
    return (file for file in sorted(folder.iterdir()) if file.is_file())


def _peers(python: Path, texts: Sequence[str], data: Path) -> dict[str, Any]:
    """Rates on the same texts, how many times as many we do, and how right each is on the lists."""
    rows = {file.stem: read(file) for file in lists(data)}
    judge = [row.text for some in rows.values() for row in some]
    script = Path(__file__).parent / "_place_peers.py"
    batches = [texts[start : start + AT_ONCE] for start in range(0, len(texts), AT_ONCE)]
    ours = _median(lambda: _rate(_opened(), batches))
    found: dict[str, Any] = {"embedded": {"lookups_per_second": ours}}
    answers: dict[str, list[Place | None]] = {"embedded": list(_opened().locate(judge))}
    for name in PEERS:
        found[name] = _json_of([str(python), "-P", str(script), name], {"speed": list(texts), "judge": judge})
        if "answers" in found[name]:
            answers[name] = [answer and Place(**answer) for answer in found[name].pop("answers")]
            found[name]["we_do_times_as_many"] = round(ours / found[name]["lookups_per_second"], 3)
    quality: dict[str, list[dict[str, Any]]] = {title: [] for title in rows}
    for name, places in answers.items():
        left = iter(places)
        for title, some in rows.items():
            quality[title].append({"name": name, **Judged.of(some, list(islice(left, len(some)))).shares()})
    return found | {"quality": quality}
