"""A few steps of the whole spine under strace: it says on stdout what it is about to promise, just before it does.

usage: order_child.py FOLDER [MUTANT]
"""

from __future__ import annotations

import os
import random
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.fault import mutants
from tests.fault.script import YAML, events
from tests.fault.spine import Spine

from tocsin import config as configs
from tocsin.notifiers.log import Log
from tocsin.queues.sqlite import Sqlite
from tocsin.state import State

EVENTS = 600


def say(text: str) -> None:
    os.write(1, f"{text}\n".encode())


def announce(owner: Any, name: str, words: Callable[..., str], *, before: bool) -> None:
    """Say something with every call of a method: before it, or after it came back."""
    inner = getattr(owner, name)

    def announced(self: Any, *args: Any) -> Any:
        if before:
            say(words(*args))
        result = inner(self, *args)
        if not before:
            say(words(*args))
        return result

    setattr(owner, name, announced)


def main() -> None:
    folder = Path(sys.argv[1])
    (folder / "tocsin.yaml").write_text(YAML.format(folder="data"))
    announce(Sqlite, "trim", lambda upto: f"trim {upto}", before=True)
    announce(Sqlite, "put", lambda source, batch: f"stored {batch.cursor}", before=False)
    announce(Log, "_append", lambda message: f"told {message.key}", before=False)
    announce(State, "sent", lambda number, now: f"sent {number}", before=True)
    if len(sys.argv) > 2:
        mutants.MUTANTS[sys.argv[2]].plant()
    spine = Spine(configs.load(folder / "tocsin.yaml", {}), events(1, EVENTS), random.Random(0))
    for _ in range(EVENTS // 60):
        spine.ingest(lambda done: None, [60])
        while spine.process.backlog:
            spine.process.step()
        spine.detect.step()
        say(f"folded {spine.detect.position.version}")
        spine.notify()


if __name__ == "__main__":
    main()
