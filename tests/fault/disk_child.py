"""A `tocsin run` on a small disk that fills up under it; what happened, as JSON on stdout.

usage: disk_child.py FOLDER, which is on a disk of 64 MiB.
"""

from __future__ import annotations

import json
import signal
import socket
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
from deltalake import DeltaTable
from tests.helpers.running import commits, running, wait_for

MIB = 2**20
FULL_SECONDS = 5.0
YAML = """
data_dir: data
queue: {{type: sqlite, keep: 0, low_space: 8 MiB, ballast: 8 MiB}}
watches:
  - {{name: acme, match: acme}}
sources:
  hook: {{type: webhook, port: {port}}}
"""


class Sender:
    """Sends posts and remembers which ones were taken."""

    def __init__(self, port: int) -> None:
        self._url = f"http://127.0.0.1:{port}/events"
        self._next = 0
        self.taken: set[str] = set()
        self.answers: list[str] = []

    def send(self, count: int, seconds: float = 1.0) -> bool:
        """One request of so many posts; whether it was taken. It is not sent again."""
        first, self._next = self._next, self._next + count
        posts = [{"id": str(n), "text": f"acme {n} {'x' * 400}", "author": "ann"} for n in range(first, self._next)]
        request = urllib.request.Request(
            self._url, json.dumps(posts).encode(), {"Content-Type": "application/json"}, method="POST"
        )
        try:
            with urllib.request.urlopen(request, timeout=seconds) as answer:
                taken = answer.status == 202
        except urllib.error.HTTPError as error:
            self.answers.append(str(error.code))
            return False
        except OSError as error:
            self.answers.append("no answer" if isinstance(error, TimeoutError) else type(error).__name__)
            return False
        if taken:
            self.taken |= {f"hook:{number}" for number in range(first, self._next)}
        return taken


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def fill(file: Path, leave: int) -> None:
    """Take the disk's room but for `leave` bytes."""
    with file.open("wb", buffering=0) as filler:
        size = MIB
        while size >= 4096:
            try:
                filler.write(bytes(size))
            except OSError:
                size //= 2
        filler.truncate(max(filler.tell() - leave, 0))


def in_lake(folder: Path) -> set[str]:
    """The uids of all posts in the lake."""
    files = DeltaTable(folder / "data" / "lake" / "events").file_uris()
    tables = [pq.read_table(file, columns=["uid", "kind"], partitioning=None) for file in files]
    return {row["uid"] for table in tables for row in table.to_pylist() if row["kind"] == "post"}


def main() -> None:
    folder = Path(sys.argv[1])
    port = free_port()
    config = folder / "tocsin.yaml"
    config.write_text(YAML.format(port=port))
    filler, sender = folder / "filler", Sender(port)
    facts: dict[str, Any] = {}
    with running(config) as process:
        wait_for(lambda: process.poll() is not None or sender.send(10))
        wait_for(lambda: process.poll() is not None or commits(folder / "data") >= 2)
        for name, leave in (("low", 4 * MIB), ("full", 0)):
            for _ in range(20):
                sender.send(100)
            fill(filler, leave)
            taken = [sender.send(100) for _ in range(3)]
            facts[f"{name}: taken"] = sum(taken)
            time.sleep(FULL_SECONDS)
            facts[f"{name}: still running"] = process.poll() is None
            filler.unlink()
            facts[f"{name}: takes again after"] = wait_for(lambda: sender.send(1))
            facts[f"{name}: all in the lake after"] = wait_for(lambda: sender.taken <= in_lake(folder))
        process.send_signal(signal.SIGTERM)
        _, errors = process.communicate(timeout=30)
        facts["exit"] = process.returncode
        facts["errors"] = errors
    facts["lost"] = len(sender.taken - in_lake(folder))
    facts["answers"] = sorted(set(sender.answers))
    print(json.dumps(facts))


if __name__ == "__main__":
    main()
