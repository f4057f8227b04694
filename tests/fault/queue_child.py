"""Children of test_queue_faults.py: each uses a queue while something happens to it, and says on stdout what it saw.

usage: queue_child.py MODE FOLDER [NUMBER]
"""

from __future__ import annotations

import json
import os
import random
import signal
import sqlite3
import sys
import threading
from datetime import UTC, datetime
from pathlib import Path

from tocsin.component import Context
from tocsin.errors import LowSpace, TocsinError
from tocsin.model import Batch, Heartbeat, Post
from tocsin.queues import _sqlite_file
from tocsin.queues.sqlite import Config, Sqlite

NOW = datetime(2026, 3, 1, tzinfo=UTC)
SMALL = Config(keep=0, low_space=0, ballast=0)


def say(text: str) -> None:
    os.write(1, f"{text}\n".encode())


def puts(folder: Path, count: int) -> None:
    """One batch of ten after the other, each acknowledged on stdout."""
    queue = Sqlite(SMALL, Context("queue", folder))
    for turn in range(count):
        put(queue, "a", turn)
    queue.close()


def put(queue: Sqlite, source: str, turn: int) -> None:
    say(f"begin {source}{turn}")
    queue.put(source, Batch(events=[beat(source, turn * 10 + n) for n in range(10)], cursor=str(turn)))
    say(f"ack {source}{turn}")


def beat(source: str, number: int) -> Heartbeat:
    return Heartbeat(source=source, stream=str(number), at=NOW)


def threads(folder: Path, count: int) -> None:
    """The same from four threads at once."""
    queue = Sqlite(SMALL, Context("queue", folder))

    def work(source: str) -> None:
        for turn in range(count):
            put(queue, source, turn)

    workers = [threading.Thread(target=work, args=(source,)) for source in "abcd"]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    queue.close()


def careless(folder: Path, count: int) -> None:
    """The planted mutant: `synchronous=NORMAL`, and nobody looks at the answer."""
    real = _sqlite_file._require

    def require(connection: sqlite3.Connection, path: Path, setting: str, answer: object) -> None:
        if setting.startswith("synchronous"):
            connection.execute("PRAGMA synchronous = NORMAL")
        else:
            real(connection, path, setting, answer)

    _sqlite_file._require = require
    puts(folder, count)


def stubborn(folder: Path, count: int) -> None:
    """Goes on after an error, as no program should."""
    queue = Sqlite(SMALL, Context("queue", folder))
    for turn in range(count):
        try:
            put(queue, "a", turn)
        except TocsinError as error:
            say(f"error: {error}")
    queue.close()


def kills(folder: Path, count: int) -> None:
    """Forks a writer, kills it, looks; `count` times over one folder."""
    chance = random.Random(count)
    known = 0
    for _ in range(count):
        acked = max(known, killed_writer(folder, chance.uniform(0.001, 0.03)))
        queue = Sqlite(SMALL, Context("queue", folder))
        offsets, cursor = queue.read(0, 10**6).offsets, queue.cursor("a")
        queue.close()
        if offsets != list(range(1, len(offsets) + 1)) or len(offsets) < acked or len(offsets) % 10:
            say(f"lost: {acked} acknowledged, {len(offsets)} there")
        if offsets and cursor != str(len(offsets)):
            say(f"torn: cursor {cursor} beside {len(offsets)} events")
        known = len(offsets)
    say(f"events {known}")


def killed_writer(folder: Path, seconds: float) -> int:
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        queue = Sqlite(SMALL, Context("queue", folder))
        while True:
            first = queue.end() + 1
            batch = Batch(events=[beat("a", first + n) for n in range(10)], cursor=str(first + 9))
            os.write(writing, f"{queue.put('a', batch)}\n".encode())
    os.close(writing)
    threading.Event().wait(seconds)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    with os.fdopen(reading) as acks:
        return max((int(line) for line in acks), default=0)


def full(folder: Path, _: int) -> None:
    """A disk of its own fills up, is drained, and has room again; facts as JSON."""
    queue = Sqlite(Config(keep=0, low_space=0, ballast="8 MiB"), Context("queue", folder))
    posts = [Post(uid=f"a:{n}", source="a", id=str(n), text="x" * 1_000, received_at=NOW) for n in range(1_000)]
    acked = [queue.put("a", Batch(events=posts, cursor="first"))]
    filler = folder / "filler"
    fill(filler)
    facts: dict[str, object] = {"ballast before": (folder / "ballast").exists()}
    facts["refused"] = attempt(queue, posts)
    facts["ballast given up"] = not (folder / "ballast").exists()
    facts["refused again"] = attempt(queue, posts * 8)
    facts["readable"] = len(queue.read(0, 10**6).offsets) == queue.end() >= acked[-1]
    facts["cursor"] = queue.cursor("a")
    queue.trim(queue.end())
    facts["drained"] = queue.length() == 0 and not queue.read(0, 10).offsets
    filler.unlink()
    last = queue.end()
    facts["goes on"] = queue.put("a", Batch(events=posts[:10], cursor="later")) == last + 10
    facts["ballast after"] = (folder / "ballast").stat().st_size
    queue.close()
    again = Sqlite(SMALL, Context("queue", folder))
    facts["whole after restart"] = (len(again.read(0, 100).offsets), again.cursor("a")) == (10, "later")
    again.close()
    say(json.dumps(facts))


def attempt(queue: Sqlite, posts: list[Post]) -> str:
    """Put until it is refused; the refusal."""
    while True:
        before = (queue.end(), queue.cursor("a"))
        try:
            queue.put("a", Batch(events=posts, cursor="more"))
        except LowSpace as error:
            after = (queue.end(), queue.cursor("a"))
            return str(error) if after == before else f"kept something: {before} became {after}"


def fill(file: Path) -> None:
    with file.open("wb", buffering=0) as filler:
        size = 2**20
        while size:
            try:
                filler.write(bytes(size))
            except OSError:
                size //= 2


def main() -> int:
    mode, folder, *number = sys.argv[1:]
    modes = {work.__name__: work for work in (puts, threads, careless, stubborn, kills, full)}
    try:
        modes[mode](Path(folder), int(number[0]) if number else 0)
    except TocsinError as error:
        say(f"error: {error}")
        return 3
    return 0


if __name__ == "__main__":
    sys.exit(main())
