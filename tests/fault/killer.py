"""A warm parent that forks the spine, kills it, and has it looked at after every kill.

Nothing of Delta or Arrow is used in this process, since their threads do not survive a fork. One inspector a round
is forked before its first cycle. Says on stdout, as JSON in one line a mutant, what was found.
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import random
import select
import shutil
import signal
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from tests.fault import mutants
from tests.fault.inspector import Inspector
from tests.fault.script import YAML, events
from tests.fault.spine import Spine, facts, plant, seam, warm_up

from tocsin import config as configs
from tocsin.settings import Config

EVENTS_A_ROUND = 8_000
STEPS = 40
"""How many steps a spine goes that waits for a kill at a seam it may never come to."""
PATIENCE = 60.0


def fork(work: Callable[[], object]) -> int:
    """Do some work in a child, which ends with it: 0, or 1 and a traceback."""
    child = os.fork()
    if child:
        return child
    try:
        work()
    except BaseException:  # noqa: BLE001 - whatever it is, the child ends with it
        os.write(2, traceback.format_exc().encode())
        os._exit(1)
    os._exit(0)


class Said:
    """What a child has said through its pipe so far."""

    def __init__(self, pipe: int) -> None:
        self._pipe, self._half = pipe, b""
        self.ready = self.ended = False
        self.acknowledged = 0
        self.errors: list[str] = []

    def listen(self, seconds: float, until: Callable[[], bool] = lambda: False) -> None:
        """Take in what comes, until something is true, the child has ended, or the time is over."""
        end = time.monotonic() + seconds
        while not self.ended and not until():
            left = end - time.monotonic()
            if left <= 0 or not select.select([self._pipe], [], [], left)[0]:
                return
            self._take(os.read(self._pipe, 65_536))

    def _take(self, piece: bytes) -> None:
        self.ended = not piece
        *lines, self._half = (self._half + piece).split(b"\n")
        for line in lines:
            if line.isdigit():
                self.acknowledged = int(line)
            elif line == b"ready":
                self.ready = True
            else:
                self.errors.append(line.decode())


@dataclass(frozen=True)
class Plan:
    """How one cycle goes: a kill `aimed` at a seam, or after `delay` seconds, from the fork on if `early`, else from
    when everything is open; the loops one after the other, or `together` in threads."""

    aimed: bool
    early: bool
    together: bool
    delay: float
    seed: int

    @staticmethod
    def draw(chance: random.Random, aimed: float) -> Plan:
        if chance.random() < aimed:
            return Plan(True, False, False, 0.0, chance.randrange(2**32))
        early, together = chance.random() < 0.15, chance.random() < 0.4
        return Plan(False, early, together, chance.uniform(0.005, 0.08), chance.randrange(2**32))


class Round:
    """One data directory, killed again and again, then drained and compared with one that nobody disturbed."""

    def __init__(self, folder: Path, seed: int, mutant: str | None, aimed: float) -> None:
        folder.mkdir(parents=True)
        self._folder, self._chance, self._mutant, self._aimed = folder, random.Random(seed), mutant, aimed
        self._script = events(seed, EVENTS_A_ROUND)
        self._config = self._configured("killed")
        self._acknowledged = 0
        self._inspected, theirs = Pipe()
        self._inspector = fork(lambda: self._inspect(theirs))
        theirs.close()

    def _configured(self, name: str) -> Config:
        file = self._folder / f"{name}.yaml"
        file.write_text(YAML.format(folder=name))
        return configs.load(file, {})

    def _inspect(self, orders: Connection) -> None:
        self._inspected.close()
        inspector = Inspector(self._config.data_dir, self._script)
        while True:
            try:
                acknowledged = orders.recv()
            except EOFError:
                return
            try:
                orders.send(inspector.look(acknowledged))
            except Exception:  # noqa: BLE001 - the parent is told
                orders.send([f"the inspector could not look: {traceback.format_exc()}"])

    def play(self, cycles: int) -> dict[str, Any]:
        """What was found: `wrong` is empty if nothing was; `cycles` is how many there were until then."""
        wrong: list[str] = []
        done = 0
        while done < cycles and not wrong:
            done += 1
            wrong = self._cycle(Plan.draw(self._chance, self._aimed))
        self._inspected.close()
        os.waitpid(self._inspector, 0)
        end: dict[str, Any] = {"incidents": 0}
        if not wrong:
            wrong, end = self._compared()
        return {"wrong": wrong[:20], "cycles": done, "events": self._acknowledged, "incidents": end["incidents"]}

    def _cycle(self, plan: Plan) -> list[str]:
        reading, writing = os.pipe()
        child = fork(lambda: self._work(writing, plan))
        os.close(writing)
        said = Said(reading)
        if not plan.early:
            said.listen(PATIENCE, until=lambda: said.ready)
        said.listen(PATIENCE if plan.aimed else plan.delay)
        os.kill(child, signal.SIGKILL)
        said.listen(PATIENCE, until=lambda: said.ended)
        os.close(reading)
        _, status = os.waitpid(child, 0)
        self._acknowledged = max(self._acknowledged, said.acknowledged)
        if not os.WIFSIGNALED(status) or said.errors:
            return ["the spine failed:", *said.errors[-20:]]
        self._inspected.send(self._acknowledged)
        found: list[str] = self._inspected.recv()
        return found

    def _work(self, writing: int, plan: Plan) -> None:
        os.dup2(writing, 2)
        self._make_worse()
        chance = random.Random(plan.seed)
        if plan.aimed:
            plant(seam(chance, mutants.MUTANTS[self._mutant].near if self._mutant else ()))
        spine = Spine(self._config, self._script, chance)
        os.write(writing, b"ready\n")
        run = spine.run_together if plan.together else spine.run
        run(lambda done: os.write(writing, f"{done}\n".encode()), STEPS if plan.aimed else 10**6)

    def _make_worse(self) -> None:
        if self._mutant is not None:
            mutants.MUTANTS[self._mutant].plant()

    def _compared(self) -> tuple[list[str], dict[str, Any]]:
        """Drain it, and let another spine read the same events without being disturbed."""
        there = self._drained(self._config, mutated=True)
        if isinstance(there, str):
            return [f"it cannot be drained: {there}"], {"incidents": 0}
        other = self._drained(self._configured("undisturbed"), mutated=False, upto=there["events"])
        if isinstance(other, str):
            return [f"the undisturbed run failed: {other}"], {"incidents": 0}
        return [
            f"at the end {name} is {there[name]}, undisturbed {other[name]}"
            for name in there
            if there[name] != other[name]
        ], there

    def _drained(self, config: Config, *, mutated: bool, upto: int = 0) -> dict[str, Any] | str:
        """The facts of a data directory once all its events went all the way, or why they did not."""
        result, errors = config.data_dir.with_suffix(".json"), config.data_dir.with_suffix(".errors")

        def work() -> None:
            os.dup2(os.open(errors, os.O_WRONLY | os.O_CREAT), 2)
            if mutated:
                self._make_worse()
            spine = Spine(config, self._script[:upto], random.Random(1))
            spine.drain()
            result.write_text(json.dumps(facts(config)))

        _, status = os.waitpid(fork(work), 0)
        if status:
            return errors.read_text()[-2_000:]
        found: dict[str, Any] = json.loads(result.read_text())
        return found


def play(folder: Path, order: argparse.Namespace, mutant: str | None) -> dict[str, Any]:
    """Rounds until all cycles are done or something is wrong."""
    wrong: list[str] = []
    total = {"cycles": 0, "events": 0, "incidents": 0}
    began, seed = time.monotonic(), order.seed
    while total["cycles"] < order.cycles and not wrong:
        place = folder / f"{mutant}-{seed}"
        played = Round(place, seed, mutant, order.aimed).play(min(order.round, order.cycles - total["cycles"]))
        total = {name: value + played[name] for name, value in total.items()}
        wrong = [f"seed {seed}, cycle {played['cycles']}: {line}" for line in played["wrong"]]
        if not wrong or mutant:
            shutil.rmtree(place)
        seed += 1
    return total | {"mutant": mutant, "wrong": wrong, "seconds": round(time.monotonic() - began, 1)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--cycles", type=int, default=60)
    parser.add_argument("--round", type=int, default=60, help="cycles before a data directory is drained and compared")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--aimed", type=float, default=0.4, help="share of the kills that are aimed at a seam")
    parser.add_argument("--mutant", action="append", help="a wrong implementation instead of the right one")
    order = parser.parse_args()
    warm_up()
    gc.freeze()
    for mutant in order.mutant or [None]:
        print(json.dumps(play(order.folder, order, mutant)), flush=True)


if __name__ == "__main__":
    main()
